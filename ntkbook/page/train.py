"""A network that trains in the reader's browser: live in the page, without a kernel.

The mathematics stand in `browser/network.js`, the pictures in `browser/train.js`; both
travel inside the HTML, so that the piece works in the built book, in JupyterLab and in
Colab's sandbox alike, with no network. A still picture of its end stands in its place
until the script runs, and for good where no script may.
"""

import re
from functools import cache
from pathlib import Path

from ntkbook.page.figures import COLORS

_FILES = Path(__file__).with_name("browser")
NAME = "ntk-train"

WORDS = (
    "Blue is the network, dashed orange its linear model, black the two points that it "
    "learns. Where the output is scaled up, the weights hardly move, and network and "
    "linear model agree. Where it is scaled down, from the same weights, they move "
    "further than their own length, and the two part."
)
CAPTION = (
    "One network twice, from the same weights. Top: the function that it computes, and "
    "that of the linear model which the tangent kernel describes. Below: its two "
    "outputs on their way from 0 to the targets, and the kernel Θ as the ellipse "
    "uᵀΘu = const around the targets (u: distance from them; half axes along the "
    "eigenvectors, 1/√λ long). As long as the kernel stays as it was at the start, "
    "dashed, the path crosses this ellipse at a right angle; where the kernel changes, "
    "solid, the path turns off."
)


class Training:
    """The piece; see `train_in_browser`, which makes it."""

    def __init__(self, caption: str):
        self.caption = caption

    def __repr__(self) -> str:
        return "A network that trains in the browser; it needs HTML and scripts."

    def _repr_html_(self) -> str:
        colors = "".join(f"--ntk-{name}:{color};" for name, color in COLORS.items())
        style = f".{NAME}{{{colors}}}\n{text('train.css')}"
        return (
            f'<figure class="{NAME}">\n<style>{style}</style>\n'
            f'<div class="ntk-still">{text("train.svg")}<p>{WORDS}</p></div>\n'
            f"<figcaption>{self.caption}</figcaption>\n<script>(() => {{\n"
            f"{text('network.js')}{text('train.js')}"
            f'document.querySelectorAll(".{NAME}").forEach(mountTraining);\n'
            "})();</script>\n</figure>"
        )


def train_in_browser(caption: str = CAPTION) -> Training:
    """A small network that trains where it is shown: lazy and rich, side by side.

    Data points to drag, width and output scale as sliders; the functions, the outputs
    with the kernel's ellipse, and the way that the weights go. The network is
    ``ntkbook.mlp(width, 1, "tanh", weight_std=1.5, bias_std=0.5, zero_output=True)``,
    and the tests hold its numbers against the library's.

    Args:
        caption: stands under it, as HTML.

    Example:
        >>> import ntkbook
        >>> ntkbook.train_in_browser()
        A network that trains in the browser; it needs HTML and scripts.
    """
    return Training(caption)


@cache
def text(name: str) -> str:
    """A file of the piece, as it goes into the page: scripts without their comments."""
    content = (_FILES / name).read_text(encoding="utf-8")
    return re.sub(r"(?m)^ *//.*\n", "", content) if name.endswith(".js") else content
