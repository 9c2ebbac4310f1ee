"""The book's colours can be told apart, by everyone, on every ground."""

import io
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ntkbook.page.figures import COLORS, LINES, MARKERS, look, use_book_style

# The ground of the book's dark theme, of JupyterLab's, and of Colab's.
GROUNDS = ["#ffffff", "#14181e", "#111111", "#383838"]

# How full dichromats see linear RGB (Machado, Oliveira and Fernandes, 2009).
EYES = {
    "usual": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    dark, light = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array(
        [
            [0.4124, 0.3576, 0.1805],
            [0.2126, 0.7152, 0.0722],
            [0.0193, 0.1192, 0.9505],
        ]
    ) @ np.clip(rgb, 0, 1)
    x, y, z = np.cbrt(xyz / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", sorted(set(COLORS) - {"data"}))
def test_each_colour_stands_out_from_every_ground(name, ground):
    assert contrast(COLORS[name], ground) >= 3


@pytest.mark.parametrize("eye", EYES)
def test_no_two_colours_look_alike(eye):
    # A difference of 2.3 is just seen. Four colours that all stand out from black and
    # from white cannot be much further apart for a dichromat, who sees one hue axis;
    # the line styles and the markers do the rest.
    seen = {n: lab(np.array(EYES[eye]) @ linear(c)) for n, c in COLORS.items()}
    for a, b in combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 12, (a, b)


def test_colour_never_speaks_alone():
    assert len(set(LINES.values())) == len(set(MARKERS.values())) == len(COLORS)


def test_look_refuses_an_unknown_object():
    with pytest.raises(
        ValueError, match="no object is called 'kernel'; the book draws"
    ):
        look("kernel")


def test_the_same_figure_gives_the_same_bytes():
    def draw() -> bytes:
        figure, axes = plt.subplots()
        axes.plot([1, 2], **look("network"))
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
        return file.getvalue()

    with plt.rc_context():
        use_book_style()
        assert draw() == draw()
