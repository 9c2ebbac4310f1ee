r"""A LeNet, small enough to read, whose tangent kernel needs no Jacobian.

Two convolutions of 5 x 5, each with an activation and an average over 2 x 2 pixels,
then three dense layers. A convolution is written as a matrix product over patches: then
its derivative for one image is a small matrix, patches times deltas summed over the
pixels, and :func:`ntkbook.ntk` can use it as it uses a dense layer's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntkbook.machine import checks
from ntkbook.networks.network import LayerDerivatives, Network, elementwise

SIDE = 5  # of a filter


@dataclass(frozen=True)
class LeNet:
    """The ``apply`` of a LeNet; make one with :func:`lenet`."""

    activation: Callable
    channels: tuple[int, int]
    dense: tuple[int, int]

    def init(self, key, x):
        """Draw LeCun-normal weights (variance 1 / inputs); the biases are 0."""
        x = _images(x)
        keys = iter(jax.random.split(checks.random_key("key", key), 5))
        return [
            {
                "weight": jax.random.normal(next(keys), shape, x.dtype)
                / shape[0] ** 0.5,
                "bias": jnp.zeros(shape[1], x.dtype),
            }
            for shape in self._shapes(x)
        ]

    def __call__(self, params, x) -> Float[Array, "n 1"]:
        """Return the outputs, ``(n, 1)``."""
        return self._forward(params, self._inputs(params, x))[0]

    def layer_derivatives(self, params, x) -> list[LayerDerivatives]:
        """Return each layer's share of the derivatives, one row an image."""
        x = self._inputs(params, x)
        shapes = jax.eval_shape(lambda x: self._forward(params, x)[2], x)
        taps = [jnp.zeros(z.shape, x.dtype) for z in shapes]
        _, pull, inputs = jax.vjp(
            lambda taps: self._forward(params, x, taps)[:2], taps, has_aux=True
        )
        (deltas,) = pull(jnp.ones((len(x), 1), x.dtype))
        found = []
        for h, d in zip(inputs, deltas, strict=True):
            if h.ndim == 2:  # dense: an outer product, never formed
                found.append(LayerDerivatives(h, d[:, None], 1.0, 1.0))
                continue
            weights = jnp.einsum("nijp,nijc->npc", h, d).reshape(len(x), 1, -1)
            whole = jnp.concatenate([weights, d.sum((1, 2))[:, None]], axis=2)
            one = jnp.ones((len(x), 1), x.dtype)
            found.append(LayerDerivatives(one, whole, 1.0, 0.0))
        return found

    def _shapes(self, x):
        rows, columns, c = x.shape[1] // 4, x.shape[2] // 4, x.shape[3]
        sizes = [rows * columns * self.channels[1], *self.dense, 1]
        filters = [SIDE**2 * c, SIDE**2 * self.channels[0]]
        return [
            *zip(filters, self.channels, strict=True),
            *zip(sizes[:-1], sizes[1:], strict=True),
        ]

    def _forward(self, params, x, taps=None):
        """Return the outputs, what entered each layer, and the pre-activations."""
        h, inputs, before = x, [], []
        for i, layer in enumerate(params):
            if i == 2:
                h = h.reshape(len(h), -1)
            inputs.append(patches(h, SIDE) if i < 2 else h)
            z = inputs[-1] @ layer["weight"] + layer["bias"][(None,) * (h.ndim - 1)]
            z = z if taps is None else z + taps[i]
            before.append(z)
            h = z if i == 4 else self.activation(z)
            h = halved(h) if i < 2 else h
        return h, inputs, before

    def _inputs(self, params, x):
        x = _images(x)
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
        >>> from ntkbook.networks.lenet import lenet
        >>> net, images = lenet("gelu"), jnp.ones((3, 8, 8, 1))
        >>> net.apply(net.init(jax.random.key(0), images), images).shape
        (3, 1)

    Source: :cite:t:`lecun1998gradient`; the sizes are those of
    :cite:t:`ortizjimenez2021what`.
    """
    sizes = {"channels": channels, "dense": dense}
    for name, pair in sizes.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(
                f"`{name}` must be two sizes, but {checks.short(pair)} came."
            )
        sizes[name] = tuple(checks.positive_int(name, m) for m in pair)
    apply = LeNet(elementwise(activation), **sizes)
    return Network(apply.init, apply)


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


def _images(x):
    x = checks.inputs("x", x)
    if x.ndim != 4 or min(x.shape[1:3]) < 4:
        raise ValueError(
            "`x` must be images of shape (n, height, width, channels), at least 4 x 4 "
            f"pixels, but its shape is {x.shape}."
        )
    return x
