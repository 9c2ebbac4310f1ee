"""Chapter 6: the equivalence critique, re-examined.

:func:`data` makes its data sets, :func:`kernel` its nine kernels in both forms,
:func:`network` its networks, and :func:`theory` what they should do. The whole study is
``python -m ntkbook.critique --trials 50 --out results/critique``.
"""

from ntkbook.critique.kernels import NAMES as NAMES
from ntkbook.critique.kernels import kernel as kernel
from ntkbook.critique.networks import NetworkRun as NetworkRun
from ntkbook.critique.networks import network as network
from ntkbook.critique.predictions import Theory as Theory
from ntkbook.critique.predictions import theory as theory
from ntkbook.critique.study import kernel_trial as kernel_trial
from ntkbook.critique.study import network_trial as network_trial
from ntkbook.critique.trials import Trial as Trial
from ntkbook.critique.trials import data as data
