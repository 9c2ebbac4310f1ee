r"""Products of the tangent kernel with vectors, without the kernel.

.. math:: \Theta v = J\,(J^\top v)

The vector :math:`J^\top v` is as long as the parameters, and one backward pass through
the network gives it; one forward derivative along it gives the product.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree
from scipy.sparse.linalg import LinearOperator

from ntkbook._types import AnyArray
from ntkbook.kernels.empirical.tangent import check_finite, kernel_of
from ntkbook.machine.memory import blocks
from ntkbook.validation import batch, checks
from ntkbook.validation.jaxprs import inner


def ntk_operator(
    apply: Callable,
    params: PyTree,
    x1: Float[AnyArray, "n1 ..."],
    x2: Float[AnyArray, "n2 ..."] | None = None,
) -> LinearOperator:
    r"""Return the tangent kernel as an operator that multiplies vectors.

    Each product costs a few passes through the network, and memory that grows with the
    inputs in a block and not with their number squared. SciPy's iterative methods take
    it: ``eigsh`` for the largest eigenvalues, ``cg`` for a linear system.

    Args:
        apply: ``apply(params, x) -> (n, k)``, as for :func:`ntk`.
        params: the parameters.
        x1: inputs, ``(n1, ...)``.
        x2: inputs, ``(n2, ...)``; ``None`` means ``x1``.

    Returns:
        A SciPy ``LinearOperator`` of shape ``(n1 k, n2 k)``; a point's outputs stand
        together, as in ``outputs.ravel()``.

    Raises:
        ValueError: as :func:`ntk`.
        TypeError: as :func:`ntk`.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> from scipy.sparse.linalg import cg, eigsh
        >>> linear = lambda w, x: x @ w[:, None]
        >>> x = jnp.array([[2.0, 0.0], [0.0, 3.0], [0.0, 0.0]])
        >>> kernel = ntkbook.ntk_operator(linear, jnp.zeros(2), x)
        >>> (kernel @ jnp.array([1.0, 1.0, 1.0])).tolist()
        [4.0, 9.0, 0.0]
        >>> eigsh(kernel, k=1)[0].round(3).tolist()           # the largest eigenvalue
        [9.0]
        >>> solution, failed = cg(kernel, jnp.array([4.0, 9.0, 0.0]))
        >>> solution.round(3).tolist()
        [1.0, 1.0, 0.0]

    Source: :cite:t:`novak2022fast`, section 3.2.
    """
    if checks.is_traced((params, x1, x2, jnp.zeros(()))):
        raise TypeError(
            "`params` or inputs are traced by JAX, but a SciPy operator multiplies "
            "vectors that have values; call ntk_operator outside jax.jit, or multiply "
            "a vector of shape (n2, k) by jax.jvp(lambda p: apply(p, x1), (params,), "
            "jax.vjp(lambda p: apply(p, x2), params)[1](vector))[1]."
        )
    plan, params, x1, x2, dtype = kernel_of(apply, params, x1, x2)
    x2 = x1 if x2 is None else x2

    def product(x1, x2, v):
        gradient = None
        for rows, part in _parts(apply, params, x2, dtype):
            more = _pull(apply, params, part, v.reshape(-1, plan.outputs)[rows])
            gradient = more if gradient is None else _add(gradient, more)
        found = [
            _push(apply, params, part, gradient)
            for _, part in _parts(apply, params, x1, dtype)
        ]
        return np.asarray(check_finite(jnp.concatenate(found))).reshape(-1)

    def vector(v):  # SciPy's methods hand over float64, and columns
        return jnp.asarray(np.asarray(v), dtype).reshape(-1)

    make: Any = LinearOperator  # whose type hints are those of its subclasses
    return make(
        (batch.count(x1) * plan.outputs, batch.count(x2) * plan.outputs),
        matvec=lambda v: product(x1, x2, vector(v)),
        rmatvec=lambda v: product(x2, x1, vector(v)),
        dtype=dtype,
    )


def _parts(apply, params, x, dtype) -> Iterator[tuple]:
    """Yield the inputs in blocks, and where each block stands."""
    one = batch.shape_of_one(x, (1,))
    # What a backward pass keeps of one input is at most all that the forward pass made.
    numbers = _numbers(jax.make_jaxpr(apply)(params, one).jaxpr)
    for rows in blocks(batch.count(x), 2 * numbers * dtype.itemsize):
        yield rows, batch.take(x, rows)


def _numbers(jaxpr) -> int:
    """Count the numbers that a traced function computes."""
    total = 0
    for equation in jaxpr.eqns:
        inside = sum(_numbers(getattr(p, "jaxpr", p)) for p in inner(equation))
        own = sum(getattr(v.aval, "size", 1) for v in equation.outvars)
        total += own + inside * equation.params.get("length", 1)  # of a scan
    return total


@partial(jax.jit, static_argnums=0)
def _pull(apply, params, x, v):
    with jax.default_matmul_precision("highest"):
        return jax.vjp(lambda p: apply(p, x), params)[1](v)[0]


@partial(jax.jit, static_argnums=0)
def _push(apply, params, x, gradient):
    with jax.default_matmul_precision("highest"):
        return jax.jvp(lambda p: apply(p, x), (params,), (gradient,))[1]


@jax.jit
def _add(a, b):
    return jax.tree.map(jnp.add, a, b)
