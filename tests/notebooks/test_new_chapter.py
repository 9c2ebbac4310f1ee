"""`make chapter` starts a chapter that the lint, the toc and the imports accept."""

import shutil
import tomllib
from pathlib import Path

import pytest

from book.tools.course import syllabus
from book.tools.files import contents
from book.tools.notebooks import lint, new_chapter

ROOT = Path(__file__).resolve().parents[2]
CHANGED = ("book/course.toml", "ntkbook/__init__.py", "pyproject.toml")


@pytest.fixture
def root(tmp_path):
    for name in CHANGED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("notebooks", "ntkbook/page/claims", "tests/library/chapters"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def test_seven_files_and_the_lint_accepts_them(root):
    files = new_chapter.start(root, "18_foretelling_errors", "foretell")
    assert len(files) == 7
    notebook = root / "notebooks" / "18_foretelling_errors.ipynb"
    assert [problem.what for problem in lint.lint(notebook)] == ["was never run"]
    shutil.copy(ROOT / "_toc.yml", root)
    _, (caption, listed), *_ = contents(root)
    assert (caption, listed) == ("Chapters", ["notebooks/18_foretelling_errors"])
    plan = tomllib.loads((root / "book/course.toml").read_text())
    assert plan["chapter"][-1]["name"] == "18"
    assert syllabus.lacking(plan, "slides") == syllabus.lacking(plan, "teaching")
    assert syllabus.lacking(plan, "slides") == ["18"]
    with pytest.raises(ValueError, match="18"):  # no course has a week for it yet
        syllabus.plan(root / "book/course.toml")
    names: dict = {"__name__": "ntkbook"}
    exec((root / "ntkbook/__init__.py").read_text(), names)
    assert "foretell" in names["__all__"] and "width" in names["__all__"]
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]
    layers = contracts["importlinter"]["contracts"][0]["layers"]
    assert any("ntkbook.foretell |" in layer for layer in layers)


@pytest.mark.parametrize(
    ("name", "module", "why"),
    [
        ("spectrum", "s", "looks like"),
        ("18_x", "a-b", "no free name"),
        ("18_x", "taken", "no free name"),
        ("17_x", "y", "a chapter 17 already"),
    ],
)
def test_what_it_refuses(root, name, module, why):
    (root / "ntkbook" / "taken.py").write_text("")
    (root / "notebooks" / "17_before.ipynb").write_text("")
    with pytest.raises(ValueError, match=why):
        new_chapter.start(root, name, module)
