r"""Chapter 8: what a kernel learns from n examples, and in which order.

The eigenvalues :math:`\lambda_i` and eigenfunctions are those of a kernel with respect
to the distribution of the inputs, as in :mod:`ntkbook.alignment`, and a target is
:math:`f = \sum_i v_i \phi_i`. Kernel regression on n points with ridge :math:`\rho`
learns of each eigenfunction the part

.. math:: L_i = \frac{\lambda_i}{\lambda_i + \kappa}, \qquad
    n = \sum_i L_i + \frac{\rho}{\kappa}
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from ntkbook._types import AnyArray
from ntkbook.spectra.harmonics import (
    Harmonics,
    harmonic_eigenvalues,
    network_harmonics,
)
from ntkbook.training.constant_kernel.kernel_regression import kernel_regression
from ntkbook.validation import checks, host

__all__ = [
    "Harmonics",
    "Risk",
    "cross_validation",
    "effective_ridge",
    "harmonic_eigenvalues",
    "learnability",
    "mean_field_risk",
    "network_harmonics",
]


class Risk(NamedTuple):
    r"""What the mean-field formula predicts of kernel regression on n points.

    Attributes:
        error: mean squared error on a new input, label noise included; summed over the
            outputs.
        effective_ridge: :math:`\kappa`.
        learnabilities: ``(j,)``, :math:`L_i = \lambda_i / (\lambda_i + \kappa)`.
        amplification: the error over :math:`\sum_i (1 - L_i)^2 v_i^2 + \sigma^2`, which
            is :math:`1 / (1 - \frac1n \sum_i L_i^2)` in an infinite population.
    """

    error: float
    effective_ridge: float
    learnabilities: Float[np.ndarray, "j"]
    amplification: float


def effective_ridge(
    eigenvalues: Float[AnyArray, "j"],
    n: int,
    *,
    ridge: float = 0.0,
    population: int | None = None,
) -> float:
    r"""Return the effective regularisation of kernel regression on n points.

    .. math:: n = \sum_i \frac{\lambda_i}{\lambda_i + \kappa} + \frac{\rho}{\kappa}

    or, where the n points are drawn without replacement from N, whose kernel matrix
    over N has the N eigenvalues :math:`\lambda_i`,

    .. math:: N - n = \Bigl(\kappa - \frac\rho N\Bigr) \sum_{i=1}^N
        \frac{1}{\lambda_i + \kappa}

    The two agree for :math:`\rho = 0`.

    Args:
        eigenvalues: :math:`\lambda_i \ge 0`, each as often as it occurs.
        n: number of training points.
        ridge: :math:`\rho \ge 0`, added to the diagonal of the kernel matrix.
        population: N; ``None`` means independent draws.

    Returns:
        :math:`\kappa`; 0 where there is no ridge and no more than n eigenvalues above
        0.

    Raises:
        ValueError: negative eigenvalues, sizes out of range, a population with another
            number of eigenvalues.
        TypeError: arguments that are not numbers.

    Example:
        >>> import numpy as np
        >>> from ntkbook.learning_curves import effective_ridge
        >>> round(effective_ridge(np.ones(10), 4), 12)     # 4 = 10 / (1 + kappa)
        1.5
    """
    values, n, ridge, population = _checked(eigenvalues, n, ridge, population)
    return _kappa(values, n, ridge, population)


def _checked(eigenvalues, n, ridge, population):
    values = host.host_array("eigenvalues", eigenvalues, "eigenvalues of shape (j,)")
    if values.ndim != 1 or (values < 0).any() or not values.any():
        raise ValueError(
            "`eigenvalues` must be a list of numbers of at least 0, some above, but "
            f"the shape is {values.shape} and the smallest {values.min():.3g}; where "
            "rounding made it negative pass np.maximum(eigenvalues, 0)."
        )
    n = checks.positive_int("n", n)
    ridge = checks.finite_float("ridge", ridge, least=0)
    if population is not None:
        population = checks.positive_int("population", population)
        if len(values) != population or n >= population:
            raise ValueError(
                f"`population` must be the number of `eigenvalues`, {len(values)}, and "
                f"above n = {n}, not {population}."
            )
    return values, n, ridge, population


def _kappa(values, n, ridge, population) -> float:
    def too_much(log):
        kappa = np.exp(log)
        if population is None:
            return (values / (values + kappa)).sum() + ridge / kappa - n
        share = (kappa - ridge / population) / (values + kappa)
        return population - n - share.sum()

    if ridge == 0 and np.count_nonzero(values) <= n:
        return 0.0
    # L_i is at most lambda_i / kappa, so this kappa is too large; then go down.
    above = np.log((values.sum() + ridge) / n) + 1e-9
    below = above - 1.0
    while too_much(below) < 0:
        below -= 2.0
    root: Any = brentq(too_much, below, above, xtol=1e-14)
    return float(np.exp(root))


def mean_field_risk(
    eigenvalues: Float[AnyArray, "j"],
    coefficients: Float[AnyArray, "j *k"],
    n: int,
    *,
    ridge: float = 0.0,
    noise: float = 0.0,
    population: int | None = None,
) -> Risk:
    r"""Predict the test error of kernel regression from the spectrum.

    .. math:: E = \frac{\sum_i (1 - L_i)^2 v_i^2 + \sigma^2}
        {1 - \frac1n \sum_i L_i^2}

    In a population of N, of which n points are drawn without replacement, it is the
    mean error on the N - n others. Without ridge that is N / (N - n) times this
    formula; with the ridge :math:`\rho` and :math:`s = 1 - \rho / (N \kappa)`,
    :math:`A = \sum_i L_i^2`, :math:`B = \sum_i (1 - L_i)^2` it is

    .. math::

        E &= \frac{N}{N - n}\, F \sum_i (1 - L_i)^2 v_i^2, \\
        F &= 1 + \frac{s^2 A - (1 - s)^2 (N - n)}{N - n - s^2 B}

    Args:
        eigenvalues, n, ridge, population: as for :func:`effective_ridge`.
        coefficients: :math:`v_i`, ``(j,)``, or ``(j, k)`` for k outputs, whose errors
            are summed.
        noise: variance :math:`\sigma^2` of the noise on the labels, of the new input as
            well. In a population, noise is part of the target.

    Returns:
        :class:`Risk`.

    Raises:
        ValueError: as :func:`effective_ridge`, coefficients of another number, noise in
            a population, or n points that determine all of a finite spectrum with
            noise exactly, where the formula is infinite.
        TypeError: arguments that are not numbers.

    Example:
        >>> import numpy as np
        >>> from ntkbook.learning_curves import mean_field_risk
        >>> found = mean_field_risk(np.ones(10), np.ones(10), 4)
        >>> found.learnabilities[0].round(6), round(found.error, 6)  # of 10 at n = 0
        (np.float64(0.4), 6.0)

    Source: :cite:t:`bordelon2020spectrum`, :cite:t:`canatar2021spectral`,
    :cite:t:`simon2023eigenlearning`; the finite population is this book's.
    """
    values, n, ridge, population = _checked(eigenvalues, n, ridge, population)
    target = host.host_array("coefficients", coefficients, "numbers of shape (j, k)")
    if target.ndim not in (1, 2) or len(target) != len(values):
        raise ValueError(
            f"`coefficients` must have one row for each of the {len(values)} "
            f"eigenvalues, but the shape is {target.shape}."
        )
    noise = checks.finite_float("noise", noise, least=0)
    if noise and population is not None:
        raise ValueError(
            "`noise` is part of the target in a finite population: add it to the "
            "labels."
        )
    kappa = _kappa(values, n, ridge, population)
    learned = np.divide(
        values, values + kappa, out=np.zeros_like(values), where=values > 0
    )
    squares = (target.reshape(len(values), -1) ** 2).sum(1)
    left = float(((1 - learned) ** 2 * squares).sum()) + noise
    taken = float((learned**2).sum())
    if population is None:
        if n - taken <= 1e-9 * n:
            raise ValueError(
                f"`n` = {n} points just determine the {np.count_nonzero(values)} "
                "eigenfunctions with an eigenvalue above 0, where the formula has a "
                "pole; pass ridge > 0 or another n."
            )
        factor = n / (n - taken)
        return Risk(factor * left, kappa, learned, factor)
    # The mean over all N, and the squared residuals of the n that were seen.
    seen = 1 - ridge / (population * kappa)
    missing = float(((1 - learned) ** 2).sum())
    factor = 1 + seen**2 * taken / (population - n - seen**2 * missing)
    slope = (population - n) / (population - n - seen * seen * missing)
    of_seen = (1 - seen) ** 2 * slope
    factor = population / (population - n) * (factor - of_seen)
    return Risk(factor * left, kappa, learned, factor)


def learnability(
    k_test: Float[AnyArray, "t n"],
    kernel: Float[AnyArray, "n n"],
    functions_train: Float[AnyArray, "n j"],
    functions_test: Float[AnyArray, "t j"],
    *,
    ridge: float = 0.0,
) -> Float[np.ndarray, "j"]:
    r"""Return which part of each function kernel regression on n points learns.

    .. math::

        L(\phi) &= \frac{\langle \hat\phi, \phi \rangle}
        {\langle \phi, \phi \rangle}, \\
        \hat\phi &= K(\cdot, X)\, (K + \rho)^{-1} \phi(X)

    with the mean over the test points for the inner product. Over a complete
    orthogonal set of functions on finitely many points the sum is n without ridge, for
    every kernel.

    Args:
        k_test: kernel between test and training points.
        kernel: kernel among the training points.
        functions_train, functions_test: each function at the training and at the test
            points, as columns.
        ridge: :math:`\rho \ge 0`.

    Returns:
        ``(j,)``; 1 for what is learned completely, 0 for nothing.

    Raises:
        ValueError, TypeError: as :func:`ntkbook.kernel_regression`, or a function that
            is 0 at all test points.

    Example:
        >>> import numpy as np
        >>> from ntkbook.learning_curves import learnability
        >>> k = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]])
        >>> parts = learnability(k[:, :2], k[:2, :2], np.eye(3)[:2], np.eye(3))
        >>> float(parts.sum().round(12))        # two of three points are seen
        2.0
    """
    kernel = host.host_matrix("kernel", kernel)
    seen = host.host_array("functions_train", functions_train, "values of shape (n, j)")
    if seen.ndim != 2 or len(seen) != len(kernel):
        raise ValueError(
            f"`functions_train` must have shape ({len(kernel)}, j), one row for each "
            f"training point, but its shape is {seen.shape}."
        )
    k_test = host.test_kernel(k_test, len(kernel))
    found = k_test @ kernel_regression(kernel, seen, ridge=ridge).weights
    exact = host.host_array("functions_test", functions_test, "values of shape (t, j)")
    if exact.shape != found.shape:
        raise ValueError(
            f"`functions_test` must have shape {found.shape}, one row for each row of "
            f"`k_test`, but its shape is {exact.shape}."
        )
    squares = (exact**2).sum(0)
    if not squares.all():
        raise ValueError("`functions_test` has a function that is 0 everywhere.")
    return (found * exact).sum(0) / squares


def cross_validation(
    kernel: Float[AnyArray, "n n"], y: Float[AnyArray, "n *k"], *, ridge: float = 0.0
) -> tuple[float, float]:
    r"""Estimate the test error of kernel regression from its training points alone.

    With :math:`A = K + \rho`, leaving out one point at a time, and the generalised
    form that replaces each diagonal entry by their mean:

    .. math::

        \text{LOO} &= \frac1n \sum_i \Bigl(\frac{(A^{-1} y)_i}{(A^{-1})_{ii}}
        \Bigr)^2, \\
        \text{GCV} &= \frac{\frac1n \lVert A^{-1} y \rVert^2}
        {(\frac1n \operatorname{tr} A^{-1})^2}

    Both hold without a ridge, where the training error is 0.

    Args:
        kernel: kernel among the training points, invertible with its ridge.
        y: targets, ``(n,)`` or ``(n, k)``; errors are summed over the k outputs.
        ridge: :math:`\rho \ge 0`.

    Returns:
        ``(leave_one_out, generalized)``.

    Raises:
        ValueError, TypeError: as :func:`ntkbook.kernel_regression`.

    Example:
        >>> import numpy as np
        >>> from ntkbook.learning_curves import cross_validation
        >>> k = np.array([[2.0, 1.0], [1.0, 2.0]])
        >>> found = cross_validation(k, np.array([1.0, 1.0]))
        >>> [round(error, 12) for error in found]       # each predicts 1/2 of the other
        [0.25, 0.25]

    Source: :cite:t:`golub1979generalized`.
    """
    kernel = host.host_matrix("kernel", kernel)
    y = host.targets(y, len(kernel))
    inverse = kernel_regression(kernel, np.eye(len(kernel)), ridge=ridge).weights
    solved = inverse @ y.reshape(len(y), -1)
    diagonal = np.diag(inverse)
    one_out = float(((solved / diagonal[:, None]) ** 2).sum() / len(y))
    return one_out, float((solved**2).sum() / len(y) / diagonal.mean() ** 2)
