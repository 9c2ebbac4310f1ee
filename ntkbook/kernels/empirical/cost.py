"""What a tangent kernel will cost, and by which route each parameter contributes.

Nothing of it is computed for that: shapes say what will be in memory, and XLA counts
the operations of the programs, which are lowered and not compiled.
"""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.kernels.empirical.tangent import kernel_of, pairs_of, programs
from ntkbook.kernels.gram import pairs_of_blocks
from ntkbook.machine.memory import GIB
from ntkbook.validation import batch, checks
from ntkbook.validation.host import outside_jit

SIDE = 1024  # of the matrices whose product says how fast this machine is


class Cost(NamedTuple):
    """What the tangent kernel among n inputs costs; ``print`` shows it in words.

    Attributes:
        points: n.
        kernel: bytes of the result.
        temporary: bytes besides it, at most, by what :func:`ntkbook.ntk` keeps.
        operations: additions and multiplications, as XLA counts them.
        seconds: what these take at the speed of a matrix product on this machine.
        blocks: into how many blocks the inputs are cut.
        routes: as :func:`ntk_routes` returns them.
    """

    points: int
    kernel: int
    temporary: int
    operations: float
    seconds: float
    blocks: int
    routes: dict[str, str]

    def __str__(self) -> str:
        seconds = f"{self.seconds:.2g} s"
        if self.seconds >= 100:
            seconds = f"{self.seconds / 60:.0f} min"
        return (
            f"{self.points} inputs: a kernel of {_size(self.kernel)}, at most "
            f"{_size(self.temporary)} besides it; {self.operations:.1e} operations in "
            f"{self.blocks} blocks, at least {seconds} and compilation"
        )


def _size(number: int) -> str:
    return f"{number / 2**20:.2g} MiB" if number < GIB else f"{number / GIB:.1f} GiB"


def ntk_cost(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    points: int | None = None,
    *,
    trace: bool = False,
    per_output: bool = False,
) -> Cost:
    """Return what :func:`ntkbook.ntk` will cost, before it is called.

    Memory follows from shapes, with what the blocks and their features may take. The
    time is a lower bound: it assumes that everything runs as fast as a product of two
    large matrices, which is timed once. Convolutions and their derivatives are slower
    than that. The first call also compiles, which takes seconds whatever n is.

    Args:
        apply: ``apply(params, x) -> (n, k)``, as for :func:`ntkbook.ntk`.
        params: the parameters.
        x: some inputs, ``(n, ...)``; one or two are enough.
        points: of how many inputs like these the kernel is wanted; ``None`` means n.
        trace: as for :func:`ntkbook.ntk`.
        per_output: as for :func:`ntkbook.ntk`.

    Returns:
        A :class:`Cost`.

    Raises:
        ValueError: as :func:`ntkbook.ntk`.
        TypeError: as :func:`ntkbook.ntk`.

    Example:
        >>> import jax, jax.numpy as jnp, ntkbook
        >>> net = ntkbook.mlp(512, 2)
        >>> x = jnp.ones((2, 64), "float32")
        >>> params = net.init(jax.random.key(0), x)
        >>> cost = ntkbook.ntk_cost(net.apply, params, x, points=50_000)
        >>> round(cost.kernel / 2**30, 2), cost.temporary < 2.1 * 2**30
        (9.31, True)
    """
    outside_jit(params=params, x=x)  # XLA counts no operations there
    kernel = kernel_of(apply, params, x, None, pairs_of(trace, per_output), name="x")
    n = (
        batch.count(kernel.x1)
        if points is None
        else checks.positive_int("points", points)
    )
    inputs = batch.shape_of_one(kernel.x1, (n,))
    kernel = kernel._replace(x1=inputs, params=_shapes(kernel.params))
    cut = kernel.cut()
    features, contract = programs(kernel.plan.how)
    longest = max(r.stop - r.start for r in cut["rows"])
    block = batch.shape_of_one(inputs, (longest,))
    made = jax.eval_shape(features, kernel.params, block)
    pairs = len(pairs_of_blocks(cut["rows"], None))
    makings = len(cut["rows"]) if cut["keep"] else pairs
    operations = makings * _operations(features, kernel.params, block)
    operations += pairs * _operations(contract, made, made)
    plan, number = kernel.plan, kernel.dtype.itemsize
    kept = n if cut["keep"] else 2 * longest
    temporary = kept * plan.features + longest * plan.work_per_input
    temporary += longest**2 * plan.work_per_pair
    return Cost(
        points=n,
        kernel=int(np.prod(kernel.shape, dtype=object)) * number,
        temporary=temporary * number,
        operations=operations,
        seconds=operations / _speed(str(kernel.dtype)),
        blocks=len(cut["rows"]),
        routes=_named(params, plan.routes),
    )


def ntk_routes(
    apply: Callable, params: PyTree, x: Float[AnyArray, "n ..."]
) -> dict[str, str]:
    """Return for each parameter how its part of the tangent kernel is computed.

    Args:
        apply: ``apply(params, x) -> (n, k)``, as for :func:`ntkbook.ntk`.
        params: the parameters.
        x: inputs, ``(n, ...)``; only their shape matters.

    Returns:
        For each parameter, named by its place in ``params``, one of ``"unused"``;
        ``"Grams of inputs and deltas"``, of a layer that is used at one place an input;
        ``"pairs of places"``, the same where there are several; ``"formed from inputs
        and deltas"``, where that is less work; ``"Jacobian of its equations"``, for
        whatever is no product of one parameter with something; and for all of them
        ``"whole Jacobian"``, where JAX can differentiate the network in forward mode
        only.

    Raises:
        ValueError: as :func:`ntkbook.ntk`.
        TypeError: as :func:`ntkbook.ntk`.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda p, x: jnp.tanh(x @ p["w"] + p["b"])
        >>> params = {"w": jnp.zeros((2, 3)), "b": jnp.zeros((1, 3))}
        >>> params["old"] = jnp.zeros(1)
        >>> routes = ntkbook.ntk_routes(apply, params, jnp.ones((1, 2)))
        >>> for name, route in routes.items():
        ...     print(name, route)
        ['b'] Jacobian of its equations
        ['old'] unused
        ['w'] Grams of inputs and deltas
    """
    return _named(params, kernel_of(apply, params, x, name="x").plan.routes)


def _named(params, routes) -> dict[str, str]:
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    return dict(zip(map(jax.tree_util.keystr, paths), routes, strict=True))


def _shapes(tree):
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), tree)


def _operations(function: Any, *arguments) -> float:
    """Return how many operations XLA counts in a compiled function."""
    counted = jax.jit(function).lower(*arguments).cost_analysis()
    return float((counted or {}).get("flops", np.nan))


@cache
def _speed(dtype: str) -> float:
    """Return how many operations a second a matrix product does here."""
    a = jnp.ones((SIDE, SIDE), dtype)
    product = jax.jit(lambda a: a @ a)
    product(a).block_until_ready()
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        product(a).block_until_ready()
        spent.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(spent)
