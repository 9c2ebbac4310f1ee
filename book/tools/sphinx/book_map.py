"""The map of the book, `{book-map}`: which chapter leans on which; `{chapter-list}`.

Drawn from what `course.toml` says that each chapter and project needs; a test asks each
of them to refer to all that it needs. Below a certain width the list alone is shown.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes

from book.tools.course import syllabus
from book.tools.files import chapters, number_of
from book.tools.sphinx.parsed import Parsed

WIDE, HIGH, ACROSS, DOWN = 168, 58, 30, 46  # a box, and the room between boxes


def read(source: Path) -> dict[str, dict]:
    """Each chapter and project by its number: file, title, needs and level."""
    plan = syllabus.plan(Path(source, "book", "course.toml"))
    all_of_them = syllabus.exercises(Path(source, "notebooks"))
    found: dict[str, dict] = {}
    for kind in ("chapter", "project"):
        for entry in plan[kind]:
            number, needs = entry["name"], entry["needs"]
            title = all_of_them[number]["title"].removeprefix("Project: ").capitalize()
            if kind == "chapter":
                title = title.partition(":")[0]
            level = 1 + max((found[n]["level"] for n in needs), default=-1)
            about = dict(name=all_of_them[number]["name"], title=title, kind=kind)
            found[number] = about | dict(needs=needs, level=level)
    return found


def drawn(parts: dict[str, dict]) -> str:
    """The map as SVG, a row for each level, with a link in each box."""
    rows: dict[int, list[str]] = {}
    for number, part in parts.items():
        rows.setdefault(part["level"], []).append(number)
    widest = max(map(len, rows.values()))
    width = widest * (WIDE + ACROSS)
    at = {}
    for level, row in rows.items():
        left = (width - len(row) * (WIDE + ACROSS) + ACROSS) / 2
        for i, number in enumerate(row):
            at[number] = left + i * (WIDE + ACROSS), level * (HIGH + DOWN) + 1
    height = (max(rows) + 1) * (HIGH + DOWN) - DOWN + 2
    lines = []
    for number, part in parts.items():
        for need in part["needs"]:
            between = range(parts[need]["level"] + 1, part["level"])
            lines.append(_arrow(at[need], at[number], [rows[k] for k in between], at))
    for number, part in parts.items():
        x, y = at[number]
        middle = x + WIDE / 2
        words = [_numbered(number, part), *_two_lines(part["title"])]
        top = y + HIGH / 2 - 8 * len(words) + 13
        text = "".join(
            f'<tspan x="{middle:g}" y="{top + 16 * i:g}">{escape(line)}</tspan>'
            for i, line in enumerate(words)
        )
        lines.append(
            f'<a href="../notebooks/{part["name"]}.html" class="ntk-{part["kind"]}">'
            f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="6"/>'
            f"<text>{text}</text></a>"
        )
    marker = (
        '<defs><marker id="ntk-arrow" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    return (
        f'<svg class="ntk-map" viewBox="0 0 {width:g} {height:g}" role="group" '
        'aria-label="Map of the book: an arrow leads from what is needed to what needs '
        f'it. The list below says the same.">{marker}{"".join(lines)}</svg>'
    )


def _arrow(start: tuple, end: tuple, between: list[list[str]], at: dict) -> str:
    """From a box down to another, through the gaps of the rows between them."""
    x1, y, x2, y2 = start[0] + WIDE / 2, start[1] + HIGH, end[0] + WIDE / 2, end[1]
    x, path, steps = x1, f"M{x1:g} {y:g}", len(between) + 1
    for k, row in enumerate(between):
        gaps = [at[number][0] - ACROSS / 2 for number in row[1:]]
        gaps += [at[row[-1]][0] + WIDE + ACROSS / 2, at[row[0]][0] - ACROSS / 2]
        straight = x1 + (x2 - x1) * (k + 1) / steps
        gap = min((g for g in gaps if g > 0), key=lambda g: abs(g - straight))
        top = at[row[0]][1]
        path += _bent(x, y, gap, top) + f"V{top + HIGH:g}"
        x, y = gap, top + HIGH
    return f'<path d="{path}{_bent(x, y, x2, y2 - 2)}" marker-end="url(#ntk-arrow)"/>'


def _bent(x1, y1, x2, y2) -> str:
    """A curve that begins and ends downwards."""
    middle = (y1 + y2) / 2
    return f"C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}"


def _numbered(number: str, part: dict) -> str:
    return f"{part['kind'].capitalize()} {number_of(number)}"


def _two_lines(title: str) -> list[str]:
    """A title broken where its halves are most alike, if it is too long for a line."""
    if len(title) <= 22:
        return [title]
    spaces = [m.start() for m in re.finditer(" ", title)]
    at = min(spaces, key=lambda i: abs(2 * i - len(title)))
    return [title[:at], title[at + 1 :]]


def listed(parts: dict[str, dict]) -> list[str]:
    """The same as a list in MyST."""
    lines = []
    for number, part in parts.items():
        needs = [
            f"{{doc}}`{number_of(n)} </notebooks/{parts[n]['name']}>`"
            for n in part["needs"]
        ]
        after = f"needs {' and '.join(needs)}" if needs else "needs none of the others"
        link = f"{{doc}}`{_numbered(number, part)} </notebooks/{part['name']}>`"
        lines.append(f"- {link}, *{part['title']}*, {after}.")
    return lines


class BookMap(Parsed):
    """The picture, and the list folded below it."""

    def run(self):
        source = Path(self.env.srcdir)
        self.env.note_dependency(str(source / "book" / "course.toml"))
        parts = read(source)
        picture = nodes.raw("", drawn(parts), format="html")
        text = [
            ":::{dropdown} Which chapter needs which, as a list",
            *listed(parts),
            ":::",
        ]
        box = nodes.container("", *self.parsed(text), classes=["ntk-map-list"])
        return [picture, box]


class ChapterList(Parsed):
    """The chapters in the order of the table of contents, by their own titles."""

    def text(self):
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / "_toc.yml"))
        return [f"1. {{doc}}`/notebooks/{name}`" for name in chapters(root)]


def setup(app):
    app.add_directive("book-map", BookMap)
    app.add_directive("chapter-list", ChapterList)
