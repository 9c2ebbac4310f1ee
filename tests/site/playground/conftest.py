"""The playground's engine in Chromium, without a page to draw on."""

import pytest

from ntkbook.page.browser.playground import pieces


@pytest.fixture(scope="module")
def engine(browser):
    """A function that evaluates JavaScript, given the engine's modules by name."""
    page = browser.new_page()
    page.set_content("<!doctype html><title>t</title>")
    page.add_script_tag(content=f"{pieces.engine()}\nconst E = playgroundEngine();")

    def evaluate(text, argument=None):
        return page.evaluate(text, argument)

    yield evaluate
    page.close()
