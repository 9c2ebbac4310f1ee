r"""The spectrum of a rotation-invariant kernel on the circle and on spheres.

A kernel on the unit sphere of :math:`\mathbb R^d` that depends on the angle alone,
:math:`\Theta(x, x') = g(\theta)`, is diagonal in the harmonics, for the uniform
distribution: cosines and sines for d = 2, spherical harmonics above. All harmonics of
degree k share one eigenvalue.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.special import comb, roots_legendre

from ntkbook._types import AnyArray
from ntkbook.kernels.infinite.recursion import nngp, ntk
from ntkbook.validation import checks
from ntkbook.validation.host import outside_jit

KINDS = {"ntk": ntk, "nngp": nngp}
NODES = 256  # at least; twice the highest degree, whose polynomials oscillate


class Harmonics(NamedTuple):
    r"""The spectrum of a rotation-invariant kernel, by degree.

    Attributes:
        values: ``(count,)``, eigenvalues :math:`\lambda_0, \lambda_1, \dots`, with
            respect to the uniform distribution.
        multiplicities: ``(count,)``, how many harmonics each degree has.
    """

    values: Float[np.ndarray, "count"]
    multiplicities: Int[np.ndarray, "count"]


def harmonic_eigenvalues(
    profile: Callable, count: int, *, dimension: int = 2
) -> Harmonics:
    r"""Return the eigenvalues of a kernel that depends on the angle alone.

    .. math::

        \lambda_k &= \int_0^\pi g(\theta)\, P_k(\cos\theta)\, d\nu(\theta), \\
        d\nu &\propto \sin^{d-2}\theta\, d\theta

    with the Gegenbauer polynomial :math:`P_k` that is 1 at 1; for d = 2 it is
    :math:`\cos k\theta`, for d = 3 Legendre's. The integral is a Gauss quadrature in
    the angle, which converges fast where g is smooth on the closed interval
    :math:`[0, \pi]`, as the kernels of ReLU networks are: their kink at angle 0 is at
    its end.

    Args:
        profile: g, a function of an array of angles from 0 to pi.
        count: how many degrees, from 0 on.
        dimension: d, at least 2; the sphere has one dimension less.

    Returns:
        :class:`Harmonics`. Rounding leaves eigenvalues that are 0 at about 1e-16 times
        the largest.

    Raises:
        ValueError: sizes out of range, or a profile that is not finite.
        TypeError: arguments of the wrong kind.

    Example:
        >>> import numpy as np
        >>> from ntkbook.learning_curves import harmonic_eigenvalues
        >>> found = harmonic_eigenvalues(lambda angle: 1 + np.cos(angle), 3)
        >>> found.values.round(6) + 0.0, found.multiplicities
        (array([1. , 0.5, 0. ]), array([1, 2, 2]))

    Source: for d = 2 Fourier's series; above, the formula of Funk and Hecke.
    """
    checks.function("profile", profile, "of an array of angles")
    count = checks.positive_int("count", count)
    dimension = checks.bounded_int("dimension", dimension, 2)
    angles, weights = _gauss(max(NODES, 2 * count))
    weights = weights * np.sin(angles) ** (dimension - 2)
    values = checks.float_array(
        "profile(angles)", profile(angles), expected="kernel values", to=np.asarray
    )
    if values.shape != angles.shape:
        raise ValueError(
            f"`profile` must return one value for each angle, {angles.shape}, but the "
            f"shape is {values.shape}."
        )
    weighted = values * weights / weights.sum()
    cosines, found = np.cos(angles), []
    before, now = np.zeros_like(cosines), np.ones_like(cosines)
    for k in range(count):
        found.append(float(weighted @ now))
        # k + d - 2 is 0 for k = 0 and d = 2, where the next polynomial is the cosine.
        after = ((2 * k + dimension - 2) * cosines * now - k * before) / max(
            k + dimension - 2, 1
        )
        before, now = now, cosines if k == 0 else after
    degrees = np.arange(count)
    many = comb(degrees + dimension - 1, degrees, exact=False)
    less = comb(degrees + dimension - 3, degrees - 2, exact=False)
    many = np.rint(many - np.where(degrees >= 2, less, 0)).astype(int)
    return Harmonics(np.array(found), many)


@cache
def _gauss(count: int):
    """Nodes in [0, pi] and weights; numpy's own solve a dense eigenvalue problem."""
    nodes, weights = roots_legendre(count)
    return np.pi * (nodes + 1) / 2, weights


def network_harmonics(
    count: int,
    *,
    dimension: int = 2,
    kind: str = "ntk",
    depth: int = 1,
    activation: str | Callable = "relu",
    weight_std: float = 2**0.5,
    bias_std: float = 0.0,
) -> Harmonics:
    r"""Return the spectrum of an infinitely wide network on the circle or a sphere.

    Inputs have the norm :math:`\sqrt d`, so that the first layer's covariance is
    :math:`\sigma_w^2 \cos\theta + \sigma_b^2` in every dimension.

    Args:
        count, dimension: as for :func:`harmonic_eigenvalues`.
        kind: ``"ntk"``, or ``"nngp"`` for the covariance at initialisation, which is
            the kernel of training the last layer alone.
        depth, activation, weight_std, bias_std: as for :func:`ntkbook.infinite.ntk`.

    Returns:
        :class:`Harmonics`.

    Raises:
        ValueError, TypeError: arguments that do not fit.

    Example:
        >>> import ntkbook
        >>> from ntkbook.learning_curves import network_harmonics
        >>> ntkbook.double_precision()
        >>> found = network_harmonics(5).values / 4     # over Theta(x, x) = 4
        >>> found.round(4) + 0.0
        array([0.304 , 0.25  , 0.0788, 0.    , 0.0086])
    """
    outside_jit(weight_std=weight_std, bias_std=bias_std)
    checks.one_of("kind", kind, KINDS)
    settings = {"depth": depth, "activation": activation}
    settings |= {"weight_std": weight_std, "bias_std": bias_std}
    of_angles = partial(_on_circle, KINDS[kind], settings)
    return harmonic_eigenvalues(of_angles, count, dimension=dimension)


def _on_circle(kernel, settings, angles: Float[AnyArray, "n"]):
    """Return a kernel of the infinite recursion as a function of angles."""
    ring = 2**0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    first = jnp.asarray([[2**0.5, 0.0]])
    return np.asarray(kernel(first, jnp.asarray(ring), **settings)[0])
