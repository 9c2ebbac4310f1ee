r"""One parameter's derivative, as inputs and deltas wherever that is possible.

Where a parameter is one factor of a product, z = h W, its derivative is an outer
product, of what enters with what comes back:

.. math:: \frac{\partial f_a}{\partial W} = \sum_{s=1}^P h_s\, \delta_{a,s}^\top

The sum goes over the P places where W is used: one for a dense layer at one input, the
pixels for a convolution, and all of them together for a W that several layers share.
"""

from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.kernels.empirical.interpreter import REARRANGE, Consumer, jacobian


class OuterProducts(NamedTuple):
    """The derivatives of k outputs by one parameter, as sums of P outer products.

    Attributes:
        inputs: ``(P, m_in)``.
        deltas: ``(k, P, m_out)``.
    """

    inputs: jax.Array
    deltas: jax.Array


def derivative(consumers: list[tuple[Consumer, list]], index: int, leaf):
    """Return one leaf's derivatives at one input, from its consumers.

    That is :class:`OuterProducts`, or where there are none the derivatives
    ``(k, *shape)``.
    """
    found = [outer_products(consumer, deltas) for consumer, deltas in consumers]
    layouts = [layout for layout, _ in found]
    if layouts[0] is not None and all(each == layouts[0] for each in layouts):
        every = [f for _, f in found]
        return OuterProducts(
            jnp.concatenate([f.inputs for f in every]).astype(leaf.dtype),
            jnp.concatenate([f.deltas for f in every], axis=1).astype(leaf.dtype),
        )
    parts = (jacobian(each, deltas, index, leaf) for each, deltas in consumers)
    return reduce(jnp.add, parts)


def outer_products(consumer: Consumer, deltas) -> tuple:
    """Return the factors of one consumer, and in what order they take W's entries.

    The order is ``None`` where the equation is not a product with one parameter.
    """
    at, *more = [i for i, view in enumerate(consumer.views) if view is not None]
    real = all(jnp.issubdtype(d.dtype, jnp.floating) for d in deltas)
    if more or not real:
        return None, None
    view = consumer.views[at]
    order, found = None, None
    match consumer.equation.primitive.name:
        case "dot_general":
            order, found = _of_product(consumer, deltas[0], at)
        case "conv_general_dilated":
            order, found = _of_convolution(consumer, deltas[0], at)
    if order is None or found is None:
        return None, None
    arranged = [
        (step.primitive.name, step.params)
        for step, _ in view.steps
        if step.primitive.name in REARRANGE
    ]
    scale = jnp.asarray(view.scale(), found.inputs.dtype)
    return (arranged, order), found._replace(inputs=scale * found.inputs)


def _of_product(consumer, delta, at):
    contracted, batch = consumer.equation.params["dimension_numbers"]
    if batch[0]:
        return None, None
    h = consumer.operands[1 - at]
    free = [a for a in range(h.ndim) if a not in contracted[1 - at]]
    places = int(np.prod([h.shape[a] for a in free]))
    h = jnp.transpose(h, [*free, *contracted[1 - at]]).reshape(places, -1)
    if at == 0:  # the axes of W come first
        delta = delta.reshape(len(delta), -1, places).swapaxes(1, 2)
    return contracted[at], OuterProducts(h, delta.reshape(len(delta), places, -1))


def _of_convolution(consumer, delta, at):
    options, filters = consumer.equation.params, consumer.operands[1].shape
    if at == 0 or options["feature_group_count"] * options["batch_group_count"] > 1:
        return None, None
    _, order, out = options["dimension_numbers"]
    seen = patches(consumer.operands[0], filters, consumer.equation)
    delta = jnp.moveaxis(delta, out[1] + 1, -1)
    return order, OuterProducts(
        seen.reshape(-1, seen.shape[-1]), delta.reshape(len(delta), -1, delta.shape[-1])
    )


def patches(h, filters, equation):
    """Return what a filter sees at each place, (batch, *places, filter * channels)."""
    options = equation.params
    image, spatial, out = options["dimension_numbers"]
    h = jnp.transpose(h, [image[0], *image[2:], image[1]])
    edges = [
        (low, high, dilation - 1)
        for (low, high), dilation in zip(
            options["padding"], options["lhs_dilation"], strict=True
        )
    ]
    zero = jnp.zeros((), h.dtype)
    h = jax.lax.pad(h, zero, [(0, 0, 0), *edges, (0, 0, 0)])
    places = [equation.outvars[0].aval.shape[a] for a in out[2:]]
    strides = options["window_strides"]
    seen = []
    for offset in np.ndindex(*[filters[a] for a in spatial[2:]]):
        start = np.multiply(offset, options["rhs_dilation"])
        stop = start + np.multiply(np.subtract(places, 1), strides) + 1
        seen.append(
            jax.lax.slice(
                h,
                (0, *start, 0),
                (h.shape[0], *stop, h.shape[-1]),
                (1, *strides, 1),
            )
        )
    return jnp.concatenate(seen, axis=-1)
