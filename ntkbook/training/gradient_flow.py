r"""Gradient descent with no step size: the gradient flow, as a differential equation.

.. math:: \dot w = -\partial_w \mathcal L(w)

It is solved by diffrax, with steps that adapt to a tolerance.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.machine.progress import compiled_bar, reach
from ntkbook.training.loop import Trajectory, check_observe, look_at
from ntkbook.training.losses import loss_function
from ntkbook.validation import checks, model
from ntkbook.validation.host import host_times


def gradient_flow(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    y: Float[AnyArray, "n k"],
    *,
    times: ArrayLike,
    loss: str | Callable = "squared",
    observe: Callable | None = None,
    tolerance: float | None = None,
    max_steps: int = 100_000,
    progress: bool = True,
) -> Trajectory:
    r"""Solve the gradient flow of a network: gradient descent with no step size.

    .. math::

        \dot w(t) &= -\partial_w \sum_i \ell(f(x_i, w(t)), y_i), \\
        w(0) &= w_0

    by a Runge-Kutta method of order 8 that chooses its own steps
    (:class:`diffrax.Dopri8`). One step of gradient descent on the same loss, a sum
    over the points, covers the time ``step_size``.

    The method is explicit, so over a long time t it needs at least about
    :math:`\lambda_{\max}(\Theta) \, t / 5` steps, as gradient descent needs half of
    that product. Where the flow is smooth they give many digits; at each kink of a ReLU
    network it must slow down, and gradient descent with a small step is the better
    tool.

    Each new ``apply``, ``loss`` or ``observe`` is compiled, which takes seconds: define
    them once. Under ``jax.jit`` and ``jax.vmap`` nothing can be raised; a flow that was
    not solved then has infinite ``loss`` and ``outputs``.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        params: where to start, :math:`w_0`.
        x: inputs, ``(n, ...)``.
        y: targets, ``(n, k)``, shaped as the outputs.
        times: when to look: one time or several, increasing, from 0 on. The flow is
            solved up to the last; the solver makes at least one step to each.
        loss: ``"squared"`` (with its half), ``"logistic"``, ``"softmax"``, or a
            function ``(outputs, y) -> scalar`` that sums over the points.
        observe: ``observe(params)``, evaluated at these times; floating-point arrays.
        tolerance: relative and absolute error allowed in one step, as a root mean
            square over all of ``params``; 1e-9 in float64 and 1e-5 in float32 if not
            given.
        max_steps: give up after this many steps of the solver.
        progress: show a progress bar where it takes longer than two seconds.

    Returns:
        A :class:`Trajectory`, its ``steps`` those of the solver in all.

    Raises:
        ValueError: shapes that do not match, times that do not increase, a flow that
            needs more than ``max_steps`` steps or stops being finite.
        TypeError: integer or mixed dtypes.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda w, x: x @ w
        >>> one = jnp.ones((1, 1))                         # the loss is (w - 1)^2 / 2
        >>> flow = ntkbook.gradient_flow(apply, 0 * one, one, one, times=[0.0, 1.0])
        >>> flow.outputs.ravel().round(4).tolist()         # 1 - exp(-t)
        [0.0, 0.6321]

    Source: :cite:t:`kidger2021neural` for the solver.
    """
    x, y, dtype = model.data(apply, params, x, y, per_input=False)
    times = _increasing(times)
    of_loss = loss_function(loss, y)
    for leaf in jax.tree.leaves(check_observe(observe, params)):
        # The solver marks a failure by infinity, which integers do not have.
        kind: Any = getattr(leaf, "dtype", None)
        if not jnp.issubdtype(kind, jnp.floating):
            raise TypeError(
                "`observe(params)` must return floating-point arrays, not "
                f"{checks.short(leaf)}."
            )
    if tolerance is None:
        tolerance = 1e-9 if dtype == np.float64 else 1e-5
    tolerance = checks.finite_float("tolerance", tolerance, above=0)
    max_steps = checks.positive_int("max_steps", max_steps)
    checks.boolean("progress", progress)
    traced = checks.is_traced((params, x, y, jnp.zeros(())))
    progress = progress and not traced
    with compiled_bar(progress, total=100, desc="flow", unit="%") as bar:
        flow, failed = _solve(
            apply, of_loss, observe, max_steps, bar,
            params, x, y, jnp.asarray(times, dtype), jnp.asarray(tolerance, dtype),
        )  # fmt: skip
        if not traced:
            jax.block_until_ready(flow)
            jax.effects_barrier()
    if not checks.is_traced(flow.loss):
        _refuse_failure(flow, bool(failed), max_steps)
    return flow


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _solve(
    apply, loss, observe, max_steps, bar, params, x, y, times, tolerance
):  # fmt: skip
    import diffrax  # takes a second, and only this function needs it

    class Meter(diffrax.AbstractProgressMeter):
        """Tells the bar how much of the time has been covered."""

        def init(self):
            return jnp.zeros(())

        def step(self, state, done):
            jax.debug.callback(reach, bar, done)
            return state

        def close(self, state):
            pass

    def downhill(t, params, _):
        slope = jax.grad(lambda p: loss(apply(p, x), y))(params)
        return jax.tree.map(jnp.negative, slope)

    look = look_at(apply, loss, observe, x, y)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(downhill),
        diffrax.Dopri8(),
        t0=jnp.zeros_like(times[-1]),
        t1=times[-1],
        dt0=None,
        y0=params,
        saveat=diffrax.SaveAt(
            subs=[
                diffrax.SubSaveAt(ts=times, fn=lambda t, params, _: look(params)),
                diffrax.SubSaveAt(t1=True),
            ]
        ),
        # A step ends at each of `times`: between steps the solver interpolates, which
        # would cost three digits.
        stepsize_controller=diffrax.ClipStepSizeController(
            diffrax.PIDController(rtol=tolerance, atol=tolerance), step_ts=times
        ),
        max_steps=max_steps,
        progress_meter=Meter() if bar is not None else diffrax.NoProgressMeter(),
        throw=False,
    )
    assert solution.ys is not None
    seen, ends = solution.ys
    end = jax.tree.map(lambda leaf: leaf[0], ends)
    failed = solution.result != diffrax.RESULTS.successful
    return Trajectory(solution.stats["num_steps"], times, *seen, params=end), failed


def _increasing(times) -> np.ndarray:
    """Return finite, increasing times as a vector."""
    array = np.atleast_1d(host_times("times", times))
    if array.ndim != 1 or (np.diff(array) <= 0).any() or np.isinf(array).any():
        raise ValueError(
            "`times` must be one time or an increasing list of them, all finite, not "
            f"{checks.short(times)}. For infinite time with a constant kernel "
            "there is ntkbook.kernel_flow."
        )
    return array


def _refuse_failure(flow, failed, max_steps) -> None:
    if failed and int(flow.steps) >= max_steps:
        raise ValueError(
            f"the flow was not solved up to t = {float(flow.times[-1]):g} in "
            f"`max_steps`={max_steps} steps; pass more, a looser `tolerance`, or stop "
            "earlier. Its steps are bounded by the kernel: a time unit takes about "
            "lambda_max / 5 of them, and kinks take more."
        )
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(flow[2:])]
    if failed or not all(map(bool, finite)):
        raise ValueError(
            "the flow, or what `observe` sees of it, is not finite up to "
            f"t = {float(flow.times[-1]):g}; check the loss and the weights, or stop "
            "earlier."
        )
