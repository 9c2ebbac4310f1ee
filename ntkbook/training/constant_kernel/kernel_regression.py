r"""Regression with a kernel: where kernel flow ends, without its eigenvalues."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve, get_lapack_funcs

from ntkbook._types import AnyArray
from ntkbook.spectra.eigendecomposition import check_symmetric
from ntkbook.validation import checks, host


class Regression(NamedTuple):
    r"""What :func:`kernel_regression` found.

    Attributes:
        weights: :math:`(K + \rho)^{-1} y`, shaped as ``y``.
        test: predictions at the test points, ``(n_test, ...)``; ``None`` where no
            ``k_test`` was given.
        condition: condition number of :math:`K + \rho` in the 1-norm, as LAPACK
            estimates it: 1 digit of the predictions goes for each of its powers of 10.
        residual: the largest error at a training point, over the largest target; with
            a ridge it is no error of the solution.
    """

    weights: Float[np.ndarray, "n *k"]
    test: Float[np.ndarray, "n_test *k"] | None
    condition: float
    residual: float


def kernel_regression(
    kernel: Float[AnyArray, "n n"] | Float[AnyArray, "n n k k"],
    y: Float[AnyArray, "n *k"],
    *,
    k_test: Float[AnyArray, "n_test n"] | Float[AnyArray, "n_test n k k"] | None = None,
    ridge: float = 0.0,
) -> Regression:
    r"""Predict with kernel regression, and say how well posed that was.

    .. math:: f(x) = K(x, X)\, (K(X, X) + \rho)^{-1} y

    The limit of :func:`kernel_flow` at infinite time, by a Cholesky factorisation:
    n^3/3 operations and no eigenvalues. To classify, take one-hot labels minus 1/k for
    k classes: a kernel model without a constant term predicts 0 where it knows nothing.

    Args:
        kernel: kernel among the training points, ``(n, n)``, symmetric; or ``(n, n, k,
            k)`` for k outputs, as :func:`ntkbook.ntk` returns it.
        y: targets, ``(n,)`` or ``(n, k)``.
        k_test: kernel between test and training points, ``(n_test, n)`` or ``(n_test,
            n, k, k)``.
        ridge: :math:`\rho \ge 0`.

    Returns:
        A :class:`Regression` of float64 NumPy arrays.

    Raises:
        ValueError: shapes that do not match, NaN, a kernel that is not symmetric, or
            one that is singular or not positive definite to rounding.
        TypeError: arguments that are not numbers.

    Example:
        >>> import numpy as np, ntkbook
        >>> k = np.array([[2.0, 1.0], [1.0, 2.0]])
        >>> found = ntkbook.kernel_regression(k, np.array([3.0, 1.0]), k_test=k)
        >>> found.test.round(12), round(found.condition, 6)
        (array([3., 1.]), 3.0)
    """
    with np.errstate(over="ignore", invalid="ignore"):  # `_bounded` looks instead
        return _regression(kernel, y, k_test, ridge)


def _regression(kernel, y, k_test, ridge) -> Regression:
    k = host.outputs_of_kernel(kernel, y, k_test)
    kernel = host.host_array("kernel", kernel, "kernel values of shape (n, n)")
    kernel = host.host_matrix("kernel", host.as_matrix(kernel) if k else kernel)
    y = host.targets(y, len(kernel) // (k or 1))
    n, flat = len(kernel), y.ravel() if k else y
    check_symmetric("kernel", kernel)
    ridge = checks.finite_float("ridge", ridge, least=0)
    regular = _bounded(kernel + ridge * np.eye(n))
    try:
        factor = cho_factor(regular, lower=True)
        pocon: Any = get_lapack_funcs("pocon", [regular])
        norm = np.abs(regular).sum(0).max()
        inverse, _ = pocon(factor[0], norm, uplo="L")
    except np.linalg.LinAlgError:
        inverse = 0.0
    if not inverse >= n * np.finfo(float).eps:  # nor NaN
        raise ValueError(
            "`kernel` is singular to rounding, or not positive semidefinite, so the "
            "predictions would be noise; pass ridge > 0, remove repeated points, or "
            "compute the kernel in float64."
        )
    weights = _bounded(cho_solve(factor, flat))
    residual = np.abs(_bounded(kernel @ weights) - flat).max()
    residual /= max(np.abs(y).max(), 1e-300)
    test = None
    if k_test is not None:
        k_test = host.host_array("k_test", k_test, "kernel values of shape (n_test, n)")
        k_test = host.test_kernel(host.as_matrix(k_test) if k else k_test, n)
        test = _bounded(k_test @ weights).reshape(-1, *y.shape[1:])
    return Regression(weights.reshape(y.shape), test, 1 / inverse, float(residual))


def _bounded(result) -> np.ndarray:
    return checks.finite_result(
        result,
        "the predictions overflow float64; rescale `kernel`, `k_test`, `y` or `ridge`.",
    )
