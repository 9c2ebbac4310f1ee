"""A Gram matrix, block by block, and only half of it where it is symmetric."""

from collections.abc import Callable

import jax.numpy as jnp

from ntkbook.machine.progress import progress_bar


def gram_in_blocks(
    contract: Callable,
    x1,
    x2,
    *,
    rows: list[slice],
    columns: list[slice] | None = None,
    swap: tuple[int, ...] = (1, 0),
    progress: bool = False,
):
    """Fill a Gram matrix by calling ``contract(block of x1, block of x2)``.

    Args:
        contract: returns ``(rows of x1, rows of x2, ...)``; for a block on the diagonal
            of a symmetric Gram matrix it is called with ``None`` in place of ``x2``.
        x1: inputs, ``(n1, ...)``.
        x2: inputs, ``(n2, ...)``; ``None`` means ``x1``, and half the work.
        rows: the blocks of ``x1``, as :func:`ntkbook.machine.memory.blocks` makes them.
        columns: the blocks of ``x2``; ``None`` where ``x2`` is.
        swap: how a block's axes are permuted to exchange its two arguments.
        progress: show a progress bar where this takes longer than two seconds.
    """
    columns = rows if x2 is None else columns
    # Of a symmetric matrix the blocks on and below the diagonal.
    pairs = [
        (i, j)
        for i in range(len(rows))
        for j in range(len(columns))
        if x2 is not None or j <= i
    ]
    grid = {}
    with progress_bar(progress, total=len(pairs), desc="kernel") as bar:
        for i, j in pairs:
            r, c = rows[i], columns[j]
            one = _take(x1, r, rows)
            two = _take(x2, c, columns) if x2 is not None else _take(x1, c, rows)
            block = contract(one, None if x2 is None and i == j else two)
            grid[i, j] = block[: r.stop - r.start, : c.stop - c.start]
            if x2 is None and i != j:
                grid[j, i] = grid[i, j].transpose(swap)
            bar.update()
    if len(grid) == 1:
        return grid[0, 0]
    return jnp.concatenate(
        [
            jnp.concatenate([grid[i, j] for j in range(len(columns))], axis=1)
            for i in range(len(rows))
        ]
    )


def _take(x, rows: slice, all_rows: list[slice]):
    """Return a block, filled up to the longest: one compiled program serves them all.

    What fills it is its last row once more, so that nothing new can go wrong there.
    """
    missing = max(r.stop - r.start for r in all_rows) - (rows.stop - rows.start)
    block = x[rows]
    return jnp.concatenate([block, block[-1:]]) if missing else block
