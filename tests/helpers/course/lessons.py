"""Which chapters have slides, and which a lesson plan.

`book/course.toml` says which have none yet. The chapters are those of the table of
contents, so that a new one cannot be forgotten.
"""

from pathlib import Path

from book.tools import files
from book.tools.course import syllabus

ROOT = Path(__file__).parents[3]


def folder(what: str) -> Path:
    """Where the files for each chapter are."""
    return ROOT / "book" / what


def expected(what: str) -> list[str]:
    """The numbers of the chapters that have `what`, "slides" or "teaching"."""
    missing = syllabus.lacking(syllabus.plan(ROOT / "book" / "course.toml"), what)
    return [name[:2] for name in files.chapters(ROOT) if name[:2] not in missing]


def problems(what: str, expected: list[str], there: list[str]) -> list[str]:
    """What does not agree, each in a line that says what to do."""
    lines = [
        f"Chapter {number} has no book/{what}/{number}.md; write it, or say "
        f'lacks = ["{what}"] in book/course.toml'
        for number in sorted(set(expected) - set(there))
    ]
    return lines + [
        f"book/{what}/{number}.md is of no chapter that says it has one"
        for number in sorted(set(there) - set(expected))
    ]


def found(what: str) -> list[str]:
    """The numbers of the files that are there."""
    return sorted(path.stem for path in folder(what).glob("[0-9][0-9].md"))
