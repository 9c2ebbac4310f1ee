r"""Gradient descent that keeps books, the loop behind ntkbook.paths.path_kernel.

Each step makes an update and adds to three sums: the path kernel, the contributions
and what weight decay did. Nothing else is kept, so memory does not depend on how many
steps there are; nor does the compiled program, which takes their number as an input.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ntkbook.networks import paths_rows as rows


class State(NamedTuple):
    """What is carried from step to step; nothing in it grows."""

    params: Any
    velocity: Any  # of the optimiser
    pull: Any  # the part of it that weight decay made
    memories: list[Any]  # per-example gradients, plain and weighted, for momentum
    kernel: Array  # (q, n, k, k)
    weighted: Array
    decay: Array  # (q, k)


def begin(params, x, y, x_query, momentum) -> State:
    """Return empty books."""

    def zeros(*shape):  # made by NumPy: nothing to compile
        return jax.tree.map(
            lambda p: jnp.asarray(np.zeros((*shape, *p.shape), p.dtype)), params
        )

    gram = jnp.asarray(np.zeros((len(x_query), *y.shape, y.shape[1]), x.dtype))
    memories = [zeros(*y.shape), zeros(*y.shape)] if momentum else []
    return State(params, zeros(), zeros(), memories, gram, gram, gram[:, 0, :, 0])


@partial(jax.jit, static_argnums=0)
def advance(plan, state, x, y, x_query, numbers, key, first, last):
    """Make the steps from ``first`` to ``last``; say whether all is still finite."""
    apply, loss, batch_size, how, size, has_momentum, has_decay = plan
    step_size, momentum, weight_decay = numbers
    n = x.shape[0]

    def one_step(step, state):
        if batch_size is None:
            here, factor = slice(None), 1.0
        else:  # as in ntkbook.networks.training
            epoch, place = jnp.divmod(step, n // batch_size)
            order = jax.random.permutation(jax.random.fold_in(key, epoch), n)
            here = jax.lax.dynamic_slice_in_dim(order, place * batch_size, batch_size)
            factor = n / batch_size
        at, points = state.params, x[here]
        outputs, back = jax.vjp(lambda p: apply(p, points), at)
        slope = factor * jax.grad(loss)(outputs, y[here])  # (B, k)
        pull = jax.tree.map(
            lambda v, w: momentum * v + weight_decay * w, state.pull, at
        )
        velocity = jax.tree.map(
            lambda v, g, w: momentum * v + g + weight_decay * w,
            state.velocity, back(slope)[0], at,
        )  # fmt: skip
        move = jax.tree.map(lambda v: -step_size * v, velocity)
        along = partial(rows.mean_rows, apply, how, size, at, move, x_query)
        if has_momentum:
            memories = _remember(state.memories, apply, at, points, slope, here, factor,
                                 momentum)  # fmt: skip
            kernel, weighted = along(memories, partial(rows.memory_row, apply))
            kernel, weighted = state.kernel + kernel, state.weighted - weighted
        else:
            memories = state.memories
            kernel = along(rows.training_side(apply, at, points))  # (q, B, k, k)
            weighted = state.weighted.at[:, here].add(-kernel * slope[None, :, None, :])
            kernel = state.kernel.at[:, here].add(factor * kernel)
        decay = state.decay
        if has_decay:
            decay = decay - along(pull, partial(_along, apply))
        return State(
            jax.tree.map(jnp.add, at, move), velocity, pull, memories,
            kernel, weighted, decay,
        )  # fmt: skip

    # The step size stands in front of every sum: it is multiplied in at the end.
    sums = ("kernel", "weighted", "decay")
    before = {name: getattr(state, name) for name in sums}
    state = state._replace(**{name: jnp.zeros_like(a) for name, a in before.items()})
    state = jax.lax.fori_loop(first, last, one_step, state)
    state = state._replace(
        **{name: before[name] + step_size * getattr(state, name) for name in sums}
    )
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state)]
    total = loss(apply(state.params, x), y)
    return state, jnp.where(jnp.stack(finite).all(), total, jnp.nan)


def _remember(memories, apply, params, points, slope, here, factor, momentum):
    """Return each example's gradients, plain and weighted, summed with momentum."""

    def update(memory, jacobian, scale):
        scale = scale.reshape(scale.shape + (1,) * (jacobian.ndim - 2))
        return (momentum * memory).at[here].add(scale * jacobian)

    jacobian = rows._jacobian(apply, params, points)
    scales = [jnp.full_like(slope, factor), slope]
    return [
        jax.tree.map(partial(update, scale=scale), memory, jacobian)
        for memory, scale in zip(memories, scales, strict=True)
    ]


def _along(apply, params, x_one, direction):
    """Return the derivative of one query's outputs along a direction, (k,)."""
    return jax.jvp(lambda p: apply(p, x_one), (params,), (direction,))[1][0]


@partial(jax.jit, static_argnums=(0, 1))
def look(apply, loss, before, after, x, y, x_query):
    """Return the queries' outputs at both ends of training, and the last loss."""
    return apply(before, x_query), apply(after, x_query), loss(apply(after, x), y)


@partial(jax.jit, static_argnums=0)
def one_by_one(apply, params, x):
    """Return the outputs of a batch, and of its inputs alone."""
    return apply(params, x), jax.vmap(lambda one: apply(params, one[None])[0])(x)


@partial(jax.jit, static_argnums=0)
def together(apply, params, x):
    """Return the outputs; compiled apart from :func:`one_by_one`."""
    return apply(params, x)
