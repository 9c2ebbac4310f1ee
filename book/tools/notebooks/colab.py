"""Write Colab's notebook of each chapter: `python -m book.tools.notebooks.colab OUT`.

A chapter's own notebook shows raw MyST in Colab, and its solutions. The notebooks
written here are plain: references are resolved to the book's numbers, solutions are
out, each computing exercise has a cell for the answer, and a first cell installs
ntkbook if it is missing, and nothing that Colab has already. Where the book has no
address, that cell carries the wheel, so that a notebook is all that a reader needs.
"""

import argparse
import base64
import copy
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import nbformat
import yaml

from book.tools.about import site_address
from book.tools.files import WITH_GUIDES, number_of
from book.tools.notebooks.citations import Bibliography
from book.tools.notebooks.myst import Chapter, in_solutions, with_note
from book.tools.notebooks.to_markdown import Book, Renderer
from book.tools.notebooks.wheel import build_wheel

ROOT = Path(__file__).resolve().parents[3]


# What ntkbook imports and Colab lacks: small, pure Python, installed without
# dependencies, in the versions that `make lock` found for Colab's jax.
NEEDS = ("wadler_lindig", "jaxtyping", "equinox", "lineax", "optimistix", "diffrax")
LOCK = ROOT / "tests" / "notebooks" / "colab-jax-requirements.txt"


def pinned(packages: tuple[str, ...], lock: Path) -> tuple[str, ...]:
    """The packages with the versions that a file of requirements gives them."""
    text = lock.read_text(encoding="utf-8").replace("-", "_")
    found = dict(re.findall(r"(?m)^(\w+)==(\S+)", text))
    return tuple(f"{package}=={found[package]}" for package in packages)


@dataclass(frozen=True)
class Settings:
    """What the notebooks need to know about the book; "" where it is not yet known."""

    site: str = ""  # where the built book can be read
    repository: str = ""  # the address of its git repository
    version: str = ""  # of ntkbook, as in its wheel and its git tag
    bibliography: Path = ROOT / "book" / "references.bib"
    wheel: Path | None = None  # carried in the notebooks where there is no address
    needs: tuple[str, ...] = pinned(NEEDS, LOCK)


MARK = "# Installs ntkbook where it is missing"
SETUP = """\
# @title Install ntkbook: run this cell first
{mark}, and never touches jax, numpy or the GPU's
# drivers. Running it twice does no harm.
import base64
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path


def install(*what):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, *what], check=True)
    importlib.invalidate_caches()


{wheel}if importlib.util.find_spec("ntkbook") is None:
    {get}
for package in {needs!r}:
    if importlib.util.find_spec(package.split("==")[0]) is None:
        install(package)

import jax

import ntkbook

print("ntkbook", ntkbook.__version__, "- jax", jax.__version__, "-", jax.devices())
"""
# What the cell does where ntkbook is missing: take its wheel from an address, or from
# the cell itself.
FROM_ADDRESS = "install({source!r})"
FROM_HERE = """\
Path({name!r}).write_bytes(base64.b64decode(WHEEL))
    install({name!r})"""
FROM_NOWHERE = 'raise RuntimeError("ntkbook is not installed")'


def convert(nb, *, number: str, settings: Settings, targets: dict | None = None):
    """A chapter as a clean notebook for Colab.

    Args:
        nb: the chapter, as read by nbformat; it stays as it is.
        number: the chapter's number, which its theorems and exercises begin with.
        targets: what labels of other chapters point to (see `scan`).

    Raises:
        ValueError: for markup that has no plain form, or a reference to nothing.
    """
    book = Book(
        targets=(targets or {}) | scan(nb, number),
        bibliography=Bibliography(settings.bibliography),
        site=settings.site,
    )
    renderer = Renderer(number, book)
    # Solutions are rendered and dropped: their equations and figures count too.
    plain = plain_cells(nb, renderer)
    cells = [cell for _, new, solution in plain if not solution for cell in new]
    cells.insert(1, setup_cell(settings))
    if book.cited:
        listing = book.bibliography.listing(book.cited)
        cells.append(made("markdown", listing, "references"))
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata())


def plain_cells(nb, renderer: Renderer) -> Iterator[tuple[object, list, bool]]:
    """Each cell, its plain form, and whether it belongs to a solution."""
    for cell, solution in in_solutions(nb.cells):
        new = []
        if cell.cell_type == "code":
            new = _code(cell, renderer)
        elif cell.cell_type == "markdown":
            if text := renderer.render(with_note(cell)):
                new = [_cell("markdown", text, cell), *_answer(cell)]
        yield cell, new, solution


def scan(nb, number: str) -> dict:
    """What each label in a chapter points to."""
    chapter, targets = Chapter(number), {}
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            chapter.scan(cell.source, targets)
        elif caption := _figure(cell).get("caption"):
            chapter.figure(caption, _figure(cell).get("name"), targets)
    return targets


def read_chapters(notebooks: Path) -> tuple[dict, dict]:
    """All chapters of a folder, by path, and what the labels in them point to."""
    found = {
        path: nbformat.read(path, as_version=4)
        for path in sorted(Path(notebooks).glob(WITH_GUIDES))
    }
    targets = {}
    for path, nb in found.items():
        targets |= scan(nb, number_of(path.name))
    return found, targets


def convert_all(
    notebooks: Path, out: Path, config: dict, wheel: Path | None = None
) -> list[Path]:
    """Convert every notebook in a folder; returns what was written.

    Args:
        config: the contents of the book's `_config.yml`.
        wheel: ntkbook's, which the notebooks carry where `config` has no address.
    """
    settings = replace(settings_of(config), wheel=wheel)
    chapters, targets = read_chapters(notebooks)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for path, nb in chapters.items():
        try:
            new = convert(
                nb, number=number_of(path.name), settings=settings, targets=targets
            )
        except ValueError as problem:
            raise ValueError(f"{path}: {problem}") from None
        nbformat.write(new, out / path.name)
        written.append(out / path.name)
    return written


def _code(cell, renderer: Renderer) -> list:
    """A code cell without its outputs, and its caption as text below it."""
    new = [_cell("code", cell.source, cell)]
    figure = _figure(cell)
    if figure.get("caption"):
        number = renderer.chapter.next("Figure").number
        caption = renderer.inline(figure["caption"])
        name = f"caption-{number.replace('.', '-')}"
        new.append(made("markdown", f"**Figure {number}.** {caption}", name))
    return new


def _answer(cell) -> list:
    """A cell to answer in, after an exercise that asks for a number."""
    exercise = cell.metadata.get("ntkbook", {}).get("exercise", {})
    if exercise.get("kind") != "compute":
        return []
    id = exercise["id"]
    text = f'{prompt(exercise)}\n\nntkbook.page.check("{id}", answer)'
    return [made("code", text, f"answer-{id.replace('.', '-')}", tags=["answer"])]


def prompt(exercise: dict) -> str:
    """The lines that a student writes an answer into."""
    lines = exercise.get("lines", 3)
    words = f"{lines} line{'s' if lines != 1 else ''}"
    about = f"# Exercise {exercise['id']}: your answer takes roughly {words}."
    return f"{about}\nanswer = ..."


def _figure(cell) -> dict:
    return cell.metadata.get("mystnb", {}).get("figure", {})


def setup(settings: Settings) -> str:
    """The code of the cell that installs ntkbook where it is missing."""
    get, wheel = FROM_NOWHERE, ""
    if settings.site:
        name = f"ntkbook-{settings.version}-py3-none-any.whl"
        get = FROM_ADDRESS.format(source=f"{site_address(settings.site)}colab/{name}")
    elif settings.repository:
        source = f"ntkbook @ git+{settings.repository}@v{settings.version}"
        get = FROM_ADDRESS.format(source=source)
    elif settings.wheel:
        get = FROM_HERE.format(name=settings.wheel.name)
        wheel = f'WHEEL = """\n{as_text(settings.wheel)}"""\n'
    return SETUP.format(mark=MARK, get=get, wheel=wheel, needs=settings.needs)


@cache
def as_text(file: Path) -> str:
    """A file in base64, in lines of a thousand letters."""
    text = base64.b64encode(file.read_bytes()).decode()
    return "".join(f"{text[i : i + 1000]}\n" for i in range(0, len(text), 1000))


def setup_cell(settings: Settings):
    """That cell, closed in Colab and in JupyterLab where it is long."""
    cell = made("code", setup(settings), "setup")
    if len(cell.source) > 10_000:
        cell.metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    return cell


def _cell(kind: str, source: str, cell):
    """A cell that keeps its id and its tags, and nothing else."""
    tags = copy.copy(cell.metadata.get("tags", []))
    return made(kind, source, cell.get("id", "cell"), tags)


def made(kind: str, source: str, id: str, tags: list[str] | None = None):
    """A new cell."""
    make = getattr(nbformat.v4, f"new_{kind}_cell")
    about = {"tags": tags} if tags else {}
    return make(source=source.strip("\n"), id=id, metadata=about)


def metadata() -> dict:
    """The metadata of a notebook for Colab."""
    return {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
        "colab": {"provenance": [], "toc_visible": True},
    }


def settings_of(config: dict) -> Settings:
    """The settings of the book, from its `_config.yml`."""
    source = (ROOT / "ntkbook" / "__init__.py").read_text(encoding="utf-8")
    return Settings(
        site=(config.get("html") or {}).get("baseurl") or "",
        repository=(config.get("repository") or {}).get("url") or "",
        version=re.search(r'__version__ = "(.+?)"', source)[1],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks")
    given = parser.parse_args()
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        for path in convert_all(given.notebooks, given.out, config, wheel):
            print("wrote", path)


if __name__ == "__main__":
    main()
