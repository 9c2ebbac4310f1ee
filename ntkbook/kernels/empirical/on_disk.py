"""Tangent kernels larger than memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.kernels.empirical.contraction import ALL, SUM
from ntkbook.kernels.empirical.tangent import check_finite, kernel_of, ntk
from ntkbook.kernels.gram import blocks_of_gram, pairs_of_blocks
from ntkbook.machine.memory_mapped import Mapped, fingerprint
from ntkbook.machine.mesh import mesh_for
from ntkbook.machine.progress import progress_bar
from ntkbook.validation import batch, checks
from ntkbook.validation.host import outside_jit

SPREAD = 4  # rows and columns of a block that are computed again at reopening


def ntk_on_disk(
    path: str | Path,
    apply: Callable,
    params: PyTree,
    x1: Float[AnyArray, "n1 ..."],
    x2: Float[AnyArray, "n2 ..."] | None = None,
    *,
    trace: bool = False,
    progress: bool = True,
) -> np.memmap:
    """Write the tangent kernel to a file, block by block, and return it as an array.

    What is in memory at once is a block. If the call is interrupted, even killed, the
    same call continues where it was, with the result that it would have had; when the
    kernel is complete, it only reads the file. A second small file,
    ``<path>.parts.json``, says how far it is, with a checksum of each part. Another
    process that makes the same call meanwhile waits.

    Args:
        path: of the file, which must end in ``.npy``; its folder must exist.
        apply: ``apply(params, x) -> (n, k)``, as for :func:`ntk`.
        params: the parameters.
        x1: inputs, ``(n1, ...)``.
        x2: inputs, ``(n2, ...)``; ``None`` means ``x1``.
        trace: the trace over the outputs in place of the full kernel.
        progress: show a progress bar where this takes longer than two seconds.

    Returns:
        The kernel as :func:`ntk` returns it, but as a NumPy memory map to be read;
        indexing it reads from the disk what is asked for.

    Raises:
        ValueError: as :func:`ntk`; or another kernel is at this path, or a damaged one.
        TypeError: as :func:`ntk`.
        OSError: the disk has no room for the kernel.

    Example:
        >>> import jax.numpy as jnp, ntkbook, pathlib, tempfile
        >>> linear = lambda w, x: x @ w[:, None]
        >>> x = jnp.array([[1.0, 2.0], [3.0, -1.0]])
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "kernel.npy"
        >>> ntkbook.ntk_on_disk(path, linear, jnp.zeros(2), x).tolist()
        [[5.0, 1.0], [1.0, 10.0]]

    Source: :cite:t:`jacot2018neural`.
    """
    outside_jit(params=params, x1=x1, x2=x2)
    path = _npy_file(path)
    checks.boolean("trace", trace)
    checks.boolean("progress", progress)
    kernel = kernel_of(apply, params, x1, x2, SUM if trace else ALL)
    if np.dtype(kernel.dtype).kind != "f":
        raise TypeError(
            f"`params` is {kernel.dtype}, which a .npy file cannot hold; pass "
            "jax.tree.map(lambda a: a.astype('float32'), params)."
        )
    if jax.process_count() > 1:
        raise ValueError(
            "`path` is one file, and several processes run: start one, or call "
            "ntk(..., sharded=True) and let each save its addressable_shards."
        )
    blocks = kernel.blocks(mesh_for())
    # The cut depends on the memory budget; a kernel that was begun keeps its own.
    cut: dict[str, Any] = {name: _edges(blocks[name]) for name in ("rows", "columns")}
    which = fingerprint(
        lambda params, x1, x2: apply(params, batch.take(x1, slice(1))),
        *(kernel.params, kernel.x1, kernel.x2),
        pairs=kernel.plan.how.pairs,
    )

    def pairs_of(cut) -> list[tuple[int, int]]:
        return pairs_of_blocks(**{name: _slices(cut[name]) for name in cut})

    def places(cut, pair) -> list[tuple]:
        rows, columns = cut["rows"], cut["columns"] or cut["rows"]
        r, c = slice(*rows[pair[0]]), slice(*columns[pair[1]])
        return [(r, c)] if kernel.x2 is not None or r == c else [(r, c), (c, r)]

    with Mapped(
        path, kernel.shape, kernel.dtype, cut, lambda cut: len(pairs_of(cut)), which
    ) as mapped:
        cut = mapped.plan
        pairs, done = pairs_of(cut), len(mapped.done)
        mapped.verify(places(cut, pair) for pair in pairs)
        for pair in {pairs[0], pairs[done // 2], pairs[done - 1]} if done else ():
            _same_as_before(mapped, kernel, apply, places(cut, pair)[0])
        blocks |= {name: _slices(cut[name]) for name in cut}
        todo = blocks_of_gram(**blocks, pairs=pairs[done:])

        def write(number, block):
            if len(mapped.done) < number:
                return  # the one before has failed
            pair, block = pairs[number], np.asarray(check_finite(block))
            both = [block, block.transpose(kernel.swap)]
            where = places(cut, pair)
            mapped.write(where, both[: len(where)])

        with progress_bar(
            progress, total=len(pairs), initial=done, desc="kernel"
        ) as bar:
            # While one block is computed, the one before is copied and written.
            with ThreadPoolExecutor(1) as writer:
                before = None
                for number, (_, _, block) in enumerate(todo, done):
                    job = writer.submit(write, number, block)
                    if before is not None:
                        before.result()
                        bar.update()
                    before = job
                if before is not None:
                    before.result()
                    bar.update()
    return np.load(path, "r")


def _same_as_before(mapped, kernel, apply, place) -> None:
    """Compute some entries of a block anew, and compare them with what is there.

    Not everything that a function computes can be seen in its jaxpr.
    """
    rows, columns = (
        np.linspace(s.start, s.stop - 1, SPREAD).astype(int) for s in place
    )
    x2 = kernel.x1 if kernel.x2 is None else kernel.x2
    again = ntk(
        *(apply, kernel.params, batch.take(kernel.x1, rows), batch.take(x2, columns)),
        trace=kernel.plan.how.pairs == SUM,
    )
    there, again = (
        np.asarray(a, np.float64) for a in (mapped.array[np.ix_(rows, columns)], again)
    )
    close = float(jnp.finfo(kernel.dtype).eps) ** 0.5 * np.abs(there).max()
    if not np.abs(there - again).max() <= close:
        raise ValueError(
            f"`path`: {mapped.path} holds another kernel: computed anew, its "
            "entries differ; choose another path, or remove the file."
        )


def _npy_file(path) -> Path:
    try:
        path = Path(path)
    except TypeError:
        raise TypeError(
            f"`path` must name a file, not {checks.short(path)}; pass for example "
            "'kernel.npy'."
        ) from None
    if path.suffix != ".npy" or not path.parent.is_dir():
        raise ValueError(
            f"`path` must end in .npy, in a folder that exists, not {str(path)!r}."
        )
    return path


def _edges(slices) -> list | None:
    return slices and [[s.start, s.stop] for s in slices]


def _slices(edges) -> list[slice] | None:
    return edges and [slice(*e) for e in edges]
