"""What is missing is skipped, with how to get it, or is a failure; never silent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from book.tools import stages
from tests.helpers import needs

TESTS = Path(__file__).parents[1]

PROGRAM = """
from tests.helpers import needs
import pytest

@pytest.fixture
def browser():
    return needs.program("no-such-browser", "nor-this", get="apt-get install it")

def test_one(browser):
    pass

def test_two(browser):
    pass
"""
MODULE = """
from tests.helpers import needs

needs.package("no_such_grader", get="make environment")

def test_three():
    pass
"""
MET = """
from tests.helpers import needs

def test_four(tmp_path):
    assert needs.program("no-such-shell", "sh", get="").endswith("/sh")
    needs.package("pytest", get="")
    assert needs.file(tmp_path, "A folder", get="") == tmp_path
"""


def run(folder, ci):
    """The tests above in a folder of their own; CI is as told, not as it is here."""
    for name, text in {"a": PROGRAM, "b": MODULE, "c": MET}.items():
        (folder / f"test_{name}.py").write_text(text)
    env = os.environ | {"PYTHONPATH": str(TESTS.parent), "CI": ci}
    env.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-qra", "-p", "no:cacheprovider"]
    command += ["--continue-on-collection-errors", f"--rootdir={folder}", folder]
    return subprocess.run(command, env=env, capture_output=True, text=True)


def test_without_ci_it_is_skipped_and_make_test_says_so(tmp_path):
    done = run(tmp_path, ci="")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 3 skipped" in done.stdout
    stage = stages.Stage("test-x")
    for line in done.stdout.splitlines():
        stage.read(line)
    assert list(stages.conclusion([stage])) == [
        "All checks passed.",
        "Skipped: No-such-browser is missing; get it with: apt-get install it; "
        "The package no_such_grader is missing; get it with: make environment",
    ]


def test_in_ci_it_fails_in_one_line(tmp_path):
    done = run(tmp_path, ci="true")
    assert done.returncode == 1
    assert "1 passed, 3 errors" in done.stdout
    said = done.stdout.splitlines()
    browser = "No-such-browser is missing; get it with: apt-get install it"
    assert said.count(browser) == 2
    assert said.count("The package no_such_grader is missing; get it with: make "
                      "environment") == 1  # fmt: skip
    assert "Traceback" not in done.stdout and "raise" not in done.stdout


def test_no_test_skips_without_saying_how_to_get_it():
    """All go through needs.py, or a skip may be one that nobody hears of."""
    silent = ("importor" + "skip", "pytest.sk" + "ip(", "mark.sk" + "ip", "xf" + "ail")
    found = [
        f"{path.name}: {word}"
        for path in TESTS.rglob("*.py")
        for word in silent
        if word in path.read_text() and path.name != "needs.py"
    ]
    assert found == []


@pytest.mark.parametrize("ci", ["", "yes"])
def test_what_is_here_is_never_missed(ci, monkeypatch):
    monkeypatch.setenv("CI", ci)
    needs.that(True, "This", get="nothing")
