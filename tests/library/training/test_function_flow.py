"""Training in function space: any loss, kernels of several outputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from tests.helpers.draws import weekly
from tests.helpers.networks import agree

rng = np.random.default_rng(0)
X = rng.standard_normal((6, 4))
KERNEL = X @ X.T + np.eye(6)
ROOT = np.linalg.cholesky(KERNEL)
HOT = np.eye(3)[np.arange(6) % 3]


def half_squares(f, y):
    return 0.5 * jnp.sum((f - y) ** 2)


# Weekly: test_flow.py has the logistic flow in closed form.
@pytest.mark.parametrize("loss", ["softmax", weekly("logistic"), half_squares])
def test_the_flow_is_that_of_a_linear_model(loss):
    """With the kernel's root as features: another equation for the same functions."""
    y = 2 * HOT - 1 if loss == "logistic" else HOT
    times = [0.0, 0.5, 3.0]
    flow = ntkbook.kernel_flow(KERNEL, y, times, k_test=KERNEL[:2], loss=loss)
    line = ntkbook.gradient_flow(
        lambda w, z: z @ w, jnp.zeros((6, 3)), jnp.asarray(ROOT), jnp.asarray(y),
        times=times, loss=loss, progress=False,
    )  # fmt: skip
    agree(flow.train, line.outputs, 1e-8)
    agree(flow.test, flow.train[:, :2], 1e-12)


def test_the_squared_loss_has_its_closed_form():
    start = rng.standard_normal((6, 3))
    settings = dict(f0_train=start, k_test=KERNEL, f0_test=start, ridge=0.3)
    closed = ntkbook.kernel_flow(KERNEL, HOT, [2.0, 1.0], **settings)
    solved = ntkbook.kernel_flow(KERNEL, HOT, [2.0, 1.0], loss=half_squares, **settings)
    agree(solved.train, closed.train, 1e-8)
    agree(solved.test, closed.test, 1e-8)


@pytest.mark.weekly
def test_single_precision_changes_nothing(relaxed):
    found = ntkbook.kernel_flow(KERNEL, HOT, 1.0, loss="softmax").train
    jax.config.update("jax_enable_x64", False)
    try:
        again = ntkbook.kernel_flow(KERNEL, HOT, 1.0, loss="softmax").train
    finally:
        jax.config.update("jax_enable_x64", True)
    assert again.dtype == np.float64
    agree(again, found, 1e-12)


@pytest.mark.weekly
def test_kernels_of_several_outputs(getkey):
    """``(n, n, k, k)`` goes in as ``ntk`` returns it, and comes out as targets do."""
    net = ntkbook.mlp(16, 1, "tanh", outputs=2, bias_std=0.5)
    x = jax.random.normal(getkey(), (5, 3))
    params = net.init(getkey(), x)
    y = np.asarray(jax.random.normal(getkey(), (4, 2)))
    kernel = ntkbook.ntk(net.apply, params, x[:4])
    k_test = ntkbook.ntk(net.apply, params, x[4:], x[:4])
    start = np.asarray(net.apply(params, x))
    line = ntkbook.linearize(net.apply, params)
    flow = ntkbook.gradient_flow(
        line, params, x[:4], jnp.asarray(y), times=[0.7], progress=False
    )
    settings = dict(k_test=k_test, f0_train=start[:4], f0_test=start[4:])
    for loss in ("squared", half_squares):
        found = ntkbook.kernel_flow(kernel, y, [0.7], loss=loss, **settings)
        agree(found.train, flow.outputs, 1e-7)
        agree(found.test[0], line(flow.params, x[4:]), 1e-7)
    end = ntkbook.kernel_flow(kernel, y, np.inf, k_test=k_test)
    regression = ntkbook.kernel_regression(kernel, y, k_test=k_test)
    agree(regression.test, end.test, 1e-8)
    assert regression.weights.shape == (4, 2)
    flat = np.asarray(k_test).transpose(0, 2, 1, 3).reshape(2, 8)
    agree(flat @ regression.weights.ravel(), regression.test[0], 1e-10)


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(y=HOT.ravel()), r"\(6, 3\)"),
        (dict(y=np.ones((6, 1))), r"\(6, 3\)"),
        (dict(k_test=np.ones((2, 18))), "n_test"),
        (dict(k_test=np.ones((2, 6, 3, 2))), "n_test"),
        (dict(kernel=np.ones((6, 5, 3, 3))), r"n, n, k, k"),
    ],
)
def test_shapes_that_do_not_fit(change, words):
    kernel = np.einsum("ij,ab->ijab", KERNEL, np.eye(3))
    arguments = dict(kernel=kernel, y=HOT, k_test=kernel[:2]) | change
    for call in (
        ntkbook.kernel_regression,
        lambda *a, **b: ntkbook.kernel_flow(*a, times=1.0, **b),
    ):
        with pytest.raises(ValueError, match=words):
            call(arguments["kernel"], arguments["y"], k_test=arguments["k_test"])


def test_losses_that_cannot_be():
    for y, words in (
        (HOT[:, :1], "each class"),
        (2 * HOT, "pass y / y.sum"),
        (0 * HOT, "leave out"),
    ):
        with pytest.raises(ValueError, match=words):
            ntkbook.kernel_flow(KERNEL, y, 1.0, loss="softmax")
    with pytest.raises(ValueError, match="finite"):
        ntkbook.kernel_flow(KERNEL, HOT, np.inf, loss="softmax")
    with pytest.raises(ValueError, match="not solved"):
        ntkbook.kernel_flow(1e9 * KERNEL, HOT, 1e3, loss=half_squares)


def test_sgd_with_a_loss_that_couples_the_outputs(getkey):
    """The kernel's SGD is the linear model's, minibatch by minibatch."""
    settings = dict(step_size=0.3, epochs=4, batch_size=3, key=getkey(), loss="softmax")
    fast = ntkbook.kernel_sgd(jnp.asarray(KERNEL), jnp.asarray(HOT), **settings)
    slow = ntkbook.sgd(
        lambda w, z: z @ w, jnp.zeros((6, 3)), jnp.asarray(ROOT), jnp.asarray(HOT),
        **settings,
    )  # fmt: skip
    agree(fast.outputs[-1], slow.outputs[-1], 1e-10)
    agree(fast.loss, slow.loss, 1e-10)
