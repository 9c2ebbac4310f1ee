"""Marks and feedback in the form in which Canvas and Moodle take them.

Both can hand out a table with a row for each student and take it back filled in:
Canvas's *Export Gradebook*, Moodle's *Download grading worksheet*. And both take files
with feedback back in a zip file, under the names that the submissions had in theirs.
"""

import csv
import re
import zipfile
from pathlib import Path

from book.tools.course.submissions import as_packed, known_by

# Where a table says who a student is: by the number that stands in the names of
# files, in Canvas's table and in Moodle's; and by other names.
NUMBER = ("ID", "Identifier")
WHO = ("SIS User ID", "SIS Login ID", "Email address", "ID number")
WHO += ("Username", "Student", "Full name")


def numbers_of(row: dict[str, str]) -> set[str]:
    """The number by which the platform knows a row's student."""
    found = {(row.get(column) or "").strip().lower() for column in NUMBER}
    return {number.removeprefix("participant ") for number in found} - {""}


def names_of(row: dict[str, str]) -> set[str]:
    """All else that a row of a table calls a student, in small letters."""
    found = {(row.get(column) or "").strip().lower() for column in WHO}
    found |= {name.partition("@")[0] for name in found if "@" in name}
    for name in list(found):  # Lee, Ann
        last, comma, first = name.partition(", ")
        found |= {f"{first} {last}"} if comma else set()
    return found - {""}


def fill(file: Path, assignment: str, rows: list[dict], results: dict) -> str:
    """Fill the marks into a copy of a table from Canvas or Moodle; says what was done.

    Args:
        rows: the table of marks.
        results: what the grading left, by student: it says where a file came from.

    Raises:
        ValueError: if there is no such table, or no column for the marks, or a mark
            or a row that is not one student's alone.
    """
    if not file.is_file():
        raise ValueError(f"there is no table {file}")
    with file.open(newline="", encoding="utf-8-sig") as opened:
        reader = csv.DictReader(opened)
        columns, table = list(reader.fieldnames or []), list(reader)
    column = column_for(columns, assignment)
    filled: set[str] = set()
    whose: dict[int, str] = {}
    for row in rows:
        student = row["student"]
        known = known_by(Path(results[student]["from"]))
        name = known[1] if known else student.lower()
        for place, line in enumerate(table):
            called = numbers_of(line) if known else numbers_of(line) | names_of(line)
            if name not in called:
                continue
            if student in filled:
                raise ValueError(f"{file}: two rows fit {student}; rename the student")
            if place in whose:
                raise ValueError(
                    f"{file}: one row fits two students, {whose[place]} and {student}"
                )
            filled.add(student)
            whose[place] = student
            line[column] = f"{row['points']:g}"
    out = file.with_name(f"{file.stem}-filled.csv")
    with out.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, columns)
        writer.writeheader()
        writer.writerows(table)
    text = f"{len(filled)} marks in column {column!r}: {out}"
    if left := sorted({row["student"] for row in rows} - filled):
        text += f"; in no row of the table: {', '.join(left)}"
    return text


def column_for(columns: list[str], assignment: str) -> str:
    """Moodle's "Grade"; or Canvas's "NAME (12345)", whose name has the assignment's."""
    if "Grade" in columns:
        return "Grade"
    words = re.sub(r"\W|_", "", assignment).lower()
    for column in columns:
        name = re.sub(r"\(\d+\)$", "", column)
        if re.sub(r"\W|_", "", name).lower() in (words, words.lstrip("0")):
            return column
    raise ValueError(
        f"the table has no column Grade (Moodle) or {assignment} (Canvas); it has "
        + ", ".join(columns)
    )


def pack(file: Path, course: Path, assignment: str, results: dict[str, dict]) -> str:
    """Pack the pages with feedback under the names of the submissions; says what.

    Raises:
        ValueError: if nbgrader has not written them yet.
    """
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for student, result in results.items():
            folder = Path(course) / "nbgrader" / "feedback" / student / assignment
            page = folder / f"{assignment}.html"
            if page.exists():
                name = as_packed(Path(result["from"])) or Path(student, assignment)
                packed.write(page, name.with_name(f"{name.stem}.html"))
                count += 1
    if not count:
        file.unlink()
        raise ValueError(
            f"no feedback yet: run `nbgrader generate_feedback {assignment}` in "
            f"{Path(course) / 'nbgrader'} first"
        )
    return f"{count} pages of feedback: {file}"
