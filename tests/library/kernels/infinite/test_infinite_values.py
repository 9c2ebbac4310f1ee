"""Kernels of infinite width: values and formulas."""

import math

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

import ntkbook
from ntkbook.infinite import cntk, nngp, ntk
from ntkbook.kernels.infinite import convolutional, recursion
from tests.helpers.draws import examples, weekly
from tests.helpers.kernels.infinite import (
    KERNELS,
    arora,
    close,
    drawn,
    setting,
)
from tests.helpers.kernels.values import PRODUCTS, VALUES

RNG, X1, X2, NOISE = drawn()


def reference(x1, x2, weights, biases, frozen=0):
    """Return the ReLU network's two kernels as the chapter writes them, with arccos.

    A layer at a time, and the tangent kernel as a sum over the trained layers.
    """
    cross = weights[0] ** 2 * x1 @ x2.T / x1.shape[1] + biases[0] ** 2
    q1, q2 = (
        weights[0] ** 2 * (x**2).mean(1) + biases[0] ** 2
        for x in map(np.asarray, (x1, x2))
    )
    sigmas, slopes = [np.asarray(cross)], []
    for w, b in zip(weights[1:], biases[1:], strict=True):
        norm = np.sqrt(np.outer(q1, q2))
        angle = np.arccos(np.clip(sigmas[-1] / norm, -1, 1))
        mean = norm * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
        sigmas.append(w**2 * mean + b**2)
        slopes.append(w**2 * (np.pi - angle) / (2 * np.pi))
        q1, q2 = (w**2 * q / 2 + b**2 for q in (q1, q2))
    total = sum(
        sigmas[layer] * math.prod(slopes[layer:])
        for layer in range(frozen, len(weights))
    )
    return sigmas[-1], total


# --- values and formulas


@pytest.mark.parametrize("name", VALUES)
def test_the_literatures_kernels_are_settings(name):
    kernel, settings = setting(name[:-1], int(name[-1]))
    first = jnp.eye(15)[:1]
    others = [[c, (1 - c * c) ** 0.5] + [0.0] * 13 for c in PRODUCTS]
    found = kernel(first, jnp.array(others), depth=int(name[-1]), **settings)[0]
    assert np.asarray(found) == pytest.approx(np.array(VALUES[name]), abs=5.01e-7)


@pytest.mark.parametrize("frozen", range(4))
def test_against_a_sum_over_the_trained_layers(frozen):
    weights, biases = np.array([1.2, 0.7, 1.5, 2.0]), np.array([0.3, 0.0, 0.5, 0.1])
    settings = dict(depth=3, weight_std=weights, bias_std=biases)
    sigma, theta = reference(X1, X2, weights, biases, frozen)
    close(nngp(X1, X2, **settings), sigma, 1e-13)
    close(ntk(X1, X2, frozen=frozen, **settings), theta, 1e-13)
    if frozen == 0:
        close(ntk(X1, X2, frozen=0, **settings), ntk(X1, X2, **settings), 1e-15)
    if frozen == 3:  # only the last layer is trained
        close(ntk(X1, X2, frozen=3, **settings), nngp(X1, X2, **settings), 1e-14)


@pytest.mark.parametrize("angle", [1e-6, 1e-4, 0.1, 1.5, 3.0, np.pi - 1e-4])
def test_small_angles(angle):
    """At an angle that is known, not computed from a rounded cosine."""
    x, y = jnp.array([[1.0, 0.0]]), jnp.array([[np.cos(angle), np.sin(angle)]])
    mean = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    found = nngp(x, y, **arora(1))[0, 0]
    assert float(found) == pytest.approx(mean, abs=1e-15)
    expected = mean + np.cos(angle) * (np.pi - angle) / np.pi
    found = ntk(x, y, **arora(1))[0, 0]
    # A cosine rounded by 1e-16 moves the angle by 1e-16 / sin(angle).
    assert float(found) == pytest.approx(expected, abs=2e-16 / np.sin(angle) + 1e-15)


@examples(10, weekly=100)
@hypothesis.given(
    seed=st.integers(0, 1000), a=st.floats(0.01, 100), b=st.floats(0.01, 100)
)
def test_what_leaves_the_kernels_as_they_are(seed, a, b):
    """Rotations of both inputs; lengths, which ReLU without biases hands through."""
    turn = jnp.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0])
    for kernel in KERNELS.values():
        found = kernel(X1 @ turn, X2 @ turn, depth=2, bias_std=0.3)
        close(found, kernel(X1, X2, depth=2, bias_std=0.3), 1e-13)
        scaled = kernel(a * X1, b * X2, depth=2) / (a * b)
        close(scaled, kernel(X1, X2, depth=2), 1e-13)


# --- blocks, jit and vmap
def test_blocks_change_nothing_but_rounding(monkeypatch):
    x, settings = jnp.asarray(RNG.standard_normal((11, 5))), dict(depth=2, bias_std=0.1)
    whole = {
        name: (f(x, **settings), f(x, X2, **settings)) for name, f in KERNELS.items()
    }
    for name, f in KERNELS.items():
        close(f(x, jnp.array(x), **settings), whole[name][0], 1e-15)
    monkeypatch.setattr(recursion, "BLOCK", 4)
    with ntkbook.limit_memory(1e-6):  # 4 rows of 4 numbers fit, 11 do not
        for name, f in KERNELS.items():
            for part, all_at_once in zip(
                (f(x, **settings), f(x, X2, **settings)), whole[name], strict=True
            ):
                close(part, all_at_once, 1e-15)
            assert (f(x, **settings) == f(x, **settings).T).all()
    with ntkbook.limit_memory(1e-15):  # a row at a time
        close(ntk(x, X2, **settings), whole["ntk"][1], 1e-15)


@pytest.mark.parametrize("pooling", ["flatten", weekly("average")])
def test_blocks_of_images_change_nothing_but_rounding(pooling, monkeypatch):
    images = jnp.asarray(load_digits().images[:5, ..., None])[:, ::2, ::2]
    settings = dict(depth=2, pooling=pooling)
    square, across = cntk(images, **settings), cntk(images, images[:3], **settings)
    close(across, square[:, :3], 1e-15)
    pair = 8 * 16 ** (2 if pooling == "average" else 1)
    monkeypatch.setattr(convolutional, "BLOCK_BYTES", 4 * pair)  # two images by two
    close(cntk(images, **settings), square, 1e-15)
    close(cntk(images, images[:3], **settings), across, 1e-15)
    with ntkbook.limit_memory(1e-15):
        close(cntk(images, **settings), square, 1e-15)


def test_jit_and_vmap():
    settings = dict(depth=2, bias_std=0.1)
    for f in KERNELS.values():
        eager = f(X1, X2, **settings)
        close(jax.jit(lambda a, b, f=f: f(a, b, **settings))(X1, X2), eager, 1e-14)
        one = lambda a, b, f=f: f(a[None], b[None], **settings)[0, 0]  # noqa: E731
        pairs = jax.vmap(jax.vmap(one, (None, 0)), (0, None))(X1, X2)
        close(pairs, eager, 1e-14)
    image = dict(depth=2, pooling="average")
    eager = cntk(NOISE, **image)
    close(jax.jit(lambda x: cntk(x, **image))(NOISE), eager, 1e-14)
    batched = jax.vmap(lambda a: cntk(a[None], NOISE, **image)[0])(NOISE)
    close(batched, eager, 1e-13)
    by_std = jax.vmap(lambda s: ntk(X1, X2, depth=1, weight_std=s))(
        jnp.array([1.0, 2.0])
    )
    close(by_std[1], ntk(X1, X2, depth=1, weight_std=2.0), 1e-14)
