r"""What theory says of the critique's networks, and of exactly their training.

With the tangent kernel K and a random initial output of covariance :math:`\Sigma`,

.. math:: f_t(x) = f_0(x) + K(x, X) K^{-1} (1 - e^{-tK}) (y - f_0(X)), \qquad
    f_0 \sim \mathcal N(0, \Sigma)

so the trained output is Gaussian as well, with a mean and a variance at every point.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from ntkbook._types import AnyArray
from ntkbook.critique.kernels import points_of
from ntkbook.infinite import nngp, ntk
from ntkbook.training.constant_kernel.ensemble import ensemble_flow
from ntkbook.training.constant_kernel.kernel_flow import kernel_flow
from ntkbook.validation import checks
from ntkbook.validation.host import host_array, outside_jit

STARTS = ("random", "zero")


class Theory(NamedTuple):
    """What the infinitely wide network predicts after some time.

    Attributes:
        mean: prediction at the test points, averaged over initialisations,
            ``times.shape + (n_test,)``.
        variance: over initialisations, at each test point; 0 for a given one.
    """

    mean: Float[np.ndarray, "*t n_test"]
    variance: Float[np.ndarray, "*t n_test"]

    def rmse(self, y_test) -> np.ndarray:
        r"""Return the root of the mean square error, in expectation.

        .. math::

            \text{RMSE}^2 = \frac1n \sum_i &\bigl( (\mathbb E f_t(x_i) - y_i)^2 \\[0pt]
            &+ \operatorname{Var} f_t(x_i) \bigr)

        Args:
            y_test: ``(n_test,)``.
        """
        y_test = host_array("y_test", y_test, "targets of shape (n_test,)")
        if y_test.shape != self.mean.shape[-1:]:
            raise ValueError(
                f"`y_test` must have shape {self.mean.shape[-1:]}, but its shape is "
                f"{y_test.shape}."
            )
        square = ((self.mean - y_test) ** 2 + self.variance).mean(-1)
        return np.asarray(np.sqrt(square))


def theory(
    x: Float[AnyArray, "n d"],
    y: Float[AnyArray, "n"],
    x_test: Float[AnyArray, "n_test d"],
    times: ArrayLike,
    *,
    depth: int = 1,
    start: str | tuple = "random",
    kernel: Callable | None = None,
) -> Theory:
    r"""Predict the critique's network at some times, for any training set.

    .. math::

        \mathbb E f_t &= A y, \qquad A = K_{*X} K^{-1} (1 - e^{-tK}), \\
        \operatorname{Var} f_t &= \operatorname{diag}\bigl(\Sigma_{**}
        - A \Sigma_{X*} \\[0pt]
        &\qquad - \Sigma_{*X} A^\top + A \Sigma_{XX} A^\top\bigr)

    Args:
        x: training inputs, ``(n, d)``, float64.
        y: targets, ``(n,)``.
        x_test: ``(n_test, d)``.
        times: one time or an array of them, from 0 to infinity.
        depth: hidden layers of the network.
        start: ``"random"``, the Gaussian process of random networks; ``"zero"``;
            or one network, a pair of its outputs at ``x`` and at ``x_test``.
        kernel: ``kernel(points) -> (points, points)`` in place of the network's own
            tangent kernel, NTKJ.

    Returns:
        :class:`Theory`.

    Raises:
        ValueError: shapes that do not match, an unknown start, or an infinite time with
            a singular kernel.
        TypeError: input that is not float64.

    Example:
        >>> import numpy as np, ntkbook
        >>> ntkbook.double_precision()
        >>> x = np.eye(3)
        >>> found = ntkbook.critique.theory(x[:2], np.ones(2), x, [0.0, np.inf])
        >>> found.mean.round(2).tolist()              # trained, it fits x[0] and x[1]
        [[0.0, 0.0, 0.0], [1.0, 1.0, 0.9]]
        >>> found.variance.round(2)[0].tolist()       # untrained: the initial one
        [1.67, 1.67, 1.67]

    Source: the flow is that of :cite:t:`lee2019wide`; the expected error ours.
    """
    outside_jit(x=x, y=y, x_test=x_test, times=times)
    x, y, x_test = training_data(x, y, x_test)
    n = len(x)
    settings = {"depth": checks.positive_int("depth", depth), "bias_std": 1.0}
    points = jnp.asarray(np.concatenate([x, x_test]))
    if kernel is None:
        gram = np.asarray(ntk(points, **settings))
    else:
        checks.function("kernel", kernel, "kernel(points)")
        try:
            gram = np.asarray(kernel(points))
        except Exception as error:
            raise checks.failure("kernel(points)", error) from error
        if gram.shape != (len(points), len(points)):
            raise ValueError(
                f"`kernel(points)` must return shape {(len(points),) * 2}, but its "
                f"shape is {gram.shape}."
            )

    pair = None
    if isinstance(start, (tuple, list)) and len(start) == 2:
        pair = start
    else:
        checks.one_of("start", start, STARTS, "a pair of outputs (at x, at x_test)")
        if start == "zero":
            pair = None, None
    if pair is not None:
        found = kernel_flow(
            gram[:n, :n], y, times, k_test=gram[n:, :n],
            f0_train=pair[0], f0_test=pair[1],
        ).test  # fmt: skip
        assert found is not None
        return Theory(found, np.zeros(found.shape))
    sigma = np.asarray(nngp(points, **settings))
    mean, covariance = ensemble_flow(gram, sigma, y, times)
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    return Theory(mean, np.maximum(variance, 0.0))


def training_data(x, y, x_test):
    """Check training points, targets and test points, on the host."""
    x, x_test = points_of("x", x), points_of("x_test", x_test)
    y = host_array("y", y, "targets of shape (n,)")
    if y.shape != (len(x),):
        raise ValueError(
            f"`y` must have shape ({len(x)},) to match `x`, but its shape is {y.shape}."
        )
    if x_test.shape[1] != x.shape[1]:
        raise ValueError(
            f"`x` and `x_test` must hold inputs of one shape, but theirs are "
            f"{x.shape[1:]} and {x_test.shape[1:]}."
        )
    return x, y, x_test
