r"""A residual network in the book's form, for a GPU.

Blocks of two 3 x 3 convolutions with a shortcut. Batch normalisation makes one
image's output depend on the others, which a tangent kernel cannot have. So each
normalisation is what it is when its statistics are frozen: a scale and a shift for
each channel. The last scale of every block starts at 0, as in the source, so that the
network starts as its shortcuts alone, which lets it train without normalisation.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ntkbook.networks.activations import elementwise
from ntkbook.networks.mlp import Network
from ntkbook.validation import checks


def resnet(
    activation: str | Callable = "relu",
    *,
    blocks: tuple[int, ...] = (2, 2, 2, 2),
    channels: int = 64,
) -> Network:
    """Make a residual network with one output; the default is an 18-layer one.

    Args:
        activation: as for :func:`ntkbook.mlp`.
        blocks: how many blocks each stage has. Each stage but the first halves the
            image and doubles the channels.
        channels: of the first stage.

    Returns:
        The :class:`ntkbook.Network`, for images ``(n, height, width, channels)``.

    Raises:
        ValueError, TypeError: sizes that make no network, inputs that are no images.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from ntkbook import resnet
        >>> net, images = resnet(blocks=(1, 1), channels=4), jnp.ones((2, 8, 8, 3))
        >>> net.apply(net.init(jax.random.key(0), images), images).shape
        (2, 1)

    Source: :cite:t:`he2016deep`; without batch statistics as in
    :cite:t:`de2020batch`.
    """
    act = elementwise(activation)
    channels = checks.positive_int("channels", channels)
    if not isinstance(blocks, tuple) or not blocks:
        raise TypeError(f"`blocks` must be a tuple, not {checks.short(blocks)}.")
    blocks = tuple(checks.positive_int("blocks", b) for b in blocks)
    strides = [2 if i and not j else 1 for i, b in enumerate(blocks) for j in range(b)]
    widths = [channels * 2**i for i, b in enumerate(blocks) for _ in range(b)]

    def init(key, x):
        x = checks.images("x", x)
        keys = iter(
            jax.random.split(checks.random_key("key", key), 2 + 3 * len(widths))
        )

        def layer(side, c_in, c_out, scale=1.0):
            shape, dtype = (side, side, c_in, c_out), x.dtype
            w = jax.random.normal(next(keys), shape, dtype) / (side**2 * c_in) ** 0.5
            scale = jnp.full(c_out, scale, dtype)
            return {"weight": w, "scale": scale, "shift": jnp.zeros(c_out, dtype)}

        params, c = {"stem": layer(3, x.shape[3], channels)}, channels
        for i, (width, stride) in enumerate(zip(widths, strides, strict=True)):
            block = {"one": layer(3, c, width), "two": layer(3, width, width, 0.0)}
            if stride > 1 or c != width:
                block["shortcut"] = layer(1, c, width)
            params[f"block {i}"], c = block, width
        top = jax.random.normal(next(keys), (c, 1), x.dtype) / c**0.5
        return params | {"top": {"weight": top, "bias": jnp.zeros(1, x.dtype)}}

    def apply(params, x):
        x = checks.images("x", x)
        h = act(_convolved(params["stem"], x))
        for i, stride in enumerate(strides):
            block = params[f"block {i}"]
            inner = act(_convolved(block["one"], h, stride))
            inner = _convolved(block["two"], inner)
            if "shortcut" in block:
                h = _convolved(block["shortcut"], h, stride)
            h = act(h + inner)
        top = params["top"]
        return h.mean((1, 2)) @ top["weight"] + top["bias"][None]

    return Network(init, apply)


def _convolved(layer, h, stride=1):
    """Return the convolution, scaled and shifted for each channel."""
    z = jax.lax.conv_general_dilated(
        h, layer["weight"], (stride, stride), "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    return z * layer["scale"][None, None, None] + layer["shift"][None, None, None]
