"""What the course's notebooks hold, and what they must not."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

from book.tools.course import generate
from book.tools.course.exercises import coursework, variants
from book.tools.course.exercises.handouts import marks
from book.tools.files import NOTEBOOKS, is_project
from book.tools.notebooks import colab
from tests.helpers.course import small_course
from tests.helpers.draws import first

ROOT = Path(__file__).resolve().parents[3]

NAME, SEED = small_course.NAME, small_course.SEED
RAW = re.compile(r"\{[\w:-]+\}`|^\s*[`:]{3,}\{|^\([\w-]+\)=|:label:|\$\$ \(", re.M)


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    nbformat.write(small_course.chapter(), folder / f"{NAME}.ipynb")
    return folder


@pytest.fixture(scope="module")
def small(notebooks, tmp_path_factory):
    """The small chapter's course, with other numbers."""
    out = tmp_path_factory.mktemp("course") / "out"
    generate.write(out, notebooks, colab.Settings(), seed=SEED)
    return out


def read(path: Path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    return nb, "\n\n".join(cell.source for cell in nb.cells)


def test_a_students_notebook(small):
    nb, text = read(small / "student" / f"{NAME}.ipynb")
    ids = [cell.id for cell in nb.cells]
    assert ids[:3] == ["title", "setup", "from-the-chapter"]
    basis = [c.source for c in nb.cells if c.id.startswith("chapter-")]
    offset = "offset = float(jax.jit(lambda one: one / 2)(1.0))"
    assert basis[1:] == [offset, "base = np.ones(2)", "base[0] = 7.0"]
    assert "after (99.1)." in text and "### Exercise 99.1: Sum" in text
    assert "answer = ..." in text and "*Your answer:*" in text
    assert "1.25" not in text and "4.0 times" not in text  # other numbers
    # Only the check that knows these numbers is spoken of.
    assert all("key=" in c.source for c in nb.cells if "page.check" in c.source)


SECRETS = ("grown", "The factor is", "secret reasons", "hidden lesson", "Count from")


def test_no_solution_and_no_hidden_test_reaches_a_student(small):
    for path in small.glob("student/*"):
        _, text = read(path)
        assert not any(secret in text for secret in (*SECRETS, "grading", "HIDDEN"))


def test_solutions_hold_all_of_it(small):
    nb, text = read(small / "solutions" / f"{NAME}.ipynb")
    assert all(secret in text for secret in SECRETS[:-1])
    assert ".key(" not in text and "mistakes" not in text
    factor = variants.pick(SEED, "99.1", {"1.25": ["1.5", "1.75", "2.25"]})["1.25"]
    assert f"The factor is {factor}." in text and f"{factor}**i" in text


def test_the_varied_answers_are_sealed_with_their_hints(small):
    nb, _ = read(small / "solutions" / f"{NAME}.ipynb")
    import ntkbook

    names = {"np": np, "ntkbook": ntkbook, "offset": 0.5, "base": np.array([7.0, 1.0])}
    verdicts = []
    for cell in nb.cells:
        if cell.id.startswith("check-"):
            call = cell.source[cell.source.index("ntkbook") :]
            verdicts.append(eval(call, names))
            wrong = eval(call.replace("answer", "answer - 1"), names)
            verdicts.append(wrong)
        elif cell.id.startswith("solution-") and cell.cell_type == "code":
            exec(cell.source, names)
    assert [v.right for v in verdicts] == [True, False, True, False]
    assert verdicts[1].message == "not yet. Count from 0."


def test_a_course_is_all_or_nothing(notebooks, tmp_path):
    out = tmp_path / "out"
    generate.write(out, notebooks, colab.Settings(), seed=SEED)
    before = sorted(out.rglob("*"))
    nb = small_course.chapter()
    nb.cells[7].source = "The factor 1.25 is {odd}`role`."
    broken = tmp_path / "broken"
    broken.mkdir()
    nbformat.write(nb, broken / f"{NAME}.ipynb")
    with pytest.raises(ValueError, match="no plain form"):
        generate.write(out, broken, colab.Settings(), seed=SEED)
    assert sorted(out.rglob("*")) == before
    with pytest.raises(ValueError, match=r"there is no chapter 42; these are: 99"):
        generate.write(out, notebooks, colab.Settings(), chapters=["42"])
    assert not list(tmp_path.glob(".out*"))


def test_a_solution_that_fails_with_its_numbers_says_which(notebooks, tmp_path):
    nb = small_course.chapter()
    for cell in nb.cells:
        cell.source = cell.source.replace(
            "answer = base", "assert 4.0 == 4\nanswer = base"
        )
    nbformat.write(nb, tmp_path / f"{NAME}.ipynb")
    with pytest.raises(ValueError, match="99_small: a solution .* AssertionError"):
        generate.write(tmp_path / "out", tmp_path, colab.Settings(), seed=SEED)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The book's own course."""
    out = tmp_path_factory.mktemp("book") / "course"
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    settings = colab.settings_of(config)
    generate.write(out, ROOT / "notebooks", settings)
    colab.convert_all(ROOT / "notebooks", out / "colab", config)
    return out


CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob(NOTEBOOKS))


@pytest.mark.parametrize("name", first(CHAPTERS))
def test_a_chapters_notebooks_are_complete_and_clean(book, name):
    chapter = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    abouts = [c["metadata"].get("ntkbook", {}) for c in json.loads(chapter)["cells"]]
    ids = [about["exercise"]["id"] for about in abouts if "exercise" in about]
    kinds = "student", "solutions", f"nbgrader/source/{name}", f"otter/{name}", "colab"
    for kind in kinds:
        nb, text = read(book / kind / f"{name}.ipynb")
        plain = [c for c in nb.cells if c.cell_type == "markdown"]
        assert not [(kind, c.id) for c in plain if RAW.search(c.source)]
        assert not [(kind, link) for link in dead_links(plain)]
        assert re.findall(r"(?m)^### Exercise (\S+?)(?::|$)", text) == ids, kind
    _, text = read(book / "student" / f"{name}.ipynb")
    assert "SOLUTION" not in text and "grading" not in text and "page.key(" not in text
    work = generate.Chapter(name, *_chapter(name), colab.Settings()).work
    for exercise in work.exercises:
        for _, solution, _ in exercise.solution:
            longest = max(solution.split("\n"), key=len)
            assert longest not in text, exercise.id


def _chapter(name: str):
    found = coursework.read_all(ROOT / "notebooks", colab.Settings(), [name[:2]])
    return found[name]


def dead_links(cells: list) -> list[str]:
    """Links that lead nowhere: a notebook travels alone, so all but addresses do."""
    text = re.sub(r"`[^`]*`|\$[^$]*\$", "", "\n".join(c.source for c in cells))
    links = re.findall(r"\[[^\]]*\]\(([^)\s]*)\)", text)
    return [link for link in links if not re.match(r"https?://[\w.-]+\.\w+(/|$)", link)]


def test_dead_links_are_found():
    cell = small_course.markdown(
        "[a](b.ipynb) [c](#d) [e](https://f.org/g) [h](http:/i)"
    )
    assert dead_links([cell]) == ["b.ipynb", "#d", "http:/i"]


def test_every_exercise_has_the_same_marks_and_a_project_its_rubrics(book):
    about = {"kind": "compute", "difficulty": 2, "id": "2.3"}
    assert marks(about) == (1, 3) and marks(about | {"kind": "think"}) == (0, 4)
    course = json.loads((book / "course.json").read_text())
    for name, listed in course["assignments"].items():
        most = 20 if is_project(name) else 4
        assert {one["points"] for one in listed.values()} == {most}
        for path in (f"nbgrader/source/{name}", f"otter/{name}"):
            nb, text = read(book / path / f"{name}.ipynb")
            given = [c.metadata.get("nbgrader", {}).get("points", 0) for c in nb.cells]
            otter = re.findall(r"BEGIN QUESTION\nname: .*\npoints: (\d+)", text)
            assert sum(given) + sum(map(int, otter)) == most * len(listed)
    page = (ROOT / "book" / "instructors.md").read_text()
    assert "4 points" in page and "20 points" in page


@pytest.mark.parametrize("name", [name for name in CHAPTERS if is_project(name)])
def test_a_projects_notebook_says_what_to_hand_in_and_how_it_is_marked(book, name):
    chapter, _ = _chapter(name)
    rubric = re.findall(
        r"(?m)^\|.*\| *(\d+) *\|$",
        "\n".join(c.source for c in chapter.cells if c.cell_type == "markdown"),
    )
    _, text = read(book / "student" / f"{name}.ipynb")
    assert "## What to hand in" in text and "| Milestone |" in text
    assert rubric and text.count("|\n| ") >= len(rubric)
    assert "in about a minute" not in text and "Exercises to Chapter" not in text
    cited = set(re.findall(r"\((\w+\.\d+)\)", text))
    assert all(rf"\tag{{{number}}}" in text for number in cited if number[0] == name[0])


def test_a_variant_lists_what_it_chose(small, notebooks, tmp_path, capsys):
    chosen = generate.write(tmp_path / "o", notebooks, colab.Settings(), seed=SEED)
    said = generate.listed(SEED, chosen)
    about = json.loads((small / "course.json").read_text())
    assert about["variant"] == SEED and about["numbers"] == chosen
    for id, picked in chosen[NAME].items():
        for token, new in picked.items():
            assert f"  {id}  {token} -> {new}" in said
    assert f"{NAME} ..." in capsys.readouterr().out
