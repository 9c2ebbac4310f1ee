"""A walk through a jaxpr, what it calls included."""

from collections.abc import Iterator


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
