"""Eigenvalues and eigenvectors of a kernel, and the sign that an eigenvector gets."""

import numpy as np
from scipy.linalg import eigh

from ntkbook.validation import checks


def check_symmetric(name, kernel) -> None:
    """Refuse a kernel that differs from its transpose by more than rounding."""
    checks.square(name, kernel)
    if np.abs(kernel - kernel.T).max() > 1e-5 * np.abs(kernel).max():
        raise ValueError(
            f"`{name}` must be symmetric, but it differs from its transpose by up to "
            f"{np.abs(kernel - kernel.T).max():.1e}."
        )


def spectrum(name, kernel, count=None):
    """Return a kernel's eigenvalues, increasing and at least 0, and its eigenvectors.

    Negative eigenvalues that rounding explains become 0; others are refused, with
    ``name`` in the message. With a ``count``, only so many of the largest are computed.
    """
    check_symmetric(name, kernel)
    whole = kernel / 2 + kernel.T / 2
    if count is None:
        rates, vectors = np.linalg.eigh(whole)
    else:
        n = len(whole)
        chosen = (n - count, n - 1)
        rates, vectors = eigh(whole, subset_by_index=chosen, overwrite_a=True)
    # A float32 kernel carries errors of about n eps in its eigenvalues.
    if rates[0] < -1e-6 * len(rates) * max(rates[-1], -rates[0]):
        raise ValueError(
            f"`{name}` must be positive semidefinite, but its smallest eigenvalue is "
            f"{rates[0]:.3g} (largest {rates[-1]:.3g}); check how it was computed."
        )
    return np.maximum(rates, 0.0), vectors


def with_signs(columns) -> np.ndarray:
    """Return vectors, each with the sign that makes its largest entry positive."""
    largest = np.abs(columns).argmax(axis=0)
    return columns * np.sign(np.take_along_axis(columns, largest[None], axis=0))
