r"""What each parameter contributes to the tangent kernel."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.kernels.empirical.contraction import SUM, contract, contributions
from ntkbook.kernels.empirical.tangent import check_finite, kernel_of
from ntkbook.kernels.gram import gram_in_blocks


def ntk_contributions(
    apply: Callable,
    params: PyTree,
    x1: Float[AnyArray, "n1 ..."],
    x2: Float[AnyArray, "n2 ..."] | None = None,
) -> dict[str, Float[Array, "n1 n2"]]:
    r"""Return each parameter's contribution to the trace of the tangent kernel.

    .. math::

        \Theta_{ij} &= \sum_q \Theta^{(q)}_{ij}, \\
        \Theta^{(q)}_{ij} &= \sum_a \bigl\langle \partial_{w_q} f_a(x_i, w),
        \partial_{w_q} f_a(x'_j, w) \bigr\rangle

    A layer that contributes nothing cannot learn at these parameters: every layer below
    a last layer that is 0 is an example.

    Args:
        apply: ``apply(params, x) -> (n, k)``, as for :func:`ntkbook.ntk`.
        params: the parameters.
        x1: inputs, ``(n1, ...)``.
        x2: inputs, ``(n2, ...)``; ``None`` means ``x1``.

    Returns:
        For each parameter, named by its place in ``params``, its contribution, ``(n1,
        n2)``. Their sum is ``ntkbook.ntk(apply, params, x1, x2, trace=True)``.

    Raises:
        ValueError, TypeError: as :func:`ntkbook.ntk`.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda p, x: jnp.tanh(x @ p["first"]) @ p["last"]
        >>> params = {"first": jnp.ones((2, 3)), "last": jnp.zeros((3, 1))}
        >>> found = ntkbook.ntk_contributions(apply, params, jnp.ones((1, 2)))
        >>> {name: round(float(part.sum()), 2) for name, part in found.items()}
        {"['first']": 0.0, "['last']": 2.79}
    """
    kernel = kernel_of(apply, params, x1, x2, SUM)
    how = kernel.plan.how
    parts = kernel.blocks(None)
    parts["prepare"] = partial(_features, how, kernel.params)
    parts["contract"] = partial(_contract, how)
    found = check_finite(gram_in_blocks(**parts, swap=(1, 0, 2)))
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    names = map(jax.tree_util.keystr, paths)
    return {name: found[:, :, i] for i, name in enumerate(names)}


@partial(jax.jit, static_argnums=0)
def _features(how, params, x):
    return contributions(how, params, x)


@partial(jax.jit, static_argnums=0)
def _contract(how, one, two):
    two = one if two is None else two
    parts = [contract(how, [a], [b]) for a, b in zip(one, two, strict=True)]
    return jnp.stack(parts, axis=-1)
