"""Firefox without a window, driven by WebDriver BiDi, which it speaks by itself."""

import base64
import json
import re
import subprocess
import threading
import time
from contextlib import contextmanager

from tests.helpers import needs

PATIENCE = 180  # seconds
LEFT = "AbortError: The operation was aborted"  # a page was left while it was fetching
# By way of JSON; a function is called, and a promise awaited.
EVALUATE = """(async () => {
  const found = %s;
  const value = await (typeof found === "function" ? found(%s) : found);
  return JSON.stringify(value ?? null);
})()"""
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# What the system is said to want, and scrollbars that take no room, as on phones.
PREFERENCES = """user_pref("layout.css.prefers-color-scheme.content-override", {});
user_pref("ui.useOverlayScrollbars", 1);
user_pref("widget.gtk.overlay-scrollbars.enabled", true);
"""
THEMES = {"dark": 0, "light": 1}


class Firefox:
    """One tab; `log` lists the errors of pages, and what warned of them."""

    def __init__(self, address: str):
        import websocket

        self.socket = websocket.create_connection(
            f"{address}/session", timeout=PATIENCE, suppress_origin=True
        )
        self.sent, self.log = 0, []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        tree = self.send("browsingContext.getTree")
        self.tab = tree["contexts"][0]["context"]

    def send(self, method: str, **params):
        """Send a command, and return its result."""
        self.sent += 1
        self.socket.send(
            json.dumps({"id": self.sent, "method": method, "params": params})
        )
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "log.entryAdded":
                entry = message["params"]
                text = entry.get("text") or ""
                if entry["level"] in ("error", "warn") and LEFT not in text:
                    self.log.append(text)
            if message.get("id") == self.sent:
                assert message["type"] != "error", message
                return message["result"]

    def open(self, address: str, width: int):
        size = {"width": width, "height": 900}
        self.send("browsingContext.setViewport", context=self.tab, viewport=size)
        self.send(
            "browsingContext.navigate", context=self.tab, url=address, wait="complete"
        )

    def evaluate(self, text: str, *given):
        """The value of an expression, as Playwright's `evaluate` gives it.

        Args:
            given: what the expression, which is then a function, is called with.
        """
        found = self.send(
            "script.evaluate",
            expression=EVALUATE % (text, ", ".join(map(json.dumps, given))),
            target={"context": self.tab},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    def until(self, text: str):
        """The value of an expression, once that is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.evaluate(text)):
            assert time.monotonic() < end, f"never: {text}"
            time.sleep(0.05)
        return value

    def press(self, key: str):
        presses = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        keys = {"type": "key", "id": "keyboard", "actions": presses}
        self.send("input.performActions", context=self.tab, actions=[keys])

    def printed(self) -> bytes:
        """The page as a PDF."""
        found = self.send("browsingContext.print", context=self.tab, background=True)
        return base64.b64decode(found["data"])


@contextmanager
def firefox(profile, theme="light"):
    """A browser with a profile in this folder; without Firefox, see needs.py."""
    path = needs.program("firefox-esr", "firefox", get="apt-get install firefox-esr")
    needs.package("websocket", get="pip install websocket-client")
    profile.mkdir()  # without it Firefox would ask for another
    (profile / "user.js").write_text(PREFERENCES.format(THEMES[theme]))
    command = [path, "--headless", "--no-remote", "--remote-debugging-port", "0"]
    process = subprocess.Popen(
        [*command, "--profile", str(profile)], stderr=subprocess.PIPE, text=True
    )
    try:
        found = next(filter(None, map(LISTENS.search, process.stderr)), None)
        assert found, "Firefox ended"
        address = found[1]
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Firefox(address)
    finally:
        process.terminate()
        process.wait()
