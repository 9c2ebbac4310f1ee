"""The slides of each chapter, with reveal.js: book/slides/NN.md to slides/NN.html.

A slide is written in MyST, under a heading of its own. What the chapter has shown is
not copied there but taken from its notebook as it stands:

    {shown} fig-1-two-scales    the figure of that name, with its alt text
    {shown} cf7b6173            what the cell of that id shows: a live figure
    {playground} catapult       the playground with this tour, in a frame of its own
    {revealjs-notes}            what to say: press S for the speaker's view

The decks load nothing from elsewhere; formulas come from the book's own MathJax.
"""

import base64
import functools
import re
import shutil
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from book.tools.sphinx.pages import playground

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "book" / "slides"
SETTINGS = {
    "project": "The Neural Tangent Kernel",
    "extensions": ["myst_parser", "sphinx_revealjs", __name__],
    "myst_enable_extensions": ["amsmath", "colon_fence", "dollarmath"],
    "mathjax_path": "../../vendor/mathjax/tex-mml-chtml.js",
    "revealjs_style_theme": "simple",
    "revealjs_static_path": [str(SOURCES / "static")],
    "revealjs_css_files": ["slides.css"],
    "revealjs_script_conf": {"hash": True, "slideNumber": "c/t", "width": 1280,
                             "height": 720, "margin": 0.02, "center": False,
                             "transition": "none"},
    "revealjs_script_plugins": [{"src": "revealjs/plugin/notes/notes.js",
                                 "name": "RevealNotes"}],
    "html_show_sourcelink": False,
    "html_copy_source": False,
}  # fmt: skip

# What a deck shows in a frame: the playground without the book around it, and without
# the words of its tours, which the slide and its notes say; the curves come first. A
# link opens a window of its own.
FRAMED = "framed/playground.html"
PLAYGROUND = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Playground</title>
<meta name="description" content="The playground of the book as its slides show it: a \
network, its linearisation and its infinite-width kernel train side by side.">
<base target="_blank"><link rel="icon" href="data:,">
<style>body {{ margin: 8px }} .ntk-play .ntkp-tours {{ display: none }}
.ntk-play .ntkp-words {{ order: 1 }}</style></head>
<body>{}</body></html>
"""
DESCRIPTION = '<meta name="description" content="{}">\n    '
# Readers may enlarge a slide; and the slides are the page's main part, but not within
# what reveal.js declares an application.
BETTER = {
    ", maximum-scale=1.0, user-scalable=no": "",
    ' role="main"': "",
    '<div class="reveal">': '<main><div class="reveal">',
    '<script src="_static/revealjs/dist/': '</main><script src="_static/revealjs/dist/',
}
NO_ICON = '<link rel="icon" href="data:,">\n    '


@functools.cache
def notebook(number):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    return nbformat.read(path, as_version=4)


def cell_named(number, name):
    """The chapter's cell with this id, or whose figure has this name."""
    for cell in notebook(number).cells:
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if name in (cell.id, figure.get("name")):
            return cell
    raise ValueError(f"Chapter {number} has no figure or cell {name}")


class Shown(SphinxDirective):
    """What a cell of the chapter shows: its picture, or its piece of HTML."""

    required_arguments = 1

    def run(self):
        number = self.env.docname[:2]
        cell = cell_named(number, self.arguments[0])
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if svg := data.get("image/svg+xml"):
                alt = cell.metadata["mystnb"]["image"]["alt"]
                uri = base64.b64encode("".join(svg).encode()).decode()
                source = f"data:image/svg+xml;base64,{uri}"
                text = f'<img class="shown" alt="{escape(alt)}" src="{source}">'
                return [nodes.raw("", text, format="html")]
            if html := data.get("text/html"):
                text = f'<div class="shown">{"".join(html)}</div>'
                return [nodes.raw("", text, format="html")]
        raise self.error(f"the cell {cell.id} shows nothing")


class Playground(SphinxDirective):
    """The playground with the tour of this name; reveal.js loads it with its slide."""

    required_arguments = 1

    def run(self):
        (tour,) = self.arguments
        if tour not in playground.TOURS.values():
            raise self.error(f"the playground has no tour {tour}")
        text = (
            f'<iframe class="playground" title="Playground, tour {tour}" '
            f'data-src="{FRAMED}#tour={tour}"></iframe>'
        )
        return [nodes.raw("", text, format="html")]


def described(deck):
    """What a deck says of itself: the chapter that it belongs to, with its title."""
    book = SETTINGS["project"]
    if not deck.isdecimal():
        return f"Slides for the chapters of the book {book}, one deck for each."
    title = notebook(deck).cells[0].source.partition("\n")[0].removeprefix("# ")
    return f"Slides for Chapter {int(deck)} of the book {book}: “{title}”"


def build(target):
    """Build all decks into `target`; a warning is an error."""
    app = Sphinx(
        SOURCES,
        None,
        target,
        ROOT / "_build" / ".slidetrees",
        "revealjs",
        SETTINGS,
        status=None,
        freshenv=True,
        warningiserror=True,
    )
    app.build()
    for page in target.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        # Without an icon browsers ask for one in vain; the next deck Firefox would ask
        # for ahead of time, against the page's policy.
        text = re.sub(r'\s*<link rel="(?:next|prev)"[^>]*>', "", text)
        for before, after in BETTER.items():
            text = text.replace(before, after)
        head = NO_ICON + DESCRIPTION.format(escape(described(page.stem)))
        page.write_text(text.replace("<title>", f"{head}<title>"), encoding="utf-8")
    framed = target / FRAMED
    framed.parent.mkdir(exist_ok=True)
    framed.write_text(PLAYGROUND.format(playground.figure("../../")), encoding="utf-8")
    reveal = target / "_static" / "revealjs"
    for unused in ("css", "plugin/highlight", "plugin/markdown", "plugin/math",
                   "plugin/search", "plugin/zoom"):  # fmt: skip
        shutil.rmtree(reveal / unused)
    for style in (reveal / "dist" / "theme").glob("*.css"):
        if style.stem != SETTINGS["revealjs_style_theme"]:
            style.unlink()
            continue
        style.write_text(re.sub("@import [^;]+;", "", style.read_text()))  # web fonts


def setup(app):
    app.add_directive("shown", Shown)
    app.add_directive("playground", Playground)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
