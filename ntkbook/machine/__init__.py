"""Where the computations run: devices, precision, memory, and the checks of input."""

from ntkbook._lazy import submodules

__getattr__ = submodules(__name__)
