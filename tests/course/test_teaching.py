"""What lies ready for a lesson: for each chapter a plan, questions and answers."""

import re

import pytest

from tests.helpers.chromium import ROOT

CHAPTERS = sorted(p.stem[:2] for p in ROOT.glob("notebooks/[0-9]*.ipynb"))
LEVELS = ["basic"] * 4 + ["standard"] * 4 + ["advanced"] * 2


def parts(number):
    """The file's three sections, by title."""
    text = (ROOT / "book" / "teaching" / f"{number}.md").read_text()
    return dict(re.findall(r"(?ms)^## ([^\n]+)\n(.*?)(?=^## |\Z)", text))


def test_every_chapter_has_them():
    found = {p.stem for p in (ROOT / "book" / "teaching").glob("*.md")}
    assert found == set(CHAPTERS)


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
