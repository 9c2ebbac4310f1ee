"""A chapter's coursework as notebooks: for students, with solutions, and for graders.

All four have the same body: a title, the cell that installs ntkbook in Colab, the
chapter's code that the exercises stand on, and the exercises. They differ in what
stands below each exercise.

Marks: every exercise has 4 points and a project 20. Of a computing exercise's, 1 is for
an answer of the right form and 3 for the right answer; the others are graded by hand.
"""

import nbformat

from book.tools.about import site_address
from book.tools.course.exercises.coursework import Coursework, Exercise
from book.tools.course.exercises.variants import leans_on
from book.tools.files import is_project
from book.tools.notebooks.colab import Settings, made, metadata, prompt, setup_cell

TITLE = """\
# Exercises to Chapter {number}

*{title}*

The exercises of {chapter}, with the part of its code that they stand on, so that
this notebook runs by itself in about a minute. The numbers of equations, theorems and
figures are the book's. Run the first cells, then write where the dots are.
"""
CHECK = "# Says whether it is right; change nothing here.\nntkbook.page.check({call})"
FORM = """\
# {points} for an answer of the right form. The line below says what is known of it.
from ntkbook.page.exercises import grading

grading.form({call})
"""
RIGHT = """\
# {points} for the right answer; the test is not shown.
### BEGIN HIDDEN TESTS
from ntkbook.page.exercises import grading

grading.right({call})
### END HIDDEN TESTS
"""
CONFIG = """\
# ASSIGNMENT CONFIG
name: {name}
init_cell: false
export_cell: false
run_tests: false
generate: true
tests:
  ok_format: false
"""
OTTER_TEST = '''\
""" # BEGIN TEST CONFIG
points: {points}
hidden: {hidden}
""" # END TEST CONFIG
def test_{test}(answer):
    from ntkbook.page.exercises import grading

    grading.{test}({call})
'''


def marks(about: dict) -> tuple[int, int]:
    """The points for the form of an answer, and those for the rest."""
    if is_project(about["id"]):
        return 0, 20
    return (1, 3) if about["kind"] == "compute" else (0, 4)


class Handouts:
    """Writes the notebooks of one chapter.

    Args:
        keys: the sealed answers of exercises with other numbers than the book's.
    """

    def __init__(self, work: Coursework, settings: Settings, keys: dict[str, str]):
        self.work, self.settings, self.keys = work, settings, keys

    def student(self):
        """Answers blank, with the checks that say whether one is right."""
        cells = self._body()
        for exercise in self.work.exercises:
            cells += [_statement(exercise), *self._blank(exercise)]
        return self._notebook(cells)

    def solutions(self):
        """The student's notebook with the answers in it, and what they print."""
        cells, cited = self._body(), []
        for exercise in self.work.exercises:
            cells.append(_statement(exercise))
            slug = _slug(exercise)
            cells.append(made("markdown", "**Solution.**", f"solution-{slug}"))
            for i, (kind, text, outputs) in enumerate(exercise.solution):
                cells.append(made(kind, text, f"solution-{slug}-{i}"))
                if kind == "code":
                    cells[-1].outputs = outputs
            if exercise.kind == "compute":
                check = CHECK.format(call=self._call(exercise))
                cells.append(made("code", check, f"check-{slug}", tags=["check"]))
            cited += exercise.cited[1]
        return self._notebook(cells, cited)

    def nbgrader(self):
        """A source notebook of nbgrader's: solutions and hidden tests between marks."""
        body = self._body()
        cells = [_locked(cell) if cell.id != "setup" else cell for cell in body]
        for exercise in self.work.exercises:
            cells += [_locked(_statement(exercise)), *self._nbgrader(exercise)]
        nb = self._notebook(cells)
        if nb.cells[-1].id == "references":
            _locked(nb.cells[-1])
        return nb

    def otter(self):
        """A source notebook for `otter assign`."""
        cells = self._body()
        name = self.work.name
        cells.insert(0, _raw(CONFIG.format(name=name), "config"))
        for exercise in self.work.exercises:
            cells += self._otter(exercise)
        return self._notebook(cells)

    def _body(self) -> list:
        """What stands above the exercises; of a project, all of its text."""
        if self.work.text:
            title, *rest = (made(kind, text, id) for kind, text, id in self.work.text)
            return [title, setup_cell(self.settings), *rest]
        chapter = f"Chapter {self.work.number}"
        if self.settings.site:
            page = f"{site_address(self.settings.site)}notebooks/{self.work.name}.html"
            chapter = f"[{chapter}]({page})"
        title = TITLE.format(
            number=self.work.number, title=self.work.title, chapter=chapter
        )
        cells = [
            made("markdown", title, "title"),
            setup_cell(self.settings),
            made("markdown", "## From the chapter", "from-the-chapter"),
        ]
        for i, code in enumerate(self.work.basis):
            cells.append(made("code", code, f"chapter-{i}"))
        cells.append(made("markdown", "## Exercises", "exercises"))
        return cells

    def _notebook(self, cells: list, cited: list[str] = ()):
        own = [key for e in self.work.exercises for key in e.cited[0]]
        cited = [*self.work.cited, *own, *cited]
        if cited:
            listing = self.work.references(cited)
            cells.append(made("markdown", listing, "references"))
        return nbformat.v4.new_notebook(cells=cells, metadata=metadata())

    def _call(self, exercise: Exercise) -> str:
        """The arguments of a check; a key is cut into lines that fit the page."""
        call = f'"{exercise.id}", answer'
        if key := self.keys.get(exercise.id):
            lines = "\n".join(f'        "{line}"' for line in _cut(key, 72))
            call = call.replace(", ", ",\n    ")
            call = f"\n    {call},\n    key=(\n{lines}\n    ),\n"
        return call

    def _code(self, exercise: Exercise) -> str:
        """Its solution's code, for graders.

        A solution may use what the one to an earlier exercise has defined. Graders'
        notebooks have no cell for that one's code where it only asks to think.
        """
        before = leans_on(self.work)[exercise.id]
        lent = [
            e.code for e in self.work.exercises if e.id in before and e.kind == "think"
        ]
        return "\n\n\n".join([*lent, exercise.code])

    def _blank(self, exercise: Exercise) -> list:
        slug = _slug(exercise)
        if exercise.kind == "compute":
            check = CHECK.format(call=self._call(exercise))
            return [
                made("code", _prompt(exercise), f"answer-{slug}", tags=["answer"]),
                made("code", check, f"check-{slug}", tags=["check"]),
            ]
        answer = made("markdown", "*Your answer:*", f"text-{slug}")
        if exercise.kind == "think":
            return [answer]
        return [made("code", _prompt(exercise), f"answer-{slug}"), answer]

    def _nbgrader(self, exercise: Exercise) -> list:
        slug, (form, rest) = _slug(exercise), marks(exercise.about)
        cells = []
        if exercise.kind in ("compute", "explore"):
            code = f"{_prompt(exercise)}\n{_marked(self._code(exercise))}"
            cells.append(made("code", code, f"answer-{slug}"))
            _nbgrader(cells[-1], solution=True)
        if exercise.kind == "compute":
            for test, text, points in ("form", FORM, form), ("right", RIGHT, rest):
                words = f"{points} point{'s' if points > 1 else ''}"
                code = text.format(points=words, call=self._call(exercise))
                cells.append(made("code", code, f"{test}-{slug}"))
                _nbgrader(cells[-1], grade=True, locked=True, points=points)
        else:
            cells.append(made("markdown", _marked(_written(exercise)), f"text-{slug}"))
            _nbgrader(cells[-1], grade=True, solution=True, points=rest)
        return cells

    def _otter(self, exercise: Exercise) -> list:
        slug, (form, rest) = _slug(exercise), marks(exercise.about)
        by_hand = exercise.kind != "compute"
        question = f"# BEGIN QUESTION\nname: ex-{slug}\npoints: {form + rest}\n"
        question += "manual: true\n" if by_hand else "check_cell: false\n"
        parts = [_raw(question, f"question-{slug}"), _statement(exercise)]
        code = (
            f"{_prompt(exercise)}\n# BEGIN SOLUTION NO PROMPT\n{self._code(exercise)}\n"
        )
        code += "# END SOLUTION"
        # What stands outside a solution block goes to students as it is.
        parts.append(_raw("# BEGIN SOLUTION", f"begin-{slug}"))
        if exercise.kind != "think":
            parts.append(made("code", code, f"answer-{slug}"))
        if by_hand:
            parts.append(made("markdown", _written(exercise), f"text-{slug}"))
        parts.append(_raw("# END SOLUTION", f"end-{slug}"))
        if not by_hand:
            parts.append(_raw("# BEGIN TESTS", f"tests-{slug}"))
            for test, points in ("form", form), ("right", rest):
                text = OTTER_TEST.format(
                    points=points,
                    hidden=str(test == "right").lower(),
                    test=test,
                    call=self._call(exercise),
                )
                parts.append(made("code", text, f"{test}-{slug}"))
            parts.append(_raw("# END TESTS", f"tested-{slug}"))
        parts.append(_raw("# END QUESTION", f"done-{slug}"))
        if not by_hand:  # the same for students as in their own notebook
            check = CHECK.format(call=self._call(exercise))
            parts.append(made("code", check, f"check-{slug}"))
        return parts


def _cut(text: str, width: int) -> list[str]:
    return [text[i : i + width] for i in range(0, len(text), width)]


def _slug(exercise: Exercise) -> str:
    return exercise.id.replace(".", "-")


def _statement(exercise: Exercise):
    return made("markdown", exercise.statement, f"exercise-{_slug(exercise)}")


def _prompt(exercise: Exercise) -> str:
    """The line that a student writes under."""
    if exercise.kind == "explore":
        return f"# Exercise {exercise.id}: your experiment."
    return prompt(exercise.about)


def _written(exercise: Exercise) -> str:
    """What a solution says, and for exercises without code cells also its code."""
    text = exercise.prose or "See the code above."
    if exercise.kind == "think" and exercise.code:
        text += f"\n\n```python\n{exercise.code}\n```"
    return text


def _marked(text: str) -> str:
    return f"### BEGIN SOLUTION\n{text}\n### END SOLUTION"


def _raw(text: str, id: str):
    return nbformat.v4.new_raw_cell(source=text.strip("\n"), id=id)


def _locked(cell):
    return _nbgrader(cell, locked=True)


def _nbgrader(cell, *, grade=False, solution=False, locked=False, points=None):
    """Mark a cell for nbgrader."""
    about = {"grade_id": cell.id, "schema_version": 3, "task": False}
    about |= {"grade": grade, "solution": solution, "locked": locked}
    if points is not None:
        about["points"] = points
    cell.metadata["nbgrader"] = about
    return cell
