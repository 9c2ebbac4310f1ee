"""Networks: what they compute, how they start, and that the start can be 0."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import ntkbook
from tests.helpers.draws import weekly
from tests.helpers.networks import agree

X = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3)))

# The same functions from other libraries, or written out.
REFERENCES = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "erf": scipy.special.erf,
    "gelu": lambda z: z * scipy.special.ndtr(z),
    "identity": lambda z: z,
}


@pytest.mark.parametrize("activation", REFERENCES)
@pytest.mark.parametrize("parametrization", ["ntk", "standard", "pytorch"])
def test_forward_pass_in_numpy(activation, parametrization):
    weight_std, bias_std, scale = 1.4, 0.3, 2.5
    net = ntkbook.mlp(
        5,
        2,
        activation,
        parametrization=parametrization,
        weight_std=weight_std,
        bias_std=bias_std,
        outputs=2,
        scale=scale,
    )
    params = net.init(jax.random.key(0), X)
    h = np.asarray(X)
    for i, layer in enumerate(params):
        w, b = np.asarray(layer["weight"]), np.asarray(layer["bias"])
        if parametrization == "ntk":
            w, b = weight_std / np.sqrt(h.shape[1]) * w, bias_std * b
        h = h @ w + b
        h = REFERENCES[activation](h) if i < 2 else h
    agree(net.apply(params, X), scale * h, 1e-12)


def test_both_parametrisations_draw_from_one_distribution_of_functions():
    """The outputs' variance over seeds, against the exact one of a linear network."""
    x = X[:1]
    exact = 0.5**2 + 1.5**2 * (0.5**2 + 1.5**2 * float(jnp.sum(x**2)) / 3)
    keys = jax.random.split(jax.random.key(1), 20_000)
    for parametrization in ("ntk", "standard"):
        net = ntkbook.mlp(
            8,
            1,
            "identity",
            parametrization=parametrization,
            weight_std=1.5,
            bias_std=0.5,
        )
        outputs = jax.vmap(lambda k, net=net: net.apply(net.init(k, x), x))(keys)
        # The variance of an estimated variance is about kurtosis / n: 3 % here.
        assert float(jnp.var(outputs)) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(
    ("zero_output", "parametrization"),
    [
        *[(True, "ntk"), ("subtract", "pytorch"), ("twin", "standard")],
        # Further pairs of the two.
        *[weekly(True, "standard"), weekly(True, "pytorch")],
        *[weekly("subtract", "ntk"), weekly("subtract", "standard")],
        *[weekly("twin", "ntk"), weekly("twin", "pytorch")],
    ],
)
def test_zero_output_starts_at_0_and_keeps_the_kernel(zero_output, parametrization):
    options = dict(
        activation="tanh",
        parametrization=parametrization,
        bias_std=0.4,
        outputs=2,
        scale=3.0,
    )
    plain = ntkbook.mlp(6, 2, **options)
    zero = ntkbook.mlp(6, 2, zero_output=zero_output, **options)
    key = jax.random.key(3)
    params = zero.init(key, X)
    np.testing.assert_array_equal(zero.apply(params, X), np.zeros((4, 2)))
    # The same key draws the same weights, so the kernels can be compared.
    start = plain.init(key, X)
    kernel = ntkbook.ntk(plain.apply, start, X)
    agree(ntkbook.ntk(zero.apply, params, X), kernel, 1e-12)
    by_jacobians = ntkbook.ntk(lambda p, x: zero.apply(p, x), params, X)
    agree(by_jacobians, kernel, 1e-12)


def test_pytorch_draws_uniformly_between_bounds_of_the_fan_in():
    net = ntkbook.mlp(400, 2, parametrization="pytorch", weight_std=1.0, bias_std=0.5)
    params = net.init(jax.random.key(0), X)
    for layer, m_in in zip(params, (3, 400, 400), strict=True):
        for name, std in (("weight", 1.0), ("bias", 0.5)):
            z = np.ravel(layer[name]) * m_in**0.5 / std
            assert abs(z).max() <= 1
            # Kolmogorov-Smirnov: a uniform sample fails this once in ten thousand.
            if z.size >= 400:
                assert scipy.stats.kstest(z, "uniform", (-1, 2)).pvalue > 1e-4


def test_training_leaves_the_frozen_copy_alone():
    net = ntkbook.mlp(6, 1, "tanh", zero_output="subtract")
    params = net.init(jax.random.key(0), X)
    y = X[:, :1]
    end = ntkbook.gradient_descent(
        net.apply, params, X, y, step_size=0.1, steps=5
    ).params
    for before, after in zip(params["start"], end["start"], strict=True):
        np.testing.assert_array_equal(before["weight"], after["weight"])
    assert (end["now"][0]["weight"] != params["now"][0]["weight"]).any()


def test_twin_trains_as_one_half_does_when_training_is_linear():
    """The twin's outputs move as its kernel says: halves of both copies add up."""
    net = ntkbook.mlp(6, 0, zero_output="twin")
    params = net.init(jax.random.key(0), X)
    y = X[:, :1] - X[:, 1:2]
    run = ntkbook.gradient_descent(net.apply, params, X, y, step_size=0.01, steps=1)
    kernel = ntkbook.ntk(net.apply, params, X)
    agree(run.outputs[1], 0.01 * kernel @ y, 1e-12)


def test_init():
    net = ntkbook.mlp(7, 2, bias_std=0.1, outputs=3)
    for dtype in (jnp.float32, jnp.float64):
        params = net.init(jax.random.key(0), X.astype(dtype))
        shapes = [(p["weight"].shape, p["bias"].shape) for p in params]
        assert shapes == [((3, 7), (7,)), ((7, 7), (7,)), ((7, 3), (3,))]
        assert all(a.dtype == dtype for a in jax.tree.leaves(params))
    again = net.init(jax.random.key(0), X)
    jax.tree.map(np.testing.assert_array_equal, params, again)
    other = net.init(jax.random.key(1), X)
    assert (params[0]["weight"] != other[0]["weight"]).any()
    assert (params[0]["weight"].ravel()[:7] != params[1]["weight"].ravel()[:7]).any()
    old_style = net.init(jax.random.PRNGKey(0), X)
    jax.tree.map(partial(agree, rel=1e-14), params, old_style)


def test_no_biases_without_bias_std():
    params = ntkbook.mlp(7, 1).init(jax.random.key(0), X)
    assert [list(p) for p in params] == [["weight"], ["weight"]]


def test_images_are_flattened():
    net = ntkbook.mlp(5, 1)
    x = X.reshape(2, 2, 3)
    params = net.init(jax.random.key(0), x)
    agree(net.apply(params, x), net.apply(params, x.reshape(2, 6)), 1e-15)


def test_apply_is_a_value():
    """Equal networks compare equal, so what is compiled for one serves the other."""
    one, two = ntkbook.mlp(5, 1, "tanh"), ntkbook.mlp(5, 1, "tanh")
    assert one.apply == two.apply
    assert hash(one.apply) == hash(two.apply)
    assert one.apply != ntkbook.mlp(5, 1, "erf").apply
