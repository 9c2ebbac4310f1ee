"""The playground in the built book: its page, the ways to it, and what it loads."""

import gzip
import re

import pytest
from playwright.sync_api import expect

from book.tools.files import contents
from book.tools.sphinx.pages.playground import TOURS
from tests.helpers.chromium import HTML, REFUSED, ROOT

NAME = "book/playground"
FILES = ("playground.js", "playground-worker.js", "playground.css")
KB = 1000
CHAPTERS = sorted(path.stem for path in ROOT.glob("notebooks/[0-9]*.ipynb"))


@pytest.fixture
def page(site, browser):
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.trouble = []
    page.add_init_script(REFUSED)
    page.on("console", lambda m: m.type == "error" and page.trouble.append(m.text))
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on(
        "request",
        lambda r: r.url.startswith(site.address) or page.trouble.append(r.url),
    )
    yield page
    page.context.close()


def test_it_runs_in_a_worker_under_the_books_policy(page, site):
    page.goto(f"{site.address}{NAME}.html")
    page.get_by_role("button", name="Run", exact=True).click()
    # Not wait_for_function: it evaluates text in the page, which the policy refuses.
    expect(page.locator(".ntkp-steps")).to_have_text(re.compile(r"step \d\d"))
    where = "document.querySelector('.ntk-play').playground.player.where()"
    assert page.evaluate(where) == "worker"
    assert page.trouble == [] and page.evaluate("refused") == []


def test_it_runs_from_a_folder(page):
    page.trouble.clear()
    page.goto((HTML / f"{NAME}.html").as_uri())
    page.get_by_role("button", name="Step", exact=True).click()
    expect(page.locator(".ntkp-steps")).to_have_text("step 1")
    assert [t for t in page.trouble if not t.startswith("file:")] == []
    assert page.evaluate("refused") == []


def test_its_scripts_are_small_and_on_this_page_alone(built):
    sizes = [len(gzip.compress((HTML / "_static" / f).read_bytes())) for f in FILES]
    assert sum(sizes) < 120 * KB
    for _, pages in contents(ROOT):
        for name in pages:
            text = (HTML / f"{name}.html").read_text()
            assert ("_static/playground" in text) == (name == NAME)
    assert "vendor/mathjax" not in (HTML / f"{NAME}.html").read_text()


def test_every_chapter_and_the_first_page_lead_to_it(built):
    for name in CHAPTERS:
        text = (HTML / "notebooks" / f"{name}.html").read_text()
        number = name[:2].lstrip("0")
        tour = f"#tour={TOURS[number]}" if number in TOURS else ""
        assert f'href="../book/playground.html{tour}"' in text
    assert 'href="playground.html"' in (HTML / "book" / "start.html").read_text()


def test_every_name_leads_to_a_section_that_exists(page, site):
    page.goto(f"{site.address}{NAME}.html")
    page.locator(".ntkp-section").first.wait_for()
    links = page.evaluate(
        """[...document.querySelectorAll(".ntkp a")].map((a) =>
          new URL(a.href).pathname.slice(1) + new URL(a.href).hash)"""
    )
    assert len(set(links)) > 15
    for link in set(links):
        path, _, section = link.partition("#")
        assert f'id="{section}"' in (HTML / path).read_text(), link
