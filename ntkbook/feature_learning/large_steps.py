r"""Gradient descent with steps that are too large for the initial kernel.

On a quadratic loss of curvature :math:`\lambda` gradient descent with a step size
:math:`\eta > 2/\lambda` diverges. A network need not: its curvature can fall.
:func:`catapult` is the two-layer linear network in which this can be proved, and
:func:`sharpness` measures the curvature of any network's loss.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.training.losses import loss_function
from ntkbook.validation import checks, model


class Catapult(NamedTuple):
    r"""The course of training of the two-layer linear network.

    Attributes:
        kernel: ``(steps + 1,)``, :math:`\tau = \eta\lambda`, step size times kernel.
        loss: ``(steps + 1,)``, :math:`\rho = \eta^2 x^2 f^2 / m`.
    """

    kernel: Float[Array, " t"]
    loss: Float[Array, " t"]


def catapult(
    kernel: float | Float[AnyArray, ""], loss: float | Float[AnyArray, ""], steps: int
) -> Catapult:
    r"""Train the two-layer linear network on one example with target 0, exactly.

    .. math::

        f &= \frac{x}{\sqrt m} \sum_{i=1}^m a_i b_i, \\
        \lambda &= \frac{x^2}{m} \sum_i (a_i^2 + b_i^2), \\
        \tau_{t+1} &= \tau_t - \rho_t\,(4 - \tau_t), \\
        \rho_{t+1} &= \rho_t\,(1 - \tau_t + \rho_t)^2

    Gradient descent with the step size :math:`\eta` on :math:`\tfrac12 f^2` moves the
    two numbers :math:`\tau = \eta\lambda` and :math:`\rho = \eta^2 x^2 f^2 / m` by this
    rule, whatever the width and the weights.

    Args:
        kernel: the initial :math:`\tau`, not negative.
        loss: the initial :math:`\rho`, from 0 to :math:`\tau^2 / 4`: no weights have
            more.
        steps: number of steps, at least 1.

    Returns:
        A :class:`Catapult`, in JAX's default precision; infinite from where training
        has diverged.

    Raises:
        ValueError: numbers out of range, or a pair that no weights have.
        TypeError: arguments that are not numbers.

    Example:
        >>> import ntkbook
        >>> run = ntkbook.feature_learning.catapult(kernel=3.0, loss=1e-3, steps=40)
        >>> run.loss.max() > 100 * run.loss[0], run.loss[-1] < 1e-6 * run.loss[0]
        (Array(True, dtype=bool), Array(True, dtype=bool))
        >>> bool(run.kernel[-1] < 2)
        True

    Source: the model is that of :cite:t:`lewkowycz2020large`.
    """
    kernel = checks.finite_float("kernel", kernel, least=0)
    loss = checks.finite_float("loss", loss, least=0)
    steps = checks.positive_int("steps", steps)
    if 4 * loss > kernel**2 * (1 + 1e-12):
        raise ValueError(
            f"no weights have `kernel`={kernel:g} and `loss`={loss:g}: 2|ab| is at "
            "most a^2 + b^2 for each unit, so `loss` is at most kernel^2 / 4 = "
            f"{kernel**2 / 4:g}."
        )

    return Catapult(*_iterate(kernel, loss, steps))


@partial(jax.jit, static_argnums=2)
def _iterate(tau, rho, steps):
    """The rule, made into infinities where a number overflows."""

    def step(state, _):
        tau, rho = state
        new = tau - rho * (4 - tau), rho * (1 - tau + rho) ** 2
        finite = jnp.isfinite(new[0]) & jnp.isfinite(new[1])
        new = tuple(jnp.where(finite, value, jnp.inf) for value in new)
        return new, new

    start = jnp.asarray(tau, float), jnp.asarray(rho, float)
    _, path = jax.lax.scan(step, start, length=steps)
    return [jnp.concatenate([s[None], p]) for s, p in zip(start, path, strict=True)]


def sharpness(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    y: Float[AnyArray, "n k"],
    *,
    loss: str | Callable = "squared",
    iterations: int = 30,
) -> Float[Array, ""]:
    r"""Return the largest eigenvalue of the Hessian of the loss.

    .. math::

        &\max_{\lVert v \rVert = 1} v^\top H\, v, \\
        &H = \partial_w^2 \sum_i \ell(f(x_i, w), y_i)

    By the method of Lanczos, from products of the Hessian with vectors. The result is
    never too large, up to rounding, and for a top eigenvalue that stands apart it is
    exact to many digits. Gradient descent on a quadratic loss is stable for step sizes
    below 2 over it.

    Args:
        apply: ``apply(params, x) -> (n, k)``, twice differentiable in ``params``.
        params: where.
        x: inputs, ``(n, ...)``.
        y: targets, ``(n, k)``.
        loss: as in :func:`ntkbook.gradient_descent`, summed over the points.
        iterations: products with the Hessian, at least 2; no more are made than there
            are parameters.

    Returns:
        One number; inside ``jax.jit`` and as the ``observe`` of a training run too.

    Raises:
        ValueError: shapes that do not match, bad sizes, NaN.
        TypeError: integer or mixed dtypes.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> linear = lambda w, x: x @ w                  # the Hessian is x^T x
        >>> x, y = jnp.array([[1.0, 0.0], [0.0, 3.0]]), jnp.zeros((2, 1))
        >>> w = jnp.ones((2, 1))
        >>> round(float(ntkbook.feature_learning.sharpness(linear, w, x, y)), 4)
        9.0
    """
    x, y, dtype = model.data(apply, params, x, y, per_input=False)
    of_loss = loss_function(loss, y)
    iterations = checks.bounded_int("iterations", iterations, 2)
    flat, unravel = ravel_pytree(params)
    count = min(iterations, flat.size)
    gradient = jax.grad(lambda w: of_loss(apply(unravel(w), x), y))

    def extend(j, state):
        basis, diagonal, beside = state
        new = jax.jvp(gradient, (flat,), (basis[j],))[1]
        diagonal = diagonal.at[j].set(new @ basis[j])
        for _ in range(2):  # once leaves what rounding has put along the basis
            new = new - basis.T @ (basis @ new)
        # Where the space is exhausted nothing is left but rounding: go on with 0. A
        # norm has no derivative at 0, so that of something else is taken there.
        left = jnp.linalg.norm(jax.lax.stop_gradient(new))
        full = left <= 1e3 * jnp.finfo(dtype).eps * jnp.abs(diagonal).max()
        size = jnp.linalg.norm(jnp.where(full, 1.0, new))
        new = jnp.where(full, 0.0, new / size)
        return (
            basis.at[j + 1].set(new),
            diagonal,
            beside.at[j].set(jnp.where(full, 0.0, size)),
        )

    start = jax.random.normal(jax.random.key(0), flat.shape, dtype)
    basis = jnp.zeros((count + 1, flat.size), dtype)
    basis = basis.at[0].set(start / jnp.linalg.norm(start))
    zeros = jnp.zeros(count, dtype)
    _, diagonal, beside = jax.lax.fori_loop(0, count, extend, (basis, zeros, zeros))
    small = jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    return checks.finite_result(
        jnp.linalg.eigvalsh(small)[-1],
        "the loss has no finite second derivative at `params`.",
    )
