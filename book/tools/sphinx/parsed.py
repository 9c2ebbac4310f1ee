"""What the directives of the book's pages share: MyST that they write, and read."""

from collections.abc import Iterable

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


def list_table(title: str, rows: Iterable, **options: str) -> list[str]:
    """A table in MyST; the first of its rows is the head.

    >>> list_table("Squares", [["n", "n²"], [3, 9]], widths="1 1")[-5:-1]
    ['* - n', '  - n²', '* - 3', '  - 9']
    """
    lines = [f":::{{list-table}} {title}".strip(), ":header-rows: 1"]
    lines += [*(f":{name}: {value}" for name, value in options.items()), ""]
    for row in rows:
        lines += [f"{'  ' if i else '* '}- {cell}" for i, cell in enumerate(row)]
    return [*lines, ":::"]


class Parsed(SphinxDirective):
    """A directive in whose place stands what it says in MyST, or HTML."""

    def text(self) -> Iterable[str]:
        """The lines in MyST."""
        raise NotImplementedError

    def run(self):
        try:
            return self.parsed(self.text())
        except (ValueError, KeyError, IndexError) as problem:
            raise self.error(f"{self.name}: {problem}") from problem

    def parsed(self, lines: Iterable[str]) -> list[nodes.Node]:
        box = nodes.container()
        self.state.nested_parse(StringList(list(lines), self.name), 0, box)
        return box.children
