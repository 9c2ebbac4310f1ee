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

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from ntkbook._types import AnyArray
from ntkbook.spectra.eigendecomposition import spectrum
from ntkbook.training.constant_kernel.function_flow import coefficients
from ntkbook.validation import checks, host


class KernelFlow(NamedTuple):
    """Predictions of gradient flow with a constant kernel.

    Attributes:
        train: outputs at the training points, shape ``times.shape + y.shape``.
        test: outputs at the test points, ``times.shape + (n_test, ...)``; ``None``
            where no ``k_test`` was given.
    """

    train: Float[np.ndarray, "..."]
    test: Float[np.ndarray, "..."] | None


def kernel_flow(
    kernel: Float[AnyArray, "n n"] | Float[AnyArray, "n n k k"],
    y: Float[AnyArray, "n *k"],
    times: ArrayLike,
    *,
    k_test: Float[AnyArray, "n_test n"] | Float[AnyArray, "n_test n k k"] | None = None,
    f0_train: Float[AnyArray, "n *k"] | None = None,
    f0_test: Float[AnyArray, "n_test *k"] | None = None,
    ridge: float = 0.0,
    loss: str | Callable = "squared",
) -> KernelFlow:
    r"""Predict with gradient flow, by default on half the sum of squares.

    .. math::

        f(x, t) = {} & f_0(x) + K(x, X) (K + \rho)^{-1} \\[0pt]
        &\cdot \bigl(I - e^{-(K + \rho) t}\bigr) (y - f_0(X))

    One unit of time is one step of size 1: gradient descent with step size
    :math:`\eta` on this loss reaches time :math:`\eta` times its number of steps.

    Args:
        kernel: kernel among the training points, ``(n, n)``, symmetric and positive
            semidefinite; or ``(n, n, k, k)`` for k outputs, as :func:`ntkbook.ntk`
            returns it.
        y: targets, ``(n,)`` or ``(n, k)``. With a kernel ``(n, n)`` all outputs have
            that kernel, and do not interact.
        times: one time or an array of them, each from 0 to infinity; ``inf`` gives the
            limit of training.
        k_test: kernel between test and training points, ``(n_test, n)`` or ``(n_test,
            n, k, k)``.
        f0_train: initial outputs at the training points, shaped as ``y``;
            ``None`` means 0.
        f0_test: initial outputs at the test points; ``None`` means 0.
        ridge: :math:`\rho \ge 0`.
        loss: ``"squared"``, which is solved in closed form; ``"logistic"``,
            ``"softmax"``, or a function ``(outputs, y) -> scalar`` that sums over the
            points and takes outputs ``(n, k)``: then the flow is solved by diffrax, up
            to finite times.

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
        return _flow(kernel, y, times, k_test, f0_train, f0_test, ridge, loss)


def _flow(kernel, y, times, k_test, f0_train, f0_test, ridge, loss) -> KernelFlow:
    k = host.outputs_of_kernel(kernel, y, k_test)
    kernel = host.host_array("kernel", kernel, "kernel values of shape (n, n)")
    kernel = host.host_matrix("kernel", host.as_matrix(kernel) if k else kernel)
    y = host.targets(y, len(kernel) // (k or 1))
    times = host.host_times("times", times)
    ridge = checks.finite_float("ridge", ridge, least=0)
    start = _start("f0_train", f0_train, y.shape)
    if f0_test is not None and k_test is None:
        raise ValueError("`f0_test` was passed without `k_test`; pass both or neither.")
    rates, vectors = spectrum("kernel", kernel)
    if k_test is not None:
        k_test = host.host_array("k_test", k_test, "kernel values of shape (n_test, n)")
        k_test = host.test_kernel(host.as_matrix(k_test) if k else k_test, len(kernel))
        m = len(k_test) // (k or 1)
        test_start = _start("f0_test", f0_test, (m, *y.shape[1:]))
    if not (isinstance(loss, str) and loss == "squared"):  # of an array: an array
        a = _by_diffrax(kernel, y, start, times, loss, ridge)
        a = a.reshape(*times.shape, len(kernel), -1)
        train = kernel @ a
        test = None if k_test is None else k_test @ a
    else:
        if ridge == 0 and np.isinf(times).any():
            _refuse_singular(rates)
        # a(t) in the basis of the eigenvectors, with an axis of outputs that share them
        gain = _gain(rates + ridge, times)[..., None]
        residual = vectors.T @ (y - start).reshape(len(kernel), -1)
        # (rate times gain) first: it is at most 1, where a(t) alone may overflow.
        train = vectors @ (rates[:, None] * gain * residual)
        test = None if k_test is None else (k_test @ vectors) @ (gain * residual)
    train = _finite(start + train.reshape(times.shape + y.shape))
    if test is None:
        return KernelFlow(train, None)
    test = test.reshape(times.shape + test_start.shape)
    return KernelFlow(train, _finite(test_start + test))


def _by_diffrax(kernel, y, start, times, loss, ridge) -> np.ndarray:
    """Return the coefficients at all times, in the order in which they were given."""
    ordered, places = np.unique(times, return_inverse=True)
    if y.ndim == 1 and callable(loss):
        y, start = y[:, None], start[:, None]
    found = coefficients(kernel, y, start, ordered, loss, ridge)
    return found[places.reshape(-1)]


def _finite(predictions) -> np.ndarray:
    return checks.finite_result(
        predictions,
        "the predictions overflow float64; rescale `kernel`, `k_test`, `y` or `times`.",
    )


def _gain(rates, times):
    """Return (1 - exp(-rate t)) / rate, which is t where the rate is 0."""
    times = times[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        # 0 * inf and 0 / 0 are NaN here and are replaced on the next line.
        gain = -np.expm1(-rates * times) / rates
    return np.where(rates == 0, times, gain)


def _refuse_singular(rates):
    smallest, largest = rates[0], rates[-1]
    if smallest <= len(rates) * np.finfo(float).eps * largest:
        raise ValueError(
            "`kernel` is singular to rounding (eigenvalues from "
            f"{smallest:.1e} to {largest:.1e}), so training never ends along some "
            "direction; pass ridge > 0, finite times, or points that differ."
        )


def _start(name, value, shape) -> np.ndarray:
    if value is None:
        return np.zeros(shape)
    array = host.host_array(name, value, f"outputs of shape {shape}")
    if array.shape != shape:
        raise ValueError(
            f"`{name}` must have shape {shape}, but its shape is {array.shape}."
        )
    return array
