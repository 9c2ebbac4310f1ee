"""Gaussian expectations of activations that have no closed form."""

import math

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntkbook.infinite import cntk, nngp, ntk
from ntkbook.kernels.infinite.expectations import expectations, second_moment
from tests.helpers.draws import examples
from tests.helpers.kernels.infinite import KERNELS, close, drawn

_, X1, X2, NOISE = drawn()


def sine(z):
    return jnp.sin(z)


def erf(z):
    return jax.scipy.special.erf(z)


def cube(z):
    return z**3


def square(z):
    return z * z


def identity(z):
    return z


def leaky(z):
    return jnp.where(z > 0, z, 0.1 * z)


def pairs(low=0.01, high=4.0):
    """Eight pairs: variances, and covariances with correlations up to the ends."""
    eight = lambda a, b: st.lists(st.floats(a, b), min_size=8, max_size=8)  # noqa: E731
    return st.tuples(eight(low, high), eight(low, high), eight(-1, 1)).map(
        lambda t: (
            jnp.array(t[0]), jnp.array(t[1]),
            jnp.array(t[2]) * jnp.sqrt(jnp.array(t[0]) * jnp.array(t[1])),
        )
    )  # fmt: skip


at_once = jax.jit(expectations, static_argnums=0)


@pytest.mark.weekly
@examples(10, weekly=300)
@hypothesis.given(pairs())
def test_series_against_closed_forms(pair):
    q1, q2, c = pair
    damp = jnp.exp(-(q1 + q2) / 2)
    of_erf = at_once("erf", q1, q2, c)
    for activation, value, slope in (
        (identity, c, jnp.ones_like(c)),
        (square, q1 * q2 + 2 * c**2, 4 * c),
        (cube, 9 * q1 * q2 * c + 6 * c**3, 9 * (q1 * q2 + 2 * c**2)),
        (sine, damp * jnp.sinh(c), damp * jnp.cosh(c)),
        (erf, of_erf.value, of_erf.slope),
    ):
        found = at_once(activation, q1, q2, c)
        ends = [at_once(activation, q, q, q) for q in (q1, q2)]
        close(found.value, value, 1e-12, jnp.sqrt(ends[0].value * ends[1].value))
        close(found.slope, slope, 1e-12, jnp.sqrt(ends[0].slope * ends[1].slope))
        close(second_moment(activation, q1), ends[0].value, 1e-13)
        assert float(found.missing) < 1e-10


@pytest.mark.weekly
def test_series_as_kernels():
    """Through all layers: erf as a function, and a network that is linear."""
    settings = dict(depth=2, weight_std=1.3, bias_std=0.4)
    for kernel in KERNELS.values():
        named = kernel(X1, X2, activation="erf", **settings)
        close(kernel(X1, X2, activation=erf, **settings), named, 1e-12)
    sigma = 1.69 * X1 @ X2.T / 5 + 0.16
    theta = sigma
    for _ in range(2):
        sigma = 1.69 * sigma + 0.16
        theta = sigma + 1.69 * theta
    close(nngp(X1, X2, activation=identity, **settings), sigma, 1e-13)
    close(ntk(X1, X2, activation="identity", **settings), theta, 1e-13)


def by_quadrature(function, q1, q2, rho, nodes=801):
    """Return E[f(u) f(v)] by a dense rule in two dimensions."""
    z = np.linspace(-13, 13, nodes)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    u = function(q1**0.5 * z)
    if abs(rho) == 1:  # one dimension is left
        return weights @ (u * function(rho * q2**0.5 * z))
    v = function(q2**0.5 * (rho * z[:, None] + (1 - rho**2) ** 0.5 * z[None, :]))
    return weights * u @ v @ weights


def tanh_slope(z):
    return np.cosh(np.minimum(np.abs(z), 300)) ** -2.0


@pytest.mark.parametrize("rho", [1.0, 0.9, -0.4, -1.0])
@pytest.mark.parametrize(("q1", "q2"), [(1.0, 0.3), (4.0, 4.0), (30.0, 50.0)])
def test_tanh_and_its_bound_against_a_double_quadrature(q1, q2, rho):
    """The series is off by no more than it says: nothing visible up to variance 4."""
    c = rho * (q1 * q2) ** 0.5
    found = expectations("tanh", *(jnp.array([a]) for a in (q1, q2, c)))
    for function, one in ((np.tanh, found.value), (tanh_slope, found.slope)):
        exact = by_quadrature(function, q1, q2, rho)
        size = math.sqrt(
            by_quadrature(function, q1, q1, 1.0) * by_quadrature(function, q2, q2, 1.0)
        )
        error = abs(float(one[0]) - exact) / size
        assert error <= float(found.missing) + 1e-13
        assert error < (1e-8 if q1 <= 4 else 0.2)
    # At the ends of the series' reach the bound is not idle either.
    assert float(found.missing) < 1e-6 or q1 > 4


def test_an_activation_with_a_kink_is_refused():
    for steep in (leaky, lambda z: jnp.clip(z, -1, 1), lambda z: jax.nn.elu(z)):
        with pytest.raises(
            ValueError, match="`activation` is too steep for the series"
        ):
            ntk(X1, depth=1, activation=steep)
    with pytest.raises(ValueError, match="a kink or a jump"):
        cntk(NOISE, depth=1, pooling="flatten", activation=leaky)
    # A smooth one is too, where the variances make a kink of it.
    ntk(X1, depth=1, activation="tanh")
    with pytest.raises(ValueError, match="smaller `weight_std`"):
        ntk(X1, depth=1, activation="tanh", weight_std=30.0)
