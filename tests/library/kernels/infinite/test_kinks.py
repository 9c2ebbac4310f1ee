"""Hard tanh, ELU and their like, against an integral of two variables and by chance."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.infinite import (
    elu,
    expectations,
    hard_tanh,
    nngp,
    ntk,
    piecewise_linear,
)
from ntkbook.kernels.infinite.recognize import line_for
from ntkbook.training.constant_kernel import function_flow
from tests.helpers.draws import weekly

SELU = 1.0507009873554805, 1.6732632423543772


def of_elu(alpha, scale=1.0):
    return (
        lambda z: scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z: scale * np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0))),
    )


def own(z):
    left, right = np.minimum(z, 0), np.maximum(z, 0)
    left = np.where(left < -1, 1 + 0.3 * (left + 1), -left)
    right = np.where(right > 2, 4 + 0.5 * (right - 2), 2 * right)
    return 0.25 + left + right


def slope_of_own(z):
    return np.select([z < -1, z < 0, z < 2], [0.3, -1.0, 2.0], 0.5)


CASES = {  # the activation, its values and slopes in NumPy, its kinks
    "hard tanh": (
        jax.nn.hard_tanh,
        (lambda z: np.clip(z, -1, 1), lambda z: 1.0 * (abs(z) < 1)),
        (-1, 1),
    ),
    "relu6": (
        jax.nn.relu6,
        (lambda z: np.clip(z, 0, 6), lambda z: 1.0 * ((z > 0) & (z < 6))),
        (0, 6),
    ),
    "own": (
        piecewise_linear((-1.0, 0.0, 2.0), (0.3, -1.0, 2.0, 0.5), 0.25),
        (own, slope_of_own),
        (-1, 0, 2),
    ),
    "elu": (jax.nn.elu, of_elu(1.0), (0,)),
    "elu with a kink": (elu(0.5), of_elu(0.5), (0,)),
    "selu": (jax.nn.selu, of_elu(SELU[1], SELU[0]), (0,)),
}
# With two kinks, with three, and with a curve; weekly their like.
UNLIKE = ["hard tanh", "own", "elu with a kink"]
each = pytest.mark.parametrize(
    "name", [name if name in UNLIKE else weekly(name) for name in CASES]
)
X, W = np.polynomial.legendre.leggauss(60)
PAIRS = [  # q1, q2, rho
    (0.8, 1.5, 0.6),
    (1.0, 1.0, 1.0),
    (1.0, 1.0, -1.0),
    (1e3, 1e3, 1 - 1e-12),
    (900.0, 1e3, -0.7),
    (1e-6, 1e3, 0.6),
    (1e-6, 1e-6, -1 + 1e-12),
]


def integral(f, points):
    """Integrate from -12 to 12, piece by piece between points."""
    edges = np.unique(np.clip([-12.0, *points, 12.0], -12, 12))
    return sum(
        (b - a) / 2 * (W @ f((a + b) / 2 + (b - a) / 2 * X))
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    )


def by_quadrature(f, kinks, q1, q2, rho):
    """Return E f(u) f(v): first over v for each u, with edges at all kinks."""
    r1, r2, s = q1**0.5, q2**0.5, ((1 - rho) * (1 + rho)) ** 0.5

    def density(z):
        return np.exp(-z * z / 2) / (2 * np.pi) ** 0.5

    def over_v(z):
        if s == 0:
            return f(r2 * rho * z)
        edges = [(k / r2 - rho * z) / s for k in kinks]
        return integral(lambda t: f(r2 * (rho * z + s * t)) * density(t), edges)

    points = [0.0] + [k / r1 for k in kinks] + [1 / r1, -1 / r1, 3 / r2, -3 / r2]
    points += [
        k / r2 / rho + j * s for k in kinks for j in (-8, -4, -2, -1, 0, 1, 2, 4, 8)
    ]
    return integral(
        lambda zs: np.array([f(r1 * z) * over_v(z) * density(z) for z in zs]), points
    )


@each
def test_against_a_double_integral(name):
    activation, functions, kinks = CASES[name]
    z = np.linspace(-4, 8, 97)
    np.testing.assert_allclose(activation(jnp.array(z)), functions[0](z), atol=1e-12)
    q1, q2, rho = map(np.array, zip(*PAIRS, strict=True))
    found = jax.jit(expectations, static_argnums=0)(
        activation, *map(jnp.array, (q1, q2, rho * (q1 * q2) ** 0.5))
    )
    for f, values in zip(functions, found[:2], strict=True):
        for (q1, q2, rho), value in zip(PAIRS, values, strict=True):
            exact = by_quadrature(f, kinks, q1, q2, rho)
            ends = [by_quadrature(f, kinks, q, q, 1.0) for q in (q1, q2)]
            # c / sqrt(q1 q2) knows 1 - rho to 1e-16 only: angles to 1e-10 at 1e-12.
            bound = 5e-10 if 1 - abs(rho) == pytest.approx(1e-12, rel=0.1) else 1e-11
            assert abs(value - exact) < bound * np.prod(ends) ** 0.5, (q1, q2, rho)
    assert float(found.missing) <= 1e-10


@each
def test_against_random_units(name, getkey):
    activation, (f, slope), _ = CASES[name]
    z = np.random.default_rng(0).multivariate_normal(
        [0, 0], [[0.9, 0.5], [0.5, 1.4]], 400_000
    )
    found = jax.jit(expectations, static_argnums=0)(activation, 0.9, 1.4, 0.5)
    for function, value in ((f, found.value), (slope, found.slope)):
        products = function(z).prod(1)
        error = products.std() / len(z) ** 0.5
        assert abs(value - products.mean()) < 5 * error


@pytest.mark.weekly
@pytest.mark.parametrize(
    "name",
    ["hard tanh", *map(weekly, ["elu", "relu6", "own", "elu with a kink", "selu"])],
)
def test_derivatives(name, getkey):
    activation = CASES[name][0]
    at_once = jax.jit(lambda z: jnp.stack(expectations(activation, *z)[:2]))
    for point in ([0.8, 1.5, 0.6], [1e-2, 90.0, 0.3], [1.0, 2.0, -1.38]):
        z = jnp.array(point)
        found = jax.jacfwd(at_once)(z)
        steps = 1e-5 * jnp.diag(jnp.array([z[0], z[1], 0.1 * (z[0] * z[1]) ** 0.5]))
        for i, step in enumerate(steps):
            difference = (at_once(z + step) - at_once(z - step)) / (2 * step[i])
            scale = np.abs(difference) + 1e-3 * np.abs(found).max()
            assert (np.abs(found[:, i] - difference) < 1e-5 * scale).all()
        np.testing.assert_allclose(jax.jacrev(at_once)(z), found, rtol=1e-9, atol=1e-12)
    x = jax.random.normal(getkey(), (6, 3))

    def gram(scale):
        return ntk(scale * x, depth=1, activation=activation, bias_std=0.2)

    rates = np.linalg.eigvalsh(gram(1.0))
    assert rates[0] > -1e-12 * rates[-1]
    difference = (gram(1 + 1e-5) - gram(1 - 1e-5)) / 2e-5
    slope = jax.jacfwd(gram)(1.0)
    np.testing.assert_allclose(slope, difference, atol=1e-6 * rates[-1])


@pytest.mark.weekly
def test_no_variance():
    """An input that is 0 where there are no biases, as dark pixels are."""
    for activation, at_zero in (
        (hard_tanh(), 0.0),
        (CASES["own"][0], 0.25),
        (elu(), 0),
    ):
        at_once = jax.jit(partial(expectations, activation))
        found = at_once(0.0, 1.0, 0.0)
        mean = jnp.mean(activation(jax.random.normal(jax.random.key(0), (10**6,))))
        assert abs(found.value - at_zero * mean) < 2e-3
        derivative = jax.jit(jax.grad(lambda q, f=at_once: f(q, 1.0, 0.0).slope))
        assert np.isfinite(derivative(0.0))


@pytest.mark.weekly
def test_many_kinks():
    """Those of tanh's chords: one program whatever their number."""
    kinks = np.linspace(-3, 3, 101)
    values = np.tanh(kinks)
    slopes = [0.0, *np.diff(values) / np.diff(kinks), 0.0]
    chords = piecewise_linear(kinks.tolist(), slopes)  # type: ignore[arg-type]
    near = jax.jit(expectations, static_argnums=0)
    found, smooth = (near(f, 0.5, 0.8, 0.3) for f in (chords, "tanh"))
    np.testing.assert_allclose(found[:2], smooth[:2], rtol=1e-3)
    equations = [
        str(jax.make_jaxpr(lambda c, f=f: expectations(f, 1.0, 1.0, c)[:2])(0.5))
        for f in (chords, piecewise_linear(kinks[::10].tolist(), slopes[::10] + [0.0]))
    ]
    assert len(equations[0]) < 2 * len(equations[1])


@pytest.mark.weekly
@pytest.mark.parametrize(
    "name",
    [*map(weekly, ["hard tanh", "elu", "relu6", "own"]), "elu with a kink", "selu"],
)
def test_single_precision(name):
    activation, at = CASES[name][0], ([1.0, 0.8, 1.0], [1.0, 1.5, 1.0], [1.0, 0.6, 0.0])
    at_once = jax.jit(partial(expectations, activation))
    single, double = (
        at_once(*(jnp.array(a, dtype) for a in at)) for dtype in ("float32", "float64")
    )
    assert single.value.dtype == single.slope.dtype == np.float32
    for a, b in zip(single[:2], double[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
    with function_flow._double_precision()(False):
        assert np.isfinite(expectations(activation, 1.0, 1.0, 1.0)[:2]).all()


def test_what_is_refused_comes_with_a_line_that_works(getkey):
    x = jax.random.normal(getkey(), (4, 3))
    for steep in (
        lambda z: jnp.sin(30 * z),
        lambda z: jnp.cos(25 * z),
        lambda z: jnp.where(z > 0, z, 0.1 * z),
        lambda z: jnp.clip(z, -2, 2),
        lambda z: z.clip(-2, 2),
        lambda z: jnp.where(z > 0, z, -0.0),
        lambda z: jax.nn.elu(z, 0.5),
    ):
        with pytest.raises(ValueError, match="too steep") as raised:
            ntk(x, depth=1, activation=steep)
        line = str(raised.value).split("activation=")[1].split(", which")[0]
        assert "-0.0" not in line
        activation = eval(line, {"ntkbook": ntkbook})
        assert np.isfinite(ntk(x, depth=1, activation=activation)).all()
        z = jnp.linspace(-3, 3, 31)
        np.testing.assert_allclose(activation(z), steep(z), atol=1e-6)
    for unknown in (
        lambda z: jnp.where(z > 0, z, jnp.sin(z) / 2),
        lambda z: jnp.where(jnp.abs(z) > 59, jnp.exp(z**2), jnp.abs(z)),
    ):
        with pytest.raises(ValueError, match="piecewise_linear"):
            ntk(x, depth=1, activation=unknown)


def test_advice_never_fails_in_place_of_the_refusal(getkey):
    """What a reader's function does with a single number, or far away, is no matter."""

    def only_arrays(z):
        if z.ndim == 0:
            raise RuntimeError
        return jnp.abs(z)

    assert line_for(only_arrays) is None
    assert line_for(lambda z: jnp.exp(z**2)) is None


def test_arguments():
    for wrong in ((), (1.0, 1.0), (2.0, 1.0)):
        with pytest.raises(ValueError, match="`kinks`"):
            piecewise_linear(wrong, (0.0, 1.0, 0.0))
    with pytest.raises(ValueError, match="`slopes`"):
        piecewise_linear((0.0,), (1.0,))
    for wrong in (1.0, "01", [None]):
        with pytest.raises(TypeError, match="`kinks`"):
            piecewise_linear(wrong, (0.0, 1.0))
    with pytest.raises(ValueError, match="`limit`"):
        hard_tanh(0.0)
    with pytest.raises(ValueError, match="`scale`"):
        elu(1.0, scale=-1.0)
    same = nngp(jnp.eye(2), depth=1, activation=piecewise_linear([0], [0, 1]))
    np.testing.assert_allclose(same, nngp(jnp.eye(2), depth=1), rtol=1e-14)
