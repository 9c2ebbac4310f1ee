"""The book's own Sphinx extension: what Jupyter Book does not do for its pages.

* a line at the head of each chapter that says how to run it, and one in each exercise
  that says its kind, time and difficulty;
* the `{claims-table}` directive, which is most of the page *Claims*, and the tables of
  the page for instructors, `{course-syllabus}` and `{course-exercises}`;
* books without solutions (`make book SOLUTIONS=no`);
* HTML that screen readers can read where its parts leave faults;
* no thebe: it would load scripts from another host, for a server that nobody runs.
"""

import os
import re
from collections import Counter
from html import escape
from importlib import metadata
from pathlib import Path

import nbformat
import syllabus
from docutils import nodes
from docutils.statemachine import StringList
from myst import in_solutions, with_note
from sphinx.util.docutils import SphinxDirective

from ntkbook.page.claims import collect, problems, shown
from ntkbook.page.records import VERDICTS, records

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
        if os.environ.get("NTKBOOK_SOLUTIONS") == "no":  # set by build.py
            every = in_solutions(notebook.cells)
            notebook.cells = [cell for cell, solution in every if not solution]
        source[0] = nbformat.writes(notebook)


class ClaimsTable(SphinxDirective):
    """Every claim with what we measured: a count of verdicts, and a table a source."""

    def run(self):
        notebooks = sorted(Path(self.env.srcdir, CHAPTERS).glob("*.ipynb"))
        cells = collect(notebooks)
        if wrong := problems(records(), cells):
            raise self.error("; ".join(wrong))
        measured = {cell.row["id"]: cell for cell in cells}
        counts = Counter(record.verdict for record in records().values())
        outcome = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
        text = [f"Of {counts.total()} claims: {outcome}."]
        for source in dict.fromkeys(record.source for record in records().values()):
            text += HEAD.format(source=source).splitlines()
            for record in records().values():
                if record.source == source:
                    text += self.row(record, measured.get(record.id))
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
            value = cell.row["measured"]
            if cell.row["interval"]:
                value += " [{}, {}]".format(*cell.row["interval"])
            anchor = f"../notebooks/{cell.notebook.stem}.html#claim-{record.id}"
            value = f'<a href="{escape(anchor)}">{escape(value)}</a>'
        claim = f"{record.statement}<br><small>{escape(record.place)}</small>"
        return [f"* - {claim}", f"  - {reported}", f"  - {value}", f"  - {verdict}"]


class CourseTable(SphinxDirective):
    """The weeks of a course (`{course-syllabus} 6`), or all exercises."""

    optional_arguments = 1

    def run(self):
        source = Path(self.env.srcdir)
        chapters = syllabus.exercises(source / CHAPTERS)
        for chapter in chapters.values():
            self.env.note_dependency(
                str(source / CHAPTERS / f"{chapter['name']}.ipynb")
            )
        try:
            if self.name == "course-exercises":
                text = syllabus.exercises_table(chapters)
            else:
                plan = syllabus.plan(source / "book" / "course.toml")
                length = int(self.arguments[0])
                text = syllabus.syllabus_table(plan, chapters, length)
        except (ValueError, KeyError, IndexError) as problem:
            raise self.error(f"{self.name}: {problem}") from problem
        parent = nodes.container()
        lines = StringList(text.splitlines(), self.name)
        self.state.nested_parse(lines, 0, parent)
        return parent.children


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
    app.add_directive("course-exercises", CourseTable)
    app.add_directive("course-syllabus", CourseTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
