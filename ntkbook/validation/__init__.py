"""Checks of what a caller passes: numbers, arrays, batches of inputs, models."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
