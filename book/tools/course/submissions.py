"""Which submissions lie in a folder: whose each is, and to which assignment.

A folder may hold what came from anywhere: nbgrader's tree (STUDENT/ASSIGNMENT/...),
what Moodle or Canvas pack into a zip file, notebooks of any name. A notebook itself
says, by its exercises' numbers, to which assignment it belongs.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

HEADING = re.compile(r"(?m)^#{1,6} Exercise (\w+\.\w+)\b")
MOST_MB = 50
# NAME_12345_assignsubmission_file_ is Moodle's folder, or so begins its file;
# name_12345_67890_any.ipynb is Canvas's file. The number is the student's.
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_")
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?:late_)?(?P<id>\d+)_\d+_", re.IGNORECASE)


class Unreadable(Exception):
    """Why a file is no notebook that can be graded."""


@dataclass(frozen=True)
class Submission:
    """One notebook that was handed in.

    Attributes:
        student: a name fit for a folder; from Moodle and Canvas it ends in the number
            by which they know the student.
        assignment: such as 02_gradient_flow; "" where nothing says which.
        has_exercises: whether the notebook itself says so.
    """

    student: str
    assignment: str
    path: Path
    has_exercises: bool = True


def found_in(folder: Path, course: dict[str, dict]) -> list[Submission]:
    """The submissions in a folder, of each student's to an assignment the newest.

    What has exercises goes before what has none, such as notes of the student's own.

    Args:
        course: exercises by assignment, as in course.json.
    """
    every = []
    for path in folder.rglob("*.ipynb"):
        within = path.relative_to(folder)
        if path.is_symlink() or any(p.startswith(".") for p in within.parts):
            continue
        name, has_exercises = assignment_of(path, course)
        every.append(Submission(student_of(within), name, path, has_exercises))
    names = {one.assignment for one in every} - {""}
    if len(names) == 1:  # then what says nothing, or cannot be read, is meant for it
        every = [replace(one, assignment=next(iter(names))) for one in every]
    best: dict[tuple[str, str], Submission] = {}
    for one in sorted(every, key=_worth):
        key = one.student, one.assignment or one.path.name
        if before := best.get(key):
            where = one.path.relative_to(folder), before.path.relative_to(folder)
            print("{}: {} takes the place of {}".format(one.student, *where))
        best[key] = one
    return sorted(best.values(), key=lambda one: (one.assignment, one.student))


def _worth(one: Submission) -> tuple[bool, float, str]:
    return one.has_exercises, one.path.lstat().st_mtime, str(one.path)


def as_packed(path: Path) -> Path | None:
    """A file's name in the zip file of Moodle or Canvas; None for any other file."""
    for place, part in enumerate(path.parts):
        if MOODLE.match(part):
            return Path(*path.parts[place:])
    return Path(path.name) if CANVAS.match(path.name) else None


def known_by(path: Path) -> tuple[str, str] | None:
    """The name and number by which Moodle or Canvas know whose a file is."""
    if packed := as_packed(path):
        match = MOODLE.match(packed.parts[0]) or CANVAS.match(packed.parts[0])
        return match["name"], match["id"]
    return None


def student_of(path: Path) -> str:
    """Whose a notebook is, by its place in the folder.

    Where a platform's number stands in a name, the student's ends in it, wherever the
    file lies: so two numbers are never one student.
    """
    name = path.parts[0] if len(path.parts) > 1 else path.stem
    name = "_".join(known_by(path) or [name])
    return re.sub(r"[^\w.@+() -]", "-", name).strip(". ") or "nobody"


def assignment_of(path: Path, course: dict[str, dict]) -> tuple[str, bool]:
    """The assignment most of whose exercises stand in a notebook, or else which its
    place says; and whether it has any of its exercises."""
    try:
        cells = read(path).cells
    except Unreadable:
        cells = []
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    numbers = set(HEADING.findall(text))
    counts = {name: len(numbers & set(listed)) for name, listed in course.items()}
    best = max(counts, key=lambda name: counts[name], default="")
    if best and counts[best]:
        return best, True
    places = [part for part in (*path.parts[:-1], path.stem) if part in course]
    return places[-1] if places else "", False


def read(path: Path):
    """The notebook in a file.

    Raises:
        Unreadable: with the reason.
    """
    try:
        if path.stat().st_size > MOST_MB * 2**20:
            raise Unreadable(f"the file is larger than {MOST_MB} MB")
        nb = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(json.loads(json.dumps(nb)), relax_add_props=True)
    except Unreadable:
        raise
    except Exception as error:  # whatever nbformat makes of what is no notebook
        first = (str(error).strip().splitlines() or [""])[0][:200]
        raise Unreadable(f"{type(error).__name__}: {first}") from None
    return nb
