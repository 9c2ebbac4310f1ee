"""Marks and feedback in the form in which Canvas and Moodle take them.

Both can hand out a table with a row for each student and take it back filled in:
Canvas's *Export Gradebook*, Moodle's *Download grading worksheet*. And both take files
with feedback back in a zip file, under the names that the submissions had in theirs.
"""

import csv
import re
import zipfile
from pathlib import Path

# Where a table says who a student is: Canvas's columns, and Moodle's.
WHO = ("ID", "SIS User ID", "SIS Login ID", "Identifier", "Email address", "ID number")
WHO += ("Username", "Student", "Full name")


def names_of(row: dict[str, str]) -> set[str]:
    """All that a row of a table calls a student, in small letters."""
    found = {(row.get(column) or "").strip().lower() for column in WHO}
    found |= {name.removeprefix("participant ") for name in found}
    found |= {name.partition("@")[0] for name in found if "@" in name}
    for name in list(found):  # Lee, Ann
        last, comma, first = name.partition(", ")
        found |= {f"{first} {last}"} if comma else set()
    return found - {""}


def fill(file: Path, assignment: str, rows: list[dict]) -> str:
    """Fill the marks into a table from Canvas or Moodle, beside it; says what was done.

    Raises:
        ValueError: if there is no such table, or no column for the marks.
    """
    if not file.is_file():
        raise ValueError(f"there is no table {file}")
    with file.open(newline="", encoding="utf-8-sig") as opened:
        reader = csv.DictReader(opened)
        columns, table = list(reader.fieldnames or []), list(reader)
    column = column_for(columns, assignment)
    by_name: dict[str, dict] = {}
    for row in rows:
        by_name[row["student"].lower()] = row
        if number := re.search(r"_(\d+)$", row["student"]):
            by_name[number[1]] = row
    filled = set()
    for line in table:
        if found := [by_name[name] for name in names_of(line) if name in by_name]:
            line[column] = f"{found[0]['points']:g}"
            filled.add(found[0]["student"])
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
                handed_in = Path(result["from"])
                name = f"{handed_in.stem}.html"
                if "_assignsubmission_" in handed_in.parent.name:  # Moodle's
                    name = f"{handed_in.parent.name}/{name}"
                elif not re.match(r"[^_]+_(late_)?\d+_\d+_", handed_in.name):
                    name = f"{student}/{assignment}.html"
                packed.write(page, name)
                count += 1
    if not count:
        file.unlink()
        raise ValueError(
            f"no feedback yet: run `nbgrader generate_feedback {assignment}` in "
            f"{Path(course) / 'nbgrader'} first"
        )
    return f"{count} pages of feedback: {file}"
