r"""A network of quadratic units, whose training is solved by two moments.

With :math:`f(x) = \frac\alpha N \sum_i \phi(w_i^\top x)` and
:math:`\phi(z) = z + \frac\varepsilon2 z^2` every gradient step is the same affine map
of every unit's weights. So the mean and the second moment of the units follow a closed
rule, the same for every N, and the network is a function of these two.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntkbook._types import AnyArray
from ntkbook.training.loop import loop, recorded_steps
from ntkbook.validation import checks


class Moments(NamedTuple):
    """The course of training, at t recorded times.

    Attributes:
        steps: ``(t,)``, how many steps had been made.
        outputs: ``(t, n)``, at the training inputs.
        test: ``(t, n_test)``, outputs at the test inputs.
        kernel: ``(t, n, n)``, the tangent kernel, over alpha squared, times N.
        mean: ``(d,)``, mean of the units' weights at the end.
        second: ``(d, d)``, their second moment at the end.
    """

    steps: Any
    outputs: Float[AnyArray, "t n"]
    test: Float[AnyArray, "t n_test"]
    kernel: Float[AnyArray, "t n n"]
    mean: Float[AnyArray, " d"]
    second: Float[AnyArray, "d d"]


def quadratic_network(
    x: Float[AnyArray, "n d"],
    y: Float[AnyArray, " n"],
    x_test: Float[AnyArray, "n_test d"],
    *,
    alpha: float | Float[Array, ""],
    epsilon: float,
    steps: int,
    step_size: float | None = None,
    record: int | Sequence[int] | np.ndarray = 100,
) -> Moments:
    r"""Train an infinitely wide network of quadratic units, exactly.

    .. math::

        f(x) &= \alpha \Bigl( \bar w^\top x \\[0pt]
        &\qquad + \tfrac\varepsilon2\, x^\top (M - M_0)\, x \Bigr), \\
        \bar w &\leftarrow A \bar w - c g, \\
        M &\leftarrow A M A + c^2 g g^\top \\[0pt]
        &\qquad - c\,(A \bar w g^\top + g \bar w^\top A),

    where :math:`g = \sum_i r_i x_i`, :math:`A = I - c \varepsilon \sum_i r_i x_i
    x_i^\top` with the residuals :math:`r_i = f(x_i) - y_i`, and
    :math:`c = \eta / \alpha`. The units start from :math:`\mathcal N(0, I)`, so
    :math:`\bar w = 0` and :math:`M_0 = I`, and their initial output is subtracted.
    This is gradient descent with the step size :math:`N \eta / \alpha^2`: with it the
    lazy limit does not depend on :math:`\alpha`.

    Args:
        x: training inputs, ``(n, d)``.
        y: targets, ``(n,)``.
        x_test: test inputs, ``(n_test, d)``.
        alpha: the output scale; traced values and ``jax.vmap`` are fine.
        epsilon: the curvature of the units.
        steps: number of steps.
        step_size: :math:`\eta`; ``None`` takes 0.3 over the largest eigenvalue of the
            initial kernel.
        record: when to look, as in :func:`ntkbook.gradient_descent`.

    Returns:
        :class:`Moments`.

    Raises:
        ValueError: shapes that do not match, or numbers out of range.
        TypeError: arrays that are not of floating-point numbers.

    Example:
        >>> import jax, jax.numpy as jnp, ntkbook
        >>> x = jax.random.normal(jax.random.key(0), (8, 5))
        >>> run = ntkbook.feature_learning.quadratic_network(
        ...     x, x[:, 0] ** 2, x, alpha=1.0, epsilon=1.0, steps=2000
        ... )
        >>> bool(jnp.abs(run.outputs[-1] - x[:, 0] ** 2).max() < 1e-2)
        True

    Source: the network is that of :cite:t:`kumar2024grokking`.
    """
    x = checks.inputs("x", x)
    x_test = checks.inputs("x_test", x_test)
    y = checks.float_array("y", y, expected="targets of shape (n,)")
    if x.ndim != 2 or x_test.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"`x_test` must be (n_test, d) as `x` is (n, d), but their shapes are "
            f"{x_test.shape} and {x.shape}."
        )
    if y.shape != x.shape[:1]:
        raise ValueError(f"`y` must be of shape {x.shape[:1]}, but it is {y.shape}.")
    for name, value in (("x_test", x_test), ("y", y)):
        checks.same_dtype("x", x.dtype, name, value.dtype)
    if not checks.is_traced(alpha):
        alpha = checks.finite_float("alpha", alpha, above=0)
    elif jnp.shape(alpha) != ():
        raise ValueError(
            f"`alpha` must be one number, but its shape is {jnp.shape(alpha)}; use "
            "jax.vmap."
        )
    epsilon = checks.finite_float("epsilon", epsilon)
    steps = checks.positive_int("steps", steps)
    if step_size is not None:
        step_size = checks.finite_float("step_size", step_size, above=0)
    moments = recorded_steps(record, steps)
    end, seen = _train(x, y, x_test, alpha, epsilon, step_size, moments)
    outputs, test, kernel = seen
    return Moments(moments, outputs, test, kernel, *end)


@jax.jit
def _train(x, y, x_test, alpha, epsilon, step_size, moments):
    identity = jnp.eye(x.shape[1], dtype=x.dtype)

    def outputs(state, x):
        mean, second = state
        quadratic = jnp.sum((x @ (second - identity)) * x, axis=1)
        return alpha * (x @ mean + epsilon / 2 * quadratic)

    def kernel(state):
        mean, second = state
        slopes = epsilon * (x @ mean)
        bends = epsilon**2 * (x @ second @ x.T)
        return (x @ x.T) * (1 + slopes[:, None] + slopes[None] + bends)

    start = jnp.zeros(x.shape[1], x.dtype), identity
    if step_size is None:
        step_size = 0.3 / jnp.linalg.eigvalsh(kernel(start))[-1]
    rate = step_size / alpha

    def step(_, state):
        mean, second = state
        residual = outputs(state, x) - y
        pull = rate * (residual @ x)
        shrink = identity - rate * epsilon * x.T @ (residual[:, None] * x)
        moved = shrink @ mean
        cross = jnp.outer(moved, pull)
        second = shrink @ second @ shrink - cross - cross.T + jnp.outer(pull, pull)
        return moved - pull, second

    def look(state):
        return outputs(state, x), outputs(state, x_test), kernel(state)

    return loop(step, look, start, moments)
