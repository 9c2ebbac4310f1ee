"""Formulas in the sentences of claims, as a page sets them; files and tables have them
as they are typed: `kappa_R c^2`, `m^(-1/2)`, `1e-10`."""

import re
from html import escape

LETTERS = {"alpha": "α", "kappa": "κ", "lambda": "λ", "phi": "φ", "sigma": "σ"}
WORDS = re.compile(rf"(?<![\w.`])({'|'.join(LETTERS)})(?![A-Za-z0-9(])")
SIGNS = [
    (re.compile(r"(?<![\d.])1e(-?)0*(\d+)\b"), r"10^\1\2"),
    (re.compile(r"(\d)e(-?)0*(\d+)\b"), r"\1·10^\2\3"),
    (re.compile(r"\bsqrt\((\w+)\)"), r"√\1"),
    (re.compile(r"\bsqrt\("), "√("),
    (re.compile(r"(?<![\w.)\]])-(?=\d)|(?<= )-(?= )"), "−"),
]
# A power, in brackets or not, or an index of one letter.
RAISED = re.compile(r"\^([-−]?\([^()]*\)|[-−]?\w+)|(?<=[A-Za-zκ])_([A-Za-z0-9])\b")


def parts(text: str) -> list[tuple[str, str]]:
    """A sentence in pieces: their text, each with "sup", "sub" or an empty string.

    Example:
        >>> parts("at most kappa_R c^2, or m^(-1/2)")  # doctest: +NORMALIZE_WHITESPACE
        [('at most κ', ''), ('R', 'sub'), (' c', ''), ('2', 'sup'), (', or m', ''),
         ('−1/2', 'sup')]
    """
    text = WORDS.sub(lambda word: LETTERS[word[1]], text)
    for pattern, new in SIGNS:
        text = pattern.sub(new, text)
    found, end = [], 0
    for raised in RAISED.finditer(text):
        found.append((text[end : raised.start()], ""))
        power, index = raised.groups()
        if index is None:
            bare = power[1:-1] if power[0] == "(" else power
            found.append((bare.replace("-", "−"), "sup"))
        else:
            found.append((index, "sub"))
        end = raised.end()
    found.append((text[end:], ""))
    return [part for part in found if part[0]]


def typeset(text: str) -> str:
    """The same as HTML.

    Example:
        >>> typeset("below 1e-10 for alpha < -1")
        'below 10<sup>−10</sup> for α &lt; −1'
    """
    return "".join(
        f"<{tag}>{escape(part)}</{tag}>" if tag else escape(part)
        for part, tag in parts(text)
    )
