r"""The empirical neural tangent kernel, in two ways.

.. math:: \Theta(x, x') = J(x)\, J(x')^\top, \qquad J(x) = \partial_w f(x, w)

*By layers.* For a dense layer the derivative of an output by the weights is an outer
product, inputs times deltas, so its share of the kernel is an entrywise product of two
small Gram matrices:

.. math:: \langle h \delta^\top, h' \delta'^\top \rangle
    = \langle h, h' \rangle \, \langle \delta, \delta' \rangle

That takes O(n m^2 + n^2 m) operations in place of the Jacobian's O(n^2 m^2), and no
Jacobian is formed.

*By Jacobians.* Any other function gets a contraction of per-example Jacobians, a block
of rows at a time, within the memory budget.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntkbook.machine import checks
from ntkbook.machine.memory import blocks
from ntkbook.networks.gram import gram_in_blocks

# Some accelerators would round float32 products to 10 or 13 bits without this.
EXACT = jax.lax.Precision.HIGHEST


def ntk(apply: Callable, params, x1, x2=None):
    r"""Return the empirical neural tangent kernel between two sets of inputs.

    .. math:: \Theta_{ij} = \sum_q \partial_{w_q} f(x_i, w)\, \partial_{w_q} f(x'_j, w)

    Args:
        apply: ``apply(params, x) -> (n, k)``, a network's ``apply`` or any JAX function
            of that form in which one input's output does not depend on the others (no
            batch normalisation). Define it once: a function made anew for each call is
            compiled anew.
        params: the parameters, any pytree of floating-point arrays of one dtype.
        x1: inputs, ``(n1, ...)``.
        x2: inputs, ``(n2, ...)``; ``None`` means ``x1``.

    Returns:
        ``(n1, n2)`` for one output; ``(n1, n2, k, k)`` for k outputs, where entry
        ``[i, j, a, b]`` pairs output a at ``x1[i]`` with output b at ``x2[j]``.

    Raises:
        ValueError: shapes that do not match, empty, NaN or infinite input, or a kernel
            that overflows.
        TypeError: integer or mixed dtypes, or an ``apply`` that is not a function.

    Example:
        >>> import jax, jax.numpy as jnp, ntkbook
        >>> linear = lambda w, x: x @ w[:, None]        # f(x, w) = <x, w>
        >>> x = jnp.array([[1.0, 2.0], [3.0, -1.0]])
        >>> ntkbook.ntk(linear, jnp.zeros(2), x).tolist()   # its kernel is <x, x'>
        [[5.0, 1.0], [1.0, 10.0]]

    Source: :cite:t:`jacot2018neural`; the layerwise contraction is the dense case of
    :cite:t:`novak2022fast`.
    """
    dtype = checks.parameters("params", params)
    x1 = checks.inputs("x1", x1)
    checks.same_dtype("params", dtype, "x1", x1.dtype)
    if x2 is not None:
        x2 = checks.inputs("x2", x2)
        checks.same_shape_of_inputs("x1", x1, "x2", x2)
    k = checks.outputs_of(apply, params, x1).shape[1]

    if hasattr(apply, "layer_derivatives"):
        contract, numbers_per_row = _by_layers, _numbers_in_layers(apply, params, x1)
    else:
        contract = _by_jacobians
        numbers_per_row = k * sum(leaf.size for leaf in jax.tree.leaves(params))
    # Two blocks are alive at once, and each needs about as much again to compute.
    bytes_per_row = 4 * numbers_per_row * x1.dtype.itemsize
    gram = gram_in_blocks(
        partial(contract, apply, params),
        x1,
        x2,
        rows=blocks(x1.shape[0], bytes_per_row),
        columns=None if x2 is None else blocks(x2.shape[0], bytes_per_row),
        swap=(1, 0, 3, 2),  # Theta(x', x) has the inputs and the outputs exchanged
    )
    gram = gram[:, :, 0, 0] if k == 1 else gram
    return checks.finite_result(
        gram,
        f"the tangent kernel is not finite: the derivatives of `apply` at `params` are "
        f"NaN, infinite, or too large for {gram.dtype}; look at jax.grad(apply) there, "
        "or call ntkbook.double_precision() first.",
    )


def as_matrix(gram):
    """Return the kernel as one matrix, ``(n1 k, n2 k)``, a point's outputs together."""
    if gram.ndim == 2:
        return gram
    n1, n2, k, _ = gram.shape
    return gram.transpose(0, 2, 1, 3).reshape(n1 * k, n2 * k)


@partial(jax.jit, static_argnums=0)
def _by_layers(apply, params, x1, x2) -> Float[Array, "n1 n2 k k"]:
    layers1 = apply.layer_derivatives(params, x1)
    layers2 = layers1 if x2 is None else apply.layer_derivatives(params, x2)
    return gram_of_layers(layers1, layers2)


def gram_of_layers(layers1, layers2) -> Float[Array, "n1 n2 k k"]:
    """Return the kernel between two sets of inputs from their layers' derivatives."""
    return sum(
        _gram_of_layer(one, two) for one, two in zip(layers1, layers2, strict=True)
    )


def _gram_of_layer(one, two):
    """Return (scaled Gram of inputs) times (Gram of deltas), entry by entry."""
    inputs = jnp.matmul(one.inputs, two.inputs.T, precision=EXACT)  # (n1, n2)
    inputs = one.weight_scale**2 * inputs + one.bias_scale**2
    deltas = jnp.einsum("iam,jbm->ijab", one.deltas, two.deltas, precision=EXACT)
    return inputs[:, :, None, None] * deltas


def _numbers_in_layers(apply, params, x) -> int:
    """Count the numbers that the layerwise way keeps for one input."""
    one = jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype)
    shapes = checks.shape_of("layer_derivatives", apply.layer_derivatives, params, one)
    return sum(layer.inputs.size + layer.deltas.size for layer in shapes)


@partial(jax.jit, static_argnums=0)
def _by_jacobians(apply, params, x1, x2) -> Float[Array, "n1 n2 k k"]:
    jac1 = jacobians(apply, params, x1)
    jac2 = jac1 if x2 is None else jacobians(apply, params, x2)
    return gram_of_jacobians(jac1, jac2)


def gram_of_jacobians(jac1, jac2) -> Float[Array, "n1 n2 k k"]:
    """Return the kernel between two sets of inputs from their Jacobians."""

    def contract(a, b):  # (n1, k, ...), (n2, k, ...)
        a, b = a.reshape(*a.shape[:2], -1), b.reshape(*b.shape[:2], -1)
        return jnp.einsum("iap,jbp->ijab", a, b, precision=EXACT)

    return sum(jax.tree.leaves(jax.tree.map(contract, jac1, jac2)))


def jacobians(apply, params, x):
    """Return each example's Jacobian: a pytree with leaves ``(n, k, *shape)``."""

    def at_one(x_i):
        return jax.jacrev(lambda p: apply(p, x_i[None])[0])(params)

    return jax.vmap(at_one)(x)
