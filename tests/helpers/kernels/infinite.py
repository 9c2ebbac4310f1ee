"""What the tests of kernels of infinite width share."""

import jax.numpy as jnp
import numpy as np

from ntkbook.infinite import nngp, ntk

ROOT2 = 2**0.5
KERNELS = {"nngp": nngp, "ntk": ntk}


def drawn():
    """Return a generator, and what it drew first: points twice, and images."""
    rng = np.random.default_rng(0)
    x1, x2, noise = map(rng.standard_normal, ((6, 5), (4, 5), (3, 5, 4, 2)))
    return rng, jnp.asarray(x1), jnp.asarray(x2), jnp.asarray(noise)


def setting(name, depth, features=15):
    """Return the function and the settings that stand for a kernel's name."""
    both = (1.0,) + (ROOT2,) * depth
    inner = (features**-0.5,) + (ROOT2,) * depth
    return {
        "GP": (nngp, dict(weight_std=both, bias_std=1.0)),
        "NTKB": (ntk, dict(weight_std=inner, bias_std=1.0, first_layer="unscaled")),
        "NTKJ": (ntk, dict(weight_std=1.0, bias_std=1.0)),
        "NTKA": (ntk, dict(weight_std=both, first_layer="unscaled")),
    }[name]


def arora(depth):
    """Settings of the kernel without biases that is depth + 1 for a unit vector."""
    return dict(
        depth=depth, weight_std=(1.0,) + (ROOT2,) * depth, first_layer="unscaled"
    )


def close(found, expected, tolerance, scale=None):
    """Compare to a share of ``scale``: of the largest entry, unless told otherwise."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    scale = np.abs(expected).max() if scale is None else scale
    error = np.abs((found - expected) / scale).max()
    assert error <= tolerance, error
