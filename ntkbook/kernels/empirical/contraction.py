r"""Every parameter's contribution to the tangent kernel, by the least work.

Where a parameter's derivative is a sum of outer products over P places, its
contribution is a sum over pairs of places, of two small Gram matrices multiplied entry
by entry:

.. math:: \Bigl\langle \sum_s h_s \delta_s^\top, \sum_r h'_r \delta_r'^\top \Bigr\rangle
    = \sum_{s,r} \langle h_s, h'_r \rangle \, \langle \delta_s, \delta'_r \rangle

With one place this is far less work than forming the derivative; with many places
forming it may be less. What is no sum of outer products, such as the derivative for
a bias, is formed. Everything below is written as a few large matrix products.
"""

import warnings
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntkbook.kernels.empirical.interpreter import consumers
from ntkbook.kernels.empirical.outer_products import OuterProducts, derivative
from ntkbook.validation import batch

UNUSED = "unused"
GRAMS = "Grams of inputs and deltas"
PAIRS = "pairs of places"
FORMED = "formed from inputs and deltas"
EQUATION = "Jacobian of its equations"
WHOLE = "whole Jacobian"

ALL, OWN, SUM = "all", "own", "sum"


class Contraction(NamedTuple):
    """What is contracted.

    Attributes:
        apply: the network.
        pairs: of which outputs; ``ALL`` k^2, each with itself ``OWN``, or the ``SUM``
            of these.
        whole: take the whole Jacobian, in forward mode.
    """

    apply: Callable
    pairs: str
    whole: bool

    def outputs(self, k: int) -> int:
        """Return how many numbers a pair of inputs has."""
        return {ALL: k * k, OWN: k, SUM: 1}[self.pairs]


def features(how: Contraction, params, x) -> list:
    """Return what the kernel at the inputs ``x`` needs.

    That is an array ``(n, k, q)``, the derivatives for biases and their like side by
    side, and for each of the other leaves one more such array, or
    :class:`OuterProducts` with a leading axis of inputs.
    """

    def at_one(x_i):
        small, large = [], []
        for found in derivatives(how, params, x_i):
            route = _route(how, found)
            if route in (GRAMS, PAIRS):
                large.append(found)
            elif route == FORMED:
                large.append(_formed(found))
            elif route != UNUSED:
                small.append(found)
        dtype = jax.tree.leaves(params)[0].dtype
        nothing = jnp.zeros((_outputs(how, params, x_i), 0), dtype)
        return [jnp.concatenate([nothing, *small], axis=1), *large]

    # Some accelerators would round float32 products to 10 or 13 bits without this.
    with jax.default_matmul_precision("highest"):
        return jax.vmap(at_one)(x)


def contributions(how: Contraction, params, x) -> list:
    """Return what each leaf's own contribution needs, as :func:`features` does."""

    def at_one(x_i):
        empty = jnp.zeros((_outputs(how, params, x_i), 1))
        return [
            {UNUSED: lambda _: empty, FORMED: _formed}.get(_route(how, f), lambda f: f)(
                f
            )
            for f in derivatives(how, params, x_i)
        ]

    with jax.default_matmul_precision("highest"):
        return jax.vmap(at_one)(x)


def _outputs(how, params, x) -> int:
    return jax.eval_shape(lambda: how.apply(params, batch.alone(x))).shape[1]


def derivatives(how: Contraction, params, x) -> list:
    """Return the derivatives at one input by each leaf, factored where possible."""

    def function(params, x):
        return how.apply(params, batch.alone(x))[0]

    if how.whole:
        found = jax.tree.leaves(jax.jacfwd(function)(params, x))
    else:
        leaves, where = jax.tree.leaves(params), consumers(function, params, x)
        found = [
            derivative(where[i], i, leaf) if where[i] else None
            for i, leaf in enumerate(leaves)
        ]
    return [f.reshape(len(f), -1) if isinstance(f, jax.Array) else f for f in found]


def _route(how: Contraction, found) -> str:
    """Return the route for one leaf's derivative at one input."""
    if found is None:
        return UNUSED
    if not isinstance(found, OuterProducts):
        return WHOLE if how.whole else EQUATION
    (k, places, m_out), m_in = found.deltas.shape, found.inputs.shape[1]
    if places == 1:
        return GRAMS
    # Multiplications for each pair of inputs. Those of single numbers, between the two
    # Grams, wait for memory, and count as much as several in a matrix product.
    outputs = k * k if how.pairs == ALL else k
    products = m_in + outputs * m_out
    pairs = places**2 * (products + 16 * how.outputs(k))
    return PAIRS if pairs < outputs * m_in * m_out else FORMED


def _formed(f: OuterProducts):
    """Return the derivatives, ``(k, m_out m_in)``."""
    return jnp.tensordot(f.deltas, f.inputs, (1, 0)).reshape(len(f.deltas), -1)


def contract(how: Contraction, one: list, two: list) -> Float[Array, "n1 n2 *outputs"]:
    """Return the kernel between two sets of inputs from their features.

    Its shape is ``(n1, n2, k, k)``, or ``(n1, n2, k)`` for each output with itself, or
    ``(n1, n2)`` for the trace over the outputs.
    """
    add = {ALL: _contribution, OWN: _of_each_output, SUM: _trace_of_contribution}
    with jax.default_matmul_precision("highest"):
        gram = reduce(jnp.add, map(add[how.pairs], one, two))
    return gram.transpose(0, 2, 1, 3) if how.pairs == ALL else gram


def _contribution(a, b) -> Float[Array, "n1 k n2 k"]:
    if not isinstance(a, OuterProducts):
        return _products(a, b, 2)
    if a.inputs.shape[1] == 1:
        inputs = _products(a.inputs, b.inputs, 1)
        return inputs[:, None, :, None] * _products(a.deltas, b.deltas, 2)
    inputs, deltas = _products(a.inputs, b.inputs, 2), _products(a.deltas, b.deltas, 3)
    return (inputs[:, None, :, :, None, :] * deltas).sum((2, 5))


def _of_each_output(a, b) -> Float[Array, "n1 n2 k"]:
    def of_one(a, b):  # the derivatives of one output, without its axis
        if isinstance(a, OuterProducts):
            a, b = (f._replace(deltas=f.deltas[:, None]) for f in (a, b))
        return _trace_of_contribution(a, b)

    if isinstance(a, OuterProducts):
        axes = OuterProducts(None, 1)  # pyright: ignore[reportArgumentType]
        return jax.vmap(of_one, (axes, axes), 2)(a, b)
    return jax.vmap(of_one, (1, 1), 2)(a, b)


def _trace_of_contribution(a, b) -> Float[Array, "n1 n2"]:
    if not isinstance(a, OuterProducts):
        return _products(a, b, 1)
    if a.inputs.shape[1] == 1:
        return _products(a.inputs, b.inputs, 1) * _products(a.deltas, b.deltas, 1)
    a, b = (f._replace(deltas=f.deltas.swapaxes(1, 2)) for f in (a, b))
    return (_products(a.inputs, b.inputs, 2) * _products(a.deltas, b.deltas, 2)).sum(
        (1, 3)
    )


def _products(a, b, axes: int):
    """Return all scalar products of a's and b's entries along the first few axes.

    It is one matrix product. (What NumPy's einsum would write with the same letters
    can end as many tiny ones.)
    """
    kept_a, kept_b = a.shape[:axes], b.shape[:axes]
    a = a.reshape(np.prod(kept_a), -1)
    b = b.reshape(np.prod(kept_b), -1)
    return (a @ b.T).reshape(*kept_a, *kept_b)


class Plan(NamedTuple):
    """How a kernel will be computed, and how many numbers that keeps in memory.

    Attributes:
        how: what is contracted.
        routes: of each leaf.
        outputs: k.
        features: numbers of one input.
        work_per_input: of one input, while its features are made.
        work_per_pair: of two inputs, while their kernel is computed.
    """

    how: Contraction
    routes: list[str]
    outputs: int
    features: int
    work_per_input: int
    work_per_pair: int

    @property
    def long(self) -> bool:
        """Say whether some layer is used at several places of an input.

        Then it is a convolution, attention, or a recurrent network, and its features
        take seconds to compile.
        """
        return not {FORMED, PAIRS}.isdisjoint(self.routes)


def plan_for(apply: Callable, params, x, k: int, pairs: str) -> Plan:
    """Choose the routes from shapes alone; nothing is computed."""
    pairs = SUM if k == 1 and pairs == ALL else pairs  # then they are the same
    one = batch.shape_of_one(x)
    try:
        how = Contraction(apply, pairs, whole=False)
        found = _derivatives.eval_shape(how, params, one)
    except Exception as error:
        # JAX cannot go backwards through every loop, but forwards it can.
        how = Contraction(apply, pairs, whole=True)
        try:
            found = _derivatives.eval_shape(how, params, one)
        except Exception:
            raise error from None  # the network itself is at fault
        if not _is_irreversible_loop(error):
            warnings.warn(NOT_FAST.format(type(error).__name__, error), stacklevel=2)
    routes = [_route(how, f) for f in found]
    outputs = how.outputs(k)
    kept, extra, of_pair = 0, 0, 0
    for route, f in zip(routes, found, strict=True):
        numbers = sum(a.size for a in jax.tree.leaves(f))
        if route == FORMED:
            extra += numbers
            numbers = k * f.inputs.shape[1] * f.deltas.shape[2]
        if route == PAIRS:
            of_pair = max(of_pair, len(f.inputs) ** 2 * (1 + outputs))
        kept += numbers
    return Plan(how, routes, k, kept, kept + extra, of_pair + 3 * outputs)


NOT_FAST = (
    "ntkbook could not follow this network's parameters ({}: {}), so it forms the "
    "whole Jacobian: the kernel is right, but takes more time and memory. Please "
    "report this message together with what ntkbook.device_report() prints."
)


def _is_irreversible_loop(error: Exception) -> bool:
    return isinstance(error, ValueError) and "Reverse-mode" in str(error)


# Traced once for each network: its shapes are then looked up.
_derivatives = jax.jit(derivatives, static_argnums=0)
