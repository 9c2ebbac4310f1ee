"""Where the computations run: devices, precision, memory, and the checks of input."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
