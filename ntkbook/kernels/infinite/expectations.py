r"""Gaussian expectations: what an activation does to a kernel at infinite width.

For a centred Gaussian pair (u, v) with variances q1, q2 and covariance c, a layer needs

.. math:: \kappa = \mathbb E[\phi(u)\, \phi(v)], \qquad
    \dot\kappa = \mathbb E[\phi'(u)\, \phi'(v)]

ReLU and erf have them in closed form. Any other activation is expanded in orthonormal
Hermite polynomials :math:`h_k`:

.. math:: \kappa = \sum_k a_k(q_1)\, a_k(q_2)\, \rho^k, \qquad
    a_k(q) = \mathbb E[\phi(\sqrt q\, z)\, h_k(z)], \qquad
    \rho = \frac{c}{\sqrt{q_1 q_2}}

So n points cost n sums over the nodes of a rule and not n^2 double ones; a sum of
products of positive semidefinite kernels is positive semidefinite, wherever it is cut;
and what was cut off is known: at most :math:`\mathbb E[\phi^2] - \sum_k a_k^2`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.networks.activations import elementwise

# Equally spaced nodes: for smooth functions they are far more exact than as many nodes
# of Gauss and Hermite (tanh at variance 4, 128 terms: 3e-8 against 3e-6), and their
# error does not mix with that of the cut series. Beyond 12 standard deviations there
# is less than rounding.
#: How many terms of the Hermite series are summed.
TERMS = 256
NODES = np.linspace(-12, 12, 769)


class Expectations(NamedTuple):
    r"""Expectations under Gaussian pairs.

    Attributes:
        value: :math:`\mathbb E[\phi(u) \phi(v)]`.
        slope: :math:`\mathbb E[\phi'(u) \phi'(v)]`.
        missing: one number, a bound on the error of both, relative to
            :math:`\mathbb E[\phi^2]` and :math:`\mathbb E[\phi'^2]`; 0 for a closed
            form.
    """

    value: jax.Array
    slope: jax.Array
    missing: jax.Array | float = 0.0


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
    closed_form = CLOSED_FORMS.get(activation) if isinstance(activation, str) else None
    if closed_form is not None:
        return closed_form(q1, q2, c)
    return _by_hermite(elementwise(activation), q1, q2, c)


def second_moment(activation: str | Callable, q):
    r"""Return :math:`\mathbb E[\phi(u)^2]` for u of variance q: the case u = v."""
    if activation == "relu":
        return q / 2
    if activation == "erf":
        return 2 / jnp.pi * jnp.arcsin(2 * q / (1 + 2 * q))
    a, _ = _coefficients(elementwise(activation), _root(q, q > 0))
    return (a**2).sum(0)


def _relu(q1, q2, c) -> Expectations:
    product = q1 * q2  # one root: the compiler would make a program of each of two
    norm = _root(product, product > 0)
    angle, sine, cosine = _angle(norm, c)
    rest = jnp.pi - angle
    value = norm * (sine + rest * cosine) / (2 * jnp.pi)
    return Expectations(value, rest / (2 * jnp.pi))


def _angle(norm, c):
    """Return the angle between u and v, its sine and its cosine c / norm.

    At u = v the angle's derivative is infinite, with either sign. Rounding of c cannot
    tell angles below 1e-7 from 0, so they count as 0, with derivative 0: an input then
    meets itself exactly, in whatever batch it comes.
    """
    cosine = jnp.where(norm > 0, c / jnp.where(norm > 0, norm, 1), 0)
    obtuse = cosine < 0
    z = (1 - jnp.where(obtuse, -cosine, cosine)) / 2  # sin^2 of half the acute angle
    root = _root(z, z > 8 * jnp.finfo(z.dtype).eps)
    # arcsin(root) / root by a polynomial, which the compiler turns into vector
    # instructions: its own arccos calls a library for each number, ten times slower.
    t, ratio = 4 * z - 1, 0.0
    for coefficient in _arcsin_polynomial():
        ratio = ratio * t + coefficient
    angle = 2 * root * ratio
    sine = 2 * root * jnp.sqrt(1 - z)
    return jnp.where(obtuse, jnp.pi - angle, angle), sine, cosine


@lru_cache
def _arcsin_polynomial():
    """Return arcsin(sqrt z) / sqrt z for z = (1 + t) / 4 in [0, 1/2], in powers of t.

    Interpolated at 21 Chebyshev points: the nearest singularity, z = 1, leaves an error
    of about (3 + sqrt 8)^-21, below rounding. Highest power first.
    """

    def ratio(t):
        root = np.sqrt((1 + t) / 4)
        return np.arcsin(root) / root

    chebyshev = np.polynomial.chebyshev
    return chebyshev.cheb2poly(chebyshev.chebinterpolate(ratio, 20))[::-1].tolist()


def _erf(q1, q2, c) -> Expectations:
    a, b = 1 + 2 * q1, 1 + 2 * q2
    # c^2 <= q1 q2, so the argument stays below 1 and what is under the root above 1.
    value = 2 / jnp.pi * jnp.arcsin(2 * c / jnp.sqrt(a * b))
    return Expectations(value, 4 / jnp.pi / jnp.sqrt(a * b - 4 * c**2))


CLOSED_FORMS = {"relu": _relu, "erf": _erf}


def _root(square, where):
    """Return the square root, with value and derivative 0 elsewhere.

    `where` twice, since JAX also differentiates the branch that is not taken.
    """
    return jnp.where(where, jnp.sqrt(jnp.where(where, square, 1)), 0)


def _by_hermite(activation, q1, q2, c) -> Expectations:
    root1, root2 = _root(q1, q1 > 0), _root(q2, q2 > 0)
    norm = root1 * root2
    rho = jnp.where(norm > 0, c / jnp.where(norm > 0, norm, 1), 0)
    rho = jnp.where(jnp.abs(rho) > 1, jnp.sign(rho), rho)  # brought back after rounding
    (value, missing), (slope, missing_slope) = (
        _series(function, root1, root2, rho)
        for function in (activation, _derivative(activation))
    )
    return Expectations(value, slope, jnp.maximum(missing, missing_slope))


def _series(function, root1, root2, rho):
    """Return sum_k a_k(q1) a_k(q2) rho^k and the largest share that it misses."""
    (a, missing1), (b, missing2) = (_coefficients(function, r) for r in (root1, root2))

    def horner(total, ab):
        return total * rho + ab[0] * ab[1], None

    total, _ = jax.lax.scan(horner, jnp.zeros_like(rho), (a[::-1], b[::-1]))
    return total, jnp.maximum(missing1, missing2)


def _coefficients(function, std):
    """Return a_k along a first axis, and the largest share of E[f^2] beyond them."""
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
