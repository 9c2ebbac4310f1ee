"""Citations as the book prints them, for the notebooks that Sphinx does not build."""

from pathlib import Path

from pybtex.database import Entry, parse_file
from pybtex.richtext import Text


class Bibliography:
    """The works of `book/references.bib`: how to cite them, and how to list them."""

    def __init__(self, path: Path):
        self.entries = parse_file(str(path)).entries

    def cite(self, keys: list[str], *, textual: bool = False) -> str:
        """`[Chizat et al., 2019]`, or in a sentence `Chizat et al. [2019]`."""
        for key in keys:
            if key not in self.entries:
                raise ValueError(f"no work in book/references.bib has the key {key!r}")
        works = [(names(self.entries[k]), field(self.entries[k], "year")) for k in keys]
        if textual:
            return "; ".join(f"{who} [{year}]" for who, year in works)
        return "[" + "; ".join(f"{who}, {year}" for who, year in works) + "]"

    def listing(self, keys: list[str]) -> str:
        """A References section in Markdown, in the order of the names."""
        works = sorted(keys, key=lambda k: names(self.entries[k]).casefold())
        return "\n".join(["## References", "", *(f"- {self.entry(k)}" for k in works)])

    def entry(self, key: str) -> str:
        """One work in a line: authors, title, where, year, address."""
        entry = self.entries[key]
        places = ("journal", "booktitle", "howpublished", "publisher")
        venue = next(filter(None, (field(entry, name) for name in places)), "")
        authors = ", ".join(str_name(p, full=True) for p in persons(entry))
        parts = [authors, field(entry, "title"), venue and f"*{venue}*"]
        parts.append(field(entry, "year"))
        address = field(entry, "url")
        if doi := field(entry, "doi"):
            address = f"https://doi.org/{doi}"
        elif not address and (arxiv := field(entry, "eprint")):
            address = f"https://arxiv.org/abs/{arxiv}"
        return ". ".join(filter(None, [*parts, address and f"<{address}>"]))


def persons(entry: Entry) -> list:
    return entry.persons.get("author") or entry.persons.get("editor") or []


def names(entry: Entry) -> str:
    """The authors as in a citation: one, two with "and", or the first "et al."."""
    last = [str_name(person) for person in persons(entry)]
    if len(last) > 2:
        return f"{last[0]} et al."
    return " and ".join(last) or field(entry, "title")


def str_name(person, *, full: bool = False) -> str:
    """A person's last name, after the first name's initials if asked."""
    parts = [*person.rich_prelast_names, *person.rich_last_names]
    if full:
        given = [*person.rich_first_names, *person.rich_middle_names]
        parts = [f"{str(name)[0]}." for name in given] + parts
    return " ".join(map(str, parts))


def field(entry: Entry, name: str) -> str:
    """A field as text, its LaTeX accents and braces resolved; "" if it is missing."""
    if name not in entry.fields:
        return ""
    if name in ("url", "doi", "eprint"):
        return entry.fields[name].replace("\\_", "_")
    return str(Text.from_latex(entry.fields[name]))
