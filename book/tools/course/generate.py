"""Write a course out of the chapters: `python -m book.tools.course.generate [OUT]`.

    student/        the exercises of each chapter, with answers left blank
    solutions/      the same with the solutions
    nbgrader/       a course for nbgrader: its settings, and source/ with hidden tests
    otter/          sources for `otter assign`
    course.json     every exercise's points, for `book/tools/course/grade.py`

`--variant SEED` gives the computing exercises other numbers; `--students FILE` writes a
variant for each name in a list, in students/NAME/. The folder is all or nothing: it is
written beside its place and moved there at the end.
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import yaml

from book.tools.course import variants
from book.tools.course.coursework import Coursework, read, read_all
from book.tools.course.handouts import Handouts, marks
from book.tools.notebooks.colab import Settings, settings_of
from ntkbook.page.exercises import packed

ROOT = Path(__file__).resolve().parents[3]
GRADING = Path(__file__).with_name("grader_files")
OUT = ROOT / "_build" / "course"
# What a class has left in a course; it is never written over.
CLASS = ["nbgrader/submitted/*", "nbgrader/gradebook.db", "nbgrader/autograded/*"]
CLASS += ["otter/*/submitted/*", "*/results/*"]


class Chapter:
    """One chapter, and its notebooks with any choice of numbers."""

    def __init__(self, name: str, nb, targets: dict, settings: Settings):
        self.name, self.nb, self.targets, self.settings = name, nb, targets, settings
        self.work = read(nb, name, settings, targets)

    def choices(self, seed: str | None) -> variants.Choices:
        """What a seed picks; nothing without one."""
        if seed is None:
            return {}
        return {
            e.id: variants.pick(seed, e.id, e.about.get("vary", {}))
            for e in self.work.exercises
        }

    def handouts(self, seeds: list[str | None]) -> list[Handouts]:
        """For each seed the writer of this chapter's notebooks."""
        many = [self.choices(seed) for seed in seeds]
        made = []
        records = variants.records(self.work, many)
        for choices, found in zip(many, records, strict=True):
            work = self.varied(choices)
            keys = {id: packed(record) for id, record in found.items()}
            made.append(Handouts(work, self.settings, keys))
        return made

    def varied(self, choices: variants.Choices) -> Coursework:
        """The coursework with these choices made."""
        if not any(choices.values()):
            return self.work
        nb = variants.apply(self.nb, choices)
        work = read(nb, self.name, self.settings, self.targets)
        for exercise in work.exercises:  # what the chapter printed no longer holds
            before = variants.leans_on(work)[exercise.id]
            if any(choices.get(id) for id in before):
                exercise.solution = [(k, text, []) for k, text, _ in exercise.solution]
        return work


def write(
    out: Path,
    notebooks: Path,
    settings: Settings,
    chapters: list[str] | None = None,
    seed: str | None = None,
    students: list[str] = (),
) -> None:
    """Write the course into a folder, in place of what stands there.

    Raises:
        ValueError: for what cannot be converted, or a solution that fails.
    """
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    points: dict[str, dict] = {}
    try:
        for name, (nb, targets) in read_all(notebooks, settings, chapters).items():
            chapter = Chapter(name, nb, targets, settings)
            first, *rest = chapter.handouts([seed, *students])
            _save(first.student(), part / "student" / f"{name}.ipynb")
            _save(first.solutions(), part / "solutions" / f"{name}.ipynb")
            source = part / "nbgrader" / "source" / name / f"{name}.ipynb"
            _save(first.nbgrader(), source)
            _save(first.otter(), part / "otter" / name / f"{name}.ipynb")
            for student, own in zip(students, rest, strict=True):
                folder = part / "students" / student
                _save(own.student(), folder / f"{name}.ipynb")
                _save(own.solutions(), folder / "solutions" / f"{name}.ipynb")
            points[name] = {
                e.id: {"kind": e.kind, "points": sum(marks(e.about))}
                for e in chapter.work.exercises
            }
        shutil.copy(GRADING / "nbgrader_config.py", part / "nbgrader")
        shutil.copytree(GRADING / "kernels", part / "nbgrader" / "kernels")
        (part / "course.json").write_text(json.dumps(points, indent=1))
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _save(nb, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)


def _names(path: Path) -> list[str]:
    """One student a line, each fit to name a folder."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}; it should list a student a line")
    names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    names = list(dict.fromkeys(filter(None, names)))
    for name in names:
        if not re.fullmatch(r"[\w.@+-]+( [\w.@+-]+)*", name) or name.startswith("."):
            raise ValueError(f"the name {name!r} cannot be a folder's: use letters")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks")
    parser.add_argument("--chapters", nargs="*", metavar="NN", help="such as 02 05")
    parser.add_argument("--variant", metavar="SEED", help="other numbers")
    parser.add_argument("--students", type=Path, metavar="FILE", help="a name a line")
    given = parser.parse_args()
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    out = given.out.resolve()
    if out.exists() and any(out.iterdir()) and not (out / "course.json").exists():
        sys.exit(
            f"{given.out} holds something else than a course; name another folder."
        )
    if any(next(out.glob(pattern), None) for pattern in CLASS):
        sys.exit(
            f"{given.out} holds a class's submissions or marks, which would be lost; "
            "move the folder away, or write the course into another one."
        )
    try:
        students = _names(given.students) if given.students else []
        settings = settings_of(config)
        write(out, given.notebooks, settings, given.chapters, given.variant, students)
    except ValueError as problem:
        sys.exit(f"No course was written: {problem}")
    print(f"The course is ready: {given.out}")


if __name__ == "__main__":
    main()
