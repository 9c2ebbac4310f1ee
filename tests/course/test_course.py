"""The course: what its notebooks stand on, what they hold, and what they must not."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

from book.tools.course import coursework, generate, slicing, syllabus, variants
from book.tools.course.handouts import marks
from book.tools.files import NOTEBOOKS
from book.tools.notebooks import colab
from book.tools.sphinx import book_map
from ntkbook.page import exercises
from ntkbook.page.exercises import grading
from tests.helpers import small_course

ROOT = Path(__file__).resolve().parents[2]

NAME, SEED = small_course.NAME, small_course.SEED
RAW = re.compile(r"\{[\w:-]+\}`|^\s*[`:]{3,}\{|^\([\w-]+\)=|:label:|\$\$ \(", re.M)


F, G = "def f():\n    return n", "def f(n):\n    return n"
SLICES = [  # cells, the names wanted, and what is kept (None: everything)
    (["a = 1", "b = 2\nc = 3", "d = b"], "d", ["a = 1", "b = 2", "d = b"]),
    (["", "x = 1", "x = 2", "print(x)"], "x", ["", "x = 2"]),
    (["", "x = [1]", "x.append(2)", "x[0] = 3"], "x", None),
    (["", "n = 1", F, "n = 2"], "f", None),
    (["", "n = 1", G], "f", ["", G]),
    (["", "i = 9", "y = [i for i in z]"], "y", ["", "y = [i for i in z]"]),
    (["", "t = 0", "for k in (1, 2):\n    t += k"], "t", None),
    (["", "import os", "import sys", "p = os"], "p", ["", "import os", "p = os"]),
    # What u takes from the generator changes v.
    (["", "r = default_rng(0)", "u = r.random()", "v = r.random()"], "v", None),
    (["", "# why\na = 1\n\nplot(a)"], "a", ["", "# why\na = 1"]),
    (["", "x = 1", "if x:\n    y = 2\nelse:\n    y = 3"], "y", None),
    (["", "k = 2", "@g(k)\ndef f():\n    pass"], "f", None),
    (["", "k = 2", "def f(a=k):\n    pass"], "f", None),
]


@pytest.mark.parametrize("cells, wanted, kept", SLICES)
def test_a_slice_holds_what_is_needed_and_no_more(cells, wanted, kept):
    found = [text for _, text in slicing.needed(cells, {wanted})]
    assert found == (cells if kept is None else kept)


@pytest.mark.parametrize(
    "token, text, result",
    [
        ("0.3", "size 0.3. And 10.3, 0.35, 0.3.1", "size #. And 10.3, 0.35, 0.3.1"),
        ("5", "5 steps, 1e-5, x5, 0.5, 5.5, -5", "# steps, 1e-5, x5, 0.5, 5.5, -#"),
        ("rng(1)", "random.rng(1), my_rng(1), rng(12)", "random.#, my_rng(1), rng(12)"),
        ("u_0=(1,-2)", "$u_0=(1,-2)$", "$#$"),
    ],
)
def test_a_token_is_replaced_where_it_stands_alone(token, text, result):
    assert variants.replace(text, {token: "#"}) == result
    assert variants.occurs(token, text)


def test_tokens_are_replaced_all_at_once():
    assert variants.replace("1 and 2", {"1": "2", "2": "1"}) == "2 and 1"


def test_a_seed_picks_the_same_everywhere_and_all_there_is():
    vary = {"1.25": ["1.5", "1.75", "2.25"], "7": ["8"]}
    assert variants.pick("7", "2.3", vary) == {"1.25": "1.5"}
    drawn = [variants.pick(str(s), "2.3", vary) for s in range(100)]
    every = variants.every(vary)
    assert len(every) == 8 and all(d in every for d in drawn)
    assert all(e in drawn for e in every)


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    nbformat.write(small_course.chapter(), folder / f"{NAME}.ipynb")
    return folder


@pytest.fixture(scope="module")
def small(notebooks, tmp_path_factory):
    """The small chapter's course, with other numbers, and one student's own."""
    out = tmp_path_factory.mktemp("course") / "out"
    generate.write(out, notebooks, colab.Settings(), seed=SEED, students=["Ann B"])
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


SECRETS = ("grown", "The factor is", "secret reasons", "hidden lesson", "Count from")


def test_no_solution_and_no_hidden_test_reaches_a_student(small):
    for path in [*small.glob("student/*"), *small.glob("students/*/*.ipynb")]:
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


def test_students_variants_differ_and_repeat(notebooks, tmp_path):
    students = [f"s{i}" for i in range(8)]
    for out in ("a", "b"):
        settings = colab.Settings()
        generate.write(
            tmp_path / out, notebooks, settings, seed=SEED, students=students
        )
    texts = {
        s: [(tmp_path / o / "students" / s / f"{NAME}.ipynb").read_text() for o in "ab"]
        for s in students
    }
    assert all(a == b for a, b in texts.values())
    assert len({a for a, _ in texts.values()}) > 3


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


def test_sealing_calls_come_out_and_leave_the_answer():
    source = 'x = 2\npage.key(\n    "1.1", float(x), rel=1\n)\n'
    assert coursework.without_key(source) == "x = 2\nanswer = float(x)"
    source = 'answer = jax.random.key(0)\nkey("1.1", answer)'
    assert coursework.without_key(source) == "answer = jax.random.key(0)"


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


@pytest.mark.parametrize("name", CHAPTERS)
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


def test_points_follow_the_difficulty():
    about = {"kind": "compute", "difficulty": 2}
    assert marks(about) == (1, 4) and marks(about | {"kind": "think"}) == (0, 5)


@pytest.mark.parametrize(
    "answer",
    [2.5, 3, True, "Yes", np.array([1.5, -2.0]), np.arange(3), np.array([True, False])],
)
def test_a_mark_is_confirmed_from_outside(answer):
    record = exercises.packed(exercises.key("99.9", answer).record)
    source = f'from x import y\n\ngrading.right("99.9", answer, key={record!r})'

    def outputs(given):
        # As in a notebook's file, where everything has been JSON.
        data = {grading.MIME: grading._to_json(given)}
        return json.loads(json.dumps([{"data": {}}, {"data": data}]))

    assert grading.doubt(source, outputs(answer)) is None
    wrong = "No" if isinstance(answer, str) else np.logical_not(answer)
    assert "exercise 99.9: not yet" in grading.doubt(source, outputs(wrong))
    form = source.replace("right", "form")
    assert grading.doubt(form, outputs(answer)) is None
    assert "the place of the dots" in grading.doubt(form, outputs(...))
    assert "did not hand in" in grading.doubt(source, [])
    forged = [{"data": {grading.MIME: {"kind": "f", "shape": [9], "entries": [1]}}}]
    assert "is not an answer" in grading.doubt(source, forged)
    assert grading.doubt("x = 1", []) is None


def test_a_damaged_key_says_so():
    sealed = exercises.packed(exercises.key("99.9", 2.5).record)
    assert exercises.check("99.9", 2.5, key=sealed)
    assert not exercises.check("99.9", 2.6, key=sealed)
    with pytest.raises(ValueError, match="the key of this exercise is damaged"):
        exercises.check("99.9", 2.5, key=sealed[:-9])


def test_an_answers_form():
    sealed = exercises.key("99.9", np.ones(2), mistakes={"Sum less.": 2.0})
    found = [exercises.verdict("99.9", a, sealed.record) for a in (np.zeros(2), 2.0)]
    assert [v.formed for v in found] == [True, False]
    assert found[1].message == "not yet. Sum less."


PLAN = """
[[chapter]]
name = "01_a"
needs = []
reading = 45
[[chapter]]
name = "02_b"
needs = ["01"]
reading = 45
[course.{length}]
minutes = 100
weeks = {weeks}
"""


@pytest.mark.parametrize(
    "length, weeks, message",
    [
        (2, '[["02"], ["01"]]', "Chapter 02 needs 01 first"),
        (2, '[["01"], []]', r"without \['02'\]"),
        (3, '[["01"], ["02"]]', "2 are listed"),
        (2, '[["01"], ["09"]]', "no chapter '09'"),
    ],
)
def test_a_plan_that_does_not_hold(length, weeks, message, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN.format(length=length, weeks=weeks))
    with pytest.raises(ValueError, match=message):
        syllabus.plan(tmp_path / "plan.toml")


@pytest.mark.parametrize("length", [6, 12])
def test_the_weeks_of_a_course(length):
    plan = syllabus.plan(ROOT / "book" / "course.toml")
    chapters = syllabus.exercises(ROOT / "notebooks")
    weeks = syllabus.weeks(plan, chapters, length)
    set_ = [e["id"] for week in weeks for e in week["exercises"]]
    assert len(set_) == len(set(set_)) > 30
    most = plan["course"][str(length)]["minutes"]
    assert all(week["minutes"] <= most for week in weeks)
    listed = {chapter["name"][:2] for chapter in plan["chapter"]}
    assert {n for week in weeks for n in week["chapters"]} == listed
    projects = {week["project"] for week in weeks} - {None}
    assert projects == (set(chapters) - listed if length == 12 else set())
    assert all(chapters[project]["minutes"] >= 180 for project in projects)
    table = syllabus.syllabus_table(plan, chapters, length)
    assert table.count("* - ") == length + 1


def test_the_table_of_exercises():
    chapters = syllabus.exercises(ROOT / "notebooks")
    table = syllabus.exercises_table(chapters)
    count = sum(len(chapter["exercises"]) for chapter in chapters.values())
    assert table.count("* - ") == count + 1 and table.startswith(f"{count} exercises")


@pytest.mark.parametrize("number", [name[:2] for name in CHAPTERS])
def test_a_chapter_refers_to_all_that_the_map_says_it_needs(number):
    parts, labels = book_map.read(ROOT), {}
    texts = {
        n: _markdown(ROOT / "notebooks" / f"{p['name']}.ipynb")
        for n, p in parts.items()
    }
    for other, text in texts.items():
        for found in re.finditer(r"(?m):label: *(\S+)|^\$\$ \(([\w-]+)\)", text):
            labels[found[1] or found[2]] = other
    roles = r"\{(?:eq|prf:ref|ref|numref|doc)\}`(?:[^`<]*<)?([^`>]+)>?`|\]\(([^)]+)\)"
    leads_to = set()
    for found in re.finditer(roles, texts[number]):
        target = (found[1] or found[2]).removeprefix("/notebooks/")
        leads_to.add(labels.get(target, target[:2]))
    missing = set(parts[number]["needs"]) - leads_to
    assert not missing, (
        f"{parts[number]['name']} refers to nothing in {sorted(missing)}"
    )


def test_the_map_has_every_chapter_and_every_need():
    parts = book_map.read(ROOT)
    picture, words = book_map.drawn(parts), "\n".join(book_map.listed(parts))
    needs = sum(len(part["needs"]) for part in parts.values())
    assert picture.count("<path d=") == needs + 1  # and the arrow's head
    for part in parts.values():
        assert f'href="../notebooks/{part["name"]}.html"' in picture
        assert part["name"] in words


def _markdown(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
