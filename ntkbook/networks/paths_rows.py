r"""The tangent kernel between two moments of training, averaged along a straight step.

One step of training moves the weights from w to w + d in a straight line. What it does
to the output at a query x is exactly

.. math:: f(x, w + d) - f(x, w) = \int_0^1 \langle \partial_w f(x, w + u d), d \rangle
    \,du

and d is a sum of gradients at the training points, taken at w. So the kernel that is
needed pairs the query's gradient on the way with the training points' at its start:

.. math:: \int_0^1 \langle \partial_w f(x, w + u d), \partial_w f(x_i, w) \rangle \,du

The integral is a weighted sum over nodes u. Two ways to form the inner products: by
layers for the book's networks, as :func:`ntkbook.ntk` does; and for any other function
by one derivative along each query's gradient, which needs no Jacobian of the training
points.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.networks.network import ACTIVATIONS, MLP
from ntkbook.networks.tangent import EXACT, _jacobian, _share_of_layer


class Rule(NamedTuple):
    """How to integrate over a step.

    Attributes:
        nodes: in [0, 1], where the query's gradient is taken.
        weights: of the nodes; they sum to 1.
        kinks: how many kinks of the query's gradient to look for in a step.
    """

    nodes: tuple[float, ...]
    weights: tuple[float, ...]
    kinks: int


def rule(integral: str, nodes: int, kinks: int) -> Rule:
    """Return the left end of the step, or Gauss-Legendre nodes inside it."""
    if integral == "start":
        return Rule((0.0,), (1.0,), 0)
    u, weights = np.polynomial.legendre.leggauss(nodes)
    return Rule(tuple((u.tolist() + np.ones(nodes)) / 2), tuple(weights / 2), kinks)


def training_side(apply: Callable, params, x):
    """Return what the training points' gradients need, computed once a step."""
    return apply.layer_derivatives(params, x) if _layered(apply) else (params, x)


def mean_rows(apply, how: Rule, size, params, step, queries, side, kernel_with=None):
    """Return the kernel (q, n, k, k), the query's side averaged over the step.

    ``size`` queries are treated together. ``kernel_with(params, x_one, side)`` gives
    one query's row; by default it is the tangent kernel with the training points.
    """
    kernel_with = kernel_with or partial(_row, apply)
    nodes, weights = jnp.asarray([how.nodes, how.weights], queries.dtype)

    def one_query(x_one):
        u, c = nodes, weights
        if how.kinks:
            edges = _kinks(apply, how.kinks, params, step, x_one[None])
            u = (edges[:-1, None] + jnp.diff(edges)[:, None] * nodes[None, :]).ravel()
            c = (jnp.diff(edges)[:, None] * weights[None, :]).ravel()

        def add(total, node):
            here = jax.tree.map(lambda p, d: p + node[0] * d, params, step)
            more = kernel_with(here, x_one[None], side)
            return jax.tree.map(lambda t, m: t + node[1] * m, total, more), None

        like = jax.eval_shape(kernel_with, params, x_one[None], side)
        zero = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), like)
        if len(how.nodes) == 1 and not how.kinks:
            return add(zero, (u[0], c[0]))[0]
        return jax.lax.scan(add, zero, (u, c))[0]

    if size >= queries.shape[0]:
        return jax.vmap(one_query)(queries)
    return jax.lax.map(one_query, queries, batch_size=size)


def numbers_per_query(apply, params, x_query, n: int, k: int, kinks: int) -> int:
    """Estimate how many numbers one query needs while its row is computed."""
    p = sum(leaf.size for leaf in jax.tree.leaves(params))
    if not _layered(apply):
        return 4 * k * p + 2 * n * k * k
    one = jax.ShapeDtypeStruct((1, *x_query.shape[1:]), x_query.dtype)
    layers = jax.eval_shape(apply.layer_derivatives, params, one)
    kept = sum(layer.inputs.size + layer.deltas.size for layer in layers)
    return 2 * kept + 3 * n * k * k + (2 * p if kinks else 0)


def _layered(apply) -> bool:
    return hasattr(apply, "layer_derivatives")


def _row(apply, params, x_one, side):
    """Return the tangent kernel (n, k, k) of one query with the training points."""
    if _layered(apply):
        layers = zip(apply.layer_derivatives(params, x_one), side, strict=True)
        return sum(_share_of_layer(query, points) for query, points in layers)[0]
    at, x = side
    gradients = jax.tree.map(lambda a: a[0], _jacobian(apply, params, x_one))

    def along(gradient):  # <gradient, every training point's gradient>
        return jax.jvp(lambda p: apply(p, x), (at,), (gradient,))[1]

    return jax.vmap(along, out_axes=1)(gradients)


def memory_row(apply, params, x_one, memories):
    """Return one query's gradients against gradients remembered for each example."""
    gradients = _jacobian(apply, params, x_one)

    def contract(a, b):  # (1, k, ...), (n, k, ...)
        a, b = a.reshape(*a.shape[:2], -1), b.reshape(*b.shape[:2], -1)
        return jnp.einsum("iap,jbp->jab", a, b, precision=EXACT)

    return [
        sum(jax.tree.leaves(jax.tree.map(contract, gradients, memory)))
        for memory in memories
    ]


# --- kinks


def has_kinks(apply) -> bool:
    """Say whether this is one of the book's networks whose activation is ReLU."""
    return isinstance(apply, MLP) and apply.activation in ("relu", jax.nn.relu)


def _kinks(apply, count, params, step, x_one):
    """Return ``count + 2`` increasing numbers: 0, the kinks in between, and 1.

    A kink is where the pre-activation of a hidden unit changes its sign. With one
    hidden layer it is affine along the step, so the secant finds the root at once; in
    deeper networks the Illinois method closes in on it. Units that cross twice in a
    step are not seen, and of more than ``count`` kinks the earliest are kept.
    """

    def at(u):
        here = jax.tree.map(lambda p, d: p + u * d, params, step)
        return _preactivations(apply, here, x_one)

    one = jnp.ones((), x_one.dtype)
    left, right = at(0 * one), at(one)
    crosses = left * right < 0
    guess = jnp.where(crosses, left / jnp.where(crosses, left - right, 1), 2.0)
    units = jnp.argsort(guess)[:count]
    guess, found = guess[units], crosses[units]
    a, b = jnp.zeros_like(guess), jnp.ones_like(guess)
    za, zb = left[units], right[units]

    def illinois(_, state):
        a, b, za, zb, u = state
        z = jax.vmap(lambda v, unit: at(v)[unit])(u, units)
        same = z * zb > 0  # the root lies between a and u
        a, za = jnp.where(same, a, b), jnp.where(same, za / 2, zb)
        b, zb = u, z
        gap = zb - za
        u = jnp.where(gap == 0, b, b - zb * (b - a) / jnp.where(gap == 0, 1, gap))
        return a, b, za, zb, u

    deep = apply.depth > 1
    steps = 12 if deep else 0
    *_, u = jax.lax.fori_loop(0, steps, illinois, (a, b, za, zb, guess))
    u = jnp.where(found, jnp.clip(u, 0, 1), 1)
    return jnp.concatenate([0 * one[None], jnp.sort(u), one[None]])


def _preactivations(apply, params, x_one):
    """Return all hidden pre-activations of one input, as one vector."""
    act = apply.activation
    act = act if callable(act) else ACTIVATIONS[act]
    found = []
    for _, layers in apply._parts(params, trained_only=True):
        h = x_one.reshape(1, -1)
        for layer in layers[:-1]:
            weight_scale, bias_scale = apply._scales(h.shape[1])
            z = weight_scale * (h @ layer["weight"])
            if bias_scale:
                z = z + bias_scale * layer["bias"][None, :]
            found.append(z[0])
            h = act(z)
    return jnp.concatenate(found)
