"""The kernels as scikit-learn's Gaussian processes take them."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.svm import SVC

import ntkbook
from ntkbook.infinite import NetworkKernel
from tests.helpers.kernels.infinite import KERNELS, ROOT2, close
from tests.helpers.networks import agree


def kernels():
    return [
        NetworkKernel(kind, depth=2, activation=activation, bias_std=0.3)
        for kind, activation in (("ntk", "relu"), ("nngp", "erf"))
    ]


POINTS = np.random.default_rng(3).standard_normal((25, 3))
TARGETS = np.sin(2 * POINTS[:, 0]) + POINTS[:, 1]


def test_scikit_learns_kernel_is_ours():
    for kernel in kernels():
        settings = dict(
            depth=2, activation=kernel.activation, weight_std=ROOT2, bias_std=0.3
        )
        ours = KERNELS[kernel.kind](jnp.asarray(POINTS), **settings)
        close(kernel(POINTS), ours, 1e-15)
        close(kernel(POINTS, POINTS[:4]), ours[:, :4], 1e-14)
        close(kernel.diag(POINTS), np.diag(ours), 1e-14)
        assert isinstance(kernel(POINTS), np.ndarray)
        assert not kernel.is_stationary()


def test_parameters_are_kept_cloned_and_set():
    kernel = NetworkKernel("nngp", 3, "erf", 1.2, 0.4, (0.1, 10.0), "fixed")
    again = clone(kernel)
    assert again is not kernel
    assert again == kernel
    assert again.get_params() == kernel.get_params() == dict(
        kind="nngp", depth=3, activation="erf", weight_std=1.2, bias_std=0.4,
        weight_std_bounds=(0.1, 10.0), bias_std_bounds="fixed",
    )  # fmt: skip
    assert again.set_params(depth=2).depth == 2
    assert kernel.theta == pytest.approx([np.log(1.2)])
    free = NetworkKernel()
    assert free.theta == pytest.approx(np.log([free.bias_std, free.weight_std]))
    moved = free.clone_with_theta(np.log([0.7, 1.9]))
    assert (moved.bias_std, moved.weight_std) == pytest.approx((0.7, 1.9))
    assert free.clone_with_theta(free.theta)(POINTS) == pytest.approx(free(POINTS))
    assert free.bounds.shape == (2, 2)
    assert "NetworkKernel" in repr(kernel)


def test_gradients_by_logarithms():
    for kernel in kernels():
        values, gradient = kernel(POINTS, eval_gradient=True)
        close(values, kernel(POINTS), 1e-14)
        assert gradient.shape == (25, 25, 2)
        for i, e in enumerate(np.eye(2) * 1e-5):
            up, down = (
                kernel.clone_with_theta(kernel.theta + s * e)(POINTS) for s in (1, -1)
            )
            close(gradient[..., i], (up - down) / 2e-5, 1e-8)
    half = NetworkKernel(bias_std_bounds="fixed")
    whole = NetworkKernel()(POINTS, eval_gradient=True)[1]
    close(half(POINTS, eval_gradient=True)[1], whole[..., 1:], 1e-14)
    none = NetworkKernel(bias_std_bounds="fixed", weight_std_bounds="fixed")
    assert none(POINTS, eval_gradient=True)[1].shape == (25, 25, 0)


@pytest.mark.filterwarnings("ignore:The optimal value found")  # no bias is needed
def test_gaussian_process_regression():
    start = NetworkKernel("nngp", depth=2, activation="erf", weight_std=0.5)
    noise = WhiteKernel(1e-2)
    fixed = GaussianProcessRegressor(start + noise, optimizer=None).fit(POINTS, TARGETS)
    found = GaussianProcessRegressor(start + noise).fit(POINTS, TARGETS)
    gain = found.log_marginal_likelihood_value_ - fixed.log_marginal_likelihood_value_
    assert gain > 1
    _, slope = found.log_marginal_likelihood(found.kernel_.theta, eval_gradient=True)
    inside = np.abs(found.kernel_.theta[:, None] - found.kernel_.bounds).min(1) > 1e-6
    assert (np.abs(slope[inside]) < 0.05).all()  # as far as the search goes
    assert found.kernel_.k1.weight_std != start.weight_std
    mean, deviation = found.predict(POINTS[:3] + 0.01, return_std=True)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()
    # What does not move stays where it is, and ridge regression gives the same mean.
    still = NetworkKernel("ntk", weight_std_bounds="fixed", bias_std_bounds="fixed")
    process = GaussianProcessRegressor(still, alpha=0.1).fit(POINTS, TARGETS)
    assert process.kernel_ == still
    regression = ntkbook.kernel_regression(
        still(POINTS), TARGETS, k_test=still(POINTS[:5] + 1, POINTS), ridge=0.1
    )
    agree(process.predict(POINTS[:5] + 1), regression.test, 1e-10)


def test_support_vectors():
    labels = TARGETS > 0
    kernel = NetworkKernel("ntk", depth=2)
    called = SVC(kernel=kernel).fit(POINTS[:20], labels[:20])
    gram = kernel(POINTS[:20])
    given = SVC(kernel="precomputed").fit(gram, labels[:20])
    agree(
        called.decision_function(POINTS[20:]),
        given.decision_function(kernel(POINTS[20:], POINTS[:20])),
        1e-10,
    )
