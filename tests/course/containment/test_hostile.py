"""Submissions that mean harm cost their own marks, and leave everything as it was.

Weekly (`make test-all`), in bubblewrap where it works and with Landlock; the quick
tests of what shuts submissions in are test_limits.py and test_contained.py.
"""

import functools
import os
import subprocess
from pathlib import Path

import pytest

from book.tools.course import grade, marks
from tests.helpers import course as made
from tests.helpers import needs
from tests.helpers.course import HALF, SMALL, hostile, sandbox

needs.package("nbgrader", get="make environment")
pytestmark = pytest.mark.weekly

LIMITS = {"COURSE_CELL_SECONDS": "30", "COURSE_ALL_SECONDS": "600"}
LIMITS |= {"COURSE_MEMORY_MB": "3000", "COURSE_DISK_MB": "300"}


def left_running(seconds: str) -> bool:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True)
    return f"sleep {seconds}" in listed.stdout


def grade_them(folder: Path, names, kind: str) -> tuple[dict, Path]:
    """Results of hostile submissions, and the course, which they should not change."""
    course = made.make(folder, SMALL)
    roster = course / "roster.csv"
    roster.write_text("the class")
    os.utime(roster, (1e9, 1e9))
    blank, code = made.handed_out(course, SMALL, "plain"), made.answers(course, SMALL)
    for name in names:
        code["99.2"] = hostile.cell(name, course)
        nb = made.fill(blank, code)
        nb.metadata["kernelspec"] = {"name": "bash", "display_name": "Bash"}
        made.submit(course / "in", f"{name}/sub.ipynb", nb)
        made.submit(course / "in", f"{name}/sitecustomize.py", "1 / 0")
        made.submit(course / "in", f"{name}/nbgrader_config.py", "1 / 0")
    with pytest.MonkeyPatch.context() as patch:
        for limit, value in (LIMITS | {"COURSE_SANDBOX": kind}).items():
            patch.setenv(limit, value)
        results = grade.grade_all(course / "in", course)[SMALL]
    return results, course


def check(results: dict, course: Path, name: str) -> None:
    result = results[name]
    said = marks.line(SMALL, result)
    got = made.scores(result)
    assert got == HALF or (name == "floods" and not got), (said, result)
    assert len(str(result)) < 10_000
    if name in hostile.DEATHS:
        assert "kernel died" in said
    roster = course / "roster.csv"
    assert roster.read_text() == "the class" and roster.stat().st_mtime == 1e9
    assert roster.stat().st_mode & 0o777 == 0o644
    assert not left_running("27182") and not left_running("31415")
    for place in ("/dev/shm", "/tmp", "/var/tmp"):
        assert not Path(place, "left-by-a-student").exists()


def promised(kind: str) -> list[str]:
    """What is kept from harm here, as the page for instructors says."""
    not_here = () if kind == "bwrap" else hostile.BUBBLEWRAP_ONLY
    if not sandbox.forbids(kind, sandbox.SIGNALS):
        not_here += hostile.SIGNALS
    return sorted(set(hostile.HOSTILE) - set(not_here))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Hostile submissions by kind of sandbox, graded once: it takes ten minutes.

    As a parameter of this fixture they would be graded anew for each test.
    """
    sandbox.need()

    @functools.cache
    def of(kind):
        folder = tmp_path_factory.mktemp(kind)
        return grade_them(folder, promised(kind), kind)

    return of


CASES = [(kind, name) for kind in sandbox.KINDS for name in promised(kind)]


@pytest.mark.parametrize("kind, name", CASES)
def test_a_hostile_cell_costs_its_own_marks(graded, kind, name):
    check(*graded(kind), name)


@pytest.mark.parametrize("kind", sandbox.KINDS)
def test_nobody_changes_what_the_solutions_compiled(graded, kind):
    _, course = graded(kind)
    compiled = [*course.glob("nbgrader/compiled/*/*-cache")]
    assert compiled and all(path.stat().st_size for path in compiled)
    results = [*course.glob("nbgrader/results/*/*.json")]
    graded_first = min(path.stat().st_mtime for path in results)
    assert all(path.stat().st_mtime < graded_first for path in compiled)
