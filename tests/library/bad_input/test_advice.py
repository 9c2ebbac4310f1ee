"""The advice of error messages: inputs, networks, targets, kernels."""

import re

import equinox
import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ntkbook
from tests.helpers.draws import weekly
from tests.library.bad_input.advice import NET, NTK, PARAMS, X, follow, one_output


def two_arrays(p, x, mask):
    return one_output(p, jnp.where(mask, x, 0))


class Linen(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, x, use_running_average=True):
        x = flax.linen.BatchNorm()(x, use_running_average=use_running_average)
        return flax.linen.Dense(1)(x)


class Nnx(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.norm, self.last = nnx.BatchNorm(2, rngs=rngs), nnx.Linear(2, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.norm(x))


def dropping():
    """A model with dropout, in training mode."""
    first = equinox.nn.Linear(2, 3, key=jax.random.key(0))
    return equinox.nn.Sequential([first, equinox.nn.Dropout()])


SINGLE = "jax.config.update('jax_enable_x64', False); x1 = np.float32(X); "
# Models in training mode; `make` makes what they compute in another mode.
LINEN = SINGLE + (
    "model = Linen(); variables = model.init(key, x1); params = variables['params']; "
    "make = lambda call: lambda p, x: call({**variables, 'params': p}, x); "
    "mode = dict(use_running_average=False); "
)
EQUINOX = (
    "model = dropping(); split = lambda model: equinox.partition(model, "
    "equinox.is_inexact_array); params, rest = split(model); "
)
MODELS = {"Linen": Linen, "Nnx": Nnx, "flax": flax, "nnx": nnx, "dropping": dropping}
MODELS |= {"equinox": equinox, "two_arrays": two_arrays}
DESCEND = "ntkbook.gradient_descent(apply, params, x, y, step_size=0.1, steps=1)"
SOFTMAX = DESCEND[:-1] + ", loss='softmax')"
SPLIT = "graph, params, rest = nnx.split(model, nnx.Param, ...)"
# Before, the call, what of the message is typed, and where.
CASES = [
    ("x = X", "ntkbook.mlp(4, 1.5).init(key, x)", r"such as (depth=\d)", None),
    ("x = X", "ntkbook.mlp(4, -1).init(key, x)", r"example (depth=\d)", None),
    ("", NTK.replace("apply", "net"), r"pass (net\.apply)", "net = {0}"),
    ("key = jax.random.split(key)", "net.init(key, X)", r"them, (key\[0\])",
     "key = {0}"),
    ("params = PARAMS[:1]", "net.apply(params, X)", r"own (init\(key, x\)) returned",
     "params = net.{0}"),
    ("params = {}", NTK, r"parameters that (init)\(", "params = net.{0}(key, x1)"),
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
    weekly((LINEN + "call = lambda mode: make(lambda *a: model.apply(*a, mutable="
     "['batch_stats'], **mode)[0]); apply = call(mode)", NTK,
     r"(use_running_average=True) in Flax", "apply = call(dict({0}))")),
    (LINEN + "call = lambda mode: make(lambda *a: model.apply(*a, **mode)); "
     "apply = call(mode)", NTK,
     r"or (use_running_average=True)", "apply = call(dict({0}))"),
    (SINGLE + "model = Nnx(); model.eval(); graph, state = nnx.split(model); params = "
     "nnx.to_pure_dict(state); apply = None", NTK,
     r"NNX: (graph, params, rest = .*\))\.$",
     "{0}; apply = lambda p, x: nnx.merge(graph, p, rest)(x)"),
    (EQUINOX + "apply = lambda p, x: jax.vmap(equinox.combine(p, rest))(x)", NTK,
     r": (equinox\.nn\.inference_mode\(model\))", "params, rest = split({0})"),
    weekly((EQUINOX + "keys = jax.random.split(key, 5); make = lambda rest: lambda p, "
     "x: jax.vmap(equinox.combine(p, rest))(x, key=jnp.resize(keys, len(x))); "
     "apply = make(rest)", NTK, r"(equinox\.nn\.inference_mode\(model\))\),",
     "params, rest = split({0}); apply = make(rest)")),
    ("model = dropping(); params, apply = model, lambda p, x: jax.vmap(p)(x)", NTK,
     r"there is (ntkbook\.from_equinox\(model\))", "apply, params = {0}"),
    ("model = nnx.Linear(2, 1, rngs=nnx.Rngs(0)); f = ntkbook.from_flax",
     "f(model, {})[1]", r"there is (ntkbook\.from_nnx)",
     "f = lambda model, _: {0}(model)"),
    (SINGLE + "model = flax.linen.Dense(1); f = ntkbook.from_nnx", "f(model)[1]",
     r"there is (ntkbook\.from_flax)", "f = lambda _: {0}(model, model.init(key, x1))"),
    (SINGLE + "module, variables = flax.linen.Dense(1), {}", "ntkbook.from_flax("
     "module, variables)[1]", r"what (module\.init)\(", "variables = {0}(key, x1)"),
    # Targets.
    ("params, apply, x, y = ONE, one_output, X, X[:, 0]", DESCEND,
     r"pass (y\[:, None\])", "y = {0}"),
    ("x, y = X, np.array([0, 1, 2, 1, 0])", DESCEND, r"pass (jax\.nn.*\))\.$",
     "y = {0}"),
    ("x, y = X, jnp.ones((5, 3))", SOFTMAX, r"pass (y / .*\))\.$", "y = {0}"),
    ("x, y = X, np.ones((5, 1), int); k = 3", DESCEND, r"pass (jax\.nn.*\))\.$",
     "y = {0}"),
    ("x, y, params, apply = X, jnp.array([[0.0], [1], [1], [0], [1]]), ONE, one_output",
     SOFTMAX.replace("softmax", "logistic"), r"1 pass (2 \* y - 1)", "y = {0}"),
    ("K, y, k = X @ X.T + np.eye(5), jnp.array([[0.0], [1], [2], [1], [0]]), 3",
     "ntkbook.kernel_sgd(K, y, step_size=0.1, epochs=1, batch_size=5, key=key, "
     "loss='softmax').loss", r"pass (jax\.nn.*\))\.$",
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
    weekly(("bias_std_bounds = (1e-3, 1e2)",
     "ntkbook.infinite.NetworkKernel(bias_std=0.0, bias_std_bounds=bias_std_bounds)"
     "(X, eval_gradient=True)", r"pass (\w+_bounds=\"fixed\")", "{0}")),
    ("params = jax.tree.map(lambda a: a.astype('bfloat16'), params); "
     "x = X.astype('bfloat16')",
     "ntkbook.ntk_on_disk('k.npy', apply, params, x, progress=False)",
     r"pass (jax\.tree.*\))\.$", "params = {0}; x = X.astype('float32')"),
    ("path = 3", "ntkbook.ntk_on_disk(path, apply, params, X, progress=False)",
     r"example ('.*')", "path = {0}"),
    ("batch_size = 9", DESCEND[:-1] + ", batch_size=batch_size, key=key)",
     r"pass (batch_size=None)", "{0}"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[2])
def test_what_a_message_says_to_type_works(case, tmp_path, monkeypatch, relaxed):
    monkeypatch.chdir(tmp_path)
    follow(*case, MODELS)


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
