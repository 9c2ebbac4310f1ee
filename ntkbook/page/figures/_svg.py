"""One Matplotlib figure as short lines of SVG that follow the page's colours.

Matplotlib writes complete files. To put sixty of them into one page, this module keeps
only what draws, one element per line, so that equal elements become equal lines; and
it turns black into `currentColor`, so that the picture follows the light or dark page.
"""

import io
import re
from collections.abc import Iterable
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from ntkbook.page.figures import STYLE

_XLINK = "{http://www.w3.org/1999/xlink}"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")

# Drawn on nothing: a white ground, a white legend box or a white marker face would
# shine on a dark page. Text stays text, so it scales, selects and reads aloud.
_RC = STYLE | {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.bbox": None,  # "tight" would give each picture its own size
}


class Tracer:
    """Turns the figures of one family into lines of SVG, alike where they can be.

    Two things make equal parts come out equal. One layout serves for all (so nothing
    jumps while a slider moves, and drawing is three times faster). And what SVG refers
    to by id, such as a marker's shape, is named by its content: a private character,
    which the page replaces by the whole figure's name, and a number.
    """

    PREFIX = "\ue000"

    def __init__(self):
        self._names: dict[str, str] = {}
        self._layout: list | None = None

    def fit(self, figures: Iterable) -> None:
        """Find the layout that has room for the labels of all these figures."""
        places = []
        for figure in map(_checked, figures):
            if figure.get_layout_engine() is None:  # its author placed the parts
                plt.close(figure)
                return
            with mpl.rc_context(_RC):  # pyright: ignore[reportArgumentType]
                figure.draw_without_rendering()
            places.append([a.get_position(original=True) for a in figure.axes])
            texts = [text.get_position() for text in figure.texts]
            plt.close(figure)
        if len({len(boxes) for boxes in places}) == 1:
            boxes = [_common(same) for same in zip(*places, strict=True)]
            self._layout = [*boxes, *texts]
        else:
            self._layout = None

    def trace(self, figure) -> tuple[tuple[float, float], list[str]]:
        """The size in points and the drawing elements of a figure, which is closed.

        Raises:
            ValueError: if `figure` is not a Matplotlib figure.
        """
        file = io.BytesIO()
        with mpl.rc_context(_RC):  # pyright: ignore[reportArgumentType]
            _checked(figure).patch.set_alpha(0)
            for axes in figure.axes:
                axes.patch.set_alpha(0)
            self._lay_out(figure)
            figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
        root = ElementTree.fromstring(file.getvalue())
        names = self._rename(root)
        lines = [line for child in root for line in _element(child, names)]
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        return (round(width, 2), round(height, 2)), lines

    def _lay_out(self, figure: Figure) -> None:
        """Put everything where `fit` found room, if the figure has the same parts."""
        parts = [*figure.axes, *figure.texts]
        layout = self._layout or []
        if figure.get_layout_engine() and len(layout) == len(parts):
            figure.set_layout_engine("none")
            for part, place in zip(parts, layout, strict=True):
                part.set_position(place)

    def _rename(self, root) -> dict[str, str]:
        """The new name of every id that something refers to."""
        text = ElementTree.tostring(root, encoding="unicode")
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        names = {}
        for element in root.iter():
            old = element.get("id")
            if old in used:
                content = ElementTree.tostring(element, encoding="unicode")
                new = f"{self.PREFIX}-{len(self._names)}"
                names[old] = self._names.setdefault(content.replace(old, ""), new)
        return names


def _checked(figure) -> Figure:
    if not isinstance(figure, Figure):
        raise ValueError(
            "explore: draw must return a Matplotlib figure (end it with "
            f"`return figure`), got {type(figure).__name__}"
        )
    return figure


def _common(boxes: tuple[Bbox, ...]) -> Bbox:
    """The box that lies inside all of these: its margins are the widest."""
    corners = np.array([box.extents for box in boxes])
    return Bbox.from_extents(*corners[:, :2].max(axis=0), *corners[:, 2:].min(axis=0))


def _element(element, names: dict[str, str]) -> list[str]:
    """An element as lines: groups that carry nothing dissolve, leaves are one line."""
    tag = element.tag.rpartition("}")[2]
    if tag in ("metadata", "style", "title"):
        return []
    attributes = _attributes(element, names)
    inner = [line for child in element for line in _element(child, names)]
    if tag == "g" and not attributes:
        return inner
    if tag == "defs":
        return [f"<defs>{''.join(inner)}</defs>"] if inner else []
    opening = f"<{tag}{attributes}"
    if tag == "path" and not inner:
        # The page's ground, and empty curves, draw nothing: leave them out.
        invisible = "fill:none" in attributes and "stroke" not in attributes
        return [] if invisible and " id=" not in attributes else [opening + "/>"]
    body = "".join(inner) + _escape((element.text or "").strip())
    return [f"{opening}>{body}</{tag}>" if body else f"{opening}/>"]


def _attributes(element, names: dict[str, str]) -> str:
    parts = []
    for key, value in element.attrib.items():
        if key == "id":
            if value not in names:
                continue
            value = names[value]
        key = key.replace(_XLINK, "")
        if key == "href" and value.startswith("#"):
            value = "#" + names[value[1:]]
        elif key == "style":
            value = _style(value)
        elif not value.startswith("data:"):
            value = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{names[m[1]]})", value)
            value = _path(value) if key == "d" else _NUMBER.sub(_short, value)
            if value.startswith(("rotate(-0 ", "rotate(0 ")):
                continue
        if value:
            parts.append(f' {key}="{_escape(value)}"')
    return "".join(parts)


def _path(d: str) -> str:
    """A path in steps of whole tenths of a point: half as long as absolute ones.

    Each step starts from where the rounded path stands, so errors do not add up.

    Example:
        >>> _path("M 100 50.04 L 101.26 49.5 L 101.26 49.5 z")
        'M100 50l1.3-.5z'
    """
    pen = np.zeros(2, int)  # in tenths
    parts = []
    for command, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", d):
        if command in "zZ":
            parts.append("z")
            continue
        points = np.array(numbers.split(), float).reshape(-1, 2)
        points = np.rint(10 * points).astype(int)
        steps = points - (0 if command == "M" else pen)
        pen = points[-1]
        if command == "L" and not steps.any():
            continue
        tenths = [
            re.sub(r"^(-?)0\.", r"\1.", f"{n / 10}".removesuffix(".0"))
            for n in steps.ravel().tolist()
        ]
        text = command if command == "M" else command.lower()
        for k, number in enumerate(tenths):
            text += number if k == 0 or number[0] == "-" else " " + number
        # One letter serves for a whole run of the same command.
        if parts and text[0] == "l" and parts[-1][0] == "l":
            text = text[1:] if text[1] == "-" else " " + text[1:]
            parts[-1] += text
        else:
            parts.append(text)
    return "".join(parts)


def _style(style: str) -> str:
    """A style with the page's ink and paper, and without the page's font."""
    kept = [
        part.strip().replace(": ", ":")
        for part in style.split(";")
        if part.strip() and not part.strip().startswith("font-family")
    ]

    text = _NUMBER.sub(_short, ";".join(kept))
    text = text.replace("#000000", "currentColor")
    return text.replace("#ffffff", "var(--ntk-paper)")


def _short(match: re.Match) -> str:
    """A coordinate to a hundredth of a point, without useless zeros."""
    number = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if number == "-0" else number


def _escape(text: str) -> str:
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
    )
