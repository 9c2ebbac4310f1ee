"""The empirical tangent kernel of any network."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
