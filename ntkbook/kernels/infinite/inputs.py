"""Checks of what the kernels of infinite width are given."""

import jax.numpy as jnp
import numpy as np

from ntkbook.validation import checks


def deviations(name, value, count, **bounds):
    """Return standard deviations, one for each layer, from one or from ``count``."""
    if checks.is_traced(value):
        value = jnp.stack(value) if isinstance(value, (list, tuple)) else value
        if jnp.shape(value) not in ((), (count,)):
            raise ValueError(f"`{name}` must be one number or {count}.")
        return jnp.broadcast_to(value, (count,))
    if not isinstance(value, (list, tuple)) and np.ndim(value) == 0:
        return np.full(count, checks.finite_float(name, value, **bounds))
    if len(value) != count:
        raise ValueError(
            f"`{name}` must be one number or {count}, one for each layer, not "
            f"{len(value)}; the last layer counts too."
        )
    return np.array([checks.finite_float(name, v, **bounds) for v in value])


def squared(name: str, deviation):
    """Return variances, and refuse those that float64 cannot hold."""
    with np.errstate(over="ignore"):  # the next line looks instead
        variance = deviation * deviation
    return checks.finite_result(
        variance, f"`{name}` is too large: its square overflows."
    )


def double(name: str, array):
    """Refuse everything except float64."""
    if array.dtype != jnp.float64:
        raise TypeError(
            f"`{name}` is {array.dtype}, but these kernels are computed in float64 (a "
            "Gram matrix of float32 is soon singular); call ntkbook.double_precision() "
            f"first, and pass {name}.astype(float)."
        )
    return array


def vectors(name: str, x):
    """Check inputs ``(n, d)`` in float64."""
    x = double(name, checks.inputs(name, x))
    if x.ndim != 2:
        raise ValueError(
            f"`{name}` must have shape (n, d), but its shape is {x.shape}; flatten the "
            f"inputs with {name}.reshape(len({name}), -1), or use cntk for images."
        )
    return x


def check_not_zero(name: str, x) -> None:
    """Refuse inputs that are 0 where there are no biases to tell them apart.

    Or so near 0 that the product of two variances leaves the range of float64.
    """
    if checks.is_traced(x):
        return
    largest = np.abs(np.asarray(x)).reshape(len(x), -1).max(axis=1)
    zero = np.flatnonzero(largest < 1e-70)
    if len(zero):
        raise ValueError(
            f"`{name}` holds an input that is 0, or below 1e-70 (row {zero[0]}), and "
            "there are no biases: the network does not depend on its weights there, "
            "and the angle to other inputs is not defined; remove it, or pass "
            "bias_std > 0."
        )
