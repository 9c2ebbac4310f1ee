"""The built pages as a reader meets them: in a real browser, served over HTTP."""

import csv
import json
import re
from collections import Counter
from functools import cache
from types import SimpleNamespace

import pytest

from book.tools.files import contents
from ntkbook.page.claims.records import records
from tests.helpers.browsers.in_page import CUT, OTHER_THEME, OVERFLOW, WRONG
from tests.helpers.chromium import (
    HTML,
    PHONE,
    REFUSED,
    ROOT,
    SPARE_AXE,
    violations,
    without_formulas,
)
from tests.helpers.draws import first, weekly

MEGABYTE = 1e6
DESKTOP = {"width": 1280, "height": 720}
CHAPTERS = sorted(f"notebooks/{p.stem}" for p in ROOT.glob("notebooks/*.ipynb"))
PAGES = [page for _, pages in contents(ROOT) for page in pages]
PAGES += ["genindex", "search"]
# With axe's look at colours these take 20 to 40 seconds each, and their code, formulas
# and boxes are coloured as on all other pages; weekly they have all of it, too.
LONG = {*CHAPTERS[1:], "book/claims", "book/api"}
# One page of each kind: all that axe knows is asked of these each time, and weekly of
# every page, as axe takes half the time of these tests.
KINDS = {"book/start", CHAPTERS[0], "book/performance", "book/claims", "search"}


def open_page(page, address):
    """Load a page, wait for its formulas, and unfold everything that folds."""
    page.goto(address, wait_until="load")
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate("document.fonts.ready.then(() => true)")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.evaluate(
        "document.querySelectorAll('button.toggle-button').forEach(b => b.click())"
    )
    settle(page)


def settle(page):
    """Wait until the page has seen its new size, and nothing fades or moves."""
    page.evaluate(
        """async () => {
          for (let k = 0; k < 3; k++)
            await new Promise((drawn) => requestAnimationFrame(drawn));
          await window.MathJax?.startup?.promise;
          await Promise.allSettled(document.getAnimations().map((a) => a.finished));
        }"""
    )


# Formulas at which the keyboard stops, by their tabindex or since they scroll.
STOPS = """() => [...document.querySelectorAll(".math, mjx-container")]
  .filter((e) => e.tabIndex >= 0 || (e.scrollWidth > e.clientWidth
    && getComputedStyle(e).overflowX !== "visible"))
  .map((e) => e.textContent.slice(0, 80))"""


# ---------------------------------------------------------------- one visit to a page


def _visits():
    """Each page in each theme, where one test after the other can look at it.

    The light page is also switched to dark, and its colours are seen in both. That it
    comes up dark for those who want it so, only the weekly run asks.
    """
    for theme in ("light", "dark"):
        for name in PAGES:
            marks = [pytest.mark.weekly] if theme == "dark" else []
            yield pytest.param((name, theme), marks=marks, id=f"{name}-{theme}")


@pytest.fixture(scope="module", params=_visits())
def visit(request, site, browser):
    """A page as it comes from the site, unfolded, with what went wrong until now."""
    name, theme = request.param
    site.sent.clear()
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    page.add_init_script(REFUSED)
    trouble, outside = [], []
    page.on("console", lambda m: m.type in ("error", "warning") and trouble.append(m))
    page.on("pageerror", lambda error: trouble.append(error))
    page.on("requestfailed", lambda r: trouble.append(f"failed: {r.url}"))
    page.on(
        "response",
        lambda r: r.status >= 400 and trouble.append(f"{r.status} {r.url}"),
    )
    own = site.address, "data:", "blob:"
    page.on("request", lambda r: r.url.startswith(own) or outside.append(r.url))
    open_page(page, f"{site.address}{name}.html")
    yield SimpleNamespace(
        page=page, name=name, theme=theme, trouble=trouble, outside=outside
    )
    context.close()


def only_wrong(found):
    return {what: cases for what, cases in found.items() if cases}


def test_a_page_is_in_order(visit):
    page, wrong = visit.page, {}
    assert page.evaluate("document.documentElement.dataset.theme") == visit.theme
    formulas = page.locator(".math mjx-container").count()
    assert visit.name not in CHAPTERS or formulas
    wrong |= page.evaluate(WRONG)
    wrong["cut code"], wrong["cut formulas"] = page.evaluate(CUT)
    wrong["formulas in the keyboard's way"] = page.evaluate(STOPS)
    wrong["against the policy"] = page.evaluate("refused")
    wrong["console or network"] = [str(each) for each in visit.trouble]
    wrong["asked of others"] = visit.outside
    assert only_wrong(wrong) == {}


def test_pictures_come_late_and_nothing_jumps(visit):
    if visit.theme == "light" and visit.name not in KINDS:
        return  # weekly, in the dark
    room = "e => [e.offsetWidth, e.offsetHeight]"
    for picture in visit.page.locator("article img").all():
        assert picture.get_attribute("loading") == "lazy"
        before = picture.evaluate(room)
        picture.scroll_into_view_if_needed()
        picture.evaluate("e => e.decode()")
        after = picture.evaluate(room)
        assert before[1] > 50 and before == pytest.approx(after, abs=1)  # rounding
        shape = picture.evaluate("e => e.naturalHeight / e.naturalWidth")
        assert after[1] / after[0] == pytest.approx(shape, abs=0.01)


def test_is_light_to_load(visit, site):
    page = visit.page
    page.evaluate(
        "document.querySelectorAll('img').forEach((e) => e.loading = 'eager')"
    )
    page.evaluate("Promise.all([...document.images].map((e) => e.decode()))")
    sent, raw = (sum(count.values()) / MEGABYTE for count in (site.sent, site.raw))
    print(f"{visit.name}: {sent:.2f} MB over the wire, {raw:.2f} MB uncompressed")
    assert sent < 2


def test_a_slider_changes_the_picture_by_keyboard(visit):
    page = visit.page
    sliders = page.locator(".ntk-explore input[type=range]")
    alive = page.locator(".ntk-live input[type=range]")  # these have tests of their own
    if visit.name in CHAPTERS and "notebooks/P" not in visit.name:
        assert sliders.count() + alive.count() > 0, (
            "the chapter has no figure with a slider"
        )
    for slider in sliders.all():
        picture = slider.locator(
            "xpath=ancestor::*[contains(@class, 'ntk-explore')]"
        ).locator(".ntk-picture svg")
        before = picture.inner_html(), picture.get_attribute("aria-label")
        value = slider.get_attribute("aria-valuetext")
        slider.focus()
        at_the_end = slider.evaluate("e => e.value === e.max")
        page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")
        after = picture.inner_html(), picture.get_attribute("aria-label")
        assert after[0] != before[0] and after[1] != before[1]
        assert slider.get_attribute("aria-valuetext") != value
    assert visit.trouble == []


def test_it_fits_a_phone(visit):
    visit.page.set_viewport_size(PHONE)
    settle(visit.page)
    wrong = {"too wide": visit.page.evaluate(OVERFLOW)}
    wrong["cut formulas"] = visit.page.evaluate(CUT)[1]
    wrong["console or network"] = [str(each) for each in visit.trouble]  # until now
    wrong["asked of others"] = visit.outside
    assert only_wrong(wrong) == {}


def test_a_formula_breaks_on_phones_only(site, browser):
    # With a mark at the end of a line it continues where there is room.
    page = browser.new_page(viewport=DESKTOP)
    page.add_init_script(REFUSED)
    open_page(page, f"{site.address}{CHAPTERS[0]}.html")
    formula = page.locator("div.math:has(mjx-mtable)").first
    tall = []
    for size in (DESKTOP, PHONE, DESKTOP):
        page.set_viewport_size(size)
        settle(page)
        tall.append(formula.locator("mjx-mtr").count())
        assert formula.locator("mjx-merror").count() == 0
    assert tall[0] == tall[2] < tall[1]
    assert page.evaluate("refused") == []
    page.close()


def test_axe_finds_nothing(visit):
    """Last: it takes away what axe need not look at twice."""
    if visit.theme == "light" and visit.name not in KINDS:
        return  # weekly, in the dark
    page, wrong = visit.page, {}
    if visit.theme == "dark":  # weekly, so once on the page as it is
        page.set_viewport_size(PHONE)
        settle(page)
        wrong["on a phone, as it is"] = violations(page, colours=False)
    page.set_viewport_size(DESKTOP)
    settle(page)
    if visit.theme == "dark":
        wrong["on a desktop, as it is"] = violations(page)
    page.evaluate(SPARE_AXE)
    if visit.theme == "dark" or visit.name not in LONG:
        wrong["on a desktop"] = violations(page)
        page.evaluate(OTHER_THEME)
        settle(page)
        assert page.evaluate("document.documentElement.dataset.theme") != visit.theme
        wrong["in the other theme"] = violations(page, colours="only")
    page.set_viewport_size(PHONE)
    settle(page)
    wrong["on a phone"] = violations(page, colours=False)  # they are the same
    assert only_wrong(wrong) == {}


SAMPLE = """<main><h1>t</h1><pre><span>seen</span> <span>twice</span>
<span style="color: #bbb">pale</span> <span style="color: #bbb">and again</span>
<span style="color: #666">grey</span></pre>
<pre style="background: #999"><span style="color: #666">on grey</span></pre>
<p style="color: #999">pale words <mjx-container role="img"><mjx-math
aria-hidden="true"><i>f</i></mjx-math></mjx-container></p></main>"""


def test_what_axe_is_spared_hides_nothing(browser):
    page = browser.new_page()
    page.set_content(f"<!doctype html><html lang=en><title>t</title>{SAMPLE}")
    kinds = [text.split()[0] for text in violations(page)]
    assert kinds.count("color-contrast") == 4
    page.evaluate(SPARE_AXE)
    assert page.locator("pre span").count() == 4 and not page.locator("i").count()
    found = violations(page)
    assert {text.split()[0] for text in found} == set(kinds)
    pale = [text for text in found if text.startswith("color-contrast")]
    assert len(pale) == 3 and len(violations(page, colours="only")) == 3
    page.evaluate(
        "document.querySelector('main').append(document.createElement('img'))"
    )
    nameless = {text.split()[0] for text in violations(page)} - set(kinds)
    assert nameless == {"image-alt"}
    page.close()


# ---------------------------------------------------------------- what single pages do


def test_on_a_phone_the_keyboard_scrolls_a_figure(site, browser):
    context = browser.new_context(viewport=PHONE)
    tab = context.new_page()
    without_formulas(tab)
    tab.goto(f"{site.address}{CHAPTERS[0]}.html")
    figure = tab.locator(".cell_output > figure").first
    assert figure.evaluate("e => e.scrollWidth > e.clientWidth")
    figure.focus()
    tab.keyboard.press("ArrowRight")
    figure.evaluate(
        """async (e) => {
          for (let k = 0; k < 3000 && !e.scrollLeft; k++)
            await new Promise((done) => setTimeout(done, 20));
        }"""
    )
    assert figure.evaluate("e => e.scrollLeft") > 0
    context.close()


@pytest.mark.parametrize("theme", first(["light", "dark"]))
@pytest.mark.parametrize(
    "button", ["Toggle primary sidebar", "Toggle secondary sidebar", "Search"]
)
def test_axe_finds_nothing_in_what_a_phone_opens(site, browser, button, theme):
    context = browser.new_context(viewport=PHONE, color_scheme=theme)
    tab = context.new_page()
    without_formulas(tab)
    tab.goto(f"{site.address}{CHAPTERS[0]}.html")
    tab.get_by_role("button", name=button).click()
    opened = tab.locator("dialog[open]")
    assert opened.locator("a, input").first.is_visible()
    settle(tab)
    assert violations(tab, "dialog[open]") == []
    context.close()


def test_claims_can_be_filtered(site, browser):
    page = browser.new_page()
    page.goto(f"{site.address}book/claims.html")
    every = records().values()

    def shown():
        return page.locator("details.ntk-row:visible").count()

    assert shown() == 0  # folded, until somebody asks
    refuted = sum(r.verdict == "refuted" for r in every)
    page.get_by_label("Verdict").select_option("refuted")
    assert shown() == refuted
    assert page.locator(".ntk-filter output").inner_text().startswith(f"{refuted} of ")
    page.get_by_label("Verdict").select_option("all")
    sources = page.get_by_label("Source")
    names = sources.locator("option").all_inner_texts()
    found = []
    for name in names[1:]:
        sources.select_option(name)
        found.append(shown())
    counted = Counter(r.source for r in every)
    assert sorted(found) == sorted(counted.values())
    sources.select_option("all")
    with_remark = next(r for r in every if len(r.remark) > 40)
    page.get_by_label("Words").fill(with_remark.remark)
    assert page.locator(f"details[id='{with_remark.id}']").is_visible()
    page.get_by_label("Words").fill("no claim says this")
    assert shown() == 0
    page.close()


def test_a_claim_has_an_address_and_shows_why_it_does_not_hold(site, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site.address}book/claims.html")
    assert page.evaluate("document.documentElement.scrollHeight") < 10 * 900
    bad = [r for r in records().values() if r.verdict in ("refuted", "not reproduced")]
    page.goto(f"{site.address}book/claims.html#{bad[0].id}")
    row = page.locator(f"details[id='{bad[0].id}']")
    assert row.is_visible() and row.get_attribute("open") is not None
    assert row.locator("a[href*='#claim-']").count() == 1
    page.get_by_label("Verdict").select_option(bad[0].verdict)
    for record in bad:
        if record.verdict == bad[0].verdict:
            assert page.locator(f"details[id='{record.id}'] .ntk-why").is_visible()
    page.close()


def test_claims_can_be_taken_along(site):
    with (HTML / "book" / "claims.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    same = json.loads((HTML / "book" / "claims.json").read_text())
    assert [row["id"] for row in rows] == [row["id"] for row in same] == list(records())
    for row in rows:
        record = records()[row["id"]]
        assert row["verdict"] == record.verdict and row["remark"] == record.remark
        assert bool(row["measured"]) == (row["verdict"] != "reported only")
        assert bool(row["control_measured"]) == bool(record.control)
        assert f'id="{record.id}"' in _text("book/claims.html")
        assert row["source_address"].startswith("https://")
        # A spreadsheet would take these for formulas.
        assert not [v for v in row.values() if re.match(r"[=+@\t-](?!$|[\d.])", v)]
        if row["cell"]:
            page, anchor = row["cell"].split("#")
            assert f'id="{anchor}"' in _text(page)


@cache
def _text(page):
    return (HTML / page).read_text()


def without_quotes(route):
    """Answer with nothing when the search reads a page that it found, to quote it:
    of that test_comfort.py asks, and it takes most of a search's time.
    """
    if route.request.resource_type == "fetch":
        return route.fulfill(content_type="text/html", body="")
    return route.continue_()


@pytest.mark.parametrize(
    "words, first, page",
    [
        ("Theta", "tangent kernel", "book/notation"),
        weekly("Θ", "tangent kernel", "book/notation"),
        weekly("kappa", "inverse relative scale", "book/notation"),
        weekly("Domingos", "Theorem 5.1", "notebooks/05_path_kernels"),
        (
            "least norm, in function space",
            "Proposition 2.3",
            "notebooks/02_gradient_flow",
        ),
        ("find the bug", "Exercise 4.4", "notebooks/04_infinite_width"),
        ("edge of stability", "Glossary", "book/glossary"),
        weekly("kernel regression", "Glossary", "book/glossary"),
        weekly("ntk_diagonal", "ntkbook.ntk_diagonal", "book/api"),
        ("ntkbook.infinite.ntk", "ntkbook.infinite.ntk", "book/api"),
    ],
)
def test_the_search_knows_symbols_terms_and_theorems(site, browser, words, first, page):
    page_ = browser.new_page()
    page_.route(f"{site.address}**", without_quotes)
    page_.goto(f"{site.address}search.html?q={words}")
    found = page_.locator("#search-results > ul > li > a")
    found.first.wait_for()
    page_.get_by_text("Search finished").wait_for()  # they come one after the other
    top = [
        (found.nth(i).inner_text(), found.nth(i).get_attribute("href"))
        for i in range(min(3, found.count()))
    ]
    page_.close()
    assert any(first in text and f"{page}.html#" in link for text, link in top), top


def test_a_term_shows_its_definition_by_mouse_keys_and_touch(site, browser):
    address = f"{site.address}notebooks/P1_test_error.html"  # it is short
    term, box = "a:has(> .ntk-term)", "[role=tooltip].ntk-hover"
    page = browser.new_page()
    page.goto(address)
    link = page.locator(term).first
    link.hover()
    shown = page.locator(box)
    assert "inner product of the gradients" in shown.inner_text()
    assert link.get_attribute("aria-describedby") == shown.get_attribute("id")
    assert shown.locator("mjx-container").count()  # its formulas are set, too
    shown.hover()  # one may point at the definition itself
    page.wait_for_timeout(400)
    assert shown.is_visible()
    page.keyboard.press("Escape")
    assert not shown.count() and not link.get_attribute("aria-describedby")
    page.keyboard.press("Tab")  # the keyboard has been used last
    page.mouse.move(0, 0)
    link.focus()
    assert shown.is_visible()
    page.close()
    context = browser.new_context(has_touch=True, viewport=PHONE)
    page = context.new_page()
    page.goto(address)
    page.locator(term).first.tap()
    assert page.url == address and page.locator(box).is_visible()
    edge = page.locator(box).bounding_box()
    assert edge["x"] >= 0 and edge["x"] + edge["width"] <= PHONE["width"]
    page.locator(term).first.tap()
    page.wait_for_url("**/book/glossary.html#term-*")
    context.close()
