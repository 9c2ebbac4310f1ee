"""Take out of the built pages what they load and do not use.

The theme sends with every page an icon library of 1.5 MB, though its style sheet draws
the same icons from a font, and that whole font, of which the book shows a dozen signs;
MathJax, though the page has no formula; the index of the search, which only the page
*Search* reads; and a link for which Firefox fetches the next page ahead of time,
against the page's own security policy. What is left keeps the page waiting no longer
than it must, and a picture is loaded when the reader comes near it.
"""

import re
from functools import cache
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FONT = "_static/vendor/fontawesome/webfonts/fa-solid-900.ttf"
ICONS = "_static/icons.woff"
# The same name and weight as the theme's: the browser takes the later rule, and goes
# back to the theme's font for a sign that this one lacks.
FACE = """
@font-face { font-family: "Font Awesome 6 Free"; font-weight: 900; font-display: block;
  src: url(icons.woff) format("woff"); }
"""


def lighten(html: Path) -> None:
    """Lighten every page of the book that was built into this folder."""
    names = ""  # of classes that occur in a page, or that a script of the theme may set
    for path in html.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        names += " ".join(re.findall(r'class="[^"]*"', page))
        page = light(page, path.name == "search.html")
        page = lazy(page, lambda source, at=path: _size(at.parent / source))
        path.write_text(page, encoding="utf-8")
    for path in html.glob("_static/**/*.js"):
        if path.name != "fontawesome.js":
            names += path.read_text(encoding="utf-8")
    used = set(re.findall(r"\bfa-[\w-]+", names))
    signs = set()
    for path in html.glob("_static/**/*.css"):
        text = path.read_text(encoding="utf-8")
        fewer, found = few_signs(text, used)
        signs |= found
        if fewer != text:
            path.write_text(fewer, encoding="utf-8")
    _few_icons(html, signs)


def light(page: str, searches: bool) -> str:
    """A page without what its readers do not use, its scripts out of their way."""
    unused = [r"_static/scripts/fontawesome\.js"]
    if 'class="math' not in page:
        unused += [r"vendor/mathjax/", r"_static/formulas\.js"]
    if not searches and "search_as_you_type = false" in page:
        unused += [r"_static/searchtools\.js", r"_static/language_data\.js"]
        unused.append(r"searchindex\.js")
    script = rf'\s*<script [^>]*src="[^"]*(?:{"|".join(unused)})[^"]*"[^>]*></script>'
    page = re.sub(script, "", page)
    page = re.sub(r' *<span class="c1"># fmt: skip</span>', "", page)  # for ruff only
    page = re.sub(r'\s*<link rel="(?:next|prev)"[^>]*>', "", page)
    if searches:  # it runs its scripts at once
        return page
    # The rest may run after the page has been read, in the same order; but not what
    # scripts in the page itself build on.
    later = r'<script (?=src="[^"]*_static/)(?![^>]*(?:documentation_options|defer))'
    return re.sub(later, "<script defer ", page)


def lazy(page: str, size) -> str:
    """A page that loads its pictures late, and knows their sizes, so that none jumps.

    Example:
        >>> lazy('<img alt="A" src="a.svg" />', lambda source: (3, 4))
        '<img loading="lazy" width="3" height="4" alt="A" src="a.svg" />'
    """

    def late(tag):
        width, height = size(tag[1])
        return tag[0].replace(
            "<img", f'<img loading="lazy" width="{width}" height="{height}"'
        )

    return re.sub(r'<img [^>]*src="([^":]+\.svg)"[^>]*>', late, page)


@cache
def _size(picture: Path) -> tuple[int, int]:
    """The width and height in CSS pixels of an SVG, which states them in points."""
    text = picture.read_text(encoding="utf-8")
    sizes = re.search(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"', text)
    width, height = (round(float(points) * 4 / 3) for points in sizes.groups())
    return width, height


def few_signs(styles: str, used: set[str]) -> tuple[str, set[int]]:
    """Style rules without those for unused icons, and the others' code points.

    Example:
        >>> rules = '.fa-sun:before{content:"\\\\f185"}.fa-x:before{content:"\\\\f00d"}'
        >>> few_signs(rules, {"fa-sun"})
        ('.fa-sun:before{content:"\\\\f185"}', {61829})
    """
    signs = {ord(sign) for sign in re.findall("[\ue000-\uf8ff]", styles)}

    def keep(rule):
        named = set(re.findall(r"\.(fa-[\w-]+)", rule[1]))
        if named and not named & used:
            return ""
        signs.add(int(rule[2], 16))
        return rule[0]

    rule = r'([^{}]*)\{[^{}]*content:\s*"\\([ef]\w{3})"[^{}]*\}'
    return re.sub(rule, keep, styles), signs


def _few_icons(html: Path, signs: set[int]) -> None:
    """Write a font of these signs, and the rule that uses it."""
    font = TTFont(html / FONT, recalcTimestamp=False)
    options = subset.Options(flavor="woff", layout_features=[], notdef_outline=True)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=signs)
    cut.subset(font)
    subset.save_font(font, html / ICONS, options)
    with (html / "_static" / "book.css").open("a") as styles:
        styles.write(FACE)
