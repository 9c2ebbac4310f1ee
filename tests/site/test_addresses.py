"""What the two addresses in _config.yml switch on; without them nothing of it shows.

A small site is built with and without them: two pages, with the extension alone.
"""

import tomllib
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx

from book.tools import about
from book.tools.site import entrances
from tests.helpers.chromium import ROOT

SITE = "https://book.example/ntk/"
REPOSITORY = "https://github.com/example/ntk-book"
EXTENSIONS = ["myst_parser", "sphinx_book_theme", "book.tools.sphinx.addresses"]
CHANGES = """# Changes

## 0.3.0, not yet released
- Something.

## 0.2.0, 2026-12-24
- Better {doc}`claims`.

## 0.1.0, 2026-11-01
- The first.
"""


def small_site(folder, site="", repository=""):
    """Build two pages; return them parsed, and where they stand."""
    (folder / "index.md").write_text(
        "# A first page\n\nIt says at once what it is about.\n\n"
        "```{clone}\n```\n\n```{how-to-cite}\n```\n\n"
        "```{toctree}\nsecond\n```\n"
    )
    (folder / "second.md").write_text("# Kernels & spectra\n\nAnother page.\n")
    app = Sphinx(
        folder,
        None,
        folder / "out",
        folder / "trees",
        "html",
        {
            "extensions": EXTENSIONS,
            "html_theme": "sphinx_book_theme",
            "html_title": "A book",
            "copyright": "2026",
            "html_baseurl": site,
            "html_theme_options": {"repository_url": repository},
        },
        status=None,
    )  # fmt: skip
    app.build()
    pages = {
        name: BeautifulSoup((folder / "out" / name).read_text(), "html.parser")
        for name in ("index.html", "second.html")
    }
    return pages, folder / "out"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return small_site(tmp_path_factory.mktemp("published"), SITE[:-1], REPOSITORY)


@pytest.fixture(scope="module")
def unpublished(tmp_path_factory):
    return small_site(tmp_path_factory.mktemp("unpublished"))


def meta(page):
    return {
        tag.get("property") or tag.get("name"): tag["content"]
        for tag in page.find_all("meta")
        if tag.get("content")
    }


def test_a_link_to_a_page_shows_a_card(published):
    pages, folder = published
    about = meta(pages["second.html"])
    assert about["og:title"] == "Kernels & spectra"
    assert about["og:url"] == f"{SITE}second.html"
    assert about["description"].startswith("Another page")
    assert about["twitter:card"] == "summary_large_image"
    assert about["og:image"].startswith(SITE)
    assert (folder / about["og:image"].removeprefix(SITE)).stat().st_size > 5000
    canonical = pages["second.html"].find("link", rel="canonical")
    assert canonical["href"] == f"{SITE}second.html"


def test_a_card_has_the_books_mark(published, browser, tmp_path):
    """In its corner, where sphinxext-opengraph would put Sphinx's."""
    pages, folder = published
    address = meta(pages["second.html"])["og:image"].removeprefix(SITE)
    size, corner = 60, np.s_[480:540, 995:1055]  # of the card's 600 x 1146 pixels
    found = matplotlib.image.imread(folder / address)[corner][..., :3]
    page = browser.new_page(viewport={"width": size, "height": size})
    mark = (ROOT / "book" / "assets" / "favicon.svg").read_text()
    page.set_content(f"<style>body {{ margin: 0 }}</style>{mark}")
    page.screenshot(path=tmp_path / "mark.png")
    page.close()
    mark = matplotlib.image.imread(tmp_path / "mark.png")[..., :3]
    # The edges are drawn by two programs.
    assert abs(found - mark).mean() < 0.02 < abs(found - mark[::-1]).mean()


def test_the_sitemap_has_every_page(published):
    _, folder = published
    root = ElementTree.parse(folder / "sitemap.xml").getroot()
    found = {element.text for element in root.iter() if element.tag.endswith("loc")}
    assert found == {f"{SITE}index.html", f"{SITE}second.html"}


def test_the_repository_is_one_click_away(published):
    page = published[0]["second.html"]
    links = {tag["href"] for tag in page.find_all("a", href=True)}
    assert REPOSITORY in links
    (report,) = page.select(".ntk-report a")
    assert report["href"] == (
        f"{REPOSITORY}/issues/new?title=Error+in%3A+Kernels+%26+spectra"
        "&body=Page%3A+second%0A"
    )
    assert f"git clone {REPOSITORY}" in published[0]["index.html"].get_text()


def test_how_to_cite_is_said(published, unpublished):
    for pages, _ in (published, unpublished):
        text = pages["index.html"].get_text()
        assert "@book{ntkbook," in text and "year = {2026}" in text
    assert f"url = {{{SITE}}}" in published[0]["index.html"].get_text()


def test_without_addresses_nothing_points_to_them(unpublished):
    pages, folder = unpublished
    assert not (folder / "sitemap.xml").exists()
    for page in pages.values():
        about = meta(page)
        assert "description" in about
        assert not any(name.startswith("og:") for name in about)
        assert page.select(".ntk-report") == []
        assert "git clone" not in page.get_text()
        assert "issues" not in " ".join(
            tag["href"] for tag in page.find_all("a", href=True)
        )


def test_the_roots_files(tmp_path):
    entrances.write(tmp_path, "A book", SITE[:-1], CHANGES)
    index = BeautifulSoup((tmp_path / "index.html").read_text(), "html.parser")
    assert index.find("link", rel="canonical")["href"] == f"{SITE}book/start.html"
    lost = BeautifulSoup((tmp_path / "404.html").read_text(), "html.parser")
    assert all(a["href"].startswith(SITE) for a in lost.find_all("a"))
    assert f"Sitemap: {SITE}sitemap.xml" in (tmp_path / "robots.txt").read_text()
    name = f"{{{entrances.ATOM}}}"
    root = ElementTree.parse(tmp_path / "feed.xml").getroot()
    entries = root.findall(f"{name}entry")
    assert [e.find(f"{name}title").text for e in entries] == [
        "Version 0.2.0",
        "Version 0.1.0",
    ]
    assert root.find(f"{name}updated").text == "2026-12-24T00:00:00Z"
    named = [author.findtext(f"{name}name") for author in root.iter(f"{name}author")]
    assert named == about.authors(about.citation()) != []
    assert entries[0].find(f"{name}content").text == "- Better `claims`."


def test_without_an_address_only_the_first_page(tmp_path):
    entrances.write(tmp_path, "A book", "", CHANGES)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert "canonical" not in (tmp_path / "index.html").read_text()


def test_the_wheels_description_needs_no_repository_and_runs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = project["readme"]["text"]
    assert "](" not in text  # no link, no picture
    exec(text.split("```python")[1].split("```")[0], {})
