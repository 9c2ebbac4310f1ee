"""The page *Playground*: `{playground}` puts the playground there.

Its scripts and styles are files that only this page loads. The mathematics runs in a
worker; the page's policy lets a worker be made of a file and not of a text.
"""

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ntkbook.page.browser.playground import pieces

PAGE = "book/playground"
NAME = "playground"  # of the files in _static
FIGURE = (
    '<link rel="stylesheet" href="{static}{name}.css">\n'
    '<figure class="ntk-play" data-book="{root}" data-address '
    'data-worker="{static}{name}-worker.js">\n{still}\n</figure>\n'
    '<script defer src="{static}{name}.js"></script>'
)
# The tour that is a chapter's, by the chapter's number.
TOURS = dict(
    zip(
        "123456789",
        "linear modes width limit paths time alignment waves catapult".split(),
        strict=True,
    )
)


class Playground(SphinxDirective):
    """The playground, which reads its setting from the page's address."""

    def run(self):
        return [nodes.raw("", figure("../"), format="html")]


def figure(root: str) -> str:
    """The playground for a page from which `root` leads to the book's folder."""
    return FIGURE.format(
        root=root, static=f"{root}_static/", name=NAME, still=pieces.still()
    )


def link(number: str, root: str = "../") -> str:
    """The line that leads from a chapter or a project to its setting.

    >>> link("3")
    '<a href="../book/playground.html#tour=width">try it in the playground</a>'
    """
    tour = f"#tour={TOURS[number]}" if number in TOURS else ""
    return f'<a href="{root}{PAGE}.html{tour}">try it in the playground</a>'


def write(app, exception):
    """Write the files that the page loads."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static")
    files = {
        f"{NAME}.js": f"(() => {{\n{pieces.scripts()}}})();\n",
        f"{NAME}-worker.js": pieces.worker(),
        f"{NAME}.css": pieces.style(),
    }
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


def setup(app):
    app.add_directive("playground", Playground)
    app.connect("build-finished", write)
