"""Import a part of a package when it is first used, as PEP 562 allows."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec


def submodules(package: str) -> Callable:
    """Return a module's ``__getattr__`` that finds the modules of a package."""

    def __getattr__(name: str):
        home = f"{package}.{name}"
        # Tools ask modules for many names in underscores, which are no files.
        spec = None if name.startswith("_") or "." in name else find_spec(home)
        if spec is None or spec.origin is None:  # without an origin: a mere folder
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(home)

    return __getattr__
