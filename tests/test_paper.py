"""The book on paper: nothing is cut off, and the PDF leads its reader."""

import re
import sys
from unicodedata import normalize

import pytest
import yaml
from chromium import ROOT, build
from pypdf import PdfReader

sys.path.insert(0, str(ROOT / "book" / "tools"))

import pdf

NAMES = [name for _, pages in pdf.contents() for name in pages]

# What sticks out of the sheet; a picture's clipped parts count with the picture.
OUT = """() => {
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")]
    .filter((e) => !e.closest("svg") || e.matches("svg"))
    .filter((e) => {
      const {left, right, height} = e.getBoundingClientRect();
      return height && (right > width + 1 || left < -1);
    })
    .map((e) => e.outerHTML.slice(0, 150));
}"""


@pytest.fixture(scope="module")
def printed(browser, tmp_path_factory):
    """The whole book on paper: what sticks out, and the PDF."""
    build()
    pdf.WHOLE.write_text(pdf.whole(), encoding="utf-8")
    try:
        page = pdf.typeset(browser)
        out = page.evaluate(OUT)
        path = tmp_path_factory.mktemp("pdf") / "ntkbook.pdf"
        pdf.print_book(page, path)
        page.close()
    finally:
        pdf.WHOLE.unlink()
    return out, path, PdfReader(path)


def test_nothing_sticks_out_of_the_sheet(printed):
    assert printed[0] == []


def test_the_pdf_is_small_enough(printed):
    assert printed[1].stat().st_size < 20e6


def words(text):
    return re.sub(r"\W+", "", normalize("NFKC", text))  # a PDF has ligatures


def test_the_pdf_has_every_page_bookmarked_and_numbered(printed):
    _, _, book = printed
    starts = pdf.starts(book)
    marks = {}

    def collect(entries, depth=0):
        for entry in entries:
            if isinstance(entry, list):
                collect(entry, depth + 1)
            else:
                number = book.get_destination_page_number(entry) + 1
                marks[number, words(entry.title)] = depth

    collect(book.outline)
    contents = words("".join(sheet.extract_text() for sheet in book.pages[:8]))
    titles = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    assert {words(part["caption"]) for part in titles} <= {
        mark for (_, mark), depth in marks.items() if depth == 0
    }
    for name in NAMES:
        number = starts[pdf.anchor(name)]
        title = words(pdf._words(pdf.soup(name).select_one("article h1")).rstrip("#"))
        assert (number, title) in marks
        assert f"{title}{number}" in contents
        assert title in words(book.pages[number - 1].extract_text())


def test_links_lead_within_the_pdf(printed):
    _, _, book = printed
    starts, links = pdf.starts(book), 0
    for sheet in book.pages:
        for link in sheet.get("/Annots", []):
            link = link.get_object()
            address = link.get("/A", {}).get("/URI", "")
            assert not address.startswith("file:"), address
            links += "/Dest" in link
            if "/Dest" in link:
                assert pdf.unquote(str(link["/Dest"]).lstrip("/")) in starts
    assert links > 500
