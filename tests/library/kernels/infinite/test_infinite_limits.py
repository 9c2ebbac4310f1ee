"""Kernels of infinite width against finite networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.infinite import cntk, nngp, ntk
from tests.helpers.draws import weekly
from tests.helpers.kernels.infinite import setting

RNG = np.random.default_rng(0)
X1 = jnp.asarray(RNG.standard_normal((6, 5)))
NOISE = jnp.asarray(RNG.standard_normal((3, 5, 4, 2)))  # images, not square


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


@pytest.mark.weekly
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
