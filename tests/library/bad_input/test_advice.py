"""The advice of error messages, taken literally: what they say to type works.

Each case is a call that is refused, the part of the message that is to be typed, and
where it goes. Then the same call is made again.
"""

import re

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ntkbook
from tests.helpers.networks import agree, dense

NET = ntkbook.mlp(4, 1, outputs=3)
X = jnp.asarray(np.random.default_rng(0).standard_normal((5, 2)))
PARAMS = NET.init(jax.random.key(0), X)
ONE = {"a": jnp.ones((2, 4)) / 3, "b": jnp.ones((4, 1)) / 7}


def one_output(p, x):
    return jnp.tanh(x @ p["a"]) @ p["b"]


def two_arrays(p, x, mask):
    return one_output(p, jnp.where(mask, x, 0))


class Linen(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, x):
        x = flax.linen.BatchNorm(use_running_average=True)(x)
        return flax.linen.Dense(1)(x)


class Nnx(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.norm, self.last = nnx.BatchNorm(2, rngs=rngs), nnx.Linear(2, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.norm(x))


NTK = "ntkbook.ntk(apply, params, x1)"
DESCEND = "ntkbook.gradient_descent(apply, params, x, y, step_size=0.1, steps=1)"
FLOW = "ntkbook.gradient_flow(apply, params, x, y, times=[0.1], loss='softmax')"
SPLIT = "graph, params, rest = nnx.split(model, nnx.Param, ...)"
# Before, the call, what of the message is typed, and where.
CASES = [
    ("x = X", "ntkbook.mlp(4, 1.5).init(key, x)", r"such as (depth=\d)", None),
    ("x = X", "ntkbook.mlp(4, -1).init(key, x)", r"example (depth=\d)", None),
    ("", NTK.replace("apply", "net"), r"pass (net\.apply)", "net = {0}"),
    ("key = jax.random.split(key)", "net.init(key, X)", r"them, (key\[0\])",
     "key = {0}"),
    ("", "net.init(0, X)", r"with (jax\.random\.key\(0\))", None),
    ("x = [[1.0]]", "net.init(key, x)", r"with (jnp\.array)\(\.\.\.\)", "x = {0}(x)"),
    ("x1 = [[1.0, 2.0]]", NTK, r"with (jnp\.array)\(\.\.\.\)", "x1 = {0}(x1)"),
    ("x = np.eye(2, dtype=int)", "net.init(key, x)", r"with (x\..*\))", "x = {0}"),
    ("x1 = X[0]", NTK, r"one input (x1\[None\])", "x1 = {0}"),
    (
        "x1 = X[:, 0]; apply = lambda p, x: one_output(p, x); params = "
        "{'a': jnp.ones((1, 4)), 'b': jnp.ones((4, 1))}",
        NTK,
        r"each pass (x1\[:, None\])",
        "x1 = {0}",
    ),
    ("x1 = np.eye(2, dtype=int)", NTK, r"them, (x1\.astype\(float\))", "x1 = {0}"),
    ("x1 = X.astype('float32')", NTK, r"(params = jax.*\))\.$", "{0}"),
    ("params[0]['weight'] = np.float32(params[0]['weight'])", NTK,
     r"dtype, (params = jax.*\))\.$", "{0}"),
    ("x2 = X.astype('float32')", "ntkbook.infinite.ntk(X, x2, depth=1)",
     r"and pass (x2\.astype\(float\))", "x2 = {0}"),
    ("x1 = X.astype(complex); apply = lambda p, x: net.apply(p, x['re'] + x['im'])",
     NTK, r"example as (\{.*\}), and", "x1 = {0}"),
    ("x1 = np.full((1, 3), 2**40); jax.config.update('jax_enable_x64', False)",
     "ntkbook.ntk(lambda p, x: p * x[:, :1], jnp.ones(1, 'float32'), x1)",
     r"call (ntkbook\.double_precision\(\))", "{0}"),
    ("w = X[:, :2].T @ X * (1 + 2j); params = {'w': w}; "
     "apply = lambda p, x: jnp.abs(x @ p['w'])", NTK,
     r"own, (params = .*?\)\)), and (lambda p, x: .*)\.$",
     "{0}; apply = again({1!r}, apply)"),
    # What `apply` returns.
    ("apply, params, x1 = lambda p, x: one_output(p, x)[:, 0], ONE, X", NTK,
     r"axis, (lambda p, x: .*)\.$", "apply = again({0!r}, apply)"),
    ("apply = lambda p, x: net.apply(p, x)[:, :, None]", NTK,
     r"flatten it, (lambda p, x: .*)\.$", "apply = again({0!r}, apply)"),
    ("apply = lambda p, x: net.apply(p, x['a'])[:, :, None]; x1 = {'a': X}", NTK,
     r"flatten it, (lambda p, x: .*)\.$", "apply = again({0!r}, apply)"),
    ("apply, params = lambda p, x: jnp.tanh(x @ p['a']).sum().reshape(1), ONE", NTK,
     r"input pass (lambda p, x: .*)\.$", "apply = again({0!r}, apply)"),
    ("apply = lambda p, x: (net.apply(p, x), 1)", NTK,
     r"example (lambda p, x: .*)\.$", "apply = again({0!r}, apply)"),
    ("mask = jnp.ones((5, 1), bool); params = ONE; "
     "apply = lambda p, x: two_arrays(p, x, mask)", NTK,
     r"pytree: (lambda p, x: .*?\))\.", "x1 = dict(inputs=X, mask=mask); "
     "apply = again({0!r}, two_arrays)"),
    ("", "ntkbook.alignment.tangent_alignment(apply, params, X, X[:, 0])",
     r"one: (lambda p, x: .*)\.$", "apply = again({0!r}, apply)"),
    # Other libraries' models.
    ("x1 = np.float32(X); model = Linen(); variables = model.init(key, x1); "
     "params, apply = variables, model.apply", NTK,
     r"pass (variables\S+) as .* and (lambda .*?\)) as",
     "params, apply = {0}, {1}"),
    ("x1 = np.float32(X); model = Linen(); variables = model.init(key, x1); "
     "params, apply = variables, model.apply", NTK, r"use (ntkbook\.from_flax\(.*\))",
     "apply, params = {0}"),
    ("model = Nnx(); model.eval(); graph, params = nnx.split(model); "
     "apply = lambda p, x: nnx.merge(graph, p)(x); jax.config.update("
     "'jax_enable_x64', False); x1 = np.float32(X)", NTK,
     r"Call (model\.eval\(\)), then (.*?\)), .* with (lambda .*\)) as",
     "{0}; {1}; apply = {2}"),
    ("model = Nnx(); graph, params, rest = nnx.split(model, nnx.Param, ...); "
     "apply = lambda p, x: nnx.merge(graph, p, rest)(x); jax.config.update("
     "'jax_enable_x64', False); x1 = np.float32(X)", NTK,
     r"call (model\.eval\(\)) before", "{0}; " + SPLIT),
    ("model = Nnx(); graph, params, rest = nnx.split(model, nnx.Param, ...); "
     "apply = lambda p, x: nnx.merge(graph, p, rest)(x); jax.config.update("
     "'jax_enable_x64', False); x1 = np.float32(X)", NTK,
     r"use (ntkbook\.from_nnx\(model\))", "apply, params = {0}"),
    # Targets.
    ("params, apply, x, y = ONE, one_output, X, X[:, 0]", DESCEND,
     r"pass (y\[:, None\])", "y = {0}"),
    ("x, y = X, np.array([0, 1, 2, 1, 0])", DESCEND, r"pass (jax\.nn.*\))\.$",
     "y = {0}"),
    ("x, y = X, jnp.ones((5, 3))", FLOW, r"pass (y / .*\))\.$", "y = {0}"),
    ("x, y = X, np.ones((5, 1), int); k = 3", DESCEND, r"pass (jax\.nn.*\))\.$",
     "y = {0}"),
    ("x, y, params, apply = X, jnp.array([[0.0], [1], [1], [0], [1]]), ONE, one_output",
     FLOW.replace("softmax", "logistic"), r"1 pass (2 \* y - 1)", "y = {0}"),
    ("K, y, k = X @ X.T + np.eye(5), jnp.array([[0.0], [1], [2], [1], [0]]), 3",
     "ntkbook.kernel_flow(K, y, 1.0, loss='softmax')", r"pass (jax\.nn.*\))\.$",
     "y = {0}"),
    ("target = X.T[:1]", "ntkbook.alignment.target_alignment(X @ X.T, target)",
     r"pass (target\.T)", "target = {0}"),
    # Kernels.
    ("x1 = jnp.ones((2, 3, 3))", "ntkbook.infinite.ntk(x1, depth=1)",
     r"inputs with (x1\..*-1\)),", "x1 = {0}"),
    ("images1 = jnp.ones((2, 3, 3))",
     "ntkbook.infinite.cntk(images1, depth=1, pooling='flatten')",
     r"pass (images1\[\.\.\., None\])", "images1 = {0}"),
    ("", "ntkbook.infinite.piecewise_linear((1.0, 1.0), (0.0, 1.0, 0.0))",
     r"example (kinks.*\))\.$", None),
    ("bias_std_bounds = (1e-3, 1e2)",
     "ntkbook.infinite.NetworkKernel(bias_std=0.0, bias_std_bounds=bias_std_bounds)"
     "(X, eval_gradient=True)", r"pass (\w+_bounds=\"fixed\")", "{0}"),
    ("params = jax.tree.map(lambda a: a.astype('bfloat16'), params); "
     "x = X.astype('bfloat16')",
     "ntkbook.ntk_on_disk('k.npy', apply, params, x, progress=False)",
     r"pass (jax\.tree.*\))\.$", "params = {0}; x = X.astype('float32')"),
    ("path = 3", "ntkbook.ntk_on_disk(path, apply, params, X, progress=False)",
     r"example ('.*')", "path = {0}"),
    ("batch_size = 9", DESCEND[:-1] + ", batch_size=batch_size, key=key)",
     r"pass (batch_size=None)", "{0}"),
]  # fmt: skip


def again(text, apply):
    """Make the function that a message advises, around the one there was."""
    return eval(text, {"jax": jax, "jnp": jnp, "apply": apply})


# Cases whose advised text replaces an argument of the call itself.
DIRECT = {
    r"such as (depth=\d)": ("1.5", "{0}"),
    r"example (depth=\d)": ("-1", "{0}"),
    r"with (jax\.random\.key\(0\))": ("init(0", "init({0}"),
    r"example (kinks.*\))\.$": ("(1.0, 1.0), (0.0, 1.0, 0.0)", "{0}"),
}  # fmt: skip


def follow(before, call, pattern, then):
    known = globals() | {"net": NET, "apply": NET.apply, "x": X, "x1": X}
    known |= {"params": jax.tree.map(jnp.copy, PARAMS), "key": jax.random.key(0)}
    known |= {"y": jnp.tile(X[:, :1], 3)}
    exec(before, known)
    with pytest.raises((TypeError, ValueError)) as raised:
        eval(call, known)
    typed = re.search(pattern, str(raised.value), re.S)
    assert typed, str(raised.value)
    if then is None:
        old, new = DIRECT[pattern]
        assert old in call
        call = call.replace(old, new.format(*typed.groups()))
    else:
        exec(then.format(*typed.groups()), known)
    found = eval(call, known)
    found = found(X) if callable(found) else found
    numbers = [np.asarray(a, float) for a in jax.tree.leaves(found)]
    assert numbers and all(np.isfinite(a).all() for a in numbers)
    if call == NTK and str(getattr(known["x1"], "dtype", "")) == "float64":
        x1 = jnp.asarray(known["x1"])
        agree(found, dense(known["apply"], known["params"], x1, x1), 1e-10)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[2])
def test_what_a_message_says_to_type_works(case, tmp_path, monkeypatch, relaxed):
    monkeypatch.chdir(tmp_path)
    try:
        follow(*case)
    finally:
        ntkbook.double_precision()


def test_the_settings_advised_are_arguments():
    """Advice of the form name=value names an argument of the function that raised."""
    x = jnp.ones((2, 3)).at[0].set(0)
    with pytest.raises(ValueError, match="bias_std > 0"):
        ntkbook.infinite.ntk(x, depth=1)
    assert jnp.isfinite(ntkbook.infinite.ntk(x, depth=1, bias_std=0.1)).all()


def test_products_in_traced_functions():
    vector = X @ X.T[:, :3]
    wanted = ntkbook.ntk_operator(NET.apply, PARAMS, X) @ vector.ravel()

    @jax.jit
    def refused(params):
        return ntkbook.ntk_operator(NET.apply, params, X) @ vector.ravel()

    with pytest.raises(TypeError, match="traced") as caught:
        refused(PARAMS)
    line = re.search(r"(jax\.jvp\(.*\[1\])\.$", str(caught.value)).group(1)
    known = {"jax": jax, "apply": NET.apply, "x1": X, "x2": X, "vector": vector}
    advised = jax.jit(lambda params: eval(line, known | {"params": params}))
    np.testing.assert_allclose(advised(PARAMS).ravel(), wanted, rtol=1e-12)
