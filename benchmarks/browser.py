"""Time what a reader waits for: sliders, frames, two pages, an answer's check.

Nothing is compared here, so there is no table of ratios: each time is printed with the
one it should stay under, on a machine that does nothing else. The book is built first,
if it has changed; Chromium has to be there.
"""

import functools
import http.server
import shutil
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import ntkbook
from benchmarks import measure
from ntkbook.page.exercises import key, verdict

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "_build" / "html" / "book"
PAGE = "<!doctype html><html lang=en><title>t</title><main>{}</main>"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]

# A slider's own work, at both of its ends.
SLIDERS = """() => {
  const answer = (slider, value) => {
    slider.value = value;
    const start = performance.now();
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    return performance.now() - start;
  };
  return [...document.querySelectorAll("input[type=range]")].flatMap(
    (slider) => [answer(slider, slider.min), answer(slider, slider.max)]);
}"""
# From a slider's event until the picture that answers it has been drawn.
ANSWERS = """async () => {
  const times = [];
  const sliders = [...document.querySelectorAll("input[type=range]")];
  for (let k = 0; k < 8; k++)
    for (const slider of sliders) {
      slider.stepDown(k % 2 ? -1 : 1);
      const start = performance.now();
      slider.dispatchEvent(new Event("input", {bubbles: true}));
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      times.push(performance.now() - start);
    }
  return times;
}"""
FRAMES = """() => new Promise((done) => {
  const times = [];
  let last = performance.now();
  const next = () => {
    const now = performance.now();
    times.push(now - last);
    last = now;
    if (times.length < 150) requestAnimationFrame(next);
    else done(times.slice(5));
  };
  requestAnimationFrame(next);
})"""
# From one picture of a later step of training to the next; a program for `evaluate`.
STEPS = """() => new Promise((done) => {
  const { run } = document.querySelector(".ntk-play").playground.player;
  const times = [];
  let step = 0, last = performance.now();
  const next = () => {
    const now = performance.now();
    if (run.frame?.step > step) {
      times.push(now - last);
      [step, last] = [run.frame.step, now];
    }
    if (times.length < 150) requestAnimationFrame(next);
    else done(times.slice(5));
  };
  requestAnimationFrame(next);
})"""
# When a page can be used, in `window.alive`: a part of it stands there, with this text.
ALIVE = """new MutationObserver(() => {
  if (!window.alive && /%s/.test(document.querySelector("%s")?.textContent ?? ""))
    window.alive = performance.now();
}).observe(document, {childList: true, subtree: true})"""
PAINTED = """performance.getEntriesByName("first-contentful-paint")[0].startTime"""
TRAINS = ("[1-9]", ".ntkp-steps")  # its first step has been answered and is shown
NO_WORKER = "delete window.Worker"  # the page computes all, with its quarter
# What the playground should show in 60 frames a second.
SIXTY = {"data": {"count": 20}, "network": {"width": 256, "depth": 2}}


def piece(browser, make):
    """A page with one of the figures that compute in the browser."""
    page = browser.new_page(viewport={"width": 800, "height": 900})
    page.set_content(PAGE.format(make()._repr_html_()))
    page.locator(".ntk-live").first.wait_for()
    return page


def sliders(browser, rounds: int, make) -> list[float]:
    """Each round's slowest answer of a figure's sliders, in seconds."""
    page = piece(browser, make)
    times = [max(page.evaluate(SLIDERS)) / 1000 for _ in range(rounds)]
    page.close()
    return times


def training(browser, rounds: int, program: str) -> list[float]:
    """Each round's median of a program's times, with the widest network of page 1."""
    page = piece(browser, ntkbook.page.train_in_browser)
    page.get_by_role("slider", name="Width").focus()
    page.keyboard.press("End")
    times = []
    for _ in range(rounds):
        page.get_by_role("button", name="Restart").click()
        times.append(statistics.median(page.evaluate(program)) / 1000)
    page.close()
    return times


def opened(browser, rounds: int, page: str, alive: tuple, *scripts) -> list[list]:
    """Until a page has been painted first, and until a part of it has this text.

    It comes from a server on this machine. The page has a quarter of the processor, but
    its worker, where it has one, has all that the browser gives it.
    """
    times = []
    for _ in range(rounds):
        tab = browser.new_context().new_page()
        for script in (ALIVE % alive, *scripts):
            tab.add_init_script(script)
        developer = tab.context.new_cdp_session(tab)
        developer.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        tab.goto(page)
        while not (ready := tab.evaluate("window.alive")):
            tab.wait_for_timeout(20)
        times.append([tab.evaluate(PAINTED) / 1000, ready / 1000])
        tab.context.close()
    return [list(column) for column in zip(*times, strict=True)]


@contextmanager
def served():
    """The address of the built book on this machine."""
    handler = functools.partial(Quiet, directory=str(BOOK.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{BOOK.name}/"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def playing(browser, rounds: int, program: str) -> list[float]:
    """Each round's median of a program's times, with a playground that runs."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_content(PAGE.format(ntkbook.page.playground(SIXTY)._repr_html_()))
    page.locator(".ntkp-numbers dd").first.wait_for()
    times = []
    for _ in range(rounds):
        page.get_by_role("button", name="Restart").click()
        times.append(statistics.median(page.evaluate(program)) / 1000)
    page.close()
    return times


def check(rounds: int) -> list[float]:
    """Until a wrong answer has been held against every foreseen mistake."""
    hints = {f"Hint {n}.": float(n) for n in range(2, 7)}
    sealed = key("1.1", 1.0, mistakes=hints)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        verdict("1.1", 9.0, sealed.record)
        times.append(time.perf_counter() - start)
    return times


def build_again(rounds: int) -> list[float]:
    """Until `make book` has found that nothing has changed."""
    build, times = [sys.executable, "-m", "book.tools.site.build"], []
    for _ in range(rounds + 1):  # the first may have to build
        start = time.perf_counter()
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return times[1:]


def main(small: bool, rounds: int):
    """Print each time and its bound, and end with an error above one."""
    from playwright.sync_api import sync_playwright  # only here it is needed

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("browser: needs Chromium; on Debian: apt-get install chromium")
    rounds = 1 if small else rounds
    print(f"\nWhat a reader waits for; load before it: {measure.load():.1f}\n")
    rows = [("a build with nothing to do", 10.0, build_again(rounds))]
    rows += [("the check of an answer", 1.0, check(rounds))]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in ("posterior", "contributions"):
            make = getattr(ntkbook.page, f"{name}_in_browser")
            rows.append((f"{name}: a slider", 0.05, sliders(browser, rounds, make)))
        for what, bound, program in (
            ("training, 1024 neurons: a frame", 0.034, FRAMES),
            ("training, 1024 neurons: a slider", 0.05, ANSWERS),
        ):
            rows.append((what, bound, training(browser, rounds, program)))
        pictures = {"a frame": FRAMES, "a picture of a later step": STEPS}
        for what, program in pictures.items():
            times = playing(browser, rounds, program)
            rows.append((f"the playground: {what}", 0.018, times))
        for what, bound, page, *how in (
            ("the first page", 1.0, "start.html", (".", ".ntk-live button")),
            ("the playground", 2.0, "playground.html", TRAINS),
            ("the playground, no worker", 2.0, "playground.html", TRAINS, NO_WORKER),
        ):
            with served() as address:
                painted, alive = opened(browser, rounds, address + page, *how)
            rows.append((f"{what}: painted, a quarter of the processor", 1.0, painted))
            rows.append((f"{what}: alive, a quarter of the processor", bound, alive))
        browser.close()
    print("| what | seconds, the best round | median | should stay under |")
    print("|---|---:|---:|---:|")
    for what, bound, times in rows:
        middle = statistics.median(times)
        print(f"| {what} | {min(times):.3g} | {middle:.3g} | {bound:g} |")
    slow = [what for what, bound, times in rows if min(times) >= bound]
    if slow and not small:
        raise SystemExit(f"Too slow: {'; '.join(slow)}.")
