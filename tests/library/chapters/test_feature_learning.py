"""What Chapter 9 computes, against independent truths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import ntkbook
from ntkbook.feature_learning import (
    catapult,
    change_rates,
    parametrization,
    quadratic_network,
    sharpness,
)
from tests.helpers.draws import first, weekly
from tests.helpers.networks import agree

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.standard_normal((5, 3)))
Y = jnp.asarray(RNG.standard_normal((5, 2)))


# Large steps


@pytest.mark.parametrize(
    ("product", "width"),
    [
        *[(0.7, 1), (2.5, 7), (3.6, 200), (4.2, 7)],
        # Further pairs of the two.
        *[weekly(0.7, 7), weekly(0.7, 200), weekly(2.5, 1), weekly(2.5, 200)],
        *[weekly(3.6, 1), weekly(3.6, 7), weekly(4.2, 1), weekly(4.2, 200)],
    ],
)
def test_the_catapult_is_gradient_descent(width, product):
    """Two numbers say what gradient descent does to 2 m weights and an input."""
    x, target = jnp.array([[1.7]]), jnp.zeros((1, 1))
    rng = np.random.default_rng(width)
    w = [jnp.asarray(rng.standard_normal(width)) for _ in range(2)]

    def apply(w, x):
        return x * (w[0] @ w[1]) / width**0.5

    def seen(w):
        kernel = ntkbook.ntk(apply, w, x)[0, 0]
        return kernel, apply(w, x)[0, 0]

    kernel, output = seen(w)
    eta = product / float(kernel)
    run = ntkbook.gradient_descent(
        apply, w, x, target, step_size=eta, steps=8, record=range(9), observe=seen
    )
    kernels, outputs = (np.asarray(v) for v in run.observed)
    unit = eta**2 * 1.7**2 / width
    short = catapult(product, unit * float(output) ** 2, 8)
    agree(short.kernel, eta * kernels, 1e-9)
    agree(short.loss, unit * outputs**2, 1e-9)


def draws(count, low, high):
    """Pairs that weights can have: 4 rho <= tau^2."""
    rng = np.random.default_rng(1)
    taus = rng.uniform(low, high, count)
    return [(t, t**2 / 4 * 10.0 ** rng.uniform(-6, -0.01)) for t in taus]


def test_below_two_the_loss_falls_at_every_step():
    for tau, rho in draws(50, 0.05, 2):
        run = catapult(tau, rho, 4000)
        falls = np.diff(np.asarray(run.loss)) < 0
        assert falls[np.asarray(run.loss[:-1]) > 1e-290].all()
        assert run.loss[-1] < 1e-3 * rho


def test_between_two_and_four_it_converges_to_a_smaller_kernel():
    for tau, rho in draws(50, 2.01, 3.99):
        run = catapult(tau, rho, 4000)
        kernels = np.asarray(run.kernel)
        assert (np.diff(kernels) <= 1e-15).all() and kernels[-1] < 2
        assert run.loss[-1] < 1e-12
        grows = rho < tau - 2
        assert (run.loss[1] > rho) == grows


def test_above_four_it_diverges():
    for tau, rho in draws(50, 4.01, 8):
        run = catapult(tau, rho, 4000)
        assert np.isinf(run.kernel[-1]) and np.isinf(run.loss[-1])
        assert not np.isnan(np.asarray(run.kernel)).any()


def test_at_four_the_angle_is_tripled():
    angle = 0.3
    run = catapult(4.0, 4 * np.cos(angle) ** 2, 12)
    agree(run.kernel, np.full(13, 4.0), 1e-12)
    agree(run.loss, 4 * np.cos(angle * 3.0 ** np.arange(13)) ** 2, 1e-8)


@pytest.mark.parametrize("loss", first(["softmax", "squared"]))
def test_sharpness_is_the_top_of_the_hessian(loss):
    net = ntkbook.mlp(4, 2, "tanh", outputs=2, bias_std=0.3)
    w = jax.jit(net.init)(jax.random.key(0), X)
    y = Y if loss == "squared" else jnp.eye(2)[jnp.array([0, 1, 1, 0, 1])]
    flat, unravel = ravel_pytree(w)

    def total(flat):
        out = net.apply(unravel(flat), X)
        if loss == "squared":
            return 0.5 * jnp.sum((out - y) ** 2)
        return -jnp.sum(y * jax.nn.log_softmax(out))

    exact = np.linalg.eigvalsh(jax.jit(jax.hessian(total))(flat))[-1]
    found = sharpness(net.apply, w, X, y, loss=loss)
    assert float(found) == pytest.approx(float(exact), rel=1e-8)
    few = sharpness(net.apply, w, X, y, loss=loss, iterations=3)
    assert few <= exact * (1 + 1e-12)


def test_sharpness_of_a_hessian_of_low_rank():
    """Lanczos exhausts the space long before it has made its products."""
    linear = lambda w, x: x @ w  # noqa: E731
    w = jnp.zeros((3, 1))
    x = jnp.array([[3.0, 0.0, 4.0]])
    assert float(sharpness(linear, w, x, jnp.zeros((1, 1)))) == pytest.approx(25)
    flat = sharpness(linear, w, 0 * x, jnp.zeros((1, 1)))
    assert float(flat) == 0


def test_sharpness_is_near_the_kernels_top_eigenvalue_where_the_fit_is_good():
    """Their distance is at most the residual times the second derivative."""
    net = ntkbook.mlp(30, 1, "tanh", outputs=2)
    w = net.init(jax.random.key(1), X)
    kernel = ntkbook.ntk(net.apply, w, X).transpose(0, 2, 1, 3).reshape(10, 10)
    top = float(jnp.linalg.eigvalsh(kernel)[-1])
    for size in (0.0, 0.1, 1.0):
        y = net.apply(w, X) + size * Y
        bound = size * float(jnp.linalg.norm(Y))
        bound *= ntkbook.taylor.second_derivative_norm(net.apply, w, X)[1]
        assert abs(float(sharpness(net.apply, w, X, y)) - top) <= bound + 1e-8


# Three ways to widen a network


def test_changed_rates_are_rates_of_the_layers():
    net = ntkbook.mlp(6, 2, "tanh", parametrization="standard", outputs=2)
    w = net.init(jax.random.key(2), X)
    rates, factor = [3.0, 0.5, 2.0], 0.7
    apply, units = change_rates(net.apply, w, rates, factor)
    agree(apply(units, X), factor * net.apply(w, X), 1e-12)
    for _ in range(3):

        def loss(w):
            return 0.5 * jnp.sum((factor * net.apply(w, X) - Y) ** 2)

        slope = jax.jit(jax.grad(loss))(w)
        w = [
            {"weight": layer["weight"] - 0.01 * rate * g["weight"]}
            for layer, g, rate in zip(w, slope, rates, strict=True)
        ]
    run = ntkbook.gradient_descent(apply, units, X, Y, step_size=0.01, steps=3)
    agree(run.outputs[-1], factor * net.apply(w, X), 1e-10)


@pytest.mark.parametrize("way", ["standard", "ntk", "mup"])
def test_at_the_base_width_all_ways_are_one(way):
    assert parametrization(way, 32, depth=3, base=32) == (1.0, [1.0] * 4)


def test_the_ntk_way_is_the_ntk_parametrization():
    """To a common factor of the rates: base over the number of inputs of a layer."""
    width, base, eta = 24, 8, 0.05
    std = ntkbook.mlp(width, 2, "tanh", parametrization="standard", outputs=2)
    ntk = ntkbook.mlp(width, 2, "tanh", outputs=2)
    w = ntk.init(jax.random.key(3), X)
    same = [{"weight": p["weight"] / p["weight"].shape[0] ** 0.5} for p in w]
    how = parametrization("ntk", width, depth=2, base=base)
    # In NTK units a rate of 1 is 1 / inputs; the first layer has 3 of them, not base.
    rates = [how.rates[0] * base / 3, *how.rates[1:]]
    apply, units = change_rates(std.apply, same, rates)
    one = ntkbook.gradient_descent(apply, units, X, Y, step_size=eta / base, steps=5)
    other = ntkbook.gradient_descent(ntk.apply, w, X, Y, step_size=eta, steps=5)
    agree(one.outputs, other.outputs, 1e-10)


def test_mup_is_the_ntk_network_with_a_smaller_output():
    """Output over sqrt(r) and the time times r: the change of units of Chapter 3."""
    for m in (16, 64):
        ntk, mup = (parametrization(w, m, depth=2, base=16) for w in ("ntk", "mup"))
        assert mup.output == pytest.approx((m / 16) ** -0.5)
        agree(mup.rates, (m / 16) * np.array(ntk.rates), 1e-12)


# Quadratic units


def test_two_moments_are_a_network():
    """A network whose units have exactly these moments trains to the same outputs."""
    d, alpha, eps, eta = 3, 1.5, 0.8, 0.01
    x, y = X, Y[:, 0]
    # Units at the corners +-sqrt(d) e_k: mean 0, second moment 1.
    units = jnp.concatenate([jnp.eye(d), -jnp.eye(d)]) * d**0.5
    run = quadratic_network(
        x, y, X[:2] + 0.3, alpha=alpha, epsilon=eps, steps=20, step_size=eta, record=4
    )

    def apply(w, x):
        h = x @ w.T
        return alpha * jnp.mean(h + eps / 2 * h**2, axis=1, keepdims=True)

    start = apply(units, x)
    slow = ntkbook.gradient_descent(
        apply, units, x, y[:, None] + start,
        step_size=len(units) * eta / alpha**2, steps=20, record=4,
        observe=lambda w: ntkbook.ntk(apply, w, x),
    )  # fmt: skip
    agree(run.outputs, slow.outputs[..., 0] - start[:, 0][None], 1e-10)
    agree(run.kernel, slow.observed * len(units) / alpha**2, 1e-10)
    at_test = apply(slow.params, X[:2] + 0.3) - apply(units, X[:2] + 0.3)
    agree(run.test[-1], at_test[:, 0], 1e-10)
    agree(run.mean, slow.params.mean(axis=0), 1e-10)


def test_a_large_output_scale_is_kernel_regression():
    x, y, new = X, Y[:, 0], X[:2] + 0.3
    run = quadratic_network(x, y, new, alpha=1e5, epsilon=1.0, steps=20_000)
    kernel, row = (a @ x.T * (1 + a @ x.T) for a in (x, new))
    agree(run.kernel[0], kernel, 1e-12)
    agree(run.kernel[-1], kernel, 1e-3)
    agree(run.test[-1], row @ jnp.linalg.solve(kernel, y), 1e-3)


def test_the_output_scale_may_be_traced():
    run = jax.vmap(
        lambda alpha: quadratic_network(
            X, Y[:, 0], X, alpha=alpha, epsilon=1.0, steps=5
        ).outputs[-1]
    )(jnp.array([1.0, 10.0]))
    alone = quadratic_network(X, Y[:, 0], X, alpha=10.0, epsilon=1.0, steps=5)
    agree(run[1], alone.outputs[-1], 1e-12)
