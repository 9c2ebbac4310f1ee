"""Browsers beside Chromium, for the tests: Firefox, and WebKit as GTK has it.

No driver is needed: the browser opens one page (visit.js), which visits the others in a
frame, asks of each what in_page.py asks, and reports to this server. Each page gets one
script more than readers get (spy.js), which notes what goes wrong.
"""

import json
import os
import queue
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers import chromium, needs
from tests.helpers.browsers import in_page

HERE = Path(__file__).parent
FRAME = '<!doctype html><title>t</title><iframe src="about:blank"></iframe>'
FRAME += '<script src="/visit.js"></script>'
PATIENCE = 600  # seconds for one page, on a machine that is busy
CHECKS = ("WRONG", "CUT", "OVERFLOW", "OTHER_THEME")
# A new profile asks nothing, and asks nobody; scrollbars take no room, as on phones.
PREFERENCES = """user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("ui.useOverlayScrollbars", 1);
user_pref("widget.gtk.overlay-scrollbars.enabled", true);
"""
MINIBROWSER = "/usr/lib/*/webkit2gtk-4.1/MiniBrowser"
WEBKIT = "apt-get install webkit2gtk-driver xvfb xauth"


class Spied(chromium.Handler):
    """Serves the book with the spy on each page."""

    def do_GET(self):
        if self.path != "/spy.js":
            return super().do_GET()
        self.answer((HERE / "spy.js").read_bytes(), "text/javascript")

    def content(self, path: Path) -> bytes:
        content = super().content(path)
        if path.suffix == ".html":
            spy = b'<head><script src="/spy.js"></script>'
            content = content.replace(b"<head>", spy, 1)
        return content


class Visited(Spied):
    """Serves the visitor as well, and takes its reports."""

    def do_GET(self):
        given = {
            "/visit.html": FRAME,
            "/visits.json": json.dumps(self.server.task),
            "/visit.js": (HERE / "visit.js").read_text(),
        }.get(self.path)
        if given is None:
            return super().do_GET()
        self.answer(given.encode(), self.guess_type(self.path))

    def do_POST(self):
        report = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.reports.put(json.loads(report))
        self.send_response(204)
        self.end_headers()


@contextmanager
def firefox(address: str, folder: Path):
    program = needs.program("firefox-esr", "firefox", get="apt-get install firefox-esr")
    (folder / "user.js").write_text(PREFERENCES)
    command = [program, "--headless", "--no-remote", "--profile", str(folder), address]
    with running(command, folder, {"HOME": str(folder)}):
        yield


@contextmanager
def webkit(address: str, folder: Path):
    program, screen, own = minibrowser(folder)
    with running([*screen, str(program), address], folder, own):
        yield


def minibrowser(folder: Path) -> tuple[Path, list[str], dict[str, str]]:
    """WebKit's program, what has to stand before it for a screen, its environment."""
    found = sorted(Path("/").glob(MINIBROWSER.removeprefix("/")))
    needs.that(found, "WebKit's MiniBrowser", WEBKIT)
    screen = needs.program("xvfb-run", get=WEBKIT)
    # In a container it cannot make its own sandbox.
    own = {"HOME": str(folder), "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
    return found[0], [screen, "-a", "-s", "-screen 0 1400x900x24"], own


ENGINES = {"firefox": firefox, "webkit": webkit}


@contextmanager
def running(command: list[str], folder: Path, own: dict[str, str]):
    """The browser as a process, ended with all that it started."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env=os.environ | own,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def visited(
    engine: str, visits: list[dict], folder: Path
) -> Iterator[tuple[str, dict]]:
    """What is wrong with each page: `visits` has `address`, and whether to `look`."""
    checks = {name: getattr(in_page, name) for name in CHECKS}
    with chromium.served(Visited) as server:
        server.task = {"visits": visits, "checks": checks}
        server.reports = queue.Queue()
        with ENGINES[engine](f"{server.address}visit.html", folder):
            while "done" not in (report := _next(server.reports, folder)):
                yield report["address"], report["wrong"]


def _next(reports: queue.Queue, folder: Path) -> dict:
    try:
        return reports.get(timeout=PATIENCE)
    except queue.Empty:
        said = (folder / "log").read_text(errors="replace")[-2000:]
        raise AssertionError(f"the browser has gone silent; it said:\n{said}") from None
