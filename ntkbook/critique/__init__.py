"""Chapter 6: the equivalence critique, re-examined.

:func:`data` makes its data sets, :func:`kernel` its nine kernels in both forms,
:func:`network` its networks, and :func:`theory` what they should do. The whole study is
``python -m ntkbook.critique --trials 50 --out results/critique``.
"""

from ntkbook.critique.kernels import NAMES, kernel
from ntkbook.critique.networks import network
from ntkbook.critique.predictions import Theory, theory
from ntkbook.critique.study import kernel_trial, network_trial
from ntkbook.critique.trials import Trial, data

__all__ = [
    "NAMES",
    "Theory",
    "Trial",
    "data",
    "kernel",
    "kernel_trial",
    "network",
    "network_trial",
    "theory",
]
