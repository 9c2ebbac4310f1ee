"""A book without solutions: they are out, and all else stays as it is."""

import json
from pathlib import Path

import nbformat
import pytest

from book.tools.files import NOTEBOOKS
from book.tools.notebooks import colab
from book.tools.notebooks.myst import in_solutions
from book.tools.site import build
from tests.helpers.sample_chapter import chapter

ROOT = Path(__file__).resolve().parents[2]

CHAPTERS = sorted((ROOT / "notebooks").glob(NOTEBOOKS))


def without_solutions(cells) -> list:
    return [cell for cell, solution in in_solutions(cells) if not solution]


def text_of(cells) -> str:
    return "\n\n".join(cell["source"] for cell in cells)


def test_solutions_are_out_and_nothing_else_is():
    before, after = chapter().cells, without_solutions(chapter().cells)
    gone = [cell.source for cell in before if cell not in after]
    assert any("Because." in source for source in gone)
    assert any("key(" in source for source in gone)
    assert len(gone) == 6  # two solutions, each between two fences
    assert [cell for cell in before if cell in after] == after


def test_what_follows_the_last_solution_stays():
    nb = chapter()
    end = [i for i, c in enumerate(nb.cells) if "solution-end" in c.source][-1]
    nb.cells[end].source += "\n\n## Further reading\n\n- A book."
    text = text_of(without_solutions(nb.cells))
    assert "## Further reading\n\n- A book." in text and "solution" not in text


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_chapter_keeps_a_solution(path):
    nb = nbformat.read(path, as_version=4)
    ids = [c.id for c in nb.cells if "solution" in c.metadata.get("tags", [])]
    kept = without_solutions(nb.cells)
    assert ids and not {cell.id for cell in kept} & set(ids)
    assert "{solution-" not in text_of(kept)
    asked = [c for c in kept if "exercise" in c.metadata.get("ntkbook", {})]
    assert len(asked) == text_of(kept).count("{exercise}")
    # No other cell mentions a record that only a solution may seal.
    assert "ntkbook.key" not in json.dumps(kept)


def test_what_follows_the_last_solution_reaches_colab():
    nb = chapter()
    end = [i for i, c in enumerate(nb.cells) if "solution-end" in c.source][-1]
    nb.cells[end].source += "\n\n## Further reading"
    plain = colab.convert(nb, number=2, settings=colab.Settings())
    assert "## Further reading" in text_of(plain.cells)
    assert "Because." not in text_of(plain.cells)


def test_the_two_builds_are_not_taken_for_each_other(monkeypatch):
    monkeypatch.setenv(build.SOLUTIONS, "yes")
    before = build.inputs_digest()
    monkeypatch.setenv(build.SOLUTIONS, "no")
    assert build.inputs_digest() != before
