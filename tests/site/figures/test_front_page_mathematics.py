"""The mathematics of the network that trains on the first page."""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.page.browser import NETWORK
from ntkbook.page.browser.figure import file
from tests.helpers.draws import weekly

DATA = [-2.0, 0.5], [3.0, 1.0]


# Train to the end and note the state now and then, with the steps in between.
RUN = """([start, alpha, x, y, moments]) => {
  const net = NTK.fromWeights(Float64Array.from(start), alpha, x, y), states = [];
  const end = 7 / NTK.eigen(net.kernel0).values[1];
  const grid = [-4, -2.5, -1, 0.5, 2];
  let steps = [];
  for (let k = 0; k <= moments; k++) {
    const until = end * Math.expm1(4 * k / moments) / Math.expm1(4);
    while (net.time < until - 1e-12 * end) {
      const h = Math.min(NTK.stepSize(net), until - net.time);
      NTK.step(net, h);
      steps.push(h);
    }
    const curves = NTK.curves(net, -4, 2, 5);
    states.push({time: net.time, outputs: NTK.outputs(net), kernel: NTK.kernel(net),
      weights: [...net.weights], tangent: NTK.tangentOutputs(net, x),
      tangentGrid: NTK.tangentOutputs(net, grid), model: [...curves.model],
      line: [...curves.line], travelled: NTK.travelled(net), steps});
    steps = [];
  }
  return {states, end};
}"""
MOMENTS = 12


@pytest.fixture(scope="module")
def mathematics(browser):
    """A page that holds the mathematics alone, without a document to draw on."""
    page = browser.new_page()
    page.set_content("<!doctype html><title>t</title>")
    for name in ["parts.js", *NETWORK, "network.js"]:
        page.add_script_tag(content=file(name).read_text())
    yield page
    page.close()


def library(width, start):
    """The library's network with these weights, and its parameters."""
    net = ntkbook.mlp(width, 1, "tanh", weight_std=1.5, bias_std=0.5, zero_output=True)
    a, c, v = np.reshape(start[:-1], (3, width))
    layers = [
        {"weight": jnp.array(a[None, :]), "bias": jnp.array(c)},
        {"weight": jnp.array(v[:, None]), "bias": jnp.array(start[-1:])},
    ]
    return net, {"now": layers, "start": layers}


def flat(params):
    first, second = params["now"]
    parts = first["weight"], first["bias"], second["weight"], second["bias"]
    return jnp.concatenate([jnp.ravel(part) for part in parts])


@pytest.fixture(scope="module")
def trained(mathematics):
    """A function (width, alpha) -> the browser's run, and the library's network."""

    def trained(width, alpha):
        start = np.random.default_rng(width).normal(size=3 * width + 1)
        run = mathematics.evaluate(RUN, [start.tolist(), alpha, *DATA, MOMENTS])
        states = {
            key: np.array([state[key] for state in run["states"]])
            for key in run["states"][0]
            if key != "steps"
        }
        steps = [h for state in run["states"] for h in state["steps"]]
        return SimpleNamespace(**states, steps=steps, per_state=run["states"]), start

    return trained


X = jnp.array(DATA[0])[:, None]
Y = jnp.array(DATA[1])[:, None]
GRID = jnp.array([-4.0, -2.5, -1.0, 0.5, 2.0])[:, None]


@pytest.mark.parametrize(
    "width, alpha", [weekly(4, 10.0), (64, 0.1), weekly(1024, 1.0)]
)
def test_a_whole_run_follows_the_librarys_flow(trained, width, alpha):
    run, start = trained(width, alpha)
    net, w0 = library(width, start)
    flow = ntkbook.gradient_flow(
        net.apply, w0, X, Y / alpha, times=run.time, tolerance=1e-8,
        observe=lambda w: (ntkbook.ntk(net.apply, w, X), flat(w), net.apply(w, GRID)),
    )  # fmt: skip
    kernels, weights, functions = map(np.asarray, flow.observed)
    outputs = alpha * np.asarray(flow.outputs)[:, :, 0]
    np.testing.assert_allclose(run.outputs, outputs, atol=1e-5, rtol=0)
    np.testing.assert_allclose(
        run.kernel.reshape(-1, 2, 2), kernels, atol=1e-5 * kernels.max(), rtol=0
    )
    np.testing.assert_allclose(run.weights, weights, atol=1e-5, rtol=0)
    np.testing.assert_allclose(run.model, alpha * functions[:, :, 0], atol=1e-5, rtol=0)
    way = np.linalg.norm(weights - weights[0], axis=1) / np.linalg.norm(start)
    np.testing.assert_allclose(run.travelled, way, atol=1e-5, rtol=0)
    assert np.linalg.norm(run.outputs[-1] - DATA[1]) < 0.01  # it has learned


def test_every_step_is_the_librarys_to_rounding(trained):
    # The same Runge-Kutta steps, with the library's network and JAX's derivatives.
    @jax.jit
    def all_steps(start, y, steps):
        net, w = library(64, start)

        def loss(w):
            return 0.5 * jnp.sum((net.apply(w, X) - y) ** 2)

        def down(w):  # 0 for the frozen copy, which stays where it is
            return jax.tree.map(jnp.negative, jax.grad(loss)(w))

        def moved(w, k, h):
            return jax.tree.map(lambda a, b: a + h * b, w, k)

        def one(w, h):
            k1 = down(w)
            k2 = down(moved(w, k1, h / 2))
            k3 = down(moved(w, k2, h / 2))
            k4 = down(moved(w, k3, h))
            for k, part in ((k1, 1), (k2, 2), (k3, 2), (k4, 1)):
                w = moved(w, k, part * h / 6)
            return w, (flat(w), net.apply(w, X)[:, 0], ntkbook.ntk(net.apply, w, X))

        return jax.lax.scan(one, w, steps)[1]

    for alpha in (10.0, 0.1):
        run, start = trained(64, alpha)
        steps = np.zeros(500)
        steps[: len(run.steps)] = run.steps
        found = all_steps(jnp.array(start), Y / alpha, jnp.array(steps))
        weights, outputs, kernels = map(np.asarray, found)
        at = np.cumsum([len(state["steps"]) for state in run.per_state])[1:] - 1
        for mine, theirs in (
            (run.weights[1:], weights[at]),
            (run.outputs[1:], alpha * outputs[at]),
            (run.kernel[1:], kernels[at].reshape(-1, 4)),
        ):
            np.testing.assert_allclose(mine, theirs, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("width, alpha", [(4, 1.0), (64, 0.1)])
def test_the_linear_model_is_the_librarys_kernel_flow(trained, width, alpha):
    run, start = trained(width, alpha)
    net, w0 = library(width, start)
    kernel, row = ntkbook.ntk(net.apply, w0, X), ntkbook.ntk(net.apply, w0, GRID, X)
    flow = ntkbook.kernel_flow(kernel, Y, run.time, k_test=row)
    for mine, theirs in (
        (run.tangent, flow.train[:, :, 0]),
        (run.tangentGrid, flow.test[:, :, 0]),
        (run.line, flow.test[:, :, 0]),
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-10, rtol=0)


def test_data_may_move_while_it_trains(mathematics):
    # What the network and its linear model have learned stays; the rest is made anew.
    found = mathematics.evaluate(
        """([x, y]) => {
          const net = NTK.createNetwork(16, 1, 3, [1, 2], [2, -1]);
          for (let i = 0; i < 20; i++) NTK.step(net, 0.02);
          const weights = [...net.weights], before = NTK.tangentOutputs(net, x);
          NTK.setData(net, x, y);
          const other = NTK.fromWeights(net.start, 1, x, y);
          return [weights, [...net.weights], before, NTK.tangentOutputs(net, net.x),
                  net.kernel0, other.kernel0];
        }""",
        DATA,
    )
    for one, other in zip(found[::2], found[1::2], strict=True):
        assert one == other


def test_the_weights_at_the_start_are_reproducible(mathematics):
    found = mathematics.evaluate(
        "[...NTK.createNetwork(5, 1, 7, [0, 1], [0, 1]).start]"
    )
    bits = (8 * 0x9E3779B1) % 2**32 | 1

    def uniform():
        nonlocal bits
        bits ^= bits << 13 & 0xFFFFFFFF
        bits ^= bits >> 17
        bits ^= bits << 5 & 0xFFFFFFFF
        return (bits - 0.5) / 2**32

    for _ in range(20):
        uniform()
    drawn = [
        math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform())
        for _ in range(16)
    ]
    a, c, v = np.reshape(drawn[1:], (5, 3)).T  # a unit after the other; d came first
    np.testing.assert_allclose(found, [*a, *c, *v, drawn[0]], rtol=1e-12)


def test_the_weights_at_the_start_are_standard_normal(mathematics):
    numbers = np.array(
        mathematics.evaluate(
            "[1, 2, 3].map((s) => [...NTK.createNetwork(1024, 1, s, [0], [0]).start])"
        )
    )
    assert abs(numbers.mean()) < 0.03 and abs(numbers.std() - 1) < 0.03
    assert abs(np.corrcoef(numbers) - np.eye(3)).max() < 0.06
