"""The book on paper: nothing is cut off, and the PDF leads its reader.

Single pages are printed each time, the whole book weekly (`make test-all`).
"""

import re
from unicodedata import normalize

import numpy as np
import pypdfium2
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from book.tools import files
from book.tools.site import pdf
from tests.helpers.chromium import HTML, ROOT

weekly = pytest.mark.weekly
NAMES = [name for _, pages in files.contents(ROOT) for name in pages]

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

# Boxes that hide a part of what is in them. A formula's own parts do so by a hair.
CUT = """() => [...document.querySelectorAll("body *")]
  .filter((e) => !e.closest("svg > *") && !e.closest("mjx-container > *"))
  .filter((e) => {
    const {overflowX, overflowY} = getComputedStyle(e);
    return [overflowX, overflowY].some((o) => !["visible", "clip"].includes(o))
      && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
  })
  .map((e) => e.outerHTML.slice(0, 150))"""

# Of pictures, rows and formulas: which may be split between two sheets.
SPLIT = """(sheet) => [...document.querySelectorAll(
    "figure, article img, .ntk-explore, .ntk-claim, .ntk-map, tr, div.math")]
  .filter((e) => getComputedStyle(e).breakInside !== "avoid"
    || e.getBoundingClientRect().height > sheet)
  .map((e) => e.outerHTML.slice(0, 150))"""

# Formulas that reach over the edge of what holds them, or over their number.
FORMULAS = """() => {
  const found = [], box = (e) => e.getBoundingClientRect();
  for (const formula of document.querySelectorAll("mjx-container")) {
    const outer = formula.parentElement.closest(
      "td, th, p, li, dd, dt, div, h1, h2, h3, h4, h5, section, figcaption, caption");
    const number = formula.parentElement.querySelector(":scope > .eqno");
    const left = box(outer).left - 2;
    const right = (number ? box(number).left : box(outer).right) + 2;
    const parts = [...formula.firstElementChild.children];
    if (parts.some((part) => box(part).left < left || box(part).right > right))
      found.push(formula.getAttribute("aria-label"));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def printed(built, browser, tmp_path_factory):
    """The whole book on paper: what is wrong with it, the PDF's path, and the PDF."""
    pdf.WHOLE.write_text(pdf.whole(), encoding="utf-8")
    try:
        page = pdf.typeset(browser)
        wrong = {
            "sticks out": page.evaluate(OUT),
            "is cut": page.evaluate(CUT),
            "may be split": page.evaluate(SPLIT, pdf.TEXT_HEIGHT),
            "formula": page.evaluate(FORMULAS),
        }
        path = tmp_path_factory.mktemp("pdf") / "ntkbook.pdf"
        pdf.print_book(page, path)
        page.close()
    finally:
        pdf.WHOLE.unlink()
    return wrong, path, PdfReader(path)


@weekly
def test_all_is_on_the_sheet_and_whole(printed):
    assert printed[0] == dict.fromkeys(printed[0], [])


def test_the_checks_see_what_is_wrong(browser):
    page = browser.new_page(viewport={"width": 600, "height": 800})
    page.set_content(
        """<pre style="width: 99px; overflow: auto">123456789012345678901234567890</pre>
        <div style="margin-left: -20px">out</div>
        <article><img style="break-inside: avoid; height: 99px"></article>
        <div style="width: 200px"><span class="eqno" style="float: right">(1)</span>
        <mjx-container aria-label="f"><mjx-math><div>f</div></mjx-math></mjx-container>
        </div>"""
    )
    found = [page.evaluate(check) for check in (OUT, CUT, FORMULAS)]
    assert [len(each) for each in found] == [1, 1, 1]
    assert len(page.evaluate(SPLIT, 50)) == 1 and page.evaluate(SPLIT, 200) == []
    page.close()


# Rows and columns of a sheet's picture, a point a pixel: margins as in pdf.css, without
# the bands of the running head and of the page's number.
SIDES = np.s_[:, :56], np.s_[:, 540:]
MARGINS = *SIDES, np.s_[:20], np.s_[45:61], np.s_[787:800], np.s_[825:]
TEXT = np.s_[63:784]


def faults(picture):
    """What is wrong with a sheet, by its picture in grey."""
    text = picture[TEXT]
    if any(picture[margin].min() <= 250 for margin in MARGINS):
        yield "printed into the margins"
    if not (text < 190).any():
        yield "empty"
    elif frame_is_empty(text) or frame_is_empty(text[::-1]):
        yield "begins or ends in an empty box"


def frame_is_empty(rows):
    """Whether rows of a sheet begin in a tinted box that ends before any letter."""
    letters, tinted = (rows < 190).any(axis=1), rows[:, rows.shape[1] // 2] < 252
    return tinted[0] and letters.argmax() > (~tinted).argmax() > 0


def test_an_empty_box_is_seen():
    rows = np.full((100, 50), 255)
    rows[:20], rows[40] = 244, 0
    assert frame_is_empty(rows)
    rows[5] = 0
    assert not frame_is_empty(rows)


@weekly
def test_each_sheet_has_its_margins_and_no_empty_box(printed):
    with pypdfium2.PdfDocument(printed[1]) as book:
        wrong = {
            number: found
            for number, sheet in enumerate(book, 1)
            if (found := [*faults(sheet.render(grayscale=True).to_numpy().squeeze())])
        }
    assert wrong == {}


def test_what_is_wrong_with_a_sheet_is_seen():
    sheet = np.full((842, 595), 255)
    assert [*faults(sheet)] == ["empty"]
    sheet[300, 100] = 0
    assert [*faults(sheet)] == []
    sheet[300, 20] = 0
    assert [*faults(sheet)] == ["printed into the margins"]


@weekly
def test_the_pdf_is_small_enough(printed):
    assert printed[1].stat().st_size < 20e6


def texts_of(pdf):
    """The words on each sheet."""
    with pypdfium2.PdfDocument(pdf) as book:
        return [sheet.get_textpage().get_text_range() for sheet in book]


def words(text):
    return re.sub(r"\W+", "", normalize("NFKC", text))  # a PDF has ligatures


@weekly
def test_the_pdf_has_every_page_bookmarked_and_numbered(printed):
    _, _, book = printed
    starts = pdf.starts(book)
    marks, titles = {}, []

    def collect(entries, depth=0):
        for entry in entries:
            if isinstance(entry, list):
                collect(entry, depth + 1)
            else:
                number = book.get_destination_page_number(entry) + 1
                marks[number, words(entry.title)] = depth
                titles.append(entry.title)

    collect(book.outline)
    texts = texts_of(printed[1])
    contents = words("".join(texts[:8]))
    assert {words(caption) for caption, _ in files.contents(ROOT) if caption} <= {
        mark for (_, mark), depth in marks.items() if depth == 0
    }
    for name in NAMES:
        number = starts[pdf.anchor(name)]
        page = (HTML / f"{name}.html").read_text(encoding="utf-8")
        (heading, *_) = re.findall("<h1.*?</h1>", page.split("<article")[1], re.S)
        heading = BeautifulSoup(heading, "html.parser")
        title = pdf._words(heading).rstrip("#")
        assert title in titles  # with its blanks
        title = words(title)
        assert (number, title) in marks
        assert f"{title}{number}" in contents
        assert title in words(texts[number - 1])
    assert "1.7. A small κ is not enough" in titles


@weekly
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


def test_what_pages_fold_or_move_is_said_on_paper(built):
    claims = pdf.article("book/claims", NAMES, None)
    opened = [tag.has_attr("open") for tag in claims.select("details.ntk-source")]
    assert opened and all(opened)
    guide = pdf.article("notebooks/your_network", NAMES, None)
    assert guide.select(".ntk-explore") and not guide.select(".ntk-sliders, input")
    for figure in guide.select(".ntk-explore"):
        assert "Printed here: steps 30." in figure.figcaption.get_text()


@pytest.mark.parametrize(
    "name", ["book/start", pytest.param("notebooks/04_infinite_width", marks=weekly)]
)
def test_one_page_prints_without_controls_and_on_white(built, browser, name):
    page = browser.new_page(viewport={"width": 690, "height": 1000})
    page.add_init_script("localStorage.setItem('mode', 'dark')")
    page.goto((HTML / f"{name}.html").as_uri())
    page.evaluate("window.MathJax?.startup?.promise")
    ink = "getComputedStyle(document.body).color"
    page.evaluate(f"onbeforeprint = () => {{ window.ink = {ink}; }}")
    on_screen = page.evaluate(ink)
    sheets = page.pdf(format="A4")
    assert page.evaluate("window.ink") != on_screen == page.evaluate(ink)
    text = words("".join(texts_of(sheets)))
    assert ("Threewaysin" if name == "book/start" else "Summary") in text
    page.emulate_media(media="print")
    assert not any(e.is_visible() for e in page.locator("button, input").all())
    assert page.evaluate(CUT) == [] and page.evaluate(FORMULAS) == []
    page.close()


# The longest words between formulas, which the PDF would have in other letters.
LONGEST = """(box) => {
  const walk = document.createTreeWalker(box, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode())
    if (walk.currentNode.parentElement.matches("p:not(.admonition-title)"))
      found.push(walk.currentNode.data);
  return found.sort((a, b) => b.length - a.length)[0] ?? "";
}"""


@weekly
def test_a_printed_chapter_has_its_number_and_only_the_solutions_unfolded(
    built, browser
):
    page = browser.new_page(viewport={"width": 690, "height": 1000})
    page.goto((HTML / "notebooks" / "06_equivalence.html").as_uri())
    page.evaluate("window.MathJax.startup.promise")
    solutions = page.locator("div.solution")
    said = [words(each.evaluate(LONGEST))[:60] for each in solutions.all()]
    said = [sentence for sentence in said if len(sentence) > 20]
    aside = page.locator(".admonition.dropdown:not(.solution)").first
    beside = words(aside.evaluate(LONGEST))[:60]
    title = words(page.locator("article h1").inner_text())
    assert title.startswith("6") and len(said) > 3

    def printed():
        return words("".join(texts_of(page.pdf(format="A4"))))

    text = printed()
    assert len(beside) > 20 and title in text and beside in text
    assert text.count("Solution") >= solutions.count()
    assert not [sentence for sentence in said if sentence in text]
    assert aside.get_attribute("class").count("toggle-hidden")  # as it was before
    for button in solutions.locator("button.toggle-button").all():
        button.click()
    text = printed()
    assert [sentence for sentence in said if sentence not in text] == []
    page.close()
