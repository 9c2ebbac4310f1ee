"""Infinitely wide networks: exact values, another library, finite networks, loops."""

import itertools
import math
from fractions import Fraction

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.svm import SVC

import ntkbook
from ntkbook.infinite import NetworkKernel, cntk, nngp, ntk
from ntkbook.kernels.infinite import convolutional, recursion
from ntkbook.kernels.infinite.expectations import expectations, second_moment
from tests.helpers.draws import examples, weekly
from tests.helpers.kernel_values import PRODUCTS, VALUES
from tests.helpers.networks import agree

RNG = np.random.default_rng(0)
X1 = jnp.asarray(RNG.standard_normal((6, 5)))
X2 = jnp.asarray(RNG.standard_normal((4, 5)))
NOISE = jnp.asarray(RNG.standard_normal((3, 5, 4, 2)))  # images, not square
DIGITS = jnp.asarray(load_digits().images[:3, ..., None] / 16)
KERNELS = {"nngp": nngp, "ntk": ntk}
ROOT2 = 2**0.5


def arora(depth):
    """Settings of the kernel without biases that is depth + 1 for a unit vector."""
    return dict(
        depth=depth, weight_std=(1.0,) + (ROOT2,) * depth, first_layer="unscaled"
    )


def close(found, expected, tolerance, scale=None):
    """Compare to a share of ``scale``: of the largest entry, unless told otherwise."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    scale = np.abs(expected).max() if scale is None else scale
    error = np.abs((found - expected) / scale).max()
    assert error <= tolerance, error


def reference(x1, x2, weights, biases, frozen=0):
    """Return the ReLU network's two kernels as the chapter writes them, with arccos.

    A layer at a time, and the tangent kernel as a sum over the trained layers.
    """
    cross = weights[0] ** 2 * x1 @ x2.T / x1.shape[1] + biases[0] ** 2
    q1, q2 = (
        weights[0] ** 2 * (x**2).mean(1) + biases[0] ** 2
        for x in map(np.asarray, (x1, x2))
    )
    sigmas, slopes = [np.asarray(cross)], []
    for w, b in zip(weights[1:], biases[1:], strict=True):
        norm = np.sqrt(np.outer(q1, q2))
        angle = np.arccos(np.clip(sigmas[-1] / norm, -1, 1))
        mean = norm * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
        sigmas.append(w**2 * mean + b**2)
        slopes.append(w**2 * (np.pi - angle) / (2 * np.pi))
        q1, q2 = (w**2 * q / 2 + b**2 for q in (q1, q2))
    total = sum(
        sigmas[layer] * math.prod(slopes[layer:])
        for layer in range(frozen, len(weights))
    )
    return sigmas[-1], total


# --- against another library


def stax_network(layer, last, depth, activation, weights, biases):
    """Return neural-tangents' kernel of ``depth`` times ``layer``, then ``last``."""
    stax = ntkbook.neural_tangents.stax
    act = {"relu": stax.Relu, "erf": stax.Erf}[activation]
    settings = [
        dict(W_std=float(w), b_std=float(b) or None)
        for w, b in zip(weights, biases, strict=True)
    ]
    hidden = [part for s in settings[:depth] for part in (layer(s), act())]
    return stax.serial(*hidden, *last(settings[depth]))[2]


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("depth", range(1, 9))
def test_dense_kernels_equal_those_of_neural_tangents(depth, activation, relaxed):
    dense = ntkbook.neural_tangents.stax.Dense
    rng = np.random.default_rng(depth)
    x = jnp.concatenate([X1, X2])
    # On the diagonal they take the arccos of a rounded cosine, which can make an angle
    # of 0 one of 1e-8. So it is left out here, and the next test has its exact values.
    apart = 1 - np.eye(len(x)) if activation == "relu" else 1
    for biases in (np.zeros(depth + 1), rng.uniform(0.1, 1, depth + 1)):
        weights = rng.uniform(0.7, 2, depth + 1)
        expected = stax_network(
            lambda s: dense(1, **s), lambda s: [dense(1, **s)], depth, activation,
            weights, biases,
        )(x)  # fmt: skip
        settings = dict(
            depth=depth, activation=activation, weight_std=weights, bias_std=biases
        )
        found = {
            "ntk": ntk(x, **settings),
            "nngp": ntk(x, frozen=depth, **settings),  # one program less to compile
        }
        if depth in (1, 8):
            found["nngp"] = nngp(x, **settings)
        for name, kernel in found.items():
            size = np.sqrt(np.diag(kernel))
            theirs = apart * getattr(expected, name)
            close(apart * kernel, theirs, 1e-12, np.outer(size, size))


def test_the_diagonal_is_exact():
    """A unit vector's kernel with itself is depth + 1, at every depth.

    An angle that a rounded cosine has made 1e-8 in place of 0 would show: it changes
    this by 7e-9 at depth 1 and by 2e-7 at depth 8.
    """
    x = RNG.standard_normal((50, 5))
    x = jnp.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))
    for depth in (1, 4, 8):
        close(np.diag(ntk(x, **arora(depth))), np.full(50, depth + 1.0), 1e-14)
        close(np.diag(nngp(x, **arora(depth))), np.ones(50), 1e-14)


@pytest.mark.parametrize("features", [3, 784, 30_000])
def test_the_diagonal_stays_exact_in_many_dimensions(features):
    """A long sum of squares rounds otherwise than the product that it stands for."""
    x = RNG.standard_normal((5, features))
    x = jnp.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))
    close(np.diag(ntk(x, **arora(3))), np.full(5, 4.0), 1e-14)


def test_the_diagonal_in_fractions():
    """Weights and biases of rational variance leave rational numbers on the diagonal.

    Half of the square is what ReLU leaves on average, and half of the slopes.
    """
    weights, biases = (2, Fraction(3, 2), 1, Fraction(5, 4)), (Fraction(1, 2), 1, 0, 3)
    x = [Fraction(3, 4), Fraction(-5, 8), Fraction(7, 2)]
    sigma = weights[0] ** 2 * sum(a * a for a in x) / 3 + biases[0] ** 2
    theta = sigma
    for w, b in zip(weights[1:], biases[1:], strict=True):
        sigma = w**2 * sigma / 2 + b**2
        theta = sigma + w**2 * theta / 2
    settings = dict(
        depth=3, weight_std=[*map(float, weights)], bias_std=[*map(float, biases)]
    )
    point = jnp.array([[*map(float, x)]])
    assert float(nngp(point, **settings)[0, 0]) == pytest.approx(
        float(sigma), rel=1e-15
    )
    assert float(ntk(point, **settings)[0, 0]) == pytest.approx(float(theta), rel=1e-15)


def conv_network(depth, pooling, size, channels, weight, bias, activation="relu"):
    stax = ntkbook.neural_tangents.stax
    pool = {"flatten": stax.Flatten, "average": stax.GlobalAvgPool}[pooling]
    return stax_network(
        lambda s: stax.Conv(1, (size, size), padding="SAME", **s),
        lambda s: [pool(), stax.Dense(1, **s)],
        depth,
        activation,
        [weight] * (depth + 1),
        [bias] * (depth + 1),
    )


@pytest.mark.parametrize("pooling", ["flatten", "average"])
@pytest.mark.parametrize(
    ("depth", "size", "bias", "activation"),
    [
        weekly(1, 1, 0.0, "relu"),
        (2, 5, 0.3, "relu"),
        weekly(2, 3, 0.3, "erf"),
    ],
)
def test_cntk_equals_that_of_neural_tangents(
    depth, size, bias, activation, pooling, relaxed
):
    theirs = conv_network(depth, pooling, size, 2, 1.3, bias, activation)
    settings = dict(
        depth=depth, pooling=pooling, filter_size=size, activation=activation,
        weight_std=1.3, bias_std=bias,
    )  # fmt: skip
    close(
        cntk(NOISE, NOISE[:2] + 1, **settings), theirs(NOISE, NOISE[:2] + 1).ntk, 1e-12
    )


@pytest.mark.parametrize("pooling", [weekly("flatten"), "average"])
def test_cntk_of_digits_equals_that_of_neural_tangents(pooling, relaxed):
    # Equal pixels are their weak spot: there are many, black ones and an image's own.
    theirs = conv_network(4, pooling, 3, 1, ROOT2, 0.0)(DIGITS).ntk
    close(cntk(DIGITS, depth=4, pooling=pooling), theirs, 1e-6)


# --- values and formulas


def setting(name, depth, features=15):
    """Return the function and the settings that stand for a kernel's name."""
    both = (1.0,) + (ROOT2,) * depth
    inner = (features**-0.5,) + (ROOT2,) * depth
    return {
        "GP": (nngp, dict(weight_std=both, bias_std=1.0)),
        "NTKB": (ntk, dict(weight_std=inner, bias_std=1.0, first_layer="unscaled")),
        "NTKJ": (ntk, dict(weight_std=1.0, bias_std=1.0)),
        "NTKA": (ntk, dict(weight_std=both, first_layer="unscaled")),
    }[name]


@pytest.mark.parametrize("name", VALUES)
def test_the_literatures_kernels_are_settings(name):
    kernel, settings = setting(name[:-1], int(name[-1]))
    first = jnp.eye(15)[:1]
    others = [[c, (1 - c * c) ** 0.5] + [0.0] * 13 for c in PRODUCTS]
    found = kernel(first, jnp.array(others), depth=int(name[-1]), **settings)[0]
    assert np.asarray(found) == pytest.approx(np.array(VALUES[name]), abs=5.01e-7)


@pytest.mark.parametrize("frozen", range(4))
def test_against_a_sum_over_the_trained_layers(frozen):
    weights, biases = np.array([1.2, 0.7, 1.5, 2.0]), np.array([0.3, 0.0, 0.5, 0.1])
    settings = dict(depth=3, weight_std=weights, bias_std=biases)
    sigma, theta = reference(X1, X2, weights, biases, frozen)
    close(nngp(X1, X2, **settings), sigma, 1e-13)
    close(ntk(X1, X2, frozen=frozen, **settings), theta, 1e-13)
    if frozen == 0:
        close(ntk(X1, X2, frozen=0, **settings), ntk(X1, X2, **settings), 1e-15)
    if frozen == 3:  # only the last layer is trained
        close(ntk(X1, X2, frozen=3, **settings), nngp(X1, X2, **settings), 1e-14)


@pytest.mark.parametrize("angle", [1e-6, 1e-4, 0.1, 1.5, 3.0, np.pi - 1e-4])
def test_small_angles(angle):
    """At an angle that is known, not computed from a rounded cosine."""
    x, y = jnp.array([[1.0, 0.0]]), jnp.array([[np.cos(angle), np.sin(angle)]])
    mean = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    found = nngp(x, y, **arora(1))[0, 0]
    assert float(found) == pytest.approx(mean, abs=1e-15)
    expected = mean + np.cos(angle) * (np.pi - angle) / np.pi
    found = ntk(x, y, **arora(1))[0, 0]
    # A cosine rounded by 1e-16 moves the angle by 1e-16 / sin(angle).
    assert float(found) == pytest.approx(expected, abs=2e-16 / np.sin(angle) + 1e-15)


@examples(10, weekly=100)
@hypothesis.given(
    seed=st.integers(0, 1000), a=st.floats(0.01, 100), b=st.floats(0.01, 100)
)
def test_what_leaves_the_kernels_as_they_are(seed, a, b):
    """Rotations of both inputs; lengths, which ReLU without biases hands through."""
    turn = jnp.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0])
    for kernel in KERNELS.values():
        found = kernel(X1 @ turn, X2 @ turn, depth=2, bias_std=0.3)
        close(found, kernel(X1, X2, depth=2, bias_std=0.3), 1e-13)
        scaled = kernel(a * X1, b * X2, depth=2) / (a * b)
        close(scaled, kernel(X1, X2, depth=2), 1e-13)


# --- against finite networks


def within_its_error(draws, exact, share=0.02):
    """Compare the mean of independent draws with a kernel, to 6 standard errors."""
    error = draws.std(axis=0, ddof=1) / len(draws) ** 0.5
    assert (np.abs(draws.mean(axis=0) - exact) < 6 * error).all()
    assert (error < share * np.abs(exact).max()).all()  # else it would say little


@pytest.mark.weekly
def test_unscaled_first_layer_against_finite_networks():
    """The first layer's parameters in the standard parametrisation, the rest in ours.

    Two hidden layers of m units, all parameters' gradients by JAX.
    """
    m, features = 256, 3
    x = jnp.asarray(RNG.standard_normal((3, features)))

    def network(p, x):
        h = jax.nn.relu(x @ p["w0"] + p["b0"])
        h = jax.nn.relu((2 / m) ** 0.5 * h @ p["w1"] + p["b1"])
        return (2 / m) ** 0.5 * h @ p["w2"] + p["b2"]

    def draw(key):
        shapes = dict(w0=(features, m), b0=(m,), w1=(m, m), b1=(m,), w2=(m,), b2=())
        keys = jax.random.split(key, len(shapes))
        p = {n: jax.random.normal(k, s) for k, (n, s) in zip(keys, shapes.items())}  # noqa: B905
        p["w0"] = p["w0"] / features**0.5
        jacobian = jax.vmap(jax.grad(network), (None, 0))(p, x)
        flat = [j.reshape(3, -1) for j in jax.tree.leaves(jacobian)]
        return sum(j @ j.T for j in flat)

    draws = jax.lax.map(draw, jax.random.split(jax.random.key(0), 60))
    kernel, settings = setting("NTKB", 2, features)
    within_its_error(np.asarray(draws), kernel(x, depth=2, **settings))


@pytest.mark.parametrize("activation", ["relu", weekly("tanh")])
def test_scaled_layers_against_the_librarys_own_finite_networks(activation):
    x = X1[:3]
    net = ntkbook.mlp(256, 2, activation, weight_std=1.2, bias_std=0.4)

    def draw(key):
        params = net.init(key, x)
        f = net.apply(params, x)[:, 0]
        return ntkbook.ntk(net.apply, params, x), jnp.outer(f, f)

    kernels, products = jax.lax.map(draw, jax.random.split(jax.random.key(1), 200))
    settings = dict(depth=2, activation=activation, weight_std=1.2, bias_std=0.4)
    within_its_error(np.asarray(kernels), ntk(x, **settings))
    within_its_error(np.asarray(products), nngp(x, **settings), share=0.2)


@pytest.mark.weekly
@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_cntk_against_finite_networks(pooling):
    m, x = 128, NOISE[:2, :4, :3]
    weight, bias = 1.3, 0.2

    def convolve(p, x):
        scale = weight / (9 * x.shape[3]) ** 0.5
        form = ("NHWC", "HWIO", "NHWC")
        z = jax.lax.conv_general_dilated(
            x, p["w"], (1, 1), "SAME", dimension_numbers=form
        )
        return scale * z + bias * p["b"][None, None, None]

    def network(p, x):
        h = jax.nn.relu(convolve(p[1], jax.nn.relu(convolve(p[0], x))))
        h = h.mean((1, 2)) if pooling == "average" else h.reshape(len(x), -1)
        return weight / h.shape[1] ** 0.5 * h @ p[2]["w"] + bias * p[2]["b"][None]

    outputs = m if pooling == "average" else 4 * 3 * m

    def draw(key):
        keys = iter(jax.random.split(key, 6))
        shapes = ((3, 3, 2, m), (3, 3, m, m), (outputs, 1))
        p = [
            {"w": jax.random.normal(next(keys), s),
             "b": jax.random.normal(next(keys), s[-1:])} for s in shapes
        ]  # fmt: skip
        return ntkbook.ntk(network, p, x)

    draws = np.asarray(jax.lax.map(draw, jax.random.split(jax.random.key(0), 60)))
    settings = dict(depth=2, pooling=pooling, weight_std=weight, bias_std=bias)
    within_its_error(draws, cntk(x, **settings))


# --- expectations of other activations


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
    for steep in (leaky, jnp.sign, jax.nn.relu):
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


# --- symmetric, positive semidefinite, differentiable


@pytest.mark.parametrize(
    ("activation", "bias"), [("relu", 0.0), ("relu", 0.2), ("erf", 0.2), ("tanh", 0.2)]
)
def test_square_kernels_are_symmetric_and_positive_semidefinite(activation, bias):
    x = np.random.default_rng(1).standard_normal((200, 4))
    x[150:180] = x[:30]  # the same points again
    x[180:] = -x[:20]
    for kernel in KERNELS.values():
        k = np.asarray(
            kernel(jnp.asarray(x), depth=3, activation=activation, bias_std=bias,
                   weight_std=ROOT2)
        )  # fmt: skip
        assert (k == k.T).all()
        close(k[150:180], k[:30], 1e-15)  # and nothing tells them apart
        values = np.linalg.eigvalsh(k)
        assert values[0] >= -1e-12 * values[-1]


@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_cntk_is_symmetric_and_positive_semidefinite(pooling):
    images = jnp.asarray(load_digits().images[:12, ..., None])
    images = jnp.concatenate([images, images[:4]])
    k = np.asarray(cntk(images, depth=2, pooling=pooling))
    assert (k == k.T).all()
    values = np.linalg.eigvalsh(k)
    assert values[0] >= -1e-12 * values[-1]


E1, E2 = jnp.eye(3)[:2]
POINT = jnp.array([0.3, -0.8, 0.5])


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_derivatives_by_inputs_are_finite_and_right(kernel):
    """At a kink a central difference is the mean of both sides, and so are ours."""

    @jax.jit
    def f(x, y, bias):
        return kernel(x[None], y[None], depth=2, bias_std=bias)[0, 0]

    slope = jax.jit(jax.grad(f))
    h = 1e-4
    for x, y in (
        (POINT, POINT),
        (POINT, 2 * POINT),
        (POINT, -POINT),
        (E1, E2),
        (E1, E1),
        (E1, POINT),
    ):
        for bias in (0.0, 0.5):
            differences = [
                (f(x + h * e, y, bias) - f(x - h * e, y, bias)) / (2 * h)
                for e in jnp.eye(3)
            ]
            # The two sides differ by O(h) where they bend.
            close(slope(x, y, bias), differences, 1e-5)


@pytest.mark.parametrize("activation", ["relu", "erf", "tanh"])
def test_derivatives_of_a_whole_kernel_are_finite(activation):
    x = jnp.concatenate([X1, X1[:2], -X1[:2], jnp.eye(5)])

    def total(x):
        return ntk(x, depth=2, activation=activation, bias_std=0.1).sum()

    gradient = jax.jit(jax.grad(total))(x)
    assert np.isfinite(gradient).all()
    step = 1e-5 * jnp.asarray(RNG.standard_normal(x.shape))
    difference = (total(x + step) - total(x - step)) / 2
    along = (gradient * step).sum()
    if activation != "relu":  # which has kinks: two rows that meet part again
        assert float(along) == pytest.approx(float(difference), rel=1e-5)


@pytest.mark.parametrize(
    ("kernel", "activation"), [(nngp, "erf"), (ntk, "relu"), (ntk, "tanh")]
)
def test_derivatives_by_deviations(kernel, activation):
    """One for all layers, and each layer's own."""

    def f(weights, biases):
        k = kernel(
            X1, depth=1, activation=activation, weight_std=weights, bias_std=biases
        )
        return (k * k).sum()

    h, slope = 1e-5, jax.jit(jax.grad(f, (0, 1)))
    one = (1.1, 0.4)
    found = slope(*one)
    by_weights = (f(one[0] + h, one[1]) - f(one[0] - h, one[1])) / (2 * h)
    by_biases = (f(one[0], one[1] + h) - f(one[0], one[1] - h)) / (2 * h)
    assert float(found[0]) == pytest.approx(float(by_weights), rel=1e-7)
    assert float(found[1]) == pytest.approx(float(by_biases), rel=1e-7)
    each = slope(jnp.full(2, one[0]), jnp.full(2, one[1]))
    for total, parts in zip(found, each, strict=True):
        assert float(parts.sum()) == pytest.approx(float(total), rel=1e-12)
    listed = slope([1.1, 1.1], 0.4)[0]
    assert [float(v) for v in listed] == pytest.approx(each[0].tolist(), rel=1e-12)
    assert float(slope(1.1, 0.0)[1]) == 0.0  # even in it


@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_derivatives_of_cntk_at_black_pixels_are_finite(pooling):
    """Digits have black borders, without an angle; and images that meet themselves."""

    def total(x, w):
        return cntk(x, depth=2, pooling=pooling, weight_std=w).sum()

    gradient, weight = jax.jit(jax.grad(total, (0, 1)))(DIGITS[:, ::2], ROOT2)
    assert np.isfinite(gradient).all()
    assert np.isfinite(weight)
    blank = DIGITS.at[1].set(0)
    assert np.isfinite(cntk(blank, depth=2, pooling=pooling, bias_std=0.1)).all()


# --- blocks, jit and vmap


def test_blocks_change_nothing_but_rounding(monkeypatch):
    x, settings = jnp.asarray(RNG.standard_normal((11, 5))), dict(depth=2, bias_std=0.1)
    whole = {
        name: (f(x, **settings), f(x, X2, **settings)) for name, f in KERNELS.items()
    }
    for name, f in KERNELS.items():
        close(f(x, jnp.array(x), **settings), whole[name][0], 1e-15)
    monkeypatch.setattr(recursion, "BLOCK", 4)
    with ntkbook.limit_memory(1e-6):  # 4 rows of 4 numbers fit, 11 do not
        for name, f in KERNELS.items():
            for part, all_at_once in zip(
                (f(x, **settings), f(x, X2, **settings)), whole[name], strict=True
            ):
                close(part, all_at_once, 1e-15)
            assert (f(x, **settings) == f(x, **settings).T).all()
    with ntkbook.limit_memory(1e-15):  # a row at a time
        close(ntk(x, X2, **settings), whole["ntk"][1], 1e-15)


@pytest.mark.parametrize("pooling", ["flatten", weekly("average")])
def test_blocks_of_images_change_nothing_but_rounding(pooling, monkeypatch):
    images = jnp.asarray(load_digits().images[:5, ..., None])[:, ::2, ::2]
    settings = dict(depth=2, pooling=pooling)
    square, across = cntk(images, **settings), cntk(images, images[:3], **settings)
    close(across, square[:, :3], 1e-15)
    pair = 8 * 16 ** (2 if pooling == "average" else 1)
    monkeypatch.setattr(convolutional, "BLOCK_BYTES", 4 * pair)  # two images by two
    close(cntk(images, **settings), square, 1e-15)
    close(cntk(images, images[:3], **settings), across, 1e-15)
    with ntkbook.limit_memory(1e-15):
        close(cntk(images, **settings), square, 1e-15)


def test_jit_and_vmap():
    settings = dict(depth=2, bias_std=0.1)
    for f in KERNELS.values():
        eager = f(X1, X2, **settings)
        close(jax.jit(lambda a, b, f=f: f(a, b, **settings))(X1, X2), eager, 1e-14)
        one = lambda a, b, f=f: f(a[None], b[None], **settings)[0, 0]  # noqa: E731
        pairs = jax.vmap(jax.vmap(one, (None, 0)), (0, None))(X1, X2)
        close(pairs, eager, 1e-14)
    image = dict(depth=2, pooling="average")
    eager = cntk(NOISE, **image)
    close(jax.jit(lambda x: cntk(x, **image))(NOISE), eager, 1e-14)
    batched = jax.vmap(lambda a: cntk(a[None], NOISE, **image)[0])(NOISE)
    close(batched, eager, 1e-13)
    by_std = jax.vmap(lambda s: ntk(X1, X2, depth=1, weight_std=s))(
        jnp.array([1.0, 2.0])
    )
    close(by_std[1], ntk(X1, X2, depth=1, weight_std=2.0), 1e-14)


# --- convolutions, slowly


def slow_cntk(x, y, depth, size, frozen_ends):
    """Return the two kernels of Arora et al., in their constants, by loops over pixels.

    The filter lies on both images with one shift; it sums and does not average, and
    1 / size^2 stands with the expectations. ``depth`` counts convolutions.
    """
    (P, Q, _), reach = x.shape, range(-(size // 2), size // 2 + 1)
    pixels = [*itertools.product(range(P), range(Q))]
    inside = set(pixels)

    def over_filter(k):
        total = dict.fromkeys(k, 0.0)
        for (i, j), (m, n) in k:
            for a, b in itertools.product(reach, reach):
                one, two = (i + a, j + b), (m + a, n + b)
                if one in inside and two in inside:
                    total[(i, j), (m, n)] += k[one, two]
        return total

    def covariances(x, y):
        return {(p, r): float(x[p] @ y[r]) for p in pixels for r in pixels}

    sigma = {
        ("x", "y"): over_filter(covariances(x, y)),
        ("x", "x"): over_filter(covariances(x, x)),
        ("y", "y"): over_filter(covariances(y, y)),
    }
    theta = dict.fromkeys(sigma["x", "y"], 0.0) if frozen_ends else sigma["x", "y"]
    for layer in range(1, depth + 1):
        means, slopes = {}, {}
        for (a, b), s in sigma.items():
            for p, r in s:
                norm = math.sqrt(sigma[a, a][p, p] * sigma[b, b][r, r])
                angle = math.acos(max(-1.0, min(1.0, s[p, r] / norm)))
                rest = math.pi - angle
                mean = norm * (math.sin(angle) + rest * math.cos(angle)) / math.pi
                means.setdefault((a, b), {})[p, r] = mean / size**2
                slopes.setdefault((a, b), {})[p, r] = rest / math.pi / size**2
        k, slope = means["x", "y"], slopes["x", "y"]
        last = layer == depth
        theta = {
            at: slope[at] * theta[at] + (0.0 if last and frozen_ends else k[at])
            for at in k
        }
        if not last:
            sigma = {name: over_filter(mean) for name, mean in means.items()}
            theta = over_filter(theta)
    return {
        "flatten": sum(theta[p, p] for p in pixels),
        "average": sum(theta.values()) / len(theta),
    }


@pytest.mark.parametrize("frozen_ends", [False, True])
@pytest.mark.parametrize(("depth", "size"), [(1, 3), (2, 3), (3, 3), (2, 1), (2, 5)])
def test_cntk_against_loops_over_pixels(depth, size, frozen_ends):
    images = NOISE[:, :4, :3]  # 4 x 3 pixels, 2 channels
    constants = {"average": 2 / 2, "flatten": 2 * 4 * 3 / 2}  # C / 2 and C P Q / 2
    settings = dict(depth=depth, filter_size=size, frozen_ends=frozen_ends)
    slow = slow_cntk(*np.asarray(images[:2]), depth, size, frozen_ends)
    for pooling, constant in constants.items():
        found = cntk(images[:1], images[1:2], pooling=pooling, **settings)
        assert constant * float(found[0, 0]) == pytest.approx(slow[pooling], rel=1e-12)


@pytest.mark.parametrize("frozen_ends", [False, True])
def test_images_of_one_pixel_are_vectors(frozen_ends):
    settings = dict(depth=3, weight_std=1.3, bias_std=0.2)
    found = {
        pooling: cntk(X1[:, None, None], X2[:, None, None], pooling=pooling,
                      filter_size=1, frozen_ends=frozen_ends, **settings)
        for pooling in ("flatten", "average")
    }  # fmt: skip
    close(found["flatten"], found["average"], 1e-14)
    if not frozen_ends:
        close(found["flatten"], ntk(X1, X2, **settings), 1e-14)
    # A larger filter sees only zeros beside the pixel.
    wide = cntk(X1[:, None, None], depth=1, pooling="flatten", filter_size=3)
    alone = cntk(X1[:, None, None], depth=1, pooling="flatten", filter_size=1)
    close(wide, alone / 9, 1e-14)


@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_what_leaves_cntk_as_it_is(pooling):
    """Both images mirrored or transposed, channels in another order, brightness."""
    settings = dict(depth=2, pooling=pooling)
    found = cntk(NOISE, **settings)
    for move in (
        lambda x: x[:, ::-1],
        lambda x: x[:, :, ::-1],
        lambda x: x.swapaxes(1, 2),
        lambda x: x[..., ::-1],
    ):
        close(cntk(move(NOISE), **settings), found, 1e-14)
    close(cntk(3 * NOISE, NOISE, **settings), 3 * found, 1e-14)
    # Only one of the two mirrored is another pair.
    assert np.abs(cntk(NOISE[:, ::-1], NOISE, **settings) - found).max() > 0.01


# --- in scikit-learn


def kernels():
    return [
        NetworkKernel(kind, depth=2, activation=activation, bias_std=0.3)
        for kind, activation in (("ntk", "relu"), ("nngp", "erf"))
    ]


POINTS = np.random.default_rng(3).standard_normal((25, 3))
TARGETS = np.sin(2 * POINTS[:, 0]) + POINTS[:, 1]


def test_scikit_learns_kernel_is_ours():
    for kernel in kernels():
        settings = dict(
            depth=2, activation=kernel.activation, weight_std=ROOT2, bias_std=0.3
        )
        ours = KERNELS[kernel.kind](jnp.asarray(POINTS), **settings)
        close(kernel(POINTS), ours, 1e-15)
        close(kernel(POINTS, POINTS[:4]), ours[:, :4], 1e-14)
        close(kernel.diag(POINTS), np.diag(ours), 1e-14)
        assert isinstance(kernel(POINTS), np.ndarray)
        assert not kernel.is_stationary()


def test_parameters_are_kept_cloned_and_set():
    kernel = NetworkKernel("nngp", 3, "erf", 1.2, 0.4, (0.1, 10.0), "fixed")
    again = clone(kernel)
    assert again is not kernel
    assert again == kernel
    assert again.get_params() == kernel.get_params() == dict(
        kind="nngp", depth=3, activation="erf", weight_std=1.2, bias_std=0.4,
        weight_std_bounds=(0.1, 10.0), bias_std_bounds="fixed",
    )  # fmt: skip
    assert again.set_params(depth=2).depth == 2
    assert kernel.theta == pytest.approx([np.log(1.2)])
    free = NetworkKernel()
    assert free.theta == pytest.approx(np.log([free.bias_std, free.weight_std]))
    moved = free.clone_with_theta(np.log([0.7, 1.9]))
    assert (moved.bias_std, moved.weight_std) == pytest.approx((0.7, 1.9))
    assert free.clone_with_theta(free.theta)(POINTS) == pytest.approx(free(POINTS))
    assert free.bounds.shape == (2, 2)
    assert "NetworkKernel" in repr(kernel)


def test_gradients_by_logarithms():
    for kernel in kernels():
        values, gradient = kernel(POINTS, eval_gradient=True)
        close(values, kernel(POINTS), 1e-14)
        assert gradient.shape == (25, 25, 2)
        for i, e in enumerate(np.eye(2) * 1e-5):
            up, down = (
                kernel.clone_with_theta(kernel.theta + s * e)(POINTS) for s in (1, -1)
            )
            close(gradient[..., i], (up - down) / 2e-5, 1e-8)
    half = NetworkKernel(bias_std_bounds="fixed")
    whole = NetworkKernel()(POINTS, eval_gradient=True)[1]
    close(half(POINTS, eval_gradient=True)[1], whole[..., 1:], 1e-14)
    none = NetworkKernel(bias_std_bounds="fixed", weight_std_bounds="fixed")
    assert none(POINTS, eval_gradient=True)[1].shape == (25, 25, 0)


@pytest.mark.filterwarnings("ignore:The optimal value found")  # no bias is needed
def test_gaussian_process_regression():
    start = NetworkKernel("nngp", depth=2, activation="erf", weight_std=0.5)
    noise = WhiteKernel(1e-2)
    fixed = GaussianProcessRegressor(start + noise, optimizer=None).fit(POINTS, TARGETS)
    found = GaussianProcessRegressor(start + noise).fit(POINTS, TARGETS)
    gain = found.log_marginal_likelihood_value_ - fixed.log_marginal_likelihood_value_
    assert gain > 1
    _, slope = found.log_marginal_likelihood(found.kernel_.theta, eval_gradient=True)
    inside = np.abs(found.kernel_.theta[:, None] - found.kernel_.bounds).min(1) > 1e-6
    assert (np.abs(slope[inside]) < 0.05).all()  # as far as the search goes
    assert found.kernel_.k1.weight_std != start.weight_std
    mean, deviation = found.predict(POINTS[:3] + 0.01, return_std=True)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()
    # What does not move stays where it is, and ridge regression gives the same mean.
    still = NetworkKernel("ntk", weight_std_bounds="fixed", bias_std_bounds="fixed")
    process = GaussianProcessRegressor(still, alpha=0.1).fit(POINTS, TARGETS)
    assert process.kernel_ == still
    regression = ntkbook.kernel_regression(
        still(POINTS), TARGETS, k_test=still(POINTS[:5] + 1, POINTS), ridge=0.1
    )
    agree(process.predict(POINTS[:5] + 1), regression.test, 1e-10)


def test_support_vectors():
    labels = TARGETS > 0
    kernel = NetworkKernel("ntk", depth=2)
    called = SVC(kernel=kernel).fit(POINTS[:20], labels[:20])
    gram = kernel(POINTS[:20])
    given = SVC(kernel="precomputed").fit(gram, labels[:20])
    agree(
        called.decision_function(POINTS[20:]),
        given.decision_function(kernel(POINTS[20:], POINTS[:20])),
        1e-10,
    )
