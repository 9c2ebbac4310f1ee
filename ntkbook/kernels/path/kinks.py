"""Where the gradient of a ReLU network jumps along a step of training.

The derivative at a query is smooth in the weights except where the pre-activation of a
hidden unit changes its sign. A quadrature must stop there and begin anew.
"""

import jax
import jax.numpy as jnp

from ntkbook.networks.mlp import MLP


def has_kinks(apply) -> bool:
    """Say whether this is one of the book's networks whose activation is ReLU."""
    return (
        isinstance(apply, MLP)
        and apply.activation in ("relu", jax.nn.relu)
        and apply.depth > 0
    )


def smooth_pieces(apply, count, params, step, x_one):
    """Return increasing edges of the step's smooth pieces, from 0 to 1.

    With one hidden layer a pre-activation is affine along the step, so the secant finds
    its root at once; in deeper networks the Illinois method closes in on it. Units that
    cross twice in a step are not seen, and of more than ``count`` kinks the earliest
    are kept. Where there are fewer, the last pieces are empty.
    """

    def at(u):
        here = jax.tree.map(lambda p, d: p + u * d, params, step)
        return apply.preactivations(here, x_one)[0]

    one = jnp.ones((), x_one.dtype)
    left, right = at(0 * one), at(one)
    crosses = left * right < 0
    guess = jnp.where(crosses, left / jnp.where(crosses, left - right, 1), 2.0)
    units = jnp.argsort(guess)[:count]
    guess, found = guess[units], crosses[units]
    a, b = jnp.zeros_like(guess), jnp.ones_like(guess)
    za, zb = left[units], right[units]

    def illinois(_, state):
        a, b, za, zb, u = state
        z = jax.vmap(lambda v, unit: at(v)[unit])(u, units)
        same = z * zb > 0  # the root lies between a and u
        a, za = jnp.where(same, a, b), jnp.where(same, za / 2, zb)
        b, zb = u, z
        gap = zb - za
        u = jnp.where(gap == 0, b, b - zb * (b - a) / jnp.where(gap == 0, 1, gap))
        return a, b, za, zb, u

    rounds = 12 if apply.depth > 1 else 0
    *_, u = jax.lax.fori_loop(0, rounds, illinois, (a, b, za, zb, guess))
    u = jnp.where(found, jnp.clip(u, 0, 1), 1)
    return jnp.concatenate([0 * one[None], jnp.sort(u), one[None]])
