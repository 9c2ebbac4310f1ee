"""Alignment, eigenfunctions and anisotropy directions."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook import alignment as al
from ntkbook import data
from tests.helpers.draws import examples, weekly

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (12, 3))
NET = ntkbook.mlp(7, 2, "gelu", bias_std=0.3)
PARAMS = jax.jit(NET.init)(KEY, X)
GRAM = np.asarray(ntkbook.ntk(NET.apply, PARAMS, X))
SIGNS = jnp.asarray(np.where(np.asarray(X)[:, :1] > 0, 1.0, -1.0))


def random_kernel(seed, n, rank):
    factor = np.random.default_rng(seed).normal(size=(n, rank))
    return factor @ factor.T


# --- alignment and norm
kernels = st.builds(
    random_kernel, st.integers(0, 10**6), st.integers(1, 8), st.integers(8, 12)
)


@examples(60, weekly=1000)
@hypothesis.given(kernel=kernels, seed=st.integers(0, 10**6))
def test_lemma_1_holds_for_any_kernel_and_target(kernel, seed):
    target = np.random.default_rng(seed).normal(size=(len(kernel), 3))
    bound, norm = al.norm_bound(kernel, target), al.rkhs_norm(kernel, target)
    assert (bound <= norm * (1 + 1e-9)).all()


@examples(30, weekly=1000)
@hypothesis.given(kernel=kernels)
def test_eigenfunctions_have_their_eigenvalue_for_alignment(kernel):
    found = al.eigenfunctions(kernel)
    top = found.values[0]
    aligned = al.target_alignment(kernel, found.functions)
    assert np.abs(aligned - found.values).max() <= 1e-10 * top
    # ... and Lemma 1 is an equality for them.
    well = found.values > 1e-6 * top
    bound = al.norm_bound(kernel, found.functions[:, well])
    assert al.rkhs_norm(kernel, found.functions[:, well]) == pytest.approx(
        bound, rel=1e-6
    )


def test_eigenfunctions_are_orthonormal_and_rebuild_the_kernel():
    found = al.eigenfunctions(GRAM)
    n = len(GRAM)
    assert found.functions.T @ found.functions / n == pytest.approx(
        np.eye(n), abs=1e-10
    )
    rebuilt = (found.functions * found.values) @ found.functions.T
    assert rebuilt == pytest.approx(GRAM, abs=1e-10 * GRAM.max())
    assert (np.diff(found.values) <= 0).all()


def test_eigenfunctions_are_the_directions_of_decay_in_another_scale():
    """The one relation between matrix conventions and those of functions."""
    found, modes = al.eigenfunctions(GRAM), ntkbook.flow.decay_rates(GRAM)
    n = len(GRAM)
    assert found.values == pytest.approx(modes.rates / n, abs=1e-12 * modes.rates[0])
    assert found.functions == pytest.approx(n**0.5 * modes.directions, abs=1e-9)


def test_few_of_many_equal_the_first_of_all(monkeypatch):
    kernel = random_kernel(1, 40, 60)
    whole = al.eigenfunctions(kernel)
    monkeypatch.setattr("ntkbook.spectra.eigenfunctions.DENSE", 10)
    few = al.eigenfunctions(kernel, 4)
    assert few.values == pytest.approx(whole.values[:4], rel=1e-10)
    assert few.functions == pytest.approx(whole.functions[:, :4], abs=1e-8)
    with pytest.raises(ValueError, match="must be symmetric"):
        al.eigenfunctions(np.triu(kernel), 4)
    with pytest.raises(ValueError, match="positive semidefinite"):
        al.eigenfunctions(-kernel, 4)


def test_alignment_without_a_gram_matrix():
    targets = np.random.default_rng(0).normal(size=(len(X), 5))
    fast = al.tangent_alignment(NET.apply, PARAMS, X, targets)
    assert fast == pytest.approx(al.target_alignment(GRAM, targets), rel=1e-10)
    one = al.tangent_alignment(NET.apply, PARAMS, X, targets[:, 1])
    assert float(one) == pytest.approx(fast[1], rel=1e-12)


def test_the_norm_is_that_of_the_weights():
    """A function f = J w of a linear model with J of full row rank has norm |w|^2."""
    j = np.random.default_rng(2).normal(size=(6, 9))
    w = np.linalg.lstsq(j, np.arange(1.0, 7.0), rcond=None)[0]
    norm = al.rkhs_norm(j @ j.T, j @ w)
    assert float(norm) == pytest.approx(w @ w, rel=1e-9)


def test_a_target_outside_of_the_space_has_an_infinite_norm():
    kernel = np.diag([2.0, 1.0, 0.0])
    assert np.isinf(al.rkhs_norm(kernel, np.array([1.0, 1.0, 1.0])))
    inside = al.rkhs_norm(kernel, np.array([2.0, 1.0, 0.0]))
    assert float(inside) == pytest.approx(3.0, rel=1e-14)


def test_energy_is_all_there_with_all_eigenvectors():
    y = np.random.default_rng(0).normal(size=(len(GRAM), 2))
    assert al.energy_concentration(GRAM, y, len(GRAM)) == pytest.approx(1.0)
    parts = [al.energy_concentration(GRAM, y[:, 0], k) for k in range(1, len(GRAM))]
    assert (np.diff(parts) >= 0).all()
    first = al.eigenfunctions(GRAM, 1).functions[:, 0]
    assert float(al.energy_concentration(GRAM, first, 1)) == pytest.approx(1.0)


def test_centred_alignment_ignores_constants_and_scale():
    ones = np.ones_like(GRAM)
    assert al.kernel_alignment(GRAM, 3 * GRAM + 5 * ones) == pytest.approx(1.0)
    assert al.kernel_alignment(GRAM, GRAM + 50 * ones, centered=False) < 0.99
    y = np.asarray(SIGNS)[:, 0]
    target = np.outer(y, y)
    plain = al.kernel_alignment(GRAM, target, centered=False)
    assert plain == pytest.approx(y @ GRAM @ y / (len(y) * np.linalg.norm(GRAM)))


def test_centring_overflows_nowhere():
    y, largest = np.array([1.0, -2.0, 3.0]), 1.7e308
    for options in ({"normalized": True}, {}):
        one = al.target_alignment(np.eye(3), y / 10, centered=True, **options)
        scale = 1.0 if options else largest
        huge = al.target_alignment(
            largest * np.eye(3), y / 10, centered=True, **options
        )
        np.testing.assert_allclose(huge, scale * one, rtol=1e-13)
    far = al.target_alignment(np.eye(3), 5e307 * y, centered=True, normalized=True)
    np.testing.assert_allclose(
        far, al.target_alignment(np.eye(3), y, centered=True, normalized=True)
    )


@pytest.mark.parametrize("centered", [False, True])
def test_normalized_target_alignment_is_the_cosine_with_y_y(centered):
    y = np.random.default_rng(0).normal(size=(len(GRAM), 3)) + 0.5
    options = dict(normalized=True, centered=centered)
    found = al.target_alignment(GRAM, y, **options)
    assert found.shape == (3,)
    for column, value in zip(y.T, found, strict=True):
        yy = np.outer(column, column)
        assert value == pytest.approx(al.kernel_alignment(GRAM, yy, centered=centered))
        assert al.target_alignment(yy, column, **options) == pytest.approx(1.0)
    huge = al.target_alignment(1e200 * GRAM, 1e200 * y, **options)
    np.testing.assert_allclose(huge, found, rtol=1e-12)
    plain = al.target_alignment(GRAM, y, centered=centered)
    if centered:  # a constant added to either does not count
        same = al.target_alignment(GRAM + 5, y - 7, **options)
        np.testing.assert_allclose(same, found, rtol=1e-9)
    else:
        scale = np.linalg.norm(GRAM) * (y**2).sum(0) / len(GRAM) ** 2
        np.testing.assert_allclose(plain / scale, found, rtol=1e-12)


def test_ties_are_positive():
    assert al.binarize(np.array([0.0, -0.0, 1e-300, -1e-300])).tolist() == [1, 1, 1, -1]


# --- anisotropy directions
def dense_mixed_derivative(apply, params, x):
    def gradient(one):
        g = jax.grad(lambda p: apply(p, one[None])[0, 0])(params)
        return jax.flatten_util.ravel_pytree(g)[0]

    each = np.asarray(jax.jit(jax.vmap(jax.jacobian(gradient)))(x))
    return each.mean(0).reshape(-1, x[0].size)


@pytest.mark.parametrize(
    "points", [jnp.zeros((1, 3)), weekly(X)], ids=["origin", "mean"]
)
def test_directions_are_those_of_the_dense_svd(points):
    m = dense_mixed_derivative(NET.apply, PARAMS, points)
    values, vectors = np.linalg.svd(m, full_matrices=False)[1:]
    for count in (None, 2):
        found = al.anisotropy_directions(NET.apply, PARAMS, points, count)
        assert found.alignments == pytest.approx(values[:count] ** 2, rel=1e-6)
        cosines = np.abs((found.directions * vectors[:count]).sum(1))
        assert cosines == pytest.approx(1, abs=1e-6)


def test_the_operator_and_its_adjoint_agree():
    op = al.mixed_derivative(NET.apply, PARAMS, X)
    m = dense_mixed_derivative(NET.apply, PARAMS, X)
    u, v = np.random.default_rng(0).normal(size=3), np.ones(m.shape[0])
    assert op @ u == pytest.approx(m @ u, abs=1e-12)
    assert op.rmatvec(v) == pytest.approx(m.T @ v, abs=1e-12)


@pytest.mark.weekly
def test_theorem_1_by_monte_carlo_with_its_rate():
    """|E M u|^2 against E over pairs of draws; the error falls like 1 / sqrt(draws)."""
    u = np.array([0.6, -0.8, 0.0])
    wanted, errors = None, []
    draws = jax.random.normal(jax.random.key(3), (400_000, 3))
    op = al.mixed_derivative(NET.apply, PARAMS, draws)
    wanted = ((op @ u) ** 2).sum()
    for size in (100, 6400):
        parts = [draws[i * size : (i + 1) * size] for i in range(20)]
        found = [
            al.tangent_alignment(NET.apply, PARAMS, x, np.asarray(x) @ u) for x in parts
        ]
        errors.append(np.sqrt(np.mean((np.array(found) - wanted) ** 2)))
    assert errors[1] < 0.1 * wanted
    assert np.log(errors[0] / errors[1]) / np.log(64) == pytest.approx(0.5, abs=0.2)


SETTINGS = dict(step_size=0.1, epochs=5, batch_size=4, key=KEY)


# --- bad input
@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: al.eigenfunctions(GRAM, 13), ValueError, "`count` is 13, but a Gram"),
        (lambda: al.energy_concentration(GRAM, np.ones(12), 20), ValueError, "`count`"),
        (lambda: al.target_alignment(GRAM, np.zeros(12)), ValueError, "0 everywhere"),
        (lambda: al.binarize(np.zeros(3)), ValueError, "0 everywhere"),
        (lambda: al.target_alignment(GRAM, np.ones(5)), ValueError, r"\(5,\)"),
        (lambda: al.target_alignment(GRAM, np.ones((2, 12))), ValueError, "target.T"),
        (lambda: al.target_alignment(GRAM[:3], np.ones(12)), ValueError, "square"),
        (
            lambda: al.target_alignment(GRAM, np.ones(12), centered=True),
            ValueError,
            "`target` is constant",
        ),
        (
            lambda: al.target_alignment(0 * GRAM, np.ones(12), normalized=True),
            ValueError,
            "`kernel` is 0",
        ),
        (
            lambda: al.target_alignment(GRAM, np.ones(12), normalized=1),
            TypeError,
            "`normalized`",
        ),
        (lambda: al.rkhs_norm(-GRAM, np.ones(12)), ValueError, "positive semidefinite"),
        (lambda: al.kernel_alignment(GRAM, GRAM[:3]), ValueError, "of one shape"),
        (lambda: al.kernel_alignment(GRAM, np.ones((12, 12))), ValueError, "is 0"),
        (lambda: data.two_classes(np.array([0, 10])), ValueError, "from 0 to 9"),
        (lambda: data.two_classes(np.array([0.0, 1.0])), TypeError, "whole numbers"),
        (lambda: data.two_classes(np.array([0, 1])), ValueError, "only one"),
        (lambda: data.fashion_mnist(shrink=3), ValueError, "must divide 28"),
        (
            lambda: data.separable(np.zeros(3), 2, seed=0),
            ValueError,
            "`direction` is 0",
        ),
        (
            lambda: ntkbook.sgd(NET.apply, PARAMS, X, (SIGNS + 1) / 2, **SETTINGS),
            ValueError,
            "`y` must hold -1 and 1",
        ),
        (
            lambda: ntkbook.sgd(
                NET.apply, PARAMS, X, SIGNS, **SETTINGS | {"batch_size": 13}
            ),
            ValueError,
            "only 12 points",
        ),
        (
            lambda: ntkbook.sgd(
                NET.apply, PARAMS, X, SIGNS, record=[6], observe=jnp.ravel, **SETTINGS
            ),
            ValueError,
            "`record` must hold epochs from 0 to 5",
        ),
        (
            lambda: ntkbook.kernel_sgd(jnp.array(GRAM), SIGNS[:, 0], **SETTINGS),
            ValueError,
            r"pass y\[:, None\]",
        ),
        (
            lambda: ntkbook.kernel_sgd(
                jnp.array(GRAM), SIGNS, loss="squared", **SETTINGS | {"step_size": 1e40}
            ),
            ValueError,
            "training diverged",
        ),
        (
            lambda: al.anisotropy_directions(NET.apply, PARAMS, X, 3),
            ValueError,
            "`count` is 3, but there are only 3 directions",
        ),
    ],
)
def test_bad_input_is_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_images_of_the_wrong_size_are_named():
    net = ntkbook.lenet()
    params = net.init(KEY, jnp.ones((1, 8, 8, 1)))
    with pytest.raises(ValueError, match=r"images \(12, 12, 1\) need weights"):
        net.apply(params, jnp.ones((1, 12, 12, 1)))
    with pytest.raises(ValueError, match="at least 4 x 4"):
        net.init(KEY, jnp.ones((1, 3, 3, 1)))
    with pytest.raises(ValueError, match="must be images"):
        ntkbook.resnet().apply({}, jnp.ones((2, 3)))
