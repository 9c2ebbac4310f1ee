"""The long runs can start: what they import is there. (What they find is stored.)"""

import runpy
from pathlib import Path

import pytest

RUNS = sorted((Path(__file__).parents[2] / "notebooks" / "runs").glob("*.py"))


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_a_long_run_can_start(path):
    assert callable(runpy.run_path(str(path))["main"])
