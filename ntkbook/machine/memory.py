"""Blocks of rows under a memory budget.

A Gram matrix of n points can need, on its way, n Jacobians of p numbers. Splitting
the rows into blocks bounds what is alive at once; the budget says how much that may be.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import jax

from ntkbook.validation.checks import finite_float

GIB = 2.0**30

# Until somebody sets it. Of a context: what one thread sets is not another's.
_budget: ContextVar[float | None] = ContextVar("memory budget", default=None)


def memory_budget() -> float:
    """Return the budget in bytes for temporary arrays.

    Unless :func:`limit_memory` sets it, that is 2 GiB, or a quarter of the memory of a
    device that says how much it has, as GPUs do.
    """
    budget = _budget.get()
    if budget is not None:
        return budget
    has = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 0)
    return max(2.0 * GIB, has / 4)


@contextlib.contextmanager
def limit_memory(gib: float) -> Iterator[None]:
    """Set the budget for temporary arrays, in GiB, inside a ``with`` block.

    It holds for this thread, and for no other.

    The results themselves are not counted: a Gram matrix of n points needs n^2 numbers
    whatever the blocks are.

    Example:
        >>> import ntkbook
        >>> with ntkbook.limit_memory(0.25):
        ...     pass  # kernels computed here use blocks of at most 0.25 GiB
    """
    gib = finite_float("gib", gib, above=0)
    before = _budget.set(min(gib, 1e15) * GIB)  # never infinite
    try:
        yield
    finally:
        _budget.reset(before)


def blocks(
    rows: int, bytes_per_row: int, at_most: int | None = None, bytes_per_pair: int = 0
) -> list[slice]:
    """Split ``rows`` into slices of near-equal length that fit the budget.

    ``at_most`` bounds the length of a slice, however large the budget is. Where r rows
    meet r columns, each pair of them may need bytes of its own.

    At least one row goes into a block, even where one row alone exceeds the budget:
    the computation is then as small as it can be.
    """
    budget, half = memory_budget(), max(bytes_per_row, 1) / 2
    # The r that solves  r bytes_per_row + r^2 bytes_per_pair = budget.
    fits = budget / (half + (half**2 + budget * bytes_per_pair) ** 0.5)
    largest = max(1, int(min(at_most or rows, rows, fits)))
    count = -(-rows // largest)  # rounded up
    edges = [rows * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
