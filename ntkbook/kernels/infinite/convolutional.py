r"""The tangent kernel of an infinitely wide convolutional network (CNTK).

Covariances and tangent kernels now belong to pairs of pixels, (i, j) of one image and
(i', j') of the other. The activation acts on each pair alone; a convolution averages
over its filter, which lies on both images and so moves by *one shift for both*:

.. math:: (\mathcal A K)_{ij,\, i'j'} = \frac{1}{s^2} \sum_{a, b}
    K_{i+a\, j+b,\; i'+a\, j'+b}

with 0 outside the images. The recursion is that of vectors, with this average in
front of the expectations. Two pixels keep their distance, so a network that ends in a
dense layer over all pixels needs only the pairs of equal position, P^2 times fewer than
one that ends in the average over all pixels.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntkbook._types import AnyArray
from ntkbook.kernels.infinite.inputs import check_not_zero, double, squared
from ntkbook.kernels.infinite.recursion import (
    Kernels,
    affine_map,
    identity,
    in_blocks,
    layer_map,
)
from ntkbook.machine.memory import blocks
from ntkbook.networks.activations import elementwise
from ntkbook.validation import batch, checks

POOLINGS = ("flatten", "average")
BLOCK_BYTES = 2**21  # a few arrays of this size still lie in a processor's cache


def cntk(
    images1: Float[AnyArray, "n1 h w c"],
    images2: Float[AnyArray, "n2 h w c"] | None = None,
    *,
    depth: int,
    pooling: str,
    filter_size: int = 3,
    activation: str | Callable = "relu",
    weight_std: float = 2**0.5,
    bias_std: float = 0.0,
    frozen_ends: bool = False,
    progress: bool = True,
) -> Float[Array, "n1 n2"]:
    r"""Return the tangent kernel of an infinitely wide convolutional network.

    The network has ``depth`` convolutions with filters of s x s pixels, stride 1 and
    zeros around the image, each followed by the activation; then ``"flatten"``, a dense
    layer over all pixels and channels, or ``"average"``, an average over the pixels
    (global average pooling) and a dense layer over the channels. Everything is in the
    NTK parametrisation: a weight counts :math:`\sigma_w` over the root of its layer's
    inputs, which for a convolution are :math:`s^2` times the channels.

    .. math::

        \Sigma^{(1)} &= \sigma_w^2\, \mathcal A \frac{\langle x_{ij},
        x'_{i'j'} \rangle}{C} + \sigma_b^2, \\
        \Sigma^{(l+1)} &= \sigma_w^2\, \mathcal A\, \mathbb E[\phi \phi]
        + \sigma_b^2, \\
        \Theta^{(l+1)} &= \Sigma^{(l+1)} + \sigma_w^2\, \mathcal A\,
        (\mathbb E[\phi' \phi']\, \Theta^{(l)})

    Args:
        images1: ``(n1, P, Q, C)``, float64: rows, columns, channels.
        images2: ``(n2, P, Q, C)``; ``None`` means ``images1``, and half the work.
        depth: number of convolutions, L, at least 1. (Arora et al. count the dense
            layer too: their depth is L + 1.)
        pooling: ``"flatten"`` (their "vanilla") or ``"average"`` (their "GAP").
        filter_size: s, odd.
        activation: as for :func:`ntkbook.infinite.ntk`.
        weight_std: :math:`\sigma_w > 0`.
        bias_std: :math:`\sigma_b \ge 0`.
        frozen_ends: leave the first convolution and the dense layer untrained.
        progress: show a progress bar where this takes longer than two seconds.

    Returns:
        The kernel. Arora et al. scale by other constants. Their kernel, without biases
        and with :math:`\sigma_w^2 = 2`, is ours times C / 2 for the average and times
        C P Q / 2 for the dense layer over all pixels.

    Raises:
        ValueError: images of different sizes, a missing axis of channels, an even
            filter, an image that is 0 where there are no biases, NaN.
        TypeError: images that are not float64.

    Example:
        >>> import jax, ntkbook
        >>> ntkbook.double_precision()
        >>> x = jax.random.normal(jax.random.key(0), (4, 8, 8, 1))
        >>> k = ntkbook.infinite.cntk(x, depth=3, pooling="average")
        >>> k.shape
        (4, 4)

    Source: :cite:t:`arora2019exact`.
    """
    depth = checks.positive_int("depth", depth)
    checks.one_of("pooling", pooling, POOLINGS)
    filter_size = checks.positive_int("filter_size", filter_size)
    if filter_size % 2 == 0:
        raise ValueError(
            f"`filter_size` must be odd, so that a filter has a middle pixel, not "
            f"{filter_size}."
        )
    elementwise(activation)
    weights = _variance("weight_std", weight_std, above=0)
    biases = _variance("bias_std", bias_std, least=0)
    checks.boolean("frozen_ends", frozen_ends)
    checks.boolean("progress", progress)
    images1 = _images("images1", images1)
    if images2 is not None:
        images2 = _images("images2", images2)
        batch.same_kind("images1", images1, "images2", images2)
    if not checks.is_traced(biases) and biases == 0:
        check_not_zero("images1", images1)
        if images2 is not None:
            check_not_zero("images2", images2)

    program = partial(
        _cntk,
        weights=weights,
        biases=biases,
        depth=depth,
        size=filter_size,
        activation=activation,
        pooled=pooling == "average",
        frozen_ends=frozen_ends,
    )
    pixels = images1.shape[1] * images1.shape[2]
    bytes_per_pair = 8 * pixels ** (2 if pooling == "average" else 1)
    side = max(1, int((BLOCK_BYTES / bytes_per_pair) ** 0.5))
    of = partial(blocks, bytes_per_row=8 * side * bytes_per_pair, at_most=side)
    return in_blocks(program, images1, images2, of, activation, progress)


def _cntk(x1, x2, *, weights, biases, depth, size, activation, pooled, frozen_ends):
    ends_trained = 0.0 if frozen_ends else 1.0
    one = Patch(size, (0,), (1,))
    two = Patch(size, (0, 1), (2, 3)) if pooled else one
    q, sigma = _pixels(x1, x2, pooled)
    pair = Kernels(q, sigma, np.zeros(sigma.shape))
    pair = affine_map(pair, weights, biases, ends_trained, (one, two))
    for _ in range(depth - 1):
        pair = layer_map(pair, weights, biases, 1.0, activation, (one, two))
    pair = layer_map(pair, weights, biases, ends_trained, activation, (identity, _pool))
    return pair.theta, pair.missing


@partial(jax.jit, static_argnames="pooled")
def _pixels(x1, x2, pooled):
    """Return squares and products of pixels, over the number of channels.

    Axes of products: rows i, i' and columns j, j' of the two pixels, then the two
    images. For a dense layer only i = i' and j = j' are needed, one axis for each.
    """
    q = jnp.moveaxis((jnp.concatenate([x1, x2]) ** 2).mean(3), 0, 2)
    pairs = "nijc,makc->iajknm" if pooled else "nijc,mijc->ijnm"
    return q, jnp.einsum(pairs, x1, x2) / x1.shape[3]


def _pool(kernel):
    return kernel.mean(axis=tuple(range(kernel.ndim - 2)))


class Patch(NamedTuple):
    """The average over a filter's shifts: the same for all axes of rows (of columns).

    Not rows first and columns then: that would add less, and pass the memory twice.
    """

    size: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def __call__(self, kernel):
        reach = self.size // 2
        moves = [(a in self.rows, a in self.columns) for a in range(kernel.ndim)]
        padded = jnp.pad(kernel, [(reach * any(move),) * 2 for move in moves])

        def shifted(down, right):
            start = [down * row + right * column for row, column in moves]
            stop = [s + n for s, n in zip(start, kernel.shape, strict=True)]
            return jax.lax.slice(padded, start, stop)

        shifts = itertools.product(range(self.size), repeat=2)
        return sum(shifted(*shift) for shift in shifts) / self.size**2


def _variance(name: str, deviation, **bounds):
    """Return a deviation's square; here one number serves all layers."""
    if not checks.is_traced(deviation):
        deviation = checks.finite_float(name, deviation, **bounds)
    elif jnp.shape(deviation) != ():
        raise ValueError(
            f"`{name}` must be one number, but its shape is {jnp.shape(deviation)}."
        )
    return squared(name, deviation)


def _images(name: str, x):
    """Check images ``(n, P, Q, C)`` in float64."""
    x = double(name, checks.inputs(name, x))
    if x.ndim != 4:
        raise ValueError(
            f"`{name}` must have shape (n, rows, columns, channels), but its shape is "
            f"{x.shape}" + (f"; pass {name}[..., None]." if x.ndim == 3 else ".")
        )
    return x
