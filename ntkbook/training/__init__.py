"""Training: of networks by steps or as a flow, and of kernels in closed form."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
