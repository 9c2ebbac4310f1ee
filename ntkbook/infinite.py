r"""Chapter 4: networks of infinite width.

:func:`nngp` is the covariance of their outputs at initialisation, :func:`ntk` the
kernel that they train with, :func:`cntk` that of convolutional ones.
:func:`ntkbook.kernel_regression` computes what training them to convergence gives:

.. math:: f_\infty(x) = \Theta(x, X)\, \Theta(X, X)^{-1} y

As ``NetworkKernel`` they go wherever scikit-learn takes a kernel.

ReLU, leaky ReLU, hard tanh and all that is piecewise linear, the absolute value, the
sign, erf, sines and cosines have closed forms, and ELU one integral. Any other
activation is expanded in Hermite polynomials, and refused if it is not smooth enough.
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
from ntkbook.kernels.infinite.exponential_linear import elu
from ntkbook.kernels.infinite.piecewise_linear import hard_tanh, piecewise_linear
from ntkbook.kernels.infinite.recursion import nngp, ntk

if TYPE_CHECKING:
    from ntkbook.kernels.infinite.scikit_learn import NetworkKernel

__all__ = [
    "TERMS",
    "Expectations",
    "NetworkKernel",
    "cntk",
    "cosine",
    "elu",
    "expectations",
    "hard_tanh",
    "leaky_relu",
    "nngp",
    "ntk",
    "piecewise_linear",
    "sine",
]


def __getattr__(name: str):
    if name == "NetworkKernel":  # scikit-learn takes longer to import than all the rest
        from ntkbook.kernels.infinite.scikit_learn import NetworkKernel

        return NetworkKernel
    raise AttributeError(f"module 'ntkbook.infinite' has no attribute {name!r}")
