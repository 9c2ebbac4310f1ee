"""Print the built book into one PDF, with Chromium (what `make pdf` runs).

All pages go into a single document, in the order of the table of contents, so that
Chromium makes bookmarks of their headings and keeps the links between them. Solutions
move to the end of their chapter. The first printing tells on which page each section
begins; the second has these numbers in the table of contents. Chromium loses blanks and
formulas of the headings in its bookmarks; they get their words from the page.
"""

import re
import sys
from io import BytesIO
from pathlib import Path
from posixpath import join, normpath
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from book.tools.about import site_address
from book.tools.files import contents
from book.tools.site import chromium

ROOT = Path(__file__).resolve().parents[3]
HTML = ROOT / "_build" / "html"
PDF = HTML / "ntkbook.pdf"
# In the site's root, whence the style sheets and pictures are found; it goes again.
WHOLE = HTML / "whole.html"
SHORT = 8  # lines of code that are not divided between two sheets
TABLE = 20  # the same of output
TEXT_WIDTH, TEXT_HEIGHT = 642, 964  # CSS pixels: A4 without the margins in pdf.css

# MathJax's hidden copy of each formula, for screen readers, would be printed too, and
# each letter be a part of the document's structure; the formula's TeX is enough. Its
# plain letters are kept for the bookmarks.
SAID = """() => {
  for (const { math, typesetRoot } of MathJax.startup.document.math) {
    const hidden = typesetRoot.querySelector("mjx-assistive-mml");
    typesetRoot.dataset.words = hidden.textContent;
    hidden.remove();
    typesetRoot.setAttribute("role", "img");
    typesetRoot.setAttribute("aria-label", math);
  }
}"""
# A formula that is too wide becomes smaller: a sheet does not scroll.
FIT = """() => {
  for (const box of document.querySelectorAll("mjx-container[display=true]")) {
    const need = box.firstElementChild.scrollWidth / box.clientWidth;
    if (need > 1)
      box.style.fontSize = `${parseFloat(box.style.fontSize) / need - 1}%`;
  }
}"""
# Folded code draws figures; who wants it has the notebook.
NOT_PRINTED = "script, .headerlink, .ntk-run, .ntk-sliders, .ntk-pdf, details.hide"
OFFER = '<p class="ntk-pdf">'  # sphinx_page.py leaves it empty


def soup(name):
    text = (HTML / f"{name}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


def anchor(name, fragment=""):
    """What an anchor of a page is called in the whole book."""
    return f"{name.replace('/', '-')}{fragment and '--'}{fragment}"


def article(name, names, address):
    """A page's text, ready to stand among the others."""
    text = soup(name).select_one("article.bd-article")
    _sliders_said(text)
    for tag in text.select("details.ntk-source, .ntk-claim details"):
        tag["open"] = ""  # each claim's line, and in chapters all of it
    for tag in text.select(".ntk-claim details li:last-child"):
        if tag.get_text().startswith("What “"):
            tag.decompose()  # the page of claims says what each verdict means
    for tag in text.select(NOT_PRINTED):
        tag.decompose()
    for tag in text.select(".highlight :is(.n, .p, .w, .o, .si)"):
        tag.unwrap()  # names and signs in a colour of their own would double the size
    for tag in text.select("pre"):
        output = tag.find_parent(class_="cell_output") is not None
        if tag.get_text().strip().count("\n") < (TABLE if output else SHORT):
            tag["class"] = "pdf-short"
    _proofs_alike(text)
    _solutions_last(text)
    for tag in text.find_all(re.compile("^h[1-5]$")):
        tag.name = f"h{int(tag.name[1]) + 1}"
    for tag in text.find_all(id=True):
        if not tag.find_parent("svg"):  # their ids are digests, and used in styles
            tag["id"] = anchor(name, tag["id"])
    for tag in text.find_all(src=True):
        tag["src"] = normpath(join(name, "..", tag["src"]))
        tag.attrs.pop("loading", None)
    for tag in text.find_all("link", href=True):  # the playground's styles
        tag["href"] = normpath(join(name, "..", tag["href"]))
    for tag in text.find_all("a", href=True):
        _link(tag, name, names, address)
    text.find("section")["id"] = anchor(name)
    return text


def _sliders_said(text):
    """Say in its caption what a figure with sliders shows on paper."""
    for figure in text.select(".ntk-explore:has(.ntk-sliders)"):
        labels = figure.select(".ntk-sliders label:has(output)")
        said = [f"{tag.span.get_text()} {tag.output.get_text()}" for tag in labels]
        if said and figure.figcaption:
            figure.figcaption.append(f" Printed here: {', '.join(said)}.")


def _proofs_alike(text):
    """Set a proof that its page folds away as the others are set."""
    for proof in text.select(".dropdown.admonition"):
        title = proof.select_one(".admonition-title")
        if title.get_text().startswith("Proof"):
            proof["class"] = ["proof", "admonition"]
            title.find_next("p").insert(0, f"{title.extract().get_text()}. ")


def _solutions_last(text):
    """Take solutions out of the flow: who turns pages should not see them."""
    solutions = text.select("div.solution")
    if not solutions:
        return
    last = BeautifulSoup(
        '<section id="solutions"><h2>Solutions</h2></section>', "html.parser"
    )
    for solution in solutions:
        exercise = solution.find_previous("div", class_="exercise")
        number = exercise.select_one(".caption-number").get_text(strip=True)
        title = solution.select_one(".admonition-title")
        title.string = f"{number}: solution"
        solution["class"] = ["solution", "admonition"]
        last.section.append(solution.extract())
    text.find("section").append(last.section)


def _link(tag, name, names, address):
    """Lead a link to its place in the PDF, or on the site; or make it plain words."""
    target = urlsplit(tag["href"])
    if target.scheme:
        return
    path = normpath(join(name, "..", unquote(target.path))) if target.path else name
    page = path.removesuffix(".html")
    if page in names:
        tag["href"] = f"#{anchor(page, unquote(target.fragment))}"
    elif address:
        tag["href"] = f"{site_address(address)}{path}"
    else:
        tag.unwrap()


def whole():
    """The whole book as one page."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    parts = list(contents(ROOT))
    names = [name for _, pages in parts for name in pages]
    book = BeautifulSoup(_shell(config), "html.parser")
    entries = book.select_one(".pdf-contents ol")
    for caption, pages in parts:
        if caption:
            part = book.new_tag(
                "h1", attrs={"class": "pdf-part", "id": anchor(caption)}
            )
            part.string = caption
            book.body.append(part)
            entries.append(_entry(book, anchor(caption), caption, "of-part"))
        for name in pages:
            text = article(name, names, config["html"]["baseurl"])
            text["style"] = f"page: {anchor(name)}"
            book.head.append(_running_head(book, anchor(name), _words(text.h2)))
            book.body.append(text)
            entries.append(_entry(book, anchor(name), _words(text.h2)))
            if caption != "Reference":
                inner = book.new_tag("ol")
                for section in text.select("section > section:has(> h3)"):
                    inner.append(_entry(book, section["id"], _words(section.h3)))
                entries.append(inner)
    return str(book)


def _running_head(book, name, words):
    """Say at the top of each of an article's pages which one it is."""
    style = book.new_tag("style")
    style.string = f'@page {name} {{ @top-right {{ content: "{words}"; }} }}'
    return style


def _shell(config):
    """The page's head, its title and an empty table of contents."""
    chapter = soup("notebooks/01_taylor_expansion")
    styles = [tag["href"] for tag in chapter.select("head link[rel=stylesheet]")]
    links = "".join(
        f'<link rel="stylesheet" href="{href.removeprefix("../")}">' for href in styles
    )
    setting = next(
        tag.string for tag in chapter.select("script") if "window.MathJax" in str(tag)
    )
    own = Path(__file__).with_suffix(".css").read_text()
    paper = (HTML / "_static" / "print.css").read_text()
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{config['title']}</title>{links}<style>{paper}{own}</style>"
        f"<script>{setting}</script>"
        '<script defer src="_static/formulas.js"></script>'
        '<script defer src="vendor/mathjax/tex-mml-chtml.js"></script></head>'
        f'<body class="bd-content"><div class="pdf-title"><h1>{config["title"]}</h1>'
        f"<p>{config['author']}</p>{config['html']['extra_footer']}"
        "<p>Solutions are at the end of each chapter. Code that the pages fold away, "
        "and figures that move, are in the notebooks.</p></div>"
        '<nav class="pdf-contents"><h1>Contents</h1><ol></ol></nav></body></html>'
    )


def _words(heading):
    return re.sub(r"\s+", " ", heading.get_text()).strip()


def _entry(book, target, words, kind=None):
    """A line of the table of contents; its page number comes later."""
    line, link = book.new_tag("li"), book.new_tag("a", href=f"#{target}")
    if kind:
        line["class"] = kind
    for text in (words, ""):
        cell = book.new_tag("span")
        cell.string = text
        link.append(cell)
    line.append(link)
    return line


NUMBER = """(pages) => {
  for (const link of document.querySelectorAll(".pdf-contents a")) {
    const page = pages[decodeURIComponent(link.hash.slice(1))];
    if (!page) throw new Error(`no page for ${link.hash}`);
    link.lastChild.textContent = page;
  }
}"""


HEADINGS = """() => {
  const words = (heading) => {
    const copy = heading.cloneNode(true);
    for (const formula of copy.querySelectorAll("mjx-container"))
      formula.replaceWith(formula.dataset.words);
    return copy.textContent.replace(/\\s+/g, " ").trim();
  };
  return [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(words);
}"""


def typeset(browser, document=WHOLE):
    """Open the whole book as it will be on paper, its formulas and pictures ready."""
    page = browser.new_page(viewport={"width": TEXT_WIDTH, "height": 1000})
    page.emulate_media(media="print", color_scheme="light")
    page.set_default_timeout(240_000)
    page.goto(document.as_uri())
    page.evaluate("MathJax.startup.promise")
    page.evaluate(SAID)
    page.evaluate(FIT)
    page.evaluate("document.fonts.ready")
    return page


def print_book(page, path):
    """Print it twice: the first printing says on which page each section is."""
    settings = {"prefer_css_page_size": True, "print_background": True}
    first = PdfReader(BytesIO(page.pdf(**settings)))
    page.evaluate(NUMBER, starts(first))
    page.pdf(path=path, outline=True, tagged=True, **settings)
    name_bookmarks(path, page.evaluate(HEADINGS))


def name_bookmarks(path, titles):
    """Give the bookmarks, which stand in the headings' order, the headings' words."""
    book = PdfWriter(path, incremental=True)
    marks = book.get_outline_root()
    for mark, title in zip(_below(marks), titles, strict=True):
        mark[NameObject("/Title")] = TextStringObject(title)
    book.write(path)


def _below(mark):
    """All bookmarks under one, from top to bottom."""
    mark = mark.get("/First")
    while mark:
        mark = mark.get_object()
        yield mark
        yield from _below(mark)
        mark = mark.get("/Next")


def starts(pdf):
    """The page on which each named place of a PDF is."""
    return {
        unquote(name.lstrip("/")): pdf.get_destination_page_number(place) + 1
        for name, place in pdf.named_destinations.items()
    }


def offer(pdf):
    """Put the link to the PDF on the pages that have a place for it."""
    pages, size = len(PdfReader(pdf).pages), pdf.stat().st_size / 1e6
    for path in HTML.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if OFFER in text:
            link = f'<a href="../{pdf.name}">The whole book as a PDF</a>'
            words = f"{OFFER}{link} ({pages} pages, {size:.0f} MB)</p>"
            text = re.sub(rf"{OFFER}.*?</p>", lambda _: words, text)  # noqa: B023
            path.write_text(text, encoding="utf-8")
    return pages, size


def main():
    path = chromium.find()
    if path is None:
        sys.exit(f"Printing needs Chromium; on Debian: {chromium.GET}")
    WHOLE.write_text(whole(), encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-gpu"]
            browser = playwright.chromium.launch(executable_path=path, args=flags)
            print_book(typeset(browser), PDF)
            browser.close()
    finally:
        WHOLE.unlink()
    pages, size = offer(PDF)
    print(f"{PDF}: {pages} pages, {size:.1f} MB")


if __name__ == "__main__":
    main()
