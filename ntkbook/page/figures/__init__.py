"""How the book's figures look: one colour, one line and one marker per object.

The same object keeps its look through every chapter, so that a reader who has
learned once that *orange and dashed* means "the linearisation" never reads a
legend twice. Colour never speaks alone: each object also has its own line style and
marker, for readers who do not see the colours and for prints in grey.

    >>> from ntkbook.page.figures import COLORS, look
    >>> COLORS["linearised"]
    '#cc7a00'
    >>> sorted(look("linearised"))
    ['color', 'linestyle', 'marker']
"""

from contextlib import suppress

import matplotlib as mpl
from cycler import cycler

# Every colour but black has a contrast of at least 3 : 1 on white and on the dark
# grounds that figures meet (the book's #14181e, Colab's #383838), and stays apart
# from the others in the common colour deficiencies: `tests/page/test_figures.py`
# measures both. Black turns light in the dark theme (see `explore`).
COLORS = {
    "data": "#000000",
    "network": "#2f86d6",
    "linearised": "#cc7a00",
    "infinite": "#009e73",
    "target": "#f5405f",
}

LINES = {
    "data": "none",
    "network": "-",
    "linearised": "--",
    "infinite": "-.",
    "target": ":",
}

MARKERS = {
    "data": "o",
    "network": "s",
    "linearised": "^",
    "infinite": "D",
    "target": "x",
}

STYLE = {
    "figure.figsize": (6.4, 3.6),  # inches; the book's text column is 7.3 wide
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    # The first of these that is installed; SVG text falls back to the reader's own.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "sans-serif"],
    "mathtext.fontset": "dejavusans",
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(
        color=[COLORS[k] for k in ("network", "linearised", "infinite", "target")],
        linestyle=[LINES[k] for k in ("network", "linearised", "infinite", "target")],
    ),
    "legend.frameon": False,
    "legend.fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "image.cmap": "cividis",  # its lightness rises evenly, for every kind of eye
    # A plain figure carries its own white ground: readable on a dark page as well.
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # The same figure gives the same bytes, so that a rebuild changes nothing.
    "svg.hashsalt": "ntkbook",
}


def look(name: str, *, marker: bool = True) -> dict:
    """The keywords that draw the object `name`: `ax.plot(x, y, **look("network"))`.

    Args:
        name: one of `data`, `network`, `linearised`, `infinite`, `target`.
        marker: False for a curve of many points, which needs no markers.

    Raises:
        ValueError: for a name that the book does not use.
    """
    if name not in COLORS:
        raise ValueError(
            f"look: no object is called {name!r}; the book draws {', '.join(COLORS)}"
        )
    style = {"color": COLORS[name], "linestyle": LINES[name]}
    return style | {"marker": MARKERS[name]} if marker else style


def use_book_style() -> None:
    """Draw every figure from here on in the book's style; in a notebook, as SVG.

    Example:
        >>> use_book_style()
        >>> import matplotlib
        >>> matplotlib.rcParams["savefig.facecolor"]
        'white'
    """
    inline_as_svg()  # first: switching the backend on resets the figure size
    mpl.rcParams.update(STYLE)  # pyright: ignore[reportCallIssue, reportArgumentType]


def inline_as_svg() -> None:
    """Show a notebook's figures as SVG: sharp at every zoom, the same bytes each run.

    Outside a notebook this does nothing.
    """
    with suppress(ImportError):
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        if get_ipython() is not None:
            set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})
