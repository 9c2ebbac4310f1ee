"""Chapter 9: leaving the lazy regime.

:func:`catapult` and :func:`sharpness` are about large steps, :func:`parametrization`
and :func:`change_rates` about the scale of a wide network, and
:func:`quadratic_network` is a network that is solved by its first two moments.
"""

from ntkbook.feature_learning.large_steps import Catapult, catapult, sharpness
from ntkbook.feature_learning.moments import Moments, quadratic_network
from ntkbook.feature_learning.parametrizations import (
    Parametrization,
    change_rates,
    parametrization,
)

__all__ = [
    "Catapult",
    "Moments",
    "Parametrization",
    "catapult",
    "change_rates",
    "parametrization",
    "quadratic_network",
    "sharpness",
]
