"""A real browser for the tests, and a server that hosts the built book for it."""

import fcntl
import gzip
import http.server
import os
import subprocess
import sys
import threading
import uuid
from collections import Counter
from contextlib import contextmanager
from functools import partial
from importlib import resources
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from book.tools.site.chromium import GET, find
from tests.helpers import needs

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync"]
PHONE = {"width": 360, "height": 740}
PATIENCE = 180_000  # ms: what takes none may take long on a machine that is busy
expect.set_options(timeout=PATIENCE)

# Notes what a page's security policy refuses, in `window.refused`.
REFUSED = """window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  refused.push(`${event.violatedDirective}: ${event.blockedURI}`));"""

# Every rule of axe-core at every level, and one that it leaves out unless asked: what
# is tapped is 24 pixels large or has that much room (WCAG 2.2), but for links within a
# line of text. Without preload: false it would fetch style sheets again, from wrong
# addresses.
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
AXE = AXE.strip().removesuffix(";")  # an expression, which other browsers ask for
ALSO = {"target-size": {"enabled": True}}
COLOURS = ["color-contrast", "link-in-text-block"]
RUN_AXE = """async ([within, rules, only]) => {
  const options = {resultTypes: ["violations"], preload: false, rules};
  if (only) options.runOnly = only;
  const found = await axe.run(within ?? document, options);
  return found.violations.flatMap((v) =>
    v.nodes.map((n) => `${v.id} (${v.impact}): ${n.target} ${n.failureSummary}`));
}"""

# A chapter has ten thousand coloured words of code, and as many parts of formulas: with
# them axe takes 25 seconds. Of words with one colour on one ground the first stays, and
# of a formula what is there for screen readers; its glyphs axe cannot see anyway.
SPARE_AXE = """() => {
  const grounds = new Map([[null, ""]]);
  const ground = (e) => {
    if (!grounds.has(e)) {
      const {backgroundColor, backgroundImage, opacity} = getComputedStyle(e);
      const own = [backgroundColor, backgroundImage, opacity].join();
      grounds.set(e, `${own} on ${ground(e.parentElement)}`);
    }
    return grounds.get(e);
  };
  const seen = new Set(), again = [];
  for (const word of document.querySelectorAll("pre span")) {
    const {color, fontSize, fontWeight} = getComputedStyle(word);
    const looks = [color, fontSize, fontWeight, ground(word)].join();
    if (seen.has(looks) && !word.id && !word.querySelector("a")) again.push(word);
    seen.add(looks);
  }
  const glyphs = [...document.querySelectorAll("mjx-math[aria-hidden=true]")]
    .map((e) => [e, e.getBoundingClientRect()]);
  for (const word of again) word.replaceWith(...word.childNodes);
  for (const code of document.querySelectorAll("pre")) code.normalize();
  for (const [formula, {width, height}] of glyphs) {
    formula.replaceChildren();
    formula.style = `display: inline-block; width: ${width}px; height: ${height}px`;
  }
}"""


def violations(page, within=None, colours=True):
    """What axe-core finds wrong on a page, or within what a selector names there.

    Args:
        colours: whether to look at contrast as well, which takes most of the time;
            "only" looks at nothing else.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    if colours == "only":
        return page.evaluate(RUN_AXE, [within, {}, COLOURS])
    rules = dict(ALSO)
    if not colours:
        rules |= {rule: {"enabled": False} for rule in COLOURS}
    return page.evaluate(RUN_AXE, [within, rules, None])


@contextmanager
def chromium():
    """A browser that has patience; without one, see needs.py."""
    path = find()
    needs.that(path, "Chromium", GET)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=FLAGS, timeout=PATIENCE
        )
        browser.new_context = _patient(browser.new_context)
        browser.new_page = _patient(browser.new_page)
        yield browser
        browser.close()


def _patient(make):
    def made(**settings):
        new = make(**settings)
        new.set_default_timeout(PATIENCE)
        return new

    return made


def without_formulas(page):
    """Leave MathJax out, for tests of what has nothing to do with formulas: setting
    those takes most of the time in which a chapter is loaded.
    """
    page.route("**/vendor/mathjax/**", lambda route: route.abort())


BUILD = [sys.executable, "-m", "book.tools.site.build"]  # from the root
STALE = HTML / "stale.html"  # a page that the book no longer has
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(uuid.uuid4())


def build():
    """Build the book, if anything has changed."""
    subprocess.run(BUILD, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def build_from_clean():
    """Build the book afresh, once in a run of pytest, however many processes it has.

    The first that needs the book builds it, and the others wait for it here: a build
    that came later would take the pages away from those who read them.
    """
    note = ROOT / "_build" / "test" / "built-by"
    note.parent.mkdir(parents=True, exist_ok=True)
    with note.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if file.read() == RUN:
            return
        HTML.mkdir(parents=True, exist_ok=True)
        STALE.write_text("to be gone")
        command = [*BUILD, "--clean"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        file.truncate(0)
        file.write(RUN)


class Server(http.server.ThreadingHTTPServer):
    """Serves the book as hosts do, text compressed, and counts the bytes it sends."""

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), partial(handler, directory=str(HTML)))
        self.sent, self.raw = Counter(), Counter()  # by path; raw: before compression
        self.address = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        self.answer(self.content(path), self.guess_type(str(path)))

    def content(self, path):
        return path.read_bytes()

    def answer(self, content, kind):
        self.server.raw[self.path] += len(content)
        self.send_response(200)
        if kind.startswith("text/") or kind.endswith(("javascript", "json", "xml")):
            content = gzip.compress(content, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.server.sent[self.path] += len(content)

    def log_message(self, *args):
        pass


@contextmanager
def served(handler=Handler):
    """The built book on a server of its own."""
    with Server(handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
