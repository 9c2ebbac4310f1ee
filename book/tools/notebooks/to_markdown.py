"""MyST rendered down to plain Markdown, which is all that Colab can show.

A directive or role that is not known here is an error, so that nothing raw can slip
into a notebook.
"""

import re
from dataclasses import dataclass, field

from book.tools.about import site_address
from book.tools.notebooks.myst import (
    CODE,
    EQUATION,
    LABEL,
    PRF,
    Chapter,
    Directive,
    Target,
    blocks,
    kind_of,
)

# fmt: off
ADMONITIONS = {
    "admonition", "attention", "caution", "danger", "dropdown", "error", "hint",
    "important", "margin", "note", "seealso", "sidebar", "tip", "warning",
}
DROPPED = {
    "bibliography", "contents", "solution", "solution-end", "solution-start",
    "tableofcontents",
}
# fmt: on

_ROLE = re.compile(r"\{([\w:.-]+)\}`([^`]+)`")
_TITLED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|mailto:)([^)\s]+)\)")


@dataclass
class Book:
    """What references resolve to, and the works that were cited on the way."""

    targets: dict[str, Target] = field(default_factory=dict)
    bibliography: object = None
    site: str = ""
    cited: list[str] = field(default_factory=list)


class Renderer:
    """One chapter's Markdown cells without MyST, numbered as by `Chapter`."""

    def __init__(self, number: str, book: Book):
        self.chapter = Chapter(number)
        self.book = book

    def render(self, text: str) -> str:
        parts = [
            self._plain(block) if isinstance(block, str) else self._directive(block)
            for block in blocks(text)
        ]
        return "\n\n".join(part.strip("\n") for part in parts if part.strip())

    def _directive(self, block: Directive) -> str:
        kind = kind_of(block)
        number = self.chapter.next(kind).number if kind else ""
        prefix, _, name = block.name.rpartition(":")
        if block.name == "math":
            return _display(block.body, number)
        if block.name in DROPPED:
            return ""
        if block.name in ("code", "code-block", "code-cell"):
            return f"```{block.argument}\n{block.body}\n```"
        title = self.inline(block.argument)
        if block.name == "figure":
            alt = block.options.get("alt", "see the book")
            return f"*Figure {number}. {self.inline(block.body)}* ({alt})"
        body = self.render(block.body)
        if block.name == "prf:proof":
            return f"*Proof.* {body} □"
        if prefix == "prf" and name in PRF:
            title = f" ({title})" if title else ""
            return quote(f"**{name.capitalize()} {number}{title}.**\n\n{body}")
        if block.name == "exercise":
            title = f": {title}" if title else ""
            return f"### Exercise {number}{title}\n\n{body}"
        if block.name in ADMONITIONS:
            plain = name.capitalize() if name != "seealso" else "See also"
            own = block.name in ("admonition", "dropdown", "sidebar") and title
            if not own and title:  # a note may begin on the line that opens it
                body = f"{title} {body}"
            first = "\n\n" if re.match(r"([-*+]|\d+\.) ", body) else " "  # a list
            return quote(f"**{own or plain}.**{first}{body}")
        raise ValueError(
            f"the directive {{{block.name}}} has no plain form: teach it to "
            "book/tools/notebooks/myst.py, or write it another way"
        )

    def _plain(self, text: str) -> str:
        kept, code = [], None
        for line in text.split("\n"):
            fence = CODE.match(line)
            if fence and code is None:
                kept.append(("text", []))
                kept.append(("code", [line]))
                code = fence[1]
            elif code:
                kept[-1][1].append(line)
                if fence and fence[1].startswith(code):
                    code = None
                    kept.append(("text", []))
            elif not LABEL.match(line) and not re.match(r"%( |$)|\+\+\+", line):
                if not kept:
                    kept.append(("text", []))
                kept[-1][1].append(line)
        return "\n".join(
            self.inline("\n".join(lines)) if sort == "text" else "\n".join(lines)
            for sort, lines in kept
        )

    def inline(self, text: str) -> str:
        """Roles, links and labelled equations inside a text."""

        def equation(match: re.Match) -> str:
            number = self.chapter.next("Equation").number if match[2] else ""
            return _display(match[1], number) if match[2] else match[0]

        text = EQUATION.sub(equation, text)
        text = _ROLE.sub(lambda m: self._role(m[1], m[2]), text)
        return _LINK.sub(lambda m: self._link(m[1], m[2]), text)

    def _role(self, role: str, text: str) -> str:
        titled = _TITLED.match(text)
        title, label = (titled[1], titled[2]) if titled else ("", text)
        if role in ("cite", "cite:p", "cite:t", "cite:ps", "cite:ts"):
            keys = [key.strip() for key in text.split(",")]
            self.book.cited += [k for k in keys if k not in self.book.cited]
            return self.book.bibliography.cite(keys, textual=role.startswith("cite:t"))
        if role == "eq":
            return f"({self._target(label).number})"
        if role in ("ref", "prf:ref", "numref"):
            target = self._target(label)
            if role == "numref" and title:
                return title.replace("%s", target.number).replace(
                    "{number}", target.number
                )
            name = target.title if target.kind in ("Section", "") else target.text
            return title or (target.text if role == "numref" else name)
        if role == "doc":
            return self._link(title, label)
        if role == "math":
            return f"${text}$"
        if role in ("term", "abbr", "sub", "sup"):
            return title or text
        if role.removeprefix("py:") in ("func", "class", "meth", "mod", "attr", "data"):
            return f"`{label.lstrip('~')}`"
        raise ValueError(
            f"the role {{{role}}} has no plain form: teach it to "
            "book/tools/notebooks/myst.py, or write it another way"
        )

    def _target(self, label: str) -> Target:
        if label not in self.book.targets:
            raise ValueError(f"the label {label!r} is nowhere in the book")
        return self.book.targets[label]

    def _link(self, title: str, address: str) -> str:
        """A link inside the book: to its site where that is known, else just words."""
        if address.startswith("#"):
            target = self._target(address[1:])
            return title or target.title or target.text
        path, _, anchor = address.partition("#")
        page = re.sub(r"\.(md|ipynb)$", "", re.sub(r"^(\.\./|\./|/)+", "", path))
        words = title or page.rpartition("/")[2].lstrip("0123456789_").replace("_", " ")
        if not self.book.site:
            return words
        if "/" not in page:  # a neighbour, so another chapter
            page = f"notebooks/{page}"
        anchor = f"#{anchor}" if anchor else ""
        return f"[{words}]({site_address(self.book.site)}{page}.html{anchor})"


def quote(text: str) -> str:
    """The text as a Markdown quotation."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _display(body: str, number: str) -> str:
    """A displayed formula, with its number where it has one."""
    body = body.strip()
    if "\\\\" in body and "\\begin" not in body:
        body = f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
    tag = f" \\tag{{{number}}}" if number else ""
    return f"$$\n{body}{tag}\n$$"
