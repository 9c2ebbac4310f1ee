"""A Gram matrix, block by block, and only half of it where it is symmetric.

Several processes compute whole blocks, dealt to them in turn: each as many as any
other, up to one. So the half that is left out stays left out however many they are.
What all of them need they exchange before the first block, and the blocks after the
last; in between nobody waits for another.
"""

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from ntkbook.machine.mesh import by_rows, exchanged, own_numbers, parts_of, whole_mesh
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


def gram_by_rows(
    contract: Callable,
    x1,
    x2,
    *,
    rows: list[slice],
    columns: list[slice] | None = None,
    mesh: Mesh | None = None,
    **options,
) -> jax.Array:
    """Fill a Gram matrix of which every device of all processes computes its own rows.

    They stay there, and nothing is left out where it is symmetric.

    Args:
        contract: returns ``(rows of x1, rows of x2, ...)``, spread over the mesh.
        x1: inputs, equally many for each device.
        x2: inputs or ``None``.
        rows: the blocks of ``x1``; each device's are as many as any other's, and as
            long.
        columns: the blocks of ``x2``; ``None`` where ``x2`` is.
        mesh: the devices of this process; ``None`` if it has only one.
        options: ``prepare``, ``keep`` and ``share``, as of :func:`blocks_of_gram`.
    """
    across, every = columns or rows, whole_mesh()
    side = _sides(x1, x2, rows, columns, mesh=mesh, **options)
    each, height = len(rows) // every.size, rows[-1].stop // every.size
    grams: list = []
    for i in range(each):
        # The i-th blocks of this process's devices are computed together, as one.
        ones = [side(0, device * each + i) for device in own_numbers(every)]
        one = batch.concatenate(*ones)
        for j, c in enumerate(across):
            parts = parts_of(mesh, contract(one, side(1, j)))
            parts = [_trimmed(part, rows[i], c) for part in parts]
            if not grams:
                shape = height, across[-1].stop, *parts[0].shape[2:]
                make = partial(jnp.zeros, shape, parts[0].dtype)
                grams = [make(device=part.device) for part in parts]
            both = zip(grams, parts, strict=True)
            grams = [_place(gram, part, rows[i].start, c.start) for gram, part in both]
    return by_rows(every, grams)


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
    mesh: Mesh | None = None,
    share: bool = False,
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
        mesh: the devices over which rows are spread, if there are several: blocks are
            filled up to a length that their number divides.
        share: share the work with the other processes. Each gets all blocks.
    """
    across = rows if columns is None else columns
    side = _sides(x1, x2, rows, columns, prepare, keep, mesh, share)
    compute = partial(_computed, contract, side, symmetric=x2 is None)
    found = _shared(compute, pairs) if share else compute(pairs)
    for (i, j), block in zip(pairs, found, strict=True):
        yield rows[i], across[j], _trimmed(block, rows[i], across[j])


def _computed(contract, side, pairs, symmetric) -> Iterator:
    """Yield the block of each pair, filled up."""
    last, one = None, None
    for i, j in pairs:
        if i != last:
            last, one = i, side(0, i)
        yield contract(one, None if symmetric and i == j else side(1, j))


def _shared(compute, pairs) -> Iterator:
    """Yield the block of each pair, of which each process computes its own."""
    processes, me = jax.process_count(), jax.process_index()
    # Where there are fewer pairs than processes, the others compute the last as well:
    # each must have something to send. So must those that have none in the last turn.
    own = list(compute(pairs[me::processes] or pairs[-1:]))
    turns = -(-len(pairs) // processes)
    for turn in range(turns):  # a turn at a time, which bounds the memory for it
        blocks = jnp.split(exchanged(None, own[min(turn, len(own) - 1)]), processes)
        yield from blocks[: len(pairs) - turn * processes]


def _sides(x1, x2, rows, columns, prepare, keep, mesh, share) -> Callable:
    """Return a function that returns a block of ``x1`` (0) or ``x2`` (1), prepared."""
    x = (x1, x2) if x2 is not None else (x1,)
    slices, known = (rows, columns), {}
    devices = 1 if mesh is None else mesh.size

    def side(which, i):
        which = min(which, len(x) - 1)
        if (which, i) in known:
            return known[which, i]
        made = prepare(_take(x[which], slices[which][i], slices[which], devices))
        if keep:
            known[which, i] = made
        return made

    if keep and share:
        # Of each block every process prepares some rows, as many as any other.
        processes, me = jax.process_count(), jax.process_index()
        for which in range(len(x)):
            for i, block in enumerate(slices[which]):
                filled = _take(x[which], block, slices[which], devices * processes)
                n = batch.count(filled) // processes
                part = batch.take(filled, slice(me * n, (me + 1) * n))
                known[which, i] = prepare(part)
        for (which, i), part in known.items():
            longest = slice(0, _longest(slices[which], devices))
            known[which, i] = batch.take(exchanged(mesh, part), longest)
    return side


def _trimmed(block, rows: slice, columns: slice):
    return block[: rows.stop - rows.start, : columns.stop - columns.start]


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
    missing = _longest(all_rows, multiple) - (rows.stop - rows.start)
    block = batch.take(x, rows)
    if not missing:
        return block
    last = batch.take(block, slice(-1, None))
    return batch.concatenate(block, *[last] * missing)


def _longest(all_rows: list[slice], multiple: int) -> int:
    """Return the length of the longest block, rounded up to a multiple."""
    longest = max(r.stop - r.start for r in all_rows)
    return -(-longest // multiple) * multiple
