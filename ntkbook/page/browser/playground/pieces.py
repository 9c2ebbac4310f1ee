"""The playground's scripts and styles, put together for a page.

They stand in `ntkbook/page/playground/`: the mathematics in `engine/`, what one sees in
`ui/`. The engine is one function, so that a worker can be made of its text.
"""

import re
from functools import cache
from pathlib import Path

from ntkbook.page.browser import figure

FOLDER = Path(__file__).parents[2] / "playground"
# In the order in which they need each other.
ENGINE = """
    numbers/random numbers/matrix numbers/eigen numbers/activations numbers/losses
    datasets state batches
    models/mlp models/expectations models/infinite models/constant_kernel models/path
    models/trained_network models/curvature models/places
    run frame serve snippet
""".split()


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


def interface() -> list[str]:
    """The names of the interface's scripts: in order of the alphabet, mount.js last."""
    names = sorted(path.name for path in (FOLDER / "ui").glob("*.js"))
    return sorted(names, key=lambda name: name == "mount.js")


def scripts() -> str:
    """All scripts of the page, for the inside of one function."""
    return (
        figure.text("parts.js")
        + figure.text("frame.js")
        + engine()
        + "const { STATE, PYTHON } = playgroundEngine();\n"
        + text("engine/host.js")
        + "".join(text(f"ui/{name}") for name in interface())
        + 'document.querySelectorAll(".ntk-play").forEach(PARTS.guarded((figure) =>\n'
        "  mountPlayground(figure, JSON.parse(figure.dataset.state))));\n"
    )


def style() -> str:
    """The style sheets: what all pieces share, and the playground's own."""
    own = sorted((FOLDER / "ui").glob("*.css"))
    return figure.text("piece.css") + "".join(text(f"ui/{path.name}") for path in own)


def still() -> str:
    """The picture that stands where no script runs."""
    path = FOLDER / "ui" / "still.svg"
    return text("ui/still.svg") if path.exists() else ""
