"""Where the playground's engine runs: in a worker, or in the page where none may be."""

import gzip
from html import escape

import pytest

from book.tools.site.content_policy import protected
from ntkbook.page import playground
from ntkbook.page.browser.playground import pieces
from tests.helpers.playground import PLAY, Opened

KIB = 1024
HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title>'
USE = """async () => {
  const host = HOST.connect(), grid = {low: [-3], high: [3], count: [9]};
  const late = host.ask({type: "set", state: {network: {width: 8}}, grid});
  const ready = host.ask({type: "set", state: {network: {width: 16}}, grid});
  const run = host.ask({type: "run", steps: 3, budget: 1000});
  const {weights} = await ready, {step} = await run;
  const wrong = await host.ask({type: "dance"}).catch((error) => error.message > "");
  host.close();
  const closed = await host.ask({type: "run"});
  return [(await late).type, weights, step, host.where, wrong, closed.type];
}"""


def scripts():
    return f"{pieces.engine()}\n{pieces.host()}\nwindow.HOST = HOST;"


@pytest.fixture()
def page(browser, tmp_path):
    """A function: open a page from disk with this policy; nothing goes wrong on it."""
    pages = []

    def opened(worker=None):
        html = protected(f"{HEAD}<script>{scripts()}</script></html>")
        if worker is not None:
            html = html.replace("connect-src", f"worker-src {worker}; connect-src")
        path = tmp_path / "page.html"
        path.write_text(html)
        page = browser.new_page()
        page.wrong = []
        page.on("console", lambda m: m.type == "error" and page.wrong.append(m.text))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield opened
    assert [page.wrong for page in pages] == [[] for _ in pages]
    for page in pages:
        page.close()


@pytest.mark.parametrize(
    "policy, where", [(None, "page"), ("'self' blob:", "worker"), ("'self'", "page")]
)
def test_it_runs_in_a_worker_where_the_policy_lets_it(page, policy, where):
    assert page(policy).evaluate(USE) == ["stale", 49, 3, where, True, "stale"]


def test_a_worker_that_cannot_start_is_replaced(page):
    found = page("blob:").evaluate(
        f"""async () => {{
          window.Worker = class {{
            constructor() {{
              const event = new Event("error", {{cancelable: true}});
              setTimeout(() => this.onerror(event));
            }}
            terminate() {{}}
          }};
          return ({USE})();
        }}"""
    )
    assert found[2:4] == [3, "page"]


def test_a_notebooks_output_gives_the_same_numbers_in_a_sandbox_as_in_colab(
    browser, tmp_path
):
    state = {"network": {"width": 16, "seed": 3}}
    inside = escape(playground(state)._repr_html_())
    page, trouble = browser.new_page(), []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda m: trouble.append(m.text))
    page.set_content(f'<iframe sandbox="allow-scripts" srcdoc="{inside}"></iframe>')
    page.frame_locator("iframe").locator(".ntkp").wait_for()
    frame = page.frames[1]
    frame.evaluate(f"{PLAY}.app.start({PLAY}.app.store.get(), {{ until: 60 }})")
    frame.wait_for_function(f"{PLAY}.player.idle()")
    step, outputs = frame.evaluate(
        f"""() => {{
          const {{ step, models }} = {PLAY}.player.run.frame;
          return [step, [...models.network.outputs]];
        }}"""
    )
    page.close()
    alone = Opened(browser, tmp_path, state=state)
    alone.start(alone.state(), 60)
    expected = alone.frame()
    alone.close()
    assert step == expected["step"] == 60 and outputs == expected["network"][2]
    assert trouble == []


def test_the_engine_is_small():
    assert len(gzip.compress(scripts().encode(), 9)) < 30 * KIB
