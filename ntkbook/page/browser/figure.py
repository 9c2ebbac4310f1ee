"""A live figure: scripts that compute in the reader's browser, without a kernel.

Its files stand in `browser/`: what it computes in `mathematics/`, how it looks in
`figures/`. They travel inside the HTML, so that the figure works in the built book, in
JupyterLab and in Colab's sandbox alike, with no network. A still picture stands in its
place until the script runs, and for good where no script may.
"""

import itertools
import re
from functools import cache
from pathlib import Path

from ntkbook.page.figures import COLORS

_FILES = Path(__file__).parent
_ENGINE = _FILES.parent / "playground" / "engine"  # what trains in all of them


class BrowserFigure:
    """A live figure, shown where a cell ends with it."""

    def __init__(
        self, name: str, needs: list[str], about: str, words: str, caption: str
    ):
        """Describe the figure of `figures/{name}.js` and `figures/{name}.svg`.

        Args:
            name: its class is `ntk-{name}`, and its script offers `mount{Name}`.
            needs: the scripts that come before it, besides `parts.js`.
            about: what it is.
            words: what the still picture shows, for those who have only that.
            caption: stands under the figure, as HTML.
        """
        self.name, self.about = name, about
        self.scripts = ["parts.js", *needs, f"{name}.js"]
        self.words, self.caption = words, caption

    def __repr__(self) -> str:
        return f"{self.about}; it needs HTML and scripts."

    def _repr_html_(self) -> str:
        colors = "".join(f"--ntk-{name}:{color};" for name, color in COLORS.items())
        style = f".ntk-piece{{{colors}}}\n{text('piece.css')}"
        scripts = "".join(map(text, self.scripts))
        still, mount = text(f"{self.name}.svg"), f"mount{self.name.capitalize()}"
        return (
            f'<figure class="ntk-piece ntk-{self.name}">\n<style>{style}</style>\n'
            f'<div class="ntk-still">{still}<p>{self.words}</p></div>\n'
            f"<figcaption>{self.caption}</figcaption>\n<script>(() => {{\n{scripts}"
            f'document.querySelectorAll(".ntk-{self.name}").forEach({mount});\n'
            "})();</script>\n</figure>"
        )


def file(name: str) -> Path:
    """Where a file of a piece stands; a still picture that is not drawn yet, will."""
    found = itertools.chain(_FILES.rglob(name), _ENGINE.rglob(name))
    return next(found, _FILES / "figures" / name)


@cache
def text(name: str) -> str:
    """A file of a piece, as it goes into the page.

    Scripts go without their comments and their indentation, a tenth of the bytes; so no
    text of theirs may run over several lines.
    """
    content = file(name).read_text(encoding="utf-8")
    if not name.endswith(".js"):
        return content
    content = re.sub(r"(?m)(?<=[;,{}()\]]) +// .*$", "", content)
    return re.sub(r"(?m)^ *(//.*\n)?", "", content)
