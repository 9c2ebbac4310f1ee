r"""Gradient flow in function space, for any loss, from a kernel alone.

With a constant kernel K the weights never enter. In the coefficients of
:math:`f(x) = f_0(x) + K(x, X)\, a`, the flow of
:math:`\mathcal L(f) + \tfrac{\rho}{2} \lVert w - w_0 \rVert^2` is

.. math:: \dot a = -\partial_f \mathcal L(f_0(X) + K a) - \rho\, a

For half the sum of squares it is linear, and :func:`ntkbook.kernel_flow` has its closed
form; for any other loss it is solved by diffrax, in float64.
"""

from functools import partial
from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.training.losses import loss_function
from ntkbook.validation.host import outside_jit

TOLERANCE = 1e-10  # of a step
MAX_STEPS = 100_000


def coefficients(kernel, y, start, times, loss, ridge) -> np.ndarray:
    r"""Return a(t), ``(t, n, k)``.

    Args:
        kernel: ``(n, n)``; or ``(n k, n k)``, a point's outputs together.
        y: targets, ``(n, k)``.
        start: outputs before training, ``(n, k)``.
        times: increasing, ``(t,)``.
        loss: as for :func:`ntkbook.gradient_descent`.
        ridge: :math:`\rho \ge 0`.
    """
    if np.isinf(times).any():
        raise ValueError(
            "`times` must be finite for another loss than the squared one: where it "
            "ends is not known in closed form."
        )
    outside_jit()
    # On the host everything is float64, whatever JAX is set to.
    with _double_precision()(True):
        y = jnp.asarray(y)
        found, steps = _solve(
            loss_function(loss, y), jnp.asarray(kernel), y, jnp.asarray(start),
            jnp.asarray(times), jnp.asarray(ridge),
        )  # fmt: skip
        found, steps = np.asarray(found), int(steps)
    if not np.isfinite(found).all():
        raise ValueError(
            f"the flow was not solved up to t = {times[-1]:g} in {steps} steps; stop "
            "earlier, or rescale `kernel`: a time unit takes about a fifth of its "
            "largest eigenvalue times the loss's largest second derivative in steps."
        )
    return found


def _double_precision():
    # It moved; both names are known to some of the versions that this book runs on.
    home = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")
    return home.enable_x64


@partial(jax.jit, static_argnums=0)
def _solve(loss, kernel, y, start, times, ridge):
    import diffrax  # takes a second, and only this function needs it

    def downhill(t, a, _):
        f = start + (kernel @ a.reshape(len(kernel), -1)).reshape(y.shape)
        return -jax.grad(loss)(f, y) - ridge * a

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(downhill),
        diffrax.Dopri8(),
        t0=jnp.zeros_like(times[0]),
        t1=times[-1],
        dt0=None,
        y0=jnp.zeros_like(y),
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.ClipStepSizeController(
            diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE), step_ts=times
        ),
        max_steps=MAX_STEPS,
        throw=False,
    )
    return solution.ys, solution.stats["num_steps"]
