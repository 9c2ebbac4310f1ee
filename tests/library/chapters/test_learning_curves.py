"""Spectra on circles and spheres, and what the mean-field formula predicts."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_gegenbauer

import ntkbook
from ntkbook import alignment
from ntkbook import learning_curves as lc
from ntkbook.infinite import ntk

LEVELS = np.arange(1, 201.0) ** -1.5
TARGET = np.arange(1, 201.0) ** -1.0


# --- harmonics
def test_one_hidden_layer_on_the_circle_is_the_closed_form():
    k = np.arange(2, 40, 2)
    found = lc.network_harmonics(40).values / 4  # Theta(x, x) is 4
    assert found[0] == pytest.approx(3 / np.pi**2, rel=1e-12)
    assert found[1] == pytest.approx(1 / 4, rel=1e-12)
    exact = (k**2 + 3) / (np.pi * (k**2 - 1)) ** 2
    np.testing.assert_allclose(found[2::2], exact, rtol=0, atol=1e-12)  # rounding
    assert np.abs(found[3::2]).max() < 1e-12


def test_the_last_layer_alone_has_its_closed_form():
    k = np.arange(2, 40, 2)
    found = lc.network_harmonics(40, kind="nngp").values / 2
    np.testing.assert_allclose(
        found[2::2], 4 / (np.pi * (k**2 - 1)) ** 2, rtol=1e-7, atol=1e-15
    )


@pytest.mark.parametrize("depth, bias", [(1, 0.5), (3, 0.0), (2, 1.0)])
def test_on_equidistant_points_it_is_the_gram_matrix_with_aliases(depth, bias):
    n, settings = 32, {"depth": depth, "bias_std": bias, "weight_std": 2**0.5}
    turn = 2 * np.pi * np.arange(n) / n + 0.3
    ring = jnp.array(2**0.5 * np.stack([np.cos(turn), np.sin(turn)], 1))
    values = lc.network_harmonics(1000, **settings).values
    gram = np.asarray(ntk(ring, **settings))
    for k in (1, 3, 5):
        wave = np.sin(k * turn)
        alias = sum(values[[abs(k + m * n) for m in range(-30, 31)]])
        # Left out are aliases beyond 960: about 2 c / 32^2 / 30 of c / k^2.
        np.testing.assert_allclose(gram @ wave, n * alias * wave, rtol=2e-3 * k**2 / 30)
        assert alias >= values[k]


@pytest.mark.parametrize("dimension", [3, 4, 7])
def test_on_spheres_against_the_gegenbauer_polynomials_of_scipy(dimension):
    order = dimension / 2 - 1
    angle = np.linspace(0, np.pi, 4001)
    density = np.sin(angle) ** (dimension - 2)
    density /= np.trapezoid(density, angle)
    found = lc.harmonic_eigenvalues(np.exp, 6, dimension=dimension)
    for k in range(6):
        unit = eval_gegenbauer(k, order, np.cos(angle)) / eval_gegenbauer(k, order, 1.0)
        exact = np.trapezoid(np.exp(angle) * unit * density, angle)
        assert found.values[k] == pytest.approx(exact, abs=1e-6)
        norm = np.trapezoid(unit**2 * density, angle)
        assert found.multiplicities[k] == pytest.approx(1 / norm, rel=1e-5)


def test_the_eigenvalues_add_up_to_the_diagonal():
    found = lc.network_harmonics(200, dimension=3, activation="erf", bias_std=0.3)
    one = jnp.array([[2**0.5, 0.0]])
    own = ntk(one, depth=1, activation="erf", weight_std=2**0.5, bias_std=0.3)
    total = (found.values * found.multiplicities).sum()
    assert total == pytest.approx(float(own[0, 0]), rel=1e-6)


# --- the effective ridge
@pytest.mark.parametrize("n, ridge", [(1, 0.0), (50, 0.0), (50, 0.3), (300, 0.01)])
def test_it_solves_its_equation(n, ridge):
    kappa = lc.effective_ridge(LEVELS, n, ridge=ridge)
    assert (LEVELS / (LEVELS + kappa)).sum() + ridge / kappa == pytest.approx(n)


def test_without_ridge_and_with_few_eigenvalues_it_is_0():
    assert lc.effective_ridge(np.array([2.0, 1.0, 0.0]), 2) == 0.0
    found = lc.mean_field_risk(np.array([2.0, 1.0, 0.0]), np.ones(3), 5)
    assert found.learnabilities.tolist() == [1, 1, 0]
    assert found.error == pytest.approx(1 / (1 - 2 / 5))


@pytest.mark.parametrize("n", [5, 60, 190])
def test_of_a_population_it_solves_the_other_equation(n):
    count = len(LEVELS)
    kappa = lc.effective_ridge(LEVELS, n, ridge=0.4, population=count)
    left = (kappa - 0.4 / count) * (1 / (LEVELS + kappa)).sum()
    assert left == pytest.approx(count - n)
    free = [lc.effective_ridge(LEVELS, n, population=p) for p in (None, count)]
    assert free[0] == pytest.approx(free[1], rel=1e-9)


# --- the formula against draws
def gaussian(n, ridge, noise, rng):
    phi = rng.normal(size=(n, len(LEVELS)))
    y = phi @ TARGET + noise**0.5 * rng.normal(size=n)
    inverse = np.linalg.inv((phi * LEVELS) @ phi.T + ridge * np.eye(n))
    learned = LEVELS * (phi.T @ (inverse @ y))
    own = LEVELS * np.einsum("ni,nm,mi->i", phi, inverse, phi)
    return ((learned - TARGET) ** 2).sum() + noise, np.trace(inverse), own


@pytest.mark.parametrize("n, ridge, noise", [(40, 1e-9, 0.0), (60, 0.3, 0.2)])
def test_of_gaussian_features(n, ridge, noise):
    rng = np.random.default_rng(0)
    draws = [gaussian(n, ridge, noise, rng) for _ in range(60)]
    errors, traces, parts = (np.array(part) for part in zip(*draws, strict=True))
    told = lc.mean_field_risk(LEVELS, TARGET, n, ridge=ridge, noise=noise)
    scatter = errors.std() / 60**0.5
    assert abs(errors.mean() - told.error) < 3 * scatter + 0.03 * told.error
    assert traces.mean() == pytest.approx(1 / told.effective_ridge, rel=0.03)
    assert abs(parts.mean(0) - told.learnabilities).max() < 0.05
    if ridge > 0.1:  # Theorem 8.6 says something
        bound = 3 * n**0.5 * LEVELS.sum() / ridge**2
        assert abs(traces.mean() - 1 / told.effective_ridge) < bound


@pytest.mark.parametrize("n, ridge", [(30, 0.0), (150, 0.0), (100, 0.1), (180, 0.3)])
def test_of_points_drawn_once_from_a_random_basis(n, ridge):
    rng, count = np.random.default_rng(1), len(LEVELS)
    basis = count**0.5 * np.linalg.qr(rng.normal(size=(count, count)))[0]
    kernel, y, errors = (basis * LEVELS) @ basis.T, basis @ TARGET, []
    for _ in range(60):
        order = rng.permutation(count)
        seen, new = order[:n], order[n:]
        found = ntkbook.kernel_regression(
            kernel[np.ix_(seen, seen)], y[seen], k_test=kernel[np.ix_(new, seen)],
            ridge=ridge,
        ).test  # fmt: skip
        errors.append(((found - y[new]) ** 2).mean())
    told = lc.mean_field_risk(LEVELS, TARGET, n, ridge=ridge, population=count).error
    scatter = np.std(errors) / 60**0.5
    assert abs(np.mean(errors) - told) < 3 * scatter + 0.03 * told
    independent = lc.mean_field_risk(LEVELS, TARGET, n, ridge=ridge).error
    assert abs(np.mean(errors) - independent) > abs(np.mean(errors) - told)


def test_outputs_are_summed():
    both = lc.mean_field_risk(LEVELS, np.stack([TARGET, 2 * TARGET], 1), 30)
    one = lc.mean_field_risk(LEVELS, TARGET, 30)
    assert both.error == pytest.approx(5 * one.error)


def test_power_laws_have_their_exponents_and_their_amplification():
    levels = np.arange(1, 50001.0) ** -2.0
    for b, slope in ((2.0, -1.0), (3.0, -2.0), (8.0, -4.0)):
        target = np.arange(1, 50001.0) ** (-b / 2)
        told = [lc.mean_field_risk(levels, target, n) for n in (100, 400)]
        found = np.log(told[1].error / told[0].error) / np.log(4)
        assert found == pytest.approx(slope, abs=0.05)
        assert told[1].amplification == pytest.approx(2, rel=0.01)


# --- from the data alone
def test_leave_one_out_is_leaving_one_out():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(12, 3))
    y = rng.normal(size=(12, 2))
    kernel = np.exp(-((x[:, None] - x) ** 2).sum(-1))
    for ridge in (0.0, 0.3):
        squares = []
        for j in range(12):
            rest = np.delete(np.arange(12), j)
            found = ntkbook.kernel_regression(
                kernel[np.ix_(rest, rest)], y[rest], k_test=kernel[[j]][:, rest],
                ridge=ridge,
            ).test  # fmt: skip
            squares.append(((found[0] - y[j]) ** 2).sum())
        one_out, gcv = lc.cross_validation(kernel, y, ridge=ridge)
        assert one_out == pytest.approx(np.mean(squares), rel=1e-8)
        hat = kernel @ np.linalg.inv(kernel + ridge * np.eye(12)) if ridge else None
        if hat is not None:
            rest = ((y - hat @ y) ** 2).sum() / 12
            assert gcv == pytest.approx(rest / (1 - np.trace(hat) / 12) ** 2, rel=1e-8)


def test_learnability_is_conserved_for_any_kernel():
    rng = np.random.default_rng(3)
    factor = rng.normal(size=(20, 25))
    kernel, basis = factor @ factor.T, np.linalg.qr(rng.normal(size=(20, 20)))[0]
    seen = rng.permutation(20)[:7]
    inside = kernel[np.ix_(seen, seen)]
    for ridge in (0.0, 2.0):
        parts = lc.learnability(
            kernel[:, seen], inside, basis[seen], basis, ridge=ridge
        )
        inverse = np.linalg.inv(inside + ridge * np.eye(7))
        assert parts.sum() == pytest.approx(7 - ridge * np.trace(inverse))
    own = alignment.eigenfunctions(kernel)
    of_own = lc.learnability(
        kernel[:, seen], inside, own.functions[seen], own.functions
    )
    assert of_own.sum() == pytest.approx(7) and (of_own >= -1e-12).all()
