"""How many cases hypothesis draws for a test: a few each time, many new ones weekly."""

import os

import hypothesis
import pytest

WEEKLY = os.environ.get("HYPOTHESIS_PROFILE") == "weekly"  # by `make test-weekly`


def examples(often: int, weekly: int) -> hypothesis.settings:
    """Return the decorator for a test: the same `often` cases in every run of `make
    test`, and `weekly` others, drawn at random, in each run of `make test-weekly`.
    """
    return hypothesis.settings(max_examples=weekly if WEEKLY else often)


def weekly(*values) -> object:
    """Return a test's parameters for `make test-weekly` only: further cases of what
    the others cover in every run.
    """
    return pytest.param(*values, marks=pytest.mark.weekly)


def first(cases) -> list:
    """Return a test's parameters of which each run takes the first, and `make
    test-weekly` all: the others are further cases of the same.
    """
    one, *others = cases
    return [one, *(weekly(*(c if isinstance(c, tuple) else (c,))) for c in others)]
