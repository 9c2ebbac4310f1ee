"""A chapter read as coursework: its exercises, and the code that they stand on."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from book.tools.course.exercises.slicing import loaded, names_of, needed
from book.tools.files import is_project, number_of
from book.tools.notebooks.citations import Bibliography
from book.tools.notebooks.colab import Settings, plain_cells, read_chapters
from book.tools.notebooks.to_markdown import Book, Renderer

_INLINE = re.compile(r"(?<![}`])`([^`\n]+)`(?!`)")
_FENCED = re.compile(r"(?ms)^```python\n(.*?)^```")


@dataclass
class Exercise:
    """One exercise, in plain Markdown.

    Attributes:
        about: its metadata in the chapter.
        statement: its text, with title and number.
        solution: ("markdown" or "code", text, outputs) for each cell of its solution;
            the code ends with `answer` where there is one, and seals nothing.
        sealing: the code of its solution as it stands in the chapter.
        cited: the works that the statement cites, and those of the solution.
    """

    about: dict
    statement: str = ""
    solution: list[tuple[str, str, list]] = field(default_factory=list)
    sealing: str = ""
    cited: tuple[list[str], list[str]] = ((), ())

    @property
    def id(self) -> str:
        return self.about["id"]

    @property
    def kind(self) -> str:
        return self.about["kind"]

    @property
    def code(self) -> str:
        cells = [text for kind, text, _ in self.solution if kind == "code"]
        return "\n\n\n".join(cells)

    @property
    def prose(self) -> str:
        cells = [text for kind, text, _ in self.solution if kind == "markdown"]
        return "\n\n".join(cells)


@dataclass
class Coursework:
    """A chapter's exercises, and the code of its cells that they stand on.

    Attributes:
        text: of a project, all that stands above its exercise, which says what to hand
            in and how it is marked: (kind, text, id) of each cell.
        cited: the works cited there.
    """

    number: int
    name: str
    title: str
    basis: list[str]
    exercises: list[Exercise]
    bibliography: Bibliography
    text: list[tuple[str, str, str]] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)

    def references(self, cited: list[str]) -> str:
        return self.bibliography.listing(list(dict.fromkeys(cited)))


def read(nb, name: str, settings: Settings, targets: dict) -> Coursework:
    """The coursework of a chapter.

    Args:
        nb: the chapter, as read by nbformat.
        name: its file's name without `.ipynb`, which begins with its number.
        targets: what labels of all chapters point to (see `colab.scan`).

    Raises:
        ValueError: for markup that has no plain form, or a reference to nothing.
    """
    number = number_of(name)
    bibliography = Bibliography(settings.bibliography)
    book = Book(targets, bibliography, settings.site)
    exercises, code, texts, text, works = [], [], "", [], []
    for cell, new, in_solution in plain_cells(nb, Renderer(number, book)):
        about = cell.metadata.get("ntkbook", {}).get("exercise")
        cited, book.cited = book.cited, []
        if about:
            # The book's check knows the book's numbers only.
            statement = re.sub(r" · check with `[^`]*`", "", new[0].source)
            exercises.append(Exercise(dict(about), statement, cited=(cited, [])))
            texts += cell.source + "\n"
        elif in_solution and new and not re.search(r"\{solution-", cell.source):
            exercises[-1].cited[1].extend(cited)
            _solve(exercises[-1], cell, new[0].source)
        elif not exercises:
            code += [cell] if cell.cell_type == "code" else []
            if is_project(name):
                text += [(one.cell_type, one.source, one.id) for one in new]
                works += cited
    wanted = _mentioned(texts)
    for exercise in exercises:
        names = names_of(exercise.sealing)
        wanted |= names.loads | names.late
    basis = needed([cell.source for cell in code], wanted)
    title = re.search(r"(?m)^# (.+)$", nb.cells[0].source)[1]
    return Coursework(
        number=number,
        name=name,
        title=title,
        basis=[text for _, text in basis],
        exercises=exercises,
        bibliography=bibliography,
        text=text,
        cited=works,
    )


def _solve(exercise: Exercise, cell, plain: str) -> None:
    if cell.cell_type == "code":
        exercise.sealing += f"{cell.source}\n\n\n"
        shown = [o for o in cell.outputs if not _is_key(o)]
        exercise.solution.append(("code", without_key(cell.source), shown))
    else:
        exercise.solution.append(("markdown", plain, []))


def _is_key(output) -> bool:
    return any("ntkbook.key" in mime for mime in output.get("data", {}))


def without_key(source: str) -> str:
    """The code without the call that seals its answer, which it leaves in `answer`."""
    lines = source.split("\n")
    for node in reversed(ast.parse(source).body):
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            continue
        if ast.unparse(node.value.func).split(".")[-1] != "key":
            continue
        answer = ast.unparse(node.value.args[1])
        instead = [] if answer == "answer" else [f"answer = {answer}"]
        lines[node.lineno - 1 : node.end_lineno] = instead
    return "\n".join(lines).strip("\n")


def _mentioned(text: str) -> set[str]:
    """The names that exercises' texts mention in code, to be there for the reader."""
    snippets = _FENCED.findall(text)
    snippets += _INLINE.findall(_FENCED.sub("", text))
    return set().union(*map(loaded, snippets))


def read_all(
    notebooks: Path, settings: Settings, chapters: list[str] | None = None
) -> dict[str, tuple[object, dict]]:
    """The chapters of a folder, by name, each with what all labels point to.

    Args:
        chapters: take only these, such as ["02", "05"]; all by default.

    Raises:
        ValueError: if there is no such chapter.
    """
    found, targets = read_chapters(notebooks)
    found = {path.stem: nb for path, nb in found.items() if number_of(path.name)}
    numbers = {name[:2] for name in found}
    if missing := sorted(set(chapters or []) - numbers):
        raise ValueError(
            f"there is no chapter {', '.join(missing)}; these are: "
            + ", ".join(sorted(numbers))
        )
    chosen = chapters or numbers
    return {name: (nb, targets) for name, nb in found.items() if name[:2] in chosen}
