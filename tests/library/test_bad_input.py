"""What does not fit is refused, with a message that names the argument.

The import hook that checks shapes (`make test-types`) stays away from them: it would
answer before the library's own messages could.
"""

import contextlib
import math
import tempfile

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.taylor import second_derivative_norm
from tests.helpers.draws import examples

X = jnp.array([[0.5, -1.0], [1.5, 0.3], [-0.7, 2.0]])
Y = jnp.array([[1.0], [-1.0], [1.0]])
NET = ntkbook.mlp(2, 1, "tanh")
PARAMS = NET.init(jax.random.key(0), X)
OTHER = ntkbook.mlp(3, 1).init(jax.random.key(0), X)
DEEPER = ntkbook.mlp(2, 2).init(jax.random.key(0), X)
BIASED = ntkbook.mlp(2, 1, bias_std=1.0).init(jax.random.key(0), X)
SINGLE = jax.tree.map(lambda a: a.astype(jnp.float32), PARAMS)
IMAGES = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 2, 2)))
K = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 1.5]])


def linear(w, x):
    return x @ w


W = jnp.array([[0.3], [-0.4]])
LINE = ntkbook.linearize(linear, W)


class Unhashable:
    __hash__ = None

    def __call__(self, params, x):
        return linear(params, x)


# Functions with one good call each; the cases below change one argument of it.


def mlp(width=2, depth=1, activation="tanh", **options):
    return ntkbook.mlp(width, depth, activation, **options)


def init(key=jax.random.key(0), x=X):  # noqa: B008
    return NET.init(key, x)


def apply(params=PARAMS, x=X):
    return NET.apply(params, x)


def ntk(apply=linear, params=W, x1=X, x2=None):
    return ntkbook.ntk(apply, params, x1, x2)


def ntk_trace(trace=True):
    return ntkbook.ntk(linear, W, X, trace=trace)


def ntk_diagonal(apply=linear, params=W, x=X):
    return ntkbook.ntk_diagonal(apply, params, x)


def ntk_operator(apply=linear, params=W, x1=X, x2=None):
    kernel = ntkbook.ntk_operator(apply, params, x1, x2)
    return kernel @ np.ones(kernel.shape[1])  # what it multiplies, SciPy checks


def ntk_routes(apply=linear, params=W, x=X):
    ntkbook.ntk_routes(apply, params, x)


def ntk_on_disk(path="kernel.npy", apply=linear, params=W, x1=X, x2=None, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/{path}" if isinstance(path, str) else path
        return np.array(ntkbook.ntk_on_disk(path, apply, params, x1, x2, **options))


def linearize(apply=linear, params0=W, params=W, x=X):
    return ntkbook.linearize(apply, params0)(params, x)


def taylor_expand(apply=linear, params0=W, order=2, params=W, x=X):
    return ntkbook.taylor_expand(apply, params0, order)(params, x)


def gradient_descent(apply=linear, params=W, x=X, y=Y, **options):
    options = dict(step_size=0.01, steps=2) | options
    return ntkbook.gradient_descent(apply, params, x, y, **options)


def gradient_flow(apply=linear, params=W, x=X, y=Y, **options):
    options = dict(times=0.1, max_steps=100) | options
    return ntkbook.gradient_flow(apply, params, x, y, **options)


def path_kernel(apply=linear, params=W, x=X, y=Y, x_test=X, **options):
    options = dict(step_size=0.01, steps=2) | options
    return ntkbook.paths.path_kernel(apply, params, x, y, x_test, **options)


def checkpoint_kernel(
    apply=linear,
    checkpoints=(W, 2 * W),
    times=np.array([0.0, 0.1]),  # noqa: B008
    x=X,
    y=Y,
    x_test=X,
    **options,
):
    return ntkbook.paths.checkpoint_kernel(
        apply, checkpoints, times, x, y, x_test, **options
    )


def decay_rates(kernel=K):
    return ntkbook.flow.decay_rates(kernel)


def training_time(step_size=0.1, steps=3, points=4, **options):
    return ntkbook.flow.training_time(step_size, steps, points=points, **options)


def draw(width, key):
    return {"draw": jax.random.normal(key)}


def sweep(measure=draw, widths=(2, 3), n_seeds=2, key=jax.random.key(0), **options):  # noqa: B008
    return ntkbook.width.sweep(
        measure, widths=widths, n_seeds=n_seeds, key=key, **options
    ).values


def one_layer_norms(a=W[:, 0], b=W[:, 0], x=1.0, activation="tanh"):
    return ntkbook.width.one_layer_norms(a, b, x, activation)


def kernel_flow(kernel=K, y=Y, times=1.0, **options):
    return ntkbook.kernel_flow(kernel, y, times, **options)


def kernel_regression(kernel=K, y=Y, **options):
    return ntkbook.kernel_regression(kernel, y, **options)


def infinite_nngp(x1=X, x2=None, **options):
    options = dict(depth=2, activation="relu") | options
    return ntkbook.infinite.nngp(x1, x2, **options)


def infinite_ntk(x1=X, x2=None, **options):
    options = dict(depth=2, activation="relu") | options
    return ntkbook.infinite.ntk(x1, x2, **options)


def cntk(images1=IMAGES, images2=None, **options):
    options = dict(depth=2, pooling="average") | options
    return ntkbook.infinite.cntk(images1, images2, **options)


def network_kernel(x=np.asarray(X), y=None, gradient=False, **options):  # noqa: B008
    kernel = ntkbook.infinite.NetworkKernel(**options)
    return kernel(x, y, eval_gradient=gradient), kernel.diag(x)


def eigenfunctions(kernel=K, count=None):
    return ntkbook.alignment.eigenfunctions(kernel, count)


def target_alignment(kernel=K, target=K[0]):
    return ntkbook.alignment.target_alignment(kernel, target)


def energy_concentration(kernel=K, target=K[0], count=2):
    return ntkbook.alignment.energy_concentration(kernel, target, count)


def kernel_cosine(kernel1=K, kernel2=K, centered=True):
    return ntkbook.alignment.kernel_alignment(kernel1, kernel2, centered=centered)


UNIT = np.eye(3)[:2]


def critique_data(number=0, **options):
    return ntkbook.critique.data(number, **dict(points=12) | options)


def critique_kernel(name="NTKB1", x1=UNIT, x2=None, **options):
    return ntkbook.critique.kernel(name, x1, x2, **options)


def critique_theory(x=UNIT, y=np.ones(2), x_test=UNIT, times=1.0, **options):  # noqa: B008
    return ntkbook.critique.theory(x, y, x_test, times, **options)


def critique_network(x=UNIT, y=np.ones(2), x_test=UNIT, **options):  # noqa: B008
    settings = dict(width=2, epochs=1, batch_size=1, key=jax.random.key(0))
    return ntkbook.critique.network(x, y, x_test, **settings | options)


def kappa(apply=NET.apply, params=PARAMS, x=X, y=Y):
    return ntkbook.kappa(apply, params, x, y)


def second_derivative(apply=NET.apply, params=PARAMS, x=X):
    return second_derivative_norm(apply, params, x)


def limit_memory(gib=1.0):
    with ntkbook.limit_memory(gib):
        return ntkbook.memory_budget()


FUNCTIONS = [
    mlp,
    init,
    apply,
    ntk,
    ntk_trace,
    ntk_diagonal,
    ntk_operator,
    ntk_routes,
    ntk_on_disk,
    linearize,
    taylor_expand,
    gradient_descent,
    gradient_flow,
    path_kernel,
    checkpoint_kernel,
    decay_rates,
    training_time,
    sweep,
    one_layer_norms,
    kernel_flow,
    kernel_regression,
    infinite_nngp,
    infinite_ntk,
    cntk,
    network_kernel,
    eigenfunctions,
    target_alignment,
    energy_concentration,
    kernel_cosine,
    critique_data,
    critique_kernel,
    critique_theory,
    critique_network,
    kappa,
    second_derivative,
    limit_memory,
]


def everything_finite(result) -> bool:
    leaves = [leaf for leaf in jax.tree.leaves(result) if not callable(leaf)]
    return all(np.isfinite(np.asarray(leaf)).all() for leaf in leaves)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_good_call_is_good(function):
    assert everything_finite(function())


# --- one case each, with the argument that the message must name

NAN_X = X.at[0, 0].set(jnp.nan)
INF_Y = Y.at[0, 0].set(-jnp.inf)
NOT_FLOAT_ARRAYS = [
    None,
    "abc",
    [[1.0, 2.0]],
    {"a": 1},
    object(),
    np.array([["a", "b"]]),
    np.array([[object(), 1.0]]),
    np.ones((3, 2), int),
    np.ones((3, 2), bool),
    np.ones((3, 2), complex),
]
NOT_INTS = [None, "3", 2.0, True, np.float64(3), [3], 1j, np.array([3, 3])]
NOT_FLOATS = [None, "3", True, [0.1], 1j, np.array([0.1]), object(), 10**400]
NOT_POSITIVE = [0.0, -1.0, -0.0, math.nan, math.inf]
NOT_KEYS = [None, 0, "key", 1.5, X, np.array([1, 2]), jnp.zeros(2, jnp.uint8)]
NOT_FUNCTIONS = [None, 3, "relu", X, NET, Unhashable()]
BAD_DEVIATIONS = [
    *[bad for bad in NOT_FLOATS if not isinstance(bad, (list, np.ndarray))],
    *[-1.0, math.nan, math.inf, [], [1.0, 1.0], [1.0] * 4, [1.0, -1.0, 1.0], [[1.0]],
      [1.0, "2", 1.0], [1.0, None, 1.0], [[1.0], [1.0, 2.0], [1.0]], np.ones((3, 1)),
      {"a": 1.0}, {1.0, 2.0, 3.0}, jnp.array([1.0, math.nan, 1.0]), jnp.ones((3, 3))],
]  # fmt: skip
BAD_X = [*NOT_FLOAT_ARRAYS, NAN_X, X[:0], X[:, :0], X[0], jnp.array(1.0)]

CASES = [
    *[(mlp, {name: bad}, name)
      for name in ("width", "depth", "outputs")
      for bad in (*NOT_INTS, -1, 10**30)],
    (mlp, {"width": 0}, "width"),
    (mlp, {"outputs": 0}, "outputs"),
    *[(mlp, {name: bad}, name)
      for name in ("weight_std", "scale")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
    *[(mlp, {"bias_std": bad}, "bias_std")
      for bad in (*NOT_FLOATS, -1.0, math.nan, math.inf)],
    *[(mlp, {"activation": bad}, "activation")
      for bad in (None, "swish", "", 3, ["relu"], np.tanh, X, jnp.sum, lambda z: z > 0,
                  lambda z: z[0], lambda z: None, lambda: 1, lambda z: z.nothing)],
    *[(mlp, {"parametrization": bad}, "parametrization")
      for bad in (None, "mup", 1, ["ntk"], X)],
    *[(mlp, {"zero_output": bad}, "zero_output")
      for bad in (None, "yes", 2, 1.0, ["twin"], X)],
    *[(init, {"key": bad}, "key")
      for bad in (*NOT_KEYS, jax.random.split(jax.random.key(0), 2))],
    *[(f, {"x": bad}, "x")
      for f in (init, apply, linearize, taylor_expand, gradient_descent, kappa,
                second_derivative)
      for bad in BAD_X],
    (apply, {"x": X[:, :1]}, "x"),
    *[(f, {"x1": bad}, "x1")
      for f in (ntk, ntk_operator, ntk_on_disk)
      for bad in BAD_X],
    *[(f, {"x2": bad}, "x2")
      for f in (ntk, ntk_operator, ntk_on_disk)
      for bad in (*BAD_X[1:], X[:, :1], X.astype(jnp.float32))],
    *[(f, {"x": bad}, "x") for f in (ntk_diagonal, ntk_routes) for bad in BAD_X],
    *[(f, {"trace": bad}, "trace")
      for f in (ntk_trace, ntk_on_disk) for bad in (None, 1, "yes", [True])],
    *[(ntk_on_disk, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(ntk_on_disk, {"path": bad}, "path")
      for bad in (None, 1, X, "", "kernel", "kernel.npz", "no/folder/kernel.npy")],
    *[(f, {"params": bad}, "params")
      for f in (apply, ntk, ntk_diagonal, ntk_operator, ntk_routes, ntk_on_disk,
                linearize, taylor_expand, gradient_descent, kappa, second_derivative)
      for bad in (None, "abc", [], {}, 1.0, object(), [None], W.astype(int),
                  W.astype(complex), W * jnp.nan, np.array([object()]),
                  jax.ShapeDtypeStruct((2, 1), float), SINGLE, lambda: 0,
                  jax.random.key(0), {"a": W, "b": W.astype(jnp.float32)})],
    *[(f, {"params": bad}, "params")
      for f in (apply, kappa, second_derivative)
      for bad in (OTHER, DEEPER, BIASED, PARAMS[:1], PARAMS + PARAMS, W,
                  {"left": PARAMS, "right": PARAMS})],
    *[(f, {"params0": bad}, "params0")
      for f in (linearize, taylor_expand)
      for bad in (None, "abc", [], W * jnp.nan, W.astype(int), SINGLE[0])],
    *[(f, {"params": W[:1]}, "params") for f in (linearize, taylor_expand)],
    *[(f, {"apply": bad}, "apply")
      for f in (ntk, ntk_operator, linearize, taylor_expand, gradient_descent, kappa)
      for bad in NOT_FUNCTIONS],
    *[(f, {"apply": bad, "params": W}, "apply")
      for f in (ntk, ntk_operator, linearize, taylor_expand, gradient_descent, kappa)
      for bad in (lambda w, x: (x @ w)[:, 0],
                  lambda w, x: x @ w[:1],
                  lambda w, x: (x @ w)[:2],
                  lambda w, x: (x @ w).sum(),
                  lambda w, x: (x @ w).astype(int),
                  lambda w, x: (x @ w).astype(complex),
                  lambda w, x: (x @ w, x),
                  lambda w, x: None,
                  lambda w, x: "abc",
                  lambda w: w,
                  lambda w, x: x @ w["weight"],
                  lambda w, x: np.sin(x @ w),
                  lambda w, x: x @ w if x.sum() > 0 else x,
                  lambda w, x: 1 // 0)],
    *[(taylor_expand, {"order": bad}, "order") for bad in (*NOT_INTS, -1)],
    *[(f, {"y": bad}, "y")
      for f in (gradient_descent, kappa)
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:0], Y[:2], Y[:, 0], jnp.ones((3, 2)),
                  Y.astype(jnp.float32))],
    *[(gradient_descent, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE, 1e300)],
    *[(gradient_descent, {"steps": bad}, "steps") for bad in (*NOT_INTS, 0, -3, 2**40)],
    *[(gradient_descent, {"batch_size": bad, "key": jax.random.key(0)}, "batch_size")
      for bad in (*NOT_INTS[1:], 0, -1, 4)],
    *[(gradient_descent, {"batch_size": 2, "key": bad}, "key") for bad in NOT_KEYS],
    *[(gradient_descent, {"loss": bad}, "loss")
      for bad in (None, "hinge", 3, ["squared"], X, lambda f, y: f - y,
                  lambda f, y: None, lambda f, y: 1, lambda f: 0.0,
                  lambda f, y: 1 // 0)],
    (gradient_descent, {"loss": "logistic", "y": 0.0 * Y}, "y"),
    *[(gradient_descent, {"record": bad}, "record")
      for bad in (None, "3", 0, -1, 1.5, True, [0.5], [3], [-1], [[1], [2]],
                  [[1], [1, 2]], ["a"], [None], np.array([True]))],
    *[(gradient_descent, {"observe": bad}, "observe")
      for bad in (3, "loss", X, lambda: 0, lambda p: "a", lambda p: p["a"],
                  lambda p: p / 0 * 0)],
    *[(gradient_descent, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(gradient_flow, {"times": bad}, "times")
      for bad in (None, "long", [["a"]], [], [1.0, 0.5], [0.0, 0.0], [[1.0]], -1.0,
                  math.nan, math.inf, 1j)],
    *[(gradient_flow, {"tolerance": bad}, "tolerance")
      for bad in ("tight", *NOT_POSITIVE)],
    *[(gradient_flow, {"max_steps": bad}, "max_steps") for bad in (*NOT_INTS, 0)],
    *[(gradient_flow, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(gradient_flow, {"loss": bad}, "loss") for bad in (None, "hinge", 3, linear)],
    *[(gradient_flow, {"observe": bad}, "observe")
      for bad in (3, lambda: 1, lambda w: jnp.arange(3))],
    (gradient_flow, {"x": NAN_X}, "x"),
    (gradient_flow, {"y": INF_Y}, "y"),
    (gradient_flow, {"y": Y[:, 0]}, "y"),
    *[(path_kernel, {"x": bad}, "x") for bad in BAD_X],
    *[(path_kernel, {"x_test": bad}, "x_test")
      for bad in (*BAD_X, X[:, :1], X.astype(jnp.float32))],
    *[(path_kernel, {"params": bad}, "params")
      for bad in (None, [], {}, W.astype(int), W * jnp.nan, lambda: 0)],
    *[(path_kernel, {"apply": bad}, "apply")
      for bad in (*NOT_FUNCTIONS, lambda w, x: (x @ w)[:, 0], lambda w, x, key: x @ w,
                  lambda w, x: x @ w - (x @ w).mean(0)[None],
                  lambda w, x: x @ w * jnp.arange(len(x), dtype=float)[:, None],
                  lambda w, x: x @ w * float(np.random.default_rng().random()))],
    *[(path_kernel, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:, 0], Y[:2])],
    *[(path_kernel, {"steps": bad}, "steps") for bad in (*NOT_INTS, 0, -1)],
    *[(path_kernel, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE, 1e200)],
    *[(path_kernel, {"batch_size": bad, "key": jax.random.key(0)}, "batch_size")
      for bad in (*NOT_INTS[1:], 0, 4)],
    *[(path_kernel, {"batch_size": 2, "key": bad}, "key") for bad in NOT_KEYS],
    *[(path_kernel, {"loss": bad}, "loss") for bad in (None, "hinge", 3, linear)],
    *[(path_kernel, {"momentum": bad}, "momentum")
      for bad in (*NOT_FLOATS, -0.1, 1.0, math.nan)],
    *[(path_kernel, {"weight_decay": bad}, "weight_decay")
      for bad in (*NOT_FLOATS, -0.1, math.nan)],
    *[(path_kernel, {"integral": bad}, "integral") for bad in (None, "middle", 1)],
    *[(path_kernel, {"nodes": bad}, "nodes") for bad in (*NOT_INTS, 0)],
    *[(path_kernel, {"kinks": bad}, "kinks") for bad in (*NOT_INTS[1:], -1, 2)],
    *[(path_kernel, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(path_kernel, {"apply": NET.apply, "params": bad}, "params")
      for bad in (OTHER, DEEPER, BIASED)],
    *[(checkpoint_kernel, {"checkpoints": bad}, "checkpoints")
      for bad in (None, W, [W], [W, W[:1]], [W, SINGLE], [W, W * jnp.nan], "ab")],
    *[(checkpoint_kernel, {"times": bad}, "times")
      for bad in (*NOT_FLOAT_ARRAYS, np.array([1.0, 0.5]), np.zeros(3), np.array(1.0))],
    *[(checkpoint_kernel, {"x_test": bad}, "x_test") for bad in BAD_X],
    *[(decay_rates, {"kernel": bad}, "kernel")
      for bad in (*NOT_FLOAT_ARRAYS, NAN_X, X, -K, K[0])],
    *[(training_time, {name: bad}, name)
      for name in ("steps", "points", "outputs", "batch_size")
      for bad in (*NOT_INTS[1:], 0)],
    *[(training_time, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
    *[(training_time, {"momentum": bad}, "momentum")
      for bad in (*NOT_FLOATS, -0.1, 1.0, math.nan)],
    *[(training_time, {"half": bad}, "half") for bad in (None, 1, 0.5)],
    *[(training_time, {"reduction": bad}, "reduction") for bad in (None, "average")],
    (training_time, {"batch_size": 5}, "batch_size"),
    *[(sweep, {"measure": bad}, "measure")
      for bad in (*NOT_FUNCTIONS, lambda width: {}, lambda width, key: 1.0,
                  lambda width, key: {}, lambda width, key: {"v": key},
                  lambda width, key: {"v": 1j * X[0, 0]})],
    *[(sweep, {"widths": bad}, "widths")
      for bad in (None, 8, "8", {}, [], [2, 2], [0], [-1], [2.5], [True], [None])],
    *[(sweep, {"n_seeds": bad}, "n_seeds") for bad in (*NOT_INTS, 0, 1, 10**30)],
    *[(sweep, {"key": bad}, "key")
      for bad in (*NOT_KEYS, jax.random.split(jax.random.key(0), 2))],
    *[(sweep, {"batch_size": bad}, "batch_size") for bad in (*NOT_INTS[1:], 0, -1)],
    *[(sweep, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(one_layer_norms, {name: bad}, name)
      for name in ("a", "b")
      for bad in (*NOT_FLOAT_ARRAYS, W, W[:1, 0], W[:, 0].astype(jnp.float32),
                  W[:, 0] * jnp.nan)],
    *[(one_layer_norms, {"x": bad}, "x")
      for bad in (*NOT_FLOATS, math.nan, math.inf, X)],
    *[(one_layer_norms, {"activation": bad}, "activation")
      for bad in (None, "swish", "", 3, ["relu"], X)],
    *[(function, {"kernel": bad}, "kernel")
      for function in (eigenfunctions, target_alignment, energy_concentration)
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:2], K[0])],
    *[(function, {"target": bad}, "target")
      for function in (target_alignment, energy_concentration)
      for bad in (*NOT_FLOAT_ARRAYS, K[0] * np.nan, K[0, :2], 0 * K[0], K[:2])],
    *[(function, {"count": bad}, "count")
      for function in (eigenfunctions, energy_concentration)
      for bad in (*NOT_INTS[1:], 0, 4)],
    *[(kernel_cosine, {"kernel2": bad}, "kernel2")
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:2], K[0], 0 * K)],
    (kernel_cosine, {"centered": 1}, "centered"),
    *[(kernel_flow, {"kernel": bad}, "kernel")
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:0], K[:2], K[0], K[None], -K,
                  K + np.triu(K, 1), K[:2, :2][None])],
    *[(kernel_flow, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:0], Y[:2], Y[None], np.ones((2, 3)),
                  np.array(1.0))],
    *[(kernel_flow, {"times": bad}, "times")
      for bad in (None, "1", "abc", [], [None], -1.0, [1.0, -1e-9], math.nan, 1j,
                  object(), True, [[1.0], [1.0, 2.0]])],
    *[(kernel_flow, {"k_test": bad}, "k_test")
      for bad in (*NOT_FLOAT_ARRAYS[1:], K[:, :2], K[0], K * np.inf, K[:0])],
    *[(kernel_flow, {"f0_train": bad}, "f0_train")
      for bad in (*NOT_FLOAT_ARRAYS[1:], INF_Y, Y[:2], Y[:, 0], 0.0)],
    *[(kernel_flow, {"k_test": K[:2], "f0_test": bad}, "f0_test")
      for bad in (*NOT_FLOAT_ARRAYS[1:], INF_Y[:2], Y, Y[:2, 0])],
    (kernel_flow, {"f0_test": Y}, "k_test"),
    *[(kernel_flow, {"ridge": bad}, "ridge")
      for bad in (*NOT_FLOATS, -1e-9, math.nan, math.inf)],
    (kernel_flow, {"kernel": np.ones((3, 3)), "times": math.inf}, "kernel"),
    (kernel_flow, {"kernel": np.zeros((3, 3)), "times": math.inf}, "kernel"),
    *[(kernel_regression, {"kernel": bad}, "kernel")
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:0], K[:2], K[0], K[None], -K,
                  K + np.triu(K, 1), np.ones((3, 3)), np.zeros((3, 3)))],
    *[(kernel_regression, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:0], Y[:2], Y[None], np.ones((2, 3)),
                  np.array(1.0))],
    *[(kernel_regression, {"k_test": bad}, "k_test")
      for bad in (*NOT_FLOAT_ARRAYS[1:], K[:, :2], K[0], K * np.inf, K[:0])],
    *[(kernel_regression, {"ridge": bad}, "ridge")
      for bad in (*NOT_FLOATS, -1e-9, math.nan, math.inf)],
    *[(f, {"x1": bad}, "x1")
      for f in (infinite_nngp, infinite_ntk)
      for bad in (*BAD_X, X * 0, X.at[1].set(0), X.astype(jnp.float32), IMAGES)],
    *[(f, {"x2": bad}, "x2")
      for f in (infinite_nngp, infinite_ntk)
      for bad in (*BAD_X[1:], X[:, :1], X * 0, X.astype(jnp.float32), IMAGES)],
    *[(f, {"depth": bad}, "depth")
      for f in (infinite_nngp, infinite_ntk, cntk)
      for bad in (*NOT_INTS, 0, -1, 10**30)],
    *[(f, {"activation": bad}, "activation")
      for f in (infinite_nngp, infinite_ntk, cntk, network_kernel)
      for bad in (None, "swish", "", 3, ["relu"], np.tanh, X, jnp.sum, lambda z: z > 0,
                  lambda z: None, lambda: 1, jax.nn.leaky_relu)],
    *[(f, {name: bad}, name)
      for f in (infinite_nngp, infinite_ntk)
      for name in ("weight_std", "bias_std")
      for bad in BAD_DEVIATIONS],
    *[(f, {"weight_std": bad}, "weight_std")
      for f in (infinite_nngp, infinite_ntk, cntk)
      for bad in (0.0, [1.0, 0.0, 1.0])],
    *[(f, {"first_layer": bad}, "first_layer")
      for f in (infinite_nngp, infinite_ntk)
      for bad in (None, "mup", 1, ["scaled"], X)],
    *[(infinite_ntk, {"frozen": bad}, "frozen") for bad in (*NOT_INTS, -1, 3, 10**30)],
    *[(cntk, {"images1": bad}, "images1")
      for bad in (*NOT_FLOAT_ARRAYS, X, X[0], IMAGES[0], IMAGES[..., 0],
                  IMAGES * jnp.nan, IMAGES[:0], IMAGES[..., :0], IMAGES * 0,
                  IMAGES.at[1].set(0), IMAGES.astype(jnp.float32), IMAGES[None])],
    *[(cntk, {"images2": bad}, "images2")
      for bad in (*NOT_FLOAT_ARRAYS[1:], X, IMAGES[:, :2], IMAGES[:, :, :1],
                  IMAGES[..., :1], IMAGES[..., 0], IMAGES * jnp.inf, IMAGES * 0,
                  IMAGES.astype(jnp.float32))],
    *[(cntk, {"pooling": bad}, "pooling") for bad in (None, "max", 1, ["average"], X)],
    *[(cntk, {"filter_size": bad}, "filter_size") for bad in (*NOT_INTS, 0, -1, 2, 4)],
    *[(cntk, {name: bad}, name)
      for name in ("weight_std", "bias_std")
      for bad in BAD_DEVIATIONS],
    *[(cntk, {name: bad}, name)
      for name in ("frozen_ends", "progress")
      for bad in (None, 1, "yes")],
    *[(network_kernel, {"kind": bad}, "kind") for bad in (None, "cntk", 1, ["ntk"])],
    *[(network_kernel, {"depth": bad}, "depth") for bad in (*NOT_INTS, 0)],
    *[(network_kernel, {name: bad, "gradient": gradient}, name)
      for gradient in (False, True)
      for name in ("weight_std", "bias_std")
      for bad in (*NOT_FLOATS, -1.0, math.nan, math.inf, [1.0, 1.0])],
    (network_kernel, {"weight_std": 0.0}, "weight_std"),
    (network_kernel, {"bias_std": 0.0, "gradient": True}, "bias_std"),
    *[(network_kernel, {"x": bad}, "X")
      for bad in (*NOT_FLOAT_ARRAYS, NAN_X, X[:0], X[0], IMAGES,
                  X.astype(jnp.float32))],
    *[(network_kernel, {"y": bad}, "Y") for bad in (X[:, :1], NAN_X, "abc")],
    *[(critique_data, {"number": bad}, "number") for bad in (*NOT_INTS, -1)],
    *[(critique_data, {"points": bad}, "points") for bad in (*NOT_INTS, 0, 9)],
    *[(critique_data, {"dimension": bad}, "dimension") for bad in (*NOT_INTS, 1)],
    *[(critique_data, {"seed": bad}, "seed") for bad in (*NOT_INTS, -1)],
    *[(f, {"published": bad}, "published")
      for f in (critique_data, critique_kernel)
      for bad in (None, 1, "yes")],
    *[(critique_kernel, {"name": bad}, "name")
      for bad in (None, "NTK", "ntkb1", "NTKB3", 1, ["GP1"], X)],
    *[(critique_kernel, {"x1": bad, "published": published}, "x1")
      for published in (False, True)
      for bad in (*NOT_FLOAT_ARRAYS, UNIT * np.nan, UNIT[:0], UNIT[0],
                  UNIT.astype(np.float32), UNIT[None])],
    *[(critique_kernel, {"x2": bad}, "x2")
      for bad in (*NOT_FLOAT_ARRAYS[1:], UNIT[:, :1], UNIT + np.inf,
                  UNIT.astype(np.float32))],
    (critique_kernel, {"x1": 2 * UNIT, "published": True}, "x1"),
    (critique_kernel, {"x2": 2 * UNIT, "published": True}, "x2"),
    *[(critique_theory, {name: bad}, name)
      for name in ("x", "x_test")
      for bad in (*NOT_FLOAT_ARRAYS, UNIT[:, :1], UNIT * np.nan, UNIT[:0], UNIT[0],
                  UNIT.astype(np.float32))],
    *[(critique_theory, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, np.ones(3), np.ones((2, 1)), np.nan * np.ones(2))],
    *[(critique_theory, {"times": bad}, "times")
      for bad in (None, "1", [], -1.0, math.nan, [[1.0], [1.0, 2.0]])],
    *[(critique_theory, {"depth": bad}, "depth") for bad in (*NOT_INTS, 0)],
    *[(critique_theory, {"start": bad}, "start")
      for bad in (None, "gp", 0.0, [np.ones(2)], UNIT[0])],
    *[(critique_theory, {"kernel": bad}, "kernel")
      for bad in (3, "NTKJ1", UNIT, lambda x: x)],
    *[(critique_network, {name: bad}, name)
      for name in ("x", "x_test")
      for bad in (*NOT_FLOAT_ARRAYS, UNIT * np.nan, UNIT[:0], UNIT[0])],
    *[(critique_network, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, np.ones(3), np.ones((2, 1)), np.inf * np.ones(2))],
    *[(critique_network, {name: bad}, name)
      for name in ("depth", "width")
      for bad in (*NOT_INTS, 0)],
    *[(critique_network, {"epochs": bad}, "epochs") for bad in (*NOT_INTS[1:], 0)],
    *[(critique_network, {"batch_size": bad}, "batch_size")
      for bad in (*NOT_INTS[1:], 0, 3)],
    *[(critique_network, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
    *[(critique_network, {"key": bad}, "key") for bad in NOT_KEYS],
    *[(critique_network, {"record": bad}, "record")
      for bad in ([2], [-1], 0, [0.5], ["a"], [None], [[0], [1]])],
    *[(critique_network, {"params": bad}, "params")
      for bad in (3, [], OTHER, BIASED)],
    *[(critique_network, {"after_step": bad}, "after_step")
      for bad in (3, "round", lambda params: None)],
    (critique_network, {"step_size": 1e-50}, "step_size"),
    *[(critique_network, {"apply": bad}, "apply")
      for bad in (3, "relu", lambda x: x, lambda params, x: x[:, 0],
                  lambda params, x: x)],
    *[(critique_network, {"dtype": bad}, "dtype") for bad in (int, "float", jnp.int32)],
    *[(critique_network, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    (kappa, {"apply": linear, "params": W * 0, "x": X * 0}, "params"),
    *[(limit_memory, {"gib": bad}, "gib") for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
]  # fmt: skip


def test_every_case_is_refused_by_name():
    """One test for all: a list of what went wrong says more than its first entry."""
    wrong = []
    for function, change, name in CASES:
        case = f"{function.__name__}({change})"
        try:
            result = function(**change)
        except (TypeError, ValueError) as error:
            said = str(error)
            if f"`{name}" not in said and f"{name}`" not in said:
                wrong.append(f"{case}: does not name `{name}`: {said}")
        except Exception as error:
            wrong.append(f"{case}: {type(error).__name__}: {error}")
        else:
            wrong.append(f"{case}: accepted, {result}")
    assert not wrong, "\n\n".join(wrong)


# --- traps that need more than one call


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_overflow_is_not_silent():
    huge = ntkbook.mlp(2, 1, scale=1e300)
    with pytest.raises(ValueError, match="`scale`=1e"):
        huge.apply(SINGLE, X.astype(jnp.float32))
    with pytest.raises(ValueError, match="tangent kernel is not finite"):
        ntkbook.ntk(huge.apply, SINGLE, X.astype(jnp.float32))
    with pytest.raises(ValueError, match="overflow"):
        kernel_flow(K * 1e-300, 1e20 * Y, 1e300, k_test=K * 1e300)
    with pytest.raises(ValueError, match="overflow"):
        kernel_flow(np.ones((3, 3)), 1e200 * Y, 1e308, k_test=K)


def test_derivatives_that_are_not_finite():
    def root(w, x):
        return jnp.sqrt(w) * x[:, :1]

    zero = jnp.zeros(())
    for refused in (
        lambda: ntkbook.ntk(root, zero, X),
        lambda: ntkbook.linearize(root, zero)(zero + 1, X),
        lambda: ntkbook.kappa(root, zero, X, Y),
        lambda: ntkbook.gradient_descent(root, zero, X, Y, step_size=0.1, steps=2),
    ):
        with pytest.raises(ValueError, match="not finite"):
            refused()


def test_mixed_precision_is_refused_everywhere():
    single = X.astype(jnp.float32)
    for mixed in (
        lambda: apply(x=single),
        lambda: ntk(x1=single),
        lambda: linearize(x=single),
        lambda: linearize(params=W.astype(jnp.float32)),
        lambda: gradient_descent(x=single),
        lambda: gradient_flow(x=single),
        lambda: kappa(x=single),
    ):
        with pytest.raises(TypeError, match="float32 but|float64 but"):
            mixed()


def test_what_needs_values_says_so_under_jit():
    with pytest.raises(TypeError, match="traced"):
        jax.jit(lambda k: ntkbook.kernel_flow(k, Y, 1.0).train)(K)
    with pytest.raises(TypeError, match="traced"):
        jax.jit(lambda x: ntkbook.kappa(NET.apply, PARAMS, x, Y).value)(X)
    with pytest.raises(TypeError, match="`step_size`"):
        jax.jit(lambda s: gradient_descent(step_size=s).loss)(0.1)


def test_messages_stay_short():
    """A wrong argument may be large; the message must not print all of it."""
    for refused in (
        lambda: ntkbook.mlp([1.0] * 10**5, 1),
        lambda: ntkbook.mlp(2, 1, ["relu"] * 10**5),
        lambda: kernel_flow(times=["a"] * 10**5),
        lambda: kernel_flow(kernel=[[1.0] * 1000] * 1000),
        lambda: gradient_descent(step_size=[0.1] * 10**5),
    ):
        with pytest.raises(TypeError) as caught:
            refused()
        assert len(str(caught.value)) < 400


def test_double_precision_takes_a_boolean():
    for bad in (None, 1, "yes", X):
        with pytest.raises(TypeError, match="`on`"):
            ntkbook.double_precision(bad)
    assert jnp.ones(1).dtype == jnp.float64


# --- anything at all: a finite result, or an error of the two kinds

SOME_ARRAYS = [
    *[X, Y, W, UNIT, NAN_X, INF_Y, IMAGES, IMAGES * 1e200, IMAGES[:1, :2]],
    *[X * 1e200, X * 0, X.astype(jnp.float32), X[:0], X[:2], X[0], Y[:, 0], K, -K],
    *[
        np.asarray(X),
        np.ones((3, 2), int),
        np.ones((3, 3)),
        np.zeros((3, 3)),
        K * 1e200,
    ],
]
ANYTHING = [
    *SOME_ARRAYS,
    *[None, "relu", "twin", "squared", "logistic", True, False, 0, 1, 2, 3, -1, 1.5],
    *[0.0, -1.0, 1e-300, 1e300, math.inf, math.nan, 10**400, 1j, [], [1.0], [1, 2], {}],
    *[PARAMS, OTHER, DEEPER, SINGLE, [W], jax.random.key(0), jax.random.split],
    *[linear, LINE, NET.apply, jnp.tanh, np.tanh, print],
]
ARGUMENTS = {
    mlp: "width depth activation parametrization weight_std bias_std outputs "
    "zero_output scale",
    init: "key x",
    apply: "params x",
    ntk: "apply params x1 x2",
    ntk_diagonal: "apply params x",
    ntk_operator: "apply params x1 x2",
    ntk_on_disk: "path apply params x1 x2 trace progress",
    linearize: "apply params0 params x",
    taylor_expand: "apply params0 order params x",
    gradient_descent: "apply params x y step_size steps batch_size key loss record "
    "observe progress",
    decay_rates: "kernel",
    training_time: "step_size steps points outputs batch_size reduction half momentum",
    one_layer_norms: "a b x activation",
    kernel_flow: "kernel y times k_test f0_train f0_test ridge",
    kernel_regression: "kernel y k_test ridge",
    infinite_nngp: "x1 x2 depth activation weight_std bias_std first_layer",
    infinite_ntk: "x1 x2 depth activation weight_std bias_std first_layer frozen",
    cntk: "images1 images2 depth pooling filter_size activation weight_std bias_std "
    "frozen_ends progress",
    eigenfunctions: "kernel count",
    target_alignment: "kernel target",
    energy_concentration: "kernel target count",
    kernel_cosine: "kernel1 kernel2 centered",
    network_kernel: "x y gradient kind depth activation weight_std bias_std",
    critique_data: "number published points dimension seed",
    critique_kernel: "name x1 x2 published",
    critique_theory: "x y x_test times depth start kernel",
    kappa: "apply params x y",
    limit_memory: "gib",
}
BY_KIND = {
    "float": [0.0, 0.1, 1.0, 1e-300, 1e300, -1.0, math.nan, math.inf],
    "array": SOME_ARRAYS,
}
CLOSER = {
    # Values of the right kind get past the first checks, to where the harder ones are.
    **dict.fromkeys(
        "weight_std bias_std scale step_size ridge t gib times tolerance "
        "momentum weight_decay".split(),
        "float",
    ),
    **dict.fromkeys(
        "x x1 x2 x_test y images1 images2 params params0 kernel k_test "
        "f0_train f0_test kernel kernel1 kernel2 target".split(),
        "array",
    ),
}


# Compiles for seconds, so it gets fewer cases.
FLOW = {
    gradient_flow: "apply params x y times loss observe tolerance max_steps progress",
    path_kernel: "apply params x y x_test step_size steps batch_size key loss "
    "momentum weight_decay integral nodes kinks progress",
    checkpoint_kernel: "apply checkpoints times x y x_test loss",
    critique_network: "x y x_test key depth width epochs batch_size step_size "
    "record params after_step apply dtype progress",
}


@st.composite
def calls(draw, arguments):
    function = draw(st.sampled_from(list(arguments)))
    names = arguments[function].split()
    change = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
        pools = [ANYTHING, BY_KIND[CLOSER[name]]] if name in CLOSER else [ANYTHING]
        change[name] = draw(st.sampled_from(draw(st.sampled_from(pools))))
    return function, change


SIZES = st.sampled_from([0.0, 1e-300, 1e-150, 1e-5, 1.0, 1e5, 1e150, 1e300])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@examples(150, weekly=5000)
@hypothesis.given(
    of_weights=SIZES,
    of_x=SIZES,
    of_y=SIZES,
    number=SIZES,
    features=st.integers(0, 3),
    infinite=st.booleans(),
    function=st.sampled_from(
        "flow net ntk line kappa descent regression infinite cntk scikit".split()
    ),
)
def test_any_size_of_number_gives_a_finite_result_or_an_error(
    of_weights, of_x, of_y, number, features, infinite, function
):
    params = jax.tree.map(lambda w: of_weights * w, PARAMS)
    x, y = of_x * X, of_y * Y

    def flow():
        points = of_x * np.vander([0.3, 1.0, -2.0])[:, :features] @ np.eye(features, 3)
        k = points @ points.T
        t = math.inf if infinite else number
        return kernel_flow(k, np.asarray(y), t, k_test=of_y * k, ridge=of_weights)

    def regression():
        points = of_x * np.vander([0.3, 1.0, -2.0])[:, :features] @ np.eye(features, 3)
        k = points @ points.T
        return kernel_regression(k, np.asarray(y), k_test=of_y * k, ridge=of_weights)

    deviations = dict(weight_std=of_weights, bias_std=number)
    calls = {
        "flow": flow,
        "regression": regression,
        "infinite": lambda: infinite_ntk(x, X, depth=1 + features, **deviations),
        "cntk": lambda: cntk(of_x * IMAGES, pooling="flatten", **deviations),
        "scikit": lambda: network_kernel(x, gradient=infinite, **deviations),
        "net": lambda: NET.apply(params, x),
        "ntk": lambda: ntkbook.ntk(NET.apply, params, x),
        "line": lambda: ntkbook.linearize(NET.apply, params)(PARAMS, x),
        "kappa": lambda: ntkbook.kappa(NET.apply, params, x, y),
        "descent": lambda: ntkbook.gradient_descent(
            NET.apply, params, x, y, step_size=number, steps=3
        ),
    }
    try:
        result = calls[function]()
    except ValueError as error:
        assert type(error) is ValueError
        assert "`" in str(error), error
        return
    assert everything_finite(result), result


@examples(300, weekly=20000)
@hypothesis.given(call=calls(ARGUMENTS))
def test_anything_gives_a_finite_result_or_an_error_that_teaches(call):
    finite_or_taught(*call)


@examples(60, weekly=2000)
@hypothesis.given(call=calls(FLOW))
def test_anything_in_a_flow_gives_a_finite_result_or_an_error_that_teaches(call):
    finite_or_taught(*call)


def finite_or_taught(function, change):
    # `print` as a loss or an activation is a reader's mistake; its output is not ours.
    with contextlib.redirect_stdout(None):
        try:
            result = function(**change)
        except (TypeError, ValueError) as error:
            assert type(error) in (TypeError, ValueError), error
            assert "`" in str(error) or "not finite" in str(error), error
            return
    assert everything_finite(result)
