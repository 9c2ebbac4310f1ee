"""The path kernel's identity, for every way of training."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.paths import path_kernel
from tests.helpers.draws import examples, weekly
from tests.helpers.kernels.path_networks import (
    KEY,
    QUERY,
    SIGNS,
    X,
    Y,
    books,
    linear,
    network,
)


@pytest.mark.parametrize(
    ("activation", "depth", "loss", "batch_size"),
    [
        weekly("tanh", 1, "squared", None),
        ("tanh", 2, "logistic", 4),
        weekly("erf", 1, "logistic", None),
        weekly("erf", 2, "squared", 4),
        weekly("gelu", 1, "squared", 4),
        weekly("gelu", 2, "logistic", None),
    ],
)
def test_exact_books_balance_to_rounding(activation, depth, loss, batch_size):
    apply, w = network(activation, depth)
    y = SIGNS if loss == "logistic" else Y
    key = None if batch_size is None else KEY
    options = dict(loss=loss, batch_size=batch_size, key=key)
    assert books(apply, w, y, **options).error < 1e-12
    left = books(apply, w, y, integral="start", **options)
    assert 1e-6 < left.error < 0.3  # else the line above shows nothing


@pytest.mark.weekly
@pytest.mark.parametrize(
    "options", [{}, dict(momentum=0.5), dict(batch_size=4, key=KEY)]
)
def test_single_precision_balances_to_its_own_rounding(options):
    net = ntkbook.mlp(12, 1, "tanh", bias_std=0.5, outputs=2)
    x, y, query = (a.astype(jnp.float32) for a in (X, Y, QUERY))
    options = dict(step_size=0.05, steps=40, integral="exact") | options
    found = path_kernel(net.apply, net.init(KEY, x), x, y, query, **options)
    assert found.kernel.dtype == found.error.dtype == jnp.float32
    assert found.error < 1e-5


def test_one_point_one_query_one_output_one_step():
    apply, w = network(outputs=1)
    found = path_kernel(
        apply, w, X[:1], Y[:1, :1], QUERY[:1], step_size=0.1, steps=1, integral="exact"
    )
    assert found.kernel.shape == found.contributions_by_output.shape == (1, 1)
    assert found.contributions.shape == (1, 1, 1)
    assert found.error < 1e-12


def test_parameters_of_any_shape():
    def apply(w, x):
        return jnp.tanh(x @ w["matrix"]) * w["factor"]

    w = {"matrix": jnp.ones((2, 2)), "factor": jnp.ones(())}
    for options in ({}, dict(momentum=0.5, weight_decay=0.1)):
        assert books(apply, w, step_size=0.01, **options).error < 1e-12


@pytest.mark.parametrize("zero_output", ["twin", "subtract"])
def test_networks_that_start_at_zero(zero_output):
    apply, w = network(zero_output=zero_output)
    found = books(apply, w)
    assert found.error < 1e-12
    assert abs(found.start).max() < 1e-15


@pytest.mark.parametrize(
    ("momentum", "weight_decay", "batch_size"),
    [
        weekly(0.9, 0.0, None),
        weekly(0.0, 0.3, 4),
        weekly(0.5, 0.3, None),
        (0.9, 0.3, 4),
    ],
)
def test_momentum_and_decay_balance_too(momentum, weight_decay, batch_size):
    apply, w = network(zero_output="twin")
    key = None if batch_size is None else KEY
    options = dict(momentum=momentum, weight_decay=weight_decay)
    found = books(apply, w, step_size=0.01, batch_size=batch_size, key=key, **options)
    assert found.error < 1e-12
    assert bool((found.decay == 0).all()) == (weight_decay == 0)


def test_momentum_and_decay_train_as_written():
    _, w = network()
    [apply, w] = linear, jnp.ones((2, 2))
    found = books(apply, w, step_size=0.02, steps=7, momentum=0.8, weight_decay=0.1)
    v = jnp.zeros_like(w)
    for _ in range(7):
        v = 0.8 * v + X.T @ (X @ w - Y) + 0.1 * w
        w = w - 0.02 * v
    assert np.allclose(found.params, w, rtol=1e-12)


def test_relu_without_hidden_layers_has_no_kinks():
    apply, w = network("relu", 0)
    assert books(apply, w).error < 1e-12
    with pytest.raises(ValueError, match="`kinks` are found in ReLU networks"):
        books(apply, w, kinks=2)


def test_units_that_stay_at_their_kink_do_no_harm():
    net = ntkbook.mlp(8, 2, "relu")  # no biases: at the input 0 all units stay at 0
    x = jnp.array([[0.0, 0.0], [1.0, 2.0]])
    found = path_kernel(
        net.apply, net.init(KEY, x), x, jnp.ones((2, 1)), x,
        step_size=0.05, steps=40, integral="exact",
    )  # fmt: skip
    assert found.error < 1e-12
    assert (found.kernel[0] == 0).all()


@pytest.mark.weekly
@pytest.mark.parametrize("depth", [weekly(1), 2, weekly(3)])
def test_kinks_of_relu_are_resolved(depth):
    apply, w = network("relu", depth, weight_std=2**0.5)
    found = books(apply, w, step_size=0.01, steps=60)
    ignored = books(apply, w, step_size=0.01, steps=60, kinks=0)
    assert found.error < 1e-12
    assert ignored.error > 1e-6


@pytest.mark.weekly
def test_too_few_kinks_show_in_the_error():
    apply, w = network("relu", width=40)
    assert books(apply, w, steps=1, kinks=1, step_size=1.0).error > 1e-8
    assert books(apply, w, steps=1, kinks=30, step_size=1.0).error < 1e-12


def test_the_left_sum_errs_in_proportion_to_the_step():
    apply, w = network()
    sizes = [0.02, 0.01, 0.005]
    errors = [
        float(books(apply, w, step_size=h, steps=round(1 / h), integral="start").error)
        for h in sizes
    ]
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)


@examples(3, weekly=40)
@hypothesis.given(
    seed=st.integers(0, 10**6),
    outputs=st.integers(1, 3),
    loss=st.sampled_from(["squared", "logistic"]),
    batch_size=st.sampled_from([None, 1, 3, 6]),
    momentum=st.sampled_from([0.0, 0.7]),
)
def test_books_balance_whatever_is_trained(seed, outputs, loss, batch_size, momentum):
    key = jax.random.key(seed)
    apply, w = network(outputs=outputs)
    y = jnp.sign(jax.random.normal(key, (6, outputs)))
    found = books(
        apply, w, y, loss=loss, batch_size=batch_size, key=key, momentum=momentum,
        step_size=0.01, steps=13,
    )  # fmt: skip
    assert found.error < 1e-11
    assert found.contributions.shape == (5, outputs, 6)
