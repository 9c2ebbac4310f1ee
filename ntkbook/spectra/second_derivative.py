r"""The size of a network's second derivative, without a Hessian.

For one output at one point it is the spectral norm of a Hessian. For more it is the
norm of a tensor of order three, which is NP-hard to compute in general, so it is
enclosed. Both ends are eigenvalues of operators that are only ever multiplied with
vectors: derivatives of gradients along a direction.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, PyTree
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from ntkbook._types import AnyArray
from ntkbook.machine.memory import blocks
from ntkbook.machine.progress import progress_bar
from ntkbook.validation import batch, checks, independence, model
from ntkbook.validation.host import outside_jit


def second_derivative_norm(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    *,
    progress: bool = True,
) -> tuple[float, float]:
    r"""Enclose the operator norm of the outputs' second derivative.

    .. math::

        &\max_{\lVert c \rVert = \lVert v \rVert = 1}
        \Bigl| \sum_i c_i\, v^\top \partial^2 y_i\, v \Bigr| \\[0pt]
        &\quad\le\; \max_{\lVert v \rVert = 1}
        \Bigl( \sum_i \lVert \partial^2 y_i\, v \rVert^2 \Bigr)^{1/2}

    Args:
        apply: ``apply(params, x) -> (n, k)``, twice differentiable in ``params``.
        params: where.
        x: inputs, ``(n, ...)``.
        progress: count the products with the operators where it takes longer than two
            seconds; how many there will be is not known.

    Returns:
        ``(attained, bound)`` around the left-hand side; equal for one output at one
        point.

    Raises:
        ValueError: parameters, inputs or outputs that are not of this form, or NaN.
        TypeError: integer or mixed dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.taylor import second_derivative_norm
        >>> apply = lambda w, x: x * w[0] * w[1]         # Hessian x [[0, 1], [1, 0]]
        >>> low, high = second_derivative_norm(
        ...     apply, jnp.array([3.0, 2.0]), jnp.array([[2.0]])
        ... )
        >>> round(low, 4), round(high, 4)
        (2.0, 2.0)
    """
    outside_jit(params=params, x=x)
    checks.boolean("progress", progress)
    x = batch.check("x", x, model.parameters("params", params))
    k = model.outputs_of(apply, params, x).shape[1]
    independence.check(apply, params, x, needs="The second derivative's norm")
    with progress_bar(progress, desc="second derivative", unit=" products") as bar:
        return _enclosed(apply, params, x, k, bar)


def _enclosed(apply, params, x, k, bar) -> tuple[float, float]:
    like = jax.eval_shape(lambda: ravel_pytree(params)[0])

    def hessian_product(c):
        return lambda v: _hessian_product(apply, params, x, c, v)

    def each(v):
        for row in _rows(x, k, like):
            some = batch.take(x, row)
            yield some, _each(apply, params, some, v)[1]

    def curvature(v):
        found = [np.asarray(u) @ np.asarray(v) for _, u in each(v)]
        return np.concatenate(found).reshape(-1, k)

    def sum_of_squares(v):
        # First every H_i v, then sum_i H_i (H_i v).
        return sum(np.asarray(_sum(apply, params, some, u)) for some, u in each(v))

    squared, v = _largest_eigenvalue(sum_of_squares, like, bar)
    bound = max(squared, 0.0) ** 0.5
    if bound == 0:
        return 0.0, 0.0
    bend = curvature(v)
    if np.linalg.norm(bend) < 1e-3 * bound:
        # Where eigenvalues come in pairs of both signs, as for every network that is
        # linear in each of two layers, v may mix them, and their curvatures cancel.
        # Any other first vector serves.
        bend = np.random.default_rng(0).standard_normal(bend.shape)
    attained = 0.0
    for _ in range(100):
        # The best v for a given c; then, in closed form, the best c for that v.
        c = jnp.asarray(bend / np.linalg.norm(bend), like.dtype)
        before = attained
        value, v = _largest_eigenvalue(hessian_product(c), like, bar, v)
        attained = max(abs(value), before)
        if attained <= before * (1 + 1e-6):
            break
        bend = curvature(v)
    # Rounding may leave the two ends, equal in exact arithmetic, in the wrong order.
    return attained, max(bound, attained)


def _rows(x, k, like) -> list[slice]:
    # One row needs some vectors as long as the parameters, for each output.
    return blocks(batch.count(x), 6 * k * like.size * like.dtype.itemsize)


def jacobian(apply, params, x, k: int) -> np.ndarray | None:
    """Return the Jacobian, ``(n k, p)``; ``None`` where it is too large for one block.

    It comes out of a program that :func:`second_derivative_norm` needs as well.
    """
    independence.check(apply, params, x, needs="A Jacobian, input by input,")
    zero = jax.eval_shape(lambda: ravel_pytree(params)[0])
    if len(_rows(x, k, zero)) > 1:
        return None
    zero = jnp.zeros(zero.shape, zero.dtype)
    return np.asarray(_each(apply, params, x, zero)[0])


# Seconds to compile, and not much to run: so what counts is the compiler's time.
QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _hessian_product(apply, params, x, c, v):
    """Return (sum_i c_i H_i) v: a derivative along v of one gradient."""
    v = ravel_pytree(params)[1](v)
    gradient = jax.grad(lambda p: jnp.vdot(c, apply(p, x)))
    return ravel_pytree(jax.jvp(gradient, (params,), (v,))[1])[0]


@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _each(apply, params, x, v):
    """Return the gradient of each output at each input, and H_i v, both (n k, p)."""
    v = ravel_pytree(params)[1](v)

    def gradients(p):
        return jax.vmap(lambda x_i: jax.jacrev(_at(apply, x_i))(p))(x)

    def flat(tree):
        leaves = jax.tree.leaves(tree)
        rows = leaves[0].shape[0] * leaves[0].shape[1]
        return jnp.concatenate([a.reshape(rows, -1) for a in leaves], axis=1)

    return tuple(map(flat, jax.jvp(gradients, (params,), (v,))))


@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _sum(apply, params, x, each):
    """Return sum_i H_i u_i, as one gradient of the sum of all slopes along u_i."""
    unravel, n = ravel_pytree(params)[1], batch.count(x)
    directions = jax.vmap(unravel)(each)
    directions = jax.tree.map(lambda a: a.reshape(n, -1, *a.shape[1:]), directions)

    def slopes(p):
        def of_one(x_i, some):  # of output a along the direction a
            along = jax.vmap(lambda u: jax.jvp(_at(apply, x_i), (p,), (u,))[1])
            return jnp.trace(along(some))

        return jax.vmap(of_one)(x, directions).sum()

    return ravel_pytree(jax.grad(slopes)(params))[0]


def _at(apply, x_i):
    """Return the outputs at one input as a function of the parameters."""
    return lambda p: apply(p, batch.alone(x_i))[0]


def _largest_eigenvalue(product, like, bar, start=None):
    """Return the eigenvalue of largest size and its vector, by Lanczos iterations."""
    # The iteration runs in float64, whatever the precision of the products is.
    p = like.size

    def image_of(v):
        bar.update()
        return np.asarray(product(jnp.asarray(v.ravel(), like.dtype)), np.float64)

    # Any start that is not orthogonal to the answer will do. One that is given gets
    # some noise: as an exact eigenvector it would stay one, of whatever eigenvalue.
    noise = np.random.default_rng(0).standard_normal(p)
    noise /= np.linalg.norm(noise)
    start = noise if start is None else np.asarray(start, np.float64) + 0.1 * noise
    image = image_of(start)
    if not np.isfinite(image).all():
        raise ValueError(
            "second derivatives of `apply` at `params` are NaN or infinite; use an "
            "activation that is twice differentiable there."
        )
    if not image.any():
        return 0.0, jnp.asarray(start / np.linalg.norm(start), like.dtype)
    if p < 20:  # ARPACK needs more room than so small a matrix gives
        matrix = np.stack([image_of(unit) for unit in np.eye(p)])
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        best = np.argmax(np.abs(values))
        return float(values[best]), jnp.asarray(vectors[:, best], like.dtype)
    make: Any = LinearOperator  # whose type hints are those of its subclasses
    operator = make((p, p), matvec=image_of, dtype=np.float64)
    # This bounds the vector's residual; the eigenvalue's error is about its square.
    tolerance = 1e-6 if like.dtype == np.float64 else 1e-4
    try:
        values, vectors = eigsh(
            operator, k=1, which="LM", v0=start,
            tol=tolerance,  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    except ArpackNoConvergence:
        raise ValueError(
            "Lanczos iterations on the second derivatives of `apply` at `params` did "
            f"not converge in {like.dtype}{checks.more_digits(like.dtype)}."
        ) from None
    return float(values[0]), jnp.asarray(vectors[:, 0], like.dtype)
