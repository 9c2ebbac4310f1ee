r"""Stochastic gradient descent with momentum, for networks and for frozen kernels.

The loss is the *mean* over a minibatch, as in most of the literature, and the learning
rate falls linearly to 0:

.. math:: v \leftarrow \beta v + \nabla \ell_B(w), \qquad
    w \leftarrow w - \eta\,(1 - s/S)\, v

A linearised network never leaves :math:`w_0 + \operatorname{span} J^\top`, so it can be
trained without its weights. With :math:`w - w_0 = J^\top a` the same two lines act on
one number for each training point, and outputs need nothing but the kernel:
:math:`f = \Theta a`. That is what :func:`kernel_sgd` does, exactly.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.machine import checks
from ntkbook.training.losses import loss_function
from ntkbook.training.record import recorded_epochs


class Training(NamedTuple):
    """What :func:`sgd` returns.

    Attributes:
        loss: ``(epochs,)``, mean over each epoch of the minibatches' mean losses, each
            taken before its step.
        observed: what ``observe(params)`` returned at the epochs of ``record``, stacked
            along a first axis; ``None`` without ``observe``.
        params: the parameters at the end.
    """

    loss: jax.Array
    observed: Any
    params: Any


class KernelTraining(NamedTuple):
    r"""What :func:`kernel_sgd` returns; k tasks share the kernel and the batches.

    Attributes:
        loss: ``(epochs, k)``, as in :class:`Training`.
        train: outputs at the training points, ``(n, k)``.
        test: outputs at the test points, ``(n_test, k)``, or ``None``.
        distance: ``(k,)``, :math:`\lVert w - w_0 \rVert`, which is the norm of the
            learned function in the kernel's Hilbert space.
    """

    loss: jax.Array
    train: jax.Array
    test: jax.Array | None
    distance: jax.Array


def sgd(
    apply: Callable,
    params,
    x,
    y,
    *,
    step_size: float,
    epochs: int,
    batch_size: int,
    key,
    momentum: float = 0.9,
    loss: str | Callable = "logistic",
    record=(),
    observe: Callable | None = None,
) -> Training:
    r"""Train by SGD with momentum and a learning rate that falls linearly to 0.

    Everything is traced, so a call can stand inside ``jax.jit`` and ``jax.vmap``: many
    tasks and starts train as one program.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        params: where to start.
        x: inputs, ``(n, ...)``.
        y: targets, ``(n, k)``; -1 and 1 for the logistic loss.
        step_size: :math:`\eta`, the first learning rate, for the mean loss.
        epochs: passes through the points.
        batch_size: points in each minibatch; what does not fill one is dropped, anew in
            each epoch.
        key: random key for the shuffling.
        momentum: :math:`\beta` in [0, 1).
        loss: as in :func:`ntkbook.gradient_descent`, a sum over the points it is given.
        record: epochs, from 0 to ``epochs``, after which to call ``observe``.
        observe: ``observe(params)``.

    Returns:
        A :class:`Training`.

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
    x, y, _ = checks.data(apply, params, x, y)
    rate, momentum, epochs, batch, key, of_loss = _settings(
        step_size, momentum, epochs, batch_size, key, loss, y
    )
    moments = recorded_epochs(record, epochs)
    if observe is not None:
        checks.function("observe", observe, "observe(params)")
    in_epoch = len(x) // batch

    def objective(params, rows):
        return of_loss(apply(params, x[rows]), y[rows]) / batch

    def step(state, now):
        (params, speed), (rows, share) = state, now
        value, slope = jax.value_and_grad(objective)(params, rows)
        speed = jax.tree.map(lambda v, g: momentum * v + g, speed, slope)
        params = jax.tree.map(lambda p, v: p - (rate * share) * v, params, speed)
        return (params, speed), value

    def one_epoch(epoch, carry):
        state, losses = carry
        shares = _shares(epoch, epochs, in_epoch, x.dtype)
        state, found = jax.lax.scan(step, state, (_rows(key, epoch, x, batch), shares))
        return state, losses.at[epoch].set(found.mean())

    def segment(carry, between):
        carry = jax.lax.fori_loop(between[0], between[1], one_epoch, carry)
        return carry, None if observe is None else observe(carry[0][0])

    carry = (params, jax.tree.map(jnp.zeros_like, params)), jnp.zeros(epochs, x.dtype)
    observed = None
    if moments.size:
        starts = np.concatenate([[0], moments[:-1]])
        carry, observed = jax.lax.scan(segment, carry, (starts, moments))
    carry = jax.lax.fori_loop(moments.max(initial=0), epochs, one_epoch, carry)
    (params, _), losses = carry
    _refuse_divergence(losses, params, step_size)
    return Training(losses, observed, params)


def kernel_sgd(
    kernel,
    y,
    *,
    step_size: float,
    epochs: int,
    batch_size: int,
    key,
    k_test=None,
    momentum: float = 0.9,
    loss: str | Callable = "logistic",
) -> KernelTraining:
    r"""Train a linearised network, given only its kernel, by the SGD of :func:`sgd`.

    .. math::

        c &\leftarrow \beta c + \tfrac1B \sum_{i \in B} \ell'(f_i)\, e_i, \\
        a &\leftarrow a - \eta (1 - s/S)\, c, \quad f = \Theta a

    With the same key this is :func:`sgd` on ``ntkbook.linearize(apply, w0)`` minus its
    output at :math:`w_0`, minibatch by minibatch, at a cost that does not depend on the
    number of weights.

    Args:
        kernel: among the training points, ``(n, n)``.
        y: targets, ``(n, k)``: each column is a task of its own.
        step_size, epochs, batch_size, key, momentum, loss: as for :func:`sgd`.
        k_test: kernel between test and training points, ``(n_test, n)``.

    Returns:
        A :class:`KernelTraining`.

    Raises:
        ValueError, TypeError: arguments that do not fit, or training that diverged.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from ntkbook import kernel_sgd
        >>> x = jnp.array([[1.0], [2.0], [-1.0], [-3.0]])
        >>> run = kernel_sgd(x @ x.T, jnp.sign(x), step_size=1.0, epochs=20,
        ...                  batch_size=2, key=jax.random.key(0))
        >>> bool((run.train * x > 0).all())
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
    if k_test is not None:
        k_test = checks.float_array("k_test", k_test, expected="values, (n_test, n)")
        if k_test.ndim != 2 or k_test.shape[1] != len(kernel):
            raise ValueError(
                f"`k_test` must have shape (n_test, {len(kernel)}), but its shape is "
                f"{k_test.shape}; is it transposed?"
            )
        checks.same_dtype("kernel", kernel.dtype, "k_test", k_test.dtype)
    rate, momentum, epochs, batch, key, of_loss = _settings(
        step_size, momentum, epochs, batch_size, key, loss, y
    )
    in_epoch = len(y) // batch
    one = jax.value_and_grad(lambda f, t: of_loss(f[None, None], t[None, None]))
    each = jax.vmap(jax.vmap(one))  # a point's loss and its slope, for every task

    def step(state, now):
        (a, speed), (rows, share) = state, now
        value, slope = each(kernel[rows] @ a, y[rows])
        speed = (momentum * speed).at[rows].add(slope / batch)
        return (a - (rate * share) * speed, speed), value.mean(0)

    def one_epoch(state, epoch):
        shares = _shares(epoch, epochs, in_epoch, y.dtype)
        rows = _rows(key, epoch, y, batch)
        state, found = jax.lax.scan(step, state, (rows, shares))
        return state, found.mean(0)

    start = jnp.zeros_like(y), jnp.zeros_like(y)
    (a, _), losses = jax.lax.scan(one_epoch, start, jnp.arange(epochs))
    train = kernel @ a
    distance = jnp.sqrt(jnp.maximum((a * train).sum(0), 0))
    _refuse_divergence(losses, train, step_size)
    return KernelTraining(
        losses, train, None if k_test is None else k_test @ a, distance
    )


def _settings(step_size, momentum, epochs, batch_size, key, loss, y):
    """Check what both ways of training share."""
    if not checks.is_traced(step_size):
        step_size = checks.finite_float("step_size", step_size, above=0)
    momentum = checks.momentum(momentum)
    epochs = checks.positive_int("epochs", epochs)
    batch_size = checks.positive_int("batch_size", batch_size)
    if batch_size > len(y):
        raise ValueError(
            f"`batch_size` is {batch_size}, but there are only {len(y)} points."
        )
    key = checks.random_key("key", key)
    rate = jnp.asarray(step_size, y.dtype)
    return rate, momentum, epochs, batch_size, key, loss_function(loss, y)


def _rows(key, epoch, x, batch):
    """Return the minibatches of one epoch, ``(steps, batch)``."""
    order = jax.random.permutation(jax.random.fold_in(key, epoch), len(x))
    return order[: len(x) // batch * batch].reshape(-1, batch)


def _shares(epoch, epochs, in_epoch, dtype):
    """Return the learning rate of each step of an epoch, over the first one."""
    done = jnp.asarray(epoch, dtype) + jnp.arange(in_epoch, dtype=dtype) / in_epoch
    return 1 - done / epochs


def _refuse_divergence(losses, result, step_size):
    for array in (losses, *jax.tree.leaves(result)):
        checks.finite_result(
            array,
            f"training diverged: with `step_size`={step_size} the loss or the result "
            "is not finite; pass a smaller one.",
        )
