"""Whose each notebook in a folder is, and to which assignment it belongs."""

import os
from pathlib import Path

import nbformat
import pytest

from book.tools.course import submissions

COURSE = {"02_flow": {"2.1": {}, "2.2": {}}, "03_width": {"3.1": {}}}


@pytest.mark.parametrize(
    "path, student",
    [
        ("Ann/02_flow/02_flow.ipynb", "Ann"),  # nbgrader
        ("bo (1).ipynb", "bo (1)"),
        ("lee_77_901_02_flow-1.ipynb", "lee_77"),  # Canvas
        ("lee_LATE_77_901_02_flow.ipynb", "lee_77"),
        (
            "Ann Lee_42_assignsubmission_file_/Kopie von 02.ipynb",
            "Ann Lee_42",
        ),  # Moodle
        ("ch2/lee_77_901_x.ipynb", "lee_77"),
        ("ch2/Ann_42_assignsubmission_file_/x.ipynb", "Ann_42"),
        ("Ann_42_assignsubmission_file_x (1).ipynb", "Ann_42"),  # Moodle, flat
        ("Zoë/x.ipynb", "Zoë"),
        ("a;rm -rf $HOME/x.ipynb", "a-rm -rf -HOME"),
    ],
)
def test_a_place_in_the_folder_says_whose_it_is(path, student):
    assert submissions.student_of(Path(path)) == student


def put(path: Path, *numbers: str, changed: float = 1e9) -> None:
    cells = [nbformat.v4.new_markdown_cell(f"### Exercise {n}: Any") for n in numbers]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    os.utime(path, (changed, changed))


def test_a_mixed_folder(tmp_path, capsys):
    put(tmp_path / "Ann" / "any name.ipynb", "2.1", "2.2", "3.1")
    put(tmp_path / "Ann" / "newer.ipynb", "2.2", changed=2e9)
    put(tmp_path / "Ann" / ".ipynb_checkpoints" / "x.ipynb", "2.1", changed=3e9)
    put(tmp_path / "Ann" / "another chapter.ipynb", "3.1")
    put(tmp_path / "bo.ipynb", "2.1")
    (tmp_path / "cy.ipynb").write_text("no notebook")
    (tmp_path / "dee").mkdir()
    (tmp_path / "dee" / "03_width.ipynb").write_text("no notebook either")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "eve.ipynb").symlink_to(tmp_path / "bo.ipynb")
    found = submissions.found_in(tmp_path, COURSE)
    assert [(one.student, one.assignment, one.path.name) for one in found] == [
        ("cy", "", "cy.ipynb"),
        ("Ann", "02_flow", "newer.ipynb"),
        ("bo", "02_flow", "bo.ipynb"),
        ("Ann", "03_width", "another chapter.ipynb"),
        ("dee", "03_width", "03_width.ipynb"),
    ]
    said = capsys.readouterr().out
    assert "Ann/newer.ipynb takes the place of Ann/any name.ipynb" in said


@pytest.mark.parametrize("place", ["Ann", "Ann/02_flow"])
def test_a_notebook_without_exercises_replaces_none(place, tmp_path):
    put(tmp_path / place / "hw.ipynb", "2.1")
    put(tmp_path / place / "notes.ipynb", changed=2e9)
    (one,) = submissions.found_in(tmp_path, COURSE)
    found = one.student, one.assignment, one.path.name
    assert found == ("Ann", "02_flow", "hw.ipynb")


def test_a_class_in_a_folder_of_its_own_stays_a_class(tmp_path):
    for number in (77, 78):
        put(tmp_path / "ch2" / f"lee_{number}_901_x.ipynb", "2.1")
    found = submissions.found_in(tmp_path, COURSE)
    assert [one.student for one in found] == ["lee_77", "lee_78"]


def test_in_a_folder_of_one_assignment_all_are_meant_for_it(tmp_path):
    put(tmp_path / "bo.ipynb", "2.1")
    (tmp_path / "cy.ipynb").write_text("no notebook")
    found = submissions.found_in(tmp_path, COURSE)
    assert {one.assignment for one in found} == {"02_flow"}
    with pytest.raises(submissions.Unreadable, match="NotJSONError"):
        submissions.read(tmp_path / "cy.ipynb")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "big.ipynb").open("wb") as file:
        file.truncate(submissions.MOST_MB * 2**20 + 1)
    with pytest.raises(submissions.Unreadable, match="larger than 50 MB"):
        submissions.read(tmp_path / "big.ipynb")
