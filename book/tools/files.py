"""The book's notebooks by their names: `01_...` are chapters, `P1_...` projects.

A guide, such as `your_network`, has neither a number nor exercises, so courses are made
without it; the site and Colab have it like the others.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

NOTEBOOKS = "[0-9P][0-9]_*.ipynb"  # sorted, the chapters come first
WITH_GUIDES = "*_*.ipynb"


def number_of(name: str) -> str:
    """What the book calls a notebook; nothing where it is a guide.

    >>> number_of("03_width_scaling.ipynb"), number_of("P1_test_error")
    ('3', 'P1')
    >>> number_of("your_network.ipynb")
    ''
    """
    return name[:2].lstrip("0") if name[1:2].isdigit() else ""


def is_project(name: str) -> bool:
    """Whether it is a project.

    >>> is_project("P1_test_error.ipynb"), is_project("03_width_scaling")
    (True, False)
    """
    return name.startswith("P")


def chapters(root: Path) -> list[str]:
    """The chapters' names, such as 03_width_scaling, in the order of the toc."""
    pages = [Path(page).name for _, pages in contents(root) for page in pages]
    return [name for name in pages if re.match(r"\d\d_", name)]


def contents(root: Path) -> Iterator[tuple[str | None, list[str]]]:
    """The book's parts, each with its caption (None for the first page) and pages."""
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    yield None, [toc["root"]]
    for part in toc["parts"]:
        pages = []
        for entry in part["chapters"]:
            found = sorted(root.glob(f"{entry.get('glob')}.ipynb"))
            pages += [f"{file.parent.name}/{file.stem}" for file in found]
            pages += [entry["file"]] if "file" in entry else []
        yield part["caption"], pages
