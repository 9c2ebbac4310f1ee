"""The few parts of MyST that the chapters use, and the numbers that the book prints.

Numbers follow Sphinx: one counter per chapter for each kind of thing (theorems,
definitions, exercises, figures), and only labelled equations are numbered.
"""

import copy
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

# fmt: off
PRF = {
    "algorithm", "assumption", "axiom", "conjecture", "corollary", "criterion",
    "definition", "example", "lemma", "notation", "observation", "property",
    "proposition", "remark", "theorem",
}
# fmt: on

CODE = re.compile(r"^\s*(`{3,}|~{3,})")
EQUATION = re.compile(r"\$\$(.*?)\$\$(?:[ \t]*\(([\w:.-]+)\))?", re.DOTALL)
LABEL = re.compile(r"^\(([^)\s]+)\)=\s*$")
_END = re.compile(r"^[`:]{3,}[ \t]*\{solution-end\}.*\n[`:]{3,}[ \t]*$", re.M)
_OPEN = re.compile(r"^\s*(`{3,}|:{3,})\s*\{([\w:.-]+)\}[ \t]*(.*)$")
_OPTION = re.compile(r"^:([\w-]+):\s*(.*)$")


@dataclass
class Directive:
    """A fenced directive, such as a theorem, with the lines inside it."""

    name: str
    argument: str
    options: dict[str, str]
    body: str


@dataclass
class Target:
    """What a label points to: `Theorem 1.2`, and its title where it has one."""

    kind: str
    number: str
    title: str = ""

    @property
    def text(self) -> str:
        return f"{self.kind} {self.number}".strip()


def blocks(text: str) -> Iterator[str | Directive]:
    """The text cut into directives and the plain text (with code) between them."""
    lines = text.split("\n")
    plain: list[str] = []
    i = 0
    while i < len(lines):
        opening = _OPEN.match(lines[i])
        code = CODE.match(lines[i])
        if not opening and not code:
            plain.append(lines[i])
            i += 1
            continue
        end = _closing(lines, i, (opening or code)[1])
        if opening:
            yield "\n".join(plain)
            plain = []
            yield _directive(opening[2], opening[3].strip(), lines[i + 1 : end])
        else:
            plain += lines[i : end + 1]
        i = end + 1
    yield "\n".join(plain)


def _closing(lines: list[str], start: int, fence: str) -> int:
    for i in range(start + 1, len(lines)):
        line = lines[i].strip()
        if line and set(line) == {fence[0]} and len(line) >= len(fence):
            return i
    raise ValueError(f"the block {lines[start].strip()!r} is never closed")


def _directive(name: str, argument: str, lines: list[str]) -> Directive:
    options = {}
    while lines and (option := _OPTION.match(lines[0])):
        options[option[1]] = option[2].strip()
        lines = lines[1:]
    return Directive(name, argument, options, "\n".join(lines).strip("\n"))


def with_note(cell) -> str:
    """A cell's text; in an exercise, after a line on its kind, time and difficulty."""
    exercise = cell["metadata"].get("ntkbook", {}).get("exercise")
    if not exercise:
        return cell["source"]
    note = (
        f"*{exercise['kind'].capitalize()} · about {exercise['minutes']} minutes · "
        f"difficulty {exercise['difficulty']} of 3*"
    )
    if exercise["kind"] == "compute":
        note += f' · check with `ntkbook.page.check("{exercise["id"]}", answer)`'
    head = re.compile(r"\{exercise\}.*\n(?::[\w-]+:.*\n)*")
    return head.sub(lambda match: f"{match[0]}\n{note}\n\n", cell["source"], count=1)


def in_solutions(cells: list) -> Iterator[tuple[object, bool]]:
    """Each cell, and whether it belongs to a solution.

    A cell in which a solution ends is cut there: what an author has written below the
    end is the chapter's again.
    """
    solution = False
    for cell in cells:
        if cell["cell_type"] != "markdown":
            yield cell, solution
            continue
        solution = solution or "{solution-start}" in cell["source"]
        end = _END.search(cell["source"])
        if not end:
            yield cell, solution
            continue
        first, below = copy.deepcopy(cell), copy.deepcopy(cell)
        first["source"] = cell["source"][: end.end()]
        below["source"] = cell["source"][end.end() :].strip()
        below["id"] = f"{cell['id']}-below"
        yield first, True
        solution = False
        if below["source"]:
            yield below, False


class Chapter:
    """The numbers of one chapter, given out in order as its cells go by.

    Args:
        number: what the book calls it, such as `3` or `P1`; or nothing.
    """

    def __init__(self, number: str):
        self.number = number
        self.counts: Counter = Counter()

    def next(self, kind: str, title: str = "") -> Target:
        self.counts[kind] += 1
        number = f"{self.number}.{self.counts[kind]}".lstrip(".")
        return Target(kind, number, title)

    def scan(self, text: str, targets: dict[str, Target]) -> None:
        """Number what stands in a Markdown cell, and note what its labels point to."""
        for block in blocks(text):
            if isinstance(block, str):
                self._scan_plain(block, targets)
            else:
                self._scan_directive(block, targets)

    def figure(self, caption: str, label: str | None, targets: dict) -> Target:
        """Number the figure of a code cell."""
        target = self.next("Figure", caption)
        if label:
            targets[label] = target
        return target

    def _scan_plain(self, text: str, targets: dict) -> None:
        for _, label in EQUATION.findall(_without_code(text)):
            if label:
                targets[label] = self.next("Equation")
        pending = []
        for line in _without_code(text).split("\n"):
            if label := LABEL.match(line):
                pending.append(label[1])
            elif line.startswith("#"):
                marks, _, title = line.partition(" ")
                section = Target("Section", "", title.strip())
                if marks == "##":
                    section = self.next("Section", title.strip())
                targets.update(dict.fromkeys(pending, section))
                pending = []
            elif line.strip():
                targets.update(dict.fromkeys(pending, Target("", "")))
                pending = []

    def _scan_directive(self, block: Directive, targets: dict) -> None:
        kind = kind_of(block)
        if kind:
            target = self.next(kind, block.argument)
            label = block.options.get("label") or block.options.get("name")
            if label:
                targets[label] = target
        if block.name not in ("math", "code", "code-block"):
            self.scan(block.body, targets)


def kind_of(block: Directive) -> str | None:
    """What is counted when this directive appears, or None."""
    prefix, _, name = block.name.rpartition(":")
    if "nonumber" in block.options:
        return None
    if prefix == "prf" and name in PRF:
        return name.capitalize()
    if block.name == "math":
        return "Equation" if "label" in block.options else None
    if block.name == "figure":
        return "Figure" if block.body.strip() else None
    return "Exercise" if block.name == "exercise" else None


def _without_code(text: str) -> str:
    return re.sub(r"(?ms)^\s*(`{3,}|~{3,}).*?^\s*\1\s*$", "", text)
