r"""What many networks of infinite width predict that differ in their initialisation.

At initialisation their outputs are a Gaussian process with covariance :math:`\Sigma`.
Training moves each of them linearly,

.. math:: f_t(x) = f_0(x) + A_t(x)\,(y - f_0(X)), \qquad
    A_t(x) = \Theta(x, X)\, \Theta^{-1} (I - e^{-\Theta t}),

so the trained outputs are a Gaussian process again. With
:math:`B = \Sigma_{*X} \Sigma_{XX}^{-1}` its covariance at :math:`t = \infty` is that of
the posterior of the prior :math:`\Sigma` plus
:math:`(A - B)\, \Sigma_{XX}\, (A - B)^\top` (Chapter 4). So it is that posterior only
if :math:`A = B`, as where the last layer alone is trained and
:math:`\Theta = \Sigma`.
"""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from ntkbook._types import AnyArray
from ntkbook.training.constant_kernel.kernel_flow import kernel_flow
from ntkbook.validation import checks, host


class Ensemble(NamedTuple):
    """The Gaussian process of trained networks, at m test points.

    Attributes:
        mean: ``times.shape + (m,)``, or ``times.shape + (m, k)`` for k outputs.
        covariance: ``times.shape + (m, m)``, the same for each output.
    """

    mean: Float[np.ndarray, "..."]
    covariance: Float[np.ndarray, "*t m m"]


def ensemble_flow(
    kernel: Float[AnyArray, "both both"],
    covariance: Float[AnyArray, "both both"],
    y: Float[AnyArray, "n *k"],
    times: ArrayLike,
    *,
    ridge: float = 0.0,
) -> Ensemble:
    r"""Return mean and covariance of trained networks, over their initialisations.

    .. math::

        \mathbb E f_t &= A_t\, y, \\
        \operatorname{Cov} f_t &= \Sigma_{**} - A_t \Sigma_{X*} \\[0pt]
        &\qquad - \Sigma_{*X} A_t^\top + A_t \Sigma_{XX} A_t^\top

    Args:
        kernel: the kernel :math:`\Theta` that they train with, among training and test
            points together, the n training points first: ``(n + m, n + m)``.
        covariance: :math:`\Sigma` of their initial outputs, at the same points.
        y: targets, ``(n,)`` or ``(n, k)``.
        times: one time or an array of them, each from 0 to infinity.
        ridge: as for :func:`ntkbook.kernel_flow`.

    Returns:
        An :class:`Ensemble` of float64 NumPy arrays.

    Raises:
        ValueError: shapes that do not match, no test points, or as
            :func:`ntkbook.kernel_flow`.
        TypeError: arguments that are not numbers.

    Example:
        >>> import jax.numpy as jnp, numpy as np, ntkbook
        >>> from ntkbook.infinite import nngp, ntk
        >>> ntkbook.double_precision()
        >>> x = jnp.eye(3)                      # two training points and a test point
        >>> found = ntkbook.ensemble_flow(
        ...     ntk(x, depth=1), nngp(x, depth=1), np.array([1.0, -1.0]), [0.0, np.inf]
        ... )
        >>> found.mean.round(2).tolist(), found.covariance.round(2).ravel().tolist()
        ([[0.0], [0.0]], [0.17, 0.15])

    Source: :cite:t:`lee2019wide`, Corollary 1.
    """
    kernel = host.host_matrix("kernel", kernel)
    covariance = host.host_matrix("covariance", covariance)
    if covariance.shape != kernel.shape:
        raise ValueError(
            "`kernel` and `covariance` must be of the same points, but their shapes "
            f"are {kernel.shape} and {covariance.shape}."
        )
    y = host.host_array("y", y, "targets of shape (n,) or (n, k)")
    n = len(y) if y.ndim else 0
    if y.ndim not in (1, 2) or not 0 < n < len(kernel):
        raise ValueError(
            "`y` must have shape (n,) or (n, k), with fewer than the "
            f"{len(kernel)} points of `kernel`, but its shape is {y.shape}."
        )

    def flow(targets) -> np.ndarray:
        found = kernel_flow(
            kernel[:n, :n], targets, times, k_test=kernel[n:, :n], ridge=ridge
        )
        assert found.test is not None
        return found.test

    a = flow(np.eye(n))  # the flow is linear in the targets, so this is A
    cross = a @ covariance[:n, n:]
    spread = a @ covariance[:n, :n] @ np.swapaxes(a, -1, -2)
    found = covariance[n:, n:] - cross - np.swapaxes(cross, -1, -2) + spread
    found = (found + np.swapaxes(found, -1, -2)) / 2
    return Ensemble(
        flow(y), checks.finite_result(found, "the covariance overflows float64.")
    )
