r"""The tangent kernel between two times in training, averaged along a straight step.

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

from ntkbook.kernels.path.gradients import (
    gram_of_jacobians,
    gram_of_layers,
    jacobians,
)
from ntkbook.kernels.path.kinks import smooth_pieces
from ntkbook.validation import batch
from ntkbook.validation.jaxprs import equations


class Quadrature(NamedTuple):
    """How to integrate over a step.

    Attributes:
        nodes: in [0, 1], where the query's gradient is taken.
        weights: of the nodes; they sum to 1.
        kinks: how many kinks of the query's gradient to look for in a step.
    """

    nodes: tuple[float, ...]
    weights: tuple[float, ...]
    kinks: int


LEFT_END = Quadrature((0.0,), (1.0,), 0)


def gauss_legendre(nodes: int, kinks: int) -> Quadrature:
    """Return nodes that integrate polynomials of degree 2 ``nodes`` - 1 exactly."""
    u, weights = np.polynomial.legendre.leggauss(nodes)
    return Quadrature(tuple(((u + 1) / 2).tolist()), tuple(weights / 2), kinks)


def side_of_points(apply: Callable, params, x):
    """Return what the training points' gradients need, computed once a step."""
    return apply.layer_derivatives(params, x) if _layered(apply) else (params, x)


def kernel_with_points(apply, params, x_one, side):
    """Return the tangent kernel (n, k, k) of one query with the training points."""
    if _layered(apply):
        return gram_of_layers(apply.layer_derivatives(params, x_one), side)[0]
    at, x = side
    gradients = jax.tree.map(lambda a: a[0], jacobians(apply, params, x_one))

    def along(gradient):  # <gradient, every training point's gradient>
        return jax.jvp(lambda p: apply(p, x), (at,), (gradient,))[1]

    return jax.vmap(along, out_axes=1)(gradients)


def kernel_with_memories(apply, params, x_one, memories):
    """Return one query's gradients against gradients remembered for each point."""
    gradients = jacobians(apply, params, x_one)
    return [gram_of_jacobians(gradients, memory)[0] for memory in memories]


def slope_along(apply, params, x_one, direction):
    """Return the derivative of one query's outputs along a direction, (k,)."""
    return jax.jvp(lambda p: apply(p, x_one), (params,), (direction,))[1][0]


def average(measure, apply, how: Quadrature, size, params, step, queries, *arguments):
    """Average ``measure(apply, params, x_one, *arguments)`` along a step.

    Every query is measured at its own nodes; ``size`` queries are treated together.
    """
    nodes, weights = jnp.asarray(
        [how.nodes, how.weights], jax.tree.leaves(params)[0].dtype
    )

    def one_query(x_one):
        x_one = batch.alone(x_one)
        u, c = nodes, weights
        if how.kinks:
            edges = smooth_pieces(apply, how.kinks, params, step, x_one)
            u = (edges[:-1, None] + jnp.diff(edges)[:, None] * nodes[None, :]).ravel()
            c = (jnp.diff(edges)[:, None] * weights[None, :]).ravel()

        def add(total, node):
            here = jax.tree.map(lambda p, d: p + node[0] * d, params, step)
            more = measure(apply, here, x_one, *arguments)
            return jax.tree.map(lambda t, m: t + node[1] * m, total, more), None

        if how == LEFT_END:
            return measure(apply, params, x_one, *arguments)
        like = jax.eval_shape(partial(measure, apply), params, x_one, *arguments)
        zero = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), like)
        return jax.lax.scan(add, zero, (u, c))[0]

    if size >= batch.count(queries):
        return jax.vmap(one_query)(queries)
    return jax.lax.map(one_query, queries, batch_size=size)


def numbers_per_query(apply, params, x_test, n: int, k: int, kinks, memories) -> int:
    """Estimate how many numbers one query needs while it is measured."""
    p = sum(leaf.size for leaf in jax.tree.leaves(params))
    one = batch.shape_of_one(x_test, (1,))
    needed = 3 * n * k * k + (kinks + 2) * p * bool(kinks)
    if memories:
        needed += 2 * k * p
    elif _layered(apply):
        layers = jax.eval_shape(apply.layer_derivatives, params, one)
        needed += 2 * sum(layer.inputs.size + layer.deltas.size for layer in layers)
    else:  # each query's gradients, and derivatives along them at all points
        made = equations(jax.make_jaxpr(apply)(params, one).jaxpr)
        sizes = (getattr(v.aval, "size", 1) for each in made for v in each.outvars)
        needed += 2 * k * p + 2 * n * k * max(sizes, default=1)
    return needed


def _layered(apply) -> bool:
    return hasattr(apply, "layer_derivatives")
