r"""Neural anisotropy directions: which linear targets a network's kernel sees best.

.. math:: M = \mathbb E_x\, \partial_x \partial_w f(x, w_0) \in \mathbb R^{p \times d},
    \qquad \alpha(g_u) = \lVert M u \rVert^2 \quad \text{for } g_u(x) = u^\top x

for standard normal inputs. The directions are M's right singular vectors. M is never
differentiated entry by entry: M u is one forward-mode derivative of a gradient, and
M'v one gradient of a scalar product.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, PyTree
from scipy.sparse.linalg import LinearOperator, svds

from ntkbook._types import AnyArray
from ntkbook.spectra.eigendecomposition import with_signs
from ntkbook.validation import checks, independence, model
from ntkbook.validation.host import outside_jit


class Anisotropy(NamedTuple):
    r"""What :func:`anisotropy_directions` returns, the best-aligned direction first.

    Attributes:
        alignments: ``(j,)``, :math:`\alpha(g_{v}) = \lVert M v \rVert^2`, decreasing.
        directions: ``(j, *input shape)``, unit vectors v, each with its largest entry
            positive.
    """

    alignments: Float[np.ndarray, "j"]
    directions: Float[np.ndarray, "j ..."]


def mixed_derivative(
    apply: Callable, params: PyTree, x: Float[AnyArray, "n ..."]
) -> LinearOperator:
    """Return M, averaged over the rows of ``x``, as a matrix-free linear operator.

    Args:
        apply: ``apply(params, x) -> (n, 1)``, smooth: at a kink of ReLU the mixed
            derivative has a part that no automatic differentiation sees.
        params: the weights.
        x: inputs, ``(n, ...)``: draws, for an expectation, or one point.

    Returns:
        A SciPy ``LinearOperator`` of shape (p, d) with ``matvec``, ``rmatvec`` and
        ``matmat``.

    Raises:
        ValueError, TypeError: several outputs, or arguments that do not fit.
    """
    outside_jit(params=params, x=x)
    dtype = model.parameters("params", params)
    x = checks.inputs("x", x)
    checks.same_dtype("params", dtype, "x", x.dtype)
    model.one_output(apply, params, x)
    independence.check(apply, params, x, needs="The mixed derivative")
    flat, tree = ravel_pytree(params)
    shape = x.shape[1:]
    forward = partial(_forward, apply, tree)

    def matmat(u):
        u = jnp.asarray(np.reshape(u, (x[0].size, -1)).T, dtype)
        found = forward(flat, x, u.reshape(-1, *shape))
        return np.asarray(found, np.float64).T

    def rmatvec(v):
        v = jnp.asarray(np.reshape(v, -1), dtype)
        return np.asarray(_backward(apply, tree, flat, x, v), np.float64).reshape(-1)

    make: Any = LinearOperator  # whose type hints are those of its subclasses
    return make(
        (flat.size, x[0].size),
        matvec=lambda u: matmat(u)[:, 0],
        rmatvec=rmatvec,
        matmat=matmat,
        dtype=np.float64,
    )


@partial(jax.jit, static_argnums=(0, 1))
def _forward(apply, tree, flat, x, directions):
    """Return M u for each of the directions u, one after the other."""

    def gradient(x):
        return jax.grad(lambda p: apply(tree(p), x).mean())(flat)

    def along(u):
        return jax.jvp(gradient, (x,), (jnp.broadcast_to(u, x.shape),))[1]

    return jax.lax.map(along, directions, batch_size=8)


@partial(jax.jit, static_argnums=(0, 1))
def _backward(apply, tree, flat, x, v):
    """Return M'v: the gradient in the input of the derivative along v."""

    def along(x):
        return jax.jvp(lambda p: apply(tree(p), x).sum(), (flat,), (v,))[1]

    return jax.grad(along)(x).mean(0)


def anisotropy_directions(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    count: int | None = None,
) -> Anisotropy:
    r"""Return a network's neural anisotropy directions and their alignments.

    Args:
        apply, params, x: as for :func:`mixed_derivative`. Draws of a standard normal
            give the expectation of the theorem; one row of zeros gives the derivative
            at the origin, as the source's code does.
        count: how many directions, by Lanczos iterations; ``None`` gives all d, from a
            singular value decomposition of M.

    Returns:
        :class:`Anisotropy` of float64 NumPy arrays.

    Raises:
        ValueError, TypeError: as :func:`mixed_derivative`, or a ``count`` of d or more.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.alignment import anisotropy_directions
        >>> apply = lambda w, x: x * jnp.array([[3.0, 1.0]]) @ w   # M = diag(3, 1)
        >>> found = anisotropy_directions(apply, jnp.ones((2, 1)), jnp.zeros((1, 2)))
        >>> found.alignments.round(4).tolist(), found.directions.round(4).tolist()
        ([9.0, 1.0], [[1.0, 0.0], [0.0, 1.0]])

    Source: :cite:t:`ortizjimenez2020neural`; from the mixed derivative,
    :cite:t:`ortizjimenez2021what`.
    """
    matrix = mixed_derivative(apply, params, x)
    d = matrix.shape[1]
    if count is None:
        values, vectors = np.linalg.svd(matrix.matmat(np.eye(d)), full_matrices=False)[
            1:
        ]
    else:
        count = checks.positive_int("count", count)
        if count >= min(matrix.shape):
            raise ValueError(
                f"`count` is {count}, but there are only {d} directions; pass "
                "count=None for all of them."
            )
        start = np.random.default_rng(0).normal(size=min(matrix.shape))
        _, values, vectors = svds(matrix, k=count, v0=start)
        order = np.argsort(-values)
        assert vectors is not None
        values, vectors = values[order], vectors[order]
    vectors = with_signs(vectors.T).T
    checks.finite_result(values, "the mixed derivative of `apply` is not finite.")
    return Anisotropy(values**2, vectors.reshape(-1, *np.shape(x)[1:]))
