"""The playground's scripts and styles, put together for a page.

They stand in `ntkbook/page/playground/`: the mathematics in `engine/`, what one sees in
`ui/`. The engine is one function, so that a worker can be made of its text.
"""

import json
import re
from functools import cache
from pathlib import Path

from ntkbook.page.browser import figure
from ntkbook.page.figures import COLORS

FOLDER = Path(__file__).parents[2] / "playground"
# In the order in which they need each other.
ENGINE = """
    numbers/random numbers/matrix numbers/eigen numbers/activations numbers/losses
    datasets state batches
    models/mlp models/expectations models/infinite models/constant_kernel models/path
    models/trained_network models/curvature models/places
    run frame serve snippet
""".split()
INTERFACE = """
    kit plots/chart plots/field plots/points plots/functions plots/losses plots/modes
    plots/arguments state/link state/store state/save guide/words panels/names
    panels/controls panels/numbers panels/diagnostics panels/transport panels/pictures
    guide/tours guide/quiz app/edit app/player app/mount
""".split()
# What a worker does once it has the engine: it answers one message after the other.
PROGRAM = """const answer = engine.serve();
onmessage = ({ data: [number, message] }) => {
  try {
    postMessage([number, answer(message)]);
  } catch (error) {
    const text = String(error && error.stack || error);
    postMessage([number, { type: "error", text }]);
  }
};
postMessage([-1]);
"""
WORDS = (
    "Where scripts run, a network trains here next to its linearisation and the "
    "regression with its infinitely wide kernel: with data that one draws, at any "
    "width, output scale and step size."
)


@cache
def text(name: str) -> str:
    """A file of the playground; a script without its comments."""
    content = (FOLDER / name).read_text(encoding="utf-8")
    return re.sub(r"(?m)^ *//.*\n", "", content) if name.endswith(".js") else content


def engine() -> str:
    """The function `playgroundEngine`, which returns all modules of the engine."""
    parts = "".join(text(f"engine/{name}.js") for name in ENGINE)
    names = re.findall(r"(?m)^const (\w+) =", parts)
    return (
        "function playgroundEngine() {\n"
        f"const FIELDS = {text('fields.json')};\n{parts}"
        f"return {{ {', '.join(names)} }};\n}}\n"
    )


def host() -> str:
    """The module `HOST`, which needs `playgroundEngine` before it."""
    return f"const PROGRAM = {json.dumps(PROGRAM)};\n{text('engine/host.js')}"


def worker() -> str:
    """The script of a worker, for a page whose policy allows none made of a text."""
    return f"const engine = ({engine().strip()})();\n{PROGRAM}"


def scripts() -> str:
    """All scripts of the page, to stand in one function."""
    return (
        figure.text("parts.js")
        + engine()
        + "const { STATE, PYTHON } = playgroundEngine();\n"
        + host()
        + "".join(text(f"ui/{name}.js") for name in INTERFACE)
        + 'document.querySelectorAll(".ntk-play").forEach((figure) =>\n'
        "  mountPlayground(figure, JSON.parse(figure.dataset.state ?? null)));\n"
    )


def style() -> str:
    """The playground's style sheets, with the colours of the book's figures."""
    colors = "".join(f"--ntk-{name}:{color};" for name, color in COLORS.items())
    return f".ntk-play{{{colors}}}\n{text('layout.css')}{text('plots.css')}"


def still() -> str:
    """The picture that stands where no script runs, with the words that it needs."""
    path = FOLDER / "ui" / "still.svg"
    picture = text("ui/still.svg") if path.exists() else ""
    return f'<div class="ntk-still">{picture}<p>{WORDS}</p></div>'
