"""The same kernel by the other libraries, each in the setting that suits it best."""

import jax
import numpy as np

import ntkbook
from benchmarks.empirical.networks import Setting
from benchmarks.measure import Way

NEEDED = "PyTorch and nngeometry: pip install -r benchmarks/empirical/requirements.txt"


def neural_tangents(
    setting: Setting,
    implementation: int,
    points: int | None = None,
    block: int | None = None,
) -> Way:
    """Return `empirical_ntk_fn`, compiled; in blocks, where all at once is too much.

    Of the blocks only those on and below the diagonal are computed. (Their own
    `nt.batch` computes all.)

    Args:
        setting: the network and the inputs.
        implementation: 1 or 2.
        points: take only so many, and multiply the time for the rest.
        block: points in a block, a divisor of both numbers of points.
    """
    apply, params, x = setting.apply, setting.params, setting.x[:points]
    kernel = jax.jit(
        ntkbook.neural_tangents.empirical_ntk_fn(
            apply, trace_axes=(), vmap_axes=0, implementation=implementation
        )
    )
    if block is None:
        return Way(lambda: squeezed(kernel(x, None, params)))

    def in_blocks():
        k = setting.apply(params, x[:1]).shape[1]
        gram = np.empty((len(x), len(x), k, k), x.dtype)
        for i in range(0, len(x), block):
            for j in range(0, i + block, block):
                part = np.asarray(kernel(x[i : i + block], x[j : j + block], params))
                gram[i : i + block, j : j + block] = part
                gram[j : j + block, i : i + block] = part.transpose(1, 0, 3, 2)
        return squeezed(gram)

    def pairs(n):
        return n // block * (n // block + 1) // 2

    times = pairs(len(setting.x)) / pairs(len(x))
    return Way(in_blocks, points, times, f"blocks of {block} points")


def squeezed(gram):
    """Return ``(n, n)`` for one output, as ours does."""
    return gram[:, :, 0, 0] if gram.shape[2:] == (1, 1) else gram


def torch_func(setting: Setting, chunk: int | None = None) -> Way:
    """Return PyTorch's way: Jacobians of all points, then one product per layer."""
    import torch

    module, x = setting.in_torch()
    weights = dict(module.named_parameters())
    weights = {name: w.detach() for name, w in weights.items()}

    def at_one(weights, x_i):
        return torch.func.functional_call(module, weights, (x_i[None],))[0]

    jacobians = torch.func.vmap(
        torch.func.jacrev(at_one), (None, 0), chunk_size=chunk, randomness="error"
    )

    def kernel():
        with torch.no_grad():
            found = [j.flatten(2) for j in jacobians(weights, x).values()]
            n, k = found[0].shape[:2]
            flat = [j.reshape(n * k, -1) for j in found]
            gram = sum(j @ j.T for j in flat).reshape(n, k, n, k)
            return squeezed(gram.permute(0, 2, 1, 3))

    how = f"Jacobians of {chunk} points at a time" if chunk else ""
    return Way(kernel, how=how)


def nngeometry(setting: Setting, block: int | None = None) -> Way:
    """Return nngeometry's Gram matrix of the Jacobian's rows."""
    import torch
    from nngeometry.gram import GramMatrix
    from nngeometry.object import FMatDense

    module, x = setting.in_torch()
    data = torch.utils.data.TensorDataset(x)
    loader = torch.utils.data.DataLoader(data, batch_size=block or len(x))

    def kernel():
        gram = GramMatrix(module, loader, representation=FMatDense).to_torch()
        return squeezed(gram.detach().permute(1, 3, 0, 2))

    how = f"blocks of {block} points" if block else ""
    return Way(kernel, how=how)


def has_torch() -> bool:
    """Say whether both PyTorch libraries are there."""
    try:
        import nngeometry  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        return False
    return True
