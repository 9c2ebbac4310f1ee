"""Fully connected networks, small enough to read in one sitting.

A network is a pair of functions, ``init(key, x) -> params`` and
``apply(params, x) -> outputs``. Everything else in this library needs only the second,
so any function of that form will do, from Flax, from Equinox or written by hand.

Layer l turns its inputs h (n, m_in) into pre-activations z (n, m_out):

    "ntk":       z = (weight_std / sqrt(m_in)) h W + bias_std b,  W, b ~ N(0, 1)
    "standard":  z = h W + b,  W ~ N(0, weight_std^2 / m_in),  b ~ N(0, bias_std^2)
    "pytorch":   z = h W + b,  W, b ~ (weight_std, bias_std) U(-1, 1) / sqrt(m_in)

At initialisation the first two draw from one distribution of functions. They train
differently: a gradient step of one size moves them by different amounts, and only the
first has a tangent kernel that settles as the width grows. The third is the standard
one with the numbers that PyTorch draws unless told otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.networks.activations import ACTIVATIONS, elementwise
from ntkbook.validation import checks

PARAMETRIZATIONS = ("ntk", "standard", "pytorch")
ZERO_OUTPUTS = ("twin", "subtract")


class Network(NamedTuple):
    """A network as two functions.

    Attributes:
        init: ``init(key, x) -> params``. ``x`` is any batch of inputs, used for its
            shape and its dtype, which becomes that of the parameters.
        apply: ``apply(params, x) -> (n, k)`` outputs, for ``x`` of shape ``(n, ...)``.
    """

    init: Callable
    apply: Callable


class LayerDerivatives(NamedTuple):
    """What one layer contributes to the derivatives of the outputs.

    The derivative of output a at input i is ``weight_scale * inputs[i] deltas[i, a]^T``
    with respect to the layer's weights, and ``bias_scale * deltas[i, a]`` with respect
    to its biases, so it never has to be formed: the inputs and the deltas, which
    back-propagation computes anyway, say all of it.

    Attributes:
        inputs: ``(n, m_in)``, what entered the layer.
        deltas: ``(n, k, m_out)``, derivatives of the outputs by the pre-activations.
        weight_scale: factor in front of the weights.
        bias_scale: factor in front of the biases; 0 where there are none.
    """

    inputs: Float[Array, "n m_in"]
    deltas: Float[Array, "n k m_out"]
    weight_scale: float
    bias_scale: float


@dataclass(frozen=True)
class MLP:
    """The ``apply`` of a fully connected network; make one with :func:`mlp`.

    It is an object and not a bare function for one reason: its layers are known, so
    that one can ask for their :meth:`layer_derivatives`. The chapters do, and so do the
    path kernels, which need them for one input at a time. (:func:`ntkbook.ntk` finds
    the same in any network by itself.)
    """

    width: int
    depth: int
    activation: str | Callable
    parametrization: str
    weight_std: float
    bias_std: float
    outputs: int
    zero_output: bool | str
    scale: float

    @property
    def independent(self) -> bool:
        """Say whether an output is known to depend on its own input alone."""
        return isinstance(self.activation, str)

    def init(self, key: Array, x: Float[AnyArray, "n d"]) -> Any:
        """Draw parameters; equation (1) of this module's heading."""
        x = checks.inputs("x", x)
        layers = self._draw(checks.random_key("key", key), x)
        # The copy is the whole trick: each half starts where the other does.
        if self.zero_output == "twin":
            return {"left": layers, "right": layers}
        if self.zero_output == "subtract":
            return {"now": layers, "start": layers}
        return layers

    def __call__(
        self, params: PyTree, x: Float[AnyArray, "n d"]
    ) -> Float[Array, "n k"]:
        """Return the outputs, shape ``(n, k)``."""
        x = self._inputs(params, x)
        parts = [sign * self._forward(p, x)[0] for sign, p in self._parts(params)]
        out = self.scale * reduce(jnp.add, parts)
        return checks.finite_result(
            out,
            f"the outputs are not finite: `scale`={self.scale:g} or the numbers in "
            f"`params` are NaN, infinite, or too large for {out.dtype}; make them "
            f"smaller{checks.more_digits(out.dtype)}.",
        )

    def layer_derivatives(
        self, params: PyTree, x: Float[AnyArray, "n d"]
    ) -> list[LayerDerivatives]:
        """Return each trained layer's inputs and deltas, without any Jacobian."""
        x = self._inputs(params, x)
        found = []
        for sign, layers in self._parts(params, trained_only=True):
            # A zero added to a pre-activation is a handle: its derivative is the
            # delta. Inputs do not interact, so one backward pass for each output gives
            # the deltas of all inputs.
            taps = [
                jnp.zeros((x.shape[0], p["weight"].shape[1]), x.dtype) for p in layers
            ]
            out, pull, inputs = jax.vjp(
                lambda taps, layers=layers: self._forward(layers, x, taps)[:2],
                taps,
                has_aux=True,
            )
            one_output = jnp.eye(self.outputs, dtype=x.dtype) * (sign * self.scale)
            deltas = jax.vmap(
                lambda e, pull=pull, out=out: pull(jnp.broadcast_to(e, out.shape))[0],
                out_axes=1,
            )(one_output)
            found += [
                LayerDerivatives(h, d, *self._scales(h.shape[1]))
                for h, d in zip(inputs, deltas, strict=True)
            ]
        return found

    def preactivations(
        self, params: PyTree, x: Float[AnyArray, "n d"]
    ) -> Float[Array, "n u"]:
        """Return what enters each of the u trained hidden units."""
        x = self._inputs(params, x)
        found = [
            self._forward(layers, x)[2]
            for _, layers in self._parts(params, trained_only=True)
        ]
        return jnp.concatenate(sum(found, []), axis=1)

    def _draw(self, key, x):
        layers = []
        for shapes in self._shapes(int(np.prod(x.shape[1:]))):
            key, *keys = jax.random.split(key, 3)
            m_in = shapes["weight"][0]
            layer = {}
            for (name, shape), key_p in zip(shapes.items(), keys, strict=False):
                std = self.weight_std if name == "weight" else self.bias_std
                if self.parametrization == "pytorch":
                    one = jax.random.uniform(key_p, shape, x.dtype, -1.0, 1.0)
                    layer[name] = std / m_in**0.5 * one
                else:
                    one = jax.random.normal(key_p, shape, x.dtype)
                    if self.parametrization == "ntk":
                        std = 1.0
                    elif name == "weight":
                        std = std / m_in**0.5
                    layer[name] = std * one
            layers.append(layer)
        return layers

    def _shapes(self, features: int) -> list[dict[str, tuple]]:
        """Return the shapes of one plain network's parameters."""
        sizes = [features, *[self.width] * self.depth, self.outputs]
        layers = []
        for m_in, m_out in zip(sizes[:-1], sizes[1:], strict=True):
            biases = {"bias": (m_out,)} if self.bias_std else {}
            layers.append({"weight": (m_in, m_out)} | biases)
        return layers

    def _scales(self, m_in: int) -> tuple[float, float]:
        """Return the factors in front of a layer's weights and biases."""
        if self.parametrization != "ntk":
            return 1.0, float(bool(self.bias_std))
        return self.weight_std / m_in**0.5, self.bias_std

    def _forward(self, layers, x, taps=None):
        """Return one plain network's outputs, layers' inputs and pre-activations."""
        act = (
            self.activation
            if callable(self.activation)
            else ACTIVATIONS[self.activation]
        )
        h = x.reshape(x.shape[0], -1)
        z, inputs, hidden = h, [], []
        for i, layer in enumerate(layers):
            inputs.append(h)
            weight_scale, bias_scale = self._scales(h.shape[1])
            z = weight_scale * (h @ layer["weight"])
            if bias_scale:
                z = z + bias_scale * layer["bias"][None, :]
            if taps is not None:
                z = z + taps[i]
            if i + 1 < len(layers):
                hidden.append(z)
                h = act(z)
        return z, inputs, hidden

    def _parts(self, params, trained_only=False):
        """Return the plain networks this one is a signed sum of."""
        if self.zero_output == "twin":
            # 1/sqrt(2) keeps the tangent kernel: (1/2 + 1/2) times that of one half.
            half = 0.5**0.5
            return [(half, params["left"]), (-half, params["right"])]
        if self.zero_output == "subtract":
            now = [(1.0, params["now"])]
            frozen = jax.lax.stop_gradient(params["start"])
            return now if trained_only else [*now, (-1.0, frozen)]
        return [(1.0, params)]

    def _inputs(self, params, x):
        """Check that parameters and inputs fit this network and each other.

        Without this a network would take the parameters of another one, of another
        depth for example, and compute that one.
        """
        x = checks.inputs("x", x)
        try:
            drawn_for = self._parts(params)[0][1][0]["weight"].shape[0]
            for _, layers in self._parts(params):
                fits = jax.tree.map(lambda p: p.shape, layers) == self._shapes(
                    drawn_for
                )
                if not fits:
                    raise ValueError
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise ValueError(
                "`params` does not fit this network: pass what its own init(key, x) "
                f"returned. The network: {self}."
            ) from None
        for leaf in jax.tree.leaves(params):
            checks.same_dtype("params", leaf.dtype, "x", x.dtype)
        features = int(np.prod(x.shape[1:]))
        if features != drawn_for:
            raise ValueError(
                f"`x` has {features} numbers an input (shape {x.shape}), but the "
                f"parameters were drawn for {drawn_for}; pass inputs of the size "
                "given to init."
            )
        return x


def mlp(
    width: int,
    depth: int,
    activation: str | Callable = "relu",
    *,
    parametrization: str = "ntk",
    weight_std: float = 1.0,
    bias_std: float = 0.0,
    outputs: int = 1,
    zero_output: bool | str = False,
    scale: float = 1.0,
) -> Network:
    r"""Make a fully connected network.

    .. math::

        f(x, w) &= \alpha\, z^{(L+1)}, \\
        z^{(l)} &= \tfrac{\sigma_w}{\sqrt{m_{l-1}}} W^{(l)\top} \phi(z^{(l-1)})
        + \sigma_b b^{(l)}

    in the NTK parametrisation; in the standard one the factors are in the
    distribution of the weights instead. ``"pytorch"`` is the standard one as
    ``torch.nn.Linear`` draws it: weights and biases uniform between
    :math:`\pm \sigma / \sqrt{m_{l-1}}`, with ``weight_std=1, bias_std=1`` for
    PyTorch's own numbers. (These two are then bounds and not standard deviations,
    which are smaller by :math:`\sqrt 3`.)

    Args:
        width: units in each hidden layer, m.
        depth: number of *hidden* layers, L; 0 gives a linear model.
        activation: ``"relu"``, ``"tanh"``, ``"erf"``, ``"gelu"`` (exact),
            ``"identity"``, or any elementwise function.
        parametrization: ``"ntk"``, ``"standard"`` or ``"pytorch"``.
        weight_std: :math:`\sigma_w`. For ReLU, :math:`\sqrt 2` keeps the size of the
            signal through the layers.
        bias_std: :math:`\sigma_b`. Where it is 0 there are no biases, in either
            parametrisation.
        outputs: number of outputs, k.
        zero_output: how to make the network 0 initially. ``"subtract"`` (or
            ``True``) subtracts a frozen copy of the initial network. ``"twin"`` trains
            two copies, :math:`(f(x, w_1) - f(x, w_2))/\sqrt 2` with
            :math:`w_1 = w_2` initially. Neither changes the tangent kernel there.
            An optimiser with weight decay, as ``optax.adamw``, shrinks the frozen copy
            too, unless its ``mask`` leaves ``params["start"]`` out; ``"twin"`` has no
            frozen copy.
        scale: the output scale :math:`\alpha > 0`, applied last.

    Returns:
        The :class:`Network`.

    Raises:
        ValueError: a size, scale or name that makes no network.
        TypeError: a size that is not a whole number, a scale that is not a number.

    Example:
        >>> import jax, jax.numpy as jnp, ntkbook
        >>> net = ntkbook.mlp(64, 2, "relu", weight_std=2**0.5, zero_output=True)
        >>> x = jnp.array([[-2.0], [0.5]])
        >>> params = net.init(jax.random.key(0), x)
        >>> net.apply(params, x).tolist()
        [[0.0], [0.0]]

    Source: :cite:t:`jacot2018neural` for the NTK parametrisation,
    :cite:t:`chizat2019lazy` for the scale and the two ways to start from 0.
    """
    elementwise(activation)
    checks.one_of("parametrization", parametrization, PARAMETRIZATIONS)
    if zero_output is True:
        zero_output = "subtract"
    elif zero_output is not False:
        checks.one_of("zero_output", zero_output, ZERO_OUTPUTS, "True or False")
    apply = MLP(
        width=checks.positive_int("width", width),
        depth=checks.bounded_int("depth", depth, 0),
        activation=activation,
        parametrization=parametrization,
        weight_std=checks.finite_float("weight_std", weight_std, above=0),
        bias_std=checks.finite_float("bias_std", bias_std, least=0),
        outputs=checks.positive_int("outputs", outputs),
        zero_output=zero_output,
        scale=checks.finite_float("scale", scale, above=0),
    )
    return Network(apply.init, apply)
