"""The lint refuses each thing that a published notebook must not have."""

import json
from pathlib import Path

import nbformat
import pytest

from book.tools.notebooks import answers, lint
from ntkbook.page.exercises import MIME
from tests.helpers.sample_chapter import chapter, code, exercise

ROOT = Path(__file__).resolve().parents[2]

FIGURE, COMPUTE, SEALED = 3, 9, 11  # cells of the sample
LONG = "x = 0\n" * 41


def write(nb, tmp_path: Path, name: str = "02_sample.ipynb") -> Path:
    path = tmp_path / name
    nbformat.write(nb, path)
    return path


def complaints(nb, tmp_path, **more) -> str:
    return "\n".join(map(str, lint.lint(write(nb, tmp_path, **more))))


def test_the_sample_is_fit_to_publish(tmp_path):
    assert complaints(chapter(), tmp_path) == ""


def output(kind: str, **more):
    return nbformat.v4.new_output(kind, **more)


def _exercise(cells, **more):
    cells[COMPUTE].metadata.ntkbook = exercise("2.2", "compute", lines=1)
    cells[COMPUTE].metadata.ntkbook["exercise"] |= more


BREAK = {
    "was never run": lambda c: c[SEALED].update(execution_count=None),
    "was run as number 7, not 2": lambda c: c[SEALED].update(execution_count=7),
    "ends in ZeroDivisionError": lambda c: c[FIGURE].outputs.append(
        output("error", ename="ZeroDivisionError", evalue="", traceback=[])
    ),
    "writes to stderr": lambda c: c[FIGURE].outputs.append(
        output("stream", name="stderr", text="!")
    ),
    "shows a widget": lambda c: c[FIGURE].outputs.append(
        output("display_data", data={"application/vnd.jupyter.widget-view+json": {}})
    ),
    "a hint of exercise 2.2 was changed": lambda c: c[SEALED].update(
        source=c[SEALED].source.replace("Halve it.", "Halve it!!")
    ),
    "a figure without alt text": lambda c: c[FIGURE].metadata.mystnb.pop("image"),
    "a figure without a caption": lambda c: c[FIGURE].metadata.mystnb.pop("figure"),
    "unknown tag 'hidden'": lambda c: c[FIGURE].metadata.update(tags=["hidden"]),
    "nothing says why": lambda c: c[FIGURE].metadata.update(
        tags=["nbval-ignore-output"]
    ),
    "gives no reason": lambda c: c[FIGURE].metadata.update(
        ntkbook={"compare": {"units": 2}}
    ),
    "installs something": lambda c: c[FIGURE].update(source="%pip install -q jax"),
    "shows 41 lines of code, more than 40": lambda c: c[FIGURE].update(source=LONG),
    "an absolute path": lambda c: c[FIGURE].update(source="open('/home/me/x.npy')"),
    "the first cell is not a title": lambda c: c[0].update(source="Hello"),
    "text stands before the title": lambda c: c[0].update(source="Hello\n# A"),
    "there are 2 titles": lambda c: c[1].update(source="# Another"),
    "exercise 2.2 has no metadata": lambda c: c[COMPUTE].metadata.pop("ntkbook"),
    "exercise 2.2 calls itself '2.3'": lambda c: _exercise(c, id="2.3"),
    "its kind is 'guess'": lambda c: _exercise(c, kind="guess"),
    "its minutes is missing": lambda c: _exercise(c, minutes=0),
    "its lines is missing": lambda c: _exercise(c, lines=None),
    "its difficulty is 4": lambda c: _exercise(c, difficulty=4),
    "holds 2 exercises": lambda c: c[COMPUTE].update(source=c[COMPUTE].source * 2),
    "exercise 2.1 has no solution": lambda c: [c.pop(6) for _ in range(3)],
    "seals no answer": lambda c: c[SEALED].update(outputs=[]),
    "stands in a solution without its tag": lambda c: c[SEALED].metadata.clear(),
    "no exercise above it": lambda c: c[6].update(
        source=c[6].source.replace("ex-2-1", "ex-2-9")
    ),
}


@pytest.mark.parametrize("complaint", BREAK)
def test_each_fault_is_named(complaint, tmp_path):
    nb = chapter()
    BREAK[complaint](nb.cells)
    assert complaint in complaints(nb, tmp_path)


@pytest.mark.parametrize(
    "source",
    ["!pip install x", "  %pip  install x", "! conda install x", "pip install x"],
)
def test_every_way_to_install(source, tmp_path):
    nb = chapter()
    nb.cells[FIGURE].source = source
    assert "installs something" in complaints(nb, tmp_path)


@pytest.mark.parametrize(
    "source", ["a = '/'", "x = 'a/b'", "# http://a.b/c", "f('a'/2)", "'x' '/ y'"]
)
def test_what_is_no_absolute_path(source, tmp_path):
    nb = chapter()
    nb.cells[FIGURE].source = source
    assert complaints(nb, tmp_path) == ""


@pytest.mark.parametrize("tag", ["hide-input", "hide-cell", "remove-input"])
def test_only_a_visible_cell_must_be_short(tag, tmp_path):
    nb = chapter()
    nb.cells[FIGURE].source = LONG
    nb.cells[FIGURE].metadata["tags"] = ["hide-output"]
    assert "shows 41 lines" in complaints(nb, tmp_path)
    nb.cells[FIGURE].metadata["tags"] = [tag]
    assert complaints(nb, tmp_path) == ""
    nb.cells[FIGURE].source = LONG.removesuffix("x = 0\n")
    nb.cells[FIGURE].metadata["tags"] = []
    assert complaints(nb, tmp_path) == ""


def test_widget_state_and_names(tmp_path):
    nb = chapter()
    nb.metadata["widgets"] = {"state": {}}
    assert "holds the state of widgets" in complaints(nb, tmp_path)
    assert "Call it 08_name" in complaints(chapter(), tmp_path, name="sample.ipynb")


def test_every_complaint_says_where_and_what_to_do(tmp_path):
    nb = chapter()
    nb.cells[SEALED].execution_count = None
    assert complaints(nb, tmp_path) == (
        "02_sample.ipynb, cell 11: was never run. Run the notebook from the top: "
        "`make execute`."
    )


def test_sealed_answers_are_collected(tmp_path):
    path = write(chapter(), tmp_path)
    records = answers.collect([path])
    assert list(records) == ["2.2"] and len(records["2.2"]["boxes"]) == 2
    stored = tmp_path / "answers.json"
    assert answers.is_stale([path], stored)
    stored.write_text(answers.text_of(records))
    assert not answers.is_stale([path], stored)
    assert json.loads(answers.text_of({})) == {}


def test_one_exercise_is_sealed_once(tmp_path):
    nb = chapter()
    nb.cells.append(code("again", nb.cells[SEALED].outputs[0].data))
    assert MIME in nb.cells[-1].outputs[0].data
    with pytest.raises(ValueError, match=r"exercise 2\.2 is sealed twice"):
        answers.collect([write(nb, tmp_path)])


def test_the_books_notebooks_are_fit_to_publish():
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert list(map(str, lint.lint_all(notebooks))) == []
