"""WebKit as Debian has it, on a screen of its own, driven by WebDriver through urllib.

Playwright drives only a WebKit that it downloads, for some systems; and of Selenium the
tests would need what stands here: six commands, each a request of the W3C's standard.
"""

import json
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

from tests.helpers import browsers, needs
from tests.helpers.processes import free_port

PATIENCE = 180  # seconds
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name for its key
KEYS = {"Home": "\ue011", "End": "\ue010", "ArrowRight": "\ue014", "Enter": "\ue007"}
# A promise is awaited; a function is called.
EVALUATE = """const [argument, done] = arguments;
(async () => {
  const found = %s;
  return typeof found === "function" ? found(argument) : found;
})().then(
  (value) => done({ value: value ?? null }),
  (error) => done({ error: `${error} ${error.stack}` }));"""


class WebKit:
    """One window, whose pages come from a server that puts spy.js on them."""

    def __init__(self, driver: str, program: Path):
        self.address = driver
        own = {"binary": str(program), "args": ["--automation"]}
        asked = {"alwaysMatch": {"webkitgtk:browserOptions": own}}
        session = self.send("session", capabilities=asked)["sessionId"]
        self.address += f"session/{session}/"
        self.send("timeouts", script=1000 * PATIENCE, pageLoad=1000 * PATIENCE)

    def send(self, command: str, method="POST", **what):
        """Send a command, and return its result."""
        body = json.dumps(what).encode() if method == "POST" else None
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            self.address + command, body, kind, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=2 * PATIENCE) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise AssertionError(f"{command}: {error.read().decode()}") from None

    def open(self, address: str, width: int = 1280):
        self.send("window/rect", width=width, height=880)
        self.send("url", url="about:blank")  # else a new fragment would load nothing
        self.send("url", url=address)

    def evaluate(self, text: str, argument=None):
        """The value of an expression, as Playwright's `evaluate` gives it."""
        script = EVALUATE % text
        found = self.send("execute/async", script=script, args=[argument])
        assert "error" not in found, found["error"]
        return found["value"]

    def until(self, text: str, argument=None):
        """Wait until an expression is true, and return its value."""
        end = time.monotonic() + PATIENCE
        while not (found := self.evaluate(text, argument)):
            assert time.monotonic() < end, f"this has not come true: {text}"
            time.sleep(0.1)
        return found

    def element(self, xpath: str) -> str:
        """The beginning of commands about an element, which stands mid-screen now.

        The driver would bring it just below the screen's edge, where headers stay.
        """
        found = self.send("element", using="xpath", value=xpath)
        script = 'arguments[0].scrollIntoView({ block: "center", behavior: "instant" })'
        self.send("execute/sync", script=script, args=[found])
        return f"element/{found[ELEMENT]}/"

    def click(self, name: str):
        """Click the button of this name with the mouse."""
        self.send(self.element(f"//button[normalize-space()='{name}']") + "click")

    def press(self, xpath: str, key: str):
        """Press a key in an element, as a keyboard does."""
        self.send(self.element(xpath) + "value", text=KEYS[key])

    def trouble(self) -> list[str]:
        """What went wrong on the page since it was opened: see spy.js."""
        return self.evaluate("trouble")


@contextmanager
def webkit(folder: Path):
    """A browser with this folder as its home; without WebKit, see needs.py."""
    driver = needs.program("WebKitWebDriver", get=browsers.WEBKIT)
    program, screen, own = browsers.minibrowser(folder)
    port = free_port()
    command = [*screen, driver, "--host=127.0.0.1", f"--port={port}"]
    with browsers.running(command, folder, own):
        address = f"http://127.0.0.1:{port}/"
        wait_for(f"{address}status")
        tab = WebKit(address, program)
        yield tab
        tab.send("", method="DELETE")


def wait_for(address: str):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return urllib.request.urlopen(address, timeout=PATIENCE).close()
        except OSError:
            assert time.monotonic() < end, "WebKit's driver does not start"
            time.sleep(0.1)
