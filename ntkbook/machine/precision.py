"""Single or double precision, chosen in the open.

JAX computes in float32 unless told otherwise, and the choice is global. The book makes
it once, visibly, at the head of a notebook.
"""

import jax

from ntkbook.validation import checks


def double_precision(on: bool = True) -> None:
    """Let JAX use float64 (``on=True``) or hold it to float32 (``on=False``).

    Call it before any array is made: arrays that exist keep their dtype. Kernels whose
    eigenvalues span more than about six decades need it; training rarely does. On most
    GPUs float64 runs at 1/2 to 1/64 of the speed of float32.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> ntkbook.double_precision()
        >>> jnp.ones(3).dtype
        dtype('float64')
    """
    checks.boolean("on", on)
    jax.config.update("jax_enable_x64", on)


def is_double() -> bool:
    """Say whether JAX may use float64 now."""
    return bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]
