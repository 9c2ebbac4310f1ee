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
# NAME_12345_assignsubmission_file_ is Moodle's folder, name_12345_67890_any.ipynb
# Canvas's file; the number is the student's.
MOODLE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_\w*$")
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?:late_)?(?P<id>\d+)_\d+_", re.IGNORECASE)


class Unreadable(Exception):
    """Why a file is no notebook that can be graded."""


@dataclass(frozen=True)
class Submission:
    """One notebook that was handed in.

    Attributes:
        student: a name fit for a folder; from Moodle and Canvas it ends in the number
            by which they know the student.
        assignment: such as 02_gradient_flow; "" where the notebook has no exercise.
    """

    student: str
    assignment: str
    path: Path


def found_in(folder: Path, course: dict[str, dict]) -> list[Submission]:
    """The submissions in a folder, of each student's to an assignment the newest.

    Args:
        course: exercises by assignment, as in course.json.
    """
    newest: dict[tuple[str, str], Submission] = {}
    for path in sorted(folder.rglob("*.ipynb"), key=_changed):
        within = path.relative_to(folder)
        if path.is_symlink() or any(p.startswith(".") for p in within.parts):
            continue
        one = Submission(student_of(within), assignment_of(path, course), path)
        key = one.student, one.assignment or within.parts[-1]
        if before := newest.get(key):
            print(f"{one.student}: {path.name} takes the place of {before.path.name}")
        newest[key] = one
    names = {one.assignment for one in newest.values()} - {""}
    every = newest.values()
    if len(names) == 1:  # then what says nothing, or cannot be read, is meant for it
        every = [replace(one, assignment=next(iter(names))) for one in every]
    return sorted(every, key=lambda one: (one.assignment, one.student))


def _changed(path: Path) -> tuple[float, str]:
    return path.lstat().st_mtime, str(path)


def student_of(path: Path) -> str:
    """Whose a notebook is, by its place in the folder."""
    name = path.parts[0] if len(path.parts) > 1 else path.stem
    pattern = MOODLE if len(path.parts) > 1 else CANVAS
    if match := pattern.match(name):
        name = f"{match['name']}_{match['id']}"
    return re.sub(r"[^\w.@+() -]", "-", name).strip(". ") or "nobody"


def assignment_of(path: Path, course: dict[str, dict]) -> str:
    """The assignment most of whose exercises stand in a notebook."""
    try:
        cells = read(path).cells
    except Unreadable:
        cells = []
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    numbers = set(HEADING.findall(text))
    counts = {name: len(numbers & set(listed)) for name, listed in course.items()}
    best = max(counts, key=lambda name: counts[name], default="")
    if best and counts[best]:
        return best
    places = [part for part in (*path.parts[:-1], path.stem) if part in course]
    return places[-1] if places else ""


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
