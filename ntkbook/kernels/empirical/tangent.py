r"""The empirical neural tangent kernel of any network.

.. math:: \Theta(x, x') = J(x)\, J(x')^\top, \qquad J(x) = \partial_w f(x, w)

Every parameter contributes, and the kernel is the sum (``contraction.py``). What a
layer contributes needs no Jacobian: with m units it takes O(n m^2 + n^2 m) operations
in place of O(n^2 m^2). This module cuts the inputs into blocks that fit in memory, and
spreads each over the devices of a process; several processes share the blocks.
"""

import math
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
from ntkbook.kernels.gram import gram_by_rows, gram_in_blocks, in_parts
from ntkbook.machine.memory import GIB, blocks, limit_memory, memory_budget
from ntkbook.machine.mesh import (
    agreed,
    everywhere,
    gather,
    here,
    mesh_for,
    others,
    spread,
)
from ntkbook.validation import batch, checks, independence, model
from ntkbook.validation.remembered import Remembered

FULL = 512  # rows of outputs; matrix products with fewer do not fill a processor
PART = 8  # inputs at once, where their features are a long program
SIDE = 8  # blocks along the side of a symmetric kernel: 36 of 64 are computed
TURNS = 4  # blocks for each process at least: few are idle while the last is computed


def ntk(
    apply: Callable,
    params: PyTree,
    x1: Float[AnyArray, "n1 ..."],
    x2: Float[AnyArray, "n2 ..."] | None = None,
    *,
    trace: bool = False,
    per_output: bool = False,
    sharded: bool = False,
) -> Float[Array, "n1 n2"] | Float[Array, "n1 n2 k k"] | Float[Array, "n1 n2 k"]:
    r"""Return the empirical neural tangent kernel between two sets of inputs.

    .. math:: \Theta_{ij} = \sum_q \partial_{w_q} f(x_i, w)\, \partial_{w_q} f(x'_j, w)

    It is computed on all devices that JAX has, those of other processes included: after
    ``jax.distributed.initialize()`` every process makes the same call and gets the same
    result. Each computes whole blocks, about half of them where ``x2`` is ``None``, and
    they exchange them at the end. For an ensemble, or for the checkpoints of a training
    run, call it in a loop: it is compiled once. ``jax.vmap`` over ``params`` makes one
    program of them, which pays for small dense networks; convolutions run slower in it
    on processors, and several times slower in ``jax.lax.map``.

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
        sharded: spread the rows of the result over all devices, for a kernel that no
            process can hold: each of D devices gets n1 / D rows, which must be a whole
            number. It computes them by itself, and besides them needs memory for
            features and blocks only. Of a symmetric kernel both halves are computed,
            and are equal up to rounding: with one half, a device would wait for as many
            entries as it has computed.

    Returns:
        ``(n1, n2)`` for one output; ``(n1, n2, k, k)`` for k outputs, where entry
        ``[i, j, a, b]`` pairs output a at ``x1[i]`` with output b at ``x2[j]``. With
        ``trace`` always ``(n1, n2)``, the sum over a = b; with ``per_output`` always
        ``(n1, n2, k)``, the entries a = b. With ``sharded`` it has a ``NamedSharding``
        over the first axis, and functions under ``jax.jit`` take it as it is.

    Raises:
        ValueError: shapes that do not match, empty, NaN or infinite input, or a kernel
            that overflows; ``params`` or inputs that differ between processes; with
            ``sharded`` a number of inputs ``x1`` that the devices cannot share evenly.
        TypeError: integer or mixed dtypes, or an ``apply`` that is not a function;
            ``sharded`` inside ``jax.jit``.

    Example:
        >>> import jax, jax.numpy as jnp, ntkbook
        >>> linear = lambda w, x: x @ w[:, None]        # f(x, w) = <x, w>
        >>> x = jnp.array([[1.0, 2.0], [3.0, -1.0]])
        >>> ntkbook.ntk(linear, jnp.zeros(2), x).tolist()   # its kernel is <x, x'>
        [[5.0, 1.0], [1.0, 10.0]]
        >>> spread = ntkbook.ntk(linear, jnp.zeros(2), x, sharded=True)
        >>> [part.data.shape for part in spread.addressable_shards]  # on one device
        [(2, 2)]
        >>> net = ntkbook.mlp(64, 2, outputs=3)         # an ensemble of five
        >>> keys = jax.random.split(jax.random.key(0), 5)
        >>> params = jax.vmap(net.init, (0, None))(keys, x)
        >>> jax.vmap(lambda p: ntkbook.ntk(net.apply, p, x, trace=True))(params).shape
        (5, 2, 2)

    Source: :cite:t:`jacot2018neural`; the layerwise contraction is the dense case of
    :cite:t:`novak2022fast`.
    """
    checks.boolean("sharded", sharded)
    kernel = kernel_of(apply, params, x1, x2, pairs_of(trace, per_output))
    arguments = kernel.params, kernel.x1, kernel.x2
    if sharded:
        if checks.is_traced((*arguments, jnp.zeros(()))):
            raise TypeError(
                "`sharded` says on which device a row is, but inside jax.jit and its "
                "like the surrounding program decides; call ntk outside, or without it."
            )
        parts = kernel.blocks(mesh_for(), others(), sharded=True)
        return check_finite(gram_by_rows(**parts))
    if kernel.small:  # calling several programs would be most of the work
        inputs = kernel.x1, kernel.x2
        return check_finite(_at_once(kernel.plan.how, kernel.params, *inputs))
    parts = kernel.blocks(mesh_for(*arguments), others(*arguments))
    return check_finite(gram_in_blocks(**parts, swap=kernel.swap))


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
        arguments = self.params, self.x1, self.x2
        return fits and mesh_for(*arguments) is None and not others(*arguments)

    def cut(self, devices: int = 1, processes: int = 1) -> dict[str, Any]:
        """Return into which blocks inputs are cut, and whether features are kept.

        Args:
            devices: over which the rows of a block are spread.
            processes: which share the blocks.
        """
        (n1, n2), square = self.shape[:2], self.x2 is None
        # A block is at least as large as fills the devices. Of S x S blocks a symmetric
        # kernel has about S^2 / 2.
        least = math.ceil(FULL * devices**0.5 / self.plan.outputs)
        side = max(SIDE, math.ceil((2 * TURNS * processes) ** 0.5))
        at_most = [max(least, -(-n // side)) for n in (n1, n2)]
        if not square and processes == 1:
            at_most = None, None
        return dict(
            rows=self.slices(n1, at_most[0]),
            columns=None if square else self.slices(n2, at_most[1]),
            keep=self.keep,
        )

    def cut_by_rows(self, devices: int) -> dict[str, Any]:
        """Return the same where each of so many devices computes its own rows."""
        (n1, n2), square = self.shape[:2], self.x2 is None
        if n1 % devices:
            raise ValueError(
                f"`sharded` gives each of {devices} devices equally many rows, but "
                f"`x1` has {n1} inputs; append {-n1 % devices} (copies of one, say) "
                f"and ignore their entries, or leave out {n1 % devices}."
            )
        own = n1 // devices
        starts, parts = range(0, n1, own), self.slices(own)
        return dict(
            rows=[slice(i + s.start, i + s.stop) for i in starts for s in parts],
            columns=None if square else self.slices(n2),
            keep=self.keep,
        )

    def slices(self, n: int, at_most: int | None = None) -> list[slice]:
        """Return n inputs cut into blocks that fit in memory."""
        # Two blocks are alive at once, and making one needs as much again.
        plan, number = self.plan, self.dtype.itemsize
        per_row, per_pair = 4 * plan.work_per_input, plan.work_per_pair
        return blocks(n, per_row * number, at_most, per_pair * number)

    @property
    def keep(self) -> bool:
        """Say whether the features of all inputs may stay in memory."""
        n = self.shape[0] if self.x2 is None else sum(self.shape[:2])
        return n * self.plan.features * self.dtype.itemsize <= memory_budget() / 2

    def blocks(self, mesh, share=False, sharded=False) -> dict[str, Any]:
        """Return how to compute it block by block, as ``gram_in_blocks`` takes it.

        Args:
            mesh: the devices of this process; ``None`` for one of them.
            share: share the work with all processes.
            sharded: as ``gram_by_rows`` takes it.
        """
        how, budget = self.plan.how, memory_budget()
        params, x1, x2 = everywhere(mesh, (self.params, self.x1, self.x2))
        devices = 1 if mesh is None else mesh.size
        prepare = partial(_features, how, mesh, params)
        if self.plan.long and jax.default_backend() == "cpu":
            prepare = partial(in_parts, prepare, PART * devices)
        if share:
            budget = agreed(budget, params=self.params, x1=self.x1, x2=self.x2)
        with limit_memory(budget / GIB):
            if sharded:
                cut = self.cut_by_rows(jax.device_count())
            else:
                cut = self.cut(devices, jax.process_count() if share else 1)
        return dict(
            contract=partial(_contract_rows if sharded else _contract, how, mesh),
            prepare=prepare,
            x1=x1,
            x2=x2,
            mesh=mesh,
            share=share,
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
def _contract_rows(how, mesh, one, two):
    return spread(mesh, contract(how, spread(mesh, one), two))


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
