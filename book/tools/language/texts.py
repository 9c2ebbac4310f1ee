"""Where the book's sentences are: in pages, notebooks, records, code and scripts.

Code, formulas, quotations, labels and addresses are blanked out, character by
character, so that what is left keeps its place.
"""

import ast
import io
import json
import re
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLANK = "\N{MIDDLE DOT}"
# In this order: a fence may hold anything, and a formula may hold a quotation mark.
CODE = "{code", "{math}"  # directives whose blocks are no prose
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,}|:{3,})[ \t]*(\S*)")
NOT_PROSE = [
    re.compile(r"^[ \t]*>>>.*$", re.M),
    re.compile(r"\$\$.*?\$\$|\$[^$\n]+(?:\n[^$\n]+)?\$", re.S),
    re.compile(r"\{[a-z:]+\}`[^`]*`|``[^`]+``|`[^`\n]+(?:\n[^`\n]+)?`"),
    re.compile(r"^:[\w-]+: .*$|^\([\w:.-]+\)=$|\{(?:solution-\w+|numref)\}.*$", re.M),
    re.compile(r"https?://\S+|\]\([^)\s]*\)|<[a-z/][^>]*>"),
    re.compile(r'"[^"\n]*(?:\n[^"\n]+)?"|“[^”]*”'),
]  # fmt: skip
SCRIPT = re.compile(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|//[^\n]*|/\*.*?\*/', re.S)
SHOWN = ("alt", "caption", "outcome", "why", "unchecked")


@dataclass(frozen=True)
class Text:
    """Some sentences: the file, the cell of a notebook, the line, the words."""

    file: str
    cell: int | None
    line: int
    words: str

    def where(self, offset: int) -> str:
        """The place of a character, as an editor finds it."""
        line = self.line + self.words.count("\n", 0, offset)
        if self.cell is not None:
            return f"{self.file}, cell {self.cell}"
        return f"{self.file}:{line}"


def prose(text: str) -> str:
    """The text with everything blanked out that is no prose of ours."""
    text = without_code(text)
    for pattern in NOT_PROSE:
        text = pattern.sub(lambda m: re.sub(r"[^\n]", BLANK, m[0]), text)
    return text


def without_code(text: str) -> str:
    """The text with its blocks of code blanked out.

    A bare fence ends the innermost open block that it fits; else it begins one of code.
    What stands in a directive's block is prose.
    """
    opened: list[tuple[str, bool]] = []  # the fence, and whether it is code
    lines = []
    for line in text.splitlines(keepends=True):
        fence = FENCE.match(line)
        inside = bool(opened) and opened[-1][1]
        if fence and opened and not fence[2] and fence[1] == opened[-1][0]:
            opened.pop()
        elif fence and not inside:
            prose = fence[2].startswith("{") and not fence[2].startswith(CODE)
            opened.append((fence[1], not prose))
        end = len(line) if inside else fence.end(1) if fence else 0
        lines.append(re.sub(r"[^\n]", BLANK, line[:end]) + line[end:])
    return "".join(lines)


def texts(root: Path) -> Iterator[Text]:
    """Everything that a reader or a user of the library may read."""
    for path in sorted(root.glob("notebooks/*.ipynb")):
        yield from notebook(path)
    pages = [root / "README.md", *sorted((root / "book").rglob("*.md"))]
    for path in pages:
        name = str(path.relative_to(root))
        yield Text(name, None, 1, prose(path.read_text(encoding="utf-8")))
    for folder in "ntkbook", "book/tools", "notebooks/runs", "benchmarks":
        for path in sorted((root / folder).rglob("*.py")):
            name = str(path.relative_to(root))
            if "language" not in path.parts:  # there the habits are named
                yield from code(path.read_text(encoding="utf-8"), name)
    for path in sorted((root / "ntkbook").rglob("*.js")):
        yield from script(path.read_text(encoding="utf-8"), str(path.relative_to(root)))
    records = [*sorted((root / "ntkbook/page/claims").glob("*.toml"))]
    for path in [*records, root / "book/notation.toml", root / "book/course.toml"]:
        yield from record(path.read_text(encoding="utf-8"), str(path.relative_to(root)))


def notebook(path: Path) -> Iterator[Text]:
    """Its Markdown, what its metadata show, and its code's strings and comments."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield Text(path.name, number, 1, prose(source))
        else:
            yield from code(source, path.name, number)
        for words in shown(cell["metadata"]):
            yield Text(path.name, number, 1, prose(words))


def shown(metadata: dict) -> Iterator[str]:
    """The sentences in a cell's metadata: captions, alternative texts, reasons."""
    for key, value in metadata.items():
        if isinstance(value, dict):
            yield from shown(value)
        elif key in SHOWN and isinstance(value, str):
            yield value


def code(source: str, file: str, cell: int | None = None) -> Iterator[Text]:
    """The strings and the comments of Python code; of an f-string what is fixed."""
    waiting = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        words, more = "", list(ast.iter_child_nodes(node))
        if isinstance(node, ast.JoinedStr):
            fixed = [v.value if isinstance(v, ast.Constant) else BLANK for v in more]
            words, more = "".join(fixed), [v for v in more if not _is_text(v)]
        elif isinstance(node, ast.Dict):  # its keys are names
            more = [v for v in more if v not in node.keys or not _is_text(v)]
        elif isinstance(node, ast.Subscript):
            more = [node.value] if _is_text(node.slice) else more
        elif _is_text(node):
            words = node.value
        if words:
            yield Text(file, cell, node.lineno, prose(words))
        waiting += more
    yield from comments(source, file, cell)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def comments(source: str, file: str, cell: int | None) -> Iterator[Text]:
    """Comments; those on lines that follow one another are one text."""
    first, lines = 0, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != first + len(lines):
                yield Text(file, cell, first, prose("\n".join(lines)))
                lines = []
            first = first if lines else token.start[0]
            lines.append(token.string.lstrip("#: "))
    if lines:
        yield Text(file, cell, first, prose("\n".join(lines)))


def script(source: str, file: str) -> Iterator[Text]:
    """The strings and the comments of JavaScript."""
    for match in SCRIPT.finditer(source):
        words = re.sub(r"\$\{[^}]*\}", BLANK, match[0])
        yield Text(file, None, 1 + source.count("\n", 0, match.start()), words)


def record(source: str, file: str) -> Iterator[Text]:
    """The strings of a TOML file, whatever they are called."""
    waiting = [tomllib.loads(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            head = json.dumps(node, ensure_ascii=False)[1:40]
            line = 1 + source.count("\n", 0, max(source.find(head), 0))
            yield Text(file, None, line, prose(node))
        elif isinstance(node, dict | list):
            waiting += node.values() if isinstance(node, dict) else node
