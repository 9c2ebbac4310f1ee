r"""Chapter 1: a network expanded in its weights.

With :math:`\Delta = w - w_0`, the expansion of order r is

.. math:: f(x, w) \approx \sum_{j \le r} \frac{1}{j!} \,
    \partial_w^j f(x, w_0)[\Delta, \dots, \Delta]

and how far it reaches is measured by the inverse relative scale :math:`\kappa`.
"""

from collections.abc import Callable
from functools import partial, reduce
from math import factorial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.kernels.empirical.tangent import check_finite, ntk
from ntkbook.spectra.second_derivative import jacobian, second_derivative_norm
from ntkbook.validation import batch, checks, model
from ntkbook.validation.host import as_matrix, outside_jit

__all__ = ["Kappa", "kappa", "linearize", "second_derivative_norm", "taylor_expand"]


def linearize(apply: Callable, params0: PyTree, *, offset: bool = True) -> Callable:
    r"""Return the network's linearisation in its weights, a function of (params, x).

    .. math:: f_{\mathrm{lin}}(x, w) = f(x, w_0) + \partial_w f(x, w_0) (w - w_0)

    The product with :math:`w - w_0` is one forward-mode derivative; the Jacobian is
    never formed. Without the offset :math:`f(x, w_0)` it keeps of the network only its
    tangent kernel there.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        params0: the point of expansion :math:`w_0`: the initial weights, those of
            an epoch, the solution.
        offset: whether to add the outputs there.

    Returns:
        ``f_lin(params, x) -> (n, k)``, itself a network for :func:`ntkbook.ntk`,
        :func:`ntkbook.gradient_descent` and so on.

    Raises:
        ValueError, TypeError: parameters that are not finite floating-point arrays, or,
            when called, parameters whose tree or shapes differ from ``params0``.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda w, x: x * w**2                     # f(x, w) = x w^2
        >>> line = ntkbook.linearize(apply, jnp.array([[3.0]])) # x (9 + 6 (w - 3))
        >>> line(jnp.array([[4.0]]), jnp.array([[2.0]])).tolist()
        [[30.0]]
    """
    checks.boolean("offset", offset)
    return _expansion(apply, params0, 0 if offset else 1, 1)


def taylor_expand(apply: Callable, params0: PyTree, order: int) -> Callable:
    r"""Return the network's Taylor expansion in its weights, a function of (params, x).

    .. math:: \sum_{j=0}^{r} \frac{1}{j!} \frac{d^j}{ds^j}
        f\bigl(x, w_0 + s (w - w_0)\bigr) \Big|_{s=0}

    which is the definition read along the straight line from :math:`w_0` to w: each
    term is one more forward-mode derivative with respect to the single number s.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        params0: the point of expansion :math:`w_0`.
        order: r, at least 0. The cost doubles with each order.

    Returns:
        ``f_r(params, x) -> (n, k)``.

    Raises:
        ValueError, TypeError: as :func:`linearize`, or an order that is not a whole
            number.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda w, x: x * jnp.exp(w)
        >>> expansion = ntkbook.taylor_expand(apply, jnp.array([[0.0]]), order=3)
        >>> float(expansion(jnp.array([[1.0]]), jnp.array([[6.0]]))[0, 0])  # 6+6+3+1
        16.0
    """
    order = checks.bounded_int("order", order, 0)
    return _expansion(apply, params0, 0, order)


def _expansion(apply, params0, first, last) -> Callable:
    """Return the sum of the terms of these orders."""
    checks.function("apply", apply, "apply(params, x)")
    dtype = model.parameters("params0", params0)

    def expansion(params, x):
        _same_tree(params, params0)
        x = batch.check("x", x, dtype)
        model.outputs_of(apply, params0, x, per_input=False)
        delta = jax.tree.map(jnp.subtract, params, params0)

        def term(s):
            return apply(jax.tree.map(lambda a, d: a + s * d, params0, delta), x)

        at_start = jnp.zeros((), dtype)
        terms = []
        for j in range(last + 1):
            if j:
                term = partial(_derivative, term)
            if j >= first:
                terms.append(term(at_start) / factorial(j))
        total = reduce(jnp.add, terms)
        return checks.finite_result(
            total,
            "the expansion is not finite: `apply` or its derivatives at `params0` are "
            f"NaN or infinite, or `params` lies too far away for {total.dtype}.",
        )

    return expansion


def _derivative(function, s):
    return jax.jvp(function, (s,), (jnp.ones_like(s),))[1]


class Kappa(NamedTuple):
    r"""The inverse relative scale and the three norms it is made of.

    Attributes:
        value: :math:`\kappa`, with ``hessian_norm``.
        upper: :math:`\kappa` with ``hessian_bound``: the true one is never above it.
        residual_norm: :math:`\lVert y(w_0) - \bar y \rVert`.
        jacobian_norm: :math:`\lVert J(w_0) \rVert`, its largest singular value.
        jacobian_smallest: the smallest singular value of :math:`J(w_0)`.
        hessian_norm: a value that the norm of the second derivative attains.
        hessian_bound: a value that it does not exceed.
    """

    value: float
    upper: float
    residual_norm: float
    jacobian_norm: float
    jacobian_smallest: float
    hessian_norm: float
    hessian_bound: float

    def __float__(self) -> float:
        return self.value


def kappa(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    y: Float[AnyArray, "n k"],
    *,
    progress: bool = True,
) -> Kappa:
    r"""Return the inverse relative scale of a model at ``params``.

    .. math:: \kappa = \lVert y(w_0) - \bar y \rVert \,
        \frac{\lVert \partial^2 y(w_0) \rVert}{\lVert \partial y(w_0) \rVert^2}

    where y(w) stacks the outputs at all points. The norms are operator norms:
    :math:`\lVert \partial y \rVert` is the Jacobian's largest singular value, found
    as the root of the tangent kernel's largest eigenvalue, and

    .. math::

        \lVert \partial^2 y \rVert
        &= \max_{\lVert u \rVert = \lVert v \rVert = 1}
        \lVert \partial^2 y [u, v] \rVert \\
        &= \max_{\lVert c \rVert = 1} \Bigl\lVert \sum_i c_i \partial^2 y_i \Bigr\rVert

    For one output at one point that is the spectral norm of one Hessian, and both ends
    below are equal to it. For more, the norm of such a tensor is NP-hard in general, so
    it is enclosed: ``hessian_norm`` comes from alternating between c and v (each step
    can only increase it), ``hessian_bound`` from
    :math:`\max_v (\sum_i \lVert \partial^2 y_i v \rVert^2)^{1/2}`. Both use Lanczos
    iterations on Hessian-vector products; no Hessian is ever formed. The alternation
    may stop at a local maximum; the bound holds in any case, and exceeds the norm by a
    factor of at most :math:`\sqrt N` for N outputs: for unit u and v, by
    Cauchy-Schwarz and with c a unit vector of one entry,

    .. math::

        \lVert \partial^2 y [u, v] \rVert^2
        &= \sum_i (u^\top \partial^2 y_i v)^2 \\
        &\le \sum_i \lVert \partial^2 y_i v \rVert^2 \\
        &\le N \max_i \lVert \partial^2 y_i \rVert^2 \\
        &\le N \lVert \partial^2 y \rVert^2

    Args:
        apply: ``apply(params, x) -> (n, k)``, twice differentiable in ``params``. For
            ReLU the second derivative ignores the kinks, so the result is too small.
        params: :math:`w_0`.
        x: inputs, ``(n, ...)``.
        y: targets :math:`\bar y`, ``(n, k)``.
        progress: count the Hessian-vector products where it takes longer than two
            seconds.

    Returns:
        A :class:`Kappa`; ``float()`` of it is :math:`\kappa`.

    Raises:
        ValueError: shapes that do not match, NaN, or a Jacobian that is 0.
        TypeError: integer or mixed dtypes.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> apply = lambda w, x: x * w**2        # derivatives 2 x w and 2 x
        >>> k = ntkbook.kappa(
        ...     apply, jnp.array([[3.0]]), jnp.array([[1.0]]), jnp.array([[1.0]])
        ... )
        >>> round(float(k), 4)                   # (9 - 1) 2 / 6^2
        0.4444

    Source: :cite:t:`chizat2019lazy`, where :math:`\kappa` is introduced.
    """
    outside_jit(params=params, x=x, y=y)
    x, y, _ = model.data(apply, params, x, y)
    residual = np.asarray(apply(params, x) - y, np.float64)
    checks.finite_result(
        residual, "`apply(params, x)` is not finite, so kappa is not defined there."
    )
    smallest, largest = _singular_values(apply, params, x, y.shape[1])
    if largest == 0:
        raise ValueError(
            "the Jacobian at `params` is 0, so kappa is not defined there; start from "
            "parameters where the outputs depend on the weights."
        )
    attained, bound = second_derivative_norm(apply, params, x, progress=progress)
    residual_norm = float(np.linalg.norm(residual))
    found = Kappa(
        value=residual_norm * (attained / largest / largest),
        upper=residual_norm * (bound / largest / largest),
        residual_norm=residual_norm,
        jacobian_norm=largest,
        jacobian_smallest=smallest,
        hessian_norm=attained,
        hessian_bound=bound,
    )
    checks.finite_result(
        np.array(found), "kappa overflows float64: rescale the outputs and `y`."
    )
    return found


def _singular_values(apply, params, x, k: int) -> tuple[float, float]:
    """Return the Jacobian's smallest and largest singular values."""
    found = jacobian(apply, params, x, k)
    if found is None:
        gram = np.asarray(as_matrix(ntk(apply, params, x)), np.float64)
    else:
        found = check_finite(found).astype(np.float64)
        gram = found @ found.T
    rates = np.linalg.eigvalsh(gram)
    return float(max(rates[0], 0.0) ** 0.5), float(max(rates[-1], 0.0) ** 0.5)


def _same_tree(params, params0):
    """Check that two trees of parameters fit together, leaf by leaf."""
    if jax.tree.structure(params) != jax.tree.structure(params0):
        raise ValueError(
            "`params` must have the tree of `params0`: pass what the same init "
            f"returned. Trees: {jax.tree.structure(params)} and "
            f"{jax.tree.structure(params0)}."
        )
    dtype = model.parameters("params", params)
    for one, two in zip(jax.tree.leaves(params), jax.tree.leaves(params0), strict=True):
        if jnp.shape(one) != jnp.shape(two):
            raise ValueError(
                f"`params` holds a leaf of shape {jnp.shape(one)} where `params0` has "
                f"{jnp.shape(two)}; pass what the same init returned."
            )
    checks.same_dtype("params", dtype, "params0", model.parameters("params0", params0))
