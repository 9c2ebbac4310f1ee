"""The loop of all training here: steps, and looks at some of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ntkbook._types import AnyArray
from ntkbook.machine.forward_only import forward_only
from ntkbook.machine.progress import tick
from ntkbook.validation import checks


class Trajectory(NamedTuple):
    """What was recorded along training, at t steps; the first and the last are two.

    Attributes:
        steps: ``(t,)``, how many steps had been made; of a flow one number, the steps
            that its solver made in all.
        times: ``(t,)``, the time of the gradient flow of the loss, summed over the
            points: ``step_size * steps`` for plain gradient descent.
        loss: ``(t,)``, loss on all training points. By SGD ``(epochs,)``, the mean over
            each epoch of the minibatches' mean losses, each taken before its step.
        outputs: ``(t, n, k)``, outputs at the training points.
        observed: what ``observe(params)`` returned, stacked along a first axis of
            length t; ``None`` without ``observe``.
        params: the parameters at the end.
    """

    steps: Any
    times: Float[AnyArray, " t"]
    loss: Float[AnyArray, " t"]
    outputs: Float[AnyArray, "t n k"]
    observed: Any
    params: Any


def loop(step: Callable, look: Callable, state, moments, bar=None):
    """Train, and look at the recorded steps; to be called inside ``jax.jit``.

    Args:
        step: ``step(number, state) -> state``.
        look: ``look(state)``, a tree of arrays.
        state: where to start.
        moments: increasing numbers of steps, the first of them 0.
        bar: the number of a bar to move, of :func:`compiled_bar`.

    Returns:
        The state at the end, and what ``look`` saw, stacked.
    """

    def segment(state, between):
        state = jax.lax.fori_loop(between[0], between[1], step, state)
        state = forward_only(state)
        if bar is not None:
            jax.debug.callback(tick, bar, between[1] - between[0])
        return state, look(state)

    first = look(state)
    state, rest = jax.lax.scan(segment, state, (moments[:-1], moments[1:]))
    return state, jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, rest)


def look_at(apply, loss, observe, x, y) -> Callable:
    """Return what sees the loss, the outputs and the reader's own of parameters."""

    def look(params):
        outputs = apply(params, x)
        observed = None if observe is None else observe(params)
        return loss(outputs, y), outputs, observed

    return look


def recorded_steps(record, steps: int, what: str = "steps") -> np.ndarray:
    """Return the recorded steps, or epochs: sorted, once each, from 0 to the end."""
    checks.known("record", record)
    try:
        one_number = np.ndim(record) == 0
    except ValueError:  # lists of several lengths
        raise TypeError(f"`record` must be a number or a list of {what}.") from None
    if one_number:
        count = checks.positive_int("record", record)
        wanted = np.linspace(0, steps, min(count, steps) + 1).round().astype(int)
    else:
        wanted = np.asarray(record)
        if wanted.ndim != 1:
            raise ValueError(
                f"`record` must be a number or a list of {what}, but its shape is "
                f"{wanted.shape}."
            )
        if wanted.size and not np.issubdtype(wanted.dtype, np.integer):
            raise TypeError(
                f"`record` must hold whole {what}, but its dtype is {wanted.dtype}."
            )
        if wanted.size and (wanted.min() < 0 or wanted.max() > steps):
            raise ValueError(
                f"`record` must hold {what} from 0 to {steps}, but it reaches from "
                f"{wanted.min()} to {wanted.max()}."
            )
    return np.unique(np.concatenate([[0], wanted, [steps]]).astype(int))


def check_observe(observe, params):
    """Refuse an ``observe`` that cannot be called; return the shapes of its result."""
    if observe is not None:
        checks.function("observe", observe, "observe(params)")
        return checks.shape_of("observe(params)", observe, params)
