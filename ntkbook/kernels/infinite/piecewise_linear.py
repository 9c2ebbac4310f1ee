r"""Gaussian expectations of piecewise linear activations: hard tanh and its like.

Away from its kinks :math:`t_i` such a function is the line through 0 and ramps

.. math:: \phi(z) = \phi(0) + m z + \sum_i w_i\, (\sigma_i (z - t_i))_+, \qquad
    \sigma_i = \operatorname{sign} t_i

so its expectations are sums of those of ramps. For a standard pair of correlation
:math:`\rho`, with :math:`s^2 = 1 - \rho^2`, :math:`x = (k - \rho h) / s`,
:math:`y = (h - \rho k) / s` and h, k at least 0, they are

.. math::

    L &= P(U > h, V > k) = \tfrac12 (\bar\Phi(h) + \bar\Phi(k)) - T(h, x / h)
    - T(k, y / k), \\
    R &= \mathbb E[(U - h)_+ (V - k)_+] = (\rho + h k) L
    - k\, p(h)\, \bar\Phi(x) - h\, p(k)\, \bar\Phi(y) + s^2 p_2(h, k)

with p and :math:`p_2` the densities of U and of (U, V), :math:`\bar\Phi(h) = P(U > h)`,
and Owen's function

.. math:: T(h, a) = \frac{1}{2 \pi} \int_0^a \frac{e^{-h^2 (1 + z^2) / 2}}{1 + z^2} dz

which a Gauss rule of twelve nodes gives to rounding for :math:`a \le 1`; for larger a
it follows from :math:`T(a h, 1 / a)`.

Sources: :cite:t:`owen1956tables` for L; R by two integrations by parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.kernels.infinite.closed_forms import (
    Expectations,
    angle_of,
    root,
    standardized,
)
from ntkbook.validation import checks

NODES, WEIGHTS = (a[12:] for a in np.polynomial.legendre.leggauss(24))
FAR = 40.0  # beyond so many standard deviations there is nothing
NEAR = 2.0**-23.5  # what is closer to u = v, rounding cannot tell from it


@dataclass(frozen=True)
class PiecewiseLinear:
    """A continuous function with ``slopes`` between its ``kinks``."""

    kinks: tuple[float, ...]
    slopes: tuple[float, ...]
    at_zero: float = 0.0

    def __call__(self, z):
        """Return the activation of an array."""
        piece = jnp.searchsorted(jnp.asarray(self.kinks, z.dtype), z)
        slope = jnp.asarray(self.slopes, z.dtype)[piece]
        return jnp.asarray(self._intercepts(), z.dtype)[piece] + slope * z

    def _intercepts(self):
        """Return where the line of each piece meets the axis z = 0."""
        steps = -np.diff(self.slopes) * np.array(self.kinks)
        found = np.append(0.0, np.cumsum(steps))
        return found - found[self._middle()] + self.at_zero

    def _middle(self) -> int:
        """Return which piece holds 0, or ends there."""
        return sum(t < 0 for t in self.kinks)

    def expectations(self, q1, q2, c) -> Expectations:
        """Return the Gaussian expectations."""
        r1, r2, rho = standardized(q1, q2, c)
        c = jnp.asarray(c, rho.dtype)
        m, at_zero = self.slopes[self._middle()], self.at_zero
        kinks, weights = np.array(self.kinks), np.diff(self.slopes)
        signs = np.where(kinks < 0, -1.0, 1.0)

        def ramp(totals, of):
            value, slope = totals
            t, w, sign = of
            for r in (r1, r2):
                h = _scaled(t, r)
                value += at_zero * w * r * (_density(h) - h * _beyond(h))
                value += m * c * sign * w * _beyond(h)
                slope += m * sign * w * _beyond(h)
            return value, slope

        def pair(totals, of, corner=False):
            value, slope = totals
            t1, t2, w, sign = of
            h, k = _scaled(t1, r1), _scaled(t2, r2)
            found, both = ramps_of_pair(h, k, sign * rho, corner)
            return value + w * r1 * r2 * found, slope + sign * w * both

        i, j = np.indices((len(kinks), len(kinks))).reshape(2, -1)
        pairs = kinks[i], kinks[j], weights[i] * weights[j], signs[i] * signs[j]
        corner = (kinks[i] == 0) & (kinks[j] == 0)
        shape = jnp.broadcast_shapes(*map(jnp.shape, (r1, r2, rho)))
        start = jnp.broadcast_to(at_zero**2 + m**2 * c, shape)
        totals = start, jnp.full(shape, m**2, rho.dtype)
        totals = _sum(ramp, totals, (kinks, weights, signs))
        totals = _sum(pair, totals, [a[~corner] for a in pairs])
        for of in zip(*(a[corner].tolist() for a in pairs), strict=True):
            totals = pair(totals, of, corner=True)
        return Expectations(*totals)


def _sum(add, totals, terms):
    """Add terms, the rows of some arrays, in a program whose size they do not change.

    (Few of them are written out, which is faster.)
    """
    terms = tuple(jnp.asarray(a, totals[0].dtype) for a in terms)
    return jax.lax.scan(lambda *of: (add(*of), None), totals, terms, unroll=4)[0]


def _scaled(t, r):
    """Return |t| / r, and where r is 0 something far away, or 0 of a kink at 0."""
    far = jnp.where(t == 0, 0, FAR)
    return jnp.where(r > 0, abs(t) / jnp.where(r > 0, r, 1), far)


def _density(h):
    return jnp.exp(-h * h / 2) / (2 * jnp.pi) ** 0.5


def _beyond(h):
    return jax.scipy.special.erfc(h / 2**0.5) / 2


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def ramps_of_pair(h, k, rho, corner: bool):
    """Return R and L of this module's heading; ``corner`` says that h = k = 0."""
    s, x, y = _rotated(h, k, rho)
    if corner:
        angle, sine, cosine = angle_of(1.0, rho)
        rest = jnp.pi - angle
        return (sine + rest * cosine) / (2 * jnp.pi), rest / (2 * jnp.pi)
    both = (_beyond(h) + _beyond(k)) / 2 - _owen(h, x) - _owen(k, y)
    ramp = (rho + h * k) * both - k * _density(h) * _beyond(x)
    ramp += -h * _density(k) * _beyond(y) + s * _peak(h, x) / (2 * jnp.pi)
    return ramp, both


@ramps_of_pair.defjvp
def _derivatives(corner, primals, tangents):
    """Price's theorem: the derivative of R by the correlation is L, that of L p_2.

    Automatic differentiation would subtract infinities where U = V. There p_2 counts
    as 0, as for ReLU.
    """
    h, k, rho = primals
    dh, dk, drho = tangents
    ramp, both = ramps_of_pair(h, k, rho, corner)
    s, x, y = _rotated(h, k, rho)
    at_h, at_k = _density(h) * _beyond(x), _density(k) * _beyond(y)
    far = s > NEAR
    pair = jnp.where(far, _peak(h, x) / (2 * jnp.pi * jnp.where(far, s, 1)), 0)
    dramp = both * drho
    dramp += (k * both - at_k - rho * at_h) * dh + (h * both - at_h - rho * at_k) * dk
    return (ramp, both), (dramp, pair * drho - at_h * dh - at_k * dk)


def _rotated(h, k, rho):
    """Return s, x and y, with the same rounding of 1 - |rho| in all of them."""
    square = (1 - rho) * (1 + rho)
    s = root(square, square > 0)
    safe = jnp.where(s > 0, s, jnp.finfo(s.dtype).tiny)
    x, y = ((b - a + (1 - rho) * a) / safe for a, b in ((h, k), (k, h)))
    return s, x, y


def _peak(h, x):
    """Return the density of a pair times 2 pi s."""
    return jnp.exp(-(h * h + x * x) / 2)


def _owen(h, x):
    """Return T(h, x / h)."""
    size = jnp.abs(x)
    large, small = jnp.maximum(h, size), jnp.minimum(h, size)
    a = small / jnp.where(large > 0, large, 1)
    total = jnp.zeros_like(a)
    for node, weight in zip(NODES.tolist(), WEIGHTS.tolist(), strict=True):
        tilt = 1 + (a * node) ** 2
        total += weight * jnp.exp(-(large**2) * tilt / 2) / tilt
    found = a * total / (2 * jnp.pi)
    one, two = _beyond(h), _beyond(size)
    found = jnp.where(size <= h, found, (one + two) / 2 - one * two - found)
    return jnp.where(x < 0, -found, found)


def piecewise_linear(
    kinks: Sequence[float], slopes: Sequence[float], at_zero: float = 0.0
) -> PiecewiseLinear:
    r"""Return a piecewise linear activation, with its expectations in closed form.

    .. math::

        \phi'(z) &= s_i \quad \text{for } t_{i - 1} < z < t_i, \\
        \phi(0) &= \phi_0

    with no jumps. The closed form has one bivariate normal probability for each pair of
    kinks, right to about 1e-15 of :math:`\mathbb E[\phi^2]` at variances near 1, to
    1e-12 from 1e-6 to 1e3.

    Args:
        kinks: :math:`t_1 < t_2 < \dots`, where the slope changes, at least one.
        slopes: one more than kinks, from the left.
        at_zero: :math:`\phi_0`.

    Returns:
        The activation, a function of an array.

    Raises:
        ValueError: kinks that do not increase, a number of slopes that does not fit.
        TypeError: what is not a sequence of numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.infinite import piecewise_linear
        >>> relu6 = piecewise_linear((0.0, 6.0), (0.0, 1.0, 0.0))
        >>> relu6(jnp.array([-1.0, 2.0, 9.0])).tolist()
        [0.0, 2.0, 6.0]
    """
    kinks, slopes = (
        _numbers(name, given) for name, given in (("kinks", kinks), ("slopes", slopes))
    )
    if not kinks or any(b <= a for a, b in zip(kinks[:-1], kinks[1:], strict=True)):
        raise ValueError(
            f"`kinks` must be increasing numbers, at least one, not {kinks}; pass "
            "for example kinks=(-1.0, 1.0), slopes=(0.0, 1.0, 0.0)."
        )
    if len(slopes) != len(kinks) + 1:
        raise ValueError(
            f"`slopes` must hold {len(kinks) + 1} numbers, one more than `kinks`, not "
            f"{len(slopes)}."
        )
    return PiecewiseLinear(kinks, slopes, checks.finite_float("at_zero", at_zero))


def _numbers(name: str, given) -> tuple[float, ...]:
    if isinstance(given, (str, bytes)) or not hasattr(given, "__len__"):
        raise TypeError(
            f"`{name}` must be a sequence of numbers, not {checks.short(given)}."
        )
    return tuple(checks.finite_float(name, number) for number in given)


def hard_tanh(limit: float = 1.0) -> PiecewiseLinear:
    r"""Return hard tanh, an activation with its expectations in closed form.

    .. math:: \phi(z) = \min(\max(z, -a), a)

    Args:
        limit: :math:`a > 0`.

    Returns:
        The activation, a function of an array. (``jax.nn.hard_tanh`` is known too.)

    Raises:
        ValueError, TypeError: a limit that is not a positive number.

    Example:
        >>> import jax.numpy as jnp, numpy as np, ntkbook
        >>> from ntkbook.infinite import hard_tanh, nngp
        >>> ntkbook.double_precision()
        >>> kernel = nngp(jnp.eye(2), depth=1, activation=hard_tanh())
        >>> np.asarray(kernel).round(4).tolist()
        [[0.3711, 0.0], [0.0, 0.3711]]
    """
    limit = checks.finite_float("limit", limit, above=0)
    return PiecewiseLinear((-limit, limit), (0.0, 1.0, 0.0))
