"""What the search finds beyond words: symbols, theorems, exercises and sections' names.

    {notation}    the tables of symbols, from notation.toml

Sphinx's search lists first the objects that a domain offers. This domain offers each
symbol of the page Notation under its letter and its name (Θ, Theta), and each theorem,
definition and exercise under its number and its title.
"""

import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.domains import Domain, ObjType

from book.tools.sphinx.parsed import Parsed, list_table


def sections(source: Path) -> list[dict]:
    """The sections of `notation.toml`, each with its symbols."""
    text = Path(source, "book", "notation.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["section"]


class Notation(Parsed):
    """All symbols, a table for each section."""

    def run(self):
        file = Path(self.env.srcdir, "book", "notation.toml")
        self.env.note_dependency(str(file))
        found = []
        for section in sections(self.env.srcdir):
            part = nodes.section(ids=[nodes.make_id(section["title"])])
            part += nodes.title(text=section["title"])
            lines = [["Symbol", "Meaning", "In the code"]]
            for symbol in section["symbol"]:
                lines.append([f"${symbol['tex']}$", symbol["meaning"], symbol["code"]])
            options = {"widths": "18 46 36", "class": "ntk-notation"}
            (table,) = self.parsed(list_table("", lines, **options))
            rows = list(table.findall(nodes.row))[1:]
            for row, symbol in zip(rows, section["symbol"], strict=True):
                anchor = f"symbol-{len(self.env.domaindata['ntk']['symbols']) + 1}"
                row["ids"].append(anchor)
                self.env.domaindata["ntk"]["symbols"].append(
                    (_plain(symbol), self.env.docname, anchor)
                )
            part += table
            found.append(part)
        return found


def _plain(symbol: dict) -> str:
    """A symbol as the search shows it: "Θ(x, x′) (Theta): tangent kernel"."""
    if re.search("[a-z]{5}", re.sub(r"\(.*?\)", "", symbol["say"])):  # it says it all
        return symbol["say"]
    meaning = re.split(r"[,;:.$]", symbol["meaning"])[0].strip(" (")
    meaning = re.sub(r" (of|at|along|the)$", "", meaning)
    return f"{symbol['say']}: {meaning}".strip(": ")


class ReferenceDomain(Domain):
    """What can be searched for by name: it has no roles, only objects."""

    name, label = "ntk", "Reference"
    object_types = {
        "symbol": ObjType("Symbol"),
        "statement": ObjType("Statement"),
    }
    initial_data = {"symbols": [], "statements": []}

    def get_type_name(self, type, primary=False):
        return type.lname  # without the domain's name

    def clear_doc(self, docname):
        for name, found in self.data.items():
            if name in self.initial_data:
                found[:] = [entry for entry in found if entry[1] != docname]

    def merge_domaindata(self, docnames, other):
        for name in self.initial_data:
            self.data[name] += [one for one in other[name] if one[1] in docnames]

    def get_objects(self):
        for name, page, anchor in self.data["symbols"]:
            yield name, name, "symbol", page, anchor, 0
        for (kind, counter, title), page, anchor in self.data["statements"]:
            numbers = self.env.toc_fignumbers.get(page, {}).get(counter, {})
            if number := numbers.get(anchor):
                name = f"{kind.capitalize()} {'.'.join(map(str, number))} {title}"
                yield name, name, "statement", page, anchor, 0


def note_statements(app, doctree):
    """Remember a page's numbered theorems and exercises, with their titles."""
    for node in doctree.findall(nodes.Element):
        kind = node.get("realtype") or (node.get("label") and node.get("type"))
        if kind and node["ids"]:
            title = next(iter(node.findall(nodes.title)), nodes.title()).astext()
            if title.startswith("Exercise"):  # a place holder for its number
                title = f"({title.removeprefix('Exercise').strip(' ()')})"
            entry = (kind, node.get("countertype", kind), title.strip())
            found = app.env.domaindata["ntk"]["statements"]
            found.append((entry, app.env.docname, node["ids"][0]))


def setup(app):
    app.add_domain(ReferenceDomain)
    app.add_directive("notation", Notation)
    app.connect("doctree-read", note_statements)
