"""What one does on the playground: run, change, undo; by mouse and by keyboard."""

import pytest
from playwright.sync_api import expect

from book.tools.site import posters
from ntkbook.page.browser.playground import pieces
from tests.helpers.chromium import PHONE, violations
from tests.helpers.draws import weekly
from tests.helpers.playground import PLAY, Opened

CALM = {"reduced_motion": "reduce"}  # it does not start by itself
# All controls of a setting, and how each is changed by a key.
# The arrow key that leads to another value.
KEY = """(e) => {
  const more = e.type === "range" ? e.value !== e.max : e.selectedIndex + 1 < e.length;
  return more ? "ArrowRight" : "ArrowLeft";
}"""
CONTROLS = """() => [...document.querySelectorAll(
  ".ntkp-controls :is(input[type=range], select, input[type=checkbox])")]
  .map((node, index) => {
    node.dataset.control = index;
    return { index, kind: node.type, name: node.labels[0].innerText };
  })"""


@pytest.fixture
def calm(browser, tmp_path):
    opened = Opened(browser, tmp_path, **CALM)
    yield opened
    opened.close()


def test_it_runs_by_itself_pauses_steps_and_restarts(browser, tmp_path):
    play = Opened(browser, tmp_path)
    page = play.page
    page.wait_for_function(f"{PLAY}.player.run.frame?.step > 3")
    page.get_by_role("button", name="Pause").click()
    play.stopped()
    at = play.frame()["step"]
    page.get_by_role("button", name="Step", exact=True).click()
    play.stopped()
    assert play.frame()["step"] == at + 1
    assert (
        page.locator(".ntkp-steps").inner_text().replace("\u202f", "")
        == f"step {at + 1}"
    )
    page.get_by_role("button", name="Restart").click()
    page.wait_for_function(f"{PLAY}.player.run.frame?.step === 0")
    play.stopped()
    assert "Nothing is trained yet" in page.locator(".ntkp-badge p").inner_text()
    play.close()


def test_every_control_is_changed_by_keyboard_and_undone(calm):
    calm.page.locator(".ntkp-more summary").click()
    controls = calm.page.evaluate(CONTROLS)
    assert len(controls) >= 14
    for control in controls:
        node = calm.page.locator(f"[data-control='{control['index']}']")
        if not node.is_visible():
            continue
        before = calm.state()
        node.focus()
        key = "Space" if control["kind"] == "checkbox" else node.evaluate(KEY)
        calm.page.keyboard.press(key)
        if control["kind"] == "select-one" and calm.state() == before:
            continue  # its other choices are not possible now
        assert calm.state() != before, control
        assert node.evaluate("e => e.labels.length"), control
        calm.page.get_by_role("button", name="Undo").click()
        assert calm.state() == before
    assert calm.page.get_by_role("button", name="Undo").is_disabled()


def test_points_are_moved_added_and_removed_by_keyboard(calm):
    page = calm.page
    calm.stopped()
    count = len(calm.evaluate("return [...play.player.run.ready.y];"))
    point = page.get_by_role("slider", name="Training point 1", exact=True)
    point.focus()
    page.keyboard.press("ArrowUp")
    assert calm.state()["data"]["kind"] == "points"
    x, y = calm.state()["data"]["points"][0]
    page.keyboard.press("Shift+ArrowRight")
    assert calm.state()["data"]["points"][0] == [pytest.approx(x + 0.25), y]
    page.keyboard.press("PageDown")
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label == "Training point 2"
    page.keyboard.press("Delete")
    assert len(calm.state()["data"]["points"]) == count - 1
    page.get_by_role("button", name="Add a point").click()
    assert len(calm.state()["data"]["points"]) == count
    for _ in range(4):
        page.keyboard.press("Control+z")
    assert calm.state()["data"]["kind"] == "sine"
    calm.stopped()
    # One stop of the Tab key for all points, and one for the query.
    stops = ".ntkp-draws [tabindex='0']:visible"
    assert page.locator(stops).count() == 2


def test_points_are_moved_added_and_removed_by_mouse(calm):
    page = calm.page
    calm.stopped()
    box = page.locator(".ntkp-draws").first.bounding_box()
    x, y = box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"]
    page.mouse.click(x, y)
    points = calm.state()["data"]["points"]
    assert len(points) == 13
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20, steps=4)
    page.mouse.up()
    moved = calm.state()["data"]["points"]
    assert moved[:12] == points[:12]
    assert moved[12][0] > points[12][0] and moved[12][1] < points[12][1]
    page.mouse.move(x - 90, y)
    page.mouse.down()
    page.mouse.move(x - 10, y + 10, steps=20)  # a stroke: 80 pixels, a point in each 28
    page.mouse.up()
    drawn = calm.state()["data"]["points"]
    assert drawn[:13] == moved and len(drawn) == 16
    assert drawn[13][0] < drawn[14][0] < drawn[15][0]
    for _ in range(3):
        page.get_by_role("button", name="Undo").click()
    assert calm.state()["data"]["points"] == moved
    calm.later(700)  # a second click soon after the first adds and removes
    page.mouse.dblclick(x + 30, y + 20)
    assert calm.state()["data"]["points"] == points[:12]
    calm.stopped()


def test_two_points_never_share_an_input_and_one_stays(calm):
    calm.start({"data": {"kind": "points", "points": [[0, 0.5], [0.1, -0.5]]}}, 1)
    point = calm.page.get_by_role("slider", name="Training point 1", exact=True)
    point.focus()
    for _ in range(2):
        calm.page.keyboard.press("ArrowRight")
    inputs = {row[0] for row in calm.state()["data"]["points"]}
    assert len(inputs) == 2
    for _ in range(3):
        calm.page.locator(".ntkp-points [tabindex='0']:visible").focus()
        calm.page.keyboard.press("Delete")
    assert len(calm.state()["data"]["points"]) == 1
    calm.stopped()


@pytest.mark.weekly
def test_two_inputs_have_maps_and_points_with_a_label(calm):
    page = calm.page
    page.get_by_label("Targets y").select_option("xor")
    calm.stopped()
    assert page.locator(".ntkp-map").count() == 3
    page.get_by_label("A click adds").select_option("-1")
    box = page.locator(".ntkp-map svg.ntkp-draws").first.bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    row = calm.state()["data"]["points"][-1]
    assert row[0] < -2 and row[1] > 2 and row[2] == -1
    page.get_by_label("Loss ℒ").select_option("logistic")
    calm.stopped()
    assert calm.state()["training"]["loss"] == "logistic"
    page.get_by_label("Targets y").select_option("sine")
    calm.stopped()
    assert calm.state()["training"]["loss"] == "squared"  # its targets are no labels


@pytest.mark.weekly
def test_the_query_is_dragged_and_moved_by_keys(calm):
    calm.start({}, 20)
    page, query = calm.page, calm.page.get_by_role("slider", name="Query")
    query.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{PLAY}.player.run.query?.at[0] === 0.35")
    assert query.get_attribute("aria-valuetext") == "input 0.35"
    sums = calm.evaluate(
        """const { outputs, start, network, linear } = play.player.run.query;
        const sum = (all) => all.reduce((a, b) => a + b, start);
        return [outputs.network - sum(network), outputs.linear - sum(linear)];"""
    )
    assert sums == pytest.approx([0, 0], abs=1e-6)
    assert "At the query (0.35)" in page.locator(".ntkp-side").inner_text()


def test_divergence_is_shown_and_survived(calm):
    calm.start({"training": {"step": 5}}, 400)
    calm.page.locator(".ntkp-chip[data-tone=diverged]").wait_for()
    picture = calm.page.locator(".ntkp-grid-all").inner_html()
    assert "NaN" not in picture and "Infinity" not in picture
    assert "diverged at step" in calm.page.locator(".ntkp-badge p").inner_text()
    calm.start({}, 5)
    assert calm.page.locator(".ntkp-chip[data-tone=diverged]").count() == 0


# Where the verdict stands, and what has the focus, if that is below the verdict.
PLACES = """() => {
  const verdict = document.querySelector(".ntkp-badge").getBoundingClientRect();
  const focused = document.activeElement, { top } = focused.getBoundingClientRect();
  const below = document.querySelector(".ntkp-grid-all").contains(focused);
  return [verdict.top, below ? top - verdict.bottom : null];
}"""


# Says how long a picture takes, whatever this machine needs for it; the note in the bar
# depends on that.
TAKES = """let takes = 5;
Object.defineProperty(play.player.run, "took", { get: () => takes, set: () => {} });
window.pictureTakes = (time) => { takes = time; };"""
# The tops of all that is in the bar and below it.
TOPS = """() => [...document.querySelectorAll(
  ".ntkp-bar :not(.ntkp-slow *), .ntkp-functions")]
  .filter((node) => node.checkVisibility() && !node.matches(".ntkp-slow"))
  .map((node) => [node.className, node.getBoundingClientRect().top])"""
NOTE = """() => {
  const note = document.querySelector(".ntkp-slow"), box = note.getBoundingClientRect();
  const bar = note.closest(".ntkp-bar").getBoundingClientRect();
  const over = [...document.querySelectorAll(".ntkp-bar :is(button, select, summary)")]
    .map((other) => other.getBoundingClientRect())
    .filter(({ left, right }) => left < box.right - 1 && box.left < right - 1)
    .filter(({ top, bottom }) => top < box.bottom - 1 && box.top < bottom - 1);
  return {
    shown: getComputedStyle(note).visibility === "visible", over: over.length,
    inside: bar.left < box.left && box.right < bar.right && box.bottom < bar.bottom,
  };
}"""


@pytest.mark.parametrize("size", [(390, 844), weekly((1280, 720)), weekly((1440, 900))])
def test_the_verdict_stays_in_view_and_moves_and_covers_nothing(calm, size):
    page = calm.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    calm.evaluate(TAKES)
    tops = []
    for step, scale in ((0.5, 1), (0.4, 0.2), (1.3, 1), (5, 1)):
        for time in (5, 1234):
            page.evaluate("(time) => pictureTakes(time)", time)
            setting = {"training": {"step": step}, "network": {"scale": scale}}
            calm.start(setting, 300)
            page.wait_for_timeout(100)
            note = page.evaluate(NOTE)
            assert note == {"shown": time > 60, "over": 0, "inside": True}
            tops.append(page.evaluate(TOPS))
    assert len(tops[0]) > 10 and all(again == tops[0] for again in tops)
    rows = page.locator(".ntkp-bar :is(button, select, summary):visible").evaluate_all(
        "(all) => all.map((each) => each.getBoundingClientRect().top)"
    )
    assert len({round(top / 10) for top in rows}) <= 2
    page.locator(".ntkp-section").last.focus()
    gaps = []
    while True:
        page.keyboard.press("Shift+Tab")
        top, gap = page.evaluate(PLACES)
        if gap is None:
            break
        assert top == pytest.approx(0, abs=1) or page.evaluate("scrollY") < 400
        gaps.append(gap)
    assert len(gaps) > 10 and min(gaps) >= 0


@pytest.mark.weekly
def test_every_picture_says_in_words_what_it_shows(calm):
    calm.start({}, 50)
    calm.page.wait_for_function(f"{PLAY}.player.run.query")
    calm.page.wait_for_timeout(100)
    labels = calm.page.evaluate(
        """() => [...document.querySelectorAll(
            ".ntkp :is(svg.ntkp-chart, svg.ntkp-draws, canvas[role=img])")]
          .filter((node) => node.checkVisibility())
          .map((node) => node.getAttribute("aria-label"))"""
    )
    assert len(labels) >= 10
    assert all(
        any(sign.isdigit() for sign in text)
        for text in labels
        if "initialisation" not in text
    )
    assert len(set(labels)) == len(labels)
    spoken = calm.page.locator(".ntkp-words [role=status]")
    calm.page.wait_for_function(
        "document.querySelector('.ntkp-words [role=status]').textContent.length > 20"
    )
    expect(spoken).to_contain_text("The kernel")  # not at once: after the run rests


@pytest.mark.weekly
def test_with_little_motion_it_waits_and_still_runs(calm):
    calm.stopped()
    assert calm.frame()["step"] == 0
    calm.page.get_by_role("button", name="Run", exact=True).click()
    calm.page.wait_for_function(f"{PLAY}.player.run.frame.step > 100")


def test_two_of_them_share_no_id(browser, tmp_path):
    play = Opened(browser, tmp_path, copies=2, **CALM)
    play.page.locator(".ntkp").nth(1).wait_for()
    ids = play.page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) > 20 and len(set(ids)) == len(ids)
    play.close()


@pytest.mark.parametrize("theme", ["light", weekly("dark")])
def test_axe_finds_nothing_and_it_fits_a_phone(browser, tmp_path, theme):
    play = Opened(browser, tmp_path, theme=theme, **CALM)
    play.start({}, 300)
    assert violations(play.page, ".ntk-play") == []
    play.page.set_viewport_size(PHONE)
    play.start({"data": {"kind": "xor"}}, 20)
    play.page.evaluate(
        "document.querySelectorAll('.ntkp details').forEach((d) => (d.open = true))"
    )
    for name in ("As Python", "Quiz me"):
        play.page.get_by_role("button", name=name).click()
    assert play.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(play.page, ".ntk-play") == []
    play.close()


def test_without_scripts_the_still_picture_stands(browser, tmp_path):
    Opened(browser, tmp_path, **CALM).close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "light.html").as_uri())
    assert page.locator(".ntk-still svg").is_visible()
    assert "linearisation" in page.locator(".ntk-still p").inner_text()
    context.close()


@pytest.mark.weekly
def test_the_still_picture_is_what_the_script_draws(browser):
    assert posters.playground_still(browser) == pieces.text("ui/still.svg")


def test_an_engine_that_fails_leaves_the_still_picture(browser, tmp_path):
    play = Opened(browser, tmp_path, **CALM)
    play.stopped()
    play.evaluate(
        """Object.defineProperty(play.player.run, "frame", {
          get: () => { throw new Error("broken"); } });"""
    )
    play.page.set_viewport_size(PHONE)  # it is drawn anew
    play.page.locator(".ntk-still").wait_for()
    assert play.page.locator(".ntkp").count() == 0
    assert len(play.trouble) == 1
    play.page.close()
