"""What belongs together stays on one line: a formula and the comma after it, 10 000,
Theorem 1.1.

To a browser a formula is a box; it may break the line on both sides of it.
"""

import re

from docutils import nodes

NAMES = "Chapters?|Project|Exercise|Figure|Table|Section|Equation"
NAMES += "|Theorem|Proposition|Lemma|Corollary|Definition|Remark"
SPACE = re.compile(rf"(?:\d (?=\d{{3}}\b|%)|\b(?:{NAMES}) (?=\d))")
BEFORE, AFTER = re.compile(r"[(\[“]+$"), re.compile(r"[^\s\w(\[“—–]\S*")


def put(new, old):
    """Put one node in another's place. (docutils looks for an equal one, and two texts
    of a paragraph may be equal.)
    """
    siblings = old.parent.children
    place = next(i for i, each in enumerate(siblings) if each is old)
    old.parent[place] = new


def keep_numbers(doctree):
    """Make the spaces inside numbers, and before them, such that no line breaks."""
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(
            text.parent, (nodes.literal, nodes.math, nodes.FixedTextElement)
        ):
            kept = SPACE.sub(lambda found: found[0][:-1] + "\u00a0", text)
            if kept != text:
                put(nodes.Text(kept), text)


def keep_formulas(doctree):
    """Put each formula and the signs that touch it into a box that does not break."""
    for formula in list(doctree.findall(nodes.math)):
        parent, place = formula.parent, formula.parent.index(formula)
        box = nodes.inline(classes=["ntk-together"])
        before, after = (
            parent[max(place - 1, 0)],
            parent[min(place + 1, len(parent) - 1)],
        )
        head = isinstance(before, nodes.Text) and BEFORE.search(before)
        tail = isinstance(after, nodes.Text) and AFTER.match(after)
        if not (head or tail):
            continue
        put(box, formula)
        if head:
            put(nodes.Text(before[: head.start()]), before)
            box += nodes.Text(head[0])
        box += formula
        if tail:
            box += nodes.Text(tail[0])
            put(nodes.Text(after[tail.end() :]), after)


def keep_together(app, doctree, docname):
    keep_numbers(doctree)
    keep_formulas(doctree)


def setup(app):
    # Late: until then the references have no numbers yet.
    app.connect("doctree-resolved", keep_together, priority=900)
