"""The network that trains on the first page, and that page."""

import gzip
import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from book.tools.site import posters
from ntkbook.page import train_in_browser
from ntkbook.page.browser.figure import file
from tests.helpers.chromium import violations
from tests.helpers.draws import weekly

FIRST = "book/start.html"


# --- the piece
def open_piece(browser, body=None, **settings):
    """A page with the piece alone; `page.trouble` lists errors and requests."""
    page = browser.new_page(**({"viewport": {"width": 800, "height": 900}} | settings))
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda m: page.trouble.append(m.text))
    page.on("request", lambda r: r.url != "about:blank" and page.trouble.append(r.url))
    body = body or train_in_browser()._repr_html_()
    head = '<meta name="viewport" content="width=device-width"><title>t</title>'
    page.set_content(f"<!doctype html><html lang=en>{head}<main>{body}</main></html>")
    return page


CALM = {"reduced_motion": "reduce"}


def finish(page):
    page.get_by_role("button", name="To the end").first.click()
    page.get_by_text("Trained.").first.wait_for()


def curve(page):
    return page.locator(".ntk-functions path.ntk-network").first.get_attribute("d")


def changed(page, before):
    """Wait until the network's curve is another one; return it."""
    page.wait_for_function(
        """(before) => before !== document.querySelector(
          ".ntk-functions path.ntk-network").getAttribute("d")""",
        arg=before,
    )
    return curve(page)


def reads(point, text):
    """Wait until a data point's place is said so."""
    expect(point).to_have_attribute("aria-valuetext", text)


def reading(page, column=1):
    text = page.locator(".ntk-column").nth(column).inner_text()
    return float(re.search(r"weights moved by ([\d.]+)", text)[1])


def test_it_plays_by_itself_and_can_be_paused(browser):
    page = open_piece(browser)
    page.locator(".ntk-functions path.ntk-network").first.wait_for(state="attached")
    changed(page, changed(page, curve(page)))
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("On the way.").wait_for()
    paused = curve(page)
    page.wait_for_timeout(200)
    assert curve(page) == paused
    page.get_by_role("button", name="Step").click()
    changed(page, paused)
    finish(page)
    words = page.get_by_role("status").inner_text()
    assert "Lazy, output × 10: weights moved by 1.5" in words.replace("\u00a0", " ")
    assert page.trouble == []
    page.close()


def test_a_point_is_dragged_by_mouse(browser):
    page = open_piece(browser, **CALM)
    finish(page)
    point = page.get_by_role("slider", name="Data point 1").first
    before, place = curve(page), point.locator(".ntk-point").bounding_box()
    x, y = place["x"] + 9, place["y"] + 9
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y + 60, steps=4)
    page.mouse.up()
    reads(point, "input −2.8, target 0.4")
    page.get_by_text("Trained.").wait_for()
    assert curve(page) != before
    after = point.locator(".ntk-point").bounding_box()
    assert (
        abs(after["x"] - place["x"] + 40) < 1 and abs(after["y"] - place["y"] - 60) < 1
    )
    assert page.trouble == []
    page.close()


def test_a_point_is_moved_by_the_keyboard(browser):
    page = open_piece(browser, **CALM)
    finish(page)
    before = curve(page)
    point = page.get_by_role("slider", name="Data point 2").first
    point.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    reads(point, "input 0.4, target 0.7")
    page.get_by_text("Trained.").wait_for()
    assert curve(page) != before
    for _ in range(20):
        page.keyboard.press("Shift+ArrowUp")
    reads(point, "input 0.4, target 4.4")
    page.close()


def test_a_point_is_dragged_by_finger(browser):
    page = open_piece(browser, has_touch=True, is_mobile=True, **CALM)
    finish(page)
    point = page.get_by_role("slider", name="Data point 1").first
    assert point.evaluate("e => getComputedStyle(e).touchAction") == "none"
    box = point.bounding_box()
    assert box["width"] >= 44 and box["height"] >= 44
    page.close()


def test_scale_and_width_decide_what_is_lazy(browser):
    page = open_piece(browser, **CALM)
    finish(page)
    narrow = reading(page)
    width = page.get_by_role("slider", name="Width")
    width.focus()
    page.keyboard.press("End")
    assert width.get_attribute("aria-valuetext") == "1024 neurons"
    page.get_by_text("Trained.").wait_for()
    assert reading(page) < narrow / 3
    scale = page.get_by_role("slider", name="Output scale α").nth(1)
    scale.focus()
    page.keyboard.press("End")
    page.get_by_text("Trained.").wait_for()
    assert reading(page) < 1
    assert page.locator(".ntk-column strong").nth(1).inner_text() == "Lazy"
    page.close()


def test_the_widest_network_trains_and_answers_its_sliders(browser):
    # How fast, benchmarks/browser.py measures.
    page = open_piece(browser)
    width = page.get_by_role("slider", name="Width")
    width.focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Restart").click()
    for _ in range(3):
        changed(page, curve(page))
    page.get_by_role("button", name="Pause").click()
    for slider in page.locator("input[type=range]").all():
        before = page.locator(".ntk-live").inner_html()
        slider.focus()
        at_the_end = slider.evaluate("e => e.value === e.max")
        page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")
        page.wait_for_function(
            "(before) => document.querySelector('.ntk-live').innerHTML !== before",
            arg=before,
        )
    assert page.trouble == []
    page.close()


@pytest.mark.parametrize(
    "scheme, width",
    [("light", 360), ("dark", 1000), weekly("light", 1000), weekly("dark", 360)],
)
def test_it_is_accessible_and_fits(browser, scheme, width):
    page = open_piece(
        browser,
        f"<h1>t</h1><style>:root{{color-scheme:{scheme}}}</style>"
        + train_in_browser()._repr_html_(),
        viewport={"width": width, "height": 740}, color_scheme=scheme, **CALM,
    )  # fmt: skip
    finish(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    for control in page.locator("button, input").all():
        assert control.bounding_box()["height"] >= 44
    page.close()


def test_reduced_motion_shows_no_motion(browser):
    page = open_piece(browser, **CALM)
    page.get_by_text("Trained.").wait_for()
    replaced = page.evaluate(
        """async () => {
          const left = new Set(); // curves that were shown, and replaced by others
          const path = document.querySelector(".ntk-functions path.ntk-network");
          const words = document.querySelector(".ntk-words");
          new MutationObserver((all) => all.forEach((one) => left.add(one.oldValue)))
            .observe(path, {attributeFilter: ["d"], attributeOldValue: true});
          [...document.querySelectorAll("button")].at(-1).click();
          const over = () => left.size && words.textContent.includes("Trained.");
          for (let k = 0; k < 3000 && !over(); k++)
            await new Promise((done) => setTimeout(done, 20));
          await new Promise((done) => setTimeout(done, 300));
          return left.size;
        }"""
    )
    # The run before, the start of the new one, and what a change of the words' height
    # draws anew; motion would show dozens.
    assert 1 <= replaced <= 6
    page.close()


def test_without_scripts_a_picture_and_a_sentence_stand_there(browser):
    page = open_piece(browser, java_script_enabled=False)
    assert page.locator(".ntk-still svg").first.is_visible()
    assert "differ by up to" in page.get_by_role("img").first.get_attribute(
        "aria-label"
    )
    assert "linear model" in page.locator(".ntk-still p").inner_text()
    assert page.locator(".ntk-live").count() == page.locator("input").count() == 0
    page.close()


@pytest.mark.parametrize("culprit", ["function createNetwork(", "function curves("])
def test_if_anything_throws_the_picture_comes_back(browser, culprit):
    html = train_in_browser()._repr_html_()
    broken = re.sub(re.escape(culprit) + r"[^{]*\{", r'\g<0> throw Error("no");', html)
    page = open_piece(browser, broken)
    expect(page.locator(".ntk-live")).to_have_count(0)
    expect(page.locator(".ntk-still svg").first).to_be_visible()
    assert any("no" in text for text in page.trouble)  # and it is reported
    page.close()


def test_two_of_them_run_in_a_sandbox_as_in_colab(browser):
    inner = train_in_browser()._repr_html_() * 2
    inner = inner.replace("&", "&amp;").replace('"', "&quot;")
    frame = f'<iframe sandbox="allow-scripts" width=760 height=1500 srcdoc="{inner}">'
    view = {"width": 800, "height": 1600}  # each starts when it is seen
    page = open_piece(browser, f"{frame}</iframe>", viewport=view, **CALM)
    pieces = page.frame_locator("iframe").locator(".ntk-live")
    pieces.nth(1).scroll_into_view_if_needed()
    pieces.nth(1).get_by_text("Trained.").wait_for()
    assert pieces.count() == 2
    assert [text for text in page.trouble if "srcdoc" not in text] == []
    page.close()


def test_it_is_small_and_asks_for_nothing():
    html = train_in_browser()._repr_html_()
    own = ("parts.js", "network.js", "train.js", "piece.css")
    files = sum(file(name).stat().st_size for name in own)
    print(f"scripts and styles: {files:,} bytes; the whole piece: {len(html):,}")
    assert files < 40_000 and len(html) < 45_000  # with the engine that all share
    assert len(gzip.compress(html.encode(), 6)) < 14_500
    assert not re.search(r"https?://(?!www\.w3\.org)|src=|@import|\bon\w+=|eval", html)
    assert not re.search(r"<[^>]* style=", html)


def test_the_still_picture_is_what_the_script_draws(browser):
    # But for how finely it noted the outputs' path, which depends on the machine.
    noted = re.compile(r"((?:<ellipse[^>]*></ellipse>){2})(?:<path[^>]*></path>){2}")
    number = re.compile(r"-?\d+(?:\.\d+)?")
    stored, fresh = (
        noted.sub(r"\1", picture)
        for picture in (
            file("train.svg").read_text(),
            posters.still(browser, "train"),
        )
    )
    assert number.sub("#", stored) == number.sub("#", fresh), (
        "run book/tools/site/posters.py"
    )
    np.testing.assert_allclose(
        [float(n) for n in number.findall(stored)],
        [float(n) for n in number.findall(fresh)],
        atol=0.3,
    )


# --- the first page
def test_the_first_page_is_light(site, browser):
    site.sent.clear()
    page = browser.new_page()
    page.goto(site.address + FIRST, wait_until="networkidle")
    print(json.dumps(site.sent, indent=1), sum(site.sent.values()))
    assert sum(site.sent.values()) < 300_000
    assert not [path for path in site.sent if "mathjax" in path]
    page.close()


def test_the_first_page_comes_alive_on_a_slow_machine(site, browser):
    # How soon, benchmarks/browser.py measures.
    page = browser.new_page()
    developer = page.context.new_cdp_session(page)
    developer.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(site.address + FIRST)
    page.locator(".ntk-live button").first.wait_for()
    page.close()


def test_the_piece_is_the_first_thing_seen(site, browser):
    for size in ({"width": 1280, "height": 720}, {"width": 360, "height": 740}):
        page = browser.new_page(viewport=size)
        page.goto(site.address + FIRST)
        for plot in page.locator(".ntk-functions").all():
            box = plot.bounding_box()
            assert box["y"] + box["height"] <= size["height"]
        page.close()


@pytest.mark.parametrize("theme", [weekly("light"), "dark"])
def test_the_piece_keeps_the_pages_colours(site, browser, theme):
    page = browser.new_page(color_scheme=theme, reduced_motion="reduce")
    page.goto(site.address + FIRST)
    finish(page)
    ink, words, paper = page.evaluate(
        """() => [".ntk-point", ".ntk-words", ".ntk-handle text"].map((s, i) =>
          getComputedStyle(document.querySelector(s))[i === 1 ? "color" : "fill"])"""
    )
    assert ink == words
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ground
    assert violations(page, ".ntk-train") == []
    page.close()
