"""Gradient descent: against a plain loop, and what it records and refuses."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.training.loop import recorded_steps
from tests.helpers.networks import agree

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.standard_normal((6, 3)))
Y = jnp.asarray(np.sign(np.asarray(X)[:, :2]))
NET = ntkbook.mlp(4, 1, "tanh", outputs=2)
PARAMS = jax.jit(NET.init)(jax.random.key(0), X)

# Written with other formulas than the library's.
LOSSES = {
    "squared": lambda f, y: jnp.vdot(f - y, f - y) / 2,
    "logistic": lambda f, y: -jnp.sum(jax.nn.log_sigmoid(y * f)),
}


def plain_loop(loss, step_size, steps, batch=lambda s: slice(None), weight=1.0):
    """Train step by step; return the parameters after each step."""

    @jax.jit
    def slope(p, x, y):
        return jax.grad(lambda p: weight * loss(NET.apply(p, x), y))(p)

    found = [PARAMS]
    for s in range(steps):
        rows = batch(s)
        g = slope(found[-1], X[rows], Y[rows])
        found.append(jax.tree.map(lambda p, g: p - step_size * g, found[-1], g))
    return found


def same_tree(a, b, rel=1e-12):
    jax.tree.map(lambda a, b: agree(a, b, rel), a, b)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_full_batch_against_a_plain_loop(loss):
    run = ntkbook.gradient_descent(
        NET.apply, PARAMS, X, Y, step_size=0.05, steps=7, loss=loss
    )
    path = plain_loop(LOSSES[loss], 0.05, 7)
    same_tree(run.params, path[-1])
    np.testing.assert_array_equal(run.steps, range(8))
    agree(run.times, 0.05 * np.arange(8), 1e-15)
    outputs = np.stack([NET.apply(p, X) for p in path])
    agree(run.outputs, outputs, 1e-12)
    agree(run.loss, [LOSSES[loss](jnp.asarray(f), Y) for f in outputs], 1e-12)
    assert run.observed is None


def test_a_readers_own_loss():
    def cubic(outputs, y):
        return jnp.sum(jnp.abs(outputs - y) ** 3)

    run = ntkbook.gradient_descent(
        NET.apply, PARAMS, X, Y, step_size=0.01, steps=5, loss=cubic
    )
    same_tree(run.params, plain_loop(cubic, 0.01, 5)[-1])


@pytest.mark.parametrize("batch_size", [1, 4, 6])
def test_minibatches_against_a_plain_loop(batch_size):
    """Each epoch shuffles anew; what does not fill a batch is dropped."""
    key = jax.random.key(5)
    per_epoch = 6 // batch_size

    def rows(s):
        epoch, place = divmod(s, per_epoch)
        order = jax.random.permutation(jax.random.fold_in(key, epoch), 6)
        return order[place * batch_size : (place + 1) * batch_size]

    seen = np.concatenate([rows(s) for s in range(per_epoch)])
    assert len(set(seen.tolist())) == len(seen)  # no point twice in an epoch
    run = ntkbook.gradient_descent(
        NET.apply, PARAMS, X, Y, step_size=0.02, steps=8, batch_size=batch_size, key=key
    )
    path = plain_loop(LOSSES["squared"], 0.02, 8, rows, weight=6 / batch_size)
    same_tree(run.params, path[-1])


def test_a_batch_of_all_points_is_the_full_batch():
    options = dict(step_size=0.05, steps=5)
    one = ntkbook.gradient_descent(NET.apply, PARAMS, X, Y, **options)
    two = ntkbook.gradient_descent(
        NET.apply, PARAMS, X, Y, batch_size=6, key=jax.random.key(0), **options
    )
    same_tree(one.params, two.params)


@pytest.mark.parametrize(
    ("record", "steps", "expected"),
    [
        (4, 20, [0, 5, 10, 15, 20]),
        (1, 20, [0, 20]),
        (100, 3, [0, 1, 2, 3]),
        ([3, 1, 3], 9, [0, 1, 3, 9]),
        (np.array([0, 2]), 2, [0, 2]),
        ([], 4, [0, 4]),
        (range(0, 9, 4), 9, [0, 4, 8, 9]),
    ],
)
def test_moments(record, steps, expected):
    np.testing.assert_array_equal(recorded_steps(record, steps), expected)


def test_what_is_recorded_does_not_change_the_training():
    options = dict(step_size=0.05, steps=9)
    one = ntkbook.gradient_descent(NET.apply, PARAMS, X, Y, **options)
    two = ntkbook.gradient_descent(NET.apply, PARAMS, X, Y, record=[2, 7], **options)
    np.testing.assert_array_equal(two.steps, [0, 2, 7, 9])
    agree(two.outputs, one.outputs[np.array([0, 2, 7, 9])], 1e-14)
    agree(two.loss, one.loss[np.array([0, 2, 7, 9])], 1e-14)


def test_observe_looks_at_the_parameters_of_the_moment():
    elsewhere = X[:2] + 1.0

    def observe(params):
        return {"far": NET.apply(params, elsewhere), "first": params[0]["weight"][0, 0]}

    run = ntkbook.gradient_descent(
        NET.apply, PARAMS, X, Y, step_size=0.05, steps=6, record=3, observe=observe
    )
    path = plain_loop(LOSSES["squared"], 0.05, 6)
    for i, s in enumerate([0, 2, 4, 6]):
        agree(run.observed["far"][i], NET.apply(path[s], elsewhere), 1e-12)
        agree(run.observed["first"][i], path[s][0]["weight"][0, 0], 1e-12)


def test_over_seeds():
    """One call for several starts, and one for several orders of minibatches."""

    def train(key, params):
        return ntkbook.gradient_descent(
            NET.apply, params, X, Y, step_size=0.05, steps=4, batch_size=3, key=key
        )

    keys = jax.random.split(jax.random.key(0), 2)
    starts = jax.vmap(lambda k: NET.init(k, X))(keys)
    both = jax.vmap(train)(keys, starts)
    orders = jax.vmap(lambda k: train(k, PARAMS))(keys)
    for i in range(2):
        alone = train(keys[i], jax.tree.map(lambda a, i=i: a[i], starts))
        agree(both.loss[i], alone.loss, 1e-12)
        agree(orders.loss[i], train(keys[i], PARAMS).loss, 1e-12)


def test_inside_jit_and_grad():
    """The gradient of a trained loss by the targets, against a difference."""

    @jax.jit
    def trained(shift):
        return ntkbook.gradient_descent(
            NET.apply, PARAMS, X, Y + shift, step_size=0.05, steps=5
        ).loss[-1]

    h = 1e-5
    difference = (trained(h) - trained(-h)) / (2 * h)
    assert float(jax.jacfwd(trained)(0.0)) == pytest.approx(float(difference), rel=1e-7)


def test_divergence_names_the_largest_stable_step():
    """Below the named step training converges, above it does not: a linear model."""
    net = ntkbook.mlp(1, 0, outputs=2)
    params = net.init(jax.random.key(0), X)

    def train(step_size, steps=20_000):
        return ntkbook.gradient_descent(
            net.apply, params, X, Y, step_size=step_size, steps=steps
        )

    with pytest.raises(ValueError, match="`step_size`=50") as caught:
        train(50.0, 400)
    stable = float(re.search(r"initially is ([\d.e+-]+);", str(caught.value))[1])
    rates = np.linalg.eigvalsh(np.asarray(X @ X.T) / 3)
    assert stable == pytest.approx(2 / rates[-1], rel=0.01)
    assert train(0.98 * stable).loss[-1] < train(0.98 * stable).loss[0]
    with pytest.raises(ValueError, match="diverged"):
        train(1.02 * stable)


def test_divergence_that_the_loss_does_not_show():
    """The logistic loss of right answers is 0, however far away they are."""

    def apply(w, x):
        return jnp.exp(w * x)  # overflows when w has grown

    x = jnp.ones((2, 1))
    with pytest.raises(ValueError, match="step_size"):
        ntkbook.gradient_descent(
            apply, jnp.ones(()), x, x, step_size=1e4, steps=3, loss="logistic"
        )


def test_a_start_that_is_not_finite_is_not_called_divergence():
    def apply(w, x):
        return w * x / 0.0

    with pytest.raises(ValueError, match="before the first step"):
        ntkbook.gradient_descent(
            apply, jnp.ones(()), X[:, :1], X[:, :1], step_size=0.1, steps=3
        )


def test_a_long_run_shows_a_bar(capsys, monkeypatch):
    """The bar counts every step, and says nothing where it is turned off."""
    total = []
    monkeypatch.setattr(
        "ntkbook.training.loop.tick", lambda _, steps: total.append(int(steps))
    )
    apply = ntkbook.mlp(4, 1, "erf", outputs=2).apply  # not compiled before
    options = dict(step_size=0.01, steps=30, record=4)
    ntkbook.gradient_descent(apply, PARAMS, X, Y, **options)
    assert sum(total) == 30
    ntkbook.gradient_descent(apply, PARAMS, X, Y, progress=False, **options)
    assert sum(total) == 30
    assert capsys.readouterr().err == ""
