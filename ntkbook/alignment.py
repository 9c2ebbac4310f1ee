r"""Chapter 7: which tasks a tangent kernel finds easy.

Expectations over x are means over the n points given. In the sense of that
distribution, a Gram matrix K has the eigenvalues :math:`\lambda_j` of K / n and the
eigenfunctions :math:`\phi_j = \sqrt n\, v_j`, and a target f has

.. math:: \alpha(f) = \frac{f^\top K f}{n^2}, \qquad
    \lVert f \rVert_\Theta^2 = f^\top K^{-1} f, \qquad
    \lVert f \rVert_\Theta^2\, \alpha(f) \ge \lVert f \rVert_2^4 .
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.spectra.anisotropy import (
    Anisotropy,
    anisotropy_directions,
    mixed_derivative,
)
from ntkbook.spectra.eigendecomposition import spectrum
from ntkbook.spectra.eigenfunctions import (
    Eigenfunctions,
    binarize,
    eigenfunctions,
    kernel_and_targets,
    targets_at,
)
from ntkbook.validation import batch, checks, independence, model
from ntkbook.validation.host import host_array, outside_jit

__all__ = [
    "Anisotropy",
    "Eigenfunctions",
    "anisotropy_directions",
    "binarize",
    "eigenfunctions",
    "energy_concentration",
    "kernel_alignment",
    "mixed_derivative",
    "norm_bound",
    "rkhs_norm",
    "tangent_alignment",
    "target_alignment",
]


def target_alignment(
    kernel: Float[AnyArray, "n n"],
    target: Float[AnyArray, "n *j"],
    *,
    normalized: bool = False,
    centered: bool = False,
) -> Float[np.ndarray, "*j"]:
    r"""Return how well targets are aligned with a kernel.

    .. math:: \alpha(f) = \mathbb E_{x, x'}\, f(x)\, \Theta(x, x')\, f(x')
        = \frac{f^\top K f}{n^2}

    or, with ``normalized``, the *kernel-target alignment*, a cosine:

    .. math:: A(f) = \frac{\langle K, f f^\top \rangle_F}{\lVert K \rVert_F\,
        \lVert f f^\top \rVert_F} = \frac{f^\top K f}{\lVert K \rVert_F\, f^\top f}

    Args:
        kernel: Gram matrix, ``(n, n)``.
        target: values at its points, ``(n,)``, or ``(n, j)`` for j targets, each on its
            own. For the alignment with all columns of Y together, that of
            :math:`Y Y^\top`, call ``kernel_alignment(kernel, y @ y.T)``.
        normalized: divide by the two norms; the result is then at most 1.
        centered: centre kernel and target before, :math:`K \leftarrow H K H` and
            :math:`f \leftarrow H f` with :math:`H = I - \mathbf 1 \mathbf 1^\top / n`,
            so that a constant added to all entries of either does not count.

    Returns:
        ``()`` or ``(j,)``. For an eigenfunction it is its eigenvalue; with
        ``normalized`` that over the root of the sum of all eigenvalues' squares.

    Raises:
        ValueError: shapes that do not match, or a target that is 0 everywhere, once
            centred where that is asked for; with ``normalized`` such a kernel as well.
        TypeError: arguments that are not arrays of floating-point numbers.

    Example:
        >>> import numpy as np
        >>> from ntkbook.alignment import target_alignment
        >>> float(target_alignment(np.array([[2.0, 1.0], [1.0, 2.0]]), np.ones(2)))
        1.5
        >>> k, y = np.diag([3.0, 4.0]), np.array([[1.0, 1.0], [1.0, 0.0]])
        >>> target_alignment(k, y, normalized=True).round(3).tolist()
        [0.7, 0.6]

    Source: :cite:t:`ortizjimenez2021what`; normalised :cite:t:`cristianini2001kernel`,
    and centred :cite:t:`cortes2012algorithms`.
    """
    checks.boolean("normalized", normalized)
    checks.boolean("centered", centered)
    kernel, target = kernel_and_targets(kernel, target)
    # At size 1 no sum overflows.
    size, length = np.abs(kernel).max() or 1.0, np.abs(target).max(0)
    kernel, target = kernel / size, target / length
    if centered:
        kernel, target = _centered(kernel), target - target.mean(0)
        if (np.abs(target).max(0) <= 1e-14).any():
            raise ValueError("`target` is constant, so it is 0 once centred.")
    products = (target * (kernel @ target)).sum(0)
    if normalized:
        if np.abs(kernel).max() <= 1e-14:
            raise ValueError("`kernel` is 0 (once centred), so it has no direction.")
        return np.asarray(products / (np.linalg.norm(kernel) * (target**2).sum(0)))
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.asarray(products / len(kernel) ** 2 * (size * length) * length)
    return checks.finite_result(
        found, "the alignment overflows float64; rescale `kernel` or `target`."
    )


def tangent_alignment(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    target: Float[AnyArray, "n *j"],
) -> Float[np.ndarray, "*j"]:
    r"""Return targets' alignment with a network's tangent kernel; no Gram matrix.

    .. math:: \alpha(f) = \Bigl\lVert \mathbb E_x\, f(x)\, \partial_w f(x, w)
        \Bigr\rVert^2

    One backward pass over all points for each target.

    Args:
        apply: ``apply(params, x) -> (n, 1)``.
        params: the weights w at which the kernel is taken, at any time of training.
        x: inputs, ``(n, ...)``.
        target: values at the inputs, ``(n,)`` or ``(n, j)``.

    Returns:
        ``()`` or ``(j,)``.

    Raises:
        ValueError, TypeError: arguments that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.alignment import tangent_alignment
        >>> linear = lambda w, x: x @ w[:, None]
        >>> x = jnp.array([[1.0, 2.0], [3.0, -1.0]])
        >>> float(tangent_alignment(linear, jnp.zeros(2), x, jnp.ones(2)))
        4.25
    """
    outside_jit(params=params, x=x, target=target)
    dtype = model.parameters("params", params)
    x = batch.check("x", x, dtype)
    model.one_output(apply, params, x)
    independence.check(apply, params, x, needs="A tangent kernel")
    target = targets_at(target, batch.count(x))
    rows = jnp.asarray(np.atleast_2d(target.T), dtype)
    found = np.asarray(_pulled(apply, params, x, rows), np.float64)
    checks.finite_result(found, "the derivatives of `apply` are not finite.")
    return found.reshape(target.shape[1:])


@partial(jax.jit, static_argnums=0)
def _pulled(apply, params, x, rows):
    _, pull = jax.vjp(lambda p: apply(p, x)[:, 0] / batch.count(x), params)

    def one(row):
        return sum(jnp.sum(g**2) for g in jax.tree.leaves(pull(row)))

    return jax.lax.map(one, rows, batch_size=8)


def rkhs_norm(
    kernel: Float[AnyArray, "n n"], target: Float[AnyArray, "n *j"]
) -> Float[np.ndarray, "*j"]:
    r"""Return the squared norm of targets in the kernel's Hilbert space.

    .. math:: \lVert f \rVert_\Theta^2
        = \sum_j \frac{(\mathbb E\, \phi_j f)^2}{\lambda_j} = f^\top K^{-1} f

    Args:
        kernel, target: as for :func:`target_alignment`.

    Returns:
        ``()`` or ``(j,)``; it is infinite for a target that has a part where the kernel
        is 0 to rounding.

    Raises:
        ValueError, TypeError: as :func:`target_alignment`, or a kernel that is not
            symmetric positive semidefinite.

    Example:
        >>> import numpy as np
        >>> from ntkbook.alignment import rkhs_norm
        >>> k = np.array([[2.0, 1.0], [1.0, 2.0]])
        >>> round(float(rkhs_norm(k, np.array([1.0, 1.0]))), 12)    # 2 / 3
        0.666666666667
    """
    kernel, target = kernel_and_targets(kernel, target)
    rates, vectors = spectrum("kernel", kernel)
    parts = (target.T @ vectors) ** 2
    seen = rates > len(rates) * np.finfo(float).eps * rates[-1]
    shares = parts[..., ~seen].sum(-1) / parts.sum(-1)
    norms = (parts[..., seen] / rates[seen]).sum(-1)
    return np.where(shares > len(rates) * np.finfo(float).eps, np.inf, norms)


def norm_bound(
    kernel: Float[AnyArray, "n n"], target: Float[AnyArray, "n *j"]
) -> Float[np.ndarray, "*j"]:
    r"""Return the lower bound of a target's squared norm by its alignment (Lemma 1).

    .. math:: \lVert f \rVert_\Theta^2 \ge \frac{\lVert f \rVert_2^4}{\alpha(f)},
        \qquad \lVert f \rVert_2^2 = \mathbb E\, f(x)^2

    Args, Returns, Raises: as :func:`target_alignment`.

    Example:
        >>> import numpy as np
        >>> from ntkbook.alignment import norm_bound
        >>> k = np.array([[2.0, 1.0], [1.0, 2.0]])
        >>> round(float(norm_bound(k, np.array([1.0, 1.0]))), 12)   # an eigenfunction
        0.666666666667
    """
    alignment = target_alignment(kernel, target)
    squares = (targets_at(target, len(kernel)) ** 2).mean(0)
    with np.errstate(divide="ignore"):
        return np.asarray(squares**2 / np.maximum(alignment, 0.0))


def energy_concentration(
    kernel: Float[AnyArray, "n n"], target: Float[AnyArray, "n *j"], count: int
) -> Float[np.ndarray, "*j"]:
    r"""Return which part of a target lies in the kernel's first eigenvectors.

    .. math:: \frac{\lVert \Phi\, \bar y \rVert}{\lVert \bar y \rVert}, \qquad
        \Phi = (v_1, \dots, v_K)^\top

    Args:
        kernel, target: as for :func:`target_alignment`.
        count: K, from 1 to n.

    Returns:
        ``()`` or ``(j,)``, from 0 to 1. (A length, not a square.)

    Raises:
        ValueError, TypeError: as :func:`eigenfunctions` and :func:`target_alignment`.

    Example:
        >>> import numpy as np
        >>> from ntkbook.alignment import energy_concentration
        >>> k = np.diag([3.0, 2.0, 1.0])
        >>> float(energy_concentration(k, np.array([3.0, 4.0, 12.0]), 2)) * 13
        5.0
    """
    kernel, target = kernel_and_targets(kernel, target)
    vectors = eigenfunctions(kernel, count).functions / len(kernel) ** 0.5
    target = target / np.abs(target).max(axis=0)
    inside = np.linalg.norm(vectors.T @ target, axis=0)
    return np.asarray(inside / np.linalg.norm(target, axis=0))


def kernel_alignment(
    kernel1: Float[AnyArray, "n n"],
    kernel2: Float[AnyArray, "n n"],
    *,
    centered: bool = True,
) -> float:
    r"""Return the cosine between two Gram matrices.

    .. math:: \frac{\langle K_1, K_2 \rangle_F}{\lVert K_1 \rVert_F \lVert K_2 \rVert_F}

    after each is centred, :math:`K \leftarrow H K H` with
    :math:`H = I - \mathbf 1 \mathbf 1^\top / n` (centred kernel alignment). With
    :math:`K_2 = \bar y \bar y^\top` it is the kernel-target alignment.

    Args:
        kernel1, kernel2: Gram matrices of the same n points.
        centered: whether to centre them.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: shapes that do not match, or a kernel that is 0 (once centred).
        TypeError: arguments that are not arrays of floating-point numbers.

    Example:
        >>> import numpy as np
        >>> from ntkbook.alignment import kernel_alignment
        >>> y = np.array([1.0, -1.0])
        >>> kernel_alignment(np.eye(2), np.outer(y, y), centered=False).__round__(4)
        0.7071

    Source: :cite:t:`cristianini2001kernel`; centred, :cite:t:`cortes2012algorithms`.
    """
    checks.boolean("centered", centered)
    one = host_array("kernel1", kernel1, "kernel values of shape (n, n)")
    two = host_array("kernel2", kernel2, "kernel values of shape (n, n)")
    if one.ndim != 2 or one.shape[0] != one.shape[1] or one.shape != two.shape:
        raise ValueError(
            "`kernel1` and `kernel2` must be square and of one shape, but theirs are "
            f"{one.shape} and {two.shape}."
        )
    one, two = (k / max(np.abs(k).max(), 1e-300) for k in (one, two))
    if centered:
        one, two = _centered(one), _centered(two)
    lengths = np.linalg.norm(one), np.linalg.norm(two)
    if min(lengths) <= 1e-14 * len(one):  # rounding leaves a trace of what was 0
        raise ValueError("`kernel1` or `kernel2` is 0 (once centred): no direction.")
    return float((one * two).sum() / (lengths[0] * lengths[1]))


def _centered(kernel):
    """Return H K H."""
    return kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean()
