"""What outputs and parameters contribute to the tangent kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from tests.helpers.draws import first
from tests.helpers.networks import agree


def convolution(p, x):
    z = jax.lax.conv_general_dilated(
        x, p["filters"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return jnp.tanh(z + p["shift"][None, None, None]).reshape(len(x), -1) @ p["last"]


@pytest.fixture(params=["dense", "convolution"])
def model(request, getkey):
    if request.param == "dense":
        net = ntkbook.mlp(16, 2, "tanh", outputs=3, bias_std=0.5)
        x = jax.random.normal(getkey(), (7, 4))
        return net.apply, net.init(getkey(), x), x
    x = jax.random.normal(getkey(), (7, 4, 4, 2))
    params = {
        "filters": jax.random.normal(getkey(), (3, 3, 2, 3)),
        "shift": jax.random.normal(getkey(), (3,)),
        "last": jax.random.normal(getkey(), (48, 3)),
        "unused": jnp.ones(2),
    }
    return convolution, params, x


@pytest.mark.parametrize("budget", first([1e-5, 1.0]))
def test_per_output(model, budget):
    apply, params, x = model
    with ntkbook.limit_memory(budget):
        full = ntkbook.ntk(apply, params, x)
        own = ntkbook.ntk(apply, params, x, per_output=True)
        agree(own, np.einsum("ijaa->ija", full), 1e-12)
        some = ntkbook.ntk(apply, params, x[:2], x, per_output=True)
    agree(some, own[:2], 1e-12)
    with pytest.raises(ValueError, match="one of them"):
        ntkbook.ntk(apply, params, x, per_output=True, trace=True)
    one = ntkbook.ntk(lambda p, x: apply(p, x)[:, :1], params, x, per_output=True)
    agree(one[:, :, 0], own[:, :, 0], 1e-12)


@pytest.mark.parametrize("budget", first([1e-5, 1.0]))
def test_contributions_add_up(model, budget):
    apply, params, x = model
    with ntkbook.limit_memory(budget):
        found = ntkbook.ntk_contributions(apply, params, x, x[:3])
        square = ntkbook.ntk_contributions(apply, params, x)
    assert list(found) == list(ntkbook.ntk_routes(apply, params, x))
    agree(sum(found.values()), ntkbook.ntk(apply, params, x, x[:3], trace=True), 1e-12)
    leaves, tree = jax.tree.flatten(params)
    for place, name in enumerate(found):

        def of_one(leaf, x, place=place):
            return apply(
                tree.unflatten([*leaves[:place], leaf, *leaves[place + 1 :]]), x
            )

        alone = ntkbook.ntk(of_one, leaves[place], x, trace=True)
        np.testing.assert_allclose(square[name], alone, atol=1e-10)
