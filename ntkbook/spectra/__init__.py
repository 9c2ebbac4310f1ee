"""Spectra: of kernels, of the second derivative, of the mixed derivative."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
