"""Links in the notebooks for Colab: they lead somewhere, or are plain words."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
import yaml

from book.tools.notebooks import colab

ROOT = Path(__file__).resolve().parents[2]

SITE = "https://book.example/ntk"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]*)\)|<(https?:[^>\s]*)>|href=\"([^\"]*)\"")
CODE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$")


def links(folder: Path) -> list[tuple[str, str]]:
    """(notebook, address) of every link in the text of a folder's notebooks."""
    found = []
    for path in sorted(folder.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                for match in LINK.findall(CODE.sub("", cell.source)):
                    found.append((path.name, next(filter(None, match), "")))
    return found


def convert(folder: Path, site: str) -> list[tuple[str, str]]:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["html"]["baseurl"] = site
    colab.convert_all(ROOT / "notebooks", folder, config)
    return links(folder)


@pytest.fixture(scope="module")
def with_site(tmp_path_factory):
    return convert(tmp_path_factory.mktemp("site"), SITE)


def test_without_a_site_no_link_leads_into_the_book(tmp_path):
    """Nothing lies beside a notebook in Colab, so nothing relative can be reached."""
    inside = [link for link in convert(tmp_path, "") if not urlsplit(link[1]).scheme]
    assert inside == []


def test_links_into_the_book_lead_to_its_pages(with_site):
    inside = [(name, url) for name, url in with_site if url.startswith(SITE)]
    assert inside  # the chapters do refer to each other
    for name, url in inside:
        page = urlsplit(url).path.removeprefix(urlsplit(SITE).path).lstrip("/")
        sources = [
            ROOT / page.replace(".html", end) for end in (".ipynb", ".md", ".rst")
        ]
        source = next((path for path in sources if path.exists()), None)
        assert source, f"{name}: {url} is no page of the book"
        if anchor := urlsplit(url).fragment:
            text = source.read_text(encoding="utf-8")
            assert anchor in text or anchor.replace("-", "_") in text, f"{name}: {url}"


def test_links_out_of_the_book_are_addresses(with_site):
    for name, url in with_site:
        parts = urlsplit(url)
        assert parts.scheme == "https" or url.startswith("mailto:"), f"{name}: {url}"
        assert "." in parts.netloc and not re.search(r"[<>{}\s]", url), f"{name}: {url}"
