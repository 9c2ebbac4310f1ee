"""A mean over random initialisations, with its uncertainty."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit  # scipy.stats, which has it too, loads slowly

from ntkbook._types import AnyArray
from ntkbook.validation import checks


class Estimate(NamedTuple):
    """A mean over random initialisations with its 95% interval (Student's t).

    Attributes:
        value: the mean.
        low: lower end of the interval.
        high: upper end.
    """

    value: float
    low: float
    high: float

    def __repr__(self) -> str:
        value, low, high = (f"{number:#.3g}".rstrip(".") for number in self)
        return f"{value} [{low}, {high}]"


def estimate(values: Sequence[float] | AnyArray) -> Estimate:
    """Return the mean of independent numbers with its 95% interval.

    Example:
        >>> estimate([1.0, 2.0, 3.0])
        2.00 [-0.484, 4.48]
    """
    checks.known("values", values)
    n, mean = len(values), float(np.mean(values))
    half = float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / n**0.5)
    return Estimate(mean, mean - half, mean + half)
