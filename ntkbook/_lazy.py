"""Import what a package offers when it is first used, as PEP 562 allows."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec


def exports(
    package: str, names: dict[str, str] | None = None
) -> tuple[Callable, list[str]]:
    """Return a package's ``__getattr__`` and its ``__all__``.

    Args:
        package: its ``__name__``.
        names: for each module, by its place in the package, what it has to offer;
            nothing where the package is not public.

    Modules of the package are found too, without being offered.
    """
    homes = {
        name: home for home, some in (names or {}).items() for name in some.split()
    }

    def __getattr__(name: str):
        if name in homes:
            found = getattr(import_module(f"{package}.{homes[name]}"), name)
            # From now on it is found without this function.
            setattr(import_module(package), name, found)
            return found
        home = f"{package}.{name}"
        # Tools ask modules for many names in underscores, which are no files.
        spec = None if name.startswith("_") or "." in name else find_spec(home)
        if spec is None or spec.origin is None:  # without an origin: a mere folder
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(home)

    return __getattr__, sorted(homes)
