"""The course in the graders' own hands: nbgrader and otter grade submissions.

Each time the small chapter goes through both, with submissions that are right, blank
and, for nbgrader, hostile. Weekly (`make test-all`) come the mistaken and all hostile
ones, and every chapter of the book.
"""

import ast
import copy
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import nbformat
import pytest

from book.tools.course import coursework, generate, grade, run_solutions, variants
from book.tools.files import NOTEBOOKS, is_project
from book.tools.notebooks import colab
from tests.helpers import needs, small_course

needs.package("nbgrader", get="make environment")
needs.package("otter", get="make environment")

ROOT = Path(__file__).resolve().parents[2]

SMALL = small_course.NAME
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob(NOTEBOOKS))
LIMITS = {"COURSE_CELL_SECONDS": "40", "COURSE_ALL_SECONDS": "120"}
LIMITS |= {"COURSE_MEMORY_MB": "3000"}
weekly = pytest.mark.weekly

HOSTILE = {
    "loops": "while True:\n    pass",
    "exits": "import os\n\nos._exit(3)",
    "leaves": "raise SystemExit",
    "eats": "eaten = []\nwhile True:\n    eaten.append(bytearray(10**8))",
    "prints": "while True:\n    print('x' * 10**6)",
    "shows": "'x' * 10**8",
    "deletes": "import os\nfor name in os.listdir('.'):\n    os.remove(name)",
    "stubborn": "while True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass",
    "poisons": "import os\nimport pathlib\n\n"
    "for path in pathlib.Path(os.environ['JAX_COMPILATION_CACHE_DIR']).iterdir():\n"
    "    path.write_bytes(b'')",
}
OFTEN = ("exits",)  # the others only in the weekly run
CHEAT = """\
import builtins
import numpy as np
from ntkbook.page import exercises
from ntkbook.page.exercises import grading

grading.right = grading.form = exercises.check = lambda *args, **more: None
np.allclose = builtins.all = lambda *args, **more: True
answer = 1.0
"""


GRADERS = {"nbgrader": grade.Nbgrader, "otter": grade.Otter}


def make(out: Path, name: str, graders=tuple(GRADERS)) -> Path:
    """A course of one chapter, released."""
    source, seed = ROOT / "notebooks", None
    if name == SMALL:
        source, seed = out / "notebooks", small_course.SEED
        source.mkdir()
        nbformat.write(small_course.chapter(), source / f"{name}.ipynb")
    generate.write(out / "course", source, colab.Settings(), [name[:2]], seed)
    for grader in graders:
        GRADERS[grader](out / "course" / grader, name).ready()
    return out / "course"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make(tmp_path_factory.mktemp("small"), SMALL, ["nbgrader"])


def release(folder: Path, name: str, grader: str):
    inside = f"release/{name}" if grader == "nbgrader" else f"{name}/dist/student"
    return nbformat.read(folder / grader / inside / f"{name}.ipynb", as_version=4)


def answers(folder: Path, name: str) -> dict[str, str]:
    """The solutions' code, by the id of the cell that takes the answer."""
    nb = nbformat.read(folder / "solutions" / f"{name}.ipynb", as_version=4)
    found: dict[str, str] = {}
    for cell in nb.cells:
        if cell.id.startswith("solution-") and cell.cell_type == "code":
            slug = "-".join(cell.id.split("-")[1:3])
            key = f"answer-{slug}"
            found[key] = found.get(key, "") + cell.source + "\n\n"
    return found


def fill(nb, code: dict[str, str]):
    """A submission: the release with code in the cells for answers."""
    nb = copy.deepcopy(nb)
    left = dict(code)
    for cell in nb.cells:
        if cell.cell_type == "code" and cell.source.startswith("# Exercise "):
            slug = cell.source.split()[2].rstrip(":").replace(".", "-")
            cell.source = left.pop(f"answer-{slug}", cell.source)
    return nb


def submit(folder: Path, name: str, grader: str, student: str, nb) -> None:
    inside = f"nbgrader/submitted/{student}/{name}/{name}.ipynb"
    if grader == "otter":
        inside = f"otter/{name}/submitted/{student}.ipynb"
    path = folder / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(nb, str):
        path.write_text(nb)
    else:
        nbformat.write(nb, path)


def graded(folder: Path, name: str, grader: str, jobs: int = 2) -> dict[str, dict]:
    results = grade.grade_all(GRADERS[grader](folder / grader, name), jobs)
    return {result["student"]: result for result in results}


def scores(result: dict) -> dict[str, float]:
    return {k: p["score"] for k, p in result["points"].items() if not p["by hand"]}


def hidden(nb, grader: str) -> bool:
    """Whether a release lets through what it should not."""
    text = "\n".join(cell.source for cell in nb.cells)
    return "SOLUTION" in text or "grading.right" in text or "HIDDEN" in text


def graded_within(limits: dict[str, str], *where) -> dict[str, dict]:
    with pytest.MonkeyPatch.context() as patch:
        for limit, value in limits.items():
            patch.setenv(limit, value)
        return graded(*where)


@pytest.fixture(scope="module")
def by_nbgrader(small):
    """The small chapter's results, with the kinds of submission that most matter."""
    return small_results(small, "nbgrader", OFTEN)


def small_results(folder: Path, grader: str, hostile: tuple[str, ...] = ()) -> dict:
    """The small chapter's results: solved, blank, no notebook, and hostile ones."""
    nb, code = release(folder, SMALL, grader), answers(folder, SMALL)
    assert not hidden(nb, grader)
    submissions = {"solved": fill(nb, code), "blank": nb}
    submissions["nothing"] = "this is no notebook"
    for student in hostile:
        submissions[student] = fill(nb, code | {"answer-99-2": HOSTILE[student]})
    for student, submission in submissions.items():
        submit(folder, SMALL, grader, student, submission)
    return graded_within(LIMITS, folder, SMALL, grader)


@pytest.fixture(scope="module")
def all_by_nbgrader(by_nbgrader, small):
    """The same and every other kind; what is graded already is not graded again."""
    nb, code = release(small, SMALL, "nbgrader"), answers(small, SMALL)
    wrong = {"answer-99-1": "answer = 1.0", "answer-99-2": "answer = np.ones(3)"}
    cheats = {"answer-99-1": CHEAT, "answer-99-2": "answer = 1.0"}
    without = fill(nb, code)
    without.cells = [c for c in without.cells if not c.id.startswith(("form", "right"))]
    edited = fill(nb, code | {"answer-99-2": "answer = 0.0"})
    for cell in edited.cells:
        if cell.id.startswith(("form", "right")):
            cell.source = "pass"
    submissions = {"wrong": fill(nb, wrong), "cheats": fill(nb, cheats)}
    submissions |= {"without": without, "edits": edited}
    for student in set(HOSTILE) - set(OFTEN):
        submissions[student] = fill(nb, code | {"answer-99-2": HOSTILE[student]})
    for student, submission in submissions.items():
        submit(small, SMALL, "nbgrader", student, submission)
    return graded_within(LIMITS, small, SMALL, "nbgrader")


FULL = {"form-99-1": 1, "right-99-1": 2, "form-99-2": 1, "right-99-2": 2}
HALF = FULL | {"form-99-2": 0, "right-99-2": 0}


def automatic(result: dict) -> dict[str, float]:
    return {k: v for k, v in scores(result).items() if k in FULL}


def test_solutions_have_all_marks_and_blanks_none(by_nbgrader):
    assert automatic(by_nbgrader["solved"]) == FULL
    assert set(automatic(by_nbgrader["blank"]).values()) == {0}
    assert set(scores(by_nbgrader["blank"])) == {*FULL, "text-99-3", "text-99-4"}
    assert sum(scores(by_nbgrader["blank"]).values()) == 0


@pytest.mark.parametrize("student", OFTEN)
def test_a_hostile_cell_costs_its_own_marks(by_nbgrader, student):
    costs_its_own_marks(by_nbgrader[student], student)


def costs_its_own_marks(result: dict, student: str) -> None:
    if student in ("exits", "stubborn"):
        assert "kernel died" in grade.line(result)
    assert automatic(result) == HALF, grade.line(result)
    assert len(str(result)) < 10_000


def test_what_is_no_notebook_has_a_reason(by_nbgrader):
    line = grade.line(by_nbgrader["nothing"])
    assert line.startswith("nothing: 0, not graded: NotJSONError")


def test_a_second_run_has_nothing_to_do(by_nbgrader, small, monkeypatch):
    monkeypatch.setattr(grade.Nbgrader, "grade", None)
    again = graded(small, SMALL, "nbgrader")
    assert {student: again[student] for student in by_nbgrader} == by_nbgrader


def test_what_the_solutions_compiled_serves_all(by_nbgrader, small):
    compiled_by_solutions_alone(small)


def compiled_by_solutions_alone(small: Path) -> None:
    compiled = [*small.glob("nbgrader/compiled/*/*")]
    programs = [path for path in compiled if path.name.endswith("-cache")]
    assert programs and all(path.stat().st_size for path in programs)
    results = [*(small / "nbgrader" / "results" / SMALL).glob("*.json")]
    graded_first = min(path.stat().st_mtime for path in results)
    assert all(path.stat().st_mtime < graded_first for path in programs)


@weekly
@pytest.mark.parametrize("student", sorted(set(HOSTILE) - set(OFTEN)))
def test_every_hostile_cell_costs_its_own_marks(all_by_nbgrader, student):
    costs_its_own_marks(all_by_nbgrader[student], student)


@weekly
def test_the_form_of_an_answer_counts(all_by_nbgrader):
    wrong = automatic(all_by_nbgrader["wrong"])
    assert wrong == dict.fromkeys(FULL, 0) | {"form-99-1": 1}


@weekly
def test_nobody_changes_what_the_solutions_compiled(all_by_nbgrader, small):
    compiled_by_solutions_alone(small)


@weekly
def test_tampering_gains_nothing(all_by_nbgrader):
    assert set(automatic(all_by_nbgrader["cheats"]).values()) == {0}
    assert automatic(all_by_nbgrader["edits"]) == HALF
    # Deleted tests come back, and find the answer where it was left.
    assert automatic(all_by_nbgrader["without"])["right-99-2"] == 2


@weekly
def test_solutions_that_fail_here_fail_nobody_else(tmp_path):
    grader = grade.Nbgrader(tmp_path, SMALL)
    grader.source.parent.mkdir(parents=True)
    nb = small_course.chapter()
    nb.cells = [small_course.code("1 / 0")]
    nbformat.write(nb, grader.source)
    with pytest.raises(grade.Failure, match="solutions themselves fail .*ZeroDivision"):
        grader.solve()


@weekly
def test_killed_in_the_middle_it_goes_on_where_it_was(small, tmp_path):
    """What was graded stays; what was under way is graded again."""
    nb, code = release(small, SMALL, "nbgrader"), answers(small, SMALL)
    for i in range(2):
        submit(small, SMALL, "nbgrader", f"later-{i}", fill(nb, code))
    tool = "book.tools.course.grade"
    command = [
        sys.executable,
        "-m",
        tool,
        "nbgrader",
        small / "nbgrader",
        SMALL,
        "--jobs=1",
    ]
    results = small / "nbgrader" / "results" / SMALL
    process = subprocess.Popen(command, start_new_session=True)
    try:
        while not (results / "later-0.json").exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(3)  # in the middle of the next, or on a slow machine before it
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    first = (results / "later-0.json").stat().st_mtime_ns
    found = graded(small, SMALL, "nbgrader")
    assert automatic(found["later-0"]) == automatic(found["later-1"]) == FULL
    assert (results / "later-0.json").stat().st_mtime_ns == first


@pytest.fixture(scope="module")
def for_otter(tmp_path_factory):
    return make(tmp_path_factory.mktemp("otter"), SMALL, ["otter"])


def test_otter(for_otter):
    found = small_results(for_otter, "otter")
    assert {k: v for k, v in scores(found["solved"]).items() if v} == {
        "ex-99-1": 3,
        "ex-99-2": 3,
    }
    assert sum(scores(found["blank"]).values()) == 0
    assert "not graded: NotJSONError" in grade.line(found["nothing"])


@weekly
def test_otter_with_hostile_cells(for_otter):
    found = small_results(for_otter, "otter", ("loops", "exits"))
    assert scores(found["loops"])["ex-99-1"] == 3
    assert scores(found["loops"])["ex-99-2"] == 0
    assert "not graded" in grade.line(found["exits"])


def mistakes(work: coursework.Coursework) -> list[tuple[dict, dict]]:
    """Submissions with the foreseen mistakes: code by cell, hints by exercise."""
    rounds: list[tuple[dict, dict]] = []
    for exercise in (e for e in work.exercises if e.kind == "compute"):
        for i, (code, hint) in enumerate(_mistakes_of(exercise)):
            while len(rounds) <= i:
                rounds.append(({}, {}))
            rounds[i][0][f"answer-{exercise.id.replace('.', '-')}"] = code
            rounds[i][1][exercise.id] = hint
    return rounds


def _mistakes_of(exercise: coursework.Exercise):
    tree = ast.parse(exercise.sealing)
    call = tree.body[-1].value
    (table,) = [k.value for k in call.keywords if k.arg == "mistakes"]
    for hint, value in zip(table.keys, table.values, strict=True):
        code = [*map(ast.unparse, tree.body[:-1]), f"answer = {ast.unparse(value)}"]
        yield "\n".join(code), ast.literal_eval(hint)


def forms(folder: Path, name: str, student: str) -> dict[str, str]:
    """What the public check said to a student, by exercise."""
    path = folder / "nbgrader" / "autograded" / student / name / f"{name}.ipynb"
    nb, said = nbformat.read(path, as_version=4), {}
    for cell in nb.cells:
        id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if id.startswith("form-"):
            texts = [
                o.data["text/plain"] if "data" in o else o.get("evalue", "")
                for o in cell.outputs
            ]
            said[id.removeprefix("form-").replace("-", ".")] = " ".join(texts)
    return said


@weekly
@pytest.mark.parametrize("name", [*CHAPTERS, SMALL])
def test_each_mistake_is_caught_with_its_hint(name, small, tmp_path):
    # The small chapter's results of before are used again.
    folder = small if name == SMALL else make(tmp_path, name, ["nbgrader"])
    source = ROOT / "notebooks" if name != SMALL else small.parent / "notebooks"
    ((nb, targets),) = coursework.read_all(
        source, colab.Settings(), [name[:2]]
    ).values()
    chapter = generate.Chapter(name, nb, targets, colab.Settings())
    seed = small_course.SEED if name == SMALL else None
    work = chapter.varied(chapter.choices(seed))
    blank, right = release(folder, name, "nbgrader"), answers(folder, name)
    submit(folder, name, "nbgrader", "solved", fill(blank, right))
    submit(folder, name, "nbgrader", "blank", blank)
    rounds = mistakes(work)
    for i, (code, _) in enumerate(rounds):
        submit(folder, name, "nbgrader", f"mistake-{i}", fill(blank, right | code))
    found = graded(folder, name, "nbgrader")
    compute = {e.id.replace(".", "-"): e for e in work.exercises if e.kind == "compute"}
    for slug, exercise in compute.items():
        most = 2 * exercise.about["difficulty"]
        marks = scores(found["solved"])
        assert (marks[f"form-{slug}"], marks[f"right-{slug}"]) == (1, most)
    assert sum(scores(found["blank"]).values()) == 0
    for i, (_, hints) in enumerate(rounds):
        marks, said = scores(found[f"mistake-{i}"]), forms(folder, name, f"mistake-{i}")
        for id, hint in hints.items():
            assert f"{id}: not yet. {hint}" in said[id]
            assert marks[f"right-{id.replace('.', '-')}"] == 0
            assert marks[f"form-{id.replace('.', '-')}"] in (0, 1)


@weekly
@pytest.mark.parametrize("name", CHAPTERS)
def test_every_choice_of_numbers_has_an_answer_of_its_own(name):
    ((nb, targets),) = coursework.read_all(
        ROOT / "notebooks", colab.Settings(), [name[:2]]
    ).values()
    work = coursework.read(nb, name, colab.Settings(), targets)
    before, code = variants.leans_on(work), {e.id: e.sealing for e in work.exercises}
    jobs = {}
    for exercise in (e for e in work.exercises if e.about.get("vary")):
        for picked in variants.every(exercise.about["vary"]):
            steps = [code[id] for id in before[exercise.id]]
            own = variants.replace(exercise.sealing, picked)
            jobs[f"{exercise.id} {picked}"] = [*steps, own]
    # As in notebooks; the suite forbids both.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        found = run_solutions.run({"basis": work.basis, "jobs": jobs})
    for job, (record, _) in found.items():
        id, _, picked = job.partition(" ")
        if picked != "{}":
            verdict = run_solutions.exercises.verdict(
                id, found[f"{id} {{}}"][1], record
            )
            assert not verdict.right, f"{job} has the book's answer"


@weekly
@pytest.mark.parametrize("name", CHAPTERS)
def test_otter_grades_every_chapter(name, tmp_path):
    if is_project(name):
        with pytest.raises(grade.Failure, match="read by hand"):
            make(tmp_path, name, ["otter"])
        return
    folder = make(tmp_path, name, ["otter"])
    blank, right = release(folder, name, "otter"), answers(folder, name)
    submit(folder, name, "otter", "solved", fill(blank, right))
    submit(folder, name, "otter", "blank", blank)
    found = graded(folder, name, "otter")
    got, most, _ = grade.score(found["solved"])
    assert got == most > 0
    assert grade.score(found["blank"])[0] == 0
