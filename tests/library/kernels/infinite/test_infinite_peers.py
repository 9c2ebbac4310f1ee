"""Kernels of infinite width against another library."""

from fractions import Fraction
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

import ntkbook
from ntkbook import infinite
from ntkbook.infinite import cntk, nngp, ntk
from tests.helpers.draws import first, weekly
from tests.helpers.kernels.infinite import ROOT2, arora, close, drawn

RNG, X1, X2, NOISE = drawn()
DIGITS = jnp.asarray(load_digits().images[:3, ..., None] / 16)


def compiled(kernel, *inputs):
    """Return what a kernel function of theirs does, compiled as one."""
    return jax.jit(partial(kernel, get=("nngp", "ntk")))(*inputs)


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


OTHERS = {  # theirs, and ours
    "leaky ReLU": (lambda s: s.LeakyRelu(0.2), infinite.leaky_relu(0.2)),
    "its own slopes": (
        lambda s: s.ABRelu(-0.3, 1.2),
        infinite.piecewise_linear((0.0,), (-0.3, 1.2)),
    ),
    "absolute value": (lambda s: s.Abs(), jnp.abs),
    "sign": (lambda s: s.Sign(), "sign"),
    "sine": (lambda s: s.Sin(), jnp.sin),
    "cosine": (lambda s: s.Cos(), jnp.cos),
}


@pytest.mark.parametrize("name", first(OTHERS))
def test_other_activations_equal_those_of_neural_tangents(name, relaxed):
    stax, (theirs, ours) = ntkbook.neural_tangents.stax, OTHERS[name]
    dense = dict(W_std=1.3, b_std=0.4)
    layers = [part for _ in range(2) for part in (stax.Dense(1, **dense), theirs(stax))]
    expected = compiled(stax.serial(*layers, stax.Dense(1, **dense))[2], X1, X2)
    settings = dict(depth=2, activation=ours, weight_std=1.3, bias_std=0.4)
    for kernel, theirs in ((ntk, expected.ntk), (nngp, expected.nngp)):
        close(kernel(X1, X2, **settings), theirs, 1e-10, float(jnp.abs(theirs).max()))


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("depth", first([3, 1, 2, 4, 5, 6, 7, 8]))
def test_dense_kernels_equal_those_of_neural_tangents(depth, activation, relaxed):
    dense = ntkbook.neural_tangents.stax.Dense
    rng = np.random.default_rng(depth)
    x = jnp.concatenate([X1, X2])
    # On the diagonal they take the arccos of a rounded cosine, which can make an angle
    # of 0 one of 1e-8. So it is left out here, and the next test has its exact values.
    apart = 1 - np.eye(len(x)) if activation == "relu" else 1
    for biases in (np.zeros(depth + 1), rng.uniform(0.1, 1, depth + 1)):
        weights = rng.uniform(0.7, 2, depth + 1)
        expected = compiled(
            stax_network(
                lambda s: dense(1, **s), lambda s: [dense(1, **s)], depth, activation,
                weights, biases,
            ), x,
        )  # fmt: skip
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
    expected = compiled(theirs, NOISE, NOISE[:2] + 1).ntk
    close(cntk(NOISE, NOISE[:2] + 1, **settings), expected, 1e-12)


@pytest.mark.parametrize("pooling", [weekly("flatten"), "average"])
def test_cntk_of_digits_equals_that_of_neural_tangents(pooling, relaxed):
    # Equal pixels are their weak spot: there are many, black ones and an image's own.
    theirs = conv_network(4, pooling, 3, 1, ROOT2, 0.0)
    expected = compiled(theirs, DIGITS).ntk
    close(cntk(DIGITS, depth=4, pooling=pooling), expected, 1e-6)
