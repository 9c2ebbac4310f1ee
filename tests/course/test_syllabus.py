"""Courses of so many weeks, the table of exercises, and the map of chapters."""

import re
from pathlib import Path

import nbformat
import pytest

from book.tools.course import syllabus
from book.tools.files import NOTEBOOKS
from book.tools.sphinx import book_map

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob(NOTEBOOKS))


PLAN = """
[[chapter]]
name = "01_a"
needs = []
reading = 45
[[chapter]]
name = "02_b"
needs = ["01"]
reading = 45
[course.{length}]
minutes = 100
weeks = {weeks}
"""


@pytest.mark.parametrize(
    "length, weeks, message",
    [
        (2, '[["02"], ["01"]]', "Chapter 02 needs 01 first"),
        (2, '[["01"], []]', r"without \['02'\]"),
        (3, '[["01"], ["02"]]', "2 are listed"),
        (2, '[["01"], ["09"]]', "no chapter '09'"),
    ],
)
def test_a_plan_that_does_not_hold(length, weeks, message, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN.format(length=length, weeks=weeks))
    with pytest.raises(ValueError, match=message):
        syllabus.plan(tmp_path / "plan.toml")


@pytest.mark.parametrize("length", [6, 12])
def test_the_weeks_of_a_course(length):
    plan = syllabus.plan(ROOT / "book" / "course.toml")
    chapters = syllabus.exercises(ROOT / "notebooks")
    weeks = syllabus.weeks(plan, chapters, length)
    set_ = [e["id"] for week in weeks for e in week["exercises"]]
    assert len(set_) == len(set(set_)) > 30
    most = plan["course"][str(length)]["minutes"]
    assert all(week["minutes"] <= most for week in weeks)
    assert all(week["reading"] <= 110 for week in weeks)
    listed = {chapter["name"][:2] for chapter in plan["chapter"]}
    assert {n for week in weeks for n in week["chapters"]} == listed
    projects = {week["project"] for week in weeks} - {None}
    assert projects == (set(chapters) - listed if length == 12 else set())
    assert all(chapters[project]["minutes"] >= 180 for project in projects)
    table = syllabus.syllabus_table(plan, chapters, length)
    assert table.count("* - ") == length + 1


def test_the_table_of_exercises():
    chapters = syllabus.exercises(ROOT / "notebooks")
    table = syllabus.exercises_table(chapters)
    counts = {number: len(c["exercises"]) for number, c in chapters.items()}
    assert table.count("* - ") == sum(counts.values()) + 1
    own = sum(count for number, count in counts.items() if number[0] != "P")
    projects = [c["minutes"] for number, c in chapters.items() if number[0] == "P"]
    assert table.startswith(f"{own} exercises (")
    assert f"{len(projects)} projects, about {sum(projects) / 60:.0f} hours." in table


@pytest.mark.parametrize("number", [name[:2] for name in CHAPTERS])
def test_a_chapter_refers_to_all_that_the_map_says_it_needs(number):
    parts, labels = book_map.read(ROOT), {}
    texts = {
        n: _markdown(ROOT / "notebooks" / f"{p['name']}.ipynb")
        for n, p in parts.items()
    }
    for other, text in texts.items():
        for found in re.finditer(r"(?m):label: *(\S+)|^\$\$ \(([\w-]+)\)", text):
            labels[found[1] or found[2]] = other
    roles = r"\{(?:eq|prf:ref|ref|numref|doc)\}`(?:[^`<]*<)?([^`>]+)>?`|\]\(([^)]+)\)"
    leads_to = set()
    for found in re.finditer(roles, texts[number]):
        target = (found[1] or found[2]).removeprefix("/notebooks/")
        leads_to.add(labels.get(target, target[:2]))
    missing = set(parts[number]["needs"]) - leads_to
    assert not missing, (
        f"{parts[number]['name']} refers to nothing in {sorted(missing)}"
    )


def test_the_map_has_every_chapter_and_every_need():
    parts = book_map.read(ROOT)
    picture, words = book_map.drawn(parts), "\n".join(book_map.listed(parts))
    needs = sum(len(part["needs"]) for part in parts.values())
    assert picture.count("<path d=") == needs + 1  # and the arrow's head
    for part in parts.values():
        assert f'href="../notebooks/{part["name"]}.html"' in picture
        assert part["name"] in words


def _markdown(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_reading_times_follow_their_rule():
    def cell(kind, source, **metadata):
        return {"cell_type": kind, "source": source, "metadata": metadata}

    read = syllabus.reading_minutes
    prose = "word " * 2000
    assert syllabus.unrounded_minutes([cell("markdown", "word " * 2300)]) == 11.5
    assert read([cell("markdown", "word " * 2300)]) == 10
    assert read([cell("markdown", prose)]) == 10
    assert read([cell("markdown", f"```{{prf:proof}}\n{prose}\n```\n")]) == 20
    assert read([cell("markdown", f"```{{dropdown}} More\n{prose}\n```\n")]) == 0
    folded = f":::{{prf:proof}}\n:class: dropdown\n{prose}\n:::\n"
    assert read([cell("markdown", folded)]) == 0
    assert read([cell("markdown", "$$\nx\n$$\n\n" * 20)]) == 10
    assert read([cell("code", "x")] * 30) == 10
    assert read([cell("code", "x", tags=["hide-input"])] * 30) == 0
    assert read([cell("code", "x", mystnb={"figure": {"name": "fig"}})] * 12) == 10
    assert read([cell("markdown", "## Exercises"), cell("markdown", prose)]) == 0


def test_pages_say_how_long_chapters_take():
    chapters = syllabus.exercises(ROOT / "notebooks")
    minutes = [c["reading"] for n, c in chapters.items() if n.isdigit()]
    text = (ROOT / "book" / "start.md").read_text()
    assert f"chapters of {min(minutes)} to {max(minutes)} minutes" in text
    text = (ROOT / "book" / "contributing.md").read_text()
    assert "at most fifty minutes" in text


@pytest.mark.parametrize("name", [name for name in CHAPTERS if name[0] != "P"])
def test_a_chapter_takes_at_most_fifty_minutes(name):
    cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    minutes = syllabus.unrounded_minutes(cells)  # 52 would be rounded to 50
    assert 0 < minutes <= 50, f"{name}: {minutes:.1f} minutes"
