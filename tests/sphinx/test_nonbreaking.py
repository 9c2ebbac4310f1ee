"""What belongs together stays on one line: formulas and commas, numbers, references."""

import pytest
from docutils import nodes

from book.tools.sphinx import nonbreaking


def paragraph(*parts):
    doctree = nodes.document(None, None)
    doctree += nodes.paragraph("", "", *parts)
    nonbreaking.keep_together(None, doctree, "")
    return doctree[0]


def test_the_signs_beside_a_formula_stay_with_it():
    formula = nodes.math("", "x")
    words = nodes.Text("so (“"), formula, nodes.Text("-axis”), which")
    boxes = list(paragraph(*words).findall(nodes.inline))
    assert [box.astext() for box in boxes] == ["(“x-axis”),"]
    assert boxes[0].parent.astext() == "so (“x-axis”), which"


@pytest.mark.parametrize("before, after", [("so ", " is"), ("so— ", "—or"), ("", "")])
def test_a_formula_among_words_has_no_box(before, after):
    found = paragraph(nodes.Text(before), nodes.math("", "x"), nodes.Text(after))
    assert not list(found.findall(nodes.inline))
    assert found.astext() == f"{before}x{after}"


def test_equal_words_are_not_taken_for_one_another():
    formulas = [nodes.math("", name) for name in "xyz"]
    words = [nodes.Text(", ") for _ in range(2)]
    found = paragraph(formulas[0], words[0], formulas[1], words[1], formulas[2])
    assert found.astext() == "x, y, z"
    boxes = [box.astext() for box in found.findall(nodes.inline)]
    assert boxes == ["x,", "y,"]


def test_numbers_and_references_do_not_break():
    text = "10 000 of 354 000, 95 % in Theorem 1.1 and Chapters 2 to 4; at 20 words"
    kept = paragraph(nodes.Text(text)).astext()
    assert kept == (
        "10\u00a0000 of 354\u00a0000, 95\u00a0% in Theorem\u00a01.1 and "
        "Chapters\u00a02 to 4; at 20 words"
    )
    code = nodes.literal("", "", nodes.Text("10 000 %"))
    assert paragraph(code).astext() == "10 000 %"
