"""Refuse notebooks that are not fit to publish: `python -m book.tools.notebooks.lint`.

Every rule says in one line what is wrong, where, and how to mend it. What the rules
protect: the book is built from the stored outputs, so these must be complete, in order
and free of errors; every figure must be readable without seeing it; every exercise
must have a solution, and every claim a measurement.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from book.tools.course.exercises import variants
from book.tools.course.syllabus import KINDS
from book.tools.files import number_of
from book.tools.notebooks import answers, compare
from ntkbook.page import claims, exercises
from ntkbook.page.claims.records import records

ROOT = Path(__file__).resolve().parents[3]

TAGS = {
    "hide-cell",
    "hide-input",
    "hide-output",
    "nbval-ignore-output",
    "raises-exception",
    "remove-cell",
    "remove-input",
    "remove-output",
    "solution",
}
# Readers follow a visible cell line by line, so it must fit a screen or two; a cell
# whose code is folded or left out of the page may be longer.
LINES = 40
FOLDED = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
INSTALL = re.compile(
    r"^\s*([!%]\s*)?(pip3?|conda|mamba|uv|apt(-get)?)\s+\w*\s*install", re.M
)
ABSOLUTE = re.compile(
    r"""["'](/(?!/)[\w.-]+/[^"'\n]*|[A-Z]:\\[^"'\n]*|~/[^"'\n]*)["']"""
)
WIDGETS = "application/vnd.jupyter.widget"


@dataclass(frozen=True)
class Problem:
    """One reason not to publish: where, what, and what to do about it."""

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}."


def lint(path: Path) -> list[Problem]:
    """What is wrong with one notebook."""
    if not re.match(r"([\dP]\d|[a-z]{3,})_\w+\.ipynb$", path.name):
        why = "has neither a number nor a guide's name"
        return [Problem(path.name, why, "Call it 08_name, P4_name or in_words")]
    notebook = json.loads(path.read_text(encoding="utf-8"))
    problems = list(_title(notebook["cells"]))
    expected = 0
    for number, cell in enumerate(notebook["cells"]):
        found = list(_any_cell(cell))
        if cell["cell_type"] == "code" and "".join(cell["source"]).strip():
            expected += 1
            found += _code(cell, expected)
            found += [p for output in cell["outputs"] for p in _output(cell, output)]
        problems += [(number, *what) for what in found]
    problems += _exercises(notebook["cells"], path)
    if "widgets" in notebook["metadata"]:
        problems.append(
            (0, "holds the state of widgets", "Clear it: run `make execute`")
        )
    return [
        Problem(f"{path.name}, cell {number}", what, mend)
        for number, what, mend in sorted(problems)
    ]


def _title(cells: list[dict]) -> Iterator[tuple[int, str, str]]:
    first = "".join(cells[0]["source"]) if cells else ""
    headings = [h for c in cells if c["cell_type"] == "markdown" for h in _titles(c)]
    if not cells or cells[0]["cell_type"] != "markdown" or len(_titles(cells[0])) != 1:
        yield 0, "the first cell is not a title", "Begin with one heading: `# Title`"
    elif not re.sub(r"(?m)^\([\w:-]+\)=\s*", "", first).lstrip().startswith("# "):
        yield 0, "text stands before the title", "Put the title first"
    if len(headings) > 1:
        yield (
            0,
            f"there are {len(headings)} titles",
            "Keep one `# `; use `## ` below it",
        )


def _titles(cell: dict) -> list[str]:
    text = re.sub(r"(?ms)^(`{3,}|:{3,}).*?^\1", "", "".join(cell["source"]))
    return re.findall(r"(?m)^# .*", text)


def _any_cell(cell: dict) -> Iterator[tuple[str, str]]:
    metadata = cell["metadata"]
    tags = set(metadata.get("tags", []))
    for tag in sorted(tags - TAGS):
        yield f"unknown tag {tag!r}", f"Known tags: {', '.join(sorted(TAGS))}"
    if "nbval-ignore-output" in tags and not metadata.get("ntkbook", {}).get(
        "unchecked"
    ):
        yield (
            "its output is not compared, and nothing says why",
            'Give the reason in its metadata: "ntkbook": {"unchecked": "..."}',
        )
    rule = metadata.get("ntkbook", {}).get("compare")
    if rule is not None and (wrong := compare.complaint(rule)):
        yield f"its rule for comparing {wrong}", "See book/tools/notebooks/compare.py"
    if ABSOLUTE.search("".join(cell["source"])) and cell["cell_type"] == "code":
        yield "an absolute path", "Use a path relative to the notebook"


def _code(cell: dict, expected: int) -> Iterator[tuple[str, str]]:
    source, count = "".join(cell["source"]), cell["execution_count"]
    if count is None:
        yield "was never run", "Run the notebook from the top: `make execute`"
    elif count != expected:
        yield f"was run as number {count}, not {expected}", "Run it all: `make execute`"
    if INSTALL.search(source):
        yield "installs something", "Readers' environments are not ours: take it out"
    lines = len(source.strip("\n").split("\n"))
    if lines > LINES and not FOLDED & set(cell["metadata"].get("tags", [])):
        yield (
            f"shows {lines} lines of code, more than {LINES}",
            "Split it, move code to the library, or tag it `hide-input`",
        )


def _output(cell: dict, output: dict) -> Iterator[tuple[str, str]]:
    expected = "raises-exception" in cell["metadata"].get("tags", [])
    if output["output_type"] == "error" and not expected:
        yield f"ends in {output['ename']}", "Mend it, or tag it raises-exception"
    if output.get("name") == "stderr":
        yield "writes to stderr", "Mend the cause of the warning, then `make execute`"
    data = output.get("data", {})
    if any(mime.startswith(WIDGETS) for mime in data):
        yield "shows a widget, dead in a book", "Use ntkbook.page.explore for a slider"
    if any(mime.startswith("image/") for mime in data):
        figure = cell["metadata"].get("mystnb", {})
        if not figure.get("image", {}).get("alt", "").strip():
            yield "a figure without alt text", "Metadata: mystnb.image.alt"
        if not figure.get("figure", {}).get("caption", "").strip():
            yield "a figure without a caption", "Metadata: mystnb.figure.caption"
    if (record := data.get(exercises.MIME)) and _hints(cell) != [
        len(box["text"]) // 2 for box in record["boxes"][1:]
    ]:
        yield (
            f"a hint of exercise {record['id']} was changed after it had been sealed",
            "Run `make execute`, then `make answers`",
        )


def _hints(cell: dict) -> list[int]:
    """How long the hints in the code are: more than that a seal does not show."""
    calls = [
        node
        for node in ast.walk(ast.parse("".join(cell["source"])))
        if isinstance(node, ast.Call)
    ]
    return [
        len(ast.literal_eval(hint).encode())
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "mistakes"
        for hint in keyword.value.keys
    ]


def _exercises(cells: list[dict], path: Path) -> Iterator[tuple[int, str, str]]:
    """Exercises: complete metadata, numbered in order, each with its solution."""
    chapter, count, open_solution = number_of(path.name), 0, None
    waiting: dict[str, tuple[int, dict]] = {}  # by label, until solved
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            about = cell["metadata"].get("ntkbook", {}).get("exercise")
            directives = re.findall(r"(?m)^[`:]{3,}\{exercise\}", source)
            if directives or about is not None:
                count += 1
                yield from ((number, *p) for p in _about(about, f"{chapter}.{count}"))
                if len(directives) != 1:
                    yield (
                        number,
                        f"holds {len(directives)} exercises",
                        "One exercise directive per cell",
                    )
                label = re.search(r"(?m)^:label:\s*(\S+)", source)
                waiting[label[1] if label else f"cell {number}"] = number, about or {}
                statement, code = source, ""
            if start := re.search(r"\{solution-start\}\s*(\S+)", source):
                open_solution, sealed = start[1], set()
                if open_solution not in waiting:
                    yield (
                        number,
                        f"solves {open_solution}, no exercise above it",
                        "Label",
                    )
            if "{solution-end}" in source and open_solution:
                _, about = waiting.pop(open_solution, (0, {}))
                if about.get("kind") == "compute" and about.get("id") not in sealed:
                    yield (
                        number,
                        f"the solution of {about.get('id')} seals no answer",
                        f'End its code with key("{about.get("id")}", answer, ...)',
                    )
                yield from ((number, *p) for p in _vary(about, statement, code))
                open_solution = None
        elif open_solution:
            code += source + "\n"
            outputs = [o.get("data", {}) for o in cell["outputs"]]
            sealed |= {
                data[exercises.MIME]["id"] for data in outputs if exercises.MIME in data
            }
            if "solution" not in cell["metadata"].get("tags", []):
                yield (
                    number,
                    "stands in a solution without its tag",
                    "Tag it `solution`",
                )
    for number, about in waiting.values():
        yield number, f"exercise {about.get('id')} has no solution", "Add one"


def _about(about: dict | None, id: str) -> Iterator[tuple[str, str]]:
    mend = 'Metadata "ntkbook": {"exercise": {...}}; see book/contributing.md'
    if about is None:
        yield f"exercise {id} has no metadata", mend
        return
    if about.get("id") != id:
        yield f"exercise {id} calls itself {about.get('id')!r}", "Number them in order"
    if about.get("kind") not in KINDS:
        yield f"its kind is {about.get('kind')!r}", f"One of {', '.join(KINDS)}"
    wanted = {"outcome": str, "difficulty": int, "minutes": int}
    if about.get("kind") == "compute":
        wanted["lines"] = int
    for key, sort in wanted.items():
        if not isinstance(about.get(key), sort) or not about[key]:
            yield f"its {key} is missing or no {sort.__name__}", mend
    if isinstance(about.get("difficulty"), int) and not 1 <= about["difficulty"] <= 3:
        yield f"its difficulty is {about['difficulty']}", "1, 2 or 3"


def _vary(about: dict, statement: str, code: str) -> Iterator[tuple[str, str]]:
    """Other numbers: each stands in the text and in the code, and has alternatives."""
    vary = about.get("vary", {})
    if vary and about.get("kind") != "compute":
        yield "only computing exercises have variants", "Take `vary` out"
    for token, others in vary.items():
        if not (isinstance(others, list) and all(isinstance(o, str) for o in others)):
            yield f"vary {token!r} is no list of texts", 'Such as "0.3": ["0.2"]'
            continue
        if not others or token in others or len(set(others)) < len(others):
            yield f"vary {token!r} has no other, or one twice", "List other values"
        for where, text in ("statement", statement), ("solution's code", code):
            if not variants.occurs(token, text):
                yield f"vary {token!r} is not in the {where}", "Write it alike in both"


def lint_all(notebooks: list[Path]) -> list[Problem]:
    """What is wrong with the notebooks, and between them and the package."""
    found = [problem for path in notebooks for problem in lint(path)]
    for text in claims.problems(records(), claims.collect(notebooks)):
        found.append(Problem("claims", text, "Measure each in one cell: page.claim"))
    if answers.is_stale(notebooks):
        found.append(
            Problem(
                "ntkbook/page/exercises/answers.json", "stale", "Run `make answers`"
            )
        )
    return found


def main() -> None:
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if problems := lint_all(notebooks):
        sys.exit("\n".join(map(str, problems)))
    print(f"{len(notebooks)} notebooks are fit to publish.")


if __name__ == "__main__":
    main()
