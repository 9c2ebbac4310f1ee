"""Refuse an ``apply`` whose output at one input depends on chance or on the others."""

from functools import partial

import jax
import jax.numpy as jnp

from ntkbook.networks.mlp import MLP


def check_batch_independent(apply, params, x, x_test, needs: str) -> None:
    """Raise a ``ValueError`` unless outputs repeat, and inputs do not interact."""
    if isinstance(apply, MLP) and isinstance(apply.activation, str):
        return  # known to be neither, so nothing has to be compiled
    together, again, alone = _three_times(apply, params, x, x_test)
    close = jnp.finfo(x.dtype).eps ** 0.5 * (1 + jnp.max(jnp.abs(together)))
    for other, why in (
        (again, "gives another result each time: switch dropout off"),
        (alone, "mixes the points of a batch: freeze batch normalisation and dropout"),
    ):
        if not jnp.max(jnp.abs(together - other)) <= close:
            raise ValueError(
                f"`apply(params, x)` {why}. {needs} needs a function of the parameters "
                "and of one input."
            )


@partial(jax.jit, static_argnums=0)
def _three_times(apply, params, x, x_test):
    """Return the outputs of some inputs, once more, and of each input alone.

    What ``apply`` draws at random in Python is drawn anew at each of the three calls.
    """
    x = jnp.concatenate([x[:4], x_test[:4]])
    alone = jax.vmap(lambda one: apply(params, one[None])[0])(x)
    return apply(params, x), apply(params, x), alone
