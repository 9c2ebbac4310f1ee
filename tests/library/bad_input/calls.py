"""Every public function with small arguments that fit, and what fits none."""

import math
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.taylor import second_derivative_norm

X = jnp.array([[0.5, -1.0], [1.5, 0.3], [-0.7, 2.0]])
Y = jnp.array([[1.0], [-1.0], [1.0]])
NET = ntkbook.mlp(2, 1, "tanh")
PARAMS, OTHER, DEEPER, BIASED = (
    jax.jit(net.init)(jax.random.key(0), X)
    for net in (
        NET,
        ntkbook.mlp(3, 1),
        ntkbook.mlp(2, 2),
        ntkbook.mlp(2, 1, bias_std=1.0),
    )
)
SINGLE = jax.tree.map(lambda a: jnp.asarray(np.asarray(a, np.float32)), PARAMS)
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


def ntk(apply=linear, params=W, x1=X, x2=None, **options):
    return ntkbook.ntk(apply, params, x1, x2, **options)


def ntk_trace(trace=True):
    return ntkbook.ntk(linear, W, X, trace=trace)


def ntk_diagonal(apply=linear, params=W, x=X):
    return ntkbook.ntk_diagonal(apply, params, x)


def ntk_operator(apply=linear, params=W, x1=X, x2=None):
    kernel = ntkbook.ntk_operator(apply, params, x1, x2)
    return kernel @ np.ones(kernel.shape[1])  # what it multiplies, SciPy checks


def ntk_routes(apply=linear, params=W, x=X):
    ntkbook.ntk_routes(apply, params, x)


def ntk_cost(apply=linear, params=W, x=X, points=None, **options):
    return float(ntkbook.ntk_cost(apply, params, x, points, **options).operations)


def ntk_contributions(apply=linear, params=W, x1=X, x2=None):
    return ntkbook.ntk_contributions(apply, params, x1, x2)


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


def kappa(apply=NET.apply, params=PARAMS, x=X, y=Y, **options):
    return ntkbook.kappa(apply, params, x, y, **options)


def second_derivative(apply=NET.apply, params=PARAMS, x=X, **options):
    return second_derivative_norm(apply, params, x, **options)


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
    ntk_cost,
    ntk_contributions,
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
