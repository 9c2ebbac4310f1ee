"""A course made for a test, and what students and hostile people hand in."""

import copy
from pathlib import Path

import nbformat

from book.tools.course import generate, grade
from book.tools.notebooks import colab
from tests.helpers.course import small_course

ROOT = Path(__file__).resolve().parents[3]
SMALL = small_course.NAME
COPIES = ("nbgrader", "otter", "plain", "colab")


def make(out: Path, name: str) -> Path:
    """A course of one chapter, released; of the small one, with other numbers."""
    source, seed = ROOT / "notebooks", None
    if name == SMALL:
        source, seed = out / "notebooks", small_course.SEED
        source.mkdir(parents=True)
        nbformat.write(small_course.chapter(), source / f"{name}.ipynb")
    generate.write(out / "course", source, colab.Settings(), [name[:2]], seed)
    grade.Assignment(out / "course", name).ready()
    return out / "course"


def handed_out(course: Path, name: str, kind: str):
    """One of the copies that students get."""
    inside = {
        "nbgrader": f"nbgrader/release/{name}",
        "otter": f"otter/{name}/dist/student",
        "plain": "student",
    }
    if kind != "colab":
        return nbformat.read(course / inside[kind] / f"{name}.ipynb", as_version=4)
    folder = course.parent / "notebooks" if name == SMALL else ROOT / "notebooks"
    found = generate.read_all(folder, colab.Settings(), [name[:2]])
    nb = generate.Chapter(name, *found[name], colab.Settings()).colab()
    return as_colab_saves(nb)


def as_colab_saves(nb):
    """Colab writes an older format, has ids of its own, and keeps what it has shown."""
    nb = copy.deepcopy(nb)
    nb.nbformat_minor = 0
    for number, cell in enumerate(nb.cells):
        cell.pop("id", None)
        cell.metadata = {
            "id": f"a{number}b",
            "colab": {"base_uri": "https://localhost"},
        }
        if cell.cell_type == "code":
            cell.execution_count = number
    nb.metadata["accelerator"] = "GPU"
    return nb


def answers(course: Path, name: str) -> dict[str, str]:
    """The solutions' code, by the exercise's number."""
    nb = nbformat.read(course / "solutions" / f"{name}.ipynb", as_version=4)
    found: dict[str, str] = {}
    for cell in nb.cells:
        if cell.id.startswith("solution-") and cell.cell_type == "code":
            id = ".".join(cell.id.split("-")[1:3])
            found[id] = found.get(id, "") + cell.source + "\n\n"
    return found


def fill(nb, code: dict[str, str]):
    """A submission: the copy with code in the cells for answers."""
    nb, left = copy.deepcopy(nb), dict(code)
    for cell in nb.cells:
        if cell.cell_type == "code" and cell.source.startswith("# Exercise "):
            id = cell.source.split()[2].rstrip(":")
            cell.source = left.pop(id, cell.source)
    return nb


def submit(folder: Path, name: str, nb) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(nb, str):
        path.write_text(nb)
    else:
        nbformat.write(nb, path)


def scores(result: dict) -> dict[str, float]:
    """What the machine gave, by graded cell."""
    return {
        cell: point["score"]
        for cell, point in result["points"].items()
        if cell.startswith(("form", "right"))
    }


FULL = {"form-99-1": 1, "right-99-1": 3, "form-99-2": 1, "right-99-2": 3}
HALF = FULL | {"form-99-2": 0, "right-99-2": 0}
