"""Activations by their names, and the check of a reader's own."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ntkbook.validation import checks

ACTIVATIONS: dict[str, Callable] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "erf": jax.scipy.special.erf,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "identity": lambda z: z,
    "sign": jnp.sign,
}


def elementwise(activation) -> Callable:
    """Return an activation by its name, or a reader's own once it has been checked."""
    if not callable(activation):
        checks.one_of("activation", activation, ACTIVATIONS, "a function")
        return ACTIVATIONS[activation]
    checks.function("activation", activation, "of an array")
    probe = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    out = checks.shape_of("activation(z)", activation, probe)
    found = getattr(out, "shape", type(out).__name__), getattr(out, "dtype", None)
    if found != (probe.shape, probe.dtype):
        raise ValueError(
            "`activation` must act on each number alone and keep shape and dtype; from "
            f"(2, 3) float32 it makes {found[0]} {found[1]}."
        )
    return activation
