"""otter's own way: what students get from it, and what Gradescope does with its zip."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from book.tools.files import NOTEBOOKS, is_project
from tests.helpers import course as made
from tests.helpers import needs
from tests.helpers.course import SMALL

needs.package("otter", get="make environment")

ROOT = Path(__file__).resolve().parents[3]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob(NOTEBOOKS))


def assigned(folder: Path, name: str) -> Path:
    """The course's folder, after `otter assign`."""
    course = made.make(folder, name)
    command = [sys.executable, "-m", "otter", "assign", f"{name}.ipynb", "dist"]
    subprocess.run(command, cwd=course / "otter" / name, check=True)
    return course


def run(course: Path, name: str, nb, called: str) -> dict[str, tuple]:
    """What `otter run` gives to a notebook of any name, by exercise."""
    out = course / "otter" / name
    (zip_file,) = out.glob("dist/autograder/*.zip")
    nbformat.write(nb, out / called)
    otter = [sys.executable, "-m", "otter", "run", "-a", zip_file, "--no-logo"]
    subprocess.run([*otter, called], cwd=out, check=True)
    tests = json.loads((out / "results.json").read_text())["tests"]
    counted = [t for t in tests if "max_score" in t]
    return {t["name"]: (t.get("score"), t["max_score"]) for t in counted}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return assigned(tmp_path_factory.mktemp("otter"), SMALL)


def test_students_need_no_otter_and_see_no_tests(course):
    nb = made.handed_out(course, SMALL, "otter")
    text = "\n".join(cell.source for cell in nb.cells)
    assert "otter" not in text and "grading" not in text and "SOLUTION" not in text
    assert text.count("ntkbook.page.check(") == 2


def test_a_right_submission_has_all_marks_whatever_it_is_called(course):
    code = made.answers(course, SMALL)
    nb = made.fill(made.handed_out(course, SMALL, "otter"), code)
    found = run(course, SMALL, nb, "submission.ipynb")
    assert found["ex-99-1"] == found["ex-99-2"] == (4, 4)


@pytest.mark.weekly
def test_a_blank_one_has_none(course):
    nb = made.handed_out(course, SMALL, "otter")
    found = run(course, SMALL, nb, "submission (1).ipynb")
    assert found["ex-99-1"] == found["ex-99-2"] == (0, 4)


@pytest.mark.weekly
@pytest.mark.parametrize("name", [name for name in CHAPTERS if not is_project(name)])
def test_otter_grades_every_chapter(name, tmp_path):
    course = assigned(tmp_path, name)
    blank, code = made.handed_out(course, name, "otter"), made.answers(course, name)
    listed = json.loads((course / "course.json").read_text())["assignments"][name]
    compute = {f"ex-{id.replace('.', '-')}" for id, e in listed.items()
               if e["kind"] == "compute"}  # fmt: skip
    right = run(course, name, made.fill(blank, code), "mine.ipynb")
    assert {right[id] for id in compute} == {(4, 4)}
    assert {run(course, name, blank, "none.ipynb")[id] for id in compute} == {(0, 4)}
