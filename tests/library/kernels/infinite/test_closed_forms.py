"""Expectations in closed form, against the definition by quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import dblquad

from ntkbook.infinite import cosine, expectations, leaky_relu, nngp, ntk, sine
from tests.helpers.draws import first

CASES = {
    "leaky": leaky_relu(0.3),
    "abs": jnp.abs,
    "sign": jnp.sign,
    "sine": sine(2.0),
    "cosine": cosine(3.0),
}


def by_quadrature(function, q1, q2, c):
    """E f(u) f(v), one quadrant at a time: at 0 the functions may jump."""
    rho = c / (q1 * q2) ** 0.5

    def density(s, t):
        z = (s * s - 2 * rho * s * t + t * t) / (1 - rho**2)
        return np.exp(-z / 2) / (2 * np.pi * (1 - rho**2) ** 0.5)

    def value(z):
        return float(function(np.float64(z)))

    total = 0.0
    for a in ((-9, 0), (0, 9)):
        for b in ((-9, 0), (0, 9)):
            total += dblquad(
                lambda s, t: value(q1**0.5 * s) * value(q2**0.5 * t) * density(s, t),
                *a, *b, epsabs=1e-9,
            )[0]  # fmt: skip
    return total


NUMPY = {
    "leaky": (lambda z: z if z > 0 else 0.3 * z, lambda z: 1.0 if z > 0 else 0.3),
    "abs": (abs, np.sign),
    "sign": (np.sign, lambda z: 0.0),
    "sine": (lambda z: np.sin(2 * z), lambda z: 2 * np.cos(2 * z)),
    "cosine": (lambda z: np.cos(3 * z), lambda z: -3 * np.sin(3 * z)),
}


@pytest.mark.parametrize("name", CASES)
def test_against_quadrature(name):
    q1, q2, c = 0.8, 1.5, -0.6
    found = expectations(CASES[name], q1, q2, c)
    function, slope = NUMPY[name]
    assert found.value == pytest.approx(by_quadrature(function, q1, q2, c), abs=1e-7)
    assert found.slope == pytest.approx(by_quadrature(slope, q1, q2, c), abs=1e-7)
    assert found.missing == 0


@pytest.mark.parametrize("name", first(CASES))
def test_kernels_are_positive_and_differentiable(name, getkey):
    x = jax.random.normal(getkey(), (12, 3))
    for kernel in (nngp, ntk):

        def gram(scale, kernel=kernel):
            return kernel(scale * x, depth=2, activation=CASES[name], bias_std=0.2)

        rates = np.linalg.eigvalsh(gram(1.0))
        assert rates[0] > -1e-12 * rates[-1]
        slope = jax.jacfwd(gram)(1.0)
        difference = (gram(1 + 1e-6) - gram(1 - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope, difference, atol=1e-6 * rates[-1])


def test_relu_is_a_leaky_one_and_high_frequencies_are_no_series(getkey):
    x = jax.random.normal(getkey(), (5, 3))
    relu = ntk(x, depth=2, activation="relu")
    np.testing.assert_allclose(
        ntk(x, depth=2, activation=leaky_relu(0.0)), relu, rtol=1e-12
    )
    series = ntk(x, depth=1, activation=lambda z: jnp.sin(z))
    np.testing.assert_allclose(ntk(x, depth=1, activation=jnp.sin), series, atol=1e-9)
    with pytest.raises(ValueError):
        ntk(x, depth=1, activation=lambda z: jnp.sin(40 * z))
    assert np.isfinite(ntk(x, depth=1, activation=sine(40.0))).all()
