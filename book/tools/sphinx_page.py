"""The book's own Sphinx extension: what Jupyter Book does not do for its pages.

* a line at the head of each chapter that says how to run it, and one in each exercise
  that says its kind, time and difficulty;
* the `{claims-table}` directive, which is most of the page *Claims*, and for other
  pages the role `{measured}`, a claim's measured value, and `{claims-counted}`;
* the `{train-in-browser}` directive, which is most of the first page;
* HTML that screen readers can read where its parts leave faults;
* no thebe: it would load scripts from another host, for a server that nobody runs.
"""

import re
from collections import Counter
from functools import cache
from html import escape
from importlib import metadata
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.statemachine import StringList
from myst import with_note
from sphinx.util.docutils import SphinxDirective, SphinxRole

from ntkbook.page.claims import collect, problems, shown
from ntkbook.page.records import VERDICTS, records
from ntkbook.page.train import train_in_browser

CHAPTERS = "notebooks/"
COLAB = "https://colab.research.google.com/"
SIGN = {"=": "", "<=": "≤ ", ">=": "≥ "}
HEAD = """
:::{{list-table}} What {{cite:t}}`{source}` says
:name: claims-{source}
:header-rows: 1
:widths: 46 16 16 22
:class: ntk-claims

* - Claim
  - Reported
  - Measured
  - Verdict
"""


def chapter_line(app, doctree):
    """Put under a chapter's title where to run it."""
    name = app.env.docname
    if not name.startswith(CHAPTERS):
        return
    name = name.removeprefix(CHAPTERS)
    options = app.config.html_theme_options
    repository = options.get("repository_url", "").removeprefix("https://github.com/")
    if repository:  # the workflow `publish` puts the built book on this branch
        notebook = f"{COLAB}github/{repository}/blob/gh-pages/colab/{name}.ipynb"
        first = f'<a class="ntk-colab" href="{escape(notebook)}">Open in Colab</a>'
    else:
        wheel = f"ntkbook-{metadata.version('ntkbook')}-py3-none-any.whl"
        first = (
            f'<a class="ntk-colab" href="../colab/{name}.ipynb" download>Notebook for '
            f'Colab</a> In <a href="{COLAB}">Google Colab</a>, choose <em>File</em>, '
            "<em>Upload notebook</em>; the first cell asks for the library, "
            f'<a href="../colab/{wheel}" download>{wheel}</a>.'
        )
    rest = ' On your own computer: <a href="../book/how_to_run.html">how to run</a>.'
    line = nodes.raw("", f'<p class="ntk-run">{first}{rest}</p>', format="html")
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


def exercise_notes(app, docname, source):
    """Say in each exercise what its metadata says: kind, time, difficulty."""
    if docname.startswith(CHAPTERS):
        notebook = nbformat.reads(source[0], as_version=4)
        for cell in notebook.cells:
            cell.source = with_note(cell)
        source[0] = nbformat.writes(notebook)


@cache
def measured(srcdir):
    """The cells that measure claims, by the claim, once they are known to be sound."""
    cells = collect(sorted(Path(srcdir, CHAPTERS).glob("*.ipynb")))
    if wrong := problems(records(), cells):
        raise ValueError("; ".join(wrong))
    return {cell.row["id"]: cell for cell in cells}


def link(cell, interval=True):
    """The value that a cell measured, as a link to the cell."""
    value = cell.row["measured"]
    if interval and cell.row["interval"]:
        value += " [{}, {}]".format(*cell.row["interval"])
    anchor = f"../notebooks/{cell.notebook.stem}.html#claim-{cell.row['id']}"
    return f'<a href="{escape(anchor)}">{escape(value)}</a>'


def counted():
    """How many claims came out how, in a sentence."""
    counts = Counter(record.verdict for record in records().values())
    outcome = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
    return f"Of {counts.total()} claims: {outcome}."


class MeasuredValue(SphinxRole):
    """`{measured}`ch3-change-10``: what that claim's cell measured."""

    def run(self):
        cell = measured(self.env.srcdir).get(self.text)
        if cell is None:
            message = f"no cell measures the claim {self.text!r}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        return [nodes.raw("", link(cell, interval=False), format="html")], []


class ClaimsCounted(SphinxDirective):
    """The sentence that counts verdicts."""

    def run(self):
        return [nodes.paragraph("", counted())]


class TrainInBrowser(SphinxDirective):
    """The network that trains in the page, with the directive's text as caption."""

    has_content = True

    def run(self):
        piece = train_in_browser(*(["\n".join(self.content)] if self.content else []))
        return [nodes.raw("", piece._repr_html_(), format="html")]


class ClaimsTable(SphinxDirective):
    """Every claim with what we measured: a count of verdicts, and a table a source."""

    def run(self):
        try:
            cells = measured(self.env.srcdir)
        except ValueError as wrong:
            raise self.error(str(wrong)) from wrong
        text = [counted()]
        for source in dict.fromkeys(record.source for record in records().values()):
            text += HEAD.format(source=source).splitlines()
            for record in records().values():
                if record.source == source:
                    text += self.row(record, cells.get(record.id))
            text.append(":::")
        parent = nodes.container()
        self.state.nested_parse(StringList(text, "claims-table"), 0, parent)
        return parent.children

    def row(self, record, cell):
        reported = SIGN[record.relation] + shown(record.reported)
        if record.corrected is not None:
            reported += f"; corrected: {SIGN[record.relation]}{shown(record.corrected)}"
        value, verdict = "not measured", f"{VERDICTS[record.verdict]} {record.verdict}"
        if cell:
            value = link(cell)
        claim = f"{record.statement}<br><small>{escape(record.place)}</small>"
        return [f"* - {claim}", f"  - {reported}", f"  - {value}", f"  - {verdict}"]


def mend_html(app, pagename, templatename, context, doctree):
    """Mend what docutils, sphinx-proof and sphinx-exercise write on every page."""
    body = context.get("body", "")
    # A bibliography is called a list, of things that may not stand in a list.
    body = body.replace('role="list" class="citation-list"', 'class="citation-list"')
    # Each proof and each solution has the same id, to which nothing leads.
    body = re.sub(r' id="(proof|(proof|exercise|solution)-content)"', "", body)
    context["body"] = body


def drop_thebe(app):
    """Jupyter Book loads sphinx-thebe always; undo what that connected."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)
    app.registry.css_files[:] = [
        (name, options)
        for name, options in app.registry.css_files
        if name != "sphinx-thebe.css"
    ]


def setup(app):
    drop_thebe(app)
    app.connect("source-read", exercise_notes)
    app.connect("doctree-read", chapter_line)
    app.connect("html-page-context", mend_html)
    app.add_directive("claims-table", ClaimsTable)
    app.add_directive("claims-counted", ClaimsCounted)
    app.add_directive("train-in-browser", TrainInBrowser)
    app.add_role("measured", MeasuredValue())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
