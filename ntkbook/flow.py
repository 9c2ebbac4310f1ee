r"""Chapter 2: training in continuous time, seen from the outputs.

Gradient flow moves the weights by :math:`\dot w = -\partial_w \mathcal L` and the
outputs, through the tangent kernel, by

.. math:: \dot u = -\Theta(w(t))\, u, \qquad u = y(w) - \bar y

for the squared loss. :func:`ntkbook.gradient_flow` solves the first equation as exactly
as one asks; where the kernel stays what it was, :func:`ntkbook.kernel_flow` solves the
second in closed form, and :func:`decay_rates` says how fast each part of the residual
goes.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ntkbook._types import AnyArray
from ntkbook.spectra.eigendecomposition import spectrum, with_signs
from ntkbook.training.minibatches import size_of_batches
from ntkbook.validation import checks
from ntkbook.validation.host import as_matrix, host_array

__all__ = ["DecayRates", "decay_rates", "training_time"]


class DecayRates(NamedTuple):
    r"""The eigendecomposition of a kernel, fastest direction first.

    Attributes:
        rates: ``(n,)``, eigenvalues :math:`\lambda_1 \ge \lambda_2 \ge \dots \ge 0`.
        directions: ``(n, n)``, the unit eigenvectors :math:`v_i` as columns, each with
            its largest entry positive.
    """

    rates: Float[np.ndarray, "n"]
    directions: Float[np.ndarray, "n n"]


def decay_rates(
    kernel: Float[AnyArray, "n n"] | Float[AnyArray, "n n k k"],
) -> DecayRates:
    r"""Return how fast each part of the residual decays under a constant kernel.

    .. math:: \Theta v_i = \lambda_i v_i, \qquad
        \langle v_i, u(t) \rangle = e^{-\lambda_i t} \langle v_i, u(0) \rangle

    Rates are per unit of time of the flow of half the *sum* of squares;
    :func:`training_time` converts from other conventions.

    Args:
        kernel: ``(n, n)``, or ``(n, n, k, k)`` as :func:`ntkbook.ntk` returns it for k
            outputs; the directions then have n k entries, a point's outputs together.

    Returns:
        :class:`DecayRates` of float64 NumPy arrays. Eigenvalues that rounding made
        negative are set to 0; those below about :math:`n \epsilon \lambda_1` are noise.

    Raises:
        ValueError: a kernel that is not square, not symmetric, not positive
            semidefinite, or not finite.
        TypeError: something that is not an array of floating-point numbers.

    Example:
        >>> import numpy as np, ntkbook
        >>> ntkbook.flow.decay_rates(np.array([[2.0, 1.0], [1.0, 2.0]])).rates
        array([3., 1.])
    """
    kernel = host_array("kernel", kernel, "kernel values of shape (n, n)")
    if kernel.ndim == 4:
        kernel = as_matrix(kernel)
    rates, vectors = spectrum("kernel", kernel)
    return DecayRates(rates[::-1].copy(), with_signs(vectors[:, ::-1]))


REDUCTIONS = ("sum", "mean", "mean_all")


def training_time(
    step_size: float,
    steps: int,
    *,
    points: int,
    outputs: int = 1,
    batch_size: int | None = None,
    reduction: str = "sum",
    half: bool = True,
    momentum: float = 0.0,
) -> float:
    r"""Convert a training run's settings into the book's time.

    The book's flow descends half the sum of squares over all n points. Gradient
    descent on a loss that is c times that covers, in each step, the time

    .. math:: \frac{c\, c'\, \eta}{1 - \beta}, \qquad
        c = \begin{cases} 1 & \text{with the half} \\ 2 & \text{without,} \end{cases}

    .. math:: c' = \begin{cases} B / n & \text{sum over the batch} \\
        1 / n & \text{mean over its points} \\
        1 / (n k) & \text{mean also over outputs,} \end{cases}

    where B = n without minibatches. For small steps the weights are then where the
    flow is at that time, up to an error of the order of :math:`\eta` and, for
    minibatches, noise.

    Args:
        step_size: :math:`\eta > 0`, the learning rate.
        steps: number of steps (not epochs: an epoch has ``points / batch_size``).
        points: n, how many points the run really saw (without a validation split).
        outputs: k.
        batch_size: B; ``None`` means all points. The factor for ``"mean"`` does not
            depend on it.
        reduction: over each batch: ``"sum"``; ``"mean"`` over its points, with a sum
            over outputs; ``"mean_all"`` over points and outputs, which is what
            PyTorch's ``MSELoss`` and Keras' ``"mse"`` do.
        half: whether the loss has the factor 1/2. PyTorch's and Keras' have not.
        momentum: :math:`\beta` in [0, 1), where :math:`v \leftarrow \beta v + g` and
            :math:`w \leftarrow w - \eta v`, or Nesterov's
            :math:`w \leftarrow w - \eta (g + \beta v)`.

    Returns:
        The time, in units of the book's flow.

    Raises:
        ValueError, TypeError: an argument out of range or of the wrong kind.

    Example:
        >>> from ntkbook.flow import training_time
        >>> training_time(  # 1000 steps of PyTorch's MSELoss on 50 points
        ...     0.1, 1000, points=50, reduction="mean_all", half=False
        ... )
        4.0
    """
    step_size = checks.finite_float("step_size", step_size, above=0)
    steps = checks.positive_int("steps", steps)
    points = checks.positive_int("points", points)
    outputs = checks.positive_int("outputs", outputs)
    batch = size_of_batches(batch_size, points) or points
    checks.one_of("reduction", reduction, REDUCTIONS)
    checks.boolean("half", half)
    momentum = checks.momentum(momentum)
    share = {"sum": batch, "mean": 1, "mean_all": 1 / outputs}[reduction] / points
    return step_size * steps * (1 if half else 2) * share / (1 - momentum)
