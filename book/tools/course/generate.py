"""Write a course out of the chapters: `python -m book.tools.course.generate [OUT]`.

    student/        the exercises of each chapter, with answers left blank
    solutions/      the same with the solutions
    nbgrader/       a course for nbgrader: its settings, and source/ with hidden tests
    otter/          sources for `otter assign`
    teaching/       lesson plans, reading questions, exam questions with answers
    course.json     the variant, and every exercise's points

`--variant SEED` gives the computing exercises other numbers. The folder is all or
nothing: it is written next to its place and moved there at the end.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat
import yaml

from book.tools.course.exercises import variants
from book.tools.course.exercises.coursework import Coursework, read, read_all
from book.tools.course.exercises.handouts import Handouts, marks
from book.tools.course.prepare import known
from book.tools.files import number_of
from book.tools.notebooks.colab import Settings, convert, settings_of
from book.tools.notebooks.wheel import build_wheel
from ntkbook.page.exercises import packed

ROOT = Path(__file__).resolve().parents[3]
GRADING = Path(__file__).with_name("grader_files")
TEACHING = ROOT / "book" / "teaching"
OUT = ROOT / "_build" / "course"
# What a class has left in a course; it is never written over.
CLASS = ["nbgrader/submitted/*", "nbgrader/gradebook.db", "nbgrader/results/*"]


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

    def handouts(self, choices: variants.Choices) -> Handouts:
        """The writer of this chapter's notebooks, with these choices made."""
        found = variants.records(self.work, choices)
        keys = {id: packed(record) for id, record in found.items()}
        return Handouts(self.varied(choices), self.settings, keys)

    def colab(self):
        """The chapter as readers open it in Colab, with the book's own numbers."""
        number = number_of(self.name)
        return convert(
            self.nb, number=number, settings=self.settings, targets=self.targets
        )

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
) -> dict[str, variants.Choices]:
    """Write the course into a folder, in place of what stands there.

    Returns:
        by chapter, what the seed chose for each exercise.

    Raises:
        ValueError: for what cannot be converted, or a solution that fails.
    """
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    points: dict[str, dict] = {}
    chosen: dict[str, variants.Choices] = {}
    try:
        for name, (nb, targets) in read_all(notebooks, settings, chapters).items():
            print(f"{name} ...", flush=True)
            chapter = Chapter(name, nb, targets, settings)
            choices = chapter.choices(seed)
            made = chapter.handouts(choices)
            student = made.student()
            _save(student, part / "student" / f"{name}.ipynb")
            _save(made.solutions(), part / "solutions" / f"{name}.ipynb")
            source = part / "nbgrader" / "source" / name / f"{name}.ipynb"
            _save(made.nbgrader(), source)
            _save(made.otter(), part / "otter" / name / f"{name}.ipynb")
            seen = part / "nbgrader" / "known" / f"{name}.json"
            seen.parent.mkdir(exist_ok=True)
            seen.write_text(json.dumps(known([student, chapter.colab()])))
            points[name] = {
                e.id: {"kind": e.kind, "points": sum(marks(e.about))}
                for e in chapter.work.exercises
            }
            chosen[name] = {id: picked for id, picked in choices.items() if picked}
        shutil.copy(GRADING / "nbgrader_config.py", part / "nbgrader")
        shutil.copytree(TEACHING, part / "teaching")
        shutil.copytree(GRADING / "kernels", part / "nbgrader" / "kernels")
        about = {"variant": seed, "numbers": chosen, "assignments": points}
        (part / "course.json").write_text(json.dumps(about, indent=1))
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return chosen


def _save(nb, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)


def listed(seed: str, chosen: dict[str, variants.Choices]) -> str:
    """What a variant has made of the exercises, for whoever sets it."""
    lines = [f"Variant {seed}: in place of the book's numbers these have others."]
    for choices in chosen.values():
        for id, picked in choices.items():
            pairs = (f"{token} -> {new}" for token, new in picked.items())
            lines.append(f"  {id:5} {', '.join(pairs)}")
    return "\n".join(lines)


def variant_of(course: Path) -> str | None:
    """The seed of a course that was written; None for the book's own numbers."""
    try:
        return json.loads((course / "course.json").read_text())["variant"]
    except (ValueError, KeyError):
        return None


def named(seed: str | None) -> str:
    return "the book's own numbers" if seed is None else f"variant {seed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks")
    parser.add_argument("--chapters", nargs="*", metavar="NN", help="such as 02 05")
    parser.add_argument("--variant", metavar="SEED", help="other numbers")
    parser.add_argument(
        "--replace", action="store_true", help="also a course of another variant"
    )
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
    if (out / "course.json").exists() and not given.replace:
        if (there := variant_of(out)) != given.variant:
            sys.exit(
                f"{given.out} holds {named(there)}, and this would be "
                f"{named(given.variant)}. If nothing of it is handed out yet, write "
                "over it with --replace, or `make course REPLACE=yes`."
            )
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_of(config)
            if not (settings.site or settings.repository):
                settings = replace(settings, wheel=build_wheel(Path(folder)))
            made = write(out, given.notebooks, settings, given.chapters, given.variant)
    except ValueError as problem:
        sys.exit(f"No course was written: {problem}")
    if given.variant:
        print(listed(given.variant, made))
    print(f"The course is ready: {given.out}")


if __name__ == "__main__":
    main()
