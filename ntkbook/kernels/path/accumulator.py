r"""Gradient descent that adds up contributions, the loop of ntkbook.paths.path_kernel.

Each step makes an update and adds to three sums: the path kernel, the contributions
and what weight decay did. Nothing else is kept, so memory does not depend on how many
steps there are; nor does the compiled program, which takes their number as an input.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ntkbook.kernels.path import quadrature
from ntkbook.kernels.path.gradients import jacobians
from ntkbook.machine.forward_only import forward_only
from ntkbook.training.minibatches import minibatch
from ntkbook.validation import batch


class Program(NamedTuple):
    """What a program is compiled for."""

    apply: Callable
    loss: Callable
    batch_size: int | None
    how: quadrature.Quadrature
    size: int  # queries treated together
    has_momentum: bool
    has_decay: bool


class State(NamedTuple):
    """What is carried from step to step; nothing in it grows."""

    params: Any
    velocity: Any  # of the optimiser
    pull: Any  # the part of it that weight decay made
    memories: list[Any]  # each point's gradients, plain and weighted, for momentum
    kernel: Array  # (q, n, k, k)
    contributions_by_output: Array
    decay: Array  # (q, k)


def start(program, params, x, y, x_test) -> State:
    """Return the state before the first step, with all sums zero."""

    def zeros(*shape):  # made by NumPy: nothing to compile
        return jax.tree.map(
            lambda p: jnp.asarray(np.zeros((*shape, *p.shape), p.dtype)), params
        )

    gram = jnp.asarray(np.zeros((batch.count(x_test), *y.shape, y.shape[1]), y.dtype))
    memories = [zeros(*y.shape), zeros(*y.shape)] if program.has_momentum else []
    return State(params, zeros(), zeros(), memories, gram, gram, gram[:, 0, :, 0])


@partial(jax.jit, static_argnums=0)
def accumulate(program, state, x, y, x_test, numbers, key, first, last):
    """Make the steps from ``first`` to ``last``; say whether all is still finite."""
    apply, loss = program.apply, program.loss
    step_size, momentum, weight_decay = numbers
    n = len(y)

    def one_step(step, state):
        if program.batch_size is None:
            here, factor = slice(None), 1.0
        else:
            here = minibatch(key, step, n, program.batch_size)
            factor = n / program.batch_size
        at, points = state.params, batch.take(x, here)
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

        def averaged(measure, *arguments):
            return quadrature.average(
                measure, apply, program.how, program.size, at, move, x_test, *arguments
            )

        kernel, memories = state.kernel, state.memories
        weighted = state.contributions_by_output
        if program.has_momentum:
            memories = _remember(program, memories, momentum, at, points, here, slope)
            more = averaged(quadrature.kernel_with_memories, memories)
            kernel, weighted = kernel + more[0], weighted - more[1]
        else:
            side = quadrature.side_of_points(apply, at, points)
            more = averaged(quadrature.kernel_with_points, side)  # (q, B, k, k)
            kernel = kernel.at[:, here].add(factor * more)
            weighted = weighted.at[:, here].add(-more * slope[None, :, None, :])
        decay = state.decay
        if program.has_decay:
            decay = decay - averaged(quadrature.slope_along, pull)
        moved = jax.tree.map(jnp.add, at, move)
        return State(moved, velocity, pull, memories, kernel, weighted, decay)

    # The step size stands in front of every sum: it is multiplied in at the end.
    sums = ("kernel", "contributions_by_output", "decay")
    before = {name: getattr(state, name) for name in sums}
    state = state._replace(**{name: jnp.zeros_like(a) for name, a in before.items()})
    state = forward_only(jax.lax.fori_loop(first, last, one_step, state))
    state = state._replace(
        **{name: before[name] + step_size * getattr(state, name) for name in sums}
    )
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state)]
    return state, jnp.stack(finite).all()


def _remember(program, memories, momentum, params, points, here, slope):
    """Return each point's gradients, plain and weighted, summed with momentum."""
    jacobian = jacobians(program.apply, params, points)
    n = jax.tree.leaves(memories[0])[0].shape[0]
    plain = jnp.full_like(slope, n / batch.count(points))

    def update(memory, jacobian, scale):
        scale = scale.reshape(scale.shape + (1,) * (jacobian.ndim - 2))
        return (momentum * memory).at[here].add(scale * jacobian)

    return [
        jax.tree.map(partial(update, scale=scale), memory, jacobian)
        for memory, scale in zip(memories, (plain, slope), strict=True)
    ]


@partial(jax.jit, static_argnums=(0, 1))
def evaluate(apply, loss, params, x, y, x_test):
    """Return the queries' outputs, and the loss on the training points."""
    return apply(params, x_test), loss(apply(params, x), y)
