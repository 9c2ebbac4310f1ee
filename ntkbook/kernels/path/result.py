"""What a path kernel says about a training run, and its reconstruction error."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class PathKernel(NamedTuple):
    """What training did to the outputs at q queries, split up by training point.

    Attributes:
        kernel: the path kernel, ``(q, n)`` for one output; ``(q, n, k, k)`` for k,
            where ``[i, j, a, b]`` pairs output a at query i with output b at point j.
        contributions_by_output: the same, with minus the loss derivative inside the
            integral; entry by entry what a training point's output contributed to a
            query's.
        start: ``(q, k)``, outputs of the initial network; Domingos' b(x).
        decay: ``(q, k)``, what weight decay contributed; 0 without it.
        outputs: ``(q, k)``, outputs of the trained network.
        loss: on all training points, at the end; without weight decay's part.
        params: the trained parameters.
    """

    kernel: Float[Array, "q n"] | Float[Array, "q n k k"]
    contributions_by_output: Float[Array, "q n"] | Float[Array, "q n k k"]
    start: Float[Array, "q k"]
    decay: Float[Array, "q k"]
    outputs: Float[Array, "q k"]
    loss: Float[Array, ""]
    params: Any

    @property
    def contributions(self) -> Float[Array, "q k n"]:
        """What each training point contributed to each output of each query."""
        return _by_point(self.contributions_by_output)

    @property
    def coefficients(self):
        """Domingos' a_i(x), shaped as ``kernel``; NaN where the kernel is 0."""
        zero = self.kernel == 0
        divisor = jnp.where(zero, 1, self.kernel)
        return jnp.where(zero, jnp.nan, self.contributions_by_output / divisor)

    @property
    def reconstruction(self) -> Float[Array, "q k"]:
        """The outputs, from ``start``, ``decay`` and ``contributions`` alone."""
        return self.start + self.decay + self.contributions.sum(axis=2)

    @property
    def error(self) -> Float[Array, ""]:
        """Error of ``reconstruction`` by what training changed; NaN if nothing did."""
        changed = self.outputs - self.start
        return _error(self.contributions_by_output, self.decay, changed)


def _by_point(weighted):
    """Add up what a training point's outputs contributed: (q, k, n)."""
    if weighted.ndim == 2:
        return weighted[:, None, :]
    return weighted.sum(axis=3).transpose(0, 2, 1)


@jax.jit
def _error(weighted, decay, changed):
    booked = decay + _by_point(weighted).sum(axis=2)
    return jnp.linalg.norm(booked - changed) / jnp.linalg.norm(changed)
