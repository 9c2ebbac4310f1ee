"""The tangent kernel: by layers, by Jacobians, by the adapter, dense, and by hand."""

import equinox as eqx
import flax.linen
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import ntkbook
from ntkbook.validation.host import as_matrix
from tests.helpers.draws import examples, first, weekly
from tests.helpers.networks import NETWORKS, agree, dense, in_words, plain, setting

# Weekly: what the last two networks have too, each with a property alone.
ALONE = (4, 7, 8)


@pytest.mark.parametrize(
    "network",
    [weekly(network) if i in ALONE else network for i, network in enumerate(NETWORKS)],
    ids=in_words,
)
def test_two_ways_and_a_dense_jacobian_agree(network):
    apply, params, x1, x2 = setting(**network)
    truth = dense(apply, params, x1, jnp.concatenate([x1, x2]))
    agree(ntkbook.ntk(apply, params, x1), truth[:, : len(x1)], 1e-10)
    for way in (apply, plain(apply)):
        agree(ntkbook.ntk(way, params, x1, x2), truth[:, len(x1) :], 1e-10)


@pytest.mark.parametrize("network", first(NETWORKS[2::4]), ids=in_words)
def test_single_precision(network):
    apply, params, x1, x2 = setting(jnp.float32, **network)
    double = jax.tree.map(lambda a: a.astype(jnp.float64), (params, x1, x2))
    truth = dense(apply, *double)
    for way in (apply, plain(apply)):
        gram = ntkbook.ntk(way, params, x1, x2)
        assert gram.dtype == jnp.float32
        agree(gram, truth, 1e-5)


@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize(
    "network", [NETWORKS[2], weekly(NETWORKS[-2]), NETWORKS[-1]], ids=in_words
)
def test_the_adapter_agrees(network, implementation, relaxed):
    nt = ntkbook.neural_tangents
    apply, params, x1, x2 = setting(**network)
    kernel = nt.empirical_ntk_fn(
        apply, trace_axes=(), vmap_axes=0, implementation=implementation
    )
    theirs = np.asarray(jax.jit(kernel)(x1, x2, params))
    if theirs.shape[-1] == 1:
        theirs = theirs[:, :, 0, 0]
    agree(ntkbook.ntk(apply, params, x1, x2), theirs, 1e-10)


@examples(5, weekly=60)
@hypothesis.given(
    width=st.integers(1, 4),
    depth=st.integers(0, 3),
    activation=st.sampled_from(["relu", "tanh", "erf", "gelu", "identity"]),
    parametrization=st.sampled_from(["ntk", "standard"]),
    weight_std=st.floats(0.1, 3.0),
    bias_std=st.sampled_from([0.0, 0.5]),
    outputs=st.integers(1, 3),
    zero_output=st.sampled_from([False, True, "twin"]),
    scale=st.floats(0.01, 100.0),
    n1=st.integers(1, 3),
    n2=st.integers(1, 3),
    features=st.sampled_from([(1,), (3,), (2, 2)]),
)
def test_any_architecture(**drawn):
    apply, params, x1, x2 = setting(**drawn)
    by_layers = ntkbook.ntk(apply, params, x1, x2)
    agree(by_layers, ntkbook.ntk(plain(apply), params, x1, x2), 1e-10)


def test_symmetric_and_positive():
    apply, params, x1, x2 = setting(n1=6, width=4, depth=2, outputs=2, bias_std=0.5)
    # Theta(x', x) is Theta(x, x') with inputs and outputs both swapped.
    turned = as_matrix(np.asarray(ntkbook.ntk(apply, params, x2, x1))).T
    agree(turned, as_matrix(np.asarray(ntkbook.ntk(apply, params, x1, x2))), 1e-12)
    gram = as_matrix(np.asarray(ntkbook.ntk(apply, params, x1)))
    agree(gram, gram.T, 1e-12)
    rates = np.linalg.eigvalsh(gram)
    assert rates[0] >= -1e-12 * rates[-1]


def test_one_hidden_layer_by_hand():
    weight_std, bias_std, m, d = 1.3, 0.4, 5, 3
    apply, params, x1, x2 = setting(
        width=m, depth=1, activation="tanh", weight_std=weight_std, bias_std=bias_std
    )
    (w1, b1), (w2, _) = ((np.asarray(p["weight"]), p["bias"]) for p in params)
    scale = weight_std / np.sqrt(d)
    z1, z2 = (scale * np.asarray(x) @ w1 + bias_std * np.asarray(b1) for x in (x1, x2))
    inputs = weight_std**2 * (np.asarray(x1) @ np.asarray(x2).T) / d + bias_std**2
    slopes1, slopes2 = ((1 - np.tanh(z) ** 2) * w2[:, 0] for z in (z1, z2))
    first = inputs * (weight_std**2 * slopes1 @ slopes2.T / m)
    last = weight_std**2 * np.tanh(z1) @ np.tanh(z2).T / m + bias_std**2
    agree(ntkbook.ntk(apply, params, x1, x2), first + last, 1e-12)


# Weekly: the two other pairs of these.
@pytest.mark.parametrize(
    ("way", "outputs"),
    [(lambda f: f, 2), (plain, 1), weekly(lambda f: f, 1), weekly(plain, 2)],
    ids=["layers-2", "jacobians-1", "layers-1", "jacobians-2"],
)
def test_blocks_change_nothing(way, outputs):
    apply, params, x1, x2 = setting(
        n1=7, n2=5, width=4, depth=2, activation="tanh", outputs=outputs
    )
    apply = way(apply)
    both, alone = ntkbook.ntk(apply, params, x1, x2), ntkbook.ntk(apply, params, x1)
    for budget in (1e-9, 5e-6):  # a row at a time; two or three
        with ntkbook.limit_memory(budget):
            agree(ntkbook.ntk(apply, params, x1, x2), both, 1e-14)
            agree(ntkbook.ntk(apply, params, x1), alone, 1e-14)


@pytest.mark.parametrize("way", [lambda f: f, plain], ids=["layers", "jacobians"])
def test_inside_jit_vmap_and_grad(way):
    apply, params, x1, x2 = setting(width=4, depth=1, activation="tanh", bias_std=0.2)
    apply = way(apply)
    gram = ntkbook.ntk(apply, params, x1, x2)
    agree(jax.jit(lambda p: ntkbook.ntk(apply, p, x1, x2))(params), gram, 1e-12)

    pair = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), params)
    many = jax.vmap(lambda p: ntkbook.ntk(apply, p, x1, x2))(pair)
    agree(many[0], gram, 1e-12)
    twice = jax.tree.map(lambda a: 2 * a, params)
    agree(many[1], ntkbook.ntk(apply, twice, x1, x2), 1e-12)

    flat, unravel = ravel_pytree(params)

    @jax.jit
    def total(w):
        return jnp.sum(ntkbook.ntk(apply, unravel(w), x1, x2) ** 2)

    along = jnp.cos(jnp.arange(flat.size, dtype=flat.dtype))
    slope = jnp.vdot(jax.grad(total)(flat), along)
    h = 1e-5
    difference = (total(flat + h * along) - total(flat - h * along)) / (2 * h)
    agree(slope, difference, 1e-7)


def test_flax(getkey, relaxed):
    class Model(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, x):
            x = flax.linen.Conv(3, (2, 2), param_dtype=x.dtype)(x)
            x = flax.linen.tanh(x).reshape(x.shape[0], -1)
            return flax.linen.Dense(2, param_dtype=x.dtype)(x)

    x1 = jax.random.normal(getkey(), (3, 4, 4, 1))
    x2 = x1[:2] ** 2
    model = Model()
    params = jax.jit(model.init)(getkey(), x1)
    gram = ntkbook.ntk(model.apply, params, x1, x2)
    agree(gram, dense(model.apply, params, x1, x2), 1e-10)


def test_equinox(getkey):
    model = eqx.nn.MLP(3, 2, width_size=5, depth=2, activation=jnp.tanh, key=getkey())
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def apply(params, x):
        return jax.vmap(eqx.combine(params, static))(x)

    x = jax.random.normal(getkey(), (4, 3))
    agree(ntkbook.ntk(apply, params, x), dense(apply, params, x, x), 1e-10)


@pytest.mark.weekly
def test_flax_equinox_and_the_book_agree(getkey):
    """One function, three libraries, one kernel."""
    x = jax.random.normal(getkey(), (4, 3))
    net = ntkbook.mlp(5, 1, "tanh", parametrization="standard", bias_std=0.5)
    params = jax.jit(net.init)(getkey(), x)
    model = eqx.nn.MLP(3, 1, 5, 1, jnp.tanh, key=getkey())
    model = eqx.tree_at(
        lambda m: [a for layer in m.layers for a in (layer.weight, layer.bias)],
        model,
        [a for p in params for a in (p["weight"].T, p["bias"])],
    )
    weights, static = eqx.partition(model, eqx.is_inexact_array)
    gram = ntkbook.ntk(lambda p, x: jax.vmap(eqx.combine(p, static))(x), weights, x)
    agree(ntkbook.ntk(net.apply, params, x), gram, 1e-10)


def test_wide_relu_networks_have_the_kernel_of_the_limit(getkey):
    """Against the arc-cosine formulas, within five standard errors of the mean."""
    x = jax.random.normal(getkey(), (4, 3))
    net = ntkbook.mlp(2000, 1, "relu", weight_std=2**0.5)
    grams = np.stack(
        [ntkbook.ntk(net.apply, net.init(getkey(), x), x) for _ in range(30)]
    )
    covariance = 2 * np.asarray(x @ x.T) / 3
    size = np.sqrt(np.diag(covariance))
    cos = np.clip(covariance / np.outer(size, size), -1, 1)
    angle = np.arccos(cos)
    relu = np.outer(size, size) * (np.sin(angle) + (np.pi - angle) * cos) / (2 * np.pi)
    step = (np.pi - angle) / (2 * np.pi)
    limit = 2 * relu + covariance * 2 * step
    error = np.abs(grams.mean(0) - limit)
    assert (error <= 5 * grams.std(0, ddof=1) / np.sqrt(30)).all()
    assert (error / np.sqrt(np.outer(*[np.diag(limit)] * 2))).max() < 0.02


def test_as_matrix_keeps_a_points_outputs_together():
    gram = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2)
    matrix = as_matrix(gram)
    for i, j, a, b in np.ndindex(gram.shape):
        assert matrix[2 * i + a, 2 * j + b] == gram[i, j, a, b]
