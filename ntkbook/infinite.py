r"""Chapter 4: networks of infinite width.

:func:`nngp` is the covariance of their outputs at initialisation, :func:`ntk` the
kernel that they train with, :func:`cntk` that of convolutional ones. With
:func:`ntkbook.kernel_regression` they are trained in one line:

.. math:: f_\infty(x) = \Theta(x, X)\, \Theta(X, X)^{-1} y

and as ``NetworkKernel`` they go wherever scikit-learn takes a kernel.
"""

from typing import TYPE_CHECKING

from ntkbook.kernels.infinite.closed_forms import (
    Expectations,
    cosine,
    leaky_relu,
    sine,
)
from ntkbook.kernels.infinite.convolutional import cntk
from ntkbook.kernels.infinite.expectations import TERMS, expectations
from ntkbook.kernels.infinite.recursion import nngp, ntk

if TYPE_CHECKING:
    from ntkbook.kernels.infinite.scikit_learn import NetworkKernel

__all__ = [
    "TERMS",
    "Expectations",
    "NetworkKernel",
    "cntk",
    "cosine",
    "expectations",
    "leaky_relu",
    "nngp",
    "ntk",
    "sine",
]


def __getattr__(name: str):
    if name == "NetworkKernel":  # scikit-learn takes longer to import than all the rest
        from ntkbook.kernels.infinite.scikit_learn import NetworkKernel

        return NetworkKernel
    raise AttributeError(f"module 'ntkbook.infinite' has no attribute {name!r}")
