"""The figures in JupyterLab, with a real server, kernel and browser.

What has to work there and nowhere else: scripts inside of a cell's output, and the
widgets of a running kernel, whose sliders draw the figure anew for any value.
"""

import os
import re
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from playwright.sync_api import TimeoutError, expect

from tests.helpers import needs
from tests.helpers.processes import free_port

pytestmark = pytest.mark.weekly
needs.package("jupyterlab", get="make environment")
needs.package("jupyterlab_myst", get="make environment")

DONE = re.compile(r"\[\d+\]")

CELLS = [
    """\
import matplotlib.pyplot as plt
import ntkbook

def draw(slope):
    figure, axes = plt.subplots(figsize=(4, 2))
    axes.plot([0, 1], [0, slope])
    return figure

figure = ntkbook.page.explore(
    draw, alt="A line of slope {slope}.".format, caption="", slope=[1.0, 2.0, 3.0]
)
figure""",
    "figure.live()",
    "ntkbook.page.train_in_browser()",
    'ntkbook.page.playground({"network": {"width": 8}})',
]

TEXT = """\
:::{prf:theorem} One
:label: thm-one
There is one.
:::

It follows from {prf:ref}`thm-one`.
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a server with one notebook."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    cells.append(nbformat.v4.new_markdown_cell(TEXT))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(nb, folder / "figures.ipynb")
    port = free_port()
    own = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += [
        f"--port={port}",
        "--IdentityProvider.token=",
        f"--notebook-dir={folder}",
    ]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(2400):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=1)
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.25)
        yield address
    finally:
        server.terminate()  # which ends its kernels, too
        server.wait()


@pytest.fixture(scope="module")
def page(lab, browser):
    """The notebook, open, with all its cells run.

    Keys are pressed only when the status bar says that the notebook's kernel is idle.
    Of cells run earlier JupyterLab drops some without a word, starts a second kernel,
    or opens a dialog. The notebook's toolbar cannot tell: it says "idle" from the
    start, before there is a kernel and before all cells are drawn.
    """
    page = browser.new_page(viewport={"width": 1100, "height": 2400})
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.goto(f"{lab}/lab/tree/figures.ipynb?reset", wait_until="domcontentloaded")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    try:
        expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
        expect(cells).to_have_count(len(CELLS))
        cells.first.locator(".cm-content").click()
        for _ in CELLS:
            page.keyboard.press("Shift+Enter")
        for cell in cells.all():
            expect(cell.locator(".jp-InputPrompt")).to_have_text(DONE)
        page.locator(".ntk-live").wait_for()
        page.locator(".ntkp").wait_for()
    except (AssertionError, TimeoutError) as error:
        seen = page.locator("body").inner_text()
        raise AssertionError(f"{error}\n{seen}\n{page.wrong}") from None
    yield page
    page.close()


def test_a_stored_figure_has_working_sliders(page):
    figure = page.locator(".ntk-explore").first
    before = figure.locator("svg").first.get_attribute("aria-label")
    slider = figure.get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    assert before == "A line of slope 1.0."
    said = figure.locator("svg").first.get_attribute("aria-label")
    assert said == "A line of slope 2.0."


def test_a_live_figure_is_drawn_for_values_between(page):
    output = page.locator(".jp-Notebook .jp-Cell").nth(1)
    slider = output.get_by_role("slider")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    output.locator("svg[aria-label='A line of slope 1.05.']").wait_for()


def test_the_front_pages_piece_trains(page):
    output = page.locator(".jp-Notebook .jp-Cell").nth(2)
    output.get_by_text("Trained.").first.wait_for()
    point = output.get_by_role("slider", name="Data point 1").first
    before = point.get_attribute("aria-valuetext")
    point.focus()
    point.press("ArrowUp")
    expect(point).not_to_have_attribute("aria-valuetext", before)  # in the next frame
    assert not page.wrong


def test_the_playground_answers_a_control(page):
    output = page.locator(".jp-Notebook .jp-Cell").nth(3)
    weights = output.locator(".ntkp-item dd").last
    expect(weights).to_have_text("25")  # 8 and 8 of units, 8 biases and one
    fold = output.locator(".ntkp-fold", has_text="Width")
    if fold.get_attribute("open") is None:  # as on a phone, in a narrow notebook
        fold.locator("summary").first.click()
    width = output.get_by_role("slider", name="Width")
    width.focus()
    width.press("ArrowRight")
    expect(weights).to_have_text("49")
    expect(output.locator(".ntkp-steps")).to_have_text(re.compile(r"step [1-9]"))
    assert not page.wrong


def test_a_theorem_is_shown_as_one(page):
    cell = page.locator(".jp-Notebook .jp-MarkdownCell")
    expect(cell).to_contain_text("It follows from Theorem 1")
    assert "prf:" not in cell.inner_text()
