"""The critique's kernels and data against values of its own code."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import preprocessing
from sklearn.model_selection import train_test_split

import ntkbook
from ntkbook import critique
from ntkbook.critique import (
    data,
    kernel,
)
from tests.helpers.draws import weekly
from tests.helpers.kernels.values import PRODUCTS, VALUES, unit_vectors

# --- the kernels
CORRECT = VALUES | {"K1": (2.0, 1.692963, 1.580032, 1.498511, 1.433063)}
PUBLISHED = CORRECT | {
    "GP1": (2.005018, 1.977695, 1.951072, 1.925063, 1.899608),
    "GP2": (2.216839, 2.208187, 2.199787, 2.191608, 2.183629),
    "NTKB1": (3.778749, 3.271513, 2.792799, 2.336645, 1.899608),
    "NTKB2": (4.693972, 4.345275, 4.017918, 3.707697, 3.412125),
    "NTKJ1": (1.975504, 1.934496, 1.896399, 1.860393, 1.826031),
    "NTKJ2": (2.255933, 2.235940, 2.217178, 2.199345, 2.182271),
}


@pytest.mark.parametrize("name", critique.NAMES)
def test_values_in_both_forms(name):
    pole = np.eye(15)[:1]
    others = np.zeros((5, 15))
    others[:, 0] = PRODUCTS
    others[:, 1] = np.sqrt(1 - np.square(PRODUCTS))
    np.testing.assert_allclose(kernel(name, pole, others)[0], CORRECT[name], atol=6e-7)
    found = kernel(name, pole, others, published=True)[0]
    np.testing.assert_allclose(found, PUBLISHED[name], atol=6e-7)


def one_pair(name, x, y, root):
    """The formulas written out for one pair, as a plain loop would have them."""
    d, dot = len(x), sum(a * b for a, b in zip(x, y, strict=True))

    def arc(k, variance):
        rho = k / (variance if root else variance * variance)
        angle = math.acos(max(-1.0, min(1.0, rho)))
        value = variance / (2 * math.pi)
        value *= math.sin(angle) + (math.pi - angle) * math.cos(angle)
        return value, (math.pi - angle) / (2 * math.pi)

    if name == "K1":
        apart = math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))
        return 2 * math.exp(-apart / 6)
    if name.startswith("NTKA"):
        h, slope = arc(dot, 1.0)
        one = 2 * h + 2 * slope * dot
        if name == "NTKA1":
            return one
        h2, slope2 = arc(2 * h, 1.0)
        return 2 * h2 + 2 * slope2 * one
    k0, v0 = 1 + dot / d, 1 + 1 / d
    h, slope = arc(k0, v0)
    c = 1 if root and name == "NTKJ2" else 2
    h2, slope2 = arc(1 + c * h, 1 + c * v0 / 2)
    j1, b1 = 1 + h + slope * k0, 1 + 2 * h + 2 * slope * (1 + dot)
    return {
        "GP1": 1 + 2 * h,
        "GP2": 1 + 2 * h2,
        "NTKJ1": j1,
        "NTKJ2": 1 + h2 + slope2 * j1,
        "NTKB1": b1,
        "NTKB2": 1 + 2 * h2 + 2 * slope2 * b1,
    }[name]


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("name", critique.NAMES)
def test_a_plain_loop_gives_the_same(name, published):
    x, y = unit_vectors(20), unit_vectors(10, seed=1)
    expected = [[one_pair(name, a, b, not published) for b in y] for a in x]
    np.testing.assert_allclose(kernel(name, x, y, published=published), expected, 1e-12)


def own_gradient_kernel(depth, width, x, key):
    """The tangent kernel of the paper's network, (9) and (14), at a random start."""
    d = x.shape[1]
    keys = jax.random.split(key, 2 * depth + 2)
    sizes = [d, *[width] * depth, 1]
    params = [
        (jax.random.normal(k1, (a, b)), jax.random.normal(k2, (b,)))
        for k1, k2, a, b in zip(
            keys[::2], keys[1::2], sizes[:-1], sizes[1:], strict=True
        )
    ]
    (w0, b0), rest = params[0], params[1:]
    params = [(w0 / d**0.5, b0), *rest]  # in the first layer 1/d is a variance

    def f(params, x):
        h = x @ params[0][0] + params[0][1]
        for w, b in params[1:]:
            h = jax.nn.relu(h) @ w * (2 / w.shape[0]) ** 0.5 + b
        return h[0]

    gradients = jax.vmap(jax.grad(f), (None, 0))(params, x)
    flat = [leaf.reshape(len(x), -1) for leaf in jax.tree.leaves(gradients)]
    return sum(np.asarray(g @ g.T) for g in flat)


@pytest.mark.weekly
@pytest.mark.parametrize("depth,width,within", [(1, 20000, 0.03), (2, 700, 0.1)])
def test_the_corrected_ntkb_is_that_of_a_wide_network(depth, width, within, relaxed):
    x = unit_vectors(4)
    found = np.mean(
        [
            own_gradient_kernel(depth, width, jnp.asarray(x), jax.random.key(s))
            for s in range(4)
        ],
        axis=0,
    )
    name = f"NTKB{depth}"
    np.testing.assert_allclose(found, kernel(name, x), rtol=within)
    gap = np.abs(kernel(name, x, published=True) / found - 1).max()
    assert gap > 2 * within  # so the test can tell them apart


def test_ntkj_is_the_kernel_of_the_books_network():
    x = jnp.asarray(unit_vectors(4))
    net = ntkbook.mlp(20000, 1, "relu", bias_std=1.0)
    found = ntkbook.ntk(net.apply, net.init(jax.random.key(0), x), x)
    np.testing.assert_allclose(found, kernel("NTKJ1", np.asarray(x)), rtol=0.02)


# --- the data
def test_data_are_drawn_as_by_the_global_seed():
    """Up to the signs of the principal axes, which NumPy leaves to LAPACK."""
    np.random.seed(11342)
    for number in range(3):
        z = np.reshape(np.random.uniform(low=-5, high=7, size=15 * 40), (40, 15))
        x = preprocessing.normalize(z, norm="l2")
        k = kernel("NTKB1", x, published=True)
        y = np.random.multivariate_normal(np.repeat(0, 40), k)
        x_train, x_test, rows_train, rows_test = train_test_split(
            x, np.arange(40), test_size=0.33
        )
        found = data(number, points=40)
        np.testing.assert_allclose(found.x[found.train], x_train, atol=1e-15)
        np.testing.assert_allclose(found.x[found.test], x_test, atol=1e-15)
        np.testing.assert_array_equal(found.train, rows_train)
        np.testing.assert_array_equal(found.test, rows_test)
        axes = np.linalg.eigh(k).eigenvectors.T
        np.testing.assert_allclose(np.abs(axes @ found.y), np.abs(axes @ y), atol=1e-9)


@pytest.mark.parametrize("published", [True, weekly(False)])
def test_targets_do_not_depend_on_the_signs_of_lapack(published, monkeypatch):
    svd = np.linalg.svd

    def another(k):
        flips = np.random.default_rng(0).choice([-1, 1], size=len(k))
        u, s, v = svd(k)
        return u * flips, s, v * flips[:, None]

    for number, points in (2, 1000), (0, 60), (50, 1000):
        of = dict(published=published, points=points)
        y = data(number, **of).y
        monkeypatch.setattr(np.linalg, "svd", another)
        np.testing.assert_allclose(data(number, **of).y, y, atol=1e-12)
        monkeypatch.undo()


def test_the_sizes_of_the_paper():
    trial = data(0)
    assert trial.x.shape == (1000, 15)
    assert (len(trial.train), len(trial.test), len(trial.fitted)) == (670, 330, 468)
    assert sorted([*trial.train, *trial.test]) == list(range(1000))
    np.testing.assert_array_equal(trial.fitted, trial.train[:468])


def test_both_generators_share_inputs_and_split():
    one, two = data(1, points=30), data(1, points=30, published=False)
    np.testing.assert_array_equal(one.x, two.x)
    np.testing.assert_array_equal(one.test, two.test)
    assert np.abs(one.y - two.y).max() > 0.01
