"""Each decimal of a chapter's prose is from a cell, a claim, or a source that is named.

A decimal that nothing prints is marked in its cell's metadata, under the number as it
is written: with arithmetic that gives it from printed numbers, which is done again
here, or with words that say where it is from.

    "ntkbook": {"decimals": {"0.29": "0.803 - 0.512", "61.97": "the table of the post"}}
"""

import ast
import json
import math
import operator
import re

import pytest

from tests.helpers.chromium import ROOT

CHAPTERS = sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)")
PLACES = "Theorem|Lemma|Proposition|Corollary|Definition|Remark|Section|Figure|Table"
NOT_PROSE = re.compile(
    rf"`[^`\n]*`|\]\([^)]*\)|(?:{PLACES}|Exercise|NumPy)s? \d+\.[\d.]+"
)
DO = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def prose(cell) -> str:
    """What a reader reads in a cell: its text, or its caption and alternative text."""
    if cell["cell_type"] == "markdown":
        return NOT_PROSE.sub("", "".join(cell["source"]))
    about = cell["metadata"].get("mystnb", {})
    return (
        f"{about.get('image', {}).get('alt')} {about.get('figure', {}).get('caption')}"
    )


def evidence(cells, records: str) -> set[str]:
    """The decimals that are printed, in code or in the chapter's records of claims."""
    texts = [records]
    for cell in cells:
        texts.append(json.dumps(cell["metadata"].get("ntkbook", {}).get("exercise")))
        if cell["cell_type"] == "code":
            texts.append("".join(cell["source"]))
            for output in cell["outputs"]:
                texts.append("".join(output.get("text", "")))
                texts.append("".join(output.get("data", {}).get("text/plain", "")))
    found = {decimal for text in texts for decimal in DECIMAL.findall(text)}
    return found | {decimal.rstrip("0") for decimal in found}


def value(node) -> float:
    """A sum, product or power of numbers, and of pi.

    Raises:
        ValueError: if it is something else.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name) and node.id == "pi":
        return math.pi
    if isinstance(node, ast.BinOp) and type(node.op) in DO:
        return DO[type(node.op)](value(node.left), value(node.right))
    raise ValueError("not arithmetic")


def wrong(decimal: str, reason: str, known: set[str]) -> str | None:
    """What is wrong with a mark, or None."""
    try:
        found = value(ast.parse(reason, mode="eval").body)
    except (SyntaxError, ValueError):
        few = len(reason.split()) < 3
        return f"{decimal}: say in words where it is from" if few else None
    if unknown := set(DECIMAL.findall(reason)) - known:
        return f"{decimal}: {min(unknown)} is not printed"
    half = 0.5 * 10.0 ** -len(decimal.split(".")[1]) * (1 + 1e-9)
    return None if abs(found - float(decimal)) <= half else f"{decimal}: is {found:.4g}"


def complaints(cells, records: str = "") -> list[str]:
    """The decimals of a chapter that nothing supports, and the marks that are wrong."""
    known, said = evidence(cells, records), []
    for number, cell in enumerate(cells):
        marks = cell["metadata"].get("ntkbook", {}).get("decimals", {})
        here = set(DECIMAL.findall(prose(cell)))
        bare = {d for d in here if not {d, d.rstrip("0")} & known} - set(marks)
        found = [f"{d}: nothing prints it" for d in sorted(bare)]
        found += [f"{d}: marked, and not there" for d in sorted(set(marks) - here)]
        found += filter(None, (wrong(d, why, known) for d, why in marks.items()))
        said += [f"cell {number}: {what}" for what in found]
    return said


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_each_decimal_of_the_prose_has_its_source(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    claims = ROOT / f"ntkbook/page/claims/{path.name[:2]}.toml"
    records = claims.read_text(encoding="utf-8") if claims.exists() else ""
    assert sum(len(DECIMAL.findall(prose(cell))) for cell in cells) > 20
    assert complaints(cells, records) == []


def sample(text: str, **marks):
    """A chapter of two cells: the text, and code that prints 0.803 and 0.512."""
    about = {"ntkbook": {"decimals": marks}} if marks else {}
    output = {"text": "0.803, then 0.5120\n"}
    return [
        {"cell_type": "markdown", "source": text, "metadata": about},
        {
            "cell_type": "code",
            "source": "x = 1.5",
            "outputs": [output],
            "metadata": {"mystnb": {"figure": {"caption": "A line at 0.803"}}},
        },
    ]


@pytest.mark.parametrize(
    "cells",
    [
        sample("It falls from 0.803 to 0.512, at 1.5 and 1.50."),
        sample("By Theorem 3.2 of Section 4.2 it is `0.9`."),
        sample("A difference of 0.29.", **{"0.29": "0.803 - 0.512"}),
        sample("In per cent 80.3.", **{"80.3": "0.803 * 100"}),
        sample("They report 61.97.", **{"61.97": "the table of the post"}),
    ],
)
def test_what_is_printed_or_marked_passes(cells):
    assert complaints(cells) == []


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (sample("It falls to 0.51."), "cell 0: 0.51: nothing prints it"),
        (sample("0.30.", **{"0.30": "0.803 - 0.512"}), "cell 0: 0.30: is 0.291"),
        (sample("0.3.", **{"0.3": "0.7 - 0.4"}), "cell 0: 0.3: 0.4 is not printed"),
        (sample("9.9.", **{"9.9": "somewhere"}), "say in words where it is from"),
        (sample("Gone.", **{"9.9": "a table of theirs"}), "9.9: marked, and not there"),
    ],
)
def test_what_nothing_prints_is_found(cells, said):
    (found,) = complaints(cells)
    assert said in found
