"""Kernels of infinite width: symmetric, positive semidefinite, differentiable."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from ntkbook.infinite import cntk, nngp, ntk
from tests.helpers.draws import first
from tests.helpers.kernels.infinite import KERNELS, ROOT2, close

RNG = np.random.default_rng(0)
X1 = jnp.asarray(RNG.standard_normal((6, 5)))
DIGITS = jnp.asarray(load_digits().images[:3, ..., None] / 16)


@pytest.mark.parametrize(
    ("activation", "bias"), [("relu", 0.0), ("relu", 0.2), ("erf", 0.2), ("tanh", 0.2)]
)
def test_square_kernels_are_symmetric_and_positive_semidefinite(activation, bias):
    x = np.random.default_rng(1).standard_normal((200, 4))
    x[150:180] = x[:30]  # the same points again
    x[180:] = -x[:20]
    for kernel in KERNELS.values():
        k = np.asarray(
            kernel(jnp.asarray(x), depth=3, activation=activation, bias_std=bias,
                   weight_std=ROOT2)
        )  # fmt: skip
        assert (k == k.T).all()
        close(k[150:180], k[:30], 1e-15)  # and nothing tells them apart
        values = np.linalg.eigvalsh(k)
        assert values[0] >= -1e-12 * values[-1]


@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_cntk_is_symmetric_and_positive_semidefinite(pooling):
    images = jnp.asarray(load_digits().images[:12, ..., None])
    images = jnp.concatenate([images, images[:4]])
    k = np.asarray(cntk(images, depth=2, pooling=pooling))
    assert (k == k.T).all()
    values = np.linalg.eigvalsh(k)
    assert values[0] >= -1e-12 * values[-1]


E1, E2 = jnp.eye(3)[:2]
POINT = jnp.array([0.3, -0.8, 0.5])


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_derivatives_by_inputs_are_finite_and_right(kernel):
    """At a kink a central difference is the mean of both sides, and so are ours."""

    @jax.jit
    def f(x, y, bias):
        return kernel(x[None], y[None], depth=2, bias_std=bias)[0, 0]

    slope = jax.jit(jax.grad(f))
    h = 1e-4
    for x, y in (
        (POINT, POINT),
        (POINT, 2 * POINT),
        (POINT, -POINT),
        (E1, E2),
        (E1, E1),
        (E1, POINT),
    ):
        for bias in (0.0, 0.5):
            differences = [
                (f(x + h * e, y, bias) - f(x - h * e, y, bias)) / (2 * h)
                for e in jnp.eye(3)
            ]
            # The two sides differ by O(h) where they bend.
            close(slope(x, y, bias), differences, 1e-5)


@pytest.mark.parametrize("activation", first(["erf", "relu", "tanh"]))
def test_derivatives_of_a_whole_kernel_are_finite(activation):
    x = jnp.concatenate([X1, X1[:2], -X1[:2], jnp.eye(5)])

    def total(x):
        return ntk(x, depth=2, activation=activation, bias_std=0.1).sum()

    gradient = jax.jit(jax.grad(total))(x)
    assert np.isfinite(gradient).all()
    step = 1e-5 * jnp.asarray(RNG.standard_normal(x.shape))
    difference = (total(x + step) - total(x - step)) / 2
    along = (gradient * step).sum()
    if activation != "relu":  # which has kinks: two rows that meet part again
        assert float(along) == pytest.approx(float(difference), rel=1e-5)


@pytest.mark.parametrize(
    ("kernel", "activation"), first([(ntk, "relu"), (nngp, "erf"), (ntk, "tanh")])
)
def test_derivatives_by_deviations(kernel, activation):
    """One for all layers, and each layer's own."""

    def f(weights, biases):
        k = kernel(
            X1, depth=1, activation=activation, weight_std=weights, bias_std=biases
        )
        return (k * k).sum()

    h, slope = 1e-5, jax.jit(jax.grad(f, (0, 1)))
    one = (1.1, 0.4)
    found = slope(*one)
    by_weights = (f(one[0] + h, one[1]) - f(one[0] - h, one[1])) / (2 * h)
    by_biases = (f(one[0], one[1] + h) - f(one[0], one[1] - h)) / (2 * h)
    assert float(found[0]) == pytest.approx(float(by_weights), rel=1e-7)
    assert float(found[1]) == pytest.approx(float(by_biases), rel=1e-7)
    each = slope(jnp.full(2, one[0]), jnp.full(2, one[1]))
    for total, parts in zip(found, each, strict=True):
        assert float(parts.sum()) == pytest.approx(float(total), rel=1e-12)
    listed = slope([1.1, 1.1], 0.4)[0]
    assert [float(v) for v in listed] == pytest.approx(each[0].tolist(), rel=1e-12)
    assert float(slope(1.1, 0.0)[1]) == 0.0  # even in it


@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_derivatives_of_cntk_at_black_pixels_are_finite(pooling):
    """Digits have black borders, without an angle; and images that meet themselves."""

    def total(x, w):
        return cntk(x, depth=2, pooling=pooling, weight_std=w).sum()

    gradient, weight = jax.jit(jax.grad(total, (0, 1)))(DIGITS[:, ::2], ROOT2)
    assert np.isfinite(gradient).all()
    assert np.isfinite(weight)
    blank = DIGITS.at[1].set(0)
    assert np.isfinite(cntk(blank, depth=2, pooling=pooling, bias_std=0.1)).all()
