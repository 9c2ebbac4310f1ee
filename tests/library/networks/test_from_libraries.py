"""Models of Flax, NNX and Equinox, as functions and parameters of this library."""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ntkbook
from tests.helpers.networks import agree, dense


class Linen(nn.Module):
    """Normalised, with dropout, and one output."""

    @nn.compact
    def __call__(self, x, train=True):
        x = nn.Dense(4, param_dtype=x.dtype)(x)
        x = nn.BatchNorm(use_running_average=not train, param_dtype=x.dtype)(x)
        x = nn.Dropout(0.5, deterministic=not train)(nn.tanh(x))
        return nn.Dense(1, param_dtype=x.dtype)(x)


class Nnx(nnx.Module):
    """The same."""

    def __init__(self, rngs):
        self.a = nnx.Linear(3, 4, rngs=rngs, param_dtype=float)
        self.norm = nnx.BatchNorm(4, rngs=rngs, param_dtype=float)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.b = nnx.Linear(4, 1, rngs=rngs, param_dtype=float)

    def __call__(self, x):
        return self.b(self.drop(jnp.tanh(self.norm(self.a(x)))))


@pytest.fixture
def x(getkey):
    return jax.random.normal(getkey(), (5, 3))


def test_flax(x, getkey, relaxed):
    keys = {"params": getkey(), "dropout": getkey()}
    variables = Linen().init(keys, x)
    shifted = jax.tree.map(lambda a: a + 0.3, variables["batch_stats"])
    variables = {**variables, "batch_stats": shifted}
    apply, params = ntkbook.from_flax(Linen(), variables, train=False)

    def by_hand(params, x):
        both = {"params": params, "batch_stats": shifted}
        return Linen().apply(both, x, train=False)

    gram = ntkbook.ntk(apply, params, x)
    agree(gram, dense(by_hand, params, x, x), 1e-10)
    with pytest.raises(TypeError, match="from_nnx"):
        ntkbook.from_flax(Nnx(nnx.Rngs(0)), variables)
    with pytest.raises(TypeError, match="'params'"):
        ntkbook.from_flax(Linen(), variables["params"])
    for model, saved in (
        (Linen(), variables),
        (nn.Sequential([nn.Dense(1), nn.Dropout(0.5, deterministic=False)]), None),
    ):
        saved = saved or model.init(keys, x)
        apply, params = ntkbook.from_flax(model, saved)
        params = jax.tree.map(lambda a: a.astype(x.dtype), params)
        with pytest.raises(ValueError, match="evaluation mode"):
            ntkbook.ntk(apply, params, x)


def test_nnx(x, relaxed):
    model = Nnx(nnx.Rngs(0))
    model(x)  # statistics of their own
    before = jax.tree.map(np.asarray, nnx.state(model, nnx.BatchStat))
    apply, params = ntkbook.from_nnx(model)
    gram = ntkbook.ntk(apply, params, x)
    agree(gram, dense(apply, params, x, x), 1e-10)
    assert not model.drop.deterministic  # the reader's model is as it was
    after = nnx.state(model, nnx.BatchStat)
    assert jax.tree.all(
        jax.tree.map(lambda a, b: (a == np.asarray(b)).all(), before, after)
    )
    run = ntkbook.gradient_descent(
        apply, params, x, x[:, :1], step_size=0.01, steps=3, progress=False
    )
    assert run.loss[-1] < run.loss[0]
    with pytest.raises(TypeError, match="from_flax"):
        ntkbook.from_nnx(Linen())


def test_equinox(x, getkey):
    class Model(eqx.Module):
        layer: eqx.nn.Linear
        drop: eqx.nn.Dropout
        last: eqx.nn.Linear
        steps: int

        def __call__(self, x_i):
            return self.last(self.drop(jnp.tanh(self.layer(x_i))))

    model = Model(
        eqx.nn.Linear(3, 4, key=getkey()),
        eqx.nn.Dropout(0.5),
        eqx.nn.Linear(4, 2, key=getkey()),
        7,
    )
    apply, params = ntkbook.from_equinox(model)
    agree(ntkbook.ntk(apply, params, x), dense(apply, params, x, x), 1e-10)
    with pytest.raises(TypeError, match=r"equinox\.Module"):
        ntkbook.from_equinox(apply)
    arrays, rest = eqx.partition(model, eqx.is_inexact_array)  # in training mode
    with pytest.raises(ValueError, match=r"evaluation mode.*from_equinox\(model\)"):
        ntkbook.ntk(lambda p, x: jax.vmap(eqx.combine(p, rest))(x), arrays, x)
    last = eqx.tree_at(
        lambda m: m.last, jax.tree.map(lambda _: False, model), replace=True
    )
    one_layer, few = ntkbook.from_equinox(model, trainable=last)
    assert [a.shape for a in jax.tree.leaves(few)] == [(2, 4), (2,)]
    np.testing.assert_array_equal(one_layer(few, x), apply(params, x))
    agree(ntkbook.ntk(one_layer, few, x), dense(one_layer, few, x, x), 1e-10)
    _, weights = ntkbook.from_equinox(model, trainable=lambda a: jnp.ndim(a) == 2)
    assert [a.shape for a in jax.tree.leaves(weights)] == [(4, 3), (2, 4)]
    with pytest.raises(ValueError, match="no arrays"):
        ntkbook.from_equinox(model, trainable=lambda _: False)


def test_equinox_with_a_state(x, getkey):
    class Model(eqx.Module):
        layer: eqx.nn.Linear
        norm: eqx.nn.BatchNorm

        def __call__(self, x_i, state):
            z, state = self.norm(self.layer(x_i), state)
            return z, state

    def make(key):
        norm = eqx.nn.BatchNorm(2, "batch", mode="batch", dtype=float)
        return Model(eqx.nn.Linear(3, 2, key=key), norm)

    model, state = eqx.nn.make_with_state(make)(getkey())
    _, state = jax.vmap(model, (0, None), (0, None), axis_name="batch")(x, state)
    apply, params = ntkbook.from_equinox(model, state)
    agree(ntkbook.ntk(apply, params, x), dense(apply, params, x, x), 1e-10)
