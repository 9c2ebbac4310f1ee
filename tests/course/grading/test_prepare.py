"""What is graded is put together from what a student wrote, wherever that was."""

import copy

import nbformat
import pytest

from book.tools.course import prepare
from book.tools.course.prepare import NOTHING_WRITTEN, RESET

code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
TESTS = {"form": "# 1 point\ngrading.form()", "right": "# 3 points"}


def cell(make, id: str, source: str):
    return make(source, metadata={"nbgrader": {"grade_id": id}}, id=id)


def release():
    cells = [
        cell(text, "title", "# Exercises"),
        cell(code, "chapter-0", "base = 1"),
        cell(text, "exercise-9-1", "### Exercise 9.1: A\n\n*Compute · 5*\n\nHow much?"),
        cell(code, "answer-9-1", "# Exercise 9.1: your answer\nanswer = ..."),
        *(cell(code, f"{test}-9-1", source) for test, source in TESTS.items()),
        cell(text, "exercise-9-2", "### Exercise 9.2: B\n\nTry."),
        cell(code, "answer-9-2", "# Exercise 9.2: your experiment."),
        cell(text, "text-9-2", "*Your answer:*"),
        cell(text, "exercise-9-3", "### Exercise 9.3\n\nWhy?"),
        cell(text, "text-9-3", "*Your answer:*"),
        cell(text, "references", "## References\n\nMany."),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata={"language": "python"})


def bare(nb):
    """Without ids and metadata, as some editors save."""
    for one in nb.cells:
        one.metadata = {}
        one.id = f"x{id(one)}"
    return nb


def prepared(nb):
    handed_out = set(prepare.known([release()]))
    new, written = prepare.prepare(nb, release(), handed_out)
    nbformat.validate(new)
    ids = [c.metadata.get("nbgrader", {}).get("grade_id") for c in new.cells]
    wanted = [c.metadata["nbgrader"]["grade_id"] for c in release().cells]
    assert [id for id in ids if id] == wanted  # all are there, once, in order
    return {id: c for id, c in zip(ids, new.cells, strict=True) if id}, new, written


def test_a_blank_copy_stays_blank():
    cells, new, written = prepared(release())
    assert written == [] and cells["text-9-2"].source == "*Your answer:*"
    assert RESET in [c.source for c in new.cells]


@pytest.mark.parametrize("saved", [lambda nb: nb, bare], ids=["as it was", "bare"])
def test_answers_are_found_with_metadata_and_without(saved):
    nb = release()
    nb.cells[3].source = "# Exercise 9.1: your answer\nanswer = 5"
    nb.cells[8].source = "*Your answer:* it grows"
    nb.cells[10].source = "*Your answer:* because"
    cells, _, written = prepared(saved(nb))
    assert cells["answer-9-1"].source.endswith("answer = 5")
    assert cells["text-9-2"].source.endswith("it grows")
    assert cells["text-9-3"].source.endswith("because")
    assert written == ["9.1", "9.2", "9.3"]


@pytest.mark.parametrize("saved", [lambda nb: nb, bare], ids=["as it was", "bare"])
def test_without_its_heading_an_answer_stays_its_exercises(saved):
    nb = release()
    nb.cells[3].source = "# Exercise 9.1: your answer\nanswer = 5"
    nb.cells[7].source = "# Exercise 9.2: your experiment.\nanswer = 6"
    nb.cells[8].source = "*Your answer:* it grows"
    del nb.cells[6]
    cells, new, written = prepared(saved(nb))
    assert written == ["9.1", "9.2"] and cells["text-9-2"].source.endswith("it grows")
    code = [c.source for c in new.cells if c.cell_type == "code"]
    assert "answer = 6" in code[code.index("# 3 points") + 1]


def test_a_copy_of_another_answers_cell_stays_where_it_is():
    nb = release()
    nb.cells.insert(9, copy.deepcopy(nb.cells[3]))
    nb.cells[9].source += "\nanswer = 6"
    _, _, written = prepared(nb)
    assert written == ["9.2"]


def test_code_without_text_waits_for_a_reader():
    nb = release()
    nb.cells[7].source += "\nprint(1)  # so it grows"
    cells, _, written = prepared(nb)
    assert cells["text-9-2"].source.endswith(NOTHING_WRITTEN) and written == ["9.2"]


@pytest.mark.parametrize("make", [code, text])
def test_so_does_whatever_stands_in_cells_of_its_own(make):
    nb = release()
    nb.cells.insert(10, make("because"))
    del nb.cells[11]  # and the cell for the text is gone
    cells, new, written = prepared(nb)
    assert cells["text-9-3"].source.endswith(NOTHING_WRITTEN) and written == ["9.3"]
    assert "because" in [c.source for c in new.cells]


def test_and_what_was_written_into_the_exercise_itself():
    nb = release()
    nb.cells[9].source += "\n\nBecause."
    cells, new, written = prepared(nb)
    assert written == ["9.3"] and cells["exercise-9-3"].source.endswith("Why?")
    assert any(c.source.endswith("Because.") for c in new.cells)


def test_cells_of_the_students_own_run_where_they_stood():
    nb = release()
    nb.cells.insert(3, code("def helper():\n    return 5"))
    nb.cells.insert(2, code("mine = 1"))
    nb.cells[5].source = "# Exercise 9.1: your answer\nanswer = helper() * mine"
    _, new, _ = prepared(nb)
    order = [c.source.splitlines()[0] for c in new.cells if c.cell_type == "code"]
    # All of the start runs again as it stood, with what was added.
    assert order[:3] == ["base = 1", "base = 1", "mine = 1"]
    own = order.index("def helper():")
    assert order[own + 1 : own + 4] == [
        "# Exercise 9.1: your answer",
        "# 1 point",
        "# 3 points",
    ]


def test_cells_that_depend_on_an_edited_one_run_again():
    nb = release()
    nb.cells[1].source = "base = 2"
    nb.cells.insert(2, code("base += 1"))
    _, new, _ = prepared(nb)
    order = [c.source for c in new.cells if c.cell_type == "code"]
    assert order[:3] == ["base = 1", "base = 2", "base += 1"]


CHAPTER = [
    "import math",
    "slow = math.factorial(9)\nprint(slow)",
    "grown = [1]\nbase = 1",
    "def late():\n    return base + slow",
    "grown.append(2)\nprint('drawn')",
]


@pytest.mark.parametrize(
    "answer, kept",
    [
        ("answer = ...", []),
        ("answer = 1 / 3", []),
        ("answer = sum(grown)", [CHAPTER[0], "grown = [1]", "grown.append(2)"]),
        ("answer = late()", [CHAPTER[0], CHAPTER[1].partition("\n")[0], "base = 1",
                             CHAPTER[3]]),
        ("answer = eval('grown')", CHAPTER),
        ("%time answer = 5", CHAPTER),
        ("answer = 5" + " " * prepare.LONGEST, CHAPTER),
    ],
)  # fmt: skip
def test_of_a_chapter_runs_what_an_answer_uses(answer, kept):
    def chapter():
        cells = [code(source) for source in CHAPTER] + release().cells[2:]
        return nbformat.v4.new_notebook(cells=cells)

    def started(nb):
        handed_out = set(prepare.known([release(), chapter()]))
        new, _ = prepare.prepare(nb, release(), handed_out)
        order = [c.source for c in new.cells if c.cell_type == "code"]
        return order[1 : order.index(RESET)]  # without the release's own

    nb = chapter()
    nb.cells[6].source = answer
    assert started(nb) == kept
    nb.cells[1].source = "slow = 7"  # one cell was changed: all of it runs
    assert started(nb) == [CHAPTER[0], "slow = 7", *CHAPTER[2:]]


def test_the_blank_that_otter_leaves_is_blank():
    nb = release()
    nb.cells[9].source = f"<!-- BEGIN QUESTION -->\n\n{nb.cells[9].source}"
    nb.cells[10] = text(prepare.OTTERS_BLANK)
    nb.cells.insert(11, text("<!-- END QUESTION -->"))
    _, _, written = prepared(nb)
    assert written == []


def test_edited_tests_and_metadata_are_the_graders_again():
    nb = release()
    nb.metadata["kernelspec"] = {"name": "evil", "display_name": "evil"}
    nb.cells[4].source = nb.cells[5].source = "pass"
    nb.cells[1].source = "base = 2"
    nb.cells[3].metadata["nbgrader"] = {"grade_id": "answer-9-1", "points": 99}
    cells, new, _ = prepared(nb)
    assert (
        cells["form-9-1"].source == TESTS["form"] and "kernelspec" not in new.metadata
    )
    assert "points" not in cells["answer-9-1"].metadata["nbgrader"]
    assert cells["chapter-0"].source == "base = 1"


def test_a_project_may_be_written_all_over_the_notebook():
    project = release()
    project.cells = [*project.cells[:2], *project.cells[9:11]]
    nb = copy.deepcopy(project)
    nb.cells.insert(1, text("My design: none."))
    new, written = prepare.prepare(nb, project, set(prepare.known([project])))
    assert written == ["9.3"] and new.cells[-1].source.endswith(NOTHING_WRITTEN)
    assert "My design: none." in [cell.source for cell in new.cells]
    assert prepare.prepare(project, project, set(prepare.known([project])))[1] == []


def test_pictures_of_work_on_paper_come_along():
    nb = release()
    nb.cells[10].source = "![](photo.png)"
    nb.cells[10].attachments = {"photo.png": {"image/png": "aaaa"}}
    cells, _, _ = prepared(nb)
    assert cells["text-9-3"].attachments == nb.cells[10].attachments


def test_a_notebook_without_exercises_is_not_graded():
    nb = nbformat.v4.new_notebook(cells=[code("1"), text("# Diary")])
    assert prepare.prepare(nb, release(), set()) == (None, [])
