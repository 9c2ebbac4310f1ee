"""The built book needs no network: its security policy, and read from a folder."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from book.tools.files import contents
from tests.helpers.chromium import HTML, REFUSED, ROOT
from tests.helpers.draws import weekly

NAMES = [name for _, pages in contents(ROOT) for name in pages]
NAMES += ["genindex", "search"]
CHAPTERS = [name for name in NAMES if name.startswith("notebooks/")]
# Over HTTP every page is opened each time (test_book_browser.py); from a folder, one of
# each kind.
OFTEN = ("book/start", "book/claims", "search")


pytestmark = pytest.mark.usefixtures("built")


@pytest.fixture
def page(browser):
    """A page that is told what goes wrong on it, in `page.trouble`."""
    page = browser.new_context().new_page()
    page.trouble = []
    page.add_init_script(REFUSED)
    page.on("console", lambda m: m.type == "error" and page.trouble.append(m.text))
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("requestfailed", lambda r: page.trouble.append(f"failed: {r.url}"))
    page.on(
        "request",
        lambda r: r.url.startswith(("file:", "data:")) or page.trouble.append(r.url),
    )
    yield page
    page.context.close()


def open_from_disk(page, name, query=""):
    """Open a built page as a double click on its file does."""
    page.goto((HTML / f"{name}.html").as_uri() + query)
    page.evaluate("window.MathJax?.startup?.promise")


def at_peace(page):
    return page.trouble == [] and page.evaluate("refused") == []


# ---------------------------------------------------------------- the security policy


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_a_policy(name):
    text = (HTML / f"{name}.html").read_text()
    (policy,) = re.findall(
        r'http-equiv="Content-Security-Policy" content="(.*?)"', text
    )
    assert policy.startswith("default-src 'none'; script-src 'self'")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert "unsafe" not in rules["script-src"] and "http" not in policy
    assert not re.search(r"<[^>]* on\w+=", text.split("<body")[1].split("<article")[0])


@pytest.mark.parametrize("name", [n if n in OFTEN else weekly(n) for n in NAMES])
def test_a_page_from_a_folder_keeps_its_policy(page, name):
    open_from_disk(page, name)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(500)  # whatever else it asks for
    assert at_peace(page)
    formulas = page.locator(":is(span, div).math").count()
    assert page.locator("mjx-container").count() == formulas
    if name in CHAPTERS:
        assert formulas > 0
        assert page.evaluate("[...document.fonts].some((f) => f.family === 'MJXTEX')")


def test_the_folders_index_leads_to_the_first_page(page):
    page.goto((HTML / "index.html").as_uri())
    page.wait_for_url("**/book/start.html")
    assert at_peace(page)


def test_a_foreign_script_is_refused(page):
    open_from_disk(page, "book/start")
    tried = page.evaluate(
        """async () => {
          const inside = document.createElement("script");
          inside.textContent = "window.foreign = 1";
          const outside = document.createElement("script");
          outside.src = "data:text/javascript,window.foreign = 2";
          const button = document.createElement("button");
          button.setAttribute("onclick", "window.foreign = 3");
          document.body.append(inside, outside, button);
          button.click();
          await new Promise((done) => setTimeout(done, 300));
          return [window.foreign, refused.length];
        }"""
    )
    assert tried == [None, 3]


@pytest.mark.weekly
def test_what_moves_still_moves(page):
    open_from_disk(page, "notebooks/03_width_scaling")
    figure = page.locator(".ntk-explore").first
    before = figure.locator("svg").inner_html()
    slider = figure.locator("input").first
    slider.focus()
    slider.press(
        "ArrowLeft" if slider.evaluate("e => e.value === e.max") else "ArrowRight"
    )
    assert figure.locator("svg").inner_html() != before
    solution = page.locator("div.solution").first
    solution.locator("button.toggle-button").click()
    expect(solution.locator("section p").first).to_be_visible()
    page.locator(".theme-switch-button").first.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator(".btn-fullscreen-button").first.click()
    page.locator(":fullscreen").first.wait_for()
    assert at_peace(page)


def test_the_first_piece_trains_from_a_folder(page):
    open_from_disk(page, "book/start")
    page.get_by_role("button", name="To the end").first.click()
    expect(page.get_by_text("Trained.").first).to_be_visible()
    assert at_peace(page)


def test_search_finds_from_a_folder(page):
    open_from_disk(page, "search", "?q=linearised")
    expect(page.locator("#search-results")).to_contain_text("Taylor expansion")
    page.get_by_text("Search finished").wait_for()
    assert at_peace(page)


def test_claims_are_filtered_and_saved_from_a_folder(page):
    open_from_disk(page, "book/claims")
    page.get_by_label("Words").fill("no claim says this")
    expect(page.locator(".ntk-filter output")).to_contain_text("0 of ")
    with page.expect_download() as download:
        page.locator("a[href$='.csv']").first.click()
    assert download.value.suggested_filename == "claims.csv"
    assert Path(download.value.path()).read_text().startswith("id,")
    assert page.evaluate("refused") == []
