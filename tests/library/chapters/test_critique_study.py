"""The critique's study, its theory, and its command."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.critique import __main__ as command
from ntkbook.critique import (
    kernel,
    kernel_trial,
    network,
    theory,
    trials,
)
from ntkbook.infinite import nngp
from ntkbook.results import stored
from tests.helpers.draws import weekly
from tests.helpers.kernels.values import unit_vectors

# --- the study
PAPER = {
    "GP1": (0.0634271, 0.000419303),
    "GP2": (0.0635353, 0.000420746),
    "NTKA1": (0.0808606, 0.000538324),
    "NTKA2": (0.0836348, 0.000625299),
    "NTKJ1": (0.063008, 0.000412339),
    "NTKJ2": (0.062946, 0.000412801),
    "NTKB1": (0.0629396, 0.000413537),
    "NTKB2": (0.0629477, 0.000413594),
    "K1": (0.103857, 0.000862339),
}


def test_the_stored_study_has_every_printed_digit_of_the_table():
    kept = stored("06_equivalence")["results"]["kernels"]
    assert len(kept) == 50
    for name, (mean, error) in PAPER.items():
        found = [trial["published"]["published"][name] for trial in kept]
        assert f"{np.mean(found):.6g}" == f"{mean:.6g}"
        assert np.std(found) / 50**0.5 == pytest.approx(error, abs=6e-10)


def agree(found, kept):
    for generator, predictors in found.items():
        for predictor, errors in predictors.items():
            assert errors == pytest.approx(kept[generator][predictor], rel=1e-7)


def test_a_trial_today_gives_what_is_stored(monkeypatch):
    kept = stored("06_equivalence")["results"]["kernels"][3]
    agree(kernel_trial(3), kept)
    # With one sign more or less, of 1000, it would not.
    others = trials.signs("published").copy()
    others[3, 500] *= -1
    monkeypatch.setattr(trials, "signs", lambda generator: others)
    with pytest.raises(AssertionError):
        agree(kernel_trial(3, generators=["published"]), kept)


def test_half_of_the_signs_are_the_others():
    """As it must be if they are arbitrary: no rule is hidden in the stored ones."""
    for generator in "published", "corrected":
        found = trials.signs(generator)
        assert found.shape == (50, 1000) and set(np.unique(found)) == {-1, 1}
        assert abs(found.mean()) < 5 / 50_000**0.5


# --- theory
X, Y = unit_vectors(12), np.random.default_rng(2).standard_normal(12)
X_TEST = unit_vectors(5, seed=3)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_distribution_over_starts_is_that_of_many_starts(depth):
    times = [0.0, 0.7, np.inf]
    found = theory(X, Y, X_TEST, times, depth=depth)
    points = np.concatenate([X, X_TEST])
    sigma = np.asarray(nngp(jnp.asarray(points), depth=depth, bias_std=1.0))
    starts = np.random.default_rng(0).multivariate_normal(np.zeros(17), sigma, 4000)
    ends = np.stack(
        [
            theory(X, Y, X_TEST, times, depth=depth, start=(f[:12], f[12:])).mean
            for f in starts[:50]
        ]
    )
    # The end is linear in the start: the rest follows without solving again.
    slope, rest = np.linalg.lstsq(
        np.column_stack([starts[:50], np.ones(50)]), ends.reshape(50, -1), rcond=None
    )[:2]
    many = np.column_stack([starts, np.ones(4000)]) @ slope
    many = many.reshape(4000, 3, 5)
    spread = np.sqrt(found.variance)
    assert (np.abs(many.mean(0) - found.mean) < 4 * spread / 4000**0.5 + 1e-9).all()
    np.testing.assert_allclose(many.var(0), found.variance, rtol=0.12, atol=1e-9)
    y_test = np.zeros(5)
    np.testing.assert_allclose(
        found.rmse(y_test), np.sqrt((many**2).mean((0, 2))), rtol=0.04
    )


def test_theory_ends():
    zero = theory(X, Y, X_TEST, [0.0, np.inf], start="zero")
    np.testing.assert_allclose(zero.mean[0], 0.0)
    k = kernel("NTKJ1", np.concatenate([X, X_TEST]))
    expected = k[12:, :12] @ np.linalg.solve(k[:12, :12], Y)
    np.testing.assert_allclose(zero.mean[1], expected, rtol=1e-7)
    np.testing.assert_array_equal(zero.variance, 0.0)
    untrained = theory(X, Y, X_TEST, 0.0).variance
    np.testing.assert_allclose(untrained, 1 + (1 + 1 / 15) / 2)  # 1 + H1(x, x)


def test_theory_takes_another_kernel():
    own = theory(X, Y, X_TEST, 0.5, kernel=lambda x: kernel("NTKJ1", np.asarray(x)))
    np.testing.assert_allclose(own.mean, theory(X, Y, X_TEST, 0.5).mean, rtol=1e-9)
    other = theory(X, Y, X_TEST, 0.5, kernel=lambda x: kernel("K1", np.asarray(x)))
    assert np.abs(other.mean - own.mean).max() > 0.01


# --- the command
def test_the_command_keeps_trials_and_goes_on(tmp_path, capsys, monkeypatch):
    arguments = ["--points", "40", "--out", str(tmp_path), "--quiet", "--trials"]
    command.main([*arguments, "2"])
    table = capsys.readouterr().out
    assert "NTKB1" in table and "corrected / corrected" in table
    kept = sorted(p.name for p in tmp_path.glob("kernels-*.json"))
    assert kept == ["kernels-000.json", "kernels-001.json"]
    calls = []
    monkeypatch.setattr(
        command,
        "kernel_trial",
        lambda i, **options: calls.append(i) or kernel_trial(i, **options),
    )
    command.main([*arguments, "3"])
    assert calls == [2]
    capsys.readouterr()
    command.main([*arguments, "2"])
    assert capsys.readouterr().out == table


def test_the_command_trains_networks(tmp_path, capsys):
    options = "--networks 1 --width 50 --epochs 2 --trials 1 --quiet --out".split()
    command.main([*options, str(tmp_path)])
    assert "theory, same initialisation" in capsys.readouterr().out
    kept = json.loads((tmp_path / "networks-000.json").read_text())["result"]
    assert len(kept["times"]) == len(kept["network"]) > 1


def one_line(arguments):
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert "\n" not in str(stop.value)
    return str(stop.value)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    arguments = ["--points", "40", "--out", str(tmp_path), "--quiet", "--trials", "1"]
    command.main(arguments)
    assert "other settings (points)" in one_line([*arguments, "--points", "41"])
    (tmp_path / "kernels-000.json").write_text('{"result": {"publ')
    assert "kernels-000.json is damaged" in one_line(arguments)
    (tmp_path / "settings.json").write_bytes(b"\xff\x00")
    assert "settings.json is damaged" in one_line(arguments)
    assert "at least 1" in one_line([*arguments, "--trials", "0"])
    few = ["--points", "3", "--out", str(tmp_path / "few"), "--quiet"]
    assert "at least 10" in one_line(few)
    networks = ["--networks", "1", "--out", str(tmp_path / "nets"), "--quiet"]
    assert "--points" in one_line([*networks, "--points", "40"])
    assert "at least 1" in one_line([*networks, "--epochs", "0"])
    a_file = tmp_path / "kernels-000.json"
    assert "kernels-000.json" in one_line(["--quiet", "--out", str(a_file / "x")])


@pytest.mark.parametrize(
    "options", [{"generators": ()}, {"predictors": "published"}, {"published": True}]
)
def test_a_trial_names_the_forms_that_it_cannot_use(options):
    with pytest.raises((ValueError, TypeError), match=f"`{next(iter(options))}`"):
        ntkbook.critique.kernel_trial(0, points=40, **options)


def test_a_network_may_compute_its_outputs_in_another_way():
    """The same outputs by another function train the same network."""
    x, y = np.eye(3), np.array([1.0, 0.0, -1.0])
    options = dict(key=jax.random.key(0), width=20, epochs=5, batch_size=2)
    net = ntkbook.mlp(20, 1, "relu", bias_std=1.0)
    one, same, other = (
        ntkbook.critique.network(x, y, x, apply=apply, **options).observed[-1]
        for apply in (None, lambda p, x: net.apply(p, x), lambda p, x: -net.apply(p, x))
    )
    np.testing.assert_allclose(same, one, rtol=1e-6)
    assert np.abs(other - one).max() > 0.01


@pytest.mark.parametrize("kills", [1, weekly(8)])
def test_a_kill_at_any_moment_loses_nothing_finished(tmp_path, kills):
    run = [sys.executable, "-m", "ntkbook.critique", "--points", "300", "--published"]
    run += ["--quiet", "--trials", "60", "--out", str(tmp_path)]
    rng = random.Random(0)
    kept = {}
    for _ in range(kills):
        process = subprocess.Popen(
            run,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"JAX_PLATFORMS": "cpu"},
            cwd=tmp_path.parent,
        )
        while len(list(tmp_path.glob("kernels-*.json"))) <= len(kept):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.random() / 10)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in tmp_path.glob("*.json"):
            json.loads(path.read_text())  # whole
            kept.setdefault(path.name, path.read_bytes())
            assert path.read_bytes() == kept[path.name]  # and never written again
    assert len(kept) > kills


# --- what does not fit
def test_a_singular_gram_is_refused():
    x = np.repeat(unit_vectors(5), 2, axis=0)
    k = kernel("NTKB1", x)
    with pytest.raises(ValueError, match="singular"):
        ntkbook.kernel_regression(k, np.ones(10))
    with pytest.raises(ValueError, match="singular"):
        theory(x, np.ones(10), X_TEST, np.inf)


def test_the_published_formulas_want_unit_vectors():
    with pytest.raises(ValueError, match="`x2` must hold unit vectors"):
        kernel("GP1", X, 2 * X_TEST, published=True)
    kernel("GP1", X, 2 * X_TEST)  # the right ones do not


def test_training_that_diverges_says_so():
    with pytest.raises(ValueError, match="`step_size`=50"):
        network(
            X, Y, X_TEST, key=jax.random.key(0), width=8, epochs=200, step_size=50.0
        )
