"""The critique's networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.critique import (
    network,
    network_trial,
)
from ntkbook.flow import training_time
from ntkbook.results import stored
from tests.helpers.kernels.values import unit_vectors

X, Y = unit_vectors(12), np.random.default_rng(2).standard_normal(12)
X_TEST = unit_vectors(5, seed=3)


def by_hand(params, x, y, orders, batch_size, rate):
    """One hidden layer, trained with loops and no JAX."""
    (w0, b0), (w1, b1) = [
        (np.array(p["weight"], float), np.array(p["bias"], float)) for p in params
    ]
    d, m = w0.shape
    for order in orders:
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            u = x[rows] @ w0 / d**0.5 + b0
            h = np.maximum(u, 0)
            r = (h @ w1 / m**0.5 + b1)[:, 0] - y[rows]
            up = 2 * r / len(rows)  # of a mean, over the last batch's own points too
            back = up[:, None] * (u > 0) * w1[:, 0] / m**0.5
            w1 = w1 - rate * (h.T @ up)[:, None] / m**0.5
            b1 = b1 - rate * up.sum()
            w0 = w0 - rate * x[rows].T @ back / d**0.5
            b0 = b0 - rate * back.sum(0)
    h = np.maximum(X_TEST @ w0 / d**0.5 + b0, 0)
    return (h @ w1 / m**0.5 + b1)[:, 0]


def test_the_network_is_trained_as_keras_would():
    key = jax.random.key(5)
    options = dict(width=7, epochs=3, batch_size=5, step_size=0.1)
    found = network(X, Y, X_TEST, key=key, dtype=jnp.float64, **options)
    key_start, key_batches = jax.random.split(key)
    net = ntkbook.mlp(7, 1, "relu", bias_std=1.0)
    params = net.init(key_start, jnp.asarray(X))
    orders = [
        np.asarray(jax.random.permutation(jax.random.fold_in(key_batches, e), 12))
        for e in range(3)
    ]
    expected = by_hand(params, X, Y, orders, 5, 0.1)  # batches of 5, 5 and 2
    np.testing.assert_allclose(found.observed[-1], expected, rtol=1e-10)
    np.testing.assert_allclose(found.observed[0], net.apply(params, X_TEST)[:, 0])
    assert found.steps.tolist() == [0, 9]  # three an epoch
    one = training_time(0.1, 9, points=12, reduction="mean", half=False)
    assert found.times[-1] == pytest.approx(one)


def test_the_network_can_be_watched_and_started_elsewhere():
    options = dict(key=jax.random.key(0), width=8, epochs=6, progress=False)
    whole = network(X, Y, X_TEST, record=[2, 4], **options)
    assert (whole.steps / 2).tolist() == [0, 2, 4, 6]  # two batches of 8 and 4
    assert whole.observed.shape == (4, 5) and whole.outputs.shape == (4, 12)
    assert whole.loss == pytest.approx(((whole.outputs - Y) ** 2).mean(1), rel=1e-6)
    plain = network(X, Y, X_TEST, **options)
    # The same batches; others would make a difference of 3e-3.
    np.testing.assert_allclose(whole.observed[-1], plain.observed[-1], atol=1e-5)
    net = ntkbook.mlp(8, 1, "relu", bias_std=1.0)
    params = net.init(jax.random.key(1), jnp.asarray(X, jnp.float32))
    other = network(X, Y, X_TEST, params=params, **options)
    assert np.abs(other.observed[0] - plain.observed[0]).max() > 0.01


def still(params):
    return jax.tree.map(jnp.zeros_like, params)


def test_after_each_step_parameters_can_be_changed():
    found = network(
        X, Y, X_TEST, key=jax.random.key(0), width=8, epochs=1, after_step=still
    )
    assert np.abs(found.observed[0]).max() > 0.01
    np.testing.assert_array_equal(found.observed[-1], 0.0)


@pytest.mark.weekly
def test_wide_networks_do_what_theory_says():
    found = network_trial(0, width=3000, epochs=30, progress=False)
    assert found["network"][0] == pytest.approx(found["theory"][0], rel=1e-12)
    assert found["network"][-1] == pytest.approx(found["theory"][-1], rel=0.02)
    assert found["correlation"][-1] > 0.99
    # Narrower ones do so less.
    narrow = network_trial(0, width=60, epochs=30, progress=False)
    assert narrow["apart"][-1] > 3 * found["apart"][-1]


def test_the_stored_networks_do_what_theory_says():
    trials = stored("06_equivalence")["results"]["one"]
    assert len(trials) == 50
    ratio = np.mean([t["network"][-1] for t in trials]) / np.mean(
        [t["theory"][-1] for t in trials]
    )
    assert ratio == pytest.approx(1, abs=0.02)
    assert np.mean([t["correlation"][-1] for t in trials]) > 0.99


def test_the_stored_networks_are_nearer_to_theory_than_an_affine_fit():
    """The mean error is about the same, so it is the functions that must tell."""
    results = stored("06_equivalence")["results"]
    networks, fits = results["one"], results["affine"]
    assert len(networks) == len(fits) == 50
    errors = [np.mean([t[name] for t in fits]) for name in ("affine", "theory")]
    assert errors[0] == pytest.approx(errors[1], rel=0.03)
    for net, fit in zip(networks, fits, strict=True):
        assert net["theory"][-1] == pytest.approx(fit["theory"], rel=1e-3)
        assert net["apart"][-1] < 0.6 * fit["apart"]
        assert net["correlation"][-1] > fit["correlation"]


def test_the_stored_networks_are_nearer_to_their_own_kernel_than_to_its_rivals():
    """Rivals that are given the same initialisation and a matched time come near."""
    trials = stored("06_equivalence")["results"]["rivals"]
    assert len(trials) == 5
    for t in trials:
        own, rivals = t["apart"]["NTKJ1"], t["apart"]
        assert own == min(rivals.values())
        assert rivals["GP1"] < 1.6 * own  # as far as the affine fit is not
        assert rivals["f0 + affine"] > 1.8 * own
        # GP1 is twice the networks' own covariance, but for a constant.
        assert rivals["covariance"] == pytest.approx(rivals["GP1"], rel=0.01)


@pytest.mark.parametrize("width", [1000, 2500, 10_000])
def test_the_stored_long_runs_hold_their_own_controls(width):
    trials = stored("06_equivalence")["results"][f"late-{width}"]
    assert len(trials) == 6
    for t in trials:
        assert t["times"] == pytest.approx([1.5, 5, 15, 50, 150], rel=0.01)
        error = np.array(t["theory"])
        assert np.all(np.array(t["pace_apart"]) < 0.025 * error)  # momentum alone
        apart = np.array(t["network_apart"])
        assert np.all(apart < t["linearised_apart"])  # the network is the nearer one
        assert np.all(apart < np.array(t["moved"]) + t["linearised_apart"])
