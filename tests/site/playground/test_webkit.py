"""The playground in WebKit, on the book's own page and by real clicks and keys.

That it draws, fits and moves nothing there, and that every other page does, is asked in
pages/test_other_browsers.py.
"""

from json import dumps

import numpy as np
import pytest

from tests.helpers import browsers
from tests.helpers.chromium import served, violations
from tests.helpers.playground import PLAY, Opened
from tests.helpers.webkit import webkit
from tests.site.playground.test_firefox import START, STATES

pytestmark = [pytest.mark.weekly, pytest.mark.usefixtures("built")]
PAGE = "book/playground.html"
STOPPED = f"{PLAY}.player.idle() && {PLAY}.player.run.frame.step"
SAID = "document.querySelector('.ntkp-badge p').innerText"
# A chapter with a live figure, slides that show one, the search, and what one comes to
# from there, where the words that one searched for are marked.
OTHERS = {
    "notebooks/01_taylor_expansion.html": ".ntk-piece .ntk-live",
    "slides/01.html": ".ntk-piece .ntk-live",
    "search.html?q=kernel": "#search-results li",
    f"{PAGE}#tour=modes": ".ntkp .highlighted",
}
# The pictures that one keeps, as type and size; nothing is put into a folder.
KEEP = """async () => {
  const { app } = document.querySelector(".ntk-play").playground;
  const kept = [], make = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    kept.push([blob.type, blob.size]);
    return make.call(URL, blob);
  };
  HTMLAnchorElement.prototype.click = () => {};
  app.saveSVG();
  await app.savePNG();
  return kept;
}"""
SET = """Promise.all([window.MathJax?.startup.promise, document.fonts.ready])
  .then(() => true)"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with webkit(tmp_path_factory.mktemp("webkit")) as tab:
        yield tab


@pytest.fixture(scope="module")
def site(built):
    with served(browsers.Spied) as server:
        yield server


def setting(name):
    """The control of this name."""
    return f"//*[@id=//label[starts-with(normalize-space(), '{name}')]/@for]"


def test_it_is_driven(tab, site):
    tab.open(site.address + PAGE)
    tab.until(f"{PLAY}?.player.run.frame?.step > 3")  # by itself
    assert tab.evaluate(f"{PLAY}.player.where()") == "worker"
    tab.click("Pause")
    at = tab.until(STOPPED)
    tab.click("Step")
    assert tab.until(f"{STOPPED} > {at} && {PLAY}.player.run.frame.step") == at + 1
    tab.click("Restart")
    tab.until(f"{PLAY}.player.idle() && {PLAY}.player.run.frame.step === 0")
    tab.until(f"{SAID}.includes('Nothing is trained yet')")

    tab.press(setting("Step size"), "End")
    step = tab.until(f"{PLAY}.player.idle() && {PLAY}.app.store.get().training.step")
    assert step == 10
    tab.until(
        "document.querySelector('.ntkp-words').innerText.includes('error must grow')"
    )
    tab.evaluate(f"{PLAY}.app.speed = 'fast'")
    tab.click("Run")
    tab.until(STOPPED)
    said = tab.until(f"{SAID}.includes('diverged at step') && {SAID}")
    assert said.startswith("Network diverged")
    picture = tab.evaluate("document.querySelector('.ntkp-grid-all').innerHTML")
    assert "NaN" not in picture and "Infinity" not in picture

    tab.click("9 The catapult")
    tab.until(f"{STOPPED} === 1500")
    tab.until(f"{SAID}.startsWith('Catapult')")
    tab.click("Reset")
    assert tab.evaluate(f"{PLAY}.app.store.get().training.step") == 0.5
    tab.until(f"{PLAY}.player.idle()")
    kinds = [kind for kind, size in tab.evaluate(KEEP) if size > 20_000]
    assert kinds == ["image/svg+xml", "image/png"]
    assert tab.trouble() == []


def test_it_computes_what_chromium_does(tab, site, browser, tmp_path):
    chromium = Opened(browser, tmp_path, reduced_motion="reduce")
    tab.open(site.address + PAGE)
    tab.until(f"{PLAY}")
    for state in STATES:
        chromium.start(state, 60)
        frame = chromium.frame()
        expected = [frame[name][2] for name in ("network", "linear", "infinite")]
        found = tab.evaluate(START.format(dumps(state)))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    chromium.close()
    assert tab.trouble() == []


@pytest.mark.parametrize("page", OTHERS)
def test_axe_finds_nothing(tab, site, page):
    tab.open(site.address + page)
    tab.until("document.querySelector(argument)?.textContent", OTHERS[page])
    tab.evaluate(SET)
    found = violations(tab)
    assert (found, tab.trouble()) == ([], [])
