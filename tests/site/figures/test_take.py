"""Every figure can be taken along, as SVG and as PNG, as it is shown at that moment."""

from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from book.tools.files import contents
from tests.helpers.chromium import HTML, ROOT, without_formulas
from tests.helpers.draws import first, weekly

CHAPTERS = [
    name for _, names in contents(ROOT) for name in names if "notebooks" in name
]
FIGURES = ".cell_output > figure:has(> img), figure.ntk-explore, figure.ntk-piece"
KINDS = [
    ("02_gradient_flow", "#fig-2-collapse"),
    ("02_gradient_flow", "figure.ntk-explore"),
    ("01_taylor_expansion", "figure.ntk-piece"),
]


@pytest.fixture
def page(site, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    without_formulas(page)
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    yield page
    assert page.trouble == []
    context.close()


def saved(page, figure, kind):
    """The file that a figure's button gives: its name and its bytes."""
    with page.expect_download() as download:
        figure.locator(".ntk-take").get_by_text(kind, exact=True).click()
    found = download.value
    return found.suggested_filename, Path(found.path()).read_bytes()


def pixels(data):
    return np.asarray(Image.open(BytesIO(data)).convert("L"))


@pytest.mark.parametrize("name", first(CHAPTERS))
def test_every_figure_of_a_chapter_offers_both(page, site, name):
    page.goto(f"{site.address}{name}.html")
    figures = page.locator(FIGURES)
    assert figures.count() > 0
    assert page.locator(".ntk-take").count() == figures.count()
    kinds = page.locator(".ntk-take button").all_text_contents()
    assert kinds == ["SVG", "PNG"] * figures.count()


@pytest.mark.parametrize(("chapter", "selector"), first(KINDS))
def test_a_file_is_whole_large_and_light(page, site, chapter, selector):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{site.address}notebooks/{chapter}.html")
    figure = page.locator(selector).first
    named = selector[1:] if selector[0] == "#" else f"{chapter}-figure-"
    name, drawing = saved(page, figure, "SVG")
    assert name.startswith(named) and name.endswith(".svg")
    root = ElementTree.fromstring(drawing)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("width")
    text = drawing.decode()
    assert "var(" not in text and "color(" not in text and "currentcolor" not in text
    name, picture = saved(page, figure, "PNG")
    assert name.startswith(named) and name.endswith(".png")
    grey = pixels(picture)
    assert grey.shape[1] == 2400 and 600 < grey.shape[0] < 3000
    assert (grey[[0, -1], [0, -1]] > 250).all()  # a white ground, in the dark as well
    assert 0.005 < (grey < 128).mean() < 0.3  # and lines on it


@pytest.mark.parametrize(("chapter", "selector"), [weekly(*KINDS[1]), KINDS[2]])
def test_what_is_saved_is_what_is_set(page, site, chapter, selector):
    page.goto(f"{site.address}notebooks/{chapter}.html")
    figure = page.locator(selector).first
    before = saved(page, figure, "SVG")[1]
    assert before == saved(page, figure, "SVG")[1]
    slider = figure.locator("input[type=range]").first
    slider.focus()
    slider.press(
        "ArrowLeft" if slider.evaluate("e => e.value === e.max") else "ArrowRight"
    )
    assert before != saved(page, figure, "SVG")[1]


def test_from_a_folder_it_offers_what_it_can(page):
    """There a browser lets no script read the picture in a file."""
    page.goto((HTML / "notebooks" / "02_gradient_flow.html").as_uri())
    still = page.locator("#fig-2-collapse .ntk-take button")
    expect(still).to_have_text(["SVG"])
    moving = page.locator("figure.ntk-explore").first
    assert pixels(saved(page, moving, "PNG")[1]).shape[1] == 2400
