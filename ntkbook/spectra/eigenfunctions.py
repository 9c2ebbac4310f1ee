"""The eigenfunctions of a Gram matrix, and the labels that they make."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ntkbook._types import AnyArray
from ntkbook.spectra.eigendecomposition import spectrum, with_signs
from ntkbook.validation import checks
from ntkbook.validation.host import host_array

DENSE = 2000  # up to so many points all eigenvectors are computed


class Eigenfunctions(NamedTuple):
    r"""Eigenfunctions of a kernel at the n points, the largest eigenvalue first.

    Attributes:
        values: ``(j,)``, eigenvalues :math:`\lambda_j` of K / n.
        functions: ``(n, j)``, the :math:`\phi_j` as columns, scaled to a mean square of
            1, each with its largest entry positive: :math:`\sqrt n` times the unit
            eigenvectors of :class:`ntkbook.flow.DecayRates`.
    """

    values: Float[np.ndarray, "j"]
    functions: Float[np.ndarray, "n j"]


def eigenfunctions(
    kernel: Float[AnyArray, "n n"], count: int | None = None
) -> Eigenfunctions:
    r"""Return the leading eigenfunctions of a kernel, as values at its points.

    .. math::

        \frac1n \sum_i \Theta(x, x_i)\, \phi_j(x_i) &= \lambda_j\, \phi_j(x), \\
        \frac1n \sum_i \phi_j(x_i)\, \phi_k(x_i) &= \delta_{jk}

    Args:
        kernel: Gram matrix, ``(n, n)``.
        count: how many; ``None`` means all n. Few of many take less time: the matrix
            is made tridiagonal, and only these are computed of that. (Iterations would
            not do: a tangent kernel's eigenvalues lie close together down the list.)

    Returns:
        :class:`Eigenfunctions` of float64 NumPy arrays.

    Raises:
        ValueError: more than n asked for, or a kernel that is not symmetric, not
            positive semidefinite, or not finite.
        TypeError: a kernel that is not an array of floating-point numbers.

    Example:
        >>> import numpy as np
        >>> from ntkbook.alignment import eigenfunctions
        >>> found = eigenfunctions(np.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> found.values, found.functions[:, 0].round(12)
        (array([1.5, 0.5]), array([1., 1.]))
    """
    expected = "kernel values of shape (n, n)"
    kernel = checks.float_array("kernel", kernel, expected=expected, to=np.asarray)
    checks.square("kernel", kernel)
    n = len(kernel)
    count = n if count is None else checks.positive_int("count", count)
    if count > n:
        raise ValueError(
            f"`count` is {count}, but a Gram matrix of {n} points has {n} eigenvectors."
        )
    few = count if n > DENSE and 4 * count <= n else None
    values, vectors = spectrum("kernel", kernel.astype(np.float64), few)
    checks.finite_result(values, "`kernel` overflows float64; rescale it.")
    values = values[::-1][:count].astype(np.float64) / n
    vectors = vectors[:, ::-1][:, :count].astype(np.float64) * n**0.5
    return Eigenfunctions(np.maximum(values, 0.0), with_signs(vectors))


def binarize(function: Float[AnyArray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the labels 1 where a function is at least 0, and -1 elsewhere.

    Args:
        function: values at the points, of any shape.

    Raises:
        ValueError: a function that is 0 everywhere, which says nothing.

    Example:
        >>> import numpy as np
        >>> from ntkbook.alignment import binarize
        >>> binarize(np.array([0.3, -2.0, 0.0])).tolist()
        [1.0, -1.0, 1.0]
    """
    function = host_array("function", function, "a function's values")
    if not function.any():
        raise ValueError("`function` is 0 everywhere, so its sign labels nothing.")
    return np.where(function >= 0, 1.0, -1.0)


def kernel_and_targets(kernel, target) -> tuple[np.ndarray, np.ndarray]:
    """Check a Gram matrix and targets at its points."""
    kernel = host_array("kernel", kernel, "kernel values of shape (n, n)")
    checks.square("kernel", kernel)
    return kernel, targets_at(target, len(kernel))


def targets_at(target, n: int) -> np.ndarray:
    target = host_array("target", target, f"values at the {n} points")
    if target.ndim not in (1, 2) or len(target) != n:
        raise ValueError(
            f"`target` must have shape ({n},), or ({n}, j) for j targets, but its "
            f"shape is {target.shape}"
            + ("; pass target.T." if target.shape[1:] == (n,) else ".")
        )
    if not (target != 0).any(0).all():
        raise ValueError("`target` is 0 everywhere, so its alignment says nothing.")
    return target
