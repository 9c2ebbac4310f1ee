"""Small networks, their dense kernels, and when two kernels agree."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import ntkbook

NETWORKS = [
    # One entry a property, and a few that have them all at once.
    dict(width=5, depth=0),
    dict(width=5, depth=1, activation="relu", weight_std=2**0.5),
    dict(width=4, depth=2, activation="tanh", bias_std=0.3),
    dict(width=4, depth=3, activation="erf", outputs=2),
    dict(width=6, depth=1, activation="gelu", parametrization="standard"),
    dict(width=4, depth=2, activation="identity", bias_std=1.0, outputs=3),
    dict(width=4, depth=2, activation=jnp.sin, scale=3.0, weight_std=0.7),
    dict(width=5, depth=1, activation="tanh", zero_output="subtract", outputs=2),
    dict(width=5, depth=1, activation="tanh", zero_output="twin", outputs=2),
    dict(
        width=4,
        depth=3,
        activation="gelu",
        parametrization="standard",
        weight_std=1.5,
        bias_std=0.2,
        outputs=2,
        zero_output="twin",
        scale=0.5,
    ),
    dict(
        width=4,
        depth=2,
        activation="erf",
        parametrization="standard",
        bias_std=0.4,
        zero_output="subtract",
        scale=10.0,
    ),
]

ONE = dict(width=4, depth=2, activation="tanh", bias_std=0.3)
THREE = ONE | dict(outputs=3)


def in_words(network) -> str:
    """Name a test by what it sets, the same in every process."""
    return "-".join(getattr(v, "__name__", f"{k}={v}") for k, v in network.items())


def setting(dtype=jnp.float64, n1=4, n2=3, features=(3,), **network):
    """Return a network's apply, any parameters that fit it, and two batches.

    They come from NumPy, which compiles nothing, and not from ``init``, whose
    symmetries might hide a mistake.
    """
    net = ntkbook.mlp(**network)
    rng = np.random.default_rng(7)

    def draw(like):
        return jnp.asarray(rng.standard_normal(like.shape), dtype)

    x1, x2 = np.empty((n1, *features)), np.empty((n2, *features))
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.asarray(x1, dtype))
    return net.apply, *jax.tree.map(draw, (shapes, x1, x2))


def plain(apply):
    """Hide everything about apply but what it computes."""
    return lambda params, x: apply(params, x)


def dense(apply, params, x1, x2):
    """Contract two whole Jacobians, from forward mode, in NumPy's float64."""
    x = jnp.asarray(np.concatenate([x1, x2]))

    @jax.jit  # all of it: one operation at a time, each would be compiled
    def whole(params):
        flat, unravel = ravel_pytree(params)
        return jax.jacfwd(lambda w: apply(unravel(w), x))(flat)

    jacobian = np.asarray(whole(params), np.float64)
    gram = np.einsum("iap,jbp->ijab", jacobian[: len(x1)], jacobian[len(x1) :])
    return gram[:, :, 0, 0] if gram.shape[-1] == 1 else gram


def agree(a, b, rel):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= rel * np.abs(b).max()
