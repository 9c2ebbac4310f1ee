"""What each page says of itself to search engines, and where a link to it is shown.

The first whole sentences of its first paragraph, up to a formula, which could not be
shown there. Where these do not say what the page is about, the `description` in its
front matter says it, and for a notebook, which has none, WRITTEN below. Without this
`sphinxext.opengraph` would cut the text in the middle of a word, and set spaces around
every formula and citation.
"""

import re
from html import escape, unescape

from docutils import nodes
from sphinxext import opengraph

MOST = 300  # characters
ON_CARD = 155  # in the picture shown next to a link, two lines
FORMULA = "\0"
# Not after an initial, as in "J. Pennington".
SENTENCES = re.compile(r"(?<=[.?!])(?<!\s[A-Z]\.)\s+(?=[A-Z“‘])")
WRITTEN = {
    "notebooks/02_gradient_flow": (
        "This chapter follows the outputs of a network while its weights move. In "
        "their equation the network appears only through its tangent kernel; when this "
        "kernel is constant, training can be predicted in advance."
    ),
    "notebooks/03_width_scaling": (
        "With a thousand units per layer the weights of a network seem frozen, yet the "
        "network learns. This chapter finds out why, and how to scale a wide network "
        "so that its weights do move."
    ),
    "notebooks/04_infinite_width": (
        "In the limit of infinite width a network is described by two kernels, which "
        "follow from a short recursion over the layers. So an infinite network can be "
        "trained and tested, and this chapter asks how good it is."
    ),
    "notebooks/06_equivalence": (
        "Does a wide network, after training, predict like kernel regression with its "
        "tangent kernel? This chapter repeats a published study that doubts it, and "
        "tests each explanation against a control that could refute it."
    ),
    "notebooks/08_learning_curves": (
        "From the eigenvalues and eigenfunctions of the tangent kernel this chapter "
        "predicts how long a wide network takes to learn a function, and its test "
        "error, and compares both with trained networks and images."
    ),
    "notebooks/09_feature_learning": (
        "What makes a network leave its initial kernel, and what does it gain? This "
        "chapter studies three causes: a step size that is too large, a scaling with "
        "width under which features move, and the output scale."
    ),
    "genindex": (
        "The index of the book The Neural Tangent Kernel: the terms of the glossary, "
        "and the functions and classes of its library ntkbook."
    ),
    "search": (
        "Search in the book The Neural Tangent Kernel: words, symbols, theorems, "
        "exercises, and the names of functions."
    ),
}


def first_sentences(doctree: nodes.document) -> str:
    """The beginning of a page's first paragraph, in whole sentences without a formula.

    Example:
        >>> from docutils.core import publish_doctree
        >>> page = publish_doctree('''
        ... A *wide* network is linear. Is it? Then :math:`x` is. No more.
        ... ''')
        >>> first_sentences(page)
        'A wide network is linear. Is it?'
    """
    paragraph = next(
        (found for found in doctree.findall(nodes.paragraph)
         if isinstance(found.parent, nodes.section | nodes.document)),
        nodes.paragraph(),
    )  # fmt: skip
    return _sentences(" ".join(_words(paragraph).split()), MOST)


def _sentences(text: str, most: int) -> str:
    kept = ""
    for sentence in SENTENCES.split(text):
        longer = f"{kept} {sentence}".strip()
        whole = re.search(r"[.?!][)”’]?$", sentence)
        if not whole or FORMULA in sentence or len(longer) > most:
            break
        kept = longer
    return kept


def _words(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, nodes.math | nodes.math_block):
        return FORMULA
    if isinstance(node, nodes.raw | nodes.Invisible):
        return ""
    return "".join(map(_words, node.children))


def describe(app, pagename, templatename, context, doctree):
    """Keep a page's description where opengraph looks for it."""
    text = (context.get("meta") or {}).get("description") or WRITTEN.get(pagename)
    if doctree is not None:
        text = " ".join((text or "").split())
        doctree["description"] = text or first_sentences(doctree)
    elif text:
        tag = f'<meta name="description" content="{escape(text)}" />\n'
        context["metatags"] = context.get("metatags", "") + tag


draw = opengraph.social_card_for_page


def draw_whole(**given):
    """Draw a page's card with whole words: below its title what follows a colon."""
    title, _, rest = unescape(given["title"]).partition(": ")
    text = rest[:1].upper() + rest[1:]
    text = text or _sentences(unescape(given["description"]), ON_CARD)
    return draw(**given | {"title": title, "description": text})


def setup(app):
    app.setup_extension("sphinxext.opengraph")
    opengraph.social_card_for_page = draw_whole
    opengraph.get_description = lambda doctree, *_: escape(
        doctree["description"], quote=False
    )
    app.connect("html-page-context", describe, priority=400)  # before opengraph's
