r"""Three ways to make one network wider.

All begin with the same network at a base width. Wider, they differ in a factor in front
of the output and in the learning rates of the layers, and in nothing else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from ntkbook.validation import checks, model

WAYS = ("standard", "ntk", "mup")


class Parametrization(NamedTuple):
    """How to train a network of the standard parametrisation at another width.

    Attributes:
        output: the factor in front of the output.
        rates: for each layer the factor in front of its learning rate.
    """

    output: float
    rates: list[float]


def parametrization(way: str, width: int, *, depth: int, base: int) -> Parametrization:
    r"""Return the factors with which a network goes from the base width to another.

    With :math:`r = m / m_0`, width over base width:

    ==============  =====================  ===============  ==================
    way             output                 first layer      other layers
    ==============  =====================  ===============  ==================
    ``"standard"``  1                      1                1
    ``"ntk"``       1                      1                :math:`1/r`
    ``"mup"``       :math:`r^{-1/2}`       :math:`r`        1
    ==============  =====================  ===============  ==================

    They belong to weights that are drawn in the standard parametrisation, with variance
    ``weight_std**2`` over the number of inputs, without biases. ``"mup"`` is the
    maximal update parametrisation for gradient descent; for one hidden layer it is the
    mean-field one.

    Args:
        way: ``"standard"``, ``"ntk"`` or ``"mup"``.
        width: the width :math:`m`.
        depth: number of hidden layers.
        base: the base width :math:`m_0`, at which all three are the same.

    Returns:
        A :class:`Parametrization`; apply it with :func:`change_rates`.

    Raises:
        ValueError: an unknown way, or sizes below 1.
        TypeError: sizes that are not whole numbers.

    Example:
        >>> import ntkbook
        >>> ntkbook.feature_learning.parametrization("mup", 256, depth=2, base=64)
        Parametrization(output=0.5, rates=[4.0, 1.0, 1.0])

    Source: :cite:t:`yang2021tensor`, in the form of a change of units.
    """
    checks.one_of("way", way, WAYS)
    width = checks.positive_int("width", width)
    depth = checks.positive_int("depth", depth)
    ratio = width / checks.positive_int("base", base)
    output = ratio**-0.5 if way == "mup" else 1.0
    first = ratio if way == "mup" else 1.0
    others = 1 / ratio if way == "ntk" else 1.0
    return Parametrization(output, [first] + [others] * depth)


def change_rates(
    apply: Callable, params: PyTree, rates: Any, output: float = 1.0
) -> tuple[Callable, PyTree]:
    r"""Return the same network in other units, with other rates for its layers.

    .. math::

        \tilde f(x, \tilde w) &= c\, f(x, D \tilde w), \\
        \tilde w_0 &= D^{-1} w_0

    where D multiplies each layer by the root of its factor. One step of gradient
    descent on :math:`\tilde f` with the rate :math:`\eta` is, for :math:`c f`, a step
    in which every layer has :math:`\eta` times its factor.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        params: the parameters.
        rates: the factors, all positive: a tree that begins as ``params`` does, such as
            one number for each layer of a list of layers.
        output: c, the factor in front of the output.

    Returns:
        ``(apply, params)`` of the new network.

    Raises:
        ValueError: rates that are not positive, or not a beginning of the tree.
        TypeError: rates that are not numbers.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda w, x: x * w[0] * w[1]
        >>> one = jnp.ones((1, 1))
        >>> w, x, y = [one, one], one, 0 * one
        >>> new, units = ntkbook.feature_learning.change_rates(apply, w, [4.0, 1.0])
        >>> run = ntkbook.gradient_descent(new, units, x, y, step_size=0.1, steps=1)
        >>> round(2 * float(run.params[0].sum()), 4)         # a step with the rate 0.4
        0.6
        >>> round(float(run.params[1].sum()), 4)             # and one with 0.1
        0.9
    """
    checks.function("apply", apply, "apply(params, x)")
    model.parameters("params", params)
    output = checks.finite_float("output", output, above=0)
    roots = jax.tree.map(
        lambda rate: checks.finite_float("rates", rate, above=0) ** 0.5, rates
    )

    def scaled(power, tree):
        def one(root, part):
            return jax.tree.map(lambda leaf: leaf * root**power, part)

        return jax.tree.map(one, roots, tree)

    try:
        start = scaled(-1, params)
    except ValueError as error:
        raise ValueError(
            f"`rates` must begin as the tree of `params` does: {error}"
        ) from None

    def in_units(params, x):
        return output * apply(scaled(1, params), x)

    return in_units, start
