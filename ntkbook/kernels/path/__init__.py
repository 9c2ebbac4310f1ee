"""The path kernel, accumulated while a network trains."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
