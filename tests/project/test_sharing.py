"""What shares something slow stays in one process; what shares nothing is divided."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.sharing import together

ROOT = Path(__file__).parents[2]
MODULE = """
import os
import time

import pytest

@pytest.mark.parametrize("i", range(8))
def test_one(i):
    time.sleep(0.05)
    with open("seen", "a") as file:
        file.write(f"{__name__} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""


@pytest.mark.weekly
def test_a_files_tests_stay_in_one_process(tmp_path):
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text(MODULE)
    hook = "from tests.helpers.sharing import pytest_xdist_make_scheduler\n"
    (tmp_path / "conftest.py").write_text(hook)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n2"]
    command += ["--dist=loadgroup", "--no-loadscope-reorder", f"--rootdir={tmp_path}"]
    path = f"{ROOT}:{tmp_path}"
    env = {"PYTHONPATH": path, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    seen = (tmp_path / "seen").read_text().splitlines()
    assert len(seen) == 16 and len(set(seen)) == 2  # each file with its process


FILE = "tests/test_book_browser.py"


@pytest.mark.parametrize(
    "one, other, shared",
    [
        (f"{FILE}::test_a[book/api-light]", f"{FILE}::test_b[book/api-light]", True),
        (f"{FILE}::test_a[book/api-light]", f"{FILE}::test_a[book/api-dark]", False),
        (f"{FILE}::test_search[a-b]", f"{FILE}::test_search[a-c]", False),
        ("tests/test_paper.py::test_a", "tests/test_paper.py::test_b[x]", True),
        ("tests/test_paper.py::test_a", "tests/test_lab.py::test_a", False),
    ],
)
def test_the_name_decides(one, other, shared):
    assert (together(one) == together(other)) == shared
