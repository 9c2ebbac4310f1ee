"""Blocks of rows under a memory budget.

A Gram matrix of n points can need, on its way, n Jacobians of p numbers. Splitting
the rows into blocks bounds what is alive at once; the budget says how much that may be.
"""

import contextlib
from collections.abc import Iterator

from ntkbook.machine.checks import finite_float

GIB = 2.0**30

_budget = 2.0 * GIB


def memory_budget() -> float:
    """Return the budget in bytes for temporary arrays (2 GiB unless set)."""
    return _budget


@contextlib.contextmanager
def limit_memory(gib: float) -> Iterator[None]:
    """Set the budget for temporary arrays, in GiB, inside a ``with`` block.

    The results themselves are not counted: a Gram matrix of n points needs n^2 numbers
    whatever the blocks are.

    Example:
        >>> import ntkbook
        >>> with ntkbook.limit_memory(0.25):
        ...     pass  # kernels computed here use blocks of at most 0.25 GiB
    """
    global _budget
    gib = finite_float("gib", gib, above=0)
    before, _budget = _budget, min(gib, 1e15) * GIB  # never infinite
    try:
        yield
    finally:
        _budget = before


def blocks(rows: int, bytes_per_row: int, at_most: int | None = None) -> list[slice]:
    """Split ``rows`` into slices of near-equal length that fit the budget.

    ``at_most`` bounds the length of a slice, however large the budget is.

    At least one row goes into a block, even where one row alone exceeds the budget:
    the computation is then as small as it can be.
    """
    largest = max(1, int(min(at_most or rows, rows, _budget / max(bytes_per_row, 1))))
    count = -(-rows // largest)  # rounded up
    edges = [rows * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
