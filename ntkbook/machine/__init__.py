"""Where the computations run: devices, precision, memory, progress, what is kept."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
