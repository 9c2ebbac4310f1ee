"""Firefox without a window, driven by WebDriver BiDi, which it speaks by itself."""

import json
import re
import subprocess
import threading
from contextlib import contextmanager

from tests.helpers import needs

PATIENCE = 180  # seconds
# By way of JSON; a function is called, and a promise awaited.
EVALUATE = """(async () => {
  const found = %s;
  const value = await (typeof found === "function" ? found(%s) : found);
  return JSON.stringify(value ?? null);
})()"""
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class Firefox:
    """One tab; `log` lists what pages wrote to the console."""

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
                self.log.append(message["params"].get("text"))
            if message.get("id") == self.sent:
                assert message["type"] != "error", message
                return message["result"]

    def open(self, address: str, width: int):
        size = {"width": width, "height": 900}
        self.send("browsingContext.setViewport", context=self.tab, viewport=size)
        self.send(
            "browsingContext.navigate", context=self.tab, url=address, wait="complete"
        )

    def evaluate(self, text: str, argument=None):
        """The value of an expression, as Playwright's `evaluate` gives it."""
        found = self.send(
            "script.evaluate",
            expression=EVALUATE % (text, json.dumps(argument)),
            target={"context": self.tab},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])


@contextmanager
def firefox(profile):
    """A browser with a profile in this folder; without Firefox, see needs.py."""
    path = needs.program("firefox-esr", "firefox", get="apt-get install firefox-esr")
    needs.package("websocket", get="pip install websocket-client")
    profile.mkdir()  # without it Firefox would ask for another
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
