"""Which functions are proven to take their inputs one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st

import ntkbook
from ntkbook.validation import batch, independence, rowwise
from tests.helpers.draws import examples

N, D = 4, 6
X = jnp.asarray(np.random.default_rng(0).standard_normal((N, D)))
W = jnp.asarray(np.random.default_rng(1).standard_normal((D, D)))
IMAGES = X.reshape(N, 2, 3, 1)
TOKENS = jnp.arange(N * D).reshape(N, D) % D
GATE = jnp.asarray(np.random.default_rng(2).standard_normal((N, 1)))


def proven(apply, params=W, x=X):
    one, several = (
        jax.make_jaxpr(apply)(params, batch.shape_of_one(x, (n,))) for n in (1, N)
    )
    return rowwise.proven(one, several, len(jax.tree.leaves(params)))


def attention(p, t):
    h = p[t["tokens"]]
    scores = jnp.where(t["mask"][:, None, :], h @ h.swapaxes(1, 2), -jnp.inf)
    h = jax.nn.softmax(scores) @ h
    return jnp.where(t["mask"][:, :, None], h, 0).sum(1) @ p


def recurrent(p, x):
    def step(h, x_t):
        return jnp.tanh(x_t[:, None] * p[0] + h @ p), h

    return jax.lax.scan(step, jnp.zeros((len(x), D)), x.T)[0]


def normalized(p, x):
    h = x @ p
    return (h - h.mean(1, keepdims=True)) / h.std(1, keepdims=True)


def convolved(p, x):
    filters = p[:2, :4].reshape(2, 1, 2, 2)
    h = jax.lax.conv(x.transpose(0, 3, 1, 2), filters, (1, 1), "SAME")
    h = jax.lax.reduce_window(h, -jnp.inf, jax.lax.max, (1, 1, 2, 1), (1,) * 4, "SAME")
    return jax.nn.gelu(h).reshape(len(x), -1)


ONE_BY_ONE = {
    "dense": lambda p, x: jnp.tanh(x @ p) @ p,
    "one example at a time": lambda p, x: jax.vmap(lambda x_i: jnp.tanh(p @ x_i))(x),
    "normalized over features": normalized,
    "recurrent": recurrent,
    "activations with rules of their own": lambda p, x: jax.nn.relu(jax.nn.silu(x @ p)),
    "sorted features": lambda p, x: jnp.sort(x @ p, axis=1),
    "some features": lambda p, x: (x @ p)[:, jnp.array([0, 2])],
    "a mask over features": lambda p, x: jnp.where(W[0] > 0, x @ p, 0.0),
    "joined and padded": lambda p, x: jnp.pad(
        jnp.concatenate([x, x @ p, jnp.ones((len(x), 1))], 1), ((0, 0), (1, 0))
    ),
    "of no input": lambda p, x: jnp.zeros((len(x), 2)) + p[0, :2],
    "summed pairs": lambda p, x: jnp.einsum("ni,nj,ij->ni", x, x, p),
    "checkpointed": lambda p, x: jax.checkpoint(lambda x: jnp.tanh(x @ p))(x),
    "running sums over features": lambda p, x: jnp.cumsum(x @ p, axis=1),
}


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_proven(name, relaxed):
    assert proven(ONE_BY_ONE[name])


def test_proven_of_other_inputs(relaxed):
    assert proven(convolved, x=IMAGES)
    tokens = {"tokens": TOKENS, "mask": TOKENS > 1}
    assert proven(attention, x=tokens)
    for net, x in (
        (ntkbook.lenet(), jnp.zeros((2, 28, 28, 1))),
        (ntkbook.resnet(), jnp.zeros((2, 8, 8, 3))),
        (ntkbook.mlp(4, 2, bias_std=1.0), X),
    ):
        apply = net.apply
        assert proven(lambda p, x, f=apply: f(p, x), net.init(jax.random.key(0), x), x)


class Attends(nnx.Module):
    """Embedding, attention, normalisation, dropout and batch statistics."""

    def __init__(self, rngs):
        self.embed = nnx.Embed(8, 8, rngs=rngs)
        self.attend = nnx.MultiHeadAttention(2, 8, decode=False, rngs=rngs)
        self.norm = nnx.LayerNorm(8, rngs=rngs)
        self.statistics = nnx.BatchNorm(8, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(8, 2, rngs=rngs)

    def __call__(self, tokens):
        h = self.embed(tokens)
        h = self.statistics(self.norm(h + self.attend(h)))
        return self.last(self.dropout(h).mean(1))


def test_models_of_flax_are_proven(relaxed):
    apply, params = ntkbook.from_nnx(Attends(nnx.Rngs(0)))
    assert proven(apply, params, TOKENS)


def several(x):
    """Return a function of each input that Python makes different for several."""
    return jnp.tanh(x) / len(x)


UNPROVEN = {
    "centred": lambda p, x: x @ p - (x @ p).mean(0),
    "attention over inputs": lambda p, x: jax.nn.softmax(x @ x.T) @ x @ p,
    "a gate": lambda p, x: GATE * (x @ p),
    "a gate, cut": lambda p, x: GATE[: len(x)] * (x @ p),
    "a place": lambda p, x: jnp.arange(len(x))[:, None] * (x @ p),
    "reversed": lambda p, x: (x @ p)[::-1],
    "first input": lambda p, x: x @ p + x[:1],
    "next input": lambda p, x: jnp.roll(x, 1, axis=0) @ p,
    "how many": lambda p, x: several(x @ p),
    "one and many": lambda p, x: x @ p if len(x) == 1 else jnp.tanh(x @ p),
    "a power": lambda p, x: (x @ p) ** (1 + len(x)),
    "in another shape": lambda p, x: (x @ p).reshape(D, len(x)).T,
    "noise for each": lambda p, x: (
        x @ p * jax.random.normal(jax.random.key(0), x.shape)
    ),
    "chance": lambda p, x: x @ p * np.random.default_rng().random(),
    "along the inputs": lambda p, x: jax.lax.scan(
        lambda s, x_i: (s + x_i, s), jnp.zeros(D), x @ p
    )[1],
    "called back": lambda p, x: jax.pure_callback(
        lambda a: a, jax.ShapeDtypeStruct(x.shape, x.dtype), x
    ),
    "sorted": lambda p, x: jnp.sort(x @ p, axis=0),
    "picked": lambda p, x: (x @ p)[jnp.argsort(x[:, 0])],
    "against all": lambda p, x: jnp.take_along_axis(
        x @ p, jnp.zeros((len(x), 1), int), axis=0
    ),
}


@pytest.mark.parametrize("name", UNPROVEN)
def test_unproven(name, relaxed):
    assert not proven(UNPROVEN[name])


STEPS = [
    lambda a: a.reshape(a.shape[0], -1),
    lambda a: a.reshape(-1, a.shape[-1]),
    lambda a: a.swapaxes(0, -1),
    lambda a: a.swapaxes(1, -1) if a.ndim > 2 else a,
    lambda a: a[..., None],
    lambda a: a - a.mean(0),
    lambda a: a - a.mean(-1, keepdims=True),
    lambda a: a - a.mean(1, keepdims=True),
    lambda a: jnp.cumsum(a, axis=0),
    lambda a: jnp.cumsum(a, axis=-1),
    lambda a: jnp.sort(a, axis=0),
    lambda a: jnp.sort(a, axis=-1),
    lambda a: a[::-1],
    lambda a: a[..., ::-1],
    lambda a: jnp.roll(a, 1, axis=0),
    lambda a: jnp.roll(a, 1, axis=-1),
    lambda a: jnp.concatenate([a, a], axis=-1),
    lambda a: jnp.concatenate([a[:1], a[1:]], axis=0),
    lambda a: jnp.einsum("i...,j...->ij", a, a),
    lambda a: jnp.einsum("i...,i...->i...", a, a),
    lambda a: jnp.tensordot(a, a, (a.ndim - 1, a.ndim - 1)),
    lambda a: jnp.pad(a, [(0, 0)] * (a.ndim - 1) + [(1, 1)]),
    lambda a: jnp.pad(a, [(1, 1)] + [(0, 0)] * (a.ndim - 1))[1:-1],
    lambda a: jnp.argmax(a, axis=-1, keepdims=True) * a,
    lambda a: jnp.argmax(a, axis=0, keepdims=True) * a,
    lambda a: jnp.take_along_axis(a, jnp.argsort(a, axis=-1), axis=-1),
    lambda a: jnp.take_along_axis(a, jnp.argsort(a, axis=0), axis=0),
    lambda a: a[jnp.arange(len(a))],
    lambda a: jnp.arange(a.size).reshape(a.shape) * a,
    lambda a: jnp.arange(a.shape[-1]) * a,
    lambda a: jnp.broadcast_to(a[0], a.shape),
    lambda a: jnp.broadcast_to(a[..., :1], a.shape),
    lambda a: jax.lax.reduce_window(
        a, 0.0, jax.lax.add, (2,) + (1,) * (a.ndim - 1), (1,) * a.ndim, "SAME"
    ),
    lambda a: jax.lax.reduce_window(
        a, 0.0, jax.lax.add, (1,) * (a.ndim - 1) + (2,), (1,) * a.ndim, "SAME"
    ),
    lambda a: jax.lax.scan(lambda c, r: (c + r, c), jnp.zeros(a.shape[1:]), a)[1],
    lambda a: jnp.tanh(a) + len(a),
]


@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=5))
@examples(150, 3000)
def test_nothing_is_proven_of_functions_that_mix_inputs(steps):
    """Whatever is proven holds when the function is called."""

    def apply(p, x):
        a = x.reshape(len(x), 2, 3)
        for step in steps:
            a = step(a)
        return a.reshape(len(x), -1) + 0.0 * p[0, 0]

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        try:
            found = proven(apply)
        except (TypeError, ValueError):  # what does not fit together
            return
        if found:
            together = apply(W, X)
            alone = jnp.concatenate([apply(W, X[i : i + 1]) for i in range(N)])
            assert np.allclose(together, alone, rtol=1e-8, atol=1e-8)


def test_most_functions_that_mix_nothing_are_proven(relaxed):
    """Each of these steps alone, along the axes that an input has of its own."""
    own = [3, 4, 6, 7, 9, 11, 13, 15, 16, 19, 21, 23, 25, 29, 31, 33]
    for number in own:
        step = STEPS[number]
        assert proven(
            lambda p, x, f=step: f(x.reshape(len(x), 2, 3)).reshape(len(x), -1)
        )


def test_values_not_yet_known_are_looked_through(relaxed):
    """A function that closes over traced values is proven, or tried with others."""

    def kernel(scale, mix):
        def apply(p, x):
            h = jnp.tanh(x @ p)
            h = h - h.mean(0) if mix else h
            return scale * h

        return ntkbook.ntk(apply, W, X, trace=True)

    found = jax.jit(lambda scale: kernel(scale, False))(2.0)
    assert np.allclose(found, 4 * kernel(1.0, False))
    for transform in (jax.jit, jax.grad):
        with pytest.raises(ValueError, match="mixes the inputs"):
            transform(lambda scale: kernel(scale, True).sum())(2.0)
    with pytest.raises(ValueError, match="mixes the inputs"):
        jax.vmap(lambda scale: kernel(scale, True))(jnp.ones(3))


def test_what_is_proven_is_not_run(monkeypatch, relaxed):
    monkeypatch.setattr(independence, "_both_ways", None)
    assert independence.check(lambda p, x: jnp.tanh(x @ p), W, X, needs="This")


def test_a_parameter_that_jax_calls_otherwise_proves_nothing(monkeypatch, relaxed):
    """The trial decides then; a scan's parameters had other names before JAX 0.12."""

    def renamed(equation, values):
        return equation.params["a name of another release"]

    assert proven(recurrent)
    monkeypatch.setitem(rowwise.OWN, "scan", renamed)
    assert not proven(recurrent)
