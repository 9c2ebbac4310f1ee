"""How a result is shown: figures, explorable figures, claims and exercises."""

from ntkbook._lazy import submodules

__getattr__ = submodules(__name__)
