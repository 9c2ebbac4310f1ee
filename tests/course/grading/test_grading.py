"""A class is graded: by one command, from copies of every kind, all by one scale."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import nbformat
import pytest

from book.tools.course import grade, marks
from book.tools.course.contained import ENDED, STOPPED
from tests.helpers import course as made
from tests.helpers import needs
from tests.helpers.course import COPIES, FULL, HALF, SMALL, scores, small_course

needs.package("nbgrader", get="make environment")
needs.package("otter", get="make environment")

ROOT = Path(__file__).resolve().parents[3]
OTTER = "-m", "otter", "assign", f"{SMALL}.ipynb", "dist"
CHEAT = """\
import builtins
import numpy as np
from ntkbook.page import exercises
from ntkbook.page.exercises import grading

grading.right = grading.form = exercises.check = lambda *args, **more: None
np.allclose = builtins.all = lambda *args, **more: True
answer = 1.0
"""
NAMES = {  # of a file, as platforms and browsers make them
    "nbgrader": "ann/99_small/99_small.ipynb",
    "otter": "submission.ipynb",
    "plain": "Cy D_12_assignsubmission_file_/99_small (1).ipynb",
    "colab": "dee_34_901_Copy of 99_small.ipynb",
}
STUDENTS = {"nbgrader": "ann", "otter": "submission"}
STUDENTS |= {"plain": "Cy D_12", "colab": "dee_34"}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = made.make(tmp_path_factory.mktemp("small"), SMALL)
    folder = course / "otter" / SMALL
    subprocess.run([sys.executable, *OTTER], cwd=folder, check=True)
    return course


@pytest.fixture(scope="module")
def graded(course):
    """Results of a folder in which the copies and the names are mixed."""
    code, folder = made.answers(course, SMALL), course / "in"
    for kind in COPIES:
        nb = made.fill(made.handed_out(course, SMALL, kind), code)
        made.submit(folder, NAMES[kind], nb)
    blank = made.handed_out(course, SMALL, "plain")
    made.submit(folder, "blank.ipynb", blank)
    made.submit(folder, "nothing.ipynb", "this is no notebook")
    raises = made.fill(blank, code | {"99.2": "answer = 1 / 0"})
    made.submit(folder, "raises.ipynb", raises)
    return grade.grade_all(folder, course)[SMALL]


@pytest.mark.parametrize("kind", COPIES)
def test_a_right_submission_has_all_marks_from_whatever_copy(graded, kind):
    result = graded[STUDENTS[kind]]
    assert scores(result) == FULL, marks.line(SMALL, result)
    # Its experiment has no text: it waits for a reader, and is not silently 0.
    waiting = {cell for cell, p in result["points"].items() if p["by hand"]}
    assert waiting == ({"text-99-4"} if kind != "colab" else set())


def test_a_blank_one_has_none_and_nothing_of_it_waits(graded):
    result = graded["blank"]
    assert set(result["points"]) == {*FULL, "text-99-3", "text-99-4"}
    assert not any(p["score"] or p["by hand"] for p in result["points"].values())


def test_no_exercise_finds_the_answer_to_the_one_before(graded):
    assert scores(graded["raises"]) == HALF
    assert "ZeroDivision" in str(graded["raises"]["notes"])


def test_what_is_no_notebook_has_a_reason(graded):
    line = marks.line(SMALL, graded["nothing"])
    assert f"{SMALL}, nothing: 0, not graded: NotJSONError" in line


def test_the_table_has_everyone_and_one_total(graded, course):
    rows = marks.write(course, SMALL)
    assert {row["student"] for row in rows} == set(graded)
    assert {(row["possible"], row["possible by machine"]) for row in rows} == {(16, 8)}


def test_a_second_run_has_nothing_to_do(graded, course, monkeypatch):
    monkeypatch.setattr(grade.Assignment, "grade", None)
    assert grade.grade_all(course / "in", course)[SMALL] == graded


def test_what_the_solutions_compiled_serves_all(graded, course):
    programs = [*course.glob("nbgrader/compiled/*/*-cache")]
    assert programs and all(path.stat().st_size for path in programs)
    results = [*course.glob("nbgrader/results/*/*.json")]
    graded_first = min(path.stat().st_mtime for path in results)
    assert all(path.stat().st_mtime < graded_first for path in programs)


class Stub(grade.Assignment):
    """Grades without a kernel, and writes down whom."""

    seen: list[str] = []
    together: list[int] = []
    running = 0

    def ready(self):
        pass

    solve = ready

    def grade(self, one):
        assert (self.results / f"{one.student}.begun").exists()
        Stub.seen.append(one.student)
        Stub.running += 1
        time.sleep(0.05)
        Stub.together.append(Stub.running)
        Stub.running -= 1
        if one.student == "deadly":
            raise KeyboardInterrupt
        return {"points": {}, "notes": {}}


@pytest.fixture
def stubbed(tmp_path, monkeypatch):
    about = {SMALL: {"99.1": {"kind": "compute", "points": 4}}}
    (tmp_path / "course.json").write_text(json.dumps({"assignments": about}))
    source = tmp_path / "nbgrader" / "source" / SMALL / f"{SMALL}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text("{}")
    for student in ("deadly", "late", "mild"):
        nb = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell("### Exercise 99.1")]
        )
        made.submit(tmp_path / "in", f"{student}.ipynb", nb)
    monkeypatch.setattr(grade, "Assignment", Stub)
    monkeypatch.setattr(marks, "points_of", lambda *where: {})
    monkeypatch.setattr(Stub, "seen", [])
    monkeypatch.setattr(Stub, "together", [])
    return tmp_path


def test_what_ends_the_grader_is_graded_last_and_at_last_given_up(stubbed):
    for _ in range(grade.ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            grade.grade_all(stubbed / "in", stubbed, jobs=1)
    assert Stub.seen == ["deadly", "late", "mild", "deadly", "deadly"]
    results = grade.grade_all(stubbed / "in", stubbed, jobs=1)[SMALL]
    assert "ended 3 times" in results["deadly"]["notes"][marks.NOT_GRADED]
    assert not results["late"]["notes"] and len(Stub.seen) == 5


def test_what_was_under_way_is_graded_alone(stubbed):
    (stubbed / "in" / "deadly.ipynb").rename(stubbed / "in" / "deaf.ipynb")
    assignment = Stub(stubbed, SMALL)
    assignment.results.mkdir(parents=True)
    for one in grade.found_in(stubbed / "in", {SMALL: {"99.1": {}}}):
        note = {"digest": grade.state(assignment, one), "times": 1}
        (assignment.results / f"{one.student}.begun").write_text(json.dumps(note))
    grade.grade_all(stubbed / "in", stubbed, jobs=2)
    assert Stub.together == [1, 1, 1]


def test_ctrl_c_is_no_submissions_doing(stubbed, monkeypatch):
    monkeypatch.setattr(grade, "by_hand", threading.Event())
    grade.by_hand.set()
    for _ in range(grade.ATTEMPTS + 1):
        with pytest.raises(KeyboardInterrupt):
            grade.grade_all(stubbed / "in", stubbed, jobs=1)
    assert not [*stubbed.glob("nbgrader/results/*/deadly.json")]
    assert Stub.seen.count("deadly") == grade.ATTEMPTS + 1


@pytest.mark.parametrize(
    "code, raises", [(ENDED, KeyboardInterrupt), (STOPPED, grade.Failure)]
)
def test_what_was_ended_from_outside_has_no_result(code, raises, tmp_path, monkeypatch):
    done = types.SimpleNamespace(returncode=code)
    monkeypatch.setattr(grade.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(raises):
        grade.Assignment(tmp_path, SMALL).run("any")


def test_a_course_that_submissions_could_read_is_not_graded(course, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(course.parent))  # readable
    assignment = grade.Assignment(course, SMALL)
    with pytest.raises(grade.Failure, match="course lies in .*, where submissions can"):
        assignment.solve()


def test_a_changed_source_or_submission_is_graded_again(stubbed):
    (stubbed / "in" / "deadly.ipynb").unlink()
    grade.grade_all(stubbed / "in", stubbed)
    grade.grade_all(stubbed / "in", stubbed)
    assert sorted(Stub.seen) == ["late", "mild"]
    with (stubbed / "in" / "mild.ipynb").open("a") as file:
        file.write("\n")
    grade.grade_all(stubbed / "in", stubbed)
    assert Stub.seen[2:] == ["mild"]
    (stubbed / "nbgrader" / "source" / SMALL / f"{SMALL}.ipynb").write_text("{} ")
    grade.grade_all(stubbed / "in", stubbed)
    assert sorted(Stub.seen[3:]) == ["late", "mild"]


def test_two_commands_do_not_grade_one_course_at_once(stubbed):
    with grade.alone(stubbed):
        with pytest.raises(grade.Failure, match="another command is grading"):
            grade.grade_all(stubbed / "in", stubbed)


def test_a_damaged_note_is_no_obstacle(stubbed):
    results = stubbed / "nbgrader" / "results" / SMALL
    results.mkdir(parents=True)
    (results / "late.json").write_text("")
    (results / "late.begun").write_text("{")
    (stubbed / "in" / "deadly.ipynb").unlink()
    assert set(grade.grade_all(stubbed / "in", stubbed)[SMALL]) == {"late", "mild"}


@pytest.mark.weekly
def test_tampering_gains_nothing(course, graded):
    blank, code = (
        made.handed_out(course, SMALL, "nbgrader"),
        made.answers(course, SMALL),
    )
    without = made.fill(blank, code)
    without.cells = [c for c in without.cells if not c.id.startswith(("form", "right"))]
    edited = made.fill(blank, code | {"99.2": "answer = 0.0"})
    for cell in edited.cells:
        if cell.id.startswith(("form", "right")):
            cell.source = "pass"
    folder = course / "in"
    cheats = made.fill(blank, {"99.1": CHEAT, "99.2": "answer = 1.0"})
    wrong = made.fill(blank, {"99.1": "answer = 1.0", "99.2": "answer = np.ones(3)"})
    made.submit(folder, "cheats.ipynb", cheats)
    made.submit(folder, "wrong.ipynb", wrong)
    made.submit(folder, "without.ipynb", without)
    made.submit(folder, "edits.ipynb", edited)
    found = grade.grade_all(folder, course)[SMALL]
    nothing = dict.fromkeys(FULL, 0)
    assert scores(found["cheats"]) in (nothing, nothing | {"form-99-1": 1})
    assert scores(found["wrong"]) == nothing | {"form-99-1": 1}
    assert scores(found["edits"]) == HALF
    assert scores(found["without"]) == FULL  # deleted tests come back


@pytest.mark.weekly
def test_solutions_that_fail_here_fail_nobody_else(tmp_path):
    assignment = grade.Assignment(tmp_path, SMALL)
    assignment.source.parent.mkdir(parents=True)
    nb = small_course.chapter()
    nb.cells = [small_course.code("1 / 0")]
    nbformat.write(nb, assignment.source)
    with pytest.raises(grade.Failure, match="solutions themselves fail .*ZeroDivision"):
        assignment.solve()


@pytest.mark.weekly
def test_killed_in_the_middle_it_goes_on_where_it_was(course, graded):
    """What was graded stays; what was under way is graded again; nothing is left."""
    blank, code = made.handed_out(course, SMALL, "plain"), made.answers(course, SMALL)
    folder, results = course / "later", course / "nbgrader" / "results" / SMALL
    for i in range(2):
        made.submit(folder, f"later-{i}.ipynb", made.fill(blank, code))
    command = [sys.executable, "-m", "book.tools.course.grade", folder, "--jobs=1"]
    process = subprocess.Popen(
        [*command, f"--course={course}"], start_new_session=True, cwd=ROOT
    )
    try:
        while not (results / "later-0.json").exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(3)  # in the middle of the next, or on a slow machine before it
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    first = (results / "later-0.json").stat().st_mtime_ns
    found = grade.grade_all(folder, course)[SMALL]
    assert scores(found["later-0"]) == scores(found["later-1"]) == FULL
    assert (results / "later-0.json").stat().st_mtime_ns == first
