"""A LeNet, small enough to read.

Two convolutions of 5 x 5, each with an activation and an average over 2 x 2 pixels,
then three dense layers. A convolution is written as a matrix product over patches: on a
processor that is the faster one to differentiate.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.networks.activations import elementwise
from ntkbook.networks.mlp import Network
from ntkbook.validation import checks

SIDE = 5  # of a filter


@dataclass(frozen=True)
class LeNet:
    """The ``apply`` of a LeNet; make one with :func:`lenet`."""

    activation: Callable
    channels: tuple[int, int]
    dense: tuple[int, int]

    def init(self, key: Array, x: Float[AnyArray, "n h w c"]):
        """Draw LeCun-normal weights (variance 1 / inputs); the biases are 0."""
        x = checks.images("x", x, least=4)
        keys = iter(jax.random.split(checks.random_key("key", key), 5))
        return [
            {
                "weight": jax.random.normal(next(keys), shape, x.dtype)
                / shape[0] ** 0.5,
                "bias": jnp.zeros(shape[1], x.dtype),
            }
            for shape in self._shapes(x)
        ]

    def __call__(
        self, params: PyTree, x: Float[AnyArray, "n h w c"]
    ) -> Float[Array, "n 1"]:
        """Return the outputs, ``(n, 1)``."""
        h = self._inputs(params, x)
        for i, layer in enumerate(params):
            if i == 2:
                h = h.reshape(len(h), -1)
            h = patches(h, SIDE) if i < 2 else h
            h = h @ layer["weight"] + layer["bias"][(None,) * (h.ndim - 1)]
            h = h if i == 4 else self.activation(h)
            h = halved(h) if i < 2 else h
        return h

    def _shapes(self, x):
        rows, columns, c = x.shape[1] // 4, x.shape[2] // 4, x.shape[3]
        sizes = [rows * columns * self.channels[1], *self.dense, 1]
        filters = [SIDE**2 * c, SIDE**2 * self.channels[0]]
        return [
            *zip(filters, self.channels, strict=True),
            *zip(sizes[:-1], sizes[1:], strict=True),
        ]

    def _inputs(self, params, x):
        x = checks.images("x", x, least=4)
        try:
            shapes = [tuple(layer["weight"].shape) for layer in params]
        except (AttributeError, KeyError, TypeError):
            shapes = None
        if shapes != self._shapes(x):
            raise ValueError(
                f"`params` and `x` do not fit this LeNet: images {x.shape[1:]} "
                f"need weights {self._shapes(x)}, but `params` has {shapes}; pass "
                "images of the size given to init, and what init returned."
            )
        return x


def lenet(
    activation: str | Callable = "relu",
    *,
    channels: tuple[int, int] = (6, 16),
    dense: tuple[int, int] = (120, 84),
) -> Network:
    """Make a LeNet with one output, for images ``(n, height, width, channels)``.

    Args:
        activation: as for :func:`ntkbook.mlp`.
        channels: of the two convolutions.
        dense: units of the two hidden dense layers.

    Returns:
        The :class:`ntkbook.Network`.

    Raises:
        ValueError, TypeError: sizes that make no network; when called, images that are
            smaller than 4 x 4 or of another size than the parameters.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from ntkbook import lenet
        >>> net, images = lenet("gelu"), jnp.ones((3, 8, 8, 1))
        >>> net.apply(net.init(jax.random.key(0), images), images).shape
        (3, 1)

    Source: :cite:t:`lecun1998gradient`; the sizes are those of
    :cite:t:`ortizjimenez2021what`.
    """
    apply = LeNet(
        elementwise(activation),
        channels=_two_sizes("channels", channels),
        dense=_two_sizes("dense", dense),
    )
    return Network(apply.init, apply)


def _two_sizes(name: str, pair) -> tuple[int, int]:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError(f"`{name}` must be two sizes, not {checks.short(pair)}.")
    return checks.positive_int(name, pair[0]), checks.positive_int(name, pair[1])


def patches(x, side: int):
    """Return the patch around each pixel, ``(n, height, width, side^2 channels)``.

    Beyond the edge the image is 0.
    """
    reach, rows, columns = side // 2, x.shape[1], x.shape[2]
    x = jnp.pad(x, [(0, 0), (reach, reach), (reach, reach), (0, 0)])
    shifted = [
        x[:, a : a + rows, b : b + columns] for a in range(side) for b in range(side)
    ]
    return jnp.concatenate(shifted, axis=3)


def halved(x):
    """Average over blocks of 2 x 2 pixels; an odd last row or column is dropped."""
    rows, columns = x.shape[1] // 2, x.shape[2] // 2
    blocks = x[:, : 2 * rows, : 2 * columns].reshape(
        len(x), rows, 2, columns, 2, x.shape[3]
    )
    return blocks.mean((2, 4))
