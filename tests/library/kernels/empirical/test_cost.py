"""What a kernel will cost, told before it is computed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.kernels.empirical import cost as module
from ntkbook.kernels.empirical import tangent
from tests.helpers.networks import ONE, THREE, setting


@pytest.mark.parametrize("options", [{}, {"trace": True}, {"per_output": True}])
def test_the_size_of_the_kernel(options):
    apply, params, x, _ = setting(n1=7, **THREE)
    found = ntkbook.ntk_cost(apply, params, x, **options)
    assert found.kernel == ntkbook.ntk(apply, params, x, **options).nbytes
    assert (found.points, found.blocks) == (7, 1)
    assert found.routes == ntkbook.ntk_routes(apply, params, x)
    one = jax.tree.map(lambda a: a[:1], x)
    assert ntkbook.ntk_cost(apply, params, one, 7, **options)[:4] == found[:4]


def test_operations_of_a_dense_network():
    """Counted by hand: forward and backward, and two Gram matrices for each layer."""
    width, features, n = 64, 32, 40
    net = ntkbook.mlp(width, 2, "relu")
    x = jnp.ones((1, features))
    params = net.init(jax.random.key(0), x)
    found = ntkbook.ntk_cost(net.apply, params, x, n)
    layers = [(features, width), (width, width), (width, 1)]
    made = n * sum(2 * a * b for a, b in layers) * 2
    pairs = n * n * sum(2 * (a + b) for a, b in layers)
    assert 0.8 < found.operations / (made + pairs) < 1.3
    assert found.seconds == pytest.approx(
        found.operations / module._speed(str(x.dtype))
    )


def test_twice_the_points():
    """Contraction grows as the square; and no more memory than the budget says."""
    apply, params, x, _ = setting(**ONE)
    with ntkbook.limit_memory(1e-3):
        few, many = (ntkbook.ntk_cost(apply, params, x, n) for n in (10_000, 20_000))
        assert many.kernel == 4 * few.kernel
        assert 3 < many.operations / few.operations < 4.5
        assert max(few.temporary, many.temporary) < 1.2 * ntkbook.memory_budget()
        assert many.blocks > few.blocks > 1


def test_nothing_is_computed(monkeypatch):
    apply, params, x, _ = setting(**ONE)
    monkeypatch.setattr(tangent, "gram_in_blocks", None)
    found = ntkbook.ntk_cost(apply, params, x, points=10**6)
    assert found.kernel == 8 * 10**12
    text = str(found)
    assert "1000000 inputs" in text and "7450.6 GiB" in text


def test_another_number_of_inputs_traces_no_features_again():
    """Of a network with layers that are used at many places."""
    alone = []

    def apply(p, x):
        alone.append(len(x) == 1)
        h = jax.lax.conv(x, p["filters"], (1, 1), "SAME")
        return jnp.tanh(h).reshape(len(x), -1) @ p["last"]

    rng = np.random.default_rng(0)
    p = {"filters": rng.standard_normal((4, 1, 3, 3)), "last": np.ones((400, 2))}
    p = jax.tree.map(jnp.asarray, p)
    x = jnp.asarray(rng.standard_normal((30, 1, 10, 10)))
    whole = ntkbook.ntk(apply, p, x)
    assert ntkbook.ntk_routes(apply, p, x)["['filters']"] == tangent_route()
    alone.clear()
    for n in (29, 3, 17):
        found = ntkbook.ntk(apply, p, x[:n])
        assert np.allclose(found, whole[:n, :n], rtol=1e-10, atol=1e-10)
    # For 3 inputs the part that is filled up is one of 4.
    assert sum(alone) <= 3


def tangent_route() -> str:
    from ntkbook.kernels.empirical.contraction import FORMED

    return FORMED
