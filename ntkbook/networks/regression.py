r"""What gradient flow does to a model with a constant kernel, in closed form.

The flow of :math:`\tfrac12 \lVert f - y \rVert^2` (a sum over the points, with the
half) plus :math:`\tfrac{\rho}{2} \lVert w - w_0 \rVert^2` is linear when the tangent
kernel K does not change. With :math:`K = V \Lambda V^\top`,

.. math::
    a(t) = V \, g_t(\Lambda + \rho)\, V^\top (y - f_0), \qquad
    g_t(\lambda) = \frac{1 - e^{-\lambda t}}{\lambda}, \qquad
    f(x, t) = f_0(x) + K(x, X)\, a(t)

A rate of 0 is no special case: :math:`g_t(0) = t`.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh, lapack

from ntkbook.machine import checks


class KernelFlow(NamedTuple):
    """Predictions of gradient flow with a constant kernel.

    Attributes:
        train: outputs at the training points, shape ``t.shape + y.shape``.
        test: outputs at the test points, ``t.shape + (n_test, ...)``; ``None`` where
            no ``k_test`` was given.
    """

    train: np.ndarray
    test: np.ndarray | None


def kernel_flow(
    k_train,
    y,
    t,
    *,
    k_test=None,
    f0_train=None,
    f0_test=None,
    ridge: float = 0.0,
) -> KernelFlow:
    r"""Predict with gradient flow on half the sum of squares, at times ``t``.

    .. math::

        f(x, t) = {} & f_0(x) + K(x, X) (K + \rho)^{-1} \\
        &\cdot \bigl(I - e^{-(K + \rho) t}\bigr) (y - f_0(X))

    One unit of time is one step of size 1: gradient descent with step size
    :math:`\eta` on this loss reaches time :math:`\eta` times its number of steps.

    Args:
        k_train: kernel among the training points, ``(n, n)``, symmetric and positive
            semidefinite.
        y: targets, ``(n,)`` or ``(n, k)``; with k outputs each has the same kernel.
        t: one time or an array of them, each from 0 to infinity; ``inf`` gives the
            limit of training.
        k_test: kernel between test and training points, ``(n_test, n)``.
        f0_train: outputs at the start at the training points, shaped as ``y``;
            ``None`` means 0.
        f0_test: outputs at the start at the test points; ``None`` means 0.
        ridge: :math:`\rho \ge 0`.

    Returns:
        A :class:`KernelFlow` of float64 NumPy arrays. The eigendecomposition always
        runs in float64, whatever JAX's precision is.

    Raises:
        ValueError: shapes that do not match, a kernel that is not symmetric or not
            positive semidefinite, negative times, NaN; or an infinite time with a
            singular kernel and no ridge, where the limit is not determined.
        TypeError: arguments that are not numbers.

    Example:
        >>> import numpy as np, ntkbook
        >>> k = np.array([[2.0, 0.0], [0.0, 1.0]])       # decay rates 2 and 1
        >>> flow = ntkbook.kernel_flow(k, np.array([1.0, 1.0]), [0.0, 1.0, np.inf])
        >>> flow.train.round(4)
        array([[0.    , 0.    ],
               [0.8647, 0.6321],
               [1.    , 1.    ]])

    Source: :cite:t:`jacot2018neural`, :cite:t:`lee2019wide`.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # `_finite` looks instead
        return _flow(k_train, y, t, k_test, f0_train, f0_test, ridge)


def _flow(k_train, y, t, k_test, f0_train, f0_test, ridge) -> KernelFlow:
    k_train = _matrix("k_train", k_train)
    n = k_train.shape[0]
    y = host_array("y", y, f"targets of shape ({n},) or ({n}, k)")
    if y.ndim not in (1, 2) or y.shape[0] != n:
        raise ValueError(
            f"`y` must have shape ({n},) or ({n}, k) to match `k_train`, but its shape "
            f"is {y.shape}."
        )
    times = host_times("t", t)
    ridge = checks.finite_float("ridge", ridge, least=0)
    start = _start("f0_train", f0_train, y.shape)
    rates, vectors = spectrum("k_train", k_train)
    if ridge == 0 and np.isinf(times).any():
        _refuse_singular(rates)

    # a(t) in the basis of the eigenvectors, with an axis of outputs: (..., n, k)
    columns = (n, y.size // n)
    gain = _gain(rates + ridge, times)[..., None]
    residual = vectors.T @ (y - start).reshape(columns)
    # (rate times gain) first: it is at most 1, where a(t) alone may overflow.
    train = vectors @ (rates[:, None] * gain * residual)
    train = _finite(start + train.reshape(times.shape + y.shape))
    if k_test is None:
        if f0_test is not None:
            raise ValueError("`f0_test` came without `k_test`; pass both or neither.")
        return KernelFlow(train, None)

    k_test = _matrix("k_test", k_test)
    if k_test.shape[1] != n:
        raise ValueError(
            f"`k_test` must have shape (n_test, {n}), one column for each training "
            f"point, but its shape is {k_test.shape}; is it transposed?"
        )
    shape = (k_test.shape[0], *y.shape[1:])
    test = ((k_test @ vectors) @ (gain * residual)).reshape(times.shape + shape)
    return KernelFlow(train, _finite(_start("f0_test", f0_test, shape) + test))


def _finite(predictions, arguments="`k_train`, `k_test`, `y` or `t`") -> np.ndarray:
    return checks.finite_result(
        predictions, f"the predictions overflow float64; rescale {arguments}."
    )


def _gain(rates, times):
    """Return (1 - exp(-rate t)) / rate, which is t where the rate is 0."""
    times = times[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        # 0 * inf and 0 / 0 are NaN here and are replaced on the next line.
        gain = -np.expm1(-rates * times) / rates
    return np.where(rates == 0, times, gain)


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

    weights: np.ndarray
    test: np.ndarray | None
    condition: float
    residual: float


def kernel_regression(k_train, y, *, k_test=None, ridge: float = 0.0) -> Regression:
    r"""Predict with kernel regression, and say how well posed that was.

    .. math:: f(x) = K(x, X)\, (K(X, X) + \rho)^{-1} y

    The limit of :func:`kernel_flow` at infinite time, by a Cholesky factorisation:
    n^3/3 operations and no eigenvalues. To classify, take one-hot labels minus 1/k for
    k classes: a kernel model without a constant term predicts 0 where it knows nothing.

    Args:
        k_train: kernel among the training points, ``(n, n)``, symmetric.
        y: targets, ``(n,)`` or ``(n, k)``.
        k_test: kernel between test and training points, ``(n_test, n)``.
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
    with np.errstate(over="ignore", invalid="ignore"):  # `_finite` looks instead
        return _regression(k_train, y, k_test, ridge)


def _regression(k_train, y, k_test, ridge) -> Regression:
    k_train = _matrix("k_train", k_train)
    n = k_train.shape[0]
    y = host_array("y", y, f"targets of shape ({n},) or ({n}, k)")
    if y.ndim not in (1, 2) or y.shape[0] != n:
        raise ValueError(
            f"`y` must have shape ({n},) or ({n}, k) to match `k_train`, but its shape "
            f"is {y.shape}."
        )
    _symmetric("k_train", k_train)
    ridge = checks.finite_float("ridge", ridge, least=0)
    regular = _bounded(k_train + ridge * np.eye(n))
    try:
        factor = cho_factor(regular, lower=True)
        inverse, _ = lapack.dpocon(factor[0], np.abs(regular).sum(0).max(), uplo="L")
    except np.linalg.LinAlgError:
        inverse = 0.0
    if not inverse >= n * np.finfo(float).eps:  # nor NaN
        raise ValueError(
            "`k_train` is singular to rounding, or not positive semidefinite, so the "
            "predictions would be noise; pass ridge > 0, remove repeated points, or "
            "compute the kernel in float64."
        )
    weights = _bounded(cho_solve(factor, y))
    residual = np.abs(_bounded(k_train @ weights) - y).max()
    residual /= max(np.abs(y).max(), 1e-300)
    test = None
    if k_test is not None:
        k_test = _matrix("k_test", k_test)
        if k_test.shape[1] != n:
            raise ValueError(
                f"`k_test` must have shape (n_test, {n}), one column for each training "
                f"point, but its shape is {k_test.shape}; is it transposed?"
            )
        test = _bounded(k_test @ weights)
    return Regression(weights, test, 1 / inverse, float(residual))


def _bounded(result) -> np.ndarray:
    return _finite(result, "`k_train`, `k_test`, `y` or `ridge`")


def _symmetric(name, kernel) -> None:
    checks.square(name, kernel)
    if np.abs(kernel - kernel.T).max() > 1e-5 * np.abs(kernel).max():
        raise ValueError(
            f"`{name}` must be symmetric, but it differs from its transpose by up to "
            f"{np.abs(kernel - kernel.T).max():.1e}."
        )


def spectrum(name, kernel, count=None):
    """Return a kernel's eigenvalues, increasing and at least 0, and its eigenvectors.

    Negative eigenvalues that rounding explains become 0; others are refused, with
    ``name`` in the message. With a ``count``, only so many of the largest are computed.
    """
    _symmetric(name, kernel)
    whole = kernel / 2 + kernel.T / 2
    if count is None:
        rates, vectors = np.linalg.eigh(whole)
    else:
        n = len(whole)
        chosen = (n - count, n - 1)
        rates, vectors = eigh(whole, subset_by_index=chosen, overwrite_a=True)
    # A float32 kernel carries errors of about n eps in its eigenvalues.
    if rates[0] < -1e-6 * len(rates) * max(rates[-1], -rates[0]):
        raise ValueError(
            f"`{name}` must be positive semidefinite, but its smallest eigenvalue is "
            f"{rates[0]:.3g} (largest {rates[-1]:.3g}); check how it was computed."
        )
    return np.maximum(rates, 0.0), vectors


def _refuse_singular(rates):
    smallest, largest = rates[0], rates[-1]
    if smallest <= len(rates) * np.finfo(float).eps * largest:
        raise ValueError(
            "`k_train` is singular to rounding (eigenvalues from "
            f"{smallest:.1e} to {largest:.1e}), so training never ends along some "
            "direction; pass ridge > 0, finite times, or points that differ."
        )


def host_array(name, value, expected) -> np.ndarray:
    """Check an array on the host, where float64 does not depend on JAX's setting."""
    if checks.is_traced(value):
        raise TypeError(
            f"`{name}` is traced by JAX, but this computes on the host in float64; "
            "call it outside jax.jit and jax.grad."
        )
    array = checks.float_array(name, value, expected=expected, to=np.asarray)
    return array.astype(np.float64)


def _matrix(name, value) -> np.ndarray:
    array = host_array(name, value, "kernel values of shape (n1, n2)")
    if array.ndim != 2:
        raise ValueError(
            f"`{name}` must be a matrix, but its shape is {array.shape}; for a network "
            "with k outputs flatten the kernel to (n k, n k) first."
        )
    return array


def _start(name, value, shape) -> np.ndarray:
    if value is None:
        return np.zeros(shape)
    array = host_array(name, value, f"outputs of shape {shape}")
    if array.shape != shape:
        raise ValueError(
            f"`{name}` must have shape {shape}, but its shape is {array.shape}."
        )
    return array


def host_times(name, t) -> np.ndarray:
    """Check a time or a list of them, each from 0 to infinity."""
    try:
        times = np.asarray(t)
        if times.dtype.kind not in "iuf":  # NumPy would also read "1" and True
            raise TypeError
    except (TypeError, ValueError):
        raise TypeError(
            f"`{name}` must be a time or an array of times, but {checks.short(t)} came."
        ) from None
    times = times.astype(np.float64)
    if times.size == 0 or np.isnan(times).any() or (times < 0).any():
        raise ValueError(
            f"`{name}` must hold at least one time, each from 0 to infinity, but "
            f"{checks.short(t)} came."
        )
    return times
