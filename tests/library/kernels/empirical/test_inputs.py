"""Inputs of any kind, and functions that are none of one input."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ntkbook
from ntkbook.alignment import tangent_alignment
from ntkbook.paths import path_kernel
from ntkbook.taylor import second_derivative_norm
from tests.helpers.networks import agree, dense


@pytest.fixture
def graphs(getkey):
    """Features and adjacency of five graphs, and a network on them."""
    params = {
        "a": jax.random.normal(getkey(), (3, 8)),
        "b": jax.random.normal(getkey(), (8, 2)),
    }
    x = {
        "x": jax.random.normal(getkey(), (5, 6, 3)),
        "edges": jax.random.bernoulli(getkey(), 0.4, (5, 6, 6)),
    }

    def apply(params, g):
        edges = g["edges"].astype(g["x"].dtype)
        h = jnp.tanh(edges @ g["x"] @ params["a"])
        return (edges @ h).mean(1) @ params["b"]

    return apply, params, x


def packed(x):
    """Return the graphs as one array."""
    return jnp.concatenate([x["x"], x["edges"].astype(float)], axis=2)


def on_packed(apply):
    """Return the network for them."""
    return lambda params, z: apply(params, {"x": z[..., :3], "edges": z[..., 3:]})


def test_pytrees_of_inputs(graphs, tmp_path):
    apply, params, x = graphs
    some = jax.tree.map(lambda a: a[:2], x)
    truth = dense(on_packed(apply), params, packed(x), packed(x))
    with ntkbook.limit_memory(1e-5):  # in several blocks
        agree(ntkbook.ntk(apply, params, x), truth, 1e-10)
    agree(ntkbook.ntk(apply, params, some, x), truth[:2], 1e-10)
    agree(ntkbook.ntk_diagonal(apply, params, some), truth[[0, 1], [0, 1]], 1e-10)
    disk = ntkbook.ntk_on_disk(tmp_path / "k.npy", apply, params, x, progress=False)
    agree(disk, truth, 1e-10)
    vector = np.arange(10.0)
    want = truth.transpose(0, 2, 1, 3).reshape(10, 10) @ vector
    agree(ntkbook.ntk_operator(apply, params, x) @ vector, want, 1e-10)


def test_pytrees_of_inputs_in_training(graphs):
    apply, params, x = graphs
    y = jnp.ones((5, 2))
    other, z = on_packed(apply), packed(x)
    settings = dict(step_size=0.01, steps=6, progress=False)
    minibatches = dict(batch_size=2, key=jax.random.key(0))
    for more in ({}, minibatches):
        run = ntkbook.gradient_descent(apply, params, x, y, **settings, **more)
        same = ntkbook.gradient_descent(other, params, z, y, **settings, **more)
        agree(run.outputs[-1], same.outputs[-1], 1e-12)
    books = path_kernel(apply, params, x, y, x, **settings, **minibatches)
    agree(books.outputs, run.outputs[-1], 1e-12)
    line = ntkbook.linearize(apply, params)
    agree(line(params, x), apply(params, x), 1e-12)
    low, high = second_derivative_norm(apply, params, x)
    assert 0 < low <= high


def test_tokens_stay_integers(getkey):
    """257 and 258 are one number in bfloat16; tokens do not become that."""
    params = {
        "table": jax.random.normal(getkey(), (300, 8)).astype(jnp.bfloat16),
        "out": jax.random.normal(getkey(), (8, 2)).astype(jnp.bfloat16),
    }
    tokens = np.array([[257, 259], [258, 260], [3, 5]])

    def apply(p, t):
        return jnp.tanh(p["table"][t.astype(int)].mean(1)) @ p["out"]

    one = np.asarray(ntkbook.ntk(apply, params, tokens), float)
    double = jax.tree.map(lambda a: a.astype(float), params)
    agree(one, ntkbook.ntk(apply, double, tokens), 0.03)
    with pytest.raises(TypeError, match="as integers"):
        ntkbook.ntk(apply, params, tokens.astype(jnp.bfloat16))


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"a": np.ones((3, 2)), "b": np.ones((4, 2))}, "one row per input"),
        ({"a": np.ones((3, 2)), "b": 1.0}, "jnp.array"),
        ({"a": np.ones((3, 2)), "b": np.float64(1.0)}, "one row per input"),
        ({"a": np.ones((3, 2)), "b": np.ones((3, 2), np.float32)}, "float32"),
        ({"a": np.ones((3, 2)), "b": np.ones((3, 2), complex)}, "real and imaginary"),
        ({"a": np.ones((3, 2)), "b": np.array(["a", "b", "c"])}, "numbers"),
        ((), "pytree"),
        (np.ones(3), r"x1\[None\]"),
    ],
)
def test_pytrees_that_are_no_inputs(bad, words):
    with pytest.raises((TypeError, ValueError), match=words):
        ntkbook.ntk(lambda p, x: x["a"] @ p, jnp.ones((2, 1)), bad)


X = jnp.asarray(np.random.default_rng(0).standard_normal((6, 3)))
W = {
    "a": jnp.asarray(np.random.default_rng(1).standard_normal((3, 8))),
    "b": jnp.asarray(np.random.default_rng(2).standard_normal((8, 1))),
    "scale": jnp.zeros(8),
}
GATE = jnp.asarray(np.random.default_rng(3).standard_normal((6, 1)))
CALLS = {
    "ntk": lambda f: ntkbook.ntk(f, W, X),
    "rectangle": lambda f: ntkbook.ntk(f, W, X[:1], X),
    "diagonal": lambda f: ntkbook.ntk_diagonal(f, W, X),
    "operator": lambda f: ntkbook.ntk_operator(f, W, X),
    "routes": lambda f: ntkbook.ntk_routes(f, W, X),
    "contributions": lambda f: ntkbook.ntk_contributions(f, W, X),
    "kappa": lambda f: ntkbook.kappa(f, W, X, X[:, :1]),
    "norm": lambda f: second_derivative_norm(f, W, X),
    "alignment": lambda f: tangent_alignment(f, W, X, X[:, 0]),
    "path": lambda f: path_kernel(f, W, X, X[:, :1], X, step_size=1e-3, steps=1),
    "vmap": lambda f: jax.vmap(lambda a: ntkbook.ntk(f, W | {"a": a}, X))(W["a"][None]),
    "jit": lambda f: jax.jit(lambda p: ntkbook.ntk(f, p, X))(W),
}


def hidden(p, x):
    return jnp.tanh(x @ p["a"])


# Two of them mix nothing at these parameters, where the scale is 0.
MIXED = {
    "batch norm": lambda p, x: (hidden(p, x) - hidden(p, x).mean(0)) @ p["b"],
    "its scale is 0": lambda p, x: (
        (hidden(p, x) + p["scale"] * (x @ p["a"]).mean(0)) @ p["b"]
    ),
    "attention over the batch": lambda p, x: (
        jax.nn.softmax(x @ x.T) @ hidden(p, x) @ p["b"]
    ),
    "sorted": lambda p, x: jnp.sort(hidden(p, x) @ p["b"], axis=0),
    "cumulative": lambda p, x: jnp.cumsum(hidden(p, x) @ p["b"], axis=0),
    "first row": lambda p, x: hidden(p, x) @ p["b"] + p["scale"][:1] * x[:1, :1],
}
HELD = {
    "a gate": lambda p, x: GATE * (hidden(p, x) @ p["b"]),
    "a gate, cut": lambda p, x: GATE[: len(x)] * (hidden(p, x) @ p["b"]),
    "a mask in the middle": lambda p, x: (hidden(p, x) * (GATE > 0)) @ p["b"],
    "an adjacency matrix": lambda p, x: (GATE @ GATE.T) @ hidden(p, x) @ p["b"],
    "a place": lambda p, x: jnp.arange(len(x))[:, None] * (hidden(p, x) @ p["b"]),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["batch norm", "a gate", "a gate, cut"])
def test_no_function_of_several_inputs_is_taken_for_one(call, name, relaxed):
    with pytest.raises(ValueError, match=r"mixes|each input alone|must return outputs"):
        CALLS[call]((MIXED | HELD)[name])


@pytest.mark.parametrize("name", [*MIXED, *HELD])
def test_other_functions_of_several_inputs(name, relaxed):
    with pytest.raises(ValueError, match=r"mixes|each input alone"):
        ntkbook.ntk((MIXED | HELD)[name], W, X)


LATE = {  # what the first rows of sorted data do not show
    "a sorted gate": lambda p, x: (jnp.arange(40) < 30)[: len(x), None] * x @ p["a"],
    "a sorted gate, by index": lambda p, x: (
        jnp.repeat(jnp.arange(2.0), 20)[jnp.arange(len(x))][:, None] * (x @ p["a"])
    ),
    "one row of a mask": lambda p, x: (
        (jnp.arange(40) != 37)[: len(x), None] * (x @ p["a"])
    ),
    "another function for many": lambda p, x: (
        hidden(p, x) if len(x) < 9 else x @ p["a"]
    ),
}


@pytest.mark.parametrize("name", LATE)
def test_data_may_be_sorted(name, relaxed):
    x = jax.random.normal(jax.random.key(1), (40, 3))
    with pytest.raises(ValueError, match="mixes"):
        ntkbook.ntk(LATE[name], W, x)
    with pytest.raises(ValueError, match="mixes"):
        ntkbook.ntk(LATE[name], W, x[:1], x)


def test_tokens_may_be_equal_at_first(relaxed):
    """Noise does not move them, so equal rows cannot show that they are mixed."""
    tokens = jnp.repeat(jnp.arange(3), 10)[:, None]

    def apply(p, x):
        rows = p["a"][x[:, 0]]
        return rows - rows.mean(0)

    with pytest.raises(ValueError, match="mixes"):
        ntkbook.ntk(apply, W, tokens)


def test_as_many_are_tried_as_a_closed_over_array_has_rows(relaxed):
    x = jax.random.normal(jax.random.key(1), (600, 3))
    domain = jnp.arange(600) >= 500
    with pytest.raises(ValueError, match="mixes"):
        ntkbook.ntk_diagonal(lambda p, x: domain[: len(x), None] * (x @ p["a"]), W, x)
    table = jax.random.normal(
        jax.random.key(2), (700, 3)
    )  # frozen, larger than the data
    tokens = jnp.arange(600)[:, None]
    assert np.isfinite(
        ntkbook.ntk_diagonal(lambda p, x: table[x[:, 0]] @ p["a"], W, tokens)
    ).all()


TRAIN = {
    "gradient_descent": lambda f, **minibatch: ntkbook.gradient_descent(
        f, W, X, X[:, :1], step_size=1e-2, steps=2, progress=False, **minibatch
    ),
    "sgd": lambda f, **minibatch: ntkbook.sgd(
        f, W, X, jnp.sign(X[:, :1]), step_size=1e-2, epochs=2, **minibatch
    ),
}


@pytest.mark.parametrize("train", TRAIN)
@pytest.mark.parametrize("name", ["batch norm", "a gate, cut"])
def test_minibatches_may_not_be_mixed(train, name, relaxed):
    """A cut gate would give each minibatch the rows of the first inputs."""
    with pytest.raises(ValueError, match="Training by minibatches needs"):
        TRAIN[train]((MIXED | HELD)[name], batch_size=2, key=jax.random.key(0))


def test_functions_of_one_input_pass(relaxed):
    """Normalisation over features, one input, equal inputs, outputs that are 0."""
    for apply in (
        lambda p, x: (hidden(p, x) - hidden(p, x).mean(1, keepdims=True)) @ p["b"],
        lambda p, x: hidden(p, x) @ p["b"] * 0,
        lambda p, x: jax.vmap(lambda x_i: hidden(p, x_i[None])[0] @ p["b"])(x),
    ):
        for x in (X, X[:1], 0 * X):
            assert np.isfinite(ntkbook.ntk(apply, W, x)).all()


def test_all_points_at_once_may_be_mixed(relaxed):
    """Full-batch training of such a function is what it says."""
    run = ntkbook.gradient_descent(
        MIXED["batch norm"], W, X, X[:, :1], step_size=1e-2, steps=5, progress=False
    )
    assert run.loss[-1] < run.loss[0]


class Normalized(nn.Module):
    """A network with batch statistics."""

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Dense(4, param_dtype=x.dtype)(x)
        x = nn.BatchNorm(use_running_average=not train, param_dtype=x.dtype)(x)
        return nn.Dense(1, param_dtype=x.dtype)(nn.tanh(x))


def test_batch_statistics_are_no_parameters(relaxed):
    model = Normalized()
    variables = model.init(jax.random.key(0), X)
    settings = dict(step_size=0.01, steps=2, progress=False)
    for params in (variables, {"encoder": variables}):
        for call in (
            lambda p: ntkbook.ntk(model.apply, p, X),
            lambda p: ntkbook.linearize(model.apply, p),
            lambda p: ntkbook.gradient_descent(model.apply, p, X, X[:, :1], **settings),
        ):
            with pytest.raises(TypeError, match="no parameter"):
                call(params)
    scale = {"scale": jnp.ones(4), "bias": jnp.ones(4)}
    pure = {"norm": scale | {"mean": jnp.ones(4), "var": jnp.ones(4)}}
    with pytest.raises(TypeError, match="mean and a variance"):
        ntkbook.ntk(lambda p, x: x, pure, X)


def test_states_of_nnx_are_no_parameters(relaxed):
    class Model(nnx.Module):
        def __init__(self, rngs):
            self.a = nnx.Linear(3, 8, rngs=rngs)
            self.norm = nnx.BatchNorm(8, rngs=rngs)
            self.b = nnx.Linear(8, 1, rngs=rngs)

        def __call__(self, x):
            return self.b(jnp.tanh(self.norm(self.a(x))))

    x = X.astype(jnp.float32)
    graph, state = nnx.split(Model(nnx.Rngs(0)))
    with pytest.raises(TypeError, match="eval"):
        ntkbook.ntk(lambda s, x: nnx.merge(graph, s)(x), state, x)
    graph, params, rest = nnx.split(Model(nnx.Rngs(0)), nnx.Param, ...)
    with pytest.raises(ValueError, match="eval|mixes"):
        ntkbook.ntk(lambda p, x: nnx.merge(graph, p, rest)(x), params, x)
