"""What a page says of itself, from its first paragraph: whole sentences, no formula."""

import pytest
from docutils.core import publish_doctree

from book.tools.sphinx import descriptions

ONE = "Each of these sentences has 42 characters."
LONG = " ".join(8 * [ONE])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("One. Two! Three?", "One. Two! Three?"),
        ("By J. Pennington and R. Novak. So it is.",) * 2,
        ("Liu et al. [2025] say *so*.", "Liu et al. [2025] say so."),
        ("It is so. Here :math:`x` is not. It ends.", "It is so."),
        ("It is so. And then:", "It is so."),
        (LONG, " ".join(7 * [ONE])),
        (":math:`x` is first. Then words.", ""),
        ("- An item is no paragraph of the page.", ""),
        (".. note:: Nor is a note.\n\nThis is one.", "This is one."),
    ],
)
def test_the_first_sentences_are_whole(text, said):
    assert descriptions.first_sentences(publish_doctree(text)) == said


@pytest.mark.parametrize(
    ("title", "text", "drawn"),
    [
        ("Width: why so?", "Unused.", ("Width", "Why so?")),
        (
            "Kernels &amp; all",
            f"A &amp; b. {LONG}",
            ("Kernels & all", f"A & b. {ONE} {ONE} {ONE}"),
        ),
        ("Long", LONG.replace(". E", ", e"), ("Long", "")),
    ],
)
def test_a_card_cuts_no_word(monkeypatch, title, text, drawn):
    monkeypatch.setattr(descriptions, "draw", dict)
    found = descriptions.draw_whole(title=title, description=text)
    assert (found["title"], found["description"]) == drawn
