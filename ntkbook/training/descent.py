r"""Gradient descent, compiled as one scan.

The loss is a *sum* over the training points, with the half for squares, so that

    time = step_size * steps

is the time of the gradient flow that the book's formulas speak of. A minibatch of B of
n points estimates the gradient of that sum by n/B times its own, so the same holds for
every batch size.
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.kernels.empirical.tangent import ntk
from ntkbook.machine.progress import compiled_bar
from ntkbook.training.loop import (
    Trajectory,
    check_observe,
    look_at,
    loop,
    recorded_steps,
)
from ntkbook.training.losses import loss_function
from ntkbook.training.minibatches import batches, minibatch
from ntkbook.validation import batch, checks, independence, model
from ntkbook.validation.host import as_matrix


def gradient_descent(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    y: Float[AnyArray, "n k"],
    *,
    step_size: float,
    steps: int,
    batch_size: int | None = None,
    key: Array | None = None,
    loss: str | Callable = "squared",
    record: int | Sequence[int] | np.ndarray = 100,
    observe: Callable | None = None,
    progress: bool = True,
) -> Trajectory:
    r"""Train by gradient descent, on all points at once or in minibatches.

    .. math:: w_{s+1} = w_s - \eta\, \partial_w \sum_i \ell(f(x_i, w_s), y_i)

    Several trainings at the same time should run in separate processes, not in threads;
    the page Performance says why.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        params: where to start.
        x: inputs, ``(n, ...)``.
        y: targets, ``(n, k)``, shaped as the outputs.
        step_size: :math:`\eta > 0`. On the squared loss, steps above
            :math:`2 / \lambda_{\max}` of the tangent kernel diverge.
        steps: number of steps, at least 1.
        batch_size: points in each minibatch; ``None`` takes all. Every epoch shuffles
            the points anew and drops what does not fill a batch.
        key: random key for the shuffling; needed with ``batch_size``.
        loss: ``"squared"``, ``"logistic"``, ``"softmax"`` (cross-entropy), or a
            function ``(outputs, y) -> scalar`` that sums over the points.
        record: when to look: a number of evenly spaced steps, or the steps
            themselves. The first and the last are always among them.
        observe: ``observe(params)``, evaluated at these steps inside the compiled
            loop, for example the outputs at other points.
        progress: show a progress bar where training takes longer than two seconds.

    Returns:
        A :class:`Trajectory`.

    Raises:
        ValueError: shapes that do not match, bad sizes, or training that diverged.
        TypeError: integer or mixed dtypes, a missing key.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda w, x: x @ w
        >>> x, y = jnp.array([[1.0], [2.0]]), jnp.array([[2.0], [4.0]])
        >>> run = ntkbook.gradient_descent(
        ...     apply, jnp.zeros((1, 1)), x, y, step_size=0.1, steps=50
        ... )
        >>> round(float(run.params[0, 0]), 4)
        2.0
    """
    # All points at once may be mixed: they are the function's argument. Of a minibatch
    # one output must not depend on which other points it is computed with.
    x, y, dtype = model.data(apply, params, x, y, per_input=batch_size is not None)
    step_size = checks.finite_float("step_size", step_size, above=0)
    steps = checks.positive_int("steps", steps)
    batch_size, key = batches(batch_size, key, len(y))
    if batch_size is not None:
        independence.check(apply, params, x, needs="Training by minibatches")
    moments = recorded_steps(record, steps)
    of_loss = loss_function(loss, y)
    check_observe(observe, params)
    checks.boolean("progress", progress)

    # The zeros are traced where a traced function calls this with concrete arrays: the
    # loop then runs later, when the bar is gone.
    if checks.is_traced((params, x, y, key, jnp.zeros(()))):
        progress = False
    with compiled_bar(progress, total=steps, desc="training") as bar:
        end, seen = _run(
            apply, of_loss, observe, batch_size,
            params, x, y, jnp.asarray(step_size, dtype), moments, key, bar,
        )  # fmt: skip
        if bar is not None:
            jax.block_until_ready(seen)
            jax.effects_barrier()
    times = step_size * jnp.asarray(moments, dtype)
    run = Trajectory(moments, times, *seen, params=end)
    if not checks.is_traced(run.loss):
        _refuse_divergence(run, apply, params, x, loss, step_size)
    return run


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _run(apply, loss, observe, batch_size, params, x, y, step_size, moments, key, bar):
    n = len(y)

    def objective(params, rows):
        if rows is None:
            return loss(apply(params, x), y)
        return loss(apply(params, batch.take(x, rows)), y[rows]) * (n / batch_size)

    def rows_of(step):
        if batch_size is None:
            return None
        return minibatch(key, step, n, batch_size)

    def one_step(step, params):
        slope = jax.grad(objective)(params, rows_of(step))
        return jax.tree.map(lambda p, g: p - step_size * g, params, slope)

    look = look_at(apply, loss, observe, x, y)
    return loop(one_step, look, params, moments, bar)


def _refuse_divergence(run, apply, params, x, loss, step_size):
    """Raise a ``ValueError`` where the loss, the outputs or the end are not finite."""
    finite = np.isfinite(run.loss) & np.isfinite(run.outputs).all(axis=(1, 2))
    for leaf in jax.tree.leaves(run.params):
        finite[-1] &= bool(jnp.all(jnp.isfinite(leaf)))
    if finite.all():
        for leaf in jax.tree.leaves(run.observed):
            # Infinity may be meant, as the log of a loss that reaches 0.
            if jnp.any(jnp.isnan(leaf)):
                raise ValueError("`observe(params)` returned NaN.")
        return
    bad = int(np.argmin(finite))
    if bad == 0:
        raise ValueError(
            "the loss or the outputs of `apply(params, x)` are not finite before the "
            "first step; start from smaller parameters, or check `loss`."
        )
    advice = "pass a smaller one."
    if loss == "squared" and run.outputs[0].size <= 2000:
        try:
            gram = np.asarray(as_matrix(ntk(apply, params, x)), np.float64)
            top = np.linalg.eigvalsh(gram)[-1]
            # Not that one: a later kernel may be larger than the initial one.
            smaller = min(1 / top, step_size / 2)
            advice = (
                f"the largest stable one initially is {2 / top:.3g}; pass "
                f"step_size={smaller:.3g}."
            )
        except ValueError:
            pass  # inputs that are mixed have no kernel
    raise ValueError(
        f"training diverged: with `step_size`={step_size:g} the outputs or the loss "
        f"are not finite at step {run.steps[bad]}; {advice}"
    )
