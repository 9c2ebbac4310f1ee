"""The built book: it builds from clean without a warning, and lacks nothing."""

import re
import zipfile
from importlib import import_module
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup

import ntkbook
from book.tools import files
from book.tools.site import build
from book.tools.sphinx import descriptions
from book.tools.sphinx.pages import api
from ntkbook.page.claims.records import records
from tests.helpers.chromium import BUILD, HTML, ROOT, STALE

TOURS = ROOT / "ntkbook/page/playground/ui/guide/tours.js"
# What makes a browser fetch something, as opposed to what a reader may click.
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
LOADS |= {"source": "src", "video": "src", "audio": "src", "object": "data"}


@pytest.fixture(scope="module")
def pages(built):
    """Every page of a book built from clean, parsed, by its path in the site."""
    return {
        str(path.relative_to(HTML)): BeautifulSoup(path.read_text(), "html.parser")
        for path in sorted(HTML.rglob("*.html"))
        if "_static" not in path.parts
    }


def test_has_its_pages_and_no_stale_one(pages):
    chapters = {f"notebooks/{p.stem}.html" for p in ROOT.glob("notebooks/*.ipynb")}
    assert chapters <= set(pages)
    assert {"index.html", "book/start.html", "book/claims.html"} <= set(pages)
    assert not STALE.exists()


ROUGH = r"[$\\{}`<>]|\.\.\.|…| [,.;:)\]]|[(\[] "  # of MyST, or set by a machine


def test_each_page_says_what_it_is(pages):
    """In a title and a description of its own, of whole sentences without a formula."""
    found = {}
    for name, page in pages.items():
        (tag,) = page.select("head meta[name=description]") or [{"content": ""}]
        found[name] = " ".join(page.head.title.get_text().split()), tag["content"]
    wrong = [
        f"{name}: {text}"
        for name, (_, text) in found.items()
        if not 50 <= len(text) <= 300
        or re.search(ROUGH, text)
        or not re.fullmatch(r"[A-Z].*[.?!][”)]?", text)
    ]
    assert wrong == []
    for of_one_kind in zip(*found.values(), strict=True):
        assert "" not in of_one_kind
        twice = {text for text in of_one_kind if of_one_kind.count(text) > 1}
        assert not twice
    written = {f"{name}.html" for name in descriptions.WRITTEN}
    assert written <= set(pages)


def test_a_second_build_has_nothing_to_do(pages, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", BUILD[2:])
    build.main()
    assert "Nothing has changed" in capsys.readouterr().out


def test_loads_nothing_from_elsewhere(pages):
    external = [
        f"{name}: <{tag.name}> {tag[attribute]}"
        for name, page in pages.items()
        for element, attribute in LOADS.items()
        for tag in page.find_all(element, attrs={attribute: True})
        if urlsplit(tag[attribute]).netloc
    ]
    assert external == []


def test_every_link_and_anchor_resolves(pages):
    ids = {
        name: {tag.get("id") or tag.get("name") for tag in page.find_all(True)}
        for name, page in pages.items()
    }
    tours = {f"tour={name}" for name in re.findall(r'key: "(\w+)"', TOURS.read_text())}
    broken = []
    for name, page in pages.items():
        for link in page.find_all("a", href=True):
            target = urlsplit(link["href"])
            if target.scheme or target.netloc:
                continue
            path = unquote(urljoin(name, target.path)) if target.path else name
            if not (HTML / path).is_file():
                broken.append(f"{name}: {link['href']}")
            elif target.fragment and path in ids:
                anchor = unquote(target.fragment)
                if path == "book/playground.html" and anchor in tours:
                    continue
                broken += [f"{name}: {link['href']}"] * (anchor not in ids[path])
    assert broken == []


def test_ids_are_unique_on_each_page(pages):
    twice = []
    for name, page in pages.items():
        ids = [tag["id"] for tag in page.find_all(id=True)]
        twice += [f"{name}: {id}" for id in set(ids) if ids.count(id) > 1]
    assert twice == []


def test_the_api_page_has_every_public_name(pages):
    described = {tag["id"] for tag in pages["book/api.html"].select("dt.sig[id]")}
    listed = [name for names in api.addresses().values() for name in names]
    assert len(set(listed)) == len(listed) and set(listed) <= described
    offered = {f"ntkbook.{n}" for n in set(ntkbook.__all__) - set(ntkbook.MODULES)}
    assert offered <= set(listed)
    for module in ntkbook.MODULES:  # there, or at the top where that has the same
        for name in import_module(f"ntkbook.{module}").__all__:
            assert {f"ntkbook.{name}", f"ntkbook.{module}.{name}"} & set(listed), name
    # Shapes are said in words; a colon in the first line would make a type of it.
    fields = {
        tag.get_text() for tag in pages["book/api.html"].select("dl.field-list dt")
    }
    assert {"Parameters:", "Returns:"} <= fields and "Return type:" not in fields


def test_carries_a_notebook_for_colab_and_the_wheel(pages):
    for notebook in ROOT.glob("notebooks/*.ipynb"):
        assert (HTML / "colab" / notebook.name).is_file()
    (wheel,) = (HTML / "colab").glob("ntkbook-*.whl")
    files = zipfile.ZipFile(wheel).namelist()
    assert "ntkbook/page/exercises/answers.json" in files
    assert any(name.startswith("ntkbook/page/claims/") for name in files)


NUMBERED = r"(?:Theorem|Proposition|Lemma|Corollary|Exercise) (\d)\.\d+"


def test_what_a_claim_refers_to_stands_on_the_page(pages):
    """Theorems, exercises and sections have the numbers and titles that it gives."""
    text = {name.split("/")[1][:2]: page.get_text() for name, page in pages.items()
            if name.startswith("notebooks/")}  # fmt: skip
    missing = []
    for record in records().values():
        said = " ".join((record.why, record.correction, record.remark, record.scale,
                         record.reason, record.undecided))  # fmt: skip
        for found in re.finditer(NUMBERED, said):
            if found[0] not in text[f"0{found[1]}"]:
                missing.append(f"{record.id}: {found[0]}")
        for title in re.findall(r'Section "([^"]+)"', said):
            if title.rstrip(".?") not in text[record.id[2].zfill(2)]:
                missing.append(f"{record.id}: {title}")
    assert not missing


def test_titles_are_the_same_everywhere(pages):
    """The first page lists the chapters by title, and the README their questions."""
    front = pages["book/start.html"].get_text()
    readme = " ".join((ROOT / "README.md").read_text().lower().split())
    for name in files.chapters(ROOT):
        heading = pages[f"notebooks/{name}.html"].select_one("article h1").get_text()
        title = heading.partition(". ")[2].rstrip("#")
        assert title in front, f"book/start.md does not list {title!r}"
        question = title.partition(": ")[2].lower()
        assert question in readme, f"README.md does not ask {question!r}"
