"""The playground's models against the library: kernels, curvature, contributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.page import playground
from ntkbook.paths import path_kernel
from tests.helpers.draws import weekly

ACTIVATIONS = {"tanh": "tanh", "relu": "relu", "erf": "erf", "sin": jnp.sin}
GRID = {"low": [-3], "high": [3], "count": [7]}
PLANE = {"low": [-2, -2], "high": [2, 1], "count": [3, 4]}


def library(state):
    """The library's network for a state, its initial parameters, and the points."""
    setting = playground(state)
    own, layers = setting.state["network"], setting.weights()
    names = ("width", "depth", "weight_std", "bias_std", "zero_output", "scale")
    options = {name: own[name] for name in names}
    if own["parametrization"] == "mup":
        options["scale"] /= own["width"] ** 0.5
    elif own["parametrization"] != "ntk":
        options["parametrization"] = own["parametrization"]
    net = ntkbook.mlp(activation=ACTIVATIONS[own["activation"]], **options)
    layers = jax.tree.map(jnp.array, layers)
    start = {"now": layers, "start": layers} if own["zero_output"] else layers
    return net.apply, start, [jnp.array(each) for each in setting.points()]


def runs(engine, state, grid, steps, want=None, query=None):
    """The answers to `set`, and to `run` after so many steps; arrays as lists."""
    return engine(
        """([state, grid, steps, want, query]) => {
          const answer = E.serve(), ready = answer({type: "set", state, grid});
          if (ready.type !== "ready") return [ready];
          if (query) answer({type: "query", at: query, budget: 1e9});
          const frame = answer({type: "run", steps, budget: 1e9, want: want ?? {}});
          const plain = (_, value) => ArrayBuffer.isView(value) ? [...value] : value;
          return JSON.parse(JSON.stringify([ready, frame], plain));
        }""",
        [state, grid, steps, want, query],
    )


def state(data=None, network=None, **training):
    return {"data": data or {}, "network": network or {}, "training": training}


PARAMETRIZATIONS = ["ntk", "standard", "mup"]


# Each activation and each depth; weekly, each activation at each depth.
OFTEN = {("tanh", 1), ("relu", 2), ("erf", 3), ("sin", 2)}
PAIRS = [(name, depth) for name in ACTIVATIONS for depth in (1, 2, 3)]


@pytest.mark.parametrize(
    "activation, depth", [p if p in OFTEN else weekly(*p) for p in PAIRS]
)
def test_network_and_kernel_at_the_start(engine, activation, depth):
    # Both ways of starting, all parametrisations of the library, one and two inputs.
    kind, grid = [("sine", GRID), ("xor", PLANE)][depth % 2]
    for parametrization in PARAMETRIZATIONS:
        net = {"activation": activation, "depth": depth, "width": 5 + depth}
        net |= {"parametrization": parametrization, "scale": 0.7}
        net |= {"zero_output": depth == 2, "bias_std": 0.5 * (depth < 3)}
        where = state({"kind": kind, "count": 5, "test": 3}, net)
        (ready, _) = runs(engine, where, grid, 0)
        apply, start, (x, y, x_test, _) = library(where)
        places = [np.linspace(*ends) for ends in zip(*grid.values(), strict=True)]
        mesh = np.meshgrid(*places, indexing="ij")
        new = jnp.array(np.stack([each.T.ravel() for each in mesh], 1))
        np.testing.assert_allclose(np.reshape(ready["x"], x.shape), x, atol=1e-14)
        network = ready["frame"]["models"]["network"]
        for mine, at in ((network["outputs"], x), (network["functions"], new)):
            np.testing.assert_allclose(mine, apply(start, at)[:, 0], atol=1e-12)
        kernel = ntkbook.ntk(apply, start, x)
        np.testing.assert_allclose(
            np.reshape(ready["kernel0"], (5, 5)), kernel, rtol=1e-11, atol=1e-12
        )
        assert ready["lambdaMax"] == pytest.approx(np.linalg.eigvalsh(kernel)[-1])
        assert ready["weights"] == sum(
            leaf.size for leaf in jax.tree.leaves(start)
        ) // (2 if net["zero_output"] else 1)


@pytest.mark.parametrize("activation", [*ACTIVATIONS])
@pytest.mark.parametrize("bias", [0.0, 0.5, 1.5])
def test_the_infinite_kernel(engine, activation, bias):
    for depth in (1, 3):
        net = {"activation": activation, "depth": depth, "width": 16}
        net |= {"weight_std": 1.2, "bias_std": bias, "scale": 0.5}
        where = state({"kind": "spiral", "count": 9}, net)
        ready, _ = runs(engine, where, None, 0)
        x = library(where)[2][0]
        exact = 0.25 * ntkbook.infinite.ntk(
            x, depth=depth, activation=ACTIVATIONS[activation], weight_std=1.2,
            bias_std=bias,
        )  # fmt: skip
        np.testing.assert_allclose(
            np.reshape(ready["infiniteKernel"], (9, 9)), exact, rtol=1e-8, atol=1e-9
        )


@pytest.mark.parametrize("activation", ["relu", "erf", "sin", weekly("tanh")])
def test_the_covariance_of_the_output(engine, activation):
    """What the live figure of Chapter 4 takes from the same recursion."""
    x = np.random.default_rng(0).normal(size=(5, 2))
    net = {"activation": activation, "depth": 2, "width": 16, "parametrization": "ntk"}
    net |= {"weight_std": 1.2, "bias_std": 0.5, "zero_output": False, "scale": 0.5}
    found = engine(
        """([net, x, n]) => [...E.INFINITE.kernels(
          E.MLP.shape(net, 2), Float64Array.from(x.flat()), x.length, n).sigma]""",
        [net, x.tolist(), 3],
    )
    settings = dict(depth=2, activation=ACTIVATIONS[activation])
    exact = 0.25 * ntkbook.infinite.nngp(
        jnp.array(x), jnp.array(x[:3]), weight_std=1.2, bias_std=0.5, **settings
    )
    np.testing.assert_allclose(np.reshape(found, (5, 3)), exact, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("parametrization", PARAMETRIZATIONS)
def test_wide_networks_have_the_infinite_kernel(engine, parametrization):
    # Also in the standard parametrisation, for which the library has none.
    def distance(width):
        net = {"width": width, "depth": 2, "parametrization": parametrization}
        ready, _ = runs(engine, state({"count": 6}, net), None, 0)
        own, limit = np.array(ready["kernel0"]), np.array(ready["infiniteKernel"])
        return np.linalg.norm(own - limit) / np.linalg.norm(limit)

    assert distance(512) < 0.15
    assert distance(512) < 0.5 * np.mean([distance(8), distance(12), distance(16)])


def test_mean_field_is_mup_with_one_hidden_layer_and_has_no_limit_with_two(engine):
    def ready(depth, parametrization):
        net = {"depth": depth, "width": 9, "parametrization": parametrization}
        return runs(engine, state({"count": 4}, net), GRID, 3, {"functions": True})

    one, other = ready(1, "mup"), ready(1, "mean_field")
    for mine, theirs in ((one[0]["kernel0"], other[0]["kernel0"]),
                         (one[1]["models"]["network"]["functions"],
                          other[1]["models"]["network"]["functions"])):  # fmt: skip
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
    first, frame = ready(2, "mean_field")
    assert first["infiniteKernel"] is None and "vanishes" in first["noInfinite"]
    assert frame["models"]["infinite"] is None


@pytest.mark.parametrize("activation", ["tanh", weekly("erf"), weekly("sin")])
def test_contributions_are_those_of_the_path_kernel(engine, activation):
    net = {"activation": activation, "depth": 2, "width": 8, "scale": 0.5}
    net |= {"zero_output": activation != "tanh"}
    training = (
        {"step": 0.7} if activation == "sin" else {"step": 0.7, "loss": "logistic"}
    )
    where = state({"kind": "circle", "count": 6}, net, **training)
    ready, frame = runs(engine, where, None, 25, {"query": True}, [0.3, -0.4])
    apply, start, (x, y, *_) = library(where)
    options = dict(step_size=ready["stepSize"], steps=25, progress=False)
    options["loss"] = training.get("loss", "squared")
    query = jnp.array([[0.3, -0.4]])
    exact = path_kernel(apply, start, x, y, query, integral="exact", nodes=4, **options)
    found = frame["query"]
    np.testing.assert_allclose(found["network"], exact.contributions[0, 0], atol=1e-10)
    assert found["outputs"]["network"] == pytest.approx(float(exact.outputs[0, 0]))
    assert found["error"] < 1e-7
    line = path_kernel(ntkbook.linearize(apply, start), start, x, y, query, **options)
    np.testing.assert_allclose(found["linear"], line.contributions[0, 0], atol=1e-10)
    total = found["start"] + sum(found["linear"])
    assert found["outputs"]["linear"] == pytest.approx(total, abs=1e-12)
    assert max(np.abs(np.subtract(found["network"], found["linear"]))) > 1e-3


def test_contributions_add_up_with_decay_minibatches_and_kinks(engine):
    for activation, most in (("tanh", 1e-8), ("relu", 1e-2)):
        where = state(
            {"count": 8}, {"activation": activation, "width": 16, "depth": 2},
            weight_decay=0.05, batch=3, step=0.3,
        )  # fmt: skip
        _, frame = runs(engine, where, None, 40, {"query": True}, [0.1])
        found = frame["query"]
        for name in ("network", "linear", "infinite"):
            total = found["start"] + sum(found[name]) + found["decay"][name]
            assert found["outputs"][name] == pytest.approx(total, abs=most)
            assert found["decay"][name] != 0


def test_a_query_may_change_while_it_trains(engine):
    where = state({"count": 5}, {"width": 8}, batch=2)
    early = runs(engine, where, None, 30, {"query": True}, [0.4])[1]["query"]
    late = engine(
        """(state) => {
          const answer = E.serve(), parts = [];
          answer({type: "set", state, grid: null});
          answer({type: "query", at: [-1], budget: 1e9});
          answer({type: "run", steps: 20, budget: 1e9});
          for (let part = 0; part < 1;) {
            part = answer({type: "query", at: [0.4], budget: -1}).part;
            parts.push(part);
            if (parts.length === 5) answer({type: "run", steps: 5, budget: 1e9});
          }
          answer({type: "run", steps: 5, budget: 1e9});
          const {query} = answer({type: "run", steps: 0, want: {query: true}});
          const none = answer({type: "query", at: null});
          return [parts, [...query.network], query.outputs, none.done];
        }""",
        where,
    )
    parts, network, outputs, none = late
    assert (
        len(parts) == 25 and parts[:6] == [0.05, 0.1, 0.15, 0.2, 0.25, 6 / 25] and none
    )
    assert network == early["network"] and outputs == early["outputs"]


@pytest.mark.parametrize("activation, depth", [("tanh", 1), ("erf", 2), ("sin", 3)])
def test_kappa_is_the_librarys(engine, activation, depth):
    net = {"activation": activation, "depth": depth, "width": 6, "scale": 2}
    where = state({"kind": "xor", "count": 4}, net)
    found = engine(
        """(state) => {
          const answer = E.serve();
          answer({type: "set", state, grid: null});
          return answer({type: "kappa", budget: 1e9});
        }""",
        where,
    )
    apply, start, (x, y, *_) = library(where)

    def model(layers, x):  # only what is trained
        return apply({"now": layers, "start": start["start"]}, x)

    exact = ntkbook.kappa(model, start["now"], x, y)
    assert found["done"]
    assert found["residual"] == pytest.approx(exact.residual_norm, rel=1e-9)
    assert found["jacobian"] == pytest.approx(exact.jacobian_norm, rel=1e-9)
    # Both ends of the search may be local maxima; neither exceeds the bound.
    assert (
        0.98 * exact.hessian_norm < found["hessian"] <= exact.hessian_bound * (1 + 1e-6)
    )
    assert found["value"] == pytest.approx(
        found["residual"] * found["hessian"] / found["jacobian"] ** 2
    )


def test_hessian_products_are_the_librarys(engine):
    net = {"activation": "tanh", "depth": 2, "width": 5}
    where = state({"kind": "circle", "count": 3}, net)
    apply, start, (x, *_) = library(where)
    flat, back = jax.flatten_util.ravel_pytree(start["now"])
    order = [  # ravel_pytree takes a layer's biases first
        jax.flatten_util.ravel_pytree([layer["weight"], layer["bias"]])[0]
        for layer in back(jnp.arange(float(flat.size)))
    ]
    order = np.concatenate(order).astype(int)
    rng = np.random.default_rng(0)
    v, c = rng.normal(size=flat.size), rng.normal(size=3)
    hessians = jax.hessian(
        lambda w: apply({"now": back(w), "start": start["start"]}, x)[:, 0]
    )(flat)
    found = engine(
        """([state, v, c]) => {
          const {net, start, points} = E.RUN.create(E.STATE.complete(state), null);
          const self = E.CURVATURE.create(net, start, points), V = Float64Array.from(v);
          return [[...E.CURVATURE.along(self, V)],
                  [...E.CURVATURE.product(self, Float64Array.from(c), V, V.slice())]];
        }""",
        [where, v[order].tolist(), c.tolist()],
    )
    along = np.einsum("p,ipq,q->i", v, hessians, v)
    np.testing.assert_allclose(found[0], along, rtol=1e-10, atol=1e-12)
    product = np.einsum("i,ipq,q->p", c, hessians, v)[order]
    np.testing.assert_allclose(found[1], product, rtol=1e-10, atol=1e-12)


def test_kappa_comes_in_pieces_that_only_grow(engine):
    where = state({"count": 5}, {"width": 6, "activation": "relu", "depth": 2})
    found = engine(
        """(state) => {
          const answer = E.serve(), whole = E.serve(), values = [];
          for (const each of [answer, whole]) each({type: "set", state, grid: null});
          for (let done = false; !done;) {
            const found = answer({type: "kappa", budget: 0});
            values.push(found.value);
            done = found.done;
          }
          return [values, whole({type: "kappa", budget: 1e9}).value];
        }""",
        where,
    )
    values, whole = found
    assert len(values) > 2 and values == sorted(values)
    assert values[-1] == whole > values[0]
