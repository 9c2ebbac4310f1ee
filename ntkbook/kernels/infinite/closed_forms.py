r"""Gaussian expectations in closed form.

For a centred Gaussian pair of variances q1, q2 and covariance c, with
:math:`\theta = \arccos(c / \sqrt{q_1 q_2})`:

.. math::

    \text{ReLU:} \quad &\kappa_1(c) = \tfrac{\sqrt{q_1 q_2}}{2 \pi}
    (\sin\theta + (\pi - \theta) \cos\theta), \quad
    \kappa_0(c) = \tfrac{\pi - \theta}{2 \pi} \\
    \text{slopes } a, b: \quad &(a^2 + b^2)\, \kappa_1(c) - 2 a b\, \kappa_1(-c),
    \quad (a^2 + b^2)\, \kappa_0(c) + 2 a b\, \kappa_0(-c) \\
    \text{sign:} \quad &1 - \tfrac{2}{\pi} \theta, \quad 0 \\
    \text{erf:} \quad &\tfrac{2}{\pi} \arcsin
    \tfrac{2 c}{\sqrt{(1 + 2 q_1)(1 + 2 q_2)}} \\
    \sin \omega z: \quad &\tfrac12 e^{-\omega^2 (q_1 + q_2 - 2 c) / 2}
    - \tfrac12 e^{-\omega^2 (q_1 + q_2 + 2 c) / 2}

Sources: :cite:t:`cho2009kernel` for ReLU, :cite:t:`williams1996computing` for erf; the
others follow in a line.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.validation import checks


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


def relu(q1, q2, c) -> Expectations:
    product = q1 * q2  # one root: the compiler would make a program of each of two
    norm = root(product, product > 0)
    angle, sine, cosine = angle_of(norm, c)
    rest = jnp.pi - angle
    value = norm * (sine + rest * cosine) / (2 * jnp.pi)
    return Expectations(value, rest / (2 * jnp.pi))


def angle_of(norm, c):
    """Return the angle between u and v, its sine and its cosine c / norm.

    At u = v the angle's derivative is infinite, with either sign. Rounding of c cannot
    tell angles below 1e-7 from 0, so they count as 0, with derivative 0: an input then
    meets itself exactly, in whatever batch it comes.
    """
    cosine = jnp.where(norm > 0, c / jnp.where(norm > 0, norm, 1), 0)
    obtuse = cosine < 0
    z = (1 - jnp.where(obtuse, -cosine, cosine)) / 2  # sin^2 of half the acute angle
    half = root(z, z > 8 * jnp.finfo(z.dtype).eps)
    # arcsin(half) / half by a polynomial, which the compiler turns into vector
    # instructions: its own arccos calls a library for each number, ten times slower.
    t, ratio = 4 * z - 1, 0.0
    for coefficient in _arcsin_polynomial():
        ratio = ratio * t + coefficient
    angle = 2 * half * ratio
    sine = 2 * half * jnp.sqrt(1 - z)
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


def erf(q1, q2, c) -> Expectations:
    a, b = 1 + 2 * q1, 1 + 2 * q2
    # c^2 <= q1 q2, so the argument stays below 1 and what is under the root above 1.
    value = 2 / jnp.pi * jnp.arcsin(2 * c / jnp.sqrt(a * b))
    return Expectations(value, 4 / jnp.pi / jnp.sqrt(a * b - 4 * c**2))


def root(square, where):
    """Return the square root, with value and derivative 0 elsewhere.

    `where` twice, since JAX also differentiates the branch that is not taken.
    """
    return jnp.where(where, jnp.sqrt(jnp.where(where, square, 1)), 0)


def standardized(q1, q2, c, roundings: int = 16):
    """Return the two standard deviations and the correlation.

    It is 0 where a variance is 0, and 1 where a number of roundings cannot tell it
    from 1, or put it beyond.
    """
    r1, r2 = root(q1, q1 > 0), root(q2, q2 > 0)
    norm = r1 * r2
    rho = jnp.where(norm > 0, c / jnp.where(norm > 0, norm, 1), 0)
    same = jnp.abs(rho) > 1 - roundings * jnp.finfo(rho.dtype).eps
    return r1, r2, jnp.where(same, jnp.sign(rho), rho)


def sign(q1, q2, c) -> Expectations:
    """Return the expectations of the sign, whose derivative is 0 almost everywhere."""
    product = q1 * q2
    norm = root(product, product > 0)
    angle, _, _ = angle_of(norm, c)
    value = jnp.where(norm > 0, 1 - 2 / jnp.pi * angle, 0)
    return Expectations(value, jnp.zeros_like(value))


@dataclass(frozen=True)
class LeakyRelu:
    """z where z is positive, and ``slope`` z elsewhere; the absolute value for -1."""

    slope: float

    def __call__(self, z):
        """Return the activation of an array."""
        return jnp.where(z > 0, z, self.slope * z)

    def expectations(self, q1, q2, c) -> Expectations:
        """Return the Gaussian expectations."""
        same, opposite, a = relu(q1, q2, c), relu(q1, q2, -c), self.slope
        return Expectations(
            (1 + a * a) * same.value - 2 * a * opposite.value,
            (1 + a * a) * same.slope + 2 * a * opposite.slope,
        )


@dataclass(frozen=True)
class Wave:
    """sin(frequency z), or with ``even`` cos(frequency z)."""

    frequency: float
    even: bool = False

    def __call__(self, z):
        """Return the activation of an array."""
        return (jnp.cos if self.even else jnp.sin)(self.frequency * z)

    def expectations(self, q1, q2, c) -> Expectations:
        """Return the Gaussian expectations."""
        square, both = self.frequency**2, q1 + q2
        near = jnp.exp(-square / 2 * (both - 2 * c)) / 2
        far = jnp.exp(-square / 2 * (both + 2 * c)) / 2
        odd, even = near - far, near + far
        value, slope = (even, odd) if self.even else (odd, even)
        return Expectations(value, square * slope)


def leaky_relu(slope: float = 0.01) -> LeakyRelu:
    """Return the leaky ReLU, an activation with its expectations in closed form.

    Args:
        slope: on the negative side; -1 gives the absolute value, 0 ReLU.

    Returns:
        The activation, a function of an array.

    Raises:
        TypeError: a slope that is not a number.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.infinite import leaky_relu
        >>> leaky_relu(0.5)(jnp.array([-2.0, 2.0])).tolist()
        [-1.0, 2.0]
    """
    return LeakyRelu(checks.finite_float("slope", slope))


def sine(frequency: float = 1.0) -> Wave:
    r"""Return the sine of a frequency, an activation with closed expectations.

    Args:
        frequency: :math:`\omega > 0`, of :math:`\sin \omega z`.

    Returns:
        The activation, a function of an array.

    Raises:
        ValueError, TypeError: a frequency that is not a positive number.

    Example:
        >>> import jax.numpy as jnp, numpy as np, ntkbook
        >>> from ntkbook.infinite import nngp, sine
        >>> ntkbook.double_precision()
        >>> kernel = nngp(jnp.eye(2), depth=1, activation=sine(30.0))
        >>> np.asarray(kernel).round(4).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """
    return Wave(checks.finite_float("frequency", frequency, above=0))


def cosine(frequency: float = 1.0) -> Wave:
    r"""Return the cosine of a frequency, an activation with closed expectations.

    Args:
        frequency: as for :func:`sine`.

    Returns:
        The activation, a function of an array.

    Raises:
        ValueError, TypeError: as :func:`sine`.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.infinite import cosine
        >>> cosine(2.0)(jnp.zeros(1)).tolist()
        [1.0]
    """
    return Wave(checks.finite_float("frequency", frequency, above=0), even=True)
