"""Every page in Firefox and WebKit: as on a desktop and a phone, in light and dark.

What is asked of Chromium's pages each time (test_book_browser.py) is asked here weekly:
formulas set, nothing cut or too wide, every slider alive, figures to take, no error.
"""

from urllib.parse import quote

import pytest

from book.tools.files import contents
from tests.helpers import browsers
from tests.helpers.browsers.in_page import FRAGMENTS, QUERIES
from tests.helpers.chromium import HTML, ROOT

pytestmark = [pytest.mark.weekly, pytest.mark.usefixtures("built")]
PAGES = [f"/{name}.html" for _, pages in contents(ROOT) for name in pages]
PAGES += ["/genindex.html", "/search.html?q=kernel"]


def addresses():
    """The pages to look at, and those that only have to come up without an error."""
    decks = sorted(f"/slides/{path.name}" for path in HTML.glob("slides/*.html"))
    odd = [f"/search.html?q={quote(words)}" for words in QUERIES]
    first = next(page for page in PAGES if page.startswith("/notebooks/"))
    pages = ["/book/claims.html", first, decks[0]]
    odd += [f"{page}#{fragment}" for page in pages for fragment in FRAGMENTS]
    return PAGES, decks, odd


@pytest.mark.parametrize("engine", browsers.ENGINES)
def test_every_page_is_in_order(engine, tmp_path):
    looked, decks, odd = addresses()
    visits = [{"address": address, "look": True} for address in looked]
    visits += [{"address": address, "look": False} for address in (*decks, *odd)]
    seen = dict(browsers.visited(engine, visits, tmp_path))
    assert list(seen) == [each["address"] for each in visits]
    assert {address: wrong for address, wrong in seen.items() if wrong} == {}
