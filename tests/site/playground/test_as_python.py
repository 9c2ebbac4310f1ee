"""The playground's whole runs against the program that it writes, run with ntkbook."""

import numpy as np
import pytest

from tests.helpers.draws import weekly

STEPS = 40
# Lazy and rich, every parametrisation, loss and data set, beyond the edge of stability.
SETTINGS = {
    "defaults": {},
    "rich": {"network": {"scale": 0.1, "width": 16}, "training": {"step": 0.3}},
    "lazy and deep": {
        "network": {"scale": 30, "depth": 3, "activation": "erf", "width": 24}
    },
    "standard": {
        "data": {"kind": "cubic", "count": 7, "noise": 0.2, "seed": 5},
        "network": {"parametrization": "standard", "depth": 2, "seed": 3},
    },
    "standard, no biases, from its own output": {
        "data": {"kind": "xor", "count": 9},
        "network": {
            "parametrization": "standard", "bias_std": 0, "zero_output": False,
            "activation": "sin", "weight_std": 1,
        },
    },
    "mup": {
        "data": {"kind": "abs"},
        "network": {"parametrization": "mup", "depth": 2, "width": 32},
        "training": {"step": 0.9},
    },
    "mean-field": {
        "network": {"parametrization": "mean_field", "activation": "erf"},
    },
    "deep mean-field": {
        "network": {"parametrization": "mean_field", "depth": 3, "width": 12},
    },
    "logistic": {
        "data": {"kind": "circle", "count": 20},
        "network": {"depth": 2, "width": 20},
        "training": {"loss": "logistic", "step": 2.5},
    },
    "minibatches with decay": {
        "data": {"kind": "spiral", "count": 11, "noise": 0.1},
        "network": {"zero_output": False, "width": 20},
        "training": {"batch": 4, "weight_decay": 0.02, "step": 0.2},
    },
    "logistic minibatches": {
        "data": {"kind": "gaussians", "count": 10, "noise": 0.3},
        "network": {"activation": "erf", "bias_std": 1},
        "training": {"loss": "logistic", "batch": 3},
    },
    "own points, catapult": {
        "data": {
            "kind": "points", "points": [[-1, 0.5, 1], [0.3, 2, -0.5], [1, 1, 0]],
        },
        "network": {"width": 40, "scale": 2},
        "training": {"step": 1.3},
    },
}  # fmt: skip
RUN = """([state, steps]) => {
  const answer = E.serve(), diverged = {};
  const outputs = {network: [], linear: [], infinite: []};
  const ready = answer({type: "set", state, grid: null});
  if (ready.type !== "ready") return ready;
  for (let s = 0; s < steps; s++) {
    const {models} = answer({type: "run", steps: 1, budget: 0});
    for (const name in outputs) {
      outputs[name].push(models[name] && [...models[name].outputs]);
      diverged[name] = models[name]?.diverged;
    }
  }
  return {outputs, diverged, program: E.PYTHON.snippet(state, steps)};
}"""


def run_program(text, capsys):
    names = {}
    exec(compile(text, "program", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.startswith("network: [")
    return names


# Each kind of training; the other settings weekly, with twenty drawn ones.
OFTEN = {"standard", "mup", "logistic minibatches", "own points, catapult"}


@pytest.mark.parametrize("name", [n if n in OFTEN else weekly(n) for n in SETTINGS])
def test_a_whole_run_is_that_of_its_program(engine, name, capsys, relaxed):
    found = engine(RUN, [SETTINGS[name], STEPS])
    names = run_program(found["program"], capsys)
    apart = {}
    for model, outputs in found["outputs"].items():
        if outputs[0] is None:
            assert model == "infinite" and model not in names
            continue
        exact = np.array(names[model])[:, :, 0]
        assert exact.shape == (STEPS, len(names["y"]))
        end = found["diverged"][model]  # from there on the page keeps what it had
        end = STEPS if end is None else end - 1
        assert end == STEPS or (model != "network" and "catapult" in name)
        np.testing.assert_allclose(
            outputs[:end], exact[:end], rtol=1e-6, atol=1e-6, err_msg=model
        )
        apart[model] = exact[:20]
    # The comparison can fail: no two models agree as well as that.
    first, *others = apart.values()
    assert all(abs(first - other).max() > 1e-4 for other in others)


def test_relu_runs_agree_while_no_kink_is_near(engine, capsys, relaxed):
    state = {"network": {"activation": "relu", "depth": 2}, "training": {"step": 0.4}}
    found = engine(RUN, [state, 15])
    names = run_program(found["program"], capsys)
    for model, outputs in found["outputs"].items():
        exact = np.array(names[model])[:, :, 0]
        np.testing.assert_allclose(outputs, exact, rtol=1e-6, atol=1e-6, err_msg=model)


def drawn(seed):
    """A setting with a smooth network, drawn at random."""
    rng = np.random.default_rng(seed)

    def one(*values):
        return values[rng.integers(len(values))]

    kind = one("sine", "cubic", "abs", "gaussians", "circle", "xor", "spiral")
    classes = kind in ("gaussians", "circle", "xor", "spiral")
    count = int(rng.integers(3, 16))
    return {
        "data": {
            "kind": kind, "count": count, "seed": seed,
            "noise": round(rng.uniform(0, 0.3), 3),
        },
        "network": {
            "depth": int(rng.integers(1, 4)), "width": int(rng.integers(4, 65)),
            "activation": one("tanh", "erf", "sin"), "seed": seed,
            "weight_std": round(rng.uniform(0.8, 1.6), 3),
            "bias_std": one(0, 0.2, 0.7),
            "parametrization": one("ntk", "standard", "mup", "mean_field"),
            "zero_output": one(True, False),
            "scale": round(10 ** rng.uniform(-0.7, 1.5), 4),
        },
        "training": {
            "loss": one("squared", "logistic") if classes else "squared",
            "step": round(rng.uniform(0.05, 0.9), 3),
            "batch": one(0, 0, 2), "weight_decay": one(0, 0, 0.01),
        },
    }  # fmt: skip


@pytest.mark.weekly
@pytest.mark.parametrize("seed", range(20))
def test_drawn_settings_are_those_of_their_programs(engine, seed, capsys, relaxed):
    # Beyond the edge of stability a run may be chaotic: what rounding does grows from
    # step to step, in any program. So the page also runs a scale that is larger by
    # 1e-12, and is compared up to the step at which that has grown to 1e-8.
    state = drawn(seed)
    found = engine(RUN, [state, STEPS])
    state["network"]["scale"] *= 1 + 1e-12
    other = engine(RUN, [state, STEPS])["outputs"]
    names = run_program(found["program"], capsys)
    for model, outputs in found["outputs"].items():
        if outputs[0] is None:
            continue
        apart = abs(np.subtract(outputs, other[model])).max(1)
        end = found["diverged"][model]
        end = min(
            STEPS if end is None else end - 1, *np.flatnonzero(apart > 1e-8), STEPS
        )
        assert end > 5
        exact = np.array(names[model])[:end, :, 0]
        np.testing.assert_allclose(
            outputs[:end], exact, rtol=1e-6, atol=1e-6, err_msg=model
        )
