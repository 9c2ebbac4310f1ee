"""Functions that differ in one thing that they hold have different fingerprints.

Here the value of a kernel is not looked at: what only a kernel computed again shows,
such as callbacks, is in test_on_disk.py, with twenty further forms.
"""

import functools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import sparse
from jax.sharding import Mesh, PartitionSpec

from ntkbook.machine.memory_mapped import fingerprint

P = jnp.arange(1.0, 7.0).reshape(3, 2) / 10


def rules(n):
    """Return rules of derivatives that hold n, or something made of it."""
    c = jnp.full((3, 2), float(n))

    def by_jvp(value, derivative):
        rule = jax.custom_jvp(value)
        rule.defjvp(lambda at, t: (value(at[0]), derivative(at[0], t[0])))
        return rule

    def by_vjp(value, forwards, backwards, held=(), **how):
        rule = jax.custom_vjp(value, nondiff_argnums=held)
        rule.defvjp(forwards, backwards, **how)
        return rule

    def same(p):
        return 1.0 * p

    def keep(p):
        return 1.0 * p, None

    def times(_, g):
        return (g * c,)

    @jax.custom_gradient
    def at_once(p):
        return 1.0 * p, lambda g: g * c

    @jax.custom_batching.custom_vmap
    def many(p):
        return 1.0 * p

    many.def_vmap(lambda size, batched, p: (p * c[0, 0], True))
    back, number = by_vjp(same, keep, times), float(n)
    row = by_vjp(same, keep, lambda _, g: (g * c[0],))
    held = by_vjp(
        lambda k, p: 1.0 * p,
        lambda k, p: (1.0 * p, None),
        lambda k, _, g: (g * k,),
        held=(0,),
    )
    inner = by_jvp(same, lambda at, t: t * c)
    outer = by_jvp(same, lambda at, t: inner(t))
    return {
        "custom_jvp, value": by_jvp(lambda p: p * c, lambda at, t: t),
        "custom_jvp of a custom_jvp": lambda p: jax.jvp(outer, (p,), (p,))[1],
        "custom_vjp, kept": by_vjp(
            same, lambda p: (1.0 * p, c), lambda kept, g: (g * kept,)
        ),
        "custom_vjp, static": lambda p: held(number, p),
        "custom_vjp, rematerialized": by_vjp(same, keep, times, optimize_remat=True),
        "custom_vjp in scan": lambda p: jax.lax.scan(
            lambda a, _: (back(a), None), p, None, length=2
        )[0],
        "custom_vjp in vmap": jax.vmap(row),
        "custom_gradient": at_once,
        "custom_vmap": jax.vmap(many),
        "linear_call": lambda p: jax.custom_derivatives.linear_call(
            lambda _, q: 1.0 * q, lambda _, q: q * c, (), p
        ),
        "gradient": jax.grad(lambda p: jnp.sum(jax.jit(lambda q: jnp.sin(q) * c)(p))),
    }


def programs(n):
    """Return control flow and calls that hold n, or something made of it."""
    c, one = jnp.full((3, 2), float(n)), n == 2
    bound, at, lower = jnp.array(n), jnp.int32(1), jnp.array(one)
    matrix = jnp.eye(3) * float(n)
    mesh = Mesh(np.array(jax.devices()[:1]), ("a",))
    shape = jax.ShapeDtypeStruct(P.shape, P.dtype)

    def until(p):
        return jax.lax.while_loop(
            lambda s: s[1] < bound, lambda s: (s[0] * 1.5, s[1] + 1), (p, 0)
        )[0]

    def exported(p):
        made = jax.export.export(jax.jit(lambda q: q * np.asarray(c)))(shape)
        return made.call(p)

    return {
        "switch": lambda p: jax.lax.switch(at, [jnp.sin, lambda q: q * c], p),
        "cond, which": lambda p: jax.lax.cond(lower, jnp.sin, jnp.cos, p),
        "while, how often": until,
        "fori, how often": lambda p: jax.lax.fori_loop(0, n, lambda _, a: 2.0 * a, p),
        "scan, over": lambda p: jax.lax.scan(lambda a, b: (a * b, None), p, c)[0],
        "scan, direction": lambda p: (
            p
            * jax.lax.scan(lambda a, b: (jnp.sin(a + b), None), p[0], p, reverse=one)[0]
        ),
        "map": lambda p: jax.lax.map(lambda row: row * c[0], p),
        "vmap of a constant": lambda p: jax.vmap(
            jax.jit(lambda a, b: a * b), (0, None)
        )(p, c[0]),
        "solve": lambda p: jax.lax.custom_linear_solve(
            lambda v: matrix @ v, p, lambda _, b: b, symmetric=True
        ),
        "shard_map": jax.shard_map(
            lambda q: q * c,
            mesh=mesh,
            in_specs=PartitionSpec(),
            out_specs=PartitionSpec(),
        ),
        "export": exported,
        "reduce": lambda p: (
            p * jax.lax.reduce(p, 0.0, lambda a, b: a + b * float(n), (0, 1))
        ),
        "apply in place": lambda p: p.at[0].apply(lambda q: q * float(n)),
    }


class Layer:
    """An object that is called, and holds its weights."""

    def __init__(self, weights):
        self.weights = weights

    def __call__(self, p):
        return p * self.weights

    @functools.partial(jax.jit, static_argnums=0)
    def jitted(self, p):
        return p * self.weights


def held(n):
    """Return functions that hold n as another thing than an array of numbers."""
    c, one = jnp.full((3, 2), float(n)), n == 2
    table = np.array([0, 1, 2] if one else [0, 0, 1], np.int8)
    mask = np.arange(6).reshape(3, 2) < n
    new, old = jax.random.key(n), jax.random.PRNGKey(n)
    kind = jax.random.key(0, impl="rbg" if one else "threefry2x32")
    pattern = jnp.array([[0, 0], [1, 1]] if one else [[0, 1], [1, 2]])
    many = np.ones(5000)
    many[2500] = n
    dtype = "float32" if one else "bfloat16"
    static = jax.jit(lambda p, k: getattr(jnp, k)(p), static_argnames="k")
    where = jax.jit(lambda p: jnp.where(mask, p, 0.0), donate_argnums=0)

    def noise(key):
        return lambda p: p * jax.jit(lambda: jax.random.normal(key, (3, 2)))()

    return {
        "partial": functools.partial(lambda a, b: a * b, b=c),
        "Partial": lambda p: jax.jit(lambda f, q: f(q))(
            jax.tree_util.Partial(jnp.multiply, c), p
        ),
        "object": Layer(c),
        "object in jit": jax.jit(Layer(c)),
        "method in jit": Layer(np.asarray(c)).jitted,
        "default argument": lambda p, k=n: p * k,
        "int8": jax.jit(lambda p: jnp.take(p, table, axis=0)),
        "mask, donated": lambda p: where(p * 1.0),
        "key": noise(new),
        "key as numbers": noise(old),
        "kind of key": noise(kind),
        "seed": lambda p: p * jax.random.normal(jax.random.key(n), (3, 2)),
        "sparse": lambda p: sparse.BCOO((c[:2, 0], pattern), shape=(3, 3)) @ p,
        "sparse, where": lambda p: (
            sparse.BCOO((jnp.ones(2), pattern), shape=(3, 3)) @ p
        ),
        "static text": lambda p: static(p, k="sin" if one else "cos"),
        "static numbers": lambda p: jax.jit(
            lambda p, k: p * jnp.array(k), static_argnums=1
        )(p, (1.0, float(n))),
        "dtype": lambda p: (p.astype(dtype) * 1).astype(p.dtype),
        "precision": lambda p: jnp.dot(
            jnp.eye(3), p, precision="highest" if one else "default"
        ),
        "last digit": lambda p: p * (2.0 if one else np.nextafter(2.0, 3.0)),
        "one of many": lambda p: p * jax.jit(lambda: jnp.asarray(many).sum())(),
    }


FORMS = {"rules": rules, "programs": programs, "held": held}
NAMES = [(kind, name) for kind, forms in FORMS.items() for name in forms(2)]


@pytest.mark.parametrize("kind, name", NAMES)
def test_what_a_function_holds_is_in_its_fingerprint(kind, name, relaxed):
    x = jnp.linspace(-1, 1, 12).reshape(4, 3)

    def of(n):
        way = FORMS[kind](n)[name]  # made anew each time
        return fingerprint(lambda p, x: jnp.tanh(x @ way(p)), P, x)

    assert of(2) != of(5)
    assert of(2) == of(2)


def test_where_a_program_was_exported_is_no_part_of_it(relaxed):
    x, p = jnp.ones((4, 3)), P.astype("f4")
    here = jax.export.export(jax.jit(lambda p: jnp.sin(p)))(p)
    there = jax.export.export(jax.jit(lambda p: jnp.sin(p)))(p)  # in another line
    assert here.mlir_module() != there.mlir_module()
    one = fingerprint(lambda p, x: x @ here.call(p), p, x)
    assert one == fingerprint(lambda p, x: x @ there.call(p), p, x)


def test_settings_that_no_program_shows():
    def noisy(p):
        return p * jax.random.normal(jax.random.key(0), (3, 2))

    now = fingerprint(noisy, P)
    with jax.threefry_partitionable(not jax.config.jax_threefry_partitionable):
        assert fingerprint(noisy, P) != now
    with jax.default_matmul_precision("float32"):
        precise = fingerprint(lambda p: p.T @ p, P)
    assert fingerprint(lambda p: p.T @ p, P) != precise


def test_where_a_function_lies_is_not_in_a_fingerprint():
    """A tree may name functions; another process has them elsewhere in memory."""

    def made():
        def activation(a):
            return jnp.tanh(a)

        return jax.tree_util.Partial(activation, P)

    one, other = made(), made()
    assert str(jax.tree.structure(one)) != str(jax.tree.structure(other))
    first, again = (fingerprint(lambda f: f(), each) for each in (one, other))
    assert first == again
