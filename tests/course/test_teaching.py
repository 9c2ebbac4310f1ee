"""What lies ready for a lesson: for each chapter a plan, questions and answers."""

import re

import pytest

from tests.helpers.course import lessons

CHAPTERS = lessons.found("teaching")
LEVELS = ["basic"] * 4 + ["standard"] * 4 + ["advanced"] * 2


def parts(number):
    """The file's three sections, by title."""
    text = (lessons.folder("teaching") / f"{number}.md").read_text()
    return dict(re.findall(r"(?ms)^## ([^\n]+)\n(.*?)(?=^## |\Z)", text))


def test_every_chapter_has_them():
    assert lessons.problems("teaching", lessons.expected("teaching"), CHAPTERS) == []


def test_a_chapter_without_them_is_named():
    both = lessons.problems("slides", ["07", "08"], ["07", "09"])
    assert both == [
        'Chapter 08 has no book/slides/08.md; write it, or say lacks = ["slides"] in '
        "book/course.toml",
        "book/slides/09.md is of no chapter that says it has one",
    ]


@pytest.mark.parametrize("number", CHAPTERS)
def test_the_plan_fills_ninety_minutes(number):
    rows = re.findall(
        r"(?m)^\| *(\d+) *(?:to|–|-) *(\d+) *\|", parts(number)["Lesson plan"]
    )
    times = [(int(a), int(b)) for a, b in rows]
    assert times[0][0] == 0 and times[-1][1] == 90
    assert all(a[1] == b[0] for a, b in zip(times, times[1:], strict=False))


@pytest.mark.parametrize("number", CHAPTERS)
def test_questions_have_answers(number):
    reading = re.split(r"(?m)^### ", parts(number)["Reading questions"])[1:]
    assert [q.split(".")[0] for q in reading] == [f"R{k}" for k in range(1, 6)]
    assert all(q.count("**Answer.**") == 1 for q in reading)
    exam = re.split(r"(?m)^### ", parts(number)["Exam questions"])[1:]
    assert [q.split(" ")[0] for q in exam] == [f"E{k}" for k in range(1, 11)]
    for question, level in zip(exam, LEVELS, strict=True):
        assert re.match(rf"E\d+ \({level}, \d+ minutes\)", question), question[:60]
        assert question.count("**Model answer.**") == 1
        assert re.search(r"\bpoints?\b", question.split("**Model answer.**")[1])
