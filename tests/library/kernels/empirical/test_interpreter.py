"""Any network's kernel, against its dense Jacobian; and the routes that it takes."""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import ntkbook
from ntkbook.kernels.empirical import contraction
from ntkbook.kernels.empirical.contraction import (
    EQUATION,
    FORMED,
    GRAMS,
    PAIRS,
    UNUSED,
    WHOLE,
)
from tests.helpers.draws import examples, weekly

KEY = jax.random.key(0)


def dense(apply, params, x, differentiate=jax.jacrev):
    """Contract the whole Jacobian, in NumPy's float64."""

    @jax.jit  # all of it: one operation at a time, each would be compiled
    def whole(params):
        flat, unravel = ravel_pytree(params)
        return differentiate(lambda w: apply(unravel(w), x))(flat)

    jacobian = np.asarray(whole(params), np.float64)
    gram = np.einsum("iap,jbp->ijab", jacobian, jacobian)
    return gram[:, :, 0, 0] if gram.shape[-1] == 1 else gram


def agree(apply, params, x, rel=1e-10, **options):
    """Compare with the dense Jacobian in float64; return the routes."""
    params, x = jax.tree.map(lambda a: jnp.asarray(a, float), (params, x))
    found, wanted = ntkbook.ntk(apply, params, x), dense(apply, params, x, **options)
    assert np.abs(found - wanted).max() <= rel * np.abs(wanted).max()
    return ntkbook.ntk_routes(apply, params, x)


def inputs(*shape):
    return jax.random.normal(jax.random.key(1), shape)


ACTIVATIONS = [jnp.tanh, jax.nn.relu, jax.nn.gelu, jax.nn.softplus, jnp.sin]


@examples(3, weekly=60)
@given(
    widths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    outputs=st.integers(1, 3),
    activation=st.sampled_from(ACTIVATIONS),
    biases=st.booleans(),
    transposed=st.booleans(),
    tied=st.booleans(),
    scale=st.sampled_from([1.0, 0.3]),
    seed=st.integers(0, 99),
)
def test_random_dense_networks(
    relaxed, widths, outputs, activation, biases, transposed, tied, scale, seed
):
    sizes = [3, *widths, outputs]
    if tied:  # one matrix used at every hidden layer, and its transpose as well
        sizes = [3, *[widths[0]] * 3, outputs]
    keys = iter(jax.random.split(jax.random.key(seed), 20))
    pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
    shapes = [(b, a) if transposed else (a, b) for a, b in pairs]
    params = {
        "w": [jax.random.normal(next(keys), s) for s in shapes],
        "b": [jax.random.normal(next(keys), (b,)) for _, b in pairs] if biases else [],
    }

    def apply(params, x):
        for i in range(len(pairs)):
            w = params["w"][i]
            if tied and 0 < i < len(pairs) - 1:
                w = params["w"][1] if i == 1 else params["w"][1].T
            x = scale * (x @ w.T if transposed else x @ w)
            x = x + 0.5 * params["b"][i] if biases else x
            x = activation(x) if i + 1 < len(pairs) else x
        return x

    agree(apply, params, inputs(4, 3))


class LeNet(nn.Module):
    @nn.compact
    def __call__(self, x):
        for channels in (3, 5):
            x = nn.avg_pool(nn.relu(nn.Conv(channels, (3, 3))(x)), (2, 2), (2, 2))
        x = x.reshape(len(x), -1)
        return nn.Dense(2)(nn.relu(nn.Dense(7)(x)))


class ResNet(nn.Module):
    """Shared convolutions, norms, strides, dilation, groups."""

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 3), strides=2)(x)
        shared = nn.Conv(4, (3, 3), kernel_dilation=2)
        for _ in range(2):
            y = nn.BatchNorm(use_running_average=True)(x)
            y = nn.LayerNorm()(shared(nn.relu(y)))
            x = x + shared(nn.relu(y))
        x = nn.ConvTranspose(4, (3, 3), strides=(2, 2))(x)
        x = nn.Conv(4, (2, 3), padding="VALID", feature_group_count=2)(x)
        return nn.DenseGeneral(2)(x.mean((1, 2)))


class Attention(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = x + nn.MultiHeadDotProductAttention(num_heads=2)(nn.LayerNorm()(x))
        return nn.Dense(2)(x.mean(1))


@pytest.mark.weekly
@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (LeNet(), (3, 8, 8, 2)),
        weekly(ResNet(), (3, 7, 8, 2)),
        weekly(Attention(), (3, 5, 4)),
    ],
    ids=["lenet", "resnet", "attention"],
)
def test_flax(relaxed, model, shape):
    x = inputs(*shape)
    params = model.init(KEY, x)
    shift = jax.tree.map(lambda a: a + 0.1, params)  # no bias is 0
    agree(model.apply, shift, x)


def test_equinox(relaxed):
    model = eqx.nn.MLP(3, 2, 8, 2, key=KEY)
    params, rest = eqx.partition(model, eqx.is_array)
    routes = agree(lambda p, x: jax.vmap(eqx.combine(p, rest))(x), params, inputs(4, 3))
    assert list(routes.values()).count(GRAMS) == 3  # the weights


def test_whatever_else_a_function_does(relaxed):
    """Products of parameters, scans, branches, scales that are parameters too."""

    def apply(p, x):
        h = jnp.tanh(x @ p["w"].T + p["b"] * jnp.exp(p["s"]))
        h = h @ (p["w"] @ p["w"].T) @ p["v"]
        h, _ = jax.lax.scan(lambda c, _: (jnp.tanh(c @ p["u"]), None), h, length=3)
        h = jax.checkpoint(jax.jit(lambda h: h @ p["q"]))(h)
        return h * jax.nn.softplus(p["s"]) + jnp.where(x[:, :1] > 0, p["c"], -p["c"])

    keys = iter(jax.random.split(KEY, 9))
    shapes = dict(w=(6, 3), b=(6,), s=(), v=(6, 2), u=(2, 2), q=(2, 2), c=(2,), n=(3,))
    params = {n: jax.random.normal(next(keys), s) for n, s in shapes.items()}
    routes = agree(apply, params, inputs(4, 3))
    assert routes["['n']"] == UNUSED
    assert routes["['q']"] == routes["['v']"] == GRAMS


OUTPUTS = {  # that are a parameter's own entries, arranged and scaled
    "one number": lambda p, x: p["one"] * x[:, :1],
    "a scale at the end": lambda p, x: p["one"] * jnp.tanh(x @ p["w"]),
    "divided": lambda p, x: p["one"] / (1 + x[:, :1] ** 2),
    "several": lambda p, x: -x[:, :1] * p["three"],
    "turned": lambda p, x: x[:, :1] * p["three"][::-1].reshape(1, 3),
    "no input": lambda p, x: jnp.broadcast_to(p["three"], (len(x), 3)),
    "called": lambda p, x: jax.jit(lambda a, b: a * b)(p["one"], x[:, :1]),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_that_are_parameters(name, relaxed):
    params = {"one": jnp.ones(1), "three": jnp.arange(3.0), "w": inputs(3, 1)}
    agree(OUTPUTS[name], params, x := inputs(4, 3))
    each = ntkbook.ntk_contributions(OUTPUTS[name], params, x)
    total = ntkbook.ntk(OUTPUTS[name], params, x, trace=True)
    np.testing.assert_allclose(sum(jax.tree.leaves(each)), total, atol=1e-12)


def test_kink_and_stop(relaxed):
    """What JAX calls the derivative of ReLU at 0 is kept; what is stopped is 0."""

    def apply(p, x):
        return jax.nn.relu(x @ p["w"]) @ p["v"] + x @ jax.lax.stop_gradient(p["w"])

    params = {"w": jnp.zeros((3, 2)), "v": jnp.ones((2, 2))}
    assert agree(apply, params, inputs(4, 3))["['w']"] == GRAMS


@pytest.mark.weekly
def test_float32(relaxed):
    model, x = LeNet(), inputs(6, 8, 8, 2).astype(jnp.float32)
    params = model.init(KEY, x)
    double = jax.tree.map(lambda a: a.astype(jnp.float64), params)
    wanted = dense(model.apply, double, x.astype(jnp.float64))
    found = ntkbook.ntk(model.apply, params, x)
    assert found.dtype == jnp.float32
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


W, V, X = inputs(3, 3), inputs(3, 2), inputs(4, 3)
TABLE = inputs(5, 3)


@jax.custom_vjp
def twice_back(w):
    return jnp.sin(w)


twice_back.defvjp(lambda w: (jnp.sin(w), w), lambda w, g: (2 * g * jnp.cos(w),))


@jax.custom_jvp
def twice(w, x):
    return x @ w


twice.defjvp(lambda at, d: (at[1] @ at[0], 2 * (at[1] @ d[0] + d[1] @ at[0])))


def loop(p, x):
    """Repeat as often as the numbers say: JAX differentiates this forwards only."""
    small = (lambda s: s[0] < 3, lambda s: (s[0] + 1, jnp.tanh(s[1] @ p["w"])))
    return jax.lax.while_loop(*small, (0, x))[1] @ p["v"]


def branch(p, x):
    chosen = jax.lax.cond(
        p["s"] > 0, lambda w: x @ w, lambda w: jnp.sin(x @ w.T), p["w"]
    )
    return chosen @ p["v"]


def embedded(p, x):
    which = jnp.abs(x * 10).astype(int) % 3  # integers, from the inputs
    return p["w"][which].mean(1) @ p["v"]


def counted(p, x):  # integers, from the parameters
    return x @ p["w"] @ p["v"] * jnp.round(p["v"]).astype(int).sum().astype(x.dtype)


def normalised(p, x):
    w = p["w"] / jnp.linalg.norm(p["w"], axis=0, keepdims=True)
    return jnp.tanh(x @ w) @ jnp.exp(p["v"])


def spectral(p, x):
    w = jnp.fft.ifft(jnp.fft.fft(p["w"]) * (1 + 0.5j)).real
    return jnp.tanh(x @ w) @ p["v"]


def dropped(p, x):
    kept = jax.random.bernoulli(jax.random.key(1), 0.5, (3,))
    return jnp.where(kept, jnp.tanh(x @ p["w"]), 0.0) @ p["v"]


def heads(p, x):  # products with batch axes, made by vmap
    each = jax.vmap(lambda w, v: jnp.tanh(x @ jnp.outer(w, w)) @ v[:, None])
    return each(p["w"], p["w"][::-1]).sum(0) @ p["v"][:1]


def sorted_and_split(p, x):
    values, _ = jax.lax.top_k(x @ p["w"], 2)
    return values @ jnp.linalg.qr(p["v"])[0][:2]


def scanned(p, x):
    layers = jnp.stack([p["w"], p["w"].T])
    return jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), h), x, layers)[0] @ p["v"]


def scaled(p, x):
    h = x @ (p["w"] * jnp.sqrt(2.0 / x.shape[1])).T.reshape(3, 3)
    return jnp.tanh(h) @ (-p["v"] / 3) + x[:, :2] * p["s"]


def closed_over(p, x):
    return jnp.tanh(x @ W + TABLE[0]) @ p["v"]


def checkpointed(p, x):
    return jax.checkpoint(lambda w: x @ w)(p["w"]) @ p["v"]


def shared(p, x):
    return jnp.tanh(jnp.tanh(x @ p["w"]) @ p["w"]) @ p["v"]


ODD = {
    "while": (loop, WHOLE),
    "cond": (branch, EQUATION),
    "gather": (embedded, EQUATION),
    "integers": (counted, GRAMS),
    "weight normalisation": (normalised, EQUATION),
    "complex": (spectral, EQUATION),
    "random": (dropped, GRAMS),
    "batched products": (heads, EQUATION),
    "sort": (sorted_and_split, GRAMS),
    "scan": (scanned, EQUATION),
    "scales": (scaled, GRAMS),
    "custom_vjp": (lambda p, x: x @ twice_back(p["w"]) @ p["v"], EQUATION),
    "custom_jvp": (lambda p, x: twice(p["w"], jnp.sin(x)) @ p["v"], EQUATION),
    "a parameter closed over": (closed_over, UNUSED),
    "a checkpoint": (checkpointed, GRAMS),
    "the same twice": (shared, FORMED),
    "nothing": (lambda p, x: jnp.sin(x), UNUSED),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_whatever_is_not_understood_is_differentiated_by_jax(name, relaxed):
    apply, route = ODD[name]
    params = {"w": W, "v": V, "s": jnp.float64(0.3)}
    how = {"differentiate": jax.jacfwd} if name == "while" else {}
    routes = agree(apply, params, X, **how)
    assert routes["['w']"] == route


def test_half_precision_inside(relaxed):
    """A network may compute in bfloat16: the kernel is that of its own rounding."""

    def apply(p, x):
        p, x = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (p, x))
        return (jnp.tanh(x @ p["w"]) @ p["v"]).astype(jnp.float32)

    params, x = jax.tree.map(lambda a: a.astype(jnp.float32), ({"w": W, "v": V}, X))
    found, wanted = ntkbook.ntk(apply, params, x), dense(apply, params, x)
    assert found.dtype == jnp.float32
    assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()


def test_routes_of_a_convolution(relaxed):
    """Few large filters are formed; many channels at few places go by pairs."""

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.tanh(nn.Conv(2, (3, 3))(x))
            x = nn.avg_pool(x, (4, 4), (4, 4))
            x = nn.tanh(nn.Conv(64, (1, 1))(x))
            x = nn.tanh(nn.Conv(64, (2, 2))(x))
            return nn.Dense(1)(x.reshape(len(x), -1))

    x = inputs(3, 8, 8, 1)
    routes = agree(Model().apply, Model().init(KEY, x), x)
    found = {name: route for name, route in routes.items() if "kernel" in name}
    assert list(found.values()) == [FORMED, FORMED, PAIRS, GRAMS]


@examples(2, weekly=40)
@given(
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    groups=st.integers(1, 2),
    size=st.integers(1, 3),
    padding=st.sampled_from(["SAME", "VALID", "CIRCULAR"]),
    transposed=st.booleans(),
    shared=st.booleans(),
)
def test_random_convolutions(relaxed, **drawn):
    size, groups = (drawn["size"], 2), drawn["groups"]

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            dilation, padding = drawn["dilation"], drawn["padding"]
            if drawn["transposed"]:
                x = nn.ConvTranspose(2, size, drawn["stride"], padding)(x)
            one = nn.Conv(
                2, size, drawn["stride"], "SAME", kernel_dilation=dilation,
                feature_group_count=groups,
            )  # fmt: skip
            x = nn.tanh(one(x))
            x = nn.tanh(one(x)) if drawn["shared"] else x
            return nn.Dense(2)(x.reshape(len(x), -1))

    x = inputs(2, 6, 7, 2)
    agree(Model().apply, Model().init(KEY, x), x)


def test_what_jax_changes_is_never_a_silent_loss(monkeypatch):
    """Whatever goes wrong in our own reading of a network is told, and kept right."""

    def moved(*args):
        raise AttributeError("jax moved a name")

    apply = lambda p, x: jnp.tanh(x @ p["w"]) @ p["v"]  # noqa: E731
    params = {"w": inputs(3, 3), "v": inputs(3, 1)}
    monkeypatch.setattr(contraction, "consumers", moved)
    with pytest.warns(
        UserWarning, match="(?s)AttributeError: jax moved a name.*report"
    ):
        routes = agree(apply, params, inputs(4, 3))
    assert set(routes.values()) == {WHOLE}


def test_a_network_at_fault_is_not_reported_as_ours():
    """Its own error comes through, without a warning that blames JAX."""
    apply = lambda p, x: jnp.tanh(x @ p["w"]) @ p["absent"]  # noqa: E731
    with pytest.raises(ValueError, match="fails: KeyError: 'absent'"):
        ntkbook.ntk(apply, {"w": inputs(3, 3)}, inputs(4, 3))


@jax.custom_vjp
def wrong_backwards(w, x):
    return x @ w


def refuse(saved, g):
    raise NotImplementedError("no way back")


wrong_backwards.defvjp(lambda w, x: (x @ w, None), refuse)


def test_the_first_error_is_the_one_that_is_told():
    """Not that forward mode, which was only the second try, does not work either."""
    with pytest.raises(Exception, match="no way back"):
        ntkbook.ntk(wrong_backwards, inputs(3, 1), inputs(4, 3))
