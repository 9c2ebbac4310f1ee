"""The playground's state: one meaning in the page and in Python, and clear errors."""

import json

import numpy as np
import pytest

from ntkbook.page import playground

KINDS = ["sine", "cubic", "abs", "step", "gaussians", "circle", "xor", "spiral"]


def test_points_weights_and_batches_are_pythons(engine):
    for k, kind in enumerate(KINDS):
        data = {"kind": kind, "count": 7 + k, "test": 3, "noise": 0.3, "seed": k}
        net = {"depth": 1 + k % 3, "width": 5, "seed": 11 * k, "weight_std": 0.7}
        net["parametrization"] = ["ntk", "standard", "mup", "mean_field"][k % 4]
        state = {"data": data, "network": net, "training": {"batch": 3}}
        setting = playground(state)
        found = engine(
            """(state) => {
              state = E.STATE.complete(state);
              const {d, x, y, testX, testY} = E.STATE.points(state);
              const net = E.MLP.shape(state.network, d), rows = [];
              const batches = E.BATCHES.create(y.length, 3, state.network.seed);
              for (let s = 0; s < 9; s++) rows.push((batches.next(), batches.indices));
              const w = E.MLP.draw(net, state.network.seed);
              return [x, y, testX, testY, [...w], rows];
            }""",
            state,
        )
        x, y, x_test, y_test = setting.points()
        for mine, ours in zip(found, (x, y[:, 0], x_test, y_test[:, 0]), strict=False):
            np.testing.assert_allclose(mine, ours, rtol=1e-13, atol=1e-14)
        layers = setting.weights()
        flat = [part.ravel() for layer in layers for part in layer.values()]
        np.testing.assert_allclose(found[4], np.concatenate(flat), rtol=1e-13)
        assert found[5] == setting.batches(9).tolist()


def test_every_point_of_an_epoch_is_taken_once():
    setting = playground({"data": {"count": 7}, "training": {"batch": 2}})
    batches = setting.batches(30).reshape(10, 6)
    assert all(len(set(row)) == 6 for row in batches.tolist())
    assert len({tuple(row) for row in batches.tolist()}) > 5
    assert playground({"data": {"count": 3}}).batches(2).tolist() == [[0, 1, 2]] * 2


def test_a_state_is_completed_and_shortened(engine):
    state = {"network": {"width": 8}, "data": {"kind": "points", "points": [[1, 2]]}}
    whole = playground(state).state
    assert engine("(state) => E.STATE.complete(state)", state) == whole
    assert engine("(state) => E.STATE.without(state)", whole) == state
    assert engine("(state) => E.STATE.complete(state)", None) == playground().state
    assert engine("(state) => E.STATE.problems(E.STATE.complete(state))", state) == []


BAD = {
    "an unknown section": ({"optimizer": {}}, "optimizer"),
    "an unknown field": ({"network": {"with": 3}}, "network.with"),
    "an unknown choice": ({"data": {"kind": "moons"}}, "data.kind"),
    "too wide": ({"network": {"width": 513}}, "network.width"),
    "half a unit": ({"network": {"width": 4.5}}, "network.width"),
    "a name for a number": ({"training": {"step": "large"}}, "training.step"),
    "no step": ({"training": {"step": 0}}, "training.step"),
    "1 for true": ({"network": {"zero_output": 1}}, "network.zero_output"),
    "no points": ({"data": {"kind": "points"}}, "data.points"),
    "no rows": ({"data": {"kind": "points", "points": 3}}, "data.points"),
    "ragged rows": (
        {"data": {"kind": "points", "points": [[1, 2], [1, 2, 3]]}}, "data.points",
    ),
    "a huge number": (
        {"data": {"kind": "points", "points": [[1e9, 2]]}}, "data.points",
    ),
    "other test points": (
        {"data": {"kind": "points", "points": [[1, 2]], "held_out": [[1, 2, 3]]}},
        "data.held_out",
    ),
    "no classes": ({"training": {"loss": "logistic"}}, "training.loss"),
    "a batch too large": (
        {"data": {"count": 3}, "training": {"batch": 4}}, "training.batch",
    ),
    "0 without biases": (
        {"data": {"kind": "points", "points": [[0, 1]]}, "network": {"bias_std": 0}},
        "network.bias_std",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*BAD])
def test_bad_states_are_refused_by_both(engine, name):
    state, field = BAD[name]
    problems = engine("(state) => E.STATE.problems(E.STATE.complete(state))", state)
    assert [each["field"] for each in problems] == [field]
    section, _, key = field.partition(".")
    named = f'state\\["{section}"\\]' + (
        f'\\["{key}"\\]' if "an unk" not in name else ""
    )
    with pytest.raises((ValueError, TypeError), match=named if key else "state"):
        playground(state)


@pytest.mark.parametrize("state", [3, [], "wide", {"data": 3}, {3: {}}])
def test_what_is_no_state_is_refused(state):
    with pytest.raises((TypeError, ValueError), match="`state"):
        playground(state)


def test_bad_states_and_kernels_of_zero_come_back_as_problems(engine):
    found = engine(
        """() => {
          const answer = E.serve();
          const of = (state) => answer({type: "set", state, grid: null});
          const network = {weight_std: 5, bias_std: 0, depth: 3};
          const wrong = of({network: {width: 1}});
          return [wrong, answer({type: "run"}), of({network: null}).type,
                  of({data: {kind: "points", points: [[900, 1]]}, network}).type];
        }"""
    )
    assert found[0]["problems"][0]["field"] == "network.width"
    assert found[1:] == [{"type": "stale"}, "ready", "ready"]


def test_settings_share_nothing():
    one, other = playground(), playground()
    one.state["data"]["points"].append([1.0, 2.0])
    one.state["network"]["width"] = 7
    assert other.state == playground().state != one.state


def test_it_shows_itself_and_its_state():
    setting = playground({"data": {"kind": "step"}, "network": {"activation": "relu"}})
    html = setting._repr_html_()
    assert html.count("<script>") == 1 and "function playgroundEngine()" in html
    text = html.split('data-state="')[1].split('"')[0].replace("&quot;", '"')
    assert json.loads(text) == setting.state
    assert repr(setting).startswith(
        "Playground: step, relu network of width 64, depth 1"
    )
