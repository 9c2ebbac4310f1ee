r"""The two kernels of an infinitely wide network, by one recursion.

A layer of infinite width acts on a pair of inputs only through their covariance
:math:`\Sigma` and their tangent kernel :math:`\Theta`:

.. math:: \Sigma \leftarrow \sigma_w^2\, \mathbb E[\phi(u) \phi(v)] + \sigma_b^2, \qquad
    \Theta \leftarrow \Sigma + \sigma_w^2\, \mathbb E[\phi'(u) \phi'(v)]\, \Theta

with (u, v) Gaussian of covariance :math:`\Sigma` (the old one). Convolution and pooling
only put an average over pixels in front of the two expectations, so the recursion below
takes that average as an argument: for vectors it does nothing.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntkbook._types import AnyArray
from ntkbook.kernels.gram import gram_in_blocks, symmetric
from ntkbook.kernels.infinite.expectations import expectations, second_moment
from ntkbook.kernels.infinite.inputs import check_not_zero, deviations, squared, vectors
from ntkbook.kernels.infinite.recognize import line_for
from ntkbook.machine.memory import blocks
from ntkbook.networks.activations import elementwise
from ntkbook.validation import batch, checks

FIRST_LAYERS = ("scaled", "unscaled")
# What a cut Hermite series may miss; beyond it, the answer would be wrong unnoticed.
TOLERATED = 1e-5
BLOCK = 2048


class Kernels(NamedTuple):
    """What the recursion carries for pairs of inputs.

    Attributes:
        q: variances, of the first inputs and then of the second along the last axis.
        sigma: covariances, (..., first inputs, second inputs).
        theta: tangent kernel, likewise.
        missing: largest part that a series of the expectations left out.
    """

    q: jax.Array
    sigma: jax.Array
    theta: jax.Array | np.ndarray
    missing: jax.Array | float = 0.0


def identity(kernel):
    return kernel


def layer_map(
    pair: Kernels, weights, biases, trained, activation, averages=(identity, identity)
) -> Kernels:
    """Pass an activation and the layer after it.

    Args:
        pair: before the activation.
        weights: variance of the layer's weights; ``biases``: that of its biases.
        trained: 1 where the layer's parameters are trained, 0 where they are not.
        activation: a name or an elementwise function.
        averages: what the layer averages over before it weighs: for the variances and
            for pairs. Vectors: nothing.
    """
    return affine_map(_activate(pair, activation), weights, biases, trained, averages)


# Two programs: in one, XLA would compute the expectations anew for every pixel of a
# filter. (Called inside another jit, as for vectors, they are one all the same.)
@partial(jax.jit, static_argnames="activation")
def _activate(pair: Kernels, activation) -> Kernels:
    """Return E[phi^2] in place of the variances, E[phi phi] and E[phi' phi'] theta."""
    value, slope, missing = expectations(activation, *_variances(pair), pair.sigma)
    return Kernels(
        second_moment(activation, pair.q),
        value,
        slope * pair.theta,
        jnp.maximum(pair.missing, missing),
    )


def _variances(pair: Kernels):
    """Return the variances of the first and of the second inputs, not the pairs."""
    count = pair.sigma.shape[-2]
    q1, q2 = pair.q[..., :count, None], pair.q[..., None, count:]
    if q1.ndim < pair.sigma.ndim:  # images, where every pixel meets every other
        q1, q2 = q1[:, None, :, None], q2[None, :, None, :]
    return q1, q2


@partial(jax.jit, static_argnames="averages")
def affine_map(pair: Kernels, weights, biases, trained, averages) -> Kernels:
    """Average, weigh and add the biases; what is trained adds its own part."""
    own, both = averages
    sigma = weights * both(pair.sigma) + biases
    return Kernels(
        weights * own(pair.q) + biases,
        sigma,
        trained * sigma + weights * both(pair.theta),
        pair.missing,
    )


def nngp(
    x1: Float[AnyArray, "n1 d"],
    x2: Float[AnyArray, "n2 d"] | None = None,
    *,
    depth: int,
    activation: str | Callable = "relu",
    weight_std: float = 1.0,
    bias_std: float = 0.0,
    first_layer: str = "scaled",
) -> Float[Array, "n1 n2"]:
    r"""Return the covariance of an infinitely wide network's output, untrained.

    .. math::

        \Sigma^{(1)} &= \frac{\sigma_w^2}{d} \langle x, x' \rangle + \sigma_b^2, \\
        \Sigma^{(l+1)} &= \sigma_w^2\, \mathbb E_{(u, v) \sim \Sigma^{(l)}}
        [\phi(u) \phi(v)] + \sigma_b^2

    The output of :func:`ntkbook.mlp`, at random weights and with the same settings,
    tends to the Gaussian process with mean 0 and this covariance. It is also the
    kernel of training the last layer alone.

    Args:
        x1: inputs, ``(n1, d)``, float64.
        x2: inputs, ``(n2, d)``; ``None`` means ``x1``.
        depth: number of *hidden* layers, L, at least 1.
        activation: as for :func:`ntkbook.mlp`. Those that the heading of
            ``ntkbook.infinite`` names are known, also as ``jax.nn.relu`` and so on; any
            other smooth function is expanded in Hermite polynomials, which may leave
            out 1e-5 of its second moment.
        weight_std: :math:`\sigma_w > 0`, for all layers or a sequence of L + 1 numbers,
            the first layer's first.
        bias_std: :math:`\sigma_b \ge 0`, likewise.
        first_layer: ``"scaled"`` divides the first layer's weights by
            :math:`\sqrt d`, like every other layer's by the root of its inputs.
            ``"unscaled"`` does not: :math:`\Sigma^{(1)} = \sigma_w^2 \langle x, x'
            \rangle + \sigma_b^2`; and it puts the two deviations in the distribution of
            that layer's parameters, which changes :func:`ntk`.

    Returns:
        The kernel; symmetric and positive semidefinite where ``x2`` is ``None``.

    Raises:
        ValueError: shapes that do not match, sizes or deviations out of range, NaN,
            a zero vector where there are no biases (the network is constant along its
            ray, or 0), an activation that is too steep for the series.
        TypeError: input that is not float64, sizes that are not whole numbers.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> ntkbook.double_precision()
        >>> x = jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> k = ntkbook.infinite.nngp(x, depth=1, weight_std=2**0.5)
        >>> k.round(6).tolist()          # 1 on the diagonal, 1/pi off it
        [[1.0, 0.31831], [0.31831, 1.0]]

    Source: :cite:t:`neal1995bayesian`, :cite:t:`lee2018deep`,
    :cite:t:`matthews2018gaussian`.
    """
    settings = _settings(depth, activation, weight_std, bias_std, first_layer)
    return _kernel(x1, x2, settings, "nngp", 0)


def ntk(
    x1: Float[AnyArray, "n1 d"],
    x2: Float[AnyArray, "n2 d"] | None = None,
    *,
    depth: int,
    activation: str | Callable = "relu",
    weight_std: float = 1.0,
    bias_std: float = 0.0,
    first_layer: str = "scaled",
    frozen: int = 0,
) -> Float[Array, "n1 n2"]:
    r"""Return the tangent kernel of an infinitely wide network.

    .. math::

        \Theta^{(1)} &= \Sigma^{(1)}, \\
        \Theta^{(l+1)} &= \Sigma^{(l+1)} \\[0pt]
        &\quad + \sigma_w^2\, \mathbb E_{(u, v) \sim \Sigma^{(l)}}[\phi'(u) \phi'(v)]\,
        \Theta^{(l)}

    The limit of :func:`ntkbook.ntk` at initialisation, for ``ntkbook.mlp`` in the NTK
    parametrisation with the same settings.

    Args:
        x1: as for :func:`nngp`, and so are the others that are not named here.
        first_layer: ``"unscaled"`` trains the first layer's weights and biases in the
            standard parametrisation: :math:`\Theta^{(1)} = \langle x, x' \rangle + 1`
            (without the 1 where it has no biases).
        frozen: how many layers, from the first, are not trained. With ``frozen=depth``
            only the last is, and the kernel is that of :func:`nngp`.

    Returns:
        The kernel; symmetric and positive semidefinite where ``x2`` is ``None``.

    Raises:
        ValueError, TypeError: as for :func:`nngp`.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> ntkbook.double_precision()
        >>> x = jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> k = ntkbook.infinite.ntk(                    # as Arora et al. scale it
        ...     x, depth=2, weight_std=(1, 2**0.5, 2**0.5), first_layer="unscaled"
        ... )
        >>> k.round(6).tolist()
        [[3.0, 0.685709], [0.685709, 3.0]]

    Source: :cite:t:`jacot2018neural`; without biases :cite:t:`arora2019exact`.
    """
    settings = _settings(depth, activation, weight_std, bias_std, first_layer)
    frozen = checks.bounded_int("frozen", frozen, 0)
    if frozen > settings.depth:
        raise ValueError(
            f"`frozen` must be at most depth={settings.depth}, not {frozen}, so that "
            "the last layer is trained."
        )
    return _kernel(x1, x2, settings, "ntk", frozen)


class _Settings(NamedTuple):
    depth: int
    activation: str | Callable
    weights: jax.Array  # variances, (depth + 1,)
    biases: jax.Array
    first_layer: str
    has_first_bias: bool


def _settings(depth, activation, weight_std, bias_std, first_layer) -> _Settings:
    depth = checks.positive_int("depth", depth)
    elementwise(activation)
    checks.one_of("first_layer", first_layer, FIRST_LAYERS)
    weight_std = deviations("weight_std", weight_std, depth + 1, above=0)
    bias_std = deviations("bias_std", bias_std, depth + 1, least=0)
    return _Settings(
        depth,
        activation,
        squared("weight_std", weight_std),
        squared("bias_std", bias_std),
        first_layer,
        checks.is_traced(bias_std) or bool(bias_std[0] > 0),
    )


def _kernel(x1, x2, settings: _Settings, which, frozen):
    x1 = vectors("x1", x1)
    if x2 is not None:
        x2 = vectors("x2", x2)
        batch.same_kind("x1", x1, "x2", x2)
    if not settings.has_first_bias:
        check_not_zero("x1", x1)
        if x2 is not None:
            check_not_zero("x2", x2)
    trained = np.arange(settings.depth + 1) >= frozen
    unscaled = settings.first_layer == "unscaled"
    contract = partial(
        _dense,
        trained=trained.astype(float),
        weights=settings.weights,
        biases=settings.biases,
        activation=settings.activation,
        unscaled=unscaled,
        bias=unscaled and settings.has_first_bias,
        which=which,
    )
    # Blocks that stay in the processor's cache; about eight arrays are alive in each.
    of = partial(blocks, bytes_per_row=BLOCK * 8 * 8, at_most=BLOCK)
    return in_blocks(contract, x1, x2, of, settings.activation)


def in_blocks(program, x1, x2, blocks_of: Callable, activation, progress=False):
    """Fill a kernel by ``program(x1, x2) -> (kernel, missing)``, and check it.

    One program serves all blocks, those on the diagonal too. ``blocks_of`` cuts a
    number of inputs into blocks.
    """
    missing = []

    def block(a, b):
        kernel, share = program(a, a if b is None else b)
        missing.append(share)
        return symmetric(kernel) if b is None else kernel

    gram = gram_in_blocks(
        block,
        x1,
        x2,
        rows=blocks_of(x1.shape[0]),
        columns=None if x2 is None else blocks_of(x2.shape[0]),
        progress=progress,
    )
    return check_finite(gram, missing, activation)


def check_finite(gram, missing, activation):
    """Refuse a kernel that overflowed, or whose series left too much out."""
    missing = 0.0 if checks.is_traced(missing) else max(map(float, missing))
    if missing > TOLERATED:
        raise ValueError(
            f"`activation` is too steep for the series of Hermite polynomials, which "
            f"misses a part of {missing:.0e}: it has a kink or a jump, or the "
            f"variances are large; {_advice(activation)}"
        )
    return checks.finite_result(
        gram, "the kernel overflows: make the inputs, `weight_std` or `depth` smaller."
    )


def _advice(activation) -> str:
    line = line_for(activation) if callable(activation) else None
    if line is not None:
        return (
            f"pass activation={line}, which agrees at the points tried and has a known "
            "form."
        )
    return (
        "use a smooth activation or smaller `weight_std` and `bias_std`, or, where it "
        "is piecewise linear, ntkbook.infinite.piecewise_linear(kinks, slopes)."
    )


@partial(jax.jit, static_argnames=("activation", "unscaled", "bias", "which"))
def _dense(x1, x2, *, trained, weights, biases, activation, unscaled, bias, which):
    products = jnp.matmul(x1, x2.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.concatenate([(x**2).sum(1) for x in (x1, x2)])
    scale = weights[0] if unscaled else weights[0] / x1.shape[1]
    sigma = scale * products + biases[0]
    pair = Kernels(
        scale * squares + biases[0],
        sigma,
        trained[0] * (products + float(bias) if unscaled else sigma),
        jnp.zeros(()),
    )

    # Unrolled, not scanned: XLA then fuses the layers, and uses every core.
    for layer in range(1, len(weights)):
        pair = layer_map(
            pair, weights[layer], biases[layer], trained[layer], activation
        )
    return (pair.sigma if which == "nngp" else pair.theta), pair.missing
