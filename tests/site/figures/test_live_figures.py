"""The chapters' live figures: their mathematics against the library's, in Chromium, and
their use by mouse and keyboard."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playwright.sync_api import expect

import ntkbook
from book.tools.site import posters
from ntkbook.infinite import nngp, ntk
from ntkbook.learning_curves import mean_field_risk, network_harmonics
from ntkbook.page import (
    contributions_in_browser,
    large_steps_in_browser,
    learning_in_browser,
    posterior_in_browser,
    tangent_in_browser,
)
from ntkbook.page.browser import INFINITE, NETWORK, TRAINING_STEPS
from ntkbook.page.browser.figure import file
from ntkbook.paths import path_kernel
from tests.helpers.chromium import violations
from tests.helpers.draws import weekly

KIB = 1024


@pytest.fixture(scope="module")
def mathematics(browser):
    page = browser.new_page()
    page.set_content("<!doctype html><title>t</title>")
    engine = dict.fromkeys([*NETWORK, *TRAINING_STEPS, *INFINITE])
    scripts = ["parts.js", "kernels.js", "one_weight.js", "harmonics.js"]
    for name in [*scripts, *engine, "books.js", "network.js", "large_steps.js"]:
        page.add_script_tag(content=file(name).read_text())
    yield page
    page.close()


POINTS = [-1.2, -0.4, 0.5, 1.4, -2.0, -0.05, 0.0, 1.9]
VALUES = [0.6, -0.8, 0.3, 1.0]
RUN = """([points, options, values, normals]) => {
  const n = points.length;
  const { sigma, theta } = KERNELS.kernels(points.map((at) => [at]), n, options);
  const { mean, deviation } = KERNELS.regression(sigma, n, values);
  const flow = KERNELS.regression(theta, n, values).mean;
  const draws = KERNELS.draws(sigma, n, values.length, [normals])[0];
  return [sigma, theta, mean, deviation, flow, draws].map((each) => [...each]);
}"""


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize("bias", [0.05, 1.5])
def test_kernels_and_regression_are_the_librarys(mathematics, activation, depth, bias):
    options = {"depth": depth, "activation": activation, "weight": 1.3, "bias": bias}
    normals = np.random.default_rng(0).normal(size=4).tolist()
    found = mathematics.evaluate(RUN, [POINTS, options, VALUES, normals])
    sigma, theta, mean, deviation, flow, draws = map(np.array, found)
    x = np.array(POINTS)[:, None]
    settings = dict(depth=depth, activation=activation, weight_std=1.3, bias_std=bias)
    covariance, tangent = (np.asarray(k(x, **settings)) for k in (nngp, ntk))
    np.testing.assert_allclose(sigma.reshape(8, 8), covariance, atol=1e-12, rtol=1e-12)
    np.testing.assert_allclose(theta.reshape(8, 8), tangent, atol=1e-12, rtol=1e-12)
    for kernel, predicted in ((covariance, mean), (tangent, flow)):
        seen = kernel[:4, :4] + 1e-9 * np.trace(kernel[:4, :4]) / 4 * np.eye(4)
        exact = kernel[4:, :4] @ np.linalg.solve(seen, VALUES)
        np.testing.assert_allclose(predicted, exact, atol=1e-6 * abs(exact).max())
    seen = covariance[:4, :4] + 1e-9 * np.trace(covariance[:4, :4]) / 4 * np.eye(4)
    left = covariance[4:, 4:] - covariance[4:, :4] @ np.linalg.solve(
        seen, covariance[:4, 4:]
    )
    np.testing.assert_allclose(
        deviation**2, np.diag(left).clip(0), atol=1e-8 * np.trace(covariance)
    )
    block = covariance[4:, 4:]
    root = np.linalg.cholesky(block + 1e-8 * np.trace(block) / 4 * np.eye(4))
    np.testing.assert_allclose(draws, root @ normals, atol=1e-6)


def one_weight(w):
    """The model of Chapter 1 at x = 1.5, as the chapter writes it."""
    return (1.5 * w + 1.5 * w**2 + jnp.sin(jnp.exp(0.1 * w))) * (w - 0.4)


@pytest.mark.parametrize("start", [-1.7, 0.4, 2.0])
@pytest.mark.parametrize("goal, alpha", [(3.0, 1.0), (3.0, 100.0), (-2.0, 10.0)])
def test_the_one_weight_model_is_the_chapters(mathematics, start, goal, alpha):
    found = mathematics.evaluate(
        """(all) => [ONE_WEIGHT.f(all[0]), ONE_WEIGHT.kappa(...all),
          ONE_WEIGHT.minima(...all)]""",
        [start, goal, alpha],
    )
    slope = jax.grad(one_weight)
    exact = [float(g(start)) for g in (one_weight, slope, jax.grad(slope))]
    np.testing.assert_allclose(found[0], exact, rtol=1e-12)

    def apply(w, x):
        return alpha * (one_weight(w) - one_weight(start))[None]

    kappa = ntkbook.kappa(
        apply, jnp.array([start]), jnp.ones((1, 1)), jnp.array([[goal]])
    )
    assert found[1] == pytest.approx(float(kappa), rel=1e-6)
    tangent, minimum = found[2]["tangent"], found[2]["minimum"]
    assert tangent == pytest.approx(start + goal / (alpha * exact[1]), rel=1e-12)
    reached = alpha * (one_weight(minimum) - one_weight(start))
    assert reached == pytest.approx(goal, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 20.0])
def test_the_books_are_the_librarys(mathematics, alpha):
    x, queries = [-2.5, -1.0, 0.5, 0.6, 1.7], [-1.0, 0.2, 3.0]
    y = [np.sin(2 * at) / alpha for at in x]
    found = mathematics.evaluate(
        """([x, y, queries]) => {
          const start = PARTS.weights(50, 3), run = BOOKS.train(start, x, y, 2);
          const {network, linear} = BOOKS.curves(run, queries);
          return {start: [...start], step: run.step, steps: run.slopes.length,
            weights: [...run.path.at(-1)], network, linear, loss: run.loss,
            books: queries.map((query) => {
              const found = BOOKS.contributions(run, query);
              return [[...found.shares], [...found.linear], found.output];
            })};
        }""",
        [x, y, queries],
    )
    net = ntkbook.mlp(
        50, 1, "tanh", weight_std=4.0, bias_std=2.0, zero_output="subtract"
    )
    a, c, v = np.reshape(found["start"][:-1], (3, 50))
    layers = [
        {"weight": jnp.array(a[None, :]), "bias": jnp.array(c)},
        {"weight": jnp.array(v[:, None]), "bias": jnp.array(found["start"][-1:])},
    ]
    start = {"now": layers, "start": layers}
    x, y, queries = (jnp.array(values)[:, None] for values in (x, y, queries))
    settings = {"step_size": found["step"], "steps": found["steps"], "nodes": 4}
    ours = path_kernel(
        net.apply, start, x, y, queries, integral="exact", progress=False, **settings
    )
    shares, linear, outputs = map(np.array, zip(*found["books"], strict=True))
    np.testing.assert_allclose(shares, ours.contributions[:, 0], atol=1e-10)
    np.testing.assert_allclose(outputs, ours.outputs[:, 0], atol=1e-10)
    np.testing.assert_allclose(shares.sum(1), outputs, atol=1e-12)  # they balance
    np.testing.assert_allclose(found["network"], outputs, atol=1e-12)
    straight = path_kernel(
        ntkbook.linearize(net.apply, start), start, x, y, queries, progress=False,
        **settings,
    )  # fmt: skip
    np.testing.assert_allclose(linear, straight.contributions[:, 0], atol=1e-10)
    np.testing.assert_allclose(found["linear"], straight.outputs[:, 0], atol=1e-10)
    assert abs(shares - linear).max() > 0.01 * abs(shares).max()


@pytest.mark.parametrize("depth, bias", [(1, 0.0), (1, 0.7), (4, 0.3)])
def test_the_circles_spectrum_and_errors_are_the_librarys(mathematics, depth, bias):
    at, others = [-2.5, -1.0, 0.3, 0.9, 2.2], [-3.0, 0.0, 1.5]
    target = [0.4, -0.5, -1.0, -0.9, 0.3]
    found = mathematics.evaluate(
        """([network, at, others, target]) => {
          const values = HARMONICS.eigenvalues(256, network);
          const parts = HARMONICS.amplitudes(target);
          const power = parts.map(([c, s], k) => (k ? (c * c + s * s) / 2 : c * c));
          const f = (x) => HARMONICS.wave(parts, x);
          return {values: [...values], parts, power,
            kappa: [2, 9, 40].map((n) => HARMONICS.effective(values, n)),
            risk: [2, 9, 40].map((n) => HARMONICS.risk(values, power, n)),
            back: HARMONICS.places(5).map(f),
            fit: [...HARMONICS.regression(at, at.map(f), others, network)],
            y: at.map(f)};
        }""",
        [{"depth": depth, "bias": bias}, at, others, target],
    )
    settings = dict(depth=depth, bias_std=bias, weight_std=2**0.5)

    def ring(angles):
        return jnp.array(2**0.5 * np.stack([np.cos(angles), np.sin(angles)], 1))

    own = float(ntk(ring([0.0]), **settings)[0, 0])
    values = network_harmonics(256, **settings).values / own
    np.testing.assert_allclose(found["values"], values, atol=1e-9)
    np.testing.assert_allclose(found["back"], target, atol=1e-12)
    often = np.where(np.arange(256) > 0, 2, 1)
    levels = np.repeat(np.where(values > 1e-12, values, 0), often)
    power = np.repeat(np.pad(found["power"], (0, 253)) / often, often)
    for n, kappa, risk in zip((2, 9, 40), found["kappa"], found["risk"], strict=True):
        told = mean_field_risk(levels, power**0.5, n)
        assert kappa == pytest.approx(told.effective_ridge, rel=1e-5)
        assert risk == pytest.approx(told.error, rel=1e-5)
    exact = ntkbook.kernel_regression(
        ntk(ring(at), **settings), np.array(found["y"]),
        k_test=ntk(ring(others), ring(at), **settings),
    ).test  # fmt: skip
    np.testing.assert_allclose(found["fit"], exact, atol=1e-5)


@pytest.mark.parametrize("product, alpha", [(1.0, 1.0), (3.0, 1.0), (2.5, 10.0)])
def test_the_large_steps_are_the_librarys(mathematics, product, alpha):
    x, y = [-1.2, 1.2], [0.8, -0.9]
    found = mathematics.evaluate(
        """([x, y, product, alpha]) => {
          const net = NTK.createNetwork(50, alpha, 3, x, y), start = [...net.start];
          const run = LARGE_STEPS.train(net, product, 30);
          return {...run, start, phase: LARGE_STEPS.phase(run)};
        }""",
        [x, y, product, alpha],
    )
    net = ntkbook.mlp(
        50, 1, "tanh", weight_std=1.5, bias_std=0.5, zero_output="subtract"
    )
    a, c, v = np.reshape(found["start"][:-1], (3, 50))
    layers = [
        {"weight": jnp.array(a[None, :]), "bias": jnp.array(c)},
        {"weight": jnp.array(v[:, None]), "bias": jnp.array(found["start"][-1:])},
    ]
    start = {"now": layers, "start": layers}
    x, y = (jnp.array(values)[:, None] for values in (x, y))

    def top(w):
        return jnp.linalg.eigvalsh(ntkbook.ntk(net.apply, w, x))[-1]

    eta = product / float(top(start))
    settings = {"step_size": eta, "steps": 30, "record": range(31)}
    run = ntkbook.gradient_descent(
        net.apply, start, x, y / alpha, observe=top, **settings
    )
    np.testing.assert_allclose(found["loss"], alpha**2 * run.loss, rtol=1e-6)
    np.testing.assert_allclose(found["product"], eta * run.observed, rtol=1e-6)
    line = ntkbook.linearize(net.apply, start)
    straight = ntkbook.gradient_descent(line, start, x, y / alpha, **settings)
    np.testing.assert_allclose(found["linear"], alpha**2 * straight.loss, rtol=1e-6)
    assert found["phase"] == ("lazy" if product < 2 else "catapult")


def test_much_too_large_steps_diverge(mathematics):
    """The script stops before its numbers overflow."""
    run = mathematics.evaluate(
        """() => LARGE_STEPS.train(
          NTK.createNetwork(50, 100, 3, [-1.2, 1.2], [0.8, -0.9]), 6, 200)"""
    )
    assert run["diverged"] and len(run["loss"]) < 200
    assert np.isfinite(run["loss"]).all()


def open_piece(browser, piece):
    page = browser.new_page(viewport={"width": 800, "height": 800})
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda m: m.type == "error" and page.wrong.append(m.text))
    body = piece()._repr_html_()
    page.set_content(
        f"<!doctype html><html lang=en><title>t</title><main>{body}</main>"
    )
    page.locator(".ntk-live").wait_for()
    return page


def shows(piece):
    """A fixture: a page with this figure, on which nothing may go wrong."""

    @pytest.fixture()
    def page(browser):
        page = open_piece(browser, piece)
        yield page
        assert page.wrong == []
        page.close()

    return page


tangent = shows(tangent_in_browser)
shown = shows(posterior_in_browser)
books = shows(contributions_in_browser)
learning = shows(learning_in_browser)
steps = shows(large_steps_in_browser)


def test_the_tangent_follows_start_target_and_scale(tangent):
    tangent.get_by_text("κ = 5.70. ").wait_for()  # 3 times 5.505 over 1.7028 squared
    tangent.get_by_text("least at w = 1.09:").wait_for()
    scale = tangent.get_by_role("slider", name="Output scale")
    scale.focus()
    scale.press("End")
    tangent.get_by_text("κ = 0.00570. ").wait_for()
    start = tangent.get_by_role("slider", name="Start")
    start.focus()
    start.press("ArrowRight")
    assert start.get_attribute("aria-valuetext") == "w₀ = 0.50"
    target = tangent.get_by_role("slider", name="Target")
    target.focus()
    target.press("ArrowDown")
    assert target.get_attribute("aria-valuetext") == "target 2.9"


@pytest.mark.parametrize("name", ["shown", "books", "steps"])
def test_sliders_are_answered_at_both_ends(request, name):
    # How fast, benchmarks/browser.py measures.
    pictures = request.getfixturevalue(name).evaluate(
        """() => [...document.querySelectorAll("input[type=range]")].map((slider) =>
          [slider.min, slider.max].map((value) => {
            slider.value = value;
            slider.dispatchEvent(new Event("input", {bubbles: true}));
            return document.querySelector(".ntk-live").innerHTML;
          }))"""
    )
    assert len(pictures) == 2
    for first, last in pictures:
        assert first != last and "NaN" not in first + last


def test_points_go_where_they_are_dragged_and_sent_by_keys(shown):
    point = shown.get_by_role("slider", name="Data point 2")
    mean = shown.locator(".ntk-live svg[role=group] path.ntk-infinite")
    before = mean.get_attribute("d")
    point.focus()
    point.press("ArrowUp")
    assert point.get_attribute("aria-valuetext") == "input −0.4, target −0.7"
    assert mean.get_attribute("d") != before
    box = point.locator(".ntk-point").bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    shown.mouse.move(*at)
    shown.mouse.down()
    shown.mouse.move(at[0] + 20, at[1] - 30, steps=4)
    shown.mouse.up()
    now = point.locator(".ntk-point").bounding_box()
    assert (now["x"] - box["x"], now["y"] - box["y"]) == pytest.approx((20, -30), abs=1)


def test_two_points_cannot_be_brought_to_one_place(shown):
    point = shown.get_by_role("slider", name="Data point 2")
    point.focus()
    for _ in range(30):
        point.press("ArrowRight")
    numbers = shown.locator(
        ".ntk-live svg[role=group] path.ntk-infinite"
    ).get_attribute("d")
    assert "NaN" not in numbers
    told = [
        p.get_attribute("aria-valuetext")
        for p in shown.locator(".ntk-live .ntk-handle").all()
    ]
    assert len({text.split(",")[0] for text in told}) == 4


def test_activation_and_other_draws(shown):
    draws = shown.locator(".ntk-live svg[role=img] path.ntk-infinite").first
    before = draws.get_attribute("d")
    shown.get_by_role("button", name="Other draws").click()
    assert draws.get_attribute("d") != before
    shown.get_by_label("Activation").select_option("erf")
    shown.get_by_text("erf, bias").wait_for()


def read_bars(page):
    """The filled and the outlined bars' ends, one row each, the sums last."""
    paths = page.locator(".ntk-live svg[role=img] :is(.ntk-share, .ntk-outline)")
    ends = [
        float(d.get_attribute("d").split("V")[1].split("h")[0]) for d in paths.all()
    ]
    return np.reshape(ends, (-1, 2)).T


def test_bars_move_into_their_outlines_as_the_scale_grows(books):
    filled, outlined = read_bars(books)
    before = abs(filled - outlined).max()
    scale = books.get_by_role("slider", name="Output scale")
    scale.focus()
    scale.press("End")
    filled, outlined = read_bars(books)
    assert abs(filled - outlined).max() < 0.1 * before
    books.get_by_text("error below 1e-12").wait_for()


def test_the_query_is_dragged_and_points_are_moved(books):
    query = books.get_by_role("slider", name="Query")
    left = books.locator(".ntk-live svg[role=group]")
    box, before = left.bounding_box(), read_bars(books)
    y = box["y"] + box["height"] - 10
    books.mouse.move(box["x"] + box["width"] / 2, y)
    books.mouse.down()
    books.mouse.move(box["x"] + 0.75 * box["width"], y, steps=3)
    books.mouse.up()
    assert query.get_attribute("aria-valuetext") == "1.5"
    moved = read_bars(books)
    assert abs(moved - before).max() > 5
    point = books.get_by_role("slider", name="Data point 3")
    point.focus()
    point.press("ArrowUp")
    assert point.get_attribute("aria-valuetext") == "input −1.0, target −0.8"
    assert abs(read_bars(books) - moved).max() > 0
    assert query.get_attribute("aria-valuetext") == "1.5"


def test_an_odd_frequency_is_never_learned_without_a_bias(learning):
    learning.get_by_text("Never learned: 3, eigenvalue 0.").wait_for()
    bias = learning.get_by_role("slider", name="Bias")
    bias.focus()
    bias.press("End")
    learning.get_by_text("bias 1.0").wait_for()
    assert "Never" not in learning.locator(".ntk-words").inner_text()
    target = learning.get_by_role("slider", name="Target 3 of 9")
    curve = learning.locator(".ntk-live svg[role=group] path.ntk-infinite")
    before = curve.get_attribute("d")
    target.focus()
    target.press("ArrowUp")
    assert target.get_attribute("aria-valuetext") == "target −0.9"
    after = curve.get_attribute("d")
    assert after != before and "NaN" not in after


def test_every_slider_of_the_learned_target_is_answered_at_both_ends(learning):
    pictures = learning.evaluate(
        """() => [...document.querySelectorAll("input[type=range]")].map((slider) =>
          [slider.min, slider.max].map((value) => {
            slider.value = value;
            slider.dispatchEvent(new Event("input", {bubbles: true}));
            return document.querySelector(".ntk-live").innerHTML;
          }))"""
    )
    assert len(pictures) == 4
    for first, last in pictures:
        assert first != last and "NaN" not in first + last


def test_the_step_size_decides_and_the_scale_changes_the_kernel(steps):
    size = steps.get_by_role("slider", name="Step size")
    words = steps.get_by_role("status")  # the caption speaks of losses, too
    expect(words).to_contain_text("The loss grows to")
    size.focus()
    size.press("Home")
    expect(words).to_contain_text("The loss falls")
    size.press("End")
    expect(words).to_contain_text("Step times eigenvalue 6.00")
    scale = steps.get_by_role("slider", name="Output scale")
    scale.focus()
    scale.press("End")
    expect(words).to_contain_text("Training diverges")


@pytest.mark.parametrize("theme", [weekly("light"), "dark"])
@pytest.mark.parametrize("name", ["shown", "tangent", "books", "learning", "steps"])
def test_axe_finds_nothing_and_it_fits_a_phone(request, name, theme):
    page = request.getfixturevalue(name)
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": 360, "height": 800})
    assert violations(page, ".ntk-piece") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_scripts_the_still_picture_stands(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(posterior_in_browser()._repr_html_())
    assert page.locator(".ntk-still svg").first.is_visible()
    assert "Bayesian mean" in page.locator(".ntk-still p").inner_text()
    context.close()


@pytest.mark.parametrize(
    "name", ["posterior", "tangent", "contributions", "learning", "steps"]
)
def test_the_still_picture_is_what_the_script_draws(browser, name):
    assert posters.still(browser, name) == file(f"{name}.svg").read_text()


@pytest.mark.parametrize(
    "files",
    [
        ("kernels.js", "posterior.js"),
        ("one_weight.js", "tangent.js"),
        ("books.js", "contributions.js"),
        ("harmonics.js", "learning.js"),
        ("large_steps.js", "steps.js"),
    ],
)
def test_its_own_script_is_small(files):
    assert sum(file(name).stat().st_size for name in files) < 20 * KIB
