"""The playground in training: what ends, what diverges, and what the page is told."""

import numpy as np
import pytest

import ntkbook
from tests.site.playground.test_models import GRID, library, runs, state


def test_the_linear_model_is_gradient_descent_in_closed_form(engine):
    # After s steps of eta on the squared loss with decay rho, the part of the residual
    # along an eigenvector of rate r = lambda + rho is that of the solution times
    # (1 - eta r)^s.
    where = state({"count": 9}, {"width": 32, "depth": 2}, step=0.6, weight_decay=0.01)
    ready, frame = runs(engine, where, GRID, 3000, {"functions": True})
    y = np.array(ready["y"])
    for name, kernel in (("linear", "kernel0"), ("infinite", "infiniteKernel")):
        values, vectors = np.linalg.eigh(np.reshape(ready[kernel], (9, 9)))
        rates = values + ready["rho"]
        gain = (1 - (1 - ready["stepSize"] * rates) ** 3000) / rates
        exact = vectors @ (values * gain * (vectors.T @ y))
        np.testing.assert_allclose(frame["models"][name]["outputs"], exact, atol=1e-9)
    apply, start, (x, y, *_) = library(where)
    new = np.linspace(-3, 3, 7)[:, None]
    ridge = ntkbook.kernel_regression(
        ntkbook.ntk(apply, start, x), y, ridge=ready["rho"],
        k_test=ntkbook.ntk(apply, start, new, x),
    )  # fmt: skip
    np.testing.assert_allclose(
        frame["models"]["linear"]["functions"], ridge.test[:, 0], atol=1e-6
    )


def test_lazy_networks_follow_their_linear_model_and_rich_ones_do_not(engine):
    def apart(scale):
        where = state({"count": 6}, {"scale": scale, "width": 32}, step=0.5)
        _, frame = runs(engine, where, GRID, 300, {"functions": True, "kernel": True})
        models = frame["models"]
        gap = np.subtract(models["network"]["functions"], models["linear"]["functions"])
        return abs(gap).max(), frame["kernel"]["change"], models["network"]["moved"]

    (lazy, kept, still), (rich, changed, moved) = apart(100), apart(0.1)
    assert lazy < 0.05 and kept < 0.01 and still < 0.01
    assert rich > 5 * lazy and changed > 20 * kept and moved > 20 * still


@pytest.mark.parametrize("step, diverges", [(0.99, False), (1.05, True)])
def test_the_linear_model_diverges_above_the_threshold(engine, step, diverges):
    ready, frame = runs(
        engine, state({"count": 8}, {"width": 64}, step=step), None, 3000
    )
    assert ready["threshold"] == 1
    linear = frame["models"]["linear"]
    assert (linear["diverged"] is not None) == diverges
    assert np.isfinite(linear["outputs"]).all() and np.isfinite(linear["loss"])
    if diverges:
        losses = frame["losses"]["linear"]
        at = linear["diverged"]
        assert losses[at - 2] == losses[-1] > 1e8  # what it was is kept
        assert losses[at - 2] > losses[at - 3] > losses[0]
        assert frame["models"]["network"]["diverged"] is None  # the network survives


def test_a_network_that_diverges_says_so(engine):
    where = state(
        {"count": 5}, {"activation": "relu", "depth": 3, "width": 32}, step=10
    )
    _, frame = runs(engine, where, GRID, 500, {"functions": True, "kernel": True})
    network = frame["models"]["network"]
    assert network["diverged"] is not None and frame["step"] < 500
    assert np.isfinite(network["functions"]).all() and np.isfinite(network["moved"])
    again = runs(engine, where, GRID, 500, {"query": True}, [0.5])[1]["query"]
    assert np.isfinite(again["network"]).all()


def test_logistic_steps_are_stable_beyond_that_of_the_squared_loss(engine):
    where = state({"kind": "circle", "count": 12}, {}, loss="logistic", step=3.5)
    ready, frame = runs(engine, where, None, 400)
    assert ready["threshold"] == 4
    losses = frame["losses"]["linear"]
    assert all(late <= early for early, late in zip(losses, losses[1:], strict=False))


def test_a_frame_says_what_the_page_shows(engine):
    where = state({"count": 8, "test": 11}, {"width": 16}, batch=3)
    want = {"functions": True, "kernel": True, "test": True}
    ready, frame = runs(engine, where, GRID, 12, want)
    assert frame["step"] == 12 and frame["time"] == 12 * ready["stepSize"]
    assert frame["losses"]["step"] == [*range(1, 13)] and len(frame["batch"]) == 3
    vectors = np.linalg.eigh(np.reshape(ready["kernel0"], (8, 8)))[1][:, ::-1]
    vectors = vectors * np.sign(vectors[abs(vectors).argmax(0), range(8)])
    y, now = np.array(ready["y"]), np.reshape(frame["kernel"]["now"], (8, 8))
    np.testing.assert_allclose(ready["targets"], vectors.T @ y, atol=1e-9)
    np.testing.assert_allclose(
        ready["spectrum0"]["energy"], (vectors.T @ y) ** 2 / (y @ y), atol=1e-9
    )
    kernel0 = np.reshape(ready["kernel0"], (8, 8))
    change = np.linalg.norm(now - kernel0) / np.linalg.norm(kernel0)
    assert frame["kernel"]["change"] == pytest.approx(change)
    align = y @ now @ y / (np.linalg.norm(now) * (y @ y))
    assert frame["kernel"]["alignment"] == pytest.approx(align)
    values = np.linalg.eigvalsh(now)[::-1]
    np.testing.assert_allclose(frame["kernel"]["spectrum"]["values"], values, atol=1e-9)
    for model in frame["models"].values():
        gap = np.array(model["outputs"]) - y
        assert model["loss"] == pytest.approx(0.5 * np.mean(gap**2))
        np.testing.assert_allclose(
            model["inBasis"], vectors.T @ model["outputs"], atol=1e-9
        )
        assert len(model["functions"]) == 7 and model["lossTest"] > 0
    less = runs(engine, where, None, 12)[1]
    assert (
        less["kernel"]
        is less["query"]
        is less["models"]["network"]["functions"]
        is None
    )


def test_losses_on_test_points_and_their_csv(engine):
    where = state(
        {"count": 4, "test": 6},
        {"width": 8, "parametrization": "mean_field", "depth": 2},
    )
    found = engine(
        """(state) => {
          const answer = E.serve();
          answer({type: "set", state, grid: null});
          answer({type: "run", steps: 3, budget: 1e9});
          return answer({type: "save"}).csv;
        }""",
        where,
    )
    head, *rows = [line.split(",") for line in found.split("\n")]
    assert head == ["step", "loss of network", "loss of linear"]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert all(float(value) > 0 for row in rows for value in row[1:])
