r"""The empirical neural tangent kernel of any network.

.. math:: \Theta(x, x') = J(x)\, J(x')^\top, \qquad J(x) = \partial_w f(x, w)

Every parameter contributes, and the kernel is the sum (``contraction.py``). What a
layer contributes needs no Jacobian: with m units it takes O(n m^2 + n^2 m) operations
in place of O(n^2 m^2). This module cuts the inputs into blocks that fit in memory, and
spreads them over the devices that there are.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.kernels.empirical.contraction import (
    ALL,
    OWN,
    SUM,
    Plan,
    contract,
    features,
    plan_for,
)
from ntkbook.kernels.gram import gram_in_blocks, in_parts
from ntkbook.machine.memory import GIB, blocks, limit_memory, memory_budget
from ntkbook.machine.mesh import agreed, everywhere, gather, here, mesh_for, spread
from ntkbook.validation import batch, checks, independence, model
from ntkbook.validation.remembered import Remembered

FULL = 512  # rows of outputs; matrix products with fewer do not fill a processor
PART = 8  # inputs at once, where their features are a long program
SIDE = 8  # blocks along the side of a symmetric kernel: 36 of 64 are computed


def ntk(
    apply: Callable,
    params: PyTree,
    x1: Float[AnyArray, "n1 ..."],
    x2: Float[AnyArray, "n2 ..."] | None = None,
    *,
    trace: bool = False,
    per_output: bool = False,
) -> Float[Array, "n1 n2"] | Float[Array, "n1 n2 k k"] | Float[Array, "n1 n2 k"]:
    r"""Return the empirical neural tangent kernel between two sets of inputs.

    .. math:: \Theta_{ij} = \sum_q \partial_{w_q} f(x_i, w)\, \partial_{w_q} f(x'_j, w)

    It is computed on all devices that JAX has, those of other processes included: after
    ``jax.distributed.initialize()`` every process makes the same call and gets the same
    result. For an ensemble, or for the checkpoints of a training run, call it in a
    loop: it is compiled once. ``jax.vmap`` over ``params`` makes one program of them,
    which pays for small dense networks; convolutions run slower in it on processors,
    and several times slower in ``jax.lax.map``.

    Args:
        apply: ``apply(params, x) -> (n, k)``, a network's ``apply`` or any JAX function
            of that form in which one input's output does not depend on the others (no
            batch normalisation). :func:`ntkbook.from_flax`, :func:`ntkbook.from_nnx`
            and :func:`ntkbook.from_equinox` make it. Define it once: a function made
            anew for each call is compiled anew.
        params: the parameters, any pytree of floating-point arrays of one dtype.
        x1: inputs, ``(n1, ...)``: an array of numbers, tokens or pixels, or a pytree of
            arrays that share their first axis, such as tokens and their mask.
        x2: inputs, ``(n2, ...)``; ``None`` means ``x1``.
        trace: return the trace over the outputs: there is less to contract and to keep,
            but the derivatives of all k outputs are needed as before.
        per_output: return the kernel of each output with itself, without the k^2 - k
            others.

    Returns:
        ``(n1, n2)`` for one output; ``(n1, n2, k, k)`` for k outputs, where entry
        ``[i, j, a, b]`` pairs output a at ``x1[i]`` with output b at ``x2[j]``. With
        ``trace`` always ``(n1, n2)``, the sum over a = b; with ``per_output`` always
        ``(n1, n2, k)``, the entries a = b.

    Raises:
        ValueError: shapes that do not match, empty, NaN or infinite input, or a kernel
            that overflows.
        TypeError: integer or mixed dtypes, or an ``apply`` that is not a function.

    Example:
        >>> import jax, jax.numpy as jnp, ntkbook
        >>> linear = lambda w, x: x @ w[:, None]        # f(x, w) = <x, w>
        >>> x = jnp.array([[1.0, 2.0], [3.0, -1.0]])
        >>> ntkbook.ntk(linear, jnp.zeros(2), x).tolist()   # its kernel is <x, x'>
        [[5.0, 1.0], [1.0, 10.0]]
        >>> net = ntkbook.mlp(64, 2, outputs=3)         # an ensemble of five
        >>> keys = jax.random.split(jax.random.key(0), 5)
        >>> params = jax.vmap(net.init, (0, None))(keys, x)
        >>> jax.vmap(lambda p: ntkbook.ntk(net.apply, p, x, trace=True))(params).shape
        (5, 2, 2)

    Source: :cite:t:`jacot2018neural`; the layerwise contraction is the dense case of
    :cite:t:`novak2022fast`.
    """
    kernel = kernel_of(apply, params, x1, x2, pairs_of(trace, per_output))
    if kernel.small:  # calling several programs would be most of the work
        inputs = kernel.x1, kernel.x2
        return check_finite(_at_once(kernel.plan.how, kernel.params, *inputs))
    return check_finite(gram_in_blocks(**kernel.blocks(), swap=kernel.swap))


def ntk_diagonal(
    apply: Callable, params: PyTree, x: Float[AnyArray, "n ..."]
) -> Float[Array, "n"] | Float[Array, "n k k"]:
    r"""Return the tangent kernel of every input with itself.

    .. math:: \Theta_{ii} = J(x_i)\, J(x_i)^\top

    Args:
        apply: ``apply(params, x) -> (n, k)``, as for :func:`ntk`.
        params: the parameters.
        x: inputs, ``(n, ...)``.

    Returns:
        ``(n,)`` for one output, ``(n, k, k)`` for k. Time and memory grow as n.

    Raises:
        ValueError: as :func:`ntk`.
        TypeError: as :func:`ntk`.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> linear = lambda w, x: x @ w[:, None]
        >>> x = jnp.array([[1.0, 2.0], [3.0, -1.0]])
        >>> ntkbook.ntk_diagonal(linear, jnp.zeros(2), x).tolist()
        [5.0, 10.0]

    Source: :cite:t:`jacot2018neural`.
    """
    kernel = kernel_of(apply, params, x, name="x")
    plan, x = kernel.plan, kernel.x1
    numbers_per_row = 4 * plan.work_per_input + plan.work_per_pair
    rows = blocks(batch.count(x), numbers_per_row * kernel.dtype.itemsize)
    found = [_diagonal(plan.how, kernel.params, batch.take(x, r)) for r in rows]
    return check_finite(jnp.concatenate(found))


class Kernel(NamedTuple):
    """A kernel to be computed: checked arguments, and how."""

    plan: Plan
    params: Any
    x1: Any
    x2: Any
    dtype: np.dtype

    @property
    def swap(self) -> tuple[int, ...]:
        """Return how axes are permuted: Theta(x', x) has outputs exchanged as well."""
        return {SUM: (1, 0), OWN: (1, 0, 2), ALL: (1, 0, 3, 2)}[self.plan.how.pairs]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the kernel's shape."""
        n1 = batch.count(self.x1)
        n2 = n1 if self.x2 is None else batch.count(self.x2)
        axes = {SUM: 0, OWN: 1, ALL: 2}[self.plan.how.pairs]
        return (n1, n2) + (self.plan.outputs,) * axes

    @property
    def small(self) -> bool:
        """Say whether one device computes it in one block, in one program.

        What is not small is no program of its own for each pair of numbers of inputs:
        those would be many to compile. Nor is a network whose layers are used at many
        places, whose features are a long program.
        """
        plan, rows = self.plan, max(self.shape[:2])
        if rows * plan.outputs > FULL or plan.long:
            return False
        numbers = rows * (4 * plan.work_per_input + rows * plan.work_per_pair)
        fits = numbers * self.dtype.itemsize <= memory_budget()
        return fits and mesh_for(self.params, self.x1, self.x2) is None

    def cut(self, devices: int = 1) -> dict[str, Any]:
        """Return into which blocks inputs are cut, and whether features are kept."""
        plan, number = self.plan, self.dtype.itemsize

        def slices(n, at_most=None):
            # Two blocks are alive at once, and making one needs as much again.
            per_row = 4 * plan.work_per_input * number
            return blocks(n, per_row, at_most, plan.work_per_pair * number)

        (n1, n2), square = self.shape[:2], self.x2 is None
        side = max(-(-FULL * devices // plan.outputs), -(-n1 // SIDE))
        n = n1 if square else n1 + n2
        return dict(
            rows=slices(n1, side if square else None),
            columns=None if square else slices(n2),
            keep=n * plan.features * number <= memory_budget() / 2,
        )

    def blocks(self) -> dict[str, Any]:
        """Return how to compute it block by block, as ``gram_in_blocks`` takes it."""
        how, mesh = self.plan.how, mesh_for(self.params, self.x1, self.x2)
        params, x1, x2 = everywhere(mesh, (self.params, self.x1, self.x2))
        devices = 1 if mesh is None else mesh.size
        prepare = partial(_features, how, mesh, params)
        if self.plan.long and jax.default_backend() == "cpu":
            prepare = partial(in_parts, prepare, PART * devices)
        with limit_memory(agreed(mesh, memory_budget()) / GIB):
            cut = self.cut(devices)
        return dict(
            contract=partial(_contract, how, mesh),
            prepare=prepare,
            x1=x1,
            x2=x2,
            multiple=devices,
            **cut,
        )


def pairs_of(trace, per_output) -> str:
    checks.boolean("trace", trace)
    checks.boolean("per_output", per_output)
    if trace and per_output:
        raise ValueError("`trace` sums over what `per_output` keeps; pass one of them.")
    return SUM if trace else OWN if per_output else ALL


# Plans of the calls that passed every check, without the function.
_plans = Remembered()
_cleared = [0]  # how often JAX's caches were emptied, as far as calls have seen


@jax.jit
def _probe():
    """Be traced again whenever JAX's caches have been emptied, and count it."""
    _cleared[0] += 1
    return 0


def kernel_of(apply, params, x1, x2=None, pairs=ALL, name="x1") -> Kernel:
    """Check the arguments of :func:`ntk`, and plan.

    Another call of the same kind is only asked whether its numbers are finite: all else
    follows from the function, the trees, shapes and dtypes. JAX itself, too, traces a
    function once and for all, unless its caches are cleared.
    """
    leaves, tree = jax.tree.flatten((params, x1, x2))
    kind = _kind(pairs, leaves, tree)
    known = None if kind is None else _plans.get(apply, kind)
    if known is not None and all(map(checks.all_finite, leaves)):
        plan, dtype = known
        how = plan.how._replace(apply=apply)
        return Kernel(plan._replace(how=how), params, x1, x2, dtype)
    dtype = model.parameters("params", params)
    x1 = batch.check(name, x1, dtype)
    if x2 is not None:
        x2 = batch.check("x2", x2, dtype)
        batch.same_kind("x1", x1, "x2", x2)
    out = model.outputs_of(apply, params, x1, name=name)
    most = x1 if x2 is None or batch.count(x1) >= batch.count(x2) else x2
    certain = independence.check(apply, params, most, needs="A tangent kernel")
    plan = plan_for(apply, params, x1, out.shape[1], pairs)
    if certain and kind is not None:
        bare = plan._replace(how=plan.how._replace(apply=None))
        _plans.put(apply, kind, (bare, dtype))
    return Kernel(plan, params, x1, x2, dtype)


def _kind(pairs, leaves, tree):
    """Return what identifies a kind of call; ``None`` where it has to be checked."""
    if not all(isinstance(a, jax.Array) for a in leaves) or checks.is_traced(leaves):
        return None
    _probe()
    kind = _cleared[0], pairs, tree, tuple((a.shape, a.dtype) for a in leaves)
    try:
        hash(kind)
    except TypeError:
        return None
    return kind


@partial(jax.jit, static_argnums=0)
def _at_once(how, params, x1, x2):
    one = features(how, params, x1)
    return contract(how, one, one if x2 is None else features(how, params, x2))


def programs(how) -> tuple[Callable, Callable]:
    """Return what is compiled: features of (params, x), and their contraction."""
    return partial(_features, how, None), partial(_contract_everywhere, how, None)


@partial(jax.jit, static_argnums=(0, 1))
def _features(how, mesh, params, x):
    # Rows go in and rows come out: between them no device does another's work.
    return gather(mesh, spread(mesh, features(how, params, spread(mesh, x))))


def _contract(how, mesh, one, two):
    return here(mesh, _contract_everywhere(how, mesh, one, two))


@partial(jax.jit, static_argnums=(0, 1))
def _contract_everywhere(how, mesh, one, two):
    two = one if two is None else two
    return gather(mesh, contract(how, spread(mesh, one), two))


@partial(jax.jit, static_argnums=0)
def _diagonal(how, params, x):
    def of_one(f):  # as if it were the only input
        f = jax.tree.map(lambda a: a[None], f)
        return contract(how, f, f)[0, 0]

    return jax.vmap(of_one)(features(how, params, x))


def check_finite(gram):
    """Return the kernel if it is finite; say what to do where it is not."""
    return checks.finite_result(
        gram,
        f"the tangent kernel is not finite: the derivatives of `apply` at `params` are "
        f"NaN, infinite, or too large for {gram.dtype}; look at jax.jacrev(apply) "
        f"there{checks.more_digits(gram.dtype)}.",
    )
