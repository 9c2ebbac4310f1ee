"""What the tests of the adapter of neural-tangents share."""

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.neural_tangents import stax

KEY = jax.random.key(0)


def doubled(init, x):
    """Initial parameters in double precision: the library draws them in single."""
    drawn = jax.jit(lambda key: init(key, x.shape)[1])(KEY)
    return jax.tree.map(lambda a: jnp.asarray(np.asarray(a, float)), drawn)


def dense_network(width=64, outputs=1):
    return stax.serial(
        stax.Dense(width, W_std=1.5, b_std=0.2),
        stax.Relu(),
        stax.Dense(outputs, W_std=1.5, b_std=0.2),
    )
