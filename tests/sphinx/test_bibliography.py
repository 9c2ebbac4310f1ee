"""Every work that the book cites can be found, and every one that it lists is cited."""

import re
from collections import Counter
from pathlib import Path

import pytest
from pybtex.database import parse_file

ROOT = Path(__file__).parents[2]
WORKS = parse_file(ROOT / "book" / "references.bib").entries
PAGES = [*ROOT.glob("book/*.md"), *ROOT.glob("book/*.rst")]
PAGES += [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("ntkbook/**/*.py")]


def cited():
    """The keys in the roles `cite`, `cite:t` and `cite:p` of all pages."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    roles = re.findall(r"[{:]cite(?::[tp])?[}:]`([^`]+)`", text)
    return {key.strip() for keys in roles for key in keys.split(",")}


def test_what_is_cited_is_listed_and_what_is_listed_is_cited():
    assert cited() == set(WORKS)


@pytest.mark.parametrize("key", WORKS)
def test_a_work_can_be_found(key):
    fields = WORKS[key].fields
    assert WORKS[key].persons["author"] and fields["title"]
    year = int(fields["year"])
    first = WORKS[key].persons["author"][0].last_names[-1]
    assert re.match(rf"[a-z]+{year}[a-z]+$", key), "key: author, year, telling word"
    assert key[:2] == re.sub(r"\W", "", first).lower()[:2]
    if "doi" in fields:
        assert re.fullmatch(r"10\.\d{4,}/\S+", fields["doi"])
    else:
        assert re.fullmatch(r"https://[^\s{}]+", fields["url"])
    paper = re.search(r"arxiv\.org/abs/(\d\d)(\d\d)\.\d{4,5}$", fields.get("url", ""))
    if "arxiv" in fields.get("url", ""):
        posted = 2000 + int(paper[1])
        assert posted <= year + 1 and 1 <= int(paper[2]) <= 12


def test_no_work_is_listed_twice():
    titles = Counter(
        re.sub(r"\W", "", work.fields["title"]).lower() for work in WORKS.values()
    )
    places = Counter(
        work.fields.get("doi") or work.fields["url"] for work in WORKS.values()
    )
    assert titles.most_common(1)[0][1] == places.most_common(1)[0][1] == 1


def test_the_page_says_whether_a_detail_is_not_confirmed():
    marked = [
        key
        for key, work in WORKS.items()
        if "not confirmed" in work.fields.get("note", "")
    ]
    page = (ROOT / "book" / "bibliography.md").read_text(encoding="utf-8")
    assert ("at present there is none" in page) == (not marked), marked
