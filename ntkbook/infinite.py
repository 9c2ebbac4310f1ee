r"""Chapter 4: networks of infinite width.

:func:`nngp` is the covariance of their outputs at the start, :func:`ntk` the kernel
that they train with, :func:`cntk` that of convolutional ones. With
:func:`ntkbook.kernel_regression` they are trained in one line:

.. math:: f_\infty(x) = \Theta(x, X)\, \Theta(X, X)^{-1} y

and as ``NetworkKernel`` they go wherever scikit-learn takes a kernel.
"""

from ntkbook.networks.convolutional import cntk as cntk
from ntkbook.networks.limits import nngp as nngp
from ntkbook.networks.limits import ntk as ntk


def __getattr__(name: str):
    if name == "NetworkKernel":
        from ntkbook.networks.sklearn_kernel import NetworkKernel

        return NetworkKernel
    raise AttributeError(f"module 'ntkbook.infinite' has no attribute {name!r}")
