"""What some tests need and a machine may lack: a browser, graders, an environment.

Where it is missing, the tests that need it are skipped, and the reason says how to get
it. Where CI is set they fail instead, so that green there means that everything ran.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest


def that(met, what: str, get: str) -> None:
    """Skip the test, or a whole module from its top, unless `met`; in CI, fail it.

    Args:
        met: whether it is here.
        what: its name, for whoever reads the reason.
        get: the command, or the few words, that say how to get it.
    """
    if met:
        return
    reason = f"{what} is missing; get it with: {get}"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def program(*names: str, get: str) -> str:
    """The path of the first of these programs that is here."""
    found = next(filter(None, map(shutil.which, names)), None)
    that(found, names[0].capitalize(), get)
    return found


def package(name: str, get: str) -> None:
    """Need a package of Python, without importing it."""
    that(importlib.util.find_spec(name), f"The package {name}", get)


def file(path: Path, what: str, get: str) -> Path:
    """The path of a file that something outside the tests makes."""
    that(path.exists(), what, get)
    return path
