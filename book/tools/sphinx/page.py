"""The book's own Sphinx extension: what Jupyter Book does not do for its pages.

* a line at the head of each chapter that says how to run it, and one in each exercise
  that says its kind, time and difficulty;
* books without solutions (`make book SOLUTIONS=no`);
* projects called P1, P2, ...;
* HTML that screen readers can read where its parts leave faults;
* no thebe: it would load scripts from another host, for a server that nobody runs.
"""

import os
import re
from html import escape

import nbformat
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book.tools.course.syllabus import reading_minutes
from book.tools.files import is_project, number_of
from book.tools.notebooks.myst import in_solutions, with_note
from book.tools.sphinx.pages import playground
from ntkbook.page.browser import train_in_browser

CHAPTERS = "notebooks/"
COLAB = "https://colab.research.google.com/"
CODE_LINK = re.compile(r'(?<=py-....)( [^>]*><span class="pre">ntkbook\.\w+)([\w.]+)')


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
        first = (
            f'<a class="ntk-colab" href="../colab/{name}.ipynb" download>Notebook for '
            f'Colab</a> In <a href="{COLAB}">Google Colab</a>, choose <em>File</em>, '
            "<em>Upload notebook</em>; it brings the library along."
        )
    rest = ' On your own computer: <a href="../book/how_to_run.html">how to run</a>.'
    if not is_project(name):
        minutes = app.env.temp_data["reading"]
        rest += f" Reading takes about {minutes} minutes."
    rest += f" Without running anything, {playground.link(number_of(name))}."
    line = nodes.raw("", f'<p class="ntk-run">{first}{rest}</p>', format="html")
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


def read_notebook(app, docname, source):
    """Note how long a chapter takes to read, as `chapter_line` says, and say in each
    exercise what its metadata says: kind, time, difficulty."""
    if docname.startswith(CHAPTERS):
        notebook = nbformat.reads(source[0], as_version=4)
        app.env.temp_data["reading"] = reading_minutes(notebook.cells)
        for cell in notebook.cells:
            cell.source = with_note(cell)
        if os.environ.get("NTKBOOK_SOLUTIONS") == "no":  # set by build.py
            every = in_solutions(notebook.cells)
            notebook.cells = [cell for cell, solution in every if not solution]
        source[0] = nbformat.writes(notebook)


def mend_html(app, pagename, templatename, context, doctree):
    """Mend what docutils, sphinx-proof and sphinx-exercise write on every page."""
    body = context.get("body", "")
    # A bibliography is called a list, of things that may not stand in a list, and its
    # entries have a role that is no longer given to them.
    body = body.replace('role="list" class="citation-list"', 'class="citation-list"')
    body = body.replace(' role="doc-biblioentry"', "")
    # Each proof and each solution has the same id, to which nothing leads.
    body = re.sub(r' id="(proof|(proof|exercise|solution)-content)"', "", body)
    # The long name of a function breaks after a point, if it has to.
    body = CODE_LINK.sub(lambda name: name[1] + name[2].replace(".", ".<wbr>"), body)
    context["body"] = body
    # On paper the theme puts the page's title first, and forgets its number.
    number = app.env.toc_secnumbers.get(pagename, {}).get("")
    if number and "pagetitle" in context:
        said = ".".join(map(str, number)) + app.config.html_secnumber_suffix
        context["pagetitle"] = said + context["pagetitle"]


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


class TrainInBrowser(SphinxDirective):
    """The network that trains on the first page, with the text as its caption."""

    has_content = True

    def run(self):
        piece = train_in_browser(*(["\n".join(self.content)] if self.content else []))
        return [nodes.raw("", piece._repr_html_(), format="html")]


def number_projects(app, env):
    """Call the projects P1, P2, ... where Sphinx goes on counting chapters.

    A number is a tuple, (8, 2) for Figure 8.2, which is joined by points where it is
    printed: its first part is replaced, in every place where Sphinx keeps one.
    """
    for name, sections in env.toc_secnumbers.items():
        if not is_project(name.removeprefix(CHAPTERS)):
            continue
        new = number_of(name.removeprefix(CHAPTERS))
        for numbers in (sections, *env.toc_fignumbers.get(name, {}).values()):
            for anchor, number in numbers.items():
                numbers[anchor] = (new, *number[1:]) if number else number
        for tree in (env.tocs[name], env.titles[name]):
            for node in tree.findall():
                if isinstance(node, nodes.Element) and node.get("secnumber"):
                    node["secnumber"] = [new, *node["secnumber"][1:]]
    return []


def setup(app):
    # After Sphinx's own, which gives out the numbers.
    app.connect("env-get-updated", number_projects, priority=900)
    app.add_directive("train-in-browser", TrainInBrowser)
    drop_thebe(app)
    app.connect("source-read", read_notebook)
    app.connect("doctree-read", chapter_line)
    app.connect("html-page-context", mend_html, priority=550)  # after the theme's own
