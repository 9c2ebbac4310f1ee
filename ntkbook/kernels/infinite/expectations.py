r"""Gaussian expectations: what an activation does to a kernel at infinite width.

For a centred Gaussian pair (u, v) with variances q1, q2 and covariance c, a layer needs

.. math:: \kappa = \mathbb E[\phi(u)\, \phi(v)], \qquad
    \dot\kappa = \mathbb E[\phi'(u)\, \phi'(v)]

Some activations have them in closed form (``closed_forms.py``,
``piecewise_linear.py``, ``exponential_linear.py``). Any other is expanded in
orthonormal Hermite polynomials :math:`h_k`:

.. math:: \kappa = \sum_k a_k(q_1)\, a_k(q_2)\, \rho^k, \qquad
    a_k(q) = \mathbb E[\phi(\sqrt q\, z)\, h_k(z)], \qquad
    \rho = \frac{c}{\sqrt{q_1 q_2}}

So n points cost n sums over the nodes of a rule and not n^2 double ones; a sum of
products of positive semidefinite kernels is positive semidefinite, wherever it is cut;
and what was cut off is known: at most :math:`\mathbb E[\phi^2] - \sum_k a_k^2`.
"""

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.kernels.infinite.closed_forms import (
    Expectations,
    LeakyRelu,
    Wave,
    erf,
    relu,
    root,
    sign,
    standardized,
)
from ntkbook.kernels.infinite.exponential_linear import Elu
from ntkbook.kernels.infinite.piecewise_linear import PiecewiseLinear, hard_tanh
from ntkbook.networks.activations import elementwise

# Equally spaced nodes: for smooth functions they are far more exact than as many nodes
# of Gauss and Hermite (tanh at variance 4, 128 terms: 3e-8 against 3e-6), and their
# error does not mix with that of the cut series. Beyond 12 standard deviations there
# is less than rounding.
#: How many terms of the Hermite series are summed.
TERMS = 256
NODES = np.linspace(-12, 12, 769)

FORMS: dict[str, Callable] = {"relu": relu, "erf": erf, "sign": sign}
# What readers pass in place of a name.
KNOWN = {
    jax.nn.relu: "relu",
    jax.scipy.special.erf: "erf",
    jnp.sign: "sign",
    jnp.abs: LeakyRelu(-1.0),
    jnp.absolute: LeakyRelu(-1.0),
    jax.nn.leaky_relu: LeakyRelu(0.01),
    jnp.sin: Wave(1.0),
    jnp.cos: Wave(1.0, even=True),
    jax.nn.hard_tanh: hard_tanh(),
    jax.nn.relu6: PiecewiseLinear((0.0, 6.0), (0.0, 1.0, 0.0)),
    jax.nn.hard_sigmoid: PiecewiseLinear((-3.0, 3.0), (0.0, 1 / 6, 0.0), 0.5),
    jax.nn.elu: Elu(1.0),
    jax.nn.celu: Elu(1.0),
    jax.nn.selu: Elu(1.6732632423543772, 1.0507009873554805),
}


def closed_form(activation) -> Callable | None:
    """Return the function of (q1, q2, c) for an activation, if there is one."""
    activation = KNOWN.get(activation, activation)
    if isinstance(activation, str):
        return FORMS.get(activation)
    return getattr(activation, "expectations", None)


def expectations(activation: str | Callable, q1, q2, c) -> Expectations:
    """Return the expectations for arrays of variances and covariances.

    Args:
        activation: a name that :func:`ntkbook.mlp` knows, or an elementwise function.
        q1: variances of u; any shape that broadcasts against that of ``c``.
        q2: variances of v; likewise.
        c: covariances.

    Returns:
        :class:`Expectations`, arrays of the shape of ``c``. Their derivatives are
        finite everywhere: at a kink (ReLU's slope where u = v) they are the mean of
        both sides. A variance of 0 counts as a correlation of 0.
    """
    form = closed_form(activation)
    if form is not None:
        return form(q1, q2, c)
    return _by_hermite(elementwise(activation), q1, q2, c)


def second_moment(activation: str | Callable, q):
    r"""Return :math:`\mathbb E[\phi(u)^2]` for u of variance q: the case u = v."""
    if activation in ("relu", jax.nn.relu):
        return q / 2
    form = closed_form(activation)
    if form is not None:
        return form(q, q, q).value
    a, _ = _coefficients(elementwise(activation), root(q, q > 0))
    return (a**2).sum(0)


def _by_hermite(activation, q1, q2, c) -> Expectations:
    root1, root2, rho = standardized(q1, q2, c, roundings=0)
    (value, missing), (slope, missing_slope) = (
        _series(function, root1, root2, rho)
        for function in (activation, _derivative(activation))
    )
    return Expectations(value, slope, jnp.maximum(missing, missing_slope))


def _series(function, root1, root2, rho):
    """Return sum_k a_k(q1) a_k(q2) rho^k and the largest part that it misses."""
    (a, missing1), (b, missing2) = (_coefficients(function, r) for r in (root1, root2))

    def horner(total, ab):
        return total * rho + ab[0] * ab[1], None

    total, _ = jax.lax.scan(horner, jnp.zeros_like(rho), (a[::-1], b[::-1]))
    return total, jnp.maximum(missing1, missing2)


def _coefficients(function, std):
    """Return a_k along a first axis, and the largest fraction of E[f^2] beyond."""
    weights, table = _rule()
    values = function(jnp.multiply.outer(std, NODES))
    a = jnp.moveaxis(values @ table, -1, 0)
    second_moment = values**2 @ weights
    share = 1 - (a**2).sum(0) / jnp.where(second_moment > 0, second_moment, 1)
    return a, jnp.max(jnp.where(second_moment > 0, share, 0), initial=0)


@lru_cache  # one function for each activation, so that compiled code is found again
def _derivative(activation):
    scalar = jax.grad(activation)
    return lambda z: jax.vmap(scalar)(z.ravel()).reshape(z.shape)


@lru_cache
def _rule():
    """Return the nodes' weights, and weights times h_k, one column for each k."""
    weights = np.exp(-(NODES**2) / 2)
    weights /= weights.sum()
    h = [np.ones_like(NODES), NODES]
    for k in range(1, TERMS - 1):  # orthonormal: E[h_j h_k] = 1 if j = k, else 0
        h.append((NODES * h[k] - np.sqrt(k) * h[k - 1]) / np.sqrt(k + 1))
    return weights, (weights * np.array(h)).T
