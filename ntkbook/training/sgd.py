r"""Stochastic gradient descent with momentum, for networks and for frozen kernels.

The loss is the *mean* over a minibatch, as in most of the literature, and the learning
rate falls linearly to 0:

.. math:: v \leftarrow \beta v + \nabla \ell_B(w), \qquad
    w \leftarrow w - \eta\,(1 - s/S)\, v

A linearised network never leaves :math:`w_0 + \operatorname{span} J^\top`, so it can be
trained without its weights. With :math:`w - w_0 = J^\top a` the same two lines act on
one number for each training point, and outputs need only the kernel:
:math:`f = \Theta a`. That is what :func:`kernel_sgd` does, exactly.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.training.loop import (
    Trajectory,
    check_observe,
    look_at,
    loop,
    recorded_steps,
)
from ntkbook.training.losses import SEPARABLE, loss_function
from ntkbook.training.minibatches import size_of_batches
from ntkbook.validation import batch, checks, independence, model


class Settings(NamedTuple):
    """What a program is compiled for."""

    epochs: int
    batch: int
    momentum: float


def sgd(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    y: Float[AnyArray, "n k"],
    *,
    step_size: float,
    epochs: int,
    batch_size: int | None,
    key: Array,
    momentum: float = 0.9,
    loss: str | Callable = "logistic",
    record: int | Sequence[int] | np.ndarray = (),
    observe: Callable | None = None,
) -> Trajectory:
    r"""Train by SGD with momentum and a learning rate that falls linearly to 0.

    Everything is traced, so a call can stand inside ``jax.jit`` and ``jax.vmap``: many
    tasks and starts train as one program.

    Several trainings at the same time should run in separate processes, not in threads;
    the page Performance says why.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        params: where to start.
        x: inputs, ``(n, ...)``.
        y: targets, ``(n, k)``; -1 and 1 for the logistic loss.
        step_size: :math:`\eta`, the first learning rate, for the mean loss.
        epochs: passes through the points.
        batch_size: points in each minibatch; ``None`` takes all. What does not fill one
            is dropped, anew in each epoch.
        key: random key for the shuffling.
        momentum: :math:`\beta` in [0, 1).
        loss: as in :func:`ntkbook.gradient_descent`, a sum over the points it is given.
        record: after which epochs to look, or how many evenly spaced times; the first
            and the last are always among them.
        observe: ``observe(params)``.

    Returns:
        A :class:`Trajectory`; its ``loss`` is that of the minibatches.

    Raises:
        ValueError, TypeError: arguments that do not fit, or training that diverged.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from ntkbook import sgd
        >>> x = jnp.array([[1.0], [2.0], [-1.0], [-3.0]])
        >>> run = sgd(lambda w, x: x @ w, jnp.zeros((1, 1)), x, jnp.sign(x),
        ...           step_size=1.0, epochs=20, batch_size=2, key=jax.random.key(0))
        >>> bool(run.loss[0] > 10 * run.loss[-1])
        True
    """
    x, y, _ = model.data(apply, params, x, y)
    settings, rate, key, of_loss = _settings(
        step_size, momentum, epochs, batch_size, key, loss, y
    )
    if batch_size is not None:
        independence.check(apply, params, x, needs="Training by minibatches")
    moments = recorded_steps(record, settings.epochs, "epochs")
    check_observe(observe, params)
    end, losses, seen = _sgd(
        apply, of_loss, observe, settings, params, x, y, rate, key, moments
    )
    _refuse_divergence(losses, end, step_size)
    return _trajectory(settings, len(y), rate, moments, losses, seen, end)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _sgd(apply, loss, observe, settings, params, x, y, rate, key, moments):
    def batch_loss(params, rows):
        return loss(apply(params, batch.take(x, rows)), y[rows]) / settings.batch

    return _train(
        jax.value_and_grad(batch_loss), look_at(apply, loss, observe, x, y),
        jnp.zeros(settings.epochs, y.dtype),
        settings, params, len(y), rate, key, moments,
    )  # fmt: skip


def kernel_sgd(
    kernel: Float[AnyArray, "n n"],
    y: Float[AnyArray, "n k"],
    *,
    step_size: float,
    epochs: int,
    batch_size: int | None,
    key: Array,
    momentum: float = 0.9,
    loss: str | Callable = "logistic",
) -> Trajectory:
    r"""Train a linearised network, given only its kernel, by the SGD of :func:`sgd`.

    .. math::

        c &\leftarrow \beta c + \tfrac1B \sum_{i \in B} \ell'(f_i)\, e_i, \\
        a &\leftarrow a - \eta (1 - s/S)\, c, \quad f = \Theta a

    With the same key this is :func:`sgd` on ``ntkbook.linearize(apply, w0)`` minus its
    output at :math:`w_0`, minibatch by minibatch, at a cost that does not depend on the
    number of weights.

    Args:
        kernel: among the training points, ``(n, n)``.
        y: targets, ``(n, k)``. With the squared and the logistic loss each column is a
            task of its own; ``"softmax"`` and functions couple the columns.
        step_size, epochs, batch_size, key, momentum, loss: as for :func:`sgd`.

    Returns:
        A :class:`Trajectory` of the first and last step. Its ``params`` are :math:`a`,
        ``(n, k)``: elsewhere the outputs are ``k_test @ run.params``, and
        :math:`\lVert w - w_0 \rVert^2 = a^\top \Theta a` is the squared norm of the
        learned function in the kernel's Hilbert space. Its ``loss`` is ``(epochs, k)``
        where each column is a task, and ``(epochs,)`` where they are coupled.

    Raises:
        ValueError, TypeError: arguments that do not fit, or training that diverged.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from ntkbook import kernel_sgd
        >>> x = jnp.array([[1.0], [2.0], [-1.0], [-3.0]])
        >>> run = kernel_sgd(x @ x.T, jnp.sign(x), step_size=1.0, epochs=20,
        ...                  batch_size=2, key=jax.random.key(0))
        >>> bool((run.outputs[-1] * x > 0).all())
        True
    """
    kernel = checks.float_array("kernel", kernel, expected="kernel values, (n, n)")
    y = checks.float_array("y", y, expected="targets of shape (n, k)")
    checks.square("kernel", kernel)
    if y.ndim != 2 or len(y) != len(kernel):
        raise ValueError(
            f"`y` must have shape ({len(kernel)}, k) to match `kernel`, but its shape "
            f"is {y.shape}" + ("; pass y[:, None]." if y.ndim == 1 else ".")
        )
    checks.same_dtype("kernel", kernel.dtype, "y", y.dtype)
    settings, rate, key, of_loss = _settings(
        step_size, momentum, epochs, batch_size, key, loss, y
    )
    moments = recorded_steps((), settings.epochs)
    a, losses, seen = _kernel_sgd(of_loss, settings, kernel, y, rate, key, moments)
    _refuse_divergence(losses, seen, step_size)
    return _trajectory(settings, len(y), rate, moments, losses, seen, a)


@partial(jax.jit, static_argnums=(0, 1))
def _kernel_sgd(loss, settings, kernel, y, rate, key, moments):
    tasks = loss in SEPARABLE  # each column is one
    # Of a point: its loss, for every task where there are tasks, and its slope.
    slope_of = jax.vmap(jax.grad(lambda f, t: loss(f[None], t[None])))
    each = jax.vmap(jax.vmap(lambda f, t: loss(f[None, None], t[None, None])))

    def batch_loss(a, rows):
        f, t = kernel[rows] @ a, y[rows]
        value = each(f, t).mean(0) if tasks else loss(f, t) / settings.batch
        slope = slope_of(f, t) / settings.batch
        return value, jnp.zeros_like(a).at[rows].set(slope)

    return _train(
        batch_loss, lambda a: (None, kernel @ a, None),
        jnp.zeros((settings.epochs, *y.shape[1:] * tasks), y.dtype),
        settings, jnp.zeros_like(y), len(y), rate, key, moments,
    )  # fmt: skip


def _train(value_and_grad, look, losses, settings, params, n, rate, key, moments):
    """Return the end, the losses of all epochs, and what was seen on the way."""
    epochs, batch, momentum = settings
    dtype = losses.dtype

    def step(state, now):
        (params, speed), (rows, share) = state, now
        value, slope = value_and_grad(params, rows)
        speed = jax.tree.map(lambda v, g: momentum * v + g, speed, slope)
        params = jax.tree.map(lambda p, v: p - (rate * share) * v, params, speed)
        return (params, speed), value

    def one_epoch(epoch, carry):
        state, losses = carry
        rows = _rows(key, epoch, n, batch)
        done = jnp.asarray(epoch, dtype) + jnp.arange(len(rows), dtype=dtype) / len(
            rows
        )
        state, found = jax.lax.scan(step, state, (rows, 1 - done / epochs))
        return state, losses.at[epoch].set(found.mean(0))

    start = (params, jax.tree.map(jnp.zeros_like, params)), losses
    carry, seen = loop(one_epoch, lambda carry: look(carry[0][0]), start, moments)
    (params, _), losses = carry
    return params, losses, seen


def _settings(step_size, momentum, epochs, batch_size, key, loss, y):
    """Check what both ways of training share."""
    if not checks.is_traced(step_size):
        step_size = checks.finite_float("step_size", step_size, above=0)
    elif jnp.shape(step_size) != ():
        raise ValueError(
            f"`step_size` must be one number, but its shape is {jnp.shape(step_size)}; "
            "use jax.vmap."
        )
    momentum = checks.momentum(momentum)
    epochs = checks.positive_int("epochs", epochs)
    batch = size_of_batches(batch_size, len(y)) or len(y)
    key = checks.random_key("key", key)
    rate = jnp.asarray(step_size, y.dtype)
    return Settings(epochs, batch, momentum), rate, key, loss_function(loss, y)


def _rows(key, epoch, n, batch):
    """Return the minibatches of one epoch, ``(steps, batch)``."""
    order = jax.random.permutation(jax.random.fold_in(key, epoch), n)
    return order[: n // batch * batch].reshape(-1, batch)


def _trajectory(settings, n, rate, epochs, losses, seen, params):
    """Return the result; of S steps, those before step s cover s - s (s - 1) / 2S."""
    in_epoch = n // settings.batch
    steps = epochs * in_epoch
    full = steps - steps * (steps - 1) / (2 * settings.epochs * in_epoch)
    times = rate / (n * (1 - settings.momentum)) * jnp.asarray(full, rate.dtype)
    _, outputs, observed = seen
    return Trajectory(steps, times, losses, outputs, observed, params)


def _refuse_divergence(losses, result, step_size):
    for array in (losses, *jax.tree.leaves(result)):
        checks.finite_result(
            array,
            f"training diverged: with `step_size`={step_size} the loss or the result "
            "is not finite; pass a smaller one.",
        )
