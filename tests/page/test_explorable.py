"""Explorable figures: complete without scripts, moved by the keyboard with them."""

import json
import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ntkbook.page.figures.explorable import explore
from tests.helpers import needs


def draw(k, power=1):
    figure, axes = plt.subplots(figsize=(4, 3))
    x = np.linspace(0, 1, 50)
    axes.plot(x, k * x**power, "o-", color="black", label=f"k = {k} < ∞")
    axes.set(xlim=(0, 1), ylim=(0, 3), title="α & β")
    axes.legend()
    return figure


def alt(k, power=1):
    return f'A curve that ends at "{k}".'


def sample(**more):
    sliders = {"k": [1, 2, 3], "power": np.array([1, 2])}
    settings = {"alt": alt, "caption": "Ends <differ>.", "labels": {"k": "slope k"}}
    return explore(draw, **(settings | sliders | more))


def data_of(html: str) -> dict:
    return json.loads(re.search(r'\("x[0-9a-f]+",(\{.*\})\)</script>', html)[1])


def still_of(html: str) -> str:
    return re.search(r"<svg.*?</svg>", html, re.DOTALL)[0]


def test_text_form_is_short_and_stable():
    assert repr(sample(start={"k": 2})) == (
        "Explorable figure: slope k from 1 to 3 (3 values), power from 1 to 2 "
        '(2 values), shown at slope k = 2, power = 1.\nA curve that ends at "2".'
    )


def test_same_figure_same_bytes_and_no_open_figures():
    before = plt.get_fignums()
    assert sample()._repr_html_() == sample()._repr_html_()
    assert plt.get_fignums() == before


def test_without_scripts_the_first_picture_stands_there():
    html = sample(start={"k": 3})._repr_html_()
    svg = ElementTree.fromstring(still_of(html))
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == 'A curve that ends at "3".'
    texts = {element.text for element in svg.iter("text")}
    assert {"α & β", "k = 3 < ∞"} <= texts  # text stays text
    assert "<figcaption>Ends &lt;differ&gt;.</figcaption>" in html
    assert html.count("<label hidden>") == 2  # no dead sliders


def test_every_frame_is_well_formed_and_refers_to_its_own_ids():
    figure = sample()
    data = data_of(figure._repr_html_())
    assert len(data["frames"]) == len(data["alts"]) == 6
    for runs in data["frames"]:
        pairs = zip(runs[::2], runs[1::2], strict=True)
        lines = [line for a, n in pairs for line in data["lines"][a : a + n]]
        svg = ElementTree.fromstring(f"<svg>{''.join(lines)}</svg>")
        defined = {element.get("id") for element in svg.iter()}
        used = re.findall(r'(?:href="#|url\(#)([^")]+)', "".join(lines))
        assert used and set(used) <= defined


def test_frames_share_their_axes():
    data = data_of(sample()._repr_html_())
    frames = [sum(runs[1::2]) for runs in data["frames"]]
    assert len(data["lines"]) < frames[0] + 15 * len(frames) < sum(frames)


def test_the_layout_has_room_for_every_pictures_labels():
    def widen(k):
        figure, axes = plt.subplots(figsize=(4, 3), layout="constrained")
        axes.set(ylim=(0, k), ylabel="far left")
        return figure

    figure = explore(widen, alt="{k}".format, caption="", k=[1, 10**6])
    for frame in figure.frames:
        label = next(line for line in frame if "far left" in line)
        x = float(re.search(r"rotate\(-?90 ([\d.-]+)", label)[1])
        assert x > 5


def test_ink_follows_the_page():
    html = sample()._repr_html_()
    assert "currentColor" in html
    assert "#000000" not in html and "#ffffff" not in html


def test_two_figures_on_a_page_share_no_id():
    ids = [
        set(re.findall(r' id="([^"]+)"', still_of(sample(**more)._repr_html_())))
        for more in ({}, {"caption": "Another."})
    ]
    assert ids[0] and not ids[0] & ids[1]


def test_nothing_is_loaded_from_elsewhere():
    html = sample()._repr_html_()
    assert not re.search(r"https?://|src=|@import", html)


@pytest.mark.weekly
def test_sixty_frames_of_three_panels_stay_small():
    x = np.linspace(0, 6, 150)

    def waves(k):
        figure, panels = plt.subplots(1, 3, figsize=(8, 3))
        for panel in panels:
            panel.set_ylim(-1.2, 1.2)
            panel.plot(x, np.sin(k * x))
            panel.plot(x, np.cos(k * x))
        return figure

    values = np.linspace(1, 2, 60)
    html = explore(waves, alt="k = {k}".format, caption="", k=values)._repr_html_()
    assert len(html) < 350_000


@pytest.mark.parametrize(
    "more, message",
    [
        ({"k": []}, "slider 'k' has no values"),
        ({"k": 3}, "slider 'k' needs a sequence"),
        ({"k": "abc"}, "slider 'k' needs a sequence"),
        ({"k": range(1000)}, "2000 pictures are too many"),
        ({"start": {"k": 7}}, "k = 7, which is none of its values"),
        ({"start": {"z": 1}}, "start names 'z'"),
    ],
)
def test_bad_sliders(more, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        sample(**more)


def test_no_slider():
    with pytest.raises(ValueError, match="no slider; give one"):
        explore(draw, alt=alt, caption="")


def test_draw_must_return_a_figure():
    with pytest.raises(ValueError, match="must return a Matplotlib figure"):
        explore(lambda k: None, alt=alt, caption="", k=[1])


def test_pictures_must_have_one_size():
    def grow(k):
        return plt.figure(figsize=(k, 2))

    with pytest.raises(ValueError, match="pictures of different sizes"):
        explore(grow, alt=alt, caption="", k=[1, 2])


@pytest.mark.weekly
def test_too_large_a_page():
    def noise(k):
        figure, axes = plt.subplots()
        axes.plot(np.random.default_rng(k).normal(size=60_000), ",")
        axes.lines[0].set(marker="", linestyle="-", path_effects=[])
        return figure

    rough = plt.rc_context({"path.simplify": False})
    with rough, pytest.raises(ValueError, match="bytes of HTML are too many"):
        explore(noise, alt=alt, caption="", k=[1, 2, 3, 4])


def test_live_redraws_for_values_between():
    needs.package("ipywidgets", get="make environment")
    box = sample(k=[1.0, 3.0]).live()
    picture, k, power = box.children
    assert "k = 1.0" in picture.value
    k.value = 2.5
    assert "k = 2.5" in picture.value and "2.5" in picture.value
    assert (power.min, power.max) == (1, 2)


def test_live_shows_what_went_wrong():
    needs.package("ipywidgets", get="make environment")
    figure = sample()
    figure.draw = lambda k, power: 1 / 0
    assert "ZeroDivisionError" in figure.live().children[0].value


def open_page(browser, body, **settings):
    page = browser.new_page(**settings)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: r.url.startswith("http") and errors.append(r.url))
    page.set_content(f"<!doctype html><html lang=en><title>t</title>{body}</html>")
    assert not errors
    return page


def test_the_keyboard_moves_the_picture(browser):
    page = open_page(browser, sample()._repr_html_())
    svg, slider = page.locator("svg"), page.get_by_role("slider").first
    first = svg.inner_html()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert svg.inner_html() != first
    assert svg.get_attribute("aria-label") == 'A curve that ends at "2".'
    assert slider.get_attribute("aria-valuetext") == "2"
    assert page.locator("output").first.inner_text() == "2"
    page.keyboard.press("Home")
    assert svg.inner_html() == first


def test_the_same_figure_twice_and_another_move_alone(browser):
    one, other = sample()._repr_html_(), sample(caption="Other.")._repr_html_()
    page = open_page(browser, one + one + other)
    before = [svg.inner_html() for svg in page.locator("svg").all()]
    page.get_by_role("slider").nth(2).press("End")
    after = [svg.inner_html() for svg in page.locator("svg").all()]
    changed = [a != b for a, b in zip(before, after, strict=True)]
    assert changed == [False, True, False]


def test_on_a_phone_it_fits_and_fingers_can_hit_it(browser):
    body = (
        f'<meta name="viewport" content="width=device-width">{sample()._repr_html_()}'
    )
    page = open_page(browser, body, viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.get_by_role("slider").first.bounding_box()["height"] >= 44


def test_without_scripts_no_slider_shows(browser):
    page = open_page(browser, sample()._repr_html_(), java_script_enabled=False)
    assert page.locator("svg").is_visible()
    assert not page.locator("input").first.is_visible()
