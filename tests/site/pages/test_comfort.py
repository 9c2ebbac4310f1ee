"""What makes the pages easy to use: by keyboard, by search, from any address."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.helpers.browsers.in_page import FRAGMENTS, QUERIES
from tests.helpers.chromium import without_formulas
from tests.helpers.draws import weekly

FIRST = "notebooks/01_taylor_expansion.html"

# How many times one presses Tab, in the text, before the first slider.
STOPS_BEFORE = """() => {
  const kinds = ":is(a, button, input, summary, [tabindex])";
  const all = [...document.querySelectorAll(`.bd-article ${kinds}`)];
  const sliders = "input[type=range], [role=slider]";
  const first = all.findIndex((e) => e.matches(sliders));
  const stops = (e) => e.checkVisibility() && e.tabIndex >= 0;
  return all.slice(0, first).filter(stops).length;
}"""


@pytest.fixture
def page(site, browser):
    """A page of a context of its own; errors on it are collected in `page.trouble`."""
    context = browser.new_context()
    page = context.new_page()
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    yield page
    context.close()


def search(page, site, words):
    """The results: their links and the sentences quoted."""
    page.goto(f"{site.address}search.html?{urlencode({'q': words})}")
    expect(page.locator(".search-summary")).not_to_be_empty()
    page.wait_for_load_state("networkidle")
    links = page.locator("#search-results > ul > li > a")
    hrefs = links.evaluate_all("all => all.map((a) => a.href)")
    return hrefs, page.locator("#search-results p.context").all_inner_texts()


def test_formulas_are_not_in_the_way_of_the_keyboard(page, site):
    page.goto(f"{site.address}{FIRST}")
    page.evaluate("window.MathJax.startup.promise")
    assert page.locator("mjx-container").count() > 100
    assert (
        page.locator(
            "mjx-container [tabindex='0'], mjx-container[tabindex='0']"
        ).count()
        == 0
    )
    before = page.evaluate(STOPS_BEFORE)
    assert 0 <= before < 120


def test_a_search_leads_to_the_section_and_quotes_sentences(page, site):
    links, quotes = search(page, site, "silent alignment")
    within = [link for link in links if "/notebooks/" in link and "#" in link]
    assert within and quotes
    for quote in quotes:
        assert "\\" not in quote and "import " not in quote
    page.goto(within[0])
    anchor = page.evaluate("document.getElementById(location.hash.slice(1))?.tagName")
    assert anchor
    assert page.trouble == []


def test_a_name_in_code_finds_its_symbol(page, site):
    links, _ = search(page, site, "lambda_min")
    assert any("notation.html" in link for link in links)


# Names that every object has, and what no regular expression is; the rest weekly.
OFTEN = {"__proto__", "toString valueOf", "("}


@pytest.mark.parametrize(
    "words",
    [words if words in OFTEN else weekly(words) for words in QUERIES],
    ids=lambda words: words[:20],
)
def test_no_address_breaks_the_search(page, site, words):
    search(page, site, words)
    assert page.trouble == []


@pytest.mark.parametrize(
    "name", [FIRST, *map(weekly, ["book/claims.html", "slides/01.html"])]
)
def test_no_fragment_breaks_a_page(page, site, name):
    if name == FIRST:  # a chapter like any other, but for this
        without_formulas(page)
    page.goto(f"{site.address}{name}#{FRAGMENTS[0]}")
    for fragment in FRAGMENTS:
        page.evaluate("to => { location.hash = to; }", fragment)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    for fragment in ("%", "1"):  # from the beginning, too
        page.goto("about:blank")
        page.goto(f"{site.address}{name}?__proto__=%#{fragment}")
    page.wait_for_load_state("networkidle")
    assert page.trouble == []
