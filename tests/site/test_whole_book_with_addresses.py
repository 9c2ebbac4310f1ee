"""The whole book, built with the addresses of a repository and of a site.

Until it is published `_config.yml` names none, so that no other test builds all pages
with them; test_addresses.py builds two pages of its own.
"""

import os
import re
import shutil
import subprocess
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from book.tools import files
from book.tools.site import build, entrances
from tests.helpers.chromium import BUILD, ROOT

SITE = "https://book.example/ntk/"
REPOSITORY = "https://github.com/example/ntk-book"
COLAB = "https://colab.research.google.com/github/example/ntk-book/blob/gh-pages/colab/"
OTHERS = {"index.html", "404.html", "search.html", "genindex.html"}  # without a text

pytestmark = pytest.mark.weekly


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The folder with the site, built in a copy of all that the book is built from."""
    copy = tmp_path_factory.mktemp("book")
    passing = shutil.ignore_patterns("__pycache__", ".*")
    for name in build.INPUTS:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=passing)
        else:
            shutil.copy(ROOT / name, copy / name)
    config = (copy / "_config.yml").read_text()
    for key, address in (("url", REPOSITORY), ("baseurl", SITE)):
        config, found = re.subn(rf"(?m)^  {key}: .*$", f'  {key}: "{address}"', config)
        assert found == 1
    (copy / "_config.yml").write_text(config)
    own = os.environ | {"PYTHONPATH": str(copy)}
    done = subprocess.run(BUILD, cwd=copy, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return copy / "_build" / "html"


@pytest.fixture(scope="module")
def pages(html):
    """The pages with a text, parsed, by their paths in the site."""
    names = {str(path.relative_to(html)) for path in html.rglob("*.html")}
    return {
        name: BeautifulSoup((html / name).read_text(), "html.parser")
        for name in sorted(names - OTHERS)
        if not name.startswith(("_static/", "slides/"))
    }


@pytest.fixture(scope="module")
def cards(pages):
    """What is shown where somebody links to a page: its metadata, by name."""
    return {
        name: {
            tag.get("property") or tag.get("name"): tag.get("content")
            for tag in page.head.find_all("meta")
        }
        for name, page in pages.items()
    }


def heading(page):
    """The page's heading, with the number of a chapter, without the link to itself."""
    return " ".join(page.select_one("article h1").get_text().rstrip("#").split())


def test_has_its_pages(pages):
    chapters = {f"notebooks/{name}.html" for name in files.chapters(ROOT)}
    assert chapters and chapters <= set(pages)
    assert {"book/start.html", "book/claims.html", "book/playground.html"} <= set(pages)


def test_a_link_to_each_page_shows_its_card(html, pages, cards):
    pictures = set()
    for name, card in cards.items():
        assert card["og:title"] == heading(pages[name]), name
        assert card["og:url"] == SITE + name
        assert card["og:description"] == card["description"], name
        assert card["og:site_name"] == "The Neural Tangent Kernel"
        assert card["og:image"].startswith(SITE)
        picture = html / card["og:image"].removeprefix(SITE)
        assert picture.read_bytes().startswith(b"\x89PNG"), name
        pictures.add(picture.read_bytes())
    assert len(pictures) == len(cards)


def test_each_page_has_one_address(pages):
    for name, page in pages.items():
        links = page.head.find_all("link", rel="canonical")
        assert [link["href"] for link in links] == [SITE + name]


def test_an_error_on_each_page_can_be_reported(pages):
    for name, page in pages.items():
        (link,) = page.select(".ntk-report a")
        address = urlsplit(link["href"])
        assert link["href"].startswith(f"{REPOSITORY}/issues/new?")
        said = parse_qs(address.query)
        assert said["title"] == [f"Error in: {heading(page)}"]
        assert said["body"] == [f"Page: {name.removesuffix('.html')}\n"]


def test_each_notebook_opens_in_colab(html, pages):
    for path in ROOT.glob("notebooks/*.ipynb"):
        (link,) = pages[f"notebooks/{path.stem}.html"].select("a.ntk-colab")
        assert link["href"] == COLAB + path.name
        assert (html / "colab" / path.name).is_file()


def test_no_page_is_without_the_addresses(pages):
    for name, page in pages.items():
        links = {link["href"] for link in page.find_all("a", href=True)}
        assert REPOSITORY in links, name
        (feed,) = page.head.find_all("link", type="application/atom+xml")
        assert feed["href"] == f"{SITE}feed.xml"
    clone = f"git clone {REPOSITORY} "
    assert clone in pages["book/how_to_run.html"].get_text()
    assert f"url = {{{SITE}}}" in pages["book/bibliography.html"].get_text()


def test_the_sitemap_is_the_set_of_pages(html, pages):
    root = ElementTree.parse(html / "sitemap.xml").getroot()
    found = [element.text for element in root.iter() if element.tag.endswith("loc")]
    assert sorted(found) == sorted(SITE + name for name in pages)


def test_the_roots_files(html):
    assert f"Sitemap: {SITE}sitemap.xml" in (html / "robots.txt").read_text()
    lost = BeautifulSoup((html / "404.html").read_text(), "html.parser")
    targets = [link["href"] for link in lost.find_all("a")]
    assert len(targets) == 2
    for target in targets:
        assert (html / target.removeprefix(SITE)).is_file()
    assert lost.find("meta", attrs={"name": "robots"})["content"] == "noindex"
    root = ElementTree.parse(html / "feed.xml").getroot()
    name = f"{{{entrances.ATOM}}}"
    assert root.tag == f"{name}feed" and root.findtext(f"{name}id") == SITE
    dated = re.findall(r"(?m)^## \S+, \d", (ROOT / "book/changelog.md").read_text())
    assert len(root.findall(f"{name}entry")) == len(dated)
