"""Terms explain themselves: each page links those of the glossary, with hover text.

Where a term of `glossary.md` first occurs in a page's running text it becomes a link to
its definition, and the definition is laid, hidden, at the end of the page: `terms.js`
shows it to whoever points at the term, without a request. Nothing of this stands in the
chapters' sources.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

GLOSSARY = "book/glossary"
# The first page and the playground are light: a definition may hold formulas, which
# need MathJax.
WITHOUT = (
    "book/start",
    "book/playground",
    GLOSSARY,
    "book/api",
    "book/claims",
    "book/ledger",
    "book/bibliography",
    "book/contributing",
    "book/changelog",
)
# Text in these is no running text.
OTHER = (nodes.title, nodes.reference, nodes.literal, nodes.math, nodes.raw, nodes.term)
OTHER += (nodes.caption, nodes.table, addnodes.pending_xref)


class LinkTerms(SphinxPostTransform):
    """Link the first occurrence of each term, before references are resolved."""

    default_priority = 5
    formats = ("html",)

    def run(self, **kwargs):
        page = self.env.docname
        if page in WITHOUT or GLOSSARY not in self.env.found_docs:
            return
        entries = definitions(self.env.get_doctree(GLOSSARY))
        pattern, used = one_of(entries), {}
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(
                text.parent, nodes.Inline | nodes.TextElement
            ) and not _within(text, OTHER):
                self.link(text, pattern, entries, used, page)
        if used:
            box = nodes.container(classes=["ntk-definitions"])
            for anchor, definition in used.items():
                own = nodes.container(ids=[f"definition-{anchor}"])
                own += [child.deepcopy() for child in definition.children]
                for reference in own.findall(addnodes.pending_xref):
                    reference["refdoc"] = page  # from where its address is counted
                box += own
            last = list(self.document.findall(nodes.section, descend=True))
            (last[0] if last else self.document).append(box)

    def link(self, text, pattern, entries, used, page):
        """Replace a text by itself with the terms that are new on this page linked."""
        parts, done = [], 0
        for match in pattern.finditer(text):
            name, anchor, definition = entries.get(match[1]) or entries[_key(match[1])]
            if anchor in used:
                continue
            used[anchor] = definition
            parts.append(nodes.Text(text[done : match.start()]))
            link = addnodes.pending_xref(
                "", refdomain="std", reftype="term", reftarget=name, refdoc=page
            )
            link += nodes.inline(match[0], match[0], classes=["ntk-term"])
            parts.append(link)
            done = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[done:])])


def _within(node, kinds) -> bool:
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


def _key(name: str) -> str:
    """Names are compared without case, and with either apostrophe."""
    return name.lower().replace("’", "'")


def definitions(doctree) -> dict[str, tuple[str, str, nodes.definition]]:
    """For each name of a term: the name, its anchor, and the definition."""
    found = {}
    for item in doctree.findall(nodes.definition_list_item):
        *terms, definition = item.children
        anchor = terms[0]["ids"][0]
        for term in terms:
            name = term.astext().replace("’", "'")
            found[name if name.isupper() else _key(name)] = name, anchor, definition
    return found


def one_of(names) -> re.Pattern:
    """A pattern for any of the names, the longest first, in singular and plural."""
    ordered = sorted(names, key=len, reverse=True)
    either = "|".join(
        re.escape(name) if name.isupper() else f"(?i:{re.escape(name)})"
        for name in ordered
    )
    either = either.replace("'", "['’]")
    return re.compile(rf"(?<![\w-])({either})(?:e?s)?(?![\w-])")


def setup(app):
    app.add_post_transform(LinkTerms)
