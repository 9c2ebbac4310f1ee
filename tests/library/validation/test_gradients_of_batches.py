"""Functions whose values go input by input, and whose gradients do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.validation import independence

W = {name: jax.random.normal(jax.random.key(i), (3, 1)) for i, name in enumerate("ab")}
X = jax.random.normal(jax.random.key(2), (6, 3))


def rule(backward):
    @jax.custom_vjp
    def same(h):
        return h

    same.defvjp(lambda h: (h, None), lambda _, g: (backward(g),))
    return same


@jax.custom_jvp
def centred(h):
    return h


centred.defjvp(lambda h, t: (h[0], t[0] - t[0].mean(0)))
less_mean = rule(lambda g: g - g.mean(0))
unit = rule(lambda g: g / jnp.linalg.norm(g))
clipped = rule(lambda g: jnp.clip(g, -1, 1))


def still(h):
    return h - jax.lax.stop_gradient(h)


MIXED = {
    "a backward rule": lambda p, x: less_mean(x @ p["a"]),
    "gradients of length 1": lambda p, x: unit(jnp.tanh(x @ p["a"])),
    "a forward rule": lambda p, x: jax.jit(centred)(x @ p["a"]),
    "stop_gradient": lambda p, x: x @ p["a"] + still((x @ p["a"]).mean(0)),
}


@pytest.mark.parametrize("name", MIXED)
def test_gradients_may_not_mix(name, relaxed):
    apply = MIXED[name]
    with pytest.raises(ValueError, match="in its gradients"):
        ntkbook.ntk(apply, W, X)
    with pytest.raises(ValueError, match="in its gradients"):
        jax.jit(lambda p: ntkbook.ntk(apply, p, X))(W)


def straight_through(p, x):
    h = x @ p["a"]
    return h + jax.lax.stop_gradient(jnp.sign(h) - h)


ALONE = {
    "clipped": lambda p, x: clipped(x @ p["a"]),
    "straight through": straight_through,
    "frozen": lambda p, x: x @ p["a"] + jax.lax.stop_gradient(x @ p["b"]),
    "sorted back": lambda p, x: straight_through(p, x)[jnp.argsort(x[:, 0])][
        jnp.argsort(jnp.argsort(x[:, 0]))
    ],
}


@pytest.mark.parametrize("name", ALONE)
def test_rules_of_one_input_pass(name, relaxed):
    gram = ntkbook.ntk(ALONE[name], W, X)
    jac = jnp.concatenate(
        [a[:, 0].reshape(6, -1) for a in jax.jacrev(ALONE[name])(W, X).values()], 1
    )
    np.testing.assert_allclose(gram, jac @ jac.T, rtol=1e-6, atol=1e-6)


def test_rules_in_traced_functions(relaxed):
    """What they hold, or is next to them, may have no values yet."""

    def scaled(c):
        @jax.custom_vjp
        def times(h):
            return c * h

        times.defvjp(lambda h: (c * h, None), lambda _, g: (c * g,))
        return times

    for apply in (
        lambda c: lambda p, x: clipped(c * (x @ p["a"])),
        lambda c: lambda p, x: scaled(c)(x @ p["a"]),
    ):
        gram = jax.jit(lambda c, apply=apply: ntkbook.ntk(apply(c), W, X))(0.5)
        np.testing.assert_allclose(gram, X @ X.T / 4, rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="in its gradients"):
        jax.jit(lambda c: ntkbook.ntk(lambda p, x: less_mean(c * x @ p["a"]), W, X))(1)


def test_rules_of_jax_itself_cost_nothing(monkeypatch):
    """ReLU has one, so nearly every network would be compiled to be tried."""
    monkeypatch.setattr(independence, "_both_ways", None)
    for apply in (
        lambda p, x: jax.nn.relu(jax.nn.softplus(jax.nn.silu(x @ p["a"]))),
        lambda p, x: jnp.linalg.norm(jax.nn.gelu(x @ p["a"]), axis=1, keepdims=True),
        ALONE["straight through"],
    ):
        assert independence.check(apply, W, X, needs="This")


def test_other_parameters_for_many_inputs(relaxed):
    """The same operations in the same order, of other arguments."""
    for one, many in (
        (lambda p, x: x @ p["a"], lambda p, x: x @ p["b"]),
        (lambda p, x: x @ p["a"] - x @ p["b"], lambda p, x: x @ p["b"] - x @ p["a"]),
        (
            lambda p, x: jnp.stack([x @ p["a"], jnp.sin(x @ p["b"])])[0],
            lambda p, x: jnp.stack([jnp.sin(x @ p["a"]), x @ p["b"]])[1],
        ),
    ):
        with pytest.raises(ValueError, match="mixes"):
            ntkbook.ntk(
                lambda p, x, one=one, many=many: (one if len(x) < 5 else many)(p, x),
                W,
                X,
            )
