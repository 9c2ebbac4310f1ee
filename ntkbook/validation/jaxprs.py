"""A walk through a jaxpr, what it calls included."""

from collections.abc import Iterator
from pathlib import Path

import jax

JAX = Path(jax.__file__).parent


def inner(equation) -> Iterator:
    """Yield the jaxprs that an equation calls, closed or not: branches and bodies."""
    for value in equation.params.values():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if hasattr(getattr(each, "jaxpr", each), "eqns"):
                yield each


def equations(jaxpr) -> Iterator:
    """Yield all equations of an open jaxpr, and of all that they call."""
    for equation in jaxpr.eqns:
        yield equation
        for called in inner(equation):
            yield from equations(getattr(called, "jaxpr", called))


def own_derivatives(jaxpr) -> set[str]:
    """Return what in an open jaxpr makes derivatives other than those of its values.

    The rules that JAX itself has given, as to ReLU, are derivatives of the values.
    """
    found = set()
    for equation in equations(jaxpr):
        name = equation.primitive.name
        if name == "stop_gradient" or (
            name.startswith("custom_") and not _of_jax(equation)
        ):
            found.add(name)
    return found


def _of_jax(equation) -> bool:
    called = next(inner(equation), None)
    info = getattr(getattr(called, "jaxpr", called), "debug_info", None)
    file = getattr(info, "func_filename", None)
    return file is not None and JAX in Path(file).parents
