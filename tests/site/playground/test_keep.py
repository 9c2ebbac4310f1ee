"""What one takes along from the playground, and brings to it: links, files, tables."""

import csv
from io import StringIO
from xml.etree import ElementTree

import pytest

from tests.helpers.draws import weekly
from tests.helpers.playground import PLAY, Opened

CALM = {"reduced_motion": "reduce"}
STATE = {
    "data": {"kind": "cubic", "count": 7, "noise": 0.2, "seed": 5},
    "network": {"width": 24, "depth": 2, "activation": "erf", "scale": 0.3, "seed": 4},
    "training": {"step": 0.7, "batch": 4, "weight_decay": 0.001},
}


@pytest.fixture
def calm(browser, tmp_path):
    opened = Opened(browser, tmp_path, **CALM)
    yield opened
    opened.close()


def test_a_link_repeats_the_run_exactly(browser, tmp_path, calm):
    calm.start(STATE, 37)
    calm.page.wait_for_function("location.hash.includes('at=37')")
    fragment = calm.page.evaluate("location.hash")
    other = Opened(browser, tmp_path, fragment)  # by itself, in frames of few steps
    other.page.wait_for_function(
        f"{PLAY}.player.idle() && {PLAY}.player.run.frame.step === 37"
    )
    assert other.state() == calm.state()
    assert other.frame() == calm.frame()
    other.close()


def test_a_link_holds_drawn_points_with_all_their_digits(browser, tmp_path):
    points = [[-1.234, 0.1], [0.3333333333333333, -0.2], [1.5, 1e-7]]
    state = {"data": {"kind": "points", "points": points, "held_out": [[0.5, 1.0]]}}
    play = Opened(browser, tmp_path, state=state, **CALM)
    play.stopped()
    play.page.wait_for_function("location.hash.includes('points=')")
    fragment = play.page.evaluate("location.hash")
    other = Opened(browser, tmp_path, fragment, **CALM)
    assert other.state()["data"]["points"] == points
    other.close()
    play.close()


@pytest.mark.parametrize(
    "fragment",
    [
        "#width=1e9",
        "#kind=__proto__&scale=x",
        weekly("#points=1,2;3&kind=points"),
        weekly("#%=%&=&at=-3"),
    ],
)
def test_no_address_breaks_it(browser, tmp_path, fragment):
    play = Opened(browser, tmp_path, fragment, **CALM)
    play.stopped()
    usual = Opened(browser, tmp_path, **CALM)
    assert play.state()["network"] == usual.state()["network"]
    told = play.page.locator(".ntkp-said").inner_text()
    assert ("left out" in told) == ("at" not in fragment)
    usual.close()
    play.close()


def test_undo_redo_and_reset(calm):
    page, first = calm.page, calm.state()
    states = [first]
    for seed in (1, 2):
        page.get_by_role("button", name="New weights").click()
        calm.later(850)  # changes in quick succession count as one
        states.append(calm.state())
        assert states[-1]["network"]["seed"] == seed
    for expected in (states[1], first):
        page.get_by_role("button", name="Undo").click()
        assert calm.state() == expected
    for expected in states[1:]:
        page.get_by_role("button", name="Redo").click()
        assert calm.state() == expected
    page.get_by_role("button", name="Reset").click()
    assert calm.state() == first
    calm.stopped()


def keep(play, name):
    """The content of the file that this choice saves."""
    play.page.locator(".ntkp-menu > summary").click()
    with play.page.expect_download() as saved:
        play.page.get_by_role("button", name=name).click()
    return saved.value.path().read_bytes()


def test_the_run_as_csv(calm):
    calm.start(STATE, 12)
    rows = list(csv.reader(StringIO(keep(calm, "CSV").decode())))
    assert [row[0] for row in rows[1:]] == [str(k) for k in range(1, 13)]
    at = rows[0].index("loss of network")
    assert float(rows[-1][at]) == pytest.approx(calm.frame()["network"][0], rel=1e-9)


@pytest.mark.weekly
def test_the_picture_as_svg_and_png(calm):
    calm.start({"data": {"kind": "xor"}}, 12)
    text = keep(calm, "SVG").decode()
    root = ElementTree.fromstring(text)
    tags = [node.tag.split("}")[1] for node in root.iter()]
    assert tags.count("svg") > 8 and tags.count("image") >= 6
    assert "Kernel matrix" in text and "NaN" not in text and "var(" not in text
    png = keep(calm, "PNG")
    assert png.startswith(b"\x89PNG") and len(png) > 20_000


def test_as_python(calm):
    calm.start(STATE, 5)
    calm.page.get_by_role("button", name="As Python").click()
    code = calm.page.locator(".ntkp-code").inner_text()
    compile(code, "snippet", "exec")
    assert "ntkbook" in code and "cubic" in code and "\nsteps = 5\n" in code
    calm.start(STATE, 0)
    calm.page.get_by_role("button", name="As Python").click()
    assert "\nsteps = 1\n" in calm.page.locator(".ntkp-code").inner_text()


TABLES = {
    "year\tvalue\n1990\t10\n2000\t20\n2010\t15": [
        [-1.2247, -1.2247], [0, 1.2247], [1.2247, 0],
    ],
    "1,5;2\n-0,5;-1\n0;0,25": [[1.5, 2], [-0.5, -1], [0, 0.25]],
    "0 0 0\n1 1 0\n0 1 1\n1 0 1": [[0, 0, -1], [1, 1, -1], [0, 1, 1], [1, 0, 1]],
}  # fmt: skip
WRONG = {
    "": "no row of numbers",
    "1 2\n3": "Row 2 is not 2 numbers",
    "1 2\n3 x": "Row 2 is not 2 numbers",
    "5\n6": "at least an input and a target",
    "\n".join(["1 2"] * 101): "At most 100 rows",
}


def test_a_table_is_pasted_dropped_and_read_from_a_file(calm, tmp_path):
    page, texts = calm.page, list(TABLES)
    page.get_by_role("button", name="Own table").click()
    area = page.locator(".ntkp-table textarea")
    for text in texts:
        area.fill(text)
        page.get_by_role("button", name="Use this table").click()
        assert calm.state()["data"]["points"] == TABLES[text]
    assert calm.evaluate("return play.app.dimension();") == 2
    for text, problem in WRONG.items():
        area.fill(text)
        page.get_by_role("button", name="Use this table").click()
        assert problem in page.locator(".ntkp-table [role=status]").inner_text()
        assert area.get_attribute("aria-invalid") == "true"
    file = tmp_path / "own.csv"
    file.write_text("x,y\n0,1\n1,2\n")
    page.locator(".ntkp-table input[type=file]").set_input_files(file)
    page.get_by_text("2 points taken").wait_for()
    assert calm.state()["data"]["points"] == [[0, -1], [1, 1]]
    area.evaluate(
        """(area) => {
          const data = new DataTransfer();
          data.setData("text/plain", "0 0.1\\n1 0.2\\n2 0.3");
          const drop = new DragEvent("drop", {dataTransfer: data, bubbles: true});
          area.dispatchEvent(drop);
        }"""
    )
    page.get_by_text("3 points taken").wait_for()
    page.get_by_label("Every fourth row is for the test").check()
    area.fill("\n".join(f"{k} 0.1" for k in range(9)))
    page.get_by_role("button", name="Use this table").click()
    data = calm.state()["data"]
    assert (len(data["points"]), len(data["held_out"])) == (7, 2)
    calm.stopped()


def test_a_table_is_not_in_the_address_until_a_link_is_asked_for(calm):
    page = calm.page
    page.get_by_role("button", name="Own table").click()
    page.locator(".ntkp-table textarea").fill("0 0.125\n1 0.25")
    page.get_by_role("button", name="Use this table").click()
    calm.stopped()
    page.wait_for_timeout(600)
    assert "0.125" not in page.evaluate("location.hash")
    page.evaluate(
        "navigator.clipboard.writeText = async (text) => (window.copied = text)"
    )
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("It contains your points").wait_for()
    assert "0,-1;1,1" in page.evaluate("copied") or "0.125" in page.evaluate("copied")


@pytest.mark.weekly
def test_many_inputs_have_no_map(calm):
    rows = [[0.1 * i, 0.3, -0.1 * i, i % 2] for i in range(6)]
    calm.start({"data": {"kind": "points", "points": rows}}, 5)
    assert calm.page.get_by_text("More than two inputs have no picture").is_visible()
    assert "NaN" not in calm.page.locator(".ntkp-grid-all").inner_html()
    assert calm.state()["data"]["points"] == rows
