"""Architectures: fully connected, LeNet, ResNet; and activations."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
