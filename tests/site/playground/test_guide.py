"""The playground's words, tours and quiz: what they say holds in the run itself."""

import re

import numpy as np
import pytest

from book.tools.files import chapters
from book.tools.sphinx.pages.playground import TOURS
from ntkbook.page.browser.playground import pieces
from tests.helpers.chromium import ROOT
from tests.helpers.draws import weekly
from tests.helpers.playground import PLAY, Opened

CALM = {"reduced_motion": "reduce"}
SHOWN = "p[aria-hidden=true]"  # what is read aloud repeats it, a little later
FAST = """play.app.speed = "fast";"""


@pytest.fixture(scope="module")
def calm(browser, tmp_path_factory):
    opened = Opened(browser, tmp_path_factory.mktemp("guide"), **CALM)
    opened.evaluate(FAST)
    yield opened
    opened.close()


NUMBERS = """const { run } = play.player, { ready, frame, seen, kappa } = run;
  const sum = (all, n) => [...all].slice(0, n).reduce((a, b) => a + b, 0);
  const { network, linear, infinite } = frame.models;
  return {
    step: frame.step, gap: seen.gaps.linear, gapInfinite: seen.gaps.infinite,
    moved: network.moved, change: seen.change, loss: network.loss / seen.first,
    lossInfinite: infinite.loss / seen.first, highest: seen.highest / seen.first,
    diverged: network.diverged, linearDiverged: linear.diverged,
    alignment: seen.alignment,
    firstFive: sum(run.kernel.spectrum.energy, 5),
    firstFiveBefore: sum(ready.spectrum0.energy, 5),
    energy: [...ready.spectrum0.energy],
    eigenvalues: [...ready.spectrum0.values], step_size: ready.stepSize,
    reached: [...network.inBasis].map((value, k) => value / ready.targets[k]),
    smallest: ready.spectrum0.values.at(-1) / ready.infiniteSpectrum.values.at(-1),
    kappa: kappa?.value,
    said: document.querySelector(".ntkp-badge p").innerText,
    output: run.query?.outputs.network,
    own: run.query && [...run.query.network],
  };"""


def tour(play, name, change=None, steps=None):
    """The numbers at the end of a tour, or of its setting with a change."""
    found = play.evaluate(
        """const text = document.querySelector(".ntkp-tour-text");
        document.querySelectorAll(".ntkp-tours .ntkp-tour-row button")[given].click();
        return text.innerText;""",
        list(TOURS.values()).index(name),
    )
    assert "Answer" in found
    play.page.wait_for_function(f"{PLAY}.player.idle() && {PLAY}.player.run.frame.step")
    if change is not None or steps:
        state = play.state()
        at = steps or play.frame()["step"]
        for section, fields in (change or {}).items():
            state[section] |= fields
        play.start(state, at)
    play.page.wait_for_function(
        f"{PLAY}.player.idle() && {PLAY}.player.run.kappa?.done"
    )
    return play.evaluate(NUMBERS)


def scale(alpha):
    return {"network": {"scale": alpha}}


def test_linear_in_its_weights(calm):
    small = tour(calm, "linear")
    assert small["gap"] == pytest.approx(0.21, abs=0.01)
    assert small["kappa"] == pytest.approx(1.4, abs=0.05)
    assert "linearisation fails" in small["said"]
    one, ten = (tour(calm, "linear", scale(alpha)) for alpha in (1, 10))
    assert one["gap"] == pytest.approx(0.027, abs=0.002)
    assert ten["gap"] == pytest.approx(0.002, abs=0.0005)
    assert one["kappa"] == pytest.approx(0.28, abs=0.01)
    assert ten["kappa"] == pytest.approx(0.028, abs=0.001)
    assert "Lazy" in ten["said"]


def test_a_rate_for_each_direction(calm):
    found = tour(calm, "modes")
    rates = [found["step_size"] * value for value in found["eigenvalues"]]
    assert rates[0] == pytest.approx(1)
    for rate, reached in zip(rates, found["reached"], strict=True):
        if rate > 1e-2:
            assert reached == pytest.approx(1, abs=0.02)
        elif rate < 1e-4:
            assert abs(reached) < 0.5
    assert rates[-1] < 1e-6  # "millions of steps"
    assert found["change"] < 0.01


def test_wide_weights_hardly_move(calm):
    narrow = tour(calm, "width")
    wide = tour(calm, "width", {"network": {"width": 512}})
    assert narrow["moved"] / wide["moved"] == pytest.approx(9, abs=0.5)
    assert narrow["change"] / wide["change"] == pytest.approx(70, abs=7)


# Further draws of the same: weekly.
@pytest.mark.parametrize("seed", [0, weekly(1), weekly(2)])
@pytest.mark.parametrize("width, low, high", [(16, 0.075, 0.125), (512, 0.005, 0.035)])
def test_the_limit_of_infinite_width(calm, width, low, high, seed):
    found = tour(calm, "limit", {"network": {"width": width, "seed": seed}})
    assert low < found["gapInfinite"] < high
    assert found["loss"] < 1e-6


def test_for_and_against(calm):
    found = tour(calm, "paths")
    ratio = max(map(abs, found["own"])) / abs(found["output"])
    assert 8 < ratio < 9
    points = calm.evaluate("return [...play.player.run.ready.x];")
    first = []
    for i, at in enumerate(points):
        calm.evaluate("play.player.query([given]);", at)
        calm.page.wait_for_function(
            f"(at) => {PLAY}.player.idle() && {PLAY}.player.run.query.at[0] === at",
            arg=at,
        )
        own = calm.evaluate("return [...play.player.run.query.network].map(Math.abs);")
        first.append(own[i] == max(own))
    assert [i + 1 for i, yes in enumerate(first) if yes] == [1, 2, 8]


def test_stopped_early(calm):
    early = tour(calm, "time")
    assert early["loss"] == pytest.approx(early["lossInfinite"], rel=0.1)
    late = tour(calm, "time", steps=4000)
    assert late["loss"] > 100 * late["lossInfinite"]
    assert abs(late["smallest"]) < 1e-9  # an eigenvalue is 0


def test_the_kernel_turns(calm):
    rich = tour(calm, "alignment")
    assert rich["energy"][3] + rich["energy"][5] > 0.8
    assert rich["moved"] > 1
    assert rich["alignment"] == pytest.approx(0.12, abs=0.01)
    assert rich["firstFive"] == pytest.approx(0.91, abs=0.01)
    assert rich["firstFiveBefore"] == pytest.approx(0.56, abs=0.01)
    lazy = tour(calm, "alignment", scale(10))
    assert lazy["change"] == pytest.approx(0.014, abs=0.002)
    assert lazy["alignment"] == pytest.approx(0.07, abs=0.005)
    assert lazy["firstFive"] == pytest.approx(0.56, abs=0.04)


# How much of the slow and of the fast wave is learned after each step: the coefficients
# of least squares, as both are orthogonal on these points.
LEARNED = """([state, steps]) => {
  const { RUN, STATE, MATRIX } = playgroundEngine();
  const run = RUN.create(STATE.complete(state), null), at = run.x;
  const wave = (period) => at.map((x) => 0.7 * Math.sin((2 * Math.PI * x) / period));
  const waves = [4, 1].map(wave), { inner } = MATRIX, found = [];
  for (let s = 0; s <= steps; s++) {
    const { outputs } = run.models.network.space;
    found.push(waves.map((each) => inner(each, outputs) / inner(each, each)));
    RUN.steps(run, 1, Infinity);
  }
  return [found, inner(...waves)];
}"""


def test_slow_waves_first(calm):
    """Without a page, which would draw every run anew from its first step."""
    calm.page.evaluate("location.hash = 'tour=waves'")
    calm.page.get_by_text("half of the fast one after 671.").wait_for(state="attached")
    state = calm.state()
    calm.page.add_script_tag(content=pieces.engine())

    def run(steps, **network):
        given = [state | {"network": state["network"] | network}, steps]
        found, overlap = calm.page.evaluate(LEARNED, given)
        assert abs(overlap) < 1e-12
        found = np.array(found)
        return found, [int((wave >= 0.5).argmax()) for wave in found.T]

    relu, half = run(671)
    assert relu[100] == pytest.approx([0.78, 0.08], abs=0.005)
    assert half == [4, 671]
    sine, half = run(100, activation="sin", weight_std=4)
    assert sine[100] == pytest.approx([0.99, 0.97], abs=0.005)
    assert half == [2, 5]


def test_the_catapult(calm):
    found = tour(calm, "catapult")
    assert found["linearDiverged"] and found["diverged"] is None
    assert found["highest"] == pytest.approx(4.3, abs=0.1) and found["loss"] < 0.1
    assert found["said"].startswith("Catapult The linearisation fails")
    lazy = tour(calm, "catapult", scale(10))
    assert lazy["diverged"] is None and lazy["loss"] < 0.1
    assert 300 < lazy["highest"] < 350
    for alpha in (0.5, 1, 2, 3, 10):
        state = scale(alpha) | {"training": {"step": 3}}
        calm.evaluate("play.app.start(given, { until: 1500 });", state)
        calm.page.wait_for_function(
            f"{PLAY}.player.idle() && {PLAY}.player.run.frame.models.network.diverged"
        )


def test_each_chapter_has_its_tour_which_leads_back_to_it(calm):
    """The link under a chapter's title opens the tour that is labelled with the
    chapter's number, and that links to the chapter."""
    there = {str(int(name[:2])): name for name in chapters(ROOT)}
    buttons = calm.page.locator(".ntkp-tour-row > button[aria-pressed]")
    labels = buttons.filter(has=calm.page.locator(".ntkp-number")).all_inner_texts()
    assert [re.match(r"\d+", label)[0] for label in labels] == list(there)
    assert list(TOURS) == list(there)
    for number, name in TOURS.items():
        calm.page.evaluate(f"location.hash = 'tour={name}'")
        calm.page.locator(f".ntkp-tour-text a[href$='{there[number]}.html']").wait_for()
        chosen = calm.page.locator(".ntkp-tours [aria-pressed=true]").inner_text()
        title = calm.page.locator(".ntkp-tour-text h2").inner_text()
        assert chosen.split() == [number, *title.split()]
        link = calm.page.locator(".ntkp-tour-text a").inner_text()
        assert link == f"Chapter {number}"
    calm.stopped()


def test_tours_are_opened_by_address_and_closed(browser, tmp_path):
    play = Opened(browser, tmp_path, "#tour=catapult", **CALM)
    assert play.state()["training"]["step"] == 1.3
    pressed = play.page.locator(".ntkp-tours [aria-pressed=true]")
    assert "catapult" in pressed.inner_text()
    play.page.locator(".ntkp-tour-text").get_by_role("button", name="Close").click()
    assert pressed.count() == 0
    assert "catapult" in play.page.evaluate("document.activeElement.innerText")
    play.close()


def test_the_quiz_hides_until_one_has_predicted(browser, tmp_path):
    play = Opened(browser, tmp_path, **CALM)
    page = play.page
    play.evaluate(FAST)
    page.get_by_role("button", name="Quiz me").click()
    for _ in range(2):
        play.stopped()
        assert play.frame()["step"] == 0
        assert page.locator(".ntkp-numbers .ntkp-cover").is_visible()
        for words in page.locator(":is(.ntkp-badge, .ntkp-words) p").all():
            assert not words.is_visible()
        assert page.get_by_role("button", name="Run", exact=True).is_disabled()
        page.locator(".ntkp-option").first.press("Enter")
        page.wait_for_function(
            "/of \\d right/.test(document.querySelector('.ntkp-verdict').innerText)"
        )
        assert not page.locator(".ntkp-numbers .ntkp-cover").is_visible()
        right = page.locator(".ntkp-verdict").inner_text().startswith("Right")
        assert right == page.locator(".ntkp-true.ntkp-chosen-option").count()
        page.get_by_role("button", name="Another").click()
    page.get_by_role("button", name="The catapult").click()  # it ends the quiz
    assert not page.locator(".ntkp-quiz").is_visible()
    assert page.locator(".ntkp-badge p").is_visible()
    page.get_by_role("button", name="Quiz me").click()
    assert not page.locator(".ntkp-tour-text").is_visible()
    page.get_by_role("button", name="Leave the quiz").click()
    assert page.get_by_role("button", name="Run", exact=True).is_enabled()
    play.stopped()
    play.close()


def test_a_model_that_diverges_alone_is_named_with_the_reason(calm):
    """At width 4 the infinite kernel's largest eigenvalue can be above the network's,
    by which the step is set."""
    calm.start({"network": {"width": 4}, "training": {"step": 0.8}}, 300)
    found = calm.evaluate(
        """const { ready, frame, seen } = play.player.run, { models } = frame;
        return {
          reach: ready.stepSize * ready.infiniteSpectrum.values[0],
          diverged: Object.values(models).map((model) => model.diverged),
          worst: seen.worst, gap: seen.gaps.linear,
        };"""
    )
    network, linear, infinite = found["diverged"]
    assert network is None and linear is None and found["reach"] > 2
    assert found["worst"]["gap"] >= found["gap"] > 0.1
    words = (
        f"The infinite kernel diverged at step {infinite} (its λₘₐₓ times the step is "
        f"{found['reach']:.3g}, above 2); the network and the linearisation did not."
    )
    badge = calm.page.locator(".ntkp-badge p")
    badge.get_by_text(words).wait_for()
    said = badge.inner_text()
    share = f"{100 * found['worst']['gap']:.0f}%"
    assert "The linearisation fails" in said
    assert re.search(rf"{share} (of the target, the most )?so far", said)


@pytest.mark.parametrize(
    "step, words",
    [
        (0.3, "shrinks without a change of sign"),
        (0.8, "changes its sign at every step, and shrinks"),
        (1.2, "the linearised error must grow, 1.4-fold per step"),
    ],
)
def test_the_words_about_the_step_hold_for_the_linearisation(calm, step, words):
    calm.start({"training": {"step": step}}, 0)
    calm.page.locator(SHOWN, has_text=words).wait_for()
    along = []
    for steps in (1, 2, 3):
        calm.start({"training": {"step": step}}, steps)
        along.append(
            calm.evaluate(
                """const { ready, frame } = play.player.run;
                return frame.models.linear.inBasis[0] - ready.targets[0];"""
            )
        )
    factors = [b / a for a, b in zip(along, along[1:], strict=False)]
    assert factors == pytest.approx([1 - 2 * step] * 2, abs=1e-9)
