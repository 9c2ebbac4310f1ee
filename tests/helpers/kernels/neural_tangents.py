"""What the tests of the adapter of neural-tangents share."""

import jax

from ntkbook.neural_tangents import stax

KEY = jax.random.key(0)


def doubled(init, x):
    """Initial parameters in double precision: the library draws them in single."""
    return jax.tree.map(lambda a: a.astype(float), init(KEY, x.shape)[1])


def dense_network(width=64, outputs=1):
    return stax.serial(
        stax.Dense(width, W_std=1.5, b_std=0.2),
        stax.Relu(),
        stax.Dense(outputs, W_std=1.5, b_std=0.2),
    )
