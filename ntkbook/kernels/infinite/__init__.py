"""The kernels of infinitely wide networks."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
