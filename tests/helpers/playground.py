"""The playground in a page of its own, for the tests of its interface."""

import json

from ntkbook.page.browser.playground import pieces
from tests.helpers.chromium import REFUSED

HEAD = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
DARK = "{--pst-color-background:#14181e;--pst-color-text-base:#ced6dd;"
DARK += "--pst-color-link:#6ab0ff;background:#14181e}"
PAGE = """<!doctype html><html lang="en" data-theme="{theme}">{head}<title>t</title>
<style>html[data-theme=dark]{dark} {style}</style>
<main><h1>Playground</h1>{figures}</main><script>(() => {{{scripts}}})();</script>
</html>"""
FIGURE = """<figure class="ntk-play" data-book="../" data-address data-state="{}">{}
</figure>"""
PLAY = "document.querySelector('.ntk-play').playground"


class Opened:
    """A page with the playground; `trouble` lists what went wrong on it."""

    def __init__(
        self, browser, folder, fragment="", state=None, theme="light", copies=1, **view
    ):
        given = json.dumps(state).replace('"', "&quot;")
        path = folder / f"{theme}.html"
        path.write_text(
            PAGE.format(
                head=HEAD, dark=DARK, theme=theme, style=pieces.style(),
                figures=copies * FIGURE.format(given, pieces.still()),
                scripts=pieces.scripts(),
            )
        )  # fmt: skip
        view = {
            "viewport": {"width": 1280, "height": 900},
            "color_scheme": theme,
        } | view
        self.page = browser.new_page(**view)
        self.trouble = []
        self.page.add_init_script(REFUSED)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", lambda m: self.trouble.append(m.text))
        self.page.goto(path.as_uri() + fragment)
        self.page.locator(".ntkp").first.wait_for()

    def evaluate(self, text, argument=None):
        """Evaluate JavaScript with `play`, what the figure has of its playground."""
        return self.page.evaluate(
            f"(given) => {{ const play = {PLAY}; {text} }}", argument
        )

    def state(self):
        return self.evaluate("return play.app.store.get();")

    def stopped(self):
        """Wait until nothing runs and every number is of the last step."""
        self.page.wait_for_function(f"{PLAY}.player.idle()")

    def later(self, milliseconds):
        """Let the page believe that this time has passed."""
        self.page.evaluate(
            """(more) => {
              const now = performance.now.bind(performance);
              performance.now = () => now() + more;
            }""",
            milliseconds,
        )

    def frame(self):
        """The numbers of the last frame, exactly."""
        return self.evaluate(
            """const { step, models } = play.player.run.frame, out = { step };
            for (const [name, model] of Object.entries(models))
              out[name] = model && [model.loss, model.moved, [...model.outputs]];
            return out;"""
        )

    def start(self, state, steps):
        """Run a setting to this step, or until nothing is left to learn.

        As fast as it goes: with little motion, as most tests ask for, a frame of a few
        steps comes every 0.3 seconds.
        """
        given = [state, steps]
        self.evaluate(
            """play.app.speed = "fast";
            play.app.start(given[0], { until: given[1] });""",
            given,
        )
        self.stopped()

    def close(self):
        assert self.trouble == []
        self.page.close()
