"""Training where the kernel does not change: its flow, where it ends, its ensembles."""

from ntkbook._lazy import exports

__getattr__, __all__ = exports(__name__)
