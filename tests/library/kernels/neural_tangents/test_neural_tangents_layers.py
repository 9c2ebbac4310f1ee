"""The adapter of neural-tangents: predictions and layers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import ntkbook
from ntkbook.neural_tangents import predict, stax
from tests.helpers.kernels.neural_tangents import KEY, dense_network, doubled
from tests.helpers.networks import agree

pytestmark = pytest.mark.usefixtures("relaxed")

RNG = np.random.default_rng(0)
X, X_TEST = map(jnp.asarray, (RNG.standard_normal((4, 3)), RNG.standard_normal((2, 3))))
Y = jnp.asarray(RNG.standard_normal((4, 1)))
IMAGES = jnp.asarray(RNG.standard_normal((2, 4, 4, 2)))


def closed_form(network, x1, x2, get=None):
    """Return what a network's kernel function does, compiled as one."""
    return jax.jit(partial(network[2], get=get))(x1, x2)


KERNEL = dense_network()[2]
CLOSED = closed_form(dense_network(), jnp.asarray(np.concatenate([X, X_TEST])), None)
(K, K_TEST), (NNGP, NNGP_TEST) = (
    (jnp.asarray(np.asarray(k)[:4, :4]), jnp.asarray(np.asarray(k)[4:, :4]))
    for k in (CLOSED.ntk, CLOSED.nngp)
)


# --- predictions
TIMES = [0.5, 4.0]


def test_gradient_descent_mse_is_our_flow_at_another_time():
    """Their loss is a mean, so their time runs slower by the number of targets."""
    theirs = predict.gradient_descent_mse(K, Y)
    start = 0.3 * jnp.ones_like(Y), 0.2 * jnp.ones((2, 1))
    flow = ntkbook.kernel_flow(
        K, Y, TIMES, k_test=K_TEST, f0_train=start[0], f0_test=start[1]
    )
    for i, t in enumerate(TIMES):
        train, test = theirs(Y.size * t, *start, K_TEST)
        agree(flow.train[i], train, 1e-6)
        agree(flow.test[i], test, 1e-6)
    faster = predict.gradient_descent_mse(K, Y, learning_rate=2.0)
    agree(faster(2.0, 0.0, 0.0, K_TEST)[1], theirs(4.0, 0.0, 0.0, K_TEST)[1], 1e-12)
    limit = ntkbook.kernel_regression(K, Y, k_test=K_TEST).test
    agree(theirs(None, 0.0, 0.0, K_TEST)[1], limit, 1e-6)


def test_diag_reg_is_a_ridge_relative_to_the_mean_diagonal():
    ridge = 0.1 * float(jnp.trace(K)) / 4
    ours = ntkbook.kernel_flow(K, Y, 2.0, k_test=K_TEST, ridge=ridge)
    relative = predict.gradient_descent_mse(K, Y, diag_reg=0.1)
    absolute = predict.gradient_descent_mse(
        K, Y, diag_reg=ridge, diag_reg_absolute_scale=True
    )
    for theirs in (relative, absolute):
        train, test = theirs(Y.size * 2.0, 0.0, 0.0, K_TEST)
        agree(ours.test, test, 1e-6)
        # At the training points theirs leaves the ridge out of the prediction.
        assert jnp.abs(ours.train - train).max() > 0.01
    agree(relative(None, 0.0, 0.0, K_TEST)[0], Y, 1e-12)


@pytest.mark.weekly
def test_gradient_descent_of_any_loss_takes_our_time():
    """A loss that is half the sum of squares: no factor between the two times."""
    loss = lambda f, y: jnp.sum((f - y) ** 2) / 2  # noqa: E731
    theirs = predict.gradient_descent(loss, K, Y)
    ours = ntkbook.kernel_flow(K, Y, TIMES, k_test=K_TEST)
    train, test = theirs(jnp.array(TIMES), jnp.zeros_like(Y), jnp.zeros((2, 1)), K_TEST)
    agree(ours.train, train, 1e-5)
    agree(ours.test, test, 1e-5)


@pytest.mark.weekly
def test_the_ensemble():
    ensemble = predict.gradient_descent_mse_ensemble(KERNEL, X, Y)
    limit = ensemble(x_test=X_TEST)
    agree(ntkbook.kernel_flow(K, Y, np.inf, k_test=K_TEST).test, limit.ntk, 1e-4)
    agree(ntkbook.kernel_regression(NNGP, Y, k_test=NNGP_TEST).test, limit.nngp, 1e-4)
    spread = ensemble(x_test=X_TEST, get="nngp", compute_cov=True).covariance
    posterior = CLOSED.nngp[4:, 4:] - NNGP_TEST @ jnp.linalg.solve(NNGP, NNGP_TEST.T)
    agree(spread, posterior, 1e-4)


@pytest.mark.parametrize("t", [0.5, 30.0, np.inf])
def test_the_ensembles_covariance(t):
    """That of trained networks; our time is a step's size, theirs a mean's."""
    ensemble = predict.gradient_descent_mse_ensemble(KERNEL, X, Y)
    theirs = ensemble(t=t * Y.size, x_test=X_TEST, get="ntk", compute_cov=True)
    ours = ntkbook.ensemble_flow(CLOSED.ntk, CLOSED.nngp, Y, t)
    agree(ours.mean, theirs.mean, 1e-10)
    agree(ours.covariance, theirs.covariance, 1e-10)


def test_gp_inference_is_our_regression():
    ridge = 0.1 * float(jnp.trace(K)) / 4
    theirs = predict.gp_inference(K, Y, diag_reg=0.1)
    mean = theirs(get="ntk", k_test_train=K_TEST)
    agree(ntkbook.kernel_regression(K, Y, k_test=K_TEST, ridge=ridge).test, mean, 1e-8)


def test_max_learning_rate():
    largest = float(scipy.linalg.eigvalsh(K)[-1])
    agree(predict.max_learning_rate(K), 4 * 2 / largest, 1e-8)
    agree(predict.max_learning_rate(K, y_train_size=12), 12 * 2 / largest, 1e-8)
    agree(predict.max_learning_rate(K, momentum=0.5), 4 * 3 / largest, 1e-8)
    # 2 / largest bounds our steps: half the sum of squares falls below it only.
    size = predict.max_learning_rate(K) / 4
    residual = lambda eta: jnp.linalg.matrix_power(jnp.eye(4) - eta * K, 999)  # noqa: E731
    assert jnp.abs(residual(0.99 * size)).max() < 1.0
    assert jnp.abs(residual(1.01 * size)).max() > 1e3


@pytest.mark.weekly
def test_predictions_inside_of_jit_and_vmap():
    """A kernel from outside is factored once; a traced one within the program."""
    outside = predict.gradient_descent_mse(K, Y)
    expected = outside(3.0, 0.0, 0.0, K_TEST)[1]
    again = predict.gradient_descent_mse(K, Y)
    for _ in range(2):  # what the first call kept must be no tracer
        agree(jax.jit(lambda t: again(t, 0.0, 0.0, K_TEST)[1])(3.0), expected, 1e-12)
    agree(again(3.0, 0.0, 0.0, K_TEST)[1], expected, 1e-12)

    def inside(k, t):
        return predict.gradient_descent_mse(k, Y)(t, 0.0, 0.0, K_TEST)[1]

    agree(jax.jit(inside)(K, 3.0), expected, 1e-12)
    agree(jax.vmap(inside, (0, None))(jnp.stack([K, K]), 3.0)[1], expected, 1e-12)


# --- layers
@pytest.mark.weekly
def test_dense_kernels_in_closed_form():
    """The stax kernel of one hidden ReLU layer, against the arc-cosine formulas."""
    kernel = closed_form(dense_network(), X, X_TEST)
    size = lambda x: 1.5**2 * jnp.sum(x * x, -1) / 3 + 0.04  # noqa: E731
    covariance = 1.5**2 * X @ X_TEST.T / 3 + 0.04
    sizes = jnp.sqrt(size(X)[:, None] * size(X_TEST)[None])
    angle = jnp.arccos(covariance / sizes)
    relu = sizes * (jnp.sin(angle) + (jnp.pi - angle) * jnp.cos(angle)) / (2 * jnp.pi)
    nngp = 1.5**2 * relu + 0.04
    agree(kernel.nngp, nngp, 1e-6)
    step = (jnp.pi - angle) / (2 * jnp.pi)
    agree(kernel.ntk, nngp + 1.5**2 * covariance * step, 1e-6)


GAMMA = 0.7
ACTIVATIONS = {
    "relu": (stax.Relu, "relu"),
    "erf": (stax.Erf, "erf"),
    "gelu": (stax.Gelu, "gelu"),
    "sin": (stax.Sin, jnp.sin),
    "rbf": (
        lambda: stax.Rbf(GAMMA),
        lambda u: jnp.sqrt(2.0) * jnp.sin(jnp.sqrt(2 * GAMMA) * u + jnp.pi / 4),
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_names(name):
    """W_std and b_std are our weight_std and bias_std, for any activation."""
    layer, activation = ACTIVATIONS[name]
    dense = lambda: stax.Dense(1, W_std=1.2, b_std=0.3)  # noqa: E731
    theirs = closed_form(stax.serial(dense(), layer(), dense()), X, X_TEST)
    settings = dict(depth=1, activation=activation, weight_std=1.2, bias_std=0.3)
    agree(ntkbook.infinite.ntk(X, X_TEST, **settings), theirs.ntk, 1e-5)
    if name == "relu":  # a part of the other
        agree(ntkbook.infinite.nngp(X, X_TEST, **settings), theirs.nngp, 1e-5)


def test_defaults_of_dense_layers_are_ours():
    network = stax.serial(stax.Dense(1), stax.Relu(), stax.Dense(1))
    theirs = closed_form(network, X, X_TEST, "ntk")
    agree(ntkbook.infinite.ntk(X, X_TEST, depth=1), theirs, 1e-6)


@pytest.mark.parametrize("parametrization", ["ntk", "standard"])
def test_a_stax_network_is_our_mlp(parametrization):
    """With the same numbers as weights the two are one function, with one kernel."""
    ours = ntkbook.mlp(
        8, 1, parametrization=parametrization, weight_std=1.5, bias_std=0.2
    )
    settings = dict(parameterization=parametrization, W_std=1.5, b_std=0.2)
    init, apply, _ = stax.serial(
        stax.Dense(8, **settings), stax.Relu(), stax.Dense(1, **settings)
    )
    params = ours.init(KEY, X)
    leaves = jax.tree.leaves(params)
    theirs = doubled(init, X)
    by_shape = {(leaf.ndim, leaf.size): leaf for leaf in leaves}
    same = jax.tree.map(
        lambda a: by_shape[2 if a.size > 8 or a.shape == (8, 1) else 1, a.size].reshape(
            a.shape
        ),
        theirs,
    )
    agree(apply(same, X), ours.apply(params, X), 1e-12)


def linear_layers():
    edges = jnp.asarray(RNG.uniform(size=(2, 4, 4)))
    return {
        "flatten": (stax.Flatten(), {}),
        "average": (stax.serial(stax.AvgPool((2, 2)), stax.Flatten()), {}),
        "sum": (stax.serial(stax.SumPool((2, 2), (2, 2)), stax.Flatten()), {}),
        "global average": (stax.GlobalAvgPool(), {}),
        "global sum": (stax.GlobalSumPool(), {}),
        "index": (stax.serial(stax.Index((slice(None), 1)), stax.Flatten()), {}),
        "resize": (
            stax.serial(
                stax.ImageResize((-1, 2, 2, -1), "nearest"), stax.GlobalAvgPool()
            ),
            {},
        ),
        "aggregate": (
            stax.serial(stax.Aggregate(1), stax.GlobalAvgPool()),
            {"pattern": edges},
        ),
    }


@pytest.mark.parametrize("name", linear_layers())
def test_layers_without_weights(name):
    """A linear map of the inputs: its kernel is the product of what it returns."""
    (init, apply, kernel), given = linear_layers()[name]
    _, params = init(KEY, IMAGES.shape)
    out = jax.jit(apply)(params, IMAGES, **given)
    both = {key: (value, value) for key, value in given.items()}
    found = jax.jit(partial(kernel, get="nngp"))(IMAGES, IMAGES, **both)
    agree(found, out @ out.T / out.shape[-1], 1e-10)


@pytest.mark.weekly
def test_convolution_in_closed_form():
    """A linear filter with circular padding keeps the mean over the pixels."""
    filters = stax.Conv(1, (3, 3), padding="CIRCULAR", W_std=1.3)
    kernel = closed_form(stax.serial(filters, stax.Flatten()), IMAGES, IMAGES)
    mean = 1.3**2 * jnp.einsum("iabc,jabc->ij", IMAGES, IMAGES) / 32
    agree(kernel.nngp, mean, 1e-10)
    agree(kernel.ntk, mean, 1e-10)


@pytest.mark.weekly
@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_convolutional_networks_are_our_cntk(pooling):
    pool = {"flatten": stax.Flatten, "average": stax.GlobalAvgPool}[pooling]()
    settings = dict(W_std=1.3, b_std=0.1)
    network = stax.serial(
        stax.Conv(1, (3, 3), padding="SAME", **settings),
        stax.Relu(),
        pool,
        stax.Dense(1, **settings),
    )
    theirs = closed_form(network, IMAGES, IMAGES[:1] + 1, "ntk")
    ours = ntkbook.infinite.cntk(
        IMAGES, IMAGES[:1] + 1, depth=1, pooling=pooling, weight_std=1.3, bias_std=0.1
    )
    agree(ours, theirs, 1e-10)


def test_layer_norm_leaves_a_correlation():
    network = stax.serial(stax.Dense(1), stax.LayerNorm())
    kernel = closed_form(network, X, X, "nngp")
    size = jnp.linalg.norm(X, axis=1)
    agree(kernel, X @ X.T / size[:, None] / size, 1e-6)


@pytest.mark.weekly
@pytest.mark.parametrize("position", ["NONE", "SUM"])
def test_attention(position):
    """Against a wide network's mean product of outputs, roughly, and inside of jit."""
    init, apply, kernel = stax.serial(
        stax.GlobalSelfAttention(
            64, 64, 64, 2, attention_mechanism="IDENTITY", pos_emb_type=position
        ),
        stax.GlobalAvgPool(),
    )
    words = IMAGES.reshape(2, 16, 2)[:, :5]
    # Positions have covariances that are factored once, the first time within jit.
    closed = closed_form((init, apply, kernel), words, words, "nngp")
    agree(kernel(words, words, "nngp"), closed, 1e-6)
    if position == "NONE":  # else too few channels to come close
        sample = jax.vmap(lambda key: apply(init(key, words.shape)[1], words))
        out = jax.jit(sample)(jax.random.split(KEY, 64))
        agree(jnp.einsum("sia,sja->ij", out, out) / 64 / 64, closed, 0.3)


@pytest.mark.weekly
def test_branches_and_dropout():
    branch = stax.serial(
        stax.FanOut(2),
        stax.parallel(stax.Dense(3, W_std=2.0), stax.Dense(3)),
        stax.FanInSum(),
    )
    agree(closed_form(branch, X, X, "nngp"), (4 + 1) * X @ X.T / 3, 1e-10)
    network = stax.serial(stax.Dense(1), stax.Dropout(0.5))
    kernel = closed_form(network, X, None, "nngp")
    agree(kernel, X @ X.T / 3 * (1 + jnp.eye(4)), 1e-10)
