"""Gradients of single queries, against those of all training points.

Along a path every query is taken at weights of its own, so its gradients are wanted one
query at a time, inside one compiled program. For the book's own networks they are
inputs and deltas of layers; for any other network they are formed.
"""

from functools import reduce

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntkbook.validation import batch

# Some accelerators would round float32 products to 10 or 13 bits without this.
EXACT = jax.lax.Precision.HIGHEST


def gram_of_layers(layers1, layers2) -> Float[Array, "n1 n2 k k"]:
    """Return the kernel between two sets of inputs from their layers' derivatives."""
    return reduce(jnp.add, map(_gram_of_layer, layers1, layers2))


def _gram_of_layer(one, two):
    """Return (scaled Gram of inputs) times (Gram of deltas), entry by entry."""
    inputs = jnp.matmul(one.inputs, two.inputs.T, precision=EXACT)  # (n1, n2)
    inputs = one.weight_scale**2 * inputs + one.bias_scale**2
    deltas = jnp.einsum("iam,jbm->ijab", one.deltas, two.deltas, precision=EXACT)
    return inputs[:, :, None, None] * deltas


def gram_of_jacobians(jac1, jac2) -> Float[Array, "n1 n2 k k"]:
    """Return the kernel between two sets of inputs from their Jacobians."""

    def contract(a, b):  # (n1, k, ...), (n2, k, ...)
        a, b = a.reshape(*a.shape[:2], -1), b.reshape(*b.shape[:2], -1)
        return jnp.einsum("iap,jbp->ijab", a, b, precision=EXACT)

    return jax.tree.reduce(jnp.add, jax.tree.map(contract, jac1, jac2))


def jacobians(apply, params, x):
    """Return each example's Jacobian: a pytree with leaves ``(n, k, *shape)``."""

    def at_one(x_i):
        return jax.jacrev(lambda p: apply(p, batch.alone(x_i))[0])(params)

    return jax.vmap(at_one)(x)
