"""Kernels of networks: empirical, of infinite width, along a training path."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
