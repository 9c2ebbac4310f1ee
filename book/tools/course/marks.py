"""The marks of a class: `python -m book.tools.course.marks ASSIGNMENT`.

They come from nbgrader's gradebook, with what was given there by hand, and go to
COURSE/marks/ASSIGNMENT.csv: for each student the points of each exercise, their sum,
what was possible (the same for all) and how many answers still wait for a reader.

    --without 2.3 2.5        leave these exercises out, for everyone, from now on;
                             without a number, none
    --into FILE              fill the marks into a table of Canvas's or Moodle's
    --feedback FILE.zip      pack the pages that `nbgrader generate_feedback` wrote
"""

import argparse
import csv
import json
import re
import sys
from pathlib import Path

from book.tools.course import lms

COURSE = Path("_build", "course")  # of the repository in whose folder this runs
NOT_GRADED = "not graded"
STRANGE = "no exercise of this course is in it, so it was not graded"


def about(course: Path) -> dict:
    """What `make course` wrote down about the course.

    Raises:
        ValueError: if there is none.
    """
    file = Path(course) / "course.json"
    if not file.exists():
        raise ValueError(f"there is no course in {course}; `make course` writes one")
    return json.loads(file.read_text(encoding="utf-8"))


def points_of(folder: Path, assignment: str, student: str) -> dict[str, dict]:
    """A student's points by graded cell, as they stand in nbgrader's gradebook."""
    from nbgrader.api import Gradebook, MissingEntry

    url = f"sqlite:///{folder / 'gradebook.db'}?timeout=60"
    with Gradebook(url, "ntkbook") as book:
        try:
            submission = book.find_submission(assignment, student)
        except MissingEntry:
            return {}
        return {
            grade.name: {
                "score": grade.score,
                "max": grade.max_score,
                "by hand": bool(grade.needs_manual_grade),
            }
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def exercise_of(cell: str) -> str:
    """The exercise that a graded cell belongs to.

    >>> exercise_of("right-2-3")
    '2.3'
    """
    return cell.partition("-")[2].replace("-", ".")


def summary(points: dict[str, dict], listed: dict[str, dict]) -> dict:
    """A student's points by exercise, their sum, and what is possible.

    Args:
        listed: the exercises that count, as in course.json. Only they decide on what
            is possible, not what a student has left blank.
    """
    scores, waiting = dict.fromkeys(listed, 0.0), set()
    for cell, point in points.items():
        if (id := exercise_of(cell)) in scores:
            scores[id] += point["score"] or 0
            waiting |= {id} if point["by hand"] else set()
    machine = [id for id, one in listed.items() if one["kind"] == "compute"]
    return {
        "points": sum(scores.values()),
        "possible": sum(one["points"] for one in listed.values()),
        "by machine": sum(scores[id] for id in machine),
        "possible by machine": sum(listed[id]["points"] for id in machine),
        "waiting": len(waiting),
        "exercises": scores,
    }


def line(assignment: str, result: dict) -> str:
    """One line on one submission that was graded by machine."""
    points, who = result["points"], f"{assignment}, {result['student']}"
    if reason := result["notes"].get(NOT_GRADED):
        return f"{who}: 0, not graded: {reason}"
    machine = [p for c, p in points.items() if c.startswith(("form", "right"))]
    got, most = (sum(p[part] or 0 for p in machine) for part in ("score", "max"))
    waiting = sum(p["by hand"] for p in points.values())
    text = f"{who}: {got:g} of {most:g} by machine"
    if waiting:
        text += f", {waiting} answers to be graded by hand"
    if dead := [n for n in result["notes"].values() if "kernel died" in n]:
        text += f"; {dead[0]}"
    return text


def table_of(course: Path, assignment: str) -> Path:
    return Path(course) / "marks" / f"{assignment}.csv"


def results_of(course: Path, assignment: str) -> dict[str, dict]:
    """What the grading of each submission left, by student."""
    folder = Path(course) / "nbgrader" / "results" / assignment
    found = [json.loads(p.read_text("utf-8")) for p in sorted(folder.glob("*.json"))]
    return {one["student"]: one for one in found}


def left_out(course: Path, assignment: str, without: list[str] | None) -> list[str]:
    """The exercises that do not count: those given, which are written down, or else
    those written down before."""
    file = Path(course) / "marks" / "without.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if without is not None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(kept | {assignment: without}), encoding="utf-8")
        return without
    return kept.get(assignment, [])


def write(
    course: Path, assignment: str, without: list[str] | None = None
) -> list[dict]:
    """Write the table of marks; returns its rows.

    Args:
        without: exercises to leave out now and later; None for those of the last time.

    Raises:
        ValueError: for an assignment or an exercise that the course does not have.
    """
    course = Path(course)
    assignments = about(course)["assignments"]
    if assignment not in assignments:
        raise ValueError(
            f"the course has no {assignment}; it has {', '.join(assignments)}"
        )
    listed = assignments[assignment]
    if unknown := sorted(set(without or []) - set(listed)):
        raise ValueError(f"{assignment} has no exercise {', '.join(unknown)}")
    without = left_out(course, assignment, without)
    listed = {id: one for id, one in listed.items() if id not in without}
    rows = []
    for student, result in results_of(course, assignment).items():
        notes = dict(result["notes"])
        points = {}
        if NOT_GRADED not in notes:
            points = points_of(course / "nbgrader", assignment, student)
        found = summary(points, listed)
        scores = {id: f"{score:g}" for id, score in found.pop("exercises").items()}
        notes = "; ".join(f"{k}: {v}" for k, v in notes.items())
        rows.append({"student": student, **found, **scores, "notes": notes})
    path = table_of(course, assignment)
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]) if rows else ["student"])
        table.writeheader()
        table.writerows({k: safe(v) for k, v in row.items()} for row in rows)
    return rows


def safe(value):
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and re.match(r"[=+@\t]|-(?!\d)", value):
        return f"'{value}"
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("assignment", help="such as 02_gradient_flow")
    parser.add_argument("--course", type=Path, default=COURSE)
    parser.add_argument("--without", nargs="*", metavar="N.N")
    parser.add_argument("--into", type=Path, metavar="FILE.csv")
    parser.add_argument("--feedback", type=Path, metavar="FILE.zip")
    given = parser.parse_args()
    try:
        rows = write(given.course, given.assignment, given.without)
        print(f"{len(rows)} students: {table_of(given.course, given.assignment)}")
        waiting = sum(row["waiting"] for row in rows)
        if waiting:
            print(f"{waiting} answers still wait to be graded by hand.")
        results = results_of(given.course, given.assignment)
        if given.into:
            print(lms.fill(given.into, given.assignment, rows, results))
        if given.feedback:
            print(lms.pack(given.feedback, given.course, given.assignment, results))
    except ValueError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
