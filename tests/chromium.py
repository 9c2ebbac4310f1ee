"""A real browser for the tests, and a server that hosts the built book for it."""

import gzip
import http.server
import shutil
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync"]
PHONE = {"width": 360, "height": 740}

# Every rule of axe-core at every level. Without preload: false it would fetch style
# sheets again, from wrong addresses.
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
RUN_AXE = """async ([within, colours]) => {
  const rules = colours ? {} : {"color-contrast": {enabled: false}};
  const options = {resultTypes: ["violations"], preload: false, rules};
  const found = await axe.run(within ?? document, options);
  return found.violations.flatMap((v) =>
    v.nodes.map((n) => `${v.id} (${v.impact}): ${n.target} ${n.failureSummary}`));
}"""


def violations(page, within=None, colours=True):
    """What axe-core finds wrong on a page, or within what a selector names there.

    Contrast takes it most of its time; `colours=False` leaves that out.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return page.evaluate(RUN_AXE, [within, colours])


@contextmanager
def chromium():
    """A browser; the test is skipped where none is installed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def build():
    """Build the book, if anything has changed."""
    subprocess.run([sys.executable, ROOT / "book" / "tools" / "build.py"], check=True)


class Server(http.server.ThreadingHTTPServer):
    """Serves the book as hosts do, text compressed, and counts the bytes it sends."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(HTML)))
        self.sent, self.raw = Counter(), Counter()  # by path; raw: before compression
        self.address = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        content, kind = path.read_bytes(), self.guess_type(str(path))
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
def served():
    """The built book on a server of its own."""
    build()
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
