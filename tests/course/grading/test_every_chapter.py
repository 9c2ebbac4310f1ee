"""Each chapter of the book, graded: its solutions, its mistakes and its variants.

Weekly (`make test-all`); the small chapter stands for them in every run.
"""

import ast
from pathlib import Path

import jax
import nbformat
import pytest

from book.tools.course import generate, grade
from book.tools.course.exercises import coursework, run_solutions, variants
from book.tools.files import NOTEBOOKS, is_project
from book.tools.notebooks import colab
from tests.helpers import course as made
from tests.helpers import needs
from tests.helpers.course import scores

needs.package("nbgrader", get="make environment")
pytestmark = pytest.mark.weekly

ROOT = Path(__file__).resolve().parents[3]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob(NOTEBOOKS))
CHAPTERS = [name for name in NAMES if not is_project(name)]


def work_of(name: str) -> coursework.Coursework:
    found = coursework.read_all(ROOT / "notebooks", colab.Settings(), [name[:2]])
    return generate.Chapter(name, *found[name], colab.Settings()).work


def mistakes(work: coursework.Coursework) -> list[tuple[dict, dict]]:
    """Submissions with the foreseen mistakes: code, and hints, by exercise."""
    rounds: list[tuple[dict, dict]] = []
    for exercise in (e for e in work.exercises if e.kind == "compute"):
        for i, (code, hint) in enumerate(_mistakes_of(exercise)):
            while len(rounds) <= i:
                rounds.append(({}, {}))
            rounds[i][0][exercise.id] = code
            rounds[i][1][exercise.id] = hint
    return rounds


def _mistakes_of(exercise: coursework.Exercise):
    tree = ast.parse(exercise.sealing)
    call = tree.body[-1].value
    (table,) = [k.value for k in call.keywords if k.arg == "mistakes"]
    for hint, value in zip(table.keys, table.values, strict=True):
        code = [*map(ast.unparse, tree.body[:-1]), f"answer = {ast.unparse(value)}"]
        yield "\n".join(code), ast.literal_eval(hint)


def said_to(course: Path, name: str, student: str) -> dict[str, str]:
    """What the public check said to a student, by exercise."""
    folder = course / "nbgrader" / "autograded" / student / name
    nb, said = nbformat.read(folder / f"{name}.ipynb", as_version=4), {}
    for cell in nb.cells:
        id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if id.startswith("form-"):
            texts = [
                o.data["text/plain"] if "data" in o else o.get("evalue", "")
                for o in cell.outputs
            ]
            said[id.removeprefix("form-").replace("-", ".")] = " ".join(texts)
    return said


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_mistake_is_caught_with_its_hint(name, tmp_path):
    course = made.make(tmp_path, name)
    work, code = work_of(name), made.answers(course, name)
    for kind in ("nbgrader", "plain", "colab"):
        nb = made.fill(made.handed_out(course, name, kind), code)
        made.submit(course / "in", f"{kind}.ipynb", nb)
    blank = made.handed_out(course, name, "nbgrader")
    made.submit(course / "in", "blank.ipynb", blank)
    rounds = mistakes(work)
    for i, (wrong, _) in enumerate(rounds):
        made.submit(course / "in", f"m-{i}.ipynb", made.fill(blank, code | wrong))
    found = grade.grade_all(course / "in", course)[name]
    compute = [e.id.replace(".", "-") for e in work.exercises if e.kind == "compute"]
    full = {f"form-{id}": 1 for id in compute} | {f"right-{id}": 3 for id in compute}
    for kind in ("nbgrader", "plain", "colab"):
        assert scores(found[kind]) == full, kind
    assert sum(scores(found["blank"]).values()) == 0
    for i, (_, hints) in enumerate(rounds):
        got, said = scores(found[f"m-{i}"]), said_to(course, name, f"m-{i}")
        for id, hint in hints.items():
            assert f"{id}: not yet. {hint}" in said[id]
            assert got[f"right-{id.replace('.', '-')}"] == 0
            assert got[f"form-{id.replace('.', '-')}"] in (0, 1)


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_choice_of_numbers_has_an_answer_of_its_own(name):
    work = work_of(name)
    before, code = variants.leans_on(work), {e.id: e.sealing for e in work.exercises}
    jobs = {}
    for exercise in (e for e in work.exercises if e.about.get("vary")):
        for picked in [{}, *variants.alternatives(exercise.about["vary"])]:
            steps = [code[id] for id in before[exercise.id]]
            own = variants.replace(exercise.sealing, picked)
            jobs[f"{exercise.id} {picked}"] = [*steps, own]
            assert all(variants.occurs(t, exercise.statement) for t in picked)
    # As in notebooks; the suite forbids both.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        found = run_solutions.run({"basis": work.basis, "jobs": jobs})
    for job, (record, _) in found.items():
        id, _, picked = job.partition(" ")
        if picked != "{}":
            books = found[f"{id} {{}}"][1]
            verdict = run_solutions.exercises.verdict(id, books, record)
            assert not verdict.right, f"{job} has the book's answer"
