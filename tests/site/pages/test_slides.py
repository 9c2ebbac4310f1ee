"""The decks: one for each chapter; each slide is whole, and said in words."""

import re

import nbformat
import pytest
from playwright.sync_api import expect

from book.tools.sphinx.pages.playground import TOURS
from tests.helpers.chromium import HTML, PHONE, REFUSED, ROOT, violations
from tests.helpers.course import lessons
from tests.helpers.draws import first, weekly

CHAPTERS = lessons.found("slides")
DECKS = {n: ROOT / "book" / "slides" / f"{n}.md" for n in CHAPTERS}
NOTES = re.compile(r"(?s)^(`{3,})\{revealjs-notes\}\n(.*?)^\1", re.M)
# What leaves a slide at the right or below, with a pixel for rounding.
CUT = """() => {
  const slide = Reveal.getCurrentSlide();
  const scale = Reveal.getScale();
  const box = document.querySelector(".slides").getBoundingClientRect();
  const seen = [...slide.querySelectorAll("*")].filter((e) =>
    !e.closest("aside, mjx-assistive-mml, svg") && e.getClientRects().length);
  return seen
    .filter((e) => {
      const {right, bottom} = e.getBoundingClientRect();
      return right > box.right + scale || bottom > box.bottom + scale;
    })
    .map((e) => e.outerHTML.slice(0, 80));
}"""
ERRORS = "() => [...document.querySelectorAll('mjx-merror')].map((e) => e.outerHTML)"
SMALL = """() => [...Reveal.getCurrentSlide().querySelectorAll("p, li, td, th, h2")]
  .filter((e) => !e.closest("aside, .shown"))
  .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 23)
  .map((e) => e.outerHTML.slice(0, 80))"""

EACH_SLIDE = f"""() => {{
  const found = [];
  for (let k = 0; k < Reveal.getTotalSlides(); k++) {{
    Reveal.slide(k);
    found.push([{CUT}, {SMALL}, {ERRORS}].flatMap((look) => look()));
  }}
  return found;
}}"""


def slides(number):
    """The deck's slides, as their source: a title and what follows."""
    return re.split(r"^## ", DECKS[number].read_text(), flags=re.M)[1:]


def test_each_chapter_has_a_deck():
    assert lessons.problems("slides", lessons.expected("slides"), CHAPTERS) == []


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_deck_has_a_lectures_length_and_every_slide_its_words(number):
    assert 15 <= len(slides(number)) <= 25
    for slide in slides(number):
        notes = NOTES.search(slide)
        assert notes and len(notes[2].split()) >= 15, slide.splitlines()[0]


DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)")


def said(number):
    """A chapter's text and code, and what its cells print; no picture's coordinates."""
    (path,) = ROOT.glob(f"notebooks/{number}_*.ipynb")
    for cell in nbformat.read(path, as_version=4).cells:
        yield cell.source
        yield cell.metadata.get("ntkbook", {}).get("exercise", {}).get("id", "")
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield output.get("data", {}).get("text/plain", "")


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_decks_numbers_are_the_chapters(number):
    """Every decimal on a slide or in its notes stands in the chapter or its outputs."""
    known = {d for text in said(number) for d in DECIMAL.findall(text)}
    known |= {d.rstrip("0") for d in known}
    text = re.sub(r"Theorem \d\.\d+", "", DECKS[number].read_text())
    found = set(DECIMAL.findall(text))
    assert len(found) > 5 and found - known == set()


@pytest.mark.parametrize("number", first(CHAPTERS))
def test_every_slide_fits_and_loads_nothing_from_elsewhere(number, site, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    trouble, outside = [], []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda m: m.type == "error" and trouble.append(m.text))
    page.on("request", lambda r: r.url.startswith((site.address, "data:", "blob:"))
            or outside.append(r.url))  # fmt: skip
    page.goto(f"{site.address}slides/{number}.html")
    page.evaluate("window.MathJax.startup.promise")
    page.wait_for_function("() => window.Reveal?.isReady()")
    found = page.evaluate(EACH_SLIDE)
    context.close()
    wrong = {k: each[:4] for k, each in enumerate(found) if each}
    assert len(found) == len(slides(number)) + 1  # the title has a slide
    assert (wrong, trouble, outside) == ({}, [], [])


@pytest.mark.parametrize("name", ["01", "index", *map(weekly, CHAPTERS[1:])])
def test_axe_finds_nothing(name, site, browser):
    """On the title's slide and the last, and on a phone."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{site.address}slides/{name}.html")
    page.wait_for_function("() => window.Reveal?.isReady()")
    assert violations(page) == []
    page.evaluate("Reveal.slide(Reveal.getTotalSlides() - 1)")
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    page.reload()
    page.wait_for_function("() => window.Reveal?.isReady()")
    assert violations(page) == []
    page.close()


PLAYGROUND = re.compile(r"(?m)^```\{playground\} (\w+)$")
PLAYED = [(n, m[1]) for n in DECKS for m in PLAYGROUND.finditer(DECKS[n].read_text())]


@pytest.mark.parametrize("number, tour", PLAYED)
@pytest.mark.parametrize("way", ["site", "folder"])
def test_the_playground_runs_in_its_slide(number, tour, way, request, site, browser):
    """In the hosted book and in one that is opened from a folder: its tour has begun,
    its numbers change, and only the book's own files were asked for."""
    root = site.address if way == "site" else f"{HTML.as_uri()}/"
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    trouble, outside = [], []
    page.add_init_script(REFUSED)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda m: m.type == "error" and trouble.append(m.text))
    page.on("request", lambda r: r.url.startswith((root, "data:"))
            or outside.append(r.url))  # fmt: skip
    page.goto(f"{root}slides/{number}.html")
    page.wait_for_function("() => window.Reveal?.isReady()")
    page.evaluate(
        """(tour) => Reveal.slide(Reveal.getSlides().findIndex((slide) =>
          slide.querySelector(`iframe[data-src$="#tour=${tour}"]`)))""",
        tour,
    )
    frame = page.frame_locator("section.present iframe.playground")
    expect(frame.locator(".ntkp-steps")).to_have_text(re.compile(r"step [1-9]"))
    (chapter,) = (n for n, name in TOURS.items() if name == tour)
    chosen = frame.locator(".ntkp-tours [aria-pressed=true]")
    expect(chosen).to_have_text(re.compile(f"^{chapter} "))
    weights = frame.locator(".ntkp-item dd").last
    before = weights.inner_text()
    width = frame.get_by_role("slider", name="Width")
    width.focus()
    width.press("End")
    expect(weights).not_to_have_text(before)
    seen = [inner.evaluate("refused") for inner in page.frames]
    page.close()
    assert (trouble, outside, seen) == ([], [], [[], []])
