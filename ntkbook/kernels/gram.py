"""A Gram matrix, block by block, and only half of it where it is symmetric."""

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp

from ntkbook.machine.progress import progress_bar
from ntkbook.validation import batch


def gram_in_blocks(
    contract: Callable,
    x1,
    x2,
    *,
    rows: list[slice],
    columns: list[slice] | None = None,
    swap: tuple[int, ...] = (1, 0),
    progress: bool = False,
    **options,
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
        options: passed on to :func:`blocks_of_gram`.
    """
    pairs = pairs_of_blocks(rows, columns)
    found = blocks_of_gram(contract, x1, x2, rows, columns, pairs, **options)
    gram = None
    with progress_bar(progress, total=len(pairs), desc="kernel") as bar:
        for r, c, block in found:
            if len(pairs) == 1:
                gram = block
            else:
                if gram is None:
                    n1 = batch.count(x1)
                    n2 = n1 if x2 is None else batch.count(x2)
                    gram = jnp.zeros((n1, n2, *block.shape[2:]), block.dtype)
                gram = _place(gram, block, r.start, c.start)
                if x2 is None and r != c:
                    gram = _place(gram, block.transpose(swap), c.start, r.start)
            bar.update()
    return gram


def pairs_of_blocks(rows, columns) -> list[tuple[int, int]]:
    """Return which blocks to compute: of a symmetric matrix the lower half."""
    return [
        (i, j)
        for i in range(len(rows))
        for j in (range(i + 1) if columns is None else range(len(columns)))
    ]


def blocks_of_gram(
    contract: Callable,
    x1,
    x2,
    rows: list[slice],
    columns: list[slice] | None,
    pairs: list[tuple[int, int]],
    *,
    prepare: Callable = lambda x: x,
    keep: bool = False,
    multiple: int = 1,
) -> Iterator[tuple]:
    """Yield (rows, columns, block) for each of the pairs.

    Args:
        contract: as in :func:`gram_in_blocks`, of what ``prepare`` returns.
        x1: inputs.
        x2: inputs or ``None``.
        rows: the blocks of ``x1``.
        columns: the blocks of ``x2``.
        pairs: which blocks.
        prepare: what is done to a block of inputs before.
        keep: keep what ``prepare`` returned for all blocks, and not only for the last
            block of rows: memory in exchange for time.
        multiple: blocks are filled up to a length that this divides.
    """
    prepared = {}
    across = rows if columns is None else columns

    def side(which, i):
        x, slices = (x1, rows) if which == 0 or x2 is None else (x2, across)
        key = (0 if x2 is None else which, i)
        if key not in prepared:
            prepared[key] = prepare(_take(x, slices[i], slices, multiple))
        return prepared[key]

    for i, j in pairs:
        one = side(0, i)
        same = x2 is None and i == j
        block = contract(one, None if same else side(1, j))
        if not keep:
            prepared = {key: kept for key, kept in prepared.items() if key == (0, i)}
        r, c = rows[i], across[j]
        yield r, c, block[: r.stop - r.start, : c.stop - c.start]


def in_parts(prepare: Callable, length: int, x):
    """Prepare so many inputs at once, and join what comes out.

    So one compiled program serves any number of inputs: the last part is filled up,
    to a power of two where it is the only one.
    """
    n = batch.count(x)
    if n < length:
        length = min(length, 1 << (n - 1).bit_length())
    parts = [slice(i, min(i + length, n)) for i in range(0, n, length)]
    whole = [slice(0, length)]  # what the last part is filled up to
    found = [prepare(_take(x, part, whole)) for part in parts]
    return found[0] if n == length else _joined(n, found)


@partial(jax.jit, static_argnums=0)
def _joined(n, parts):
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays)[:n], *parts)


@jax.jit
def symmetric(block):
    """Return a block on the diagonal, equal to its transpose to the last bit.

    It is so up to rounding, which on some processors differs between two entries that
    mirror each other.
    """
    return (block + block.T) / 2


@partial(jax.jit, donate_argnums=0)
def _place(gram, block, row, column):
    """Write a block into its place, without a second copy of the matrix."""
    at = (row, column, *[0] * (gram.ndim - 2))
    return jax.lax.dynamic_update_slice(gram, block, at)


def _take(x, rows: slice, all_rows: list[slice], multiple: int = 1):
    """Return a block, filled up to the longest: one compiled program serves them all.

    What fills it is its last row once more, so that nothing new can go wrong there.
    """
    longest = max(r.stop - r.start for r in all_rows)
    missing = -(-longest // multiple) * multiple - (rows.stop - rows.start)
    block = batch.take(x, rows)
    if not missing:
        return block
    last = batch.take(block, slice(-1, None))
    return batch.concatenate(block, *[last] * missing)
