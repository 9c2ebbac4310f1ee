"""What makes pages easy to use, in Firefox: on a desktop and a phone, light and dark.

That all pages are in order there, test_other_browsers.py asks. Here a page of each kind
is asked what Chromium's are asked by test_book_browser.py, test_comfort.py and
test_paper.py: it comes up in the theme that the system wants, and fits; axe finds
nothing; the keyboard, the search and the printer do what they should.
"""

import itertools
import re
from unicodedata import normalize

import pypdfium2
import pytest

from tests.helpers.browsers.in_page import CUT, OVERFLOW, WRONG
from tests.helpers.chromium import SPARE_AXE, violations
from tests.helpers.firefox import THEMES, firefox

pytestmark = pytest.mark.weekly
WIDTHS = {"desktop": 1280, "phone": 360}
CHAPTER = "notebooks/01_taylor_expansion"
PAGES = ["book/start", CHAPTER, "book/playground", "book/claims", "search"]
TAB, RIGHT = "\ue004", "\ue014"  # as WebDriver calls the keys

# Of a page that it has open already Firefox says too early that it is complete.
LOADED = """document.readyState === "complete" &&
  (!document.querySelector(".math") || Boolean(window.MathJax?.startup?.promise))"""
# The formulas are set, all that folds is open, and nothing moves any more.
SETTLED = """(async () => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  const all = (selector) => document.querySelectorAll(selector);
  for (const folded of all("details")) folded.open = true;
  for (const button of all("button.toggle-button")) button.click();
  for (let k = 0; k < 3; k++)
    await new Promise((drawn) => requestAnimationFrame(drawn));
  await Promise.allSettled(document.getAnimations().map((a) => a.finished));
})()"""


@pytest.fixture(
    scope="module",
    params=itertools.product(WIDTHS, THEMES),
    ids=lambda both: "-".join(both),
)
def fox(request, site, tmp_path_factory):
    """Firefox, with `go(page)`; `width` and `theme`."""
    size, theme = request.param
    with firefox(tmp_path_factory.mktemp("firefox") / "profile", theme) as fox:
        fox.width, fox.theme = WIDTHS[size], theme

        def go(name):
            fox.open(f"{site.address}{name}", fox.width)
            fox.until(LOADED)

        fox.go = go
        yield fox


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_in_its_theme_fits_and_axe_finds_nothing(fox, name):
    fox.go(f"{name}.html")
    fox.evaluate(SETTLED)
    assert fox.evaluate("document.documentElement.dataset.theme") == fox.theme
    assert fox.evaluate("innerWidth") == fox.width
    wrong = fox.evaluate(f"({WRONG})()")
    wrong["too wide"] = fox.evaluate(f"({OVERFLOW})()")
    code, wrong["cut formulas"] = fox.evaluate(f"({CUT})()")
    if fox.width > WIDTHS["phone"]:  # there long lines scroll
        wrong["cut code"] = code
    fox.evaluate(f"({SPARE_AXE})()")
    wrong["axe"] = violations(fox)
    assert {what: cases for what, cases in wrong.items() if cases} == {}
    assert fox.log == []


TO_THE_TITLE = """(() => {
  const title = document.querySelector("article h1");
  title.tabIndex = -1;
  title.focus();
})()"""
# What has the focus: a slider, a formula that is seen whole (a pixel that an accent
# sticks out is not worth a stop), or anything else.
FOCUSED = """(() => {
  const it = document.activeElement;
  if (it.matches("input[type=range], [role=slider]")) return "slider";
  const formula = it.closest("mjx-container, .math");
  return formula && it.scrollWidth < it.clientWidth + 5 ? "formula" : "";
})()"""
VALUE = "document.activeElement.getAttribute('aria-valuetext')"


def test_the_keyboard_comes_to_the_first_slider(fox):
    fox.go(f"{CHAPTER}.html")
    fox.evaluate(SETTLED)
    fox.evaluate(TO_THE_TITLE)
    stops = [""]
    while stops[-1] != "slider" and len(stops) < 120:
        fox.press(TAB)
        stops.append(fox.evaluate(FOCUSED))
    assert stops[-1] == "slider" and "formula" not in stops
    value = fox.evaluate(VALUE)
    fox.press(RIGHT)
    assert fox.evaluate(VALUE) != value


def test_the_search_finds_and_quotes(fox):
    fox.go("search.html?q=lambda_min")
    links = "[...document.querySelectorAll('#search-results > ul > li > a')]"
    hrefs = f"{links}.map((a) => a.href)"
    fox.until(f"{hrefs}.some((to) => to.includes('notation.html'))")
    fox.go("search.html?q=silent%20alignment")
    quotes = "[...document.querySelectorAll('#search-results p.context')]"
    fox.until(f"{quotes}.length")
    said = fox.evaluate(f"{quotes}.map((p) => p.innerText)")
    assert said and not [text for text in said if "\\" in text or "import " in text]
    assert fox.log == []


PARAGRAPHS = """[...document.querySelectorAll("div.solution")].map(
  (e) => e.querySelector("p:not(.admonition-title)").textContent)"""


def words(text):
    return re.sub(r"\W+", "", normalize("NFKC", text))  # a PDF has ligatures


def test_a_printed_chapter_keeps_its_solutions_folded(fox):
    fox.go(f"{CHAPTER}.html")
    fox.evaluate("window.MathJax.startup.promise")
    with pypdfium2.PdfDocument(fox.printed()) as sheets:
        text = "".join(sheet.get_textpage().get_text_range() for sheet in sheets)
    text, title = words(text), "document.querySelector('article h1').innerText"
    assert words(fox.evaluate(title)) in text
    said = [words(paragraph)[:40] for paragraph in fox.evaluate(PARAGRAPHS)]
    said = [sentence for sentence in said if len(sentence) == 40]
    assert len(said) > 3 and not [sentence for sentence in said if sentence in text]
    assert fox.evaluate("document.documentElement.dataset.theme") == fox.theme
