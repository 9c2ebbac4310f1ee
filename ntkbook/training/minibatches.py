"""Which points a step of stochastic gradient descent takes."""

import jax
import jax.numpy as jnp

from ntkbook.validation import checks


def size_of_batches(batch_size, n: int) -> int | None:
    """Return the size of minibatches of n points; ``None`` takes all of them."""
    if batch_size is not None:
        batch_size = checks.positive_int("batch_size", batch_size)
        if batch_size > n:
            raise ValueError(
                f"`batch_size` is {batch_size}, but there are only {n} points; pass "
                "batch_size=None to use them all."
            )
    return batch_size


def batches(batch_size, key, n: int):
    """Check the size of the minibatches and the key that draws them; return both."""
    batch_size = size_of_batches(batch_size, n)
    if batch_size is not None or key is not None:
        key = checks.random_key("key", key)
    return batch_size, key


def minibatch(key, step, n: int, batch_size: int):
    """Return which of n points step number ``step`` takes; each epoch shuffles anew."""
    epoch, place = jnp.divmod(step, n // batch_size)
    order = jax.random.permutation(jax.random.fold_in(key, epoch), n)
    return jax.lax.dynamic_slice_in_dim(order, place * batch_size, batch_size)
