"""Tables for instructors: all exercises, and courses of 6 and 12 weeks.

They are made from the exercises' metadata in the chapters and from `book/course.toml`,
so that they cannot say something else than the chapters do.
"""

import json
import re
import tomllib
from pathlib import Path

from book.tools.course.exercises.variants import alternatives
from book.tools.files import NOTEBOOKS, is_project, number_of
from book.tools.sphinx.parsed import list_table

KINDS = ("think", "compute", "explore")
WORDS = 200  # a minute; a proof's take twice as long
SECONDS = {"formula": 30, "code": 20, "figure": 30}  # code is skimmed
FENCED = re.compile(r"(?ms)^(`{3,}|:{3,})\{([\w:-]+)\}([^\n]*)\n(.*?)^\1[ \t]*$")


def exercises(notebooks: Path) -> dict[str, dict]:
    """Each chapter by its number ("02"): title, name and exercises, in order; of a
    project, also the minutes of its milestones."""
    found = {}
    for path in sorted(Path(notebooks).glob(NOTEBOOKS)):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        title = re.search(r"(?m)^# (.+)$", "".join(cells[0]["source"]))[1]
        listed = []
        for cell in cells:
            if about := cell["metadata"].get("ntkbook", {}).get("exercise"):
                text = "".join(cell["source"])
                label = re.search(r"(?m)^:label:\s*(\S+)", text)
                listed.append(about | {"label": label[1] if label else ""})
        # A milestone is a row of a table: | 1. Claim | what to hand in | 60 |
        milestones = [
            int(minutes)
            for cell in cells
            for minutes in re.findall(
                r"(?m)^\| \d+\. .*\| *(\d+) *\|$", "".join(cell["source"])
            )
        ]
        found[path.name[:2]] = {
            "name": path.stem,
            "title": title,
            "exercises": listed,
            "minutes": sum(milestones),
            "reading": reading_minutes(cells),
        }
    return found


def reading_minutes(cells: list[dict]) -> int:
    """How long a chapter takes to read, `unrounded_minutes` to five minutes."""
    return 5 * round(unrounded_minutes(cells) / 5)


def unrounded_minutes(cells: list[dict]) -> float:
    """How long a chapter takes to read, without its exercises.

    200 words a minute, 100 in a proof; half a minute for a displayed formula and for a
    figure; twenty seconds for a cell of code that is not folded away. What is folded
    (long proofs, asides) is left out.
    """
    seconds = 0.0
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            tags = cell["metadata"].get("tags", [])
            shown = not any(tag.startswith(("hide-", "remove-")) for tag in tags)
            seconds += SECONDS["code"] * shown
            seconds += SECONDS["figure"] * (
                "figure" in cell["metadata"].get("mystnb", {})
            )
        elif re.search(r"(?m)^## Exercises", source):
            break
        else:
            seconds += _seconds_of_text(source)
    return seconds / 60


def _seconds_of_text(text: str, slowly: int = 1) -> float:
    seconds = 0.0
    for _, name, title, body in FENCED.findall(text):
        if name != "dropdown" and not re.search(r"(?m)^:class:.*dropdown", body):
            twice = 2 if name == "prf:proof" else 1
            seconds += _seconds_of_text(f"{title}\n{body}", twice)
    text = FENCED.sub("", text)
    text, formulas = re.subn(r"(?s)\$\$.*?\$\$", "", text)
    words = len(re.sub(r"\$[^$]+\$", "x", text).split())
    return seconds + SECONDS["formula"] * formulas + slowly * 60 * words / WORDS


def plan(file: Path) -> dict:
    """`book/course.toml`, checked.

    Raises:
        ValueError: if a course reads a chapter before one that it needs, or leaves one
            out.
    """
    plan = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    needs = {chapter["name"][:2]: chapter["needs"] for chapter in plan["chapter"]}
    for length, course in plan["course"].items():
        weeks, read = course["weeks"], []
        if len(weeks) != int(length):
            raise ValueError(f"course of {length} weeks: {len(weeks)} are listed")
        for chapter in [chapter for week in weeks for chapter in week]:
            if chapter not in needs:
                raise ValueError(f"course of {length} weeks: no chapter {chapter!r}")
            if missing := set(needs[chapter]) - set(read):
                raise ValueError(
                    f"course of {length} weeks: Chapter {chapter} needs "
                    f"{', '.join(sorted(missing))} first"
                )
            read.append(chapter)
        if left_out := sorted(set(needs) - set(read)):
            raise ValueError(f"course of {length} weeks: without {left_out}")
    return plan


def lacking(plan: dict, what: str) -> list[str]:
    """The chapters that say in `course.toml` that they do not have `what` yet.

    >>> lacking({"chapter": [{"name": "01"}, {"name": "02", "lacks": ["slides"]}]},
    ...         "slides")
    ['02']
    """
    return [c["name"] for c in plan["chapter"] if what in c.get("lacks", [])]


def still_to_write(plan: dict) -> str:
    """What lessons lack, as a sentence; nothing where they lack nothing.

    >>> still_to_write({"chapter": [{"name": "08", "lacks": ["slides", "teaching"]}]})
    'Still to be written: slides (Chapter 8); lesson plan and questions (Chapter 8).'
    """
    parts = []
    for what, words in (
        ("slides", "slides"),
        ("teaching", "lesson plan and questions"),
    ):
        if numbers := lacking(plan, what):
            named = ", ".join(f"Chapter {number_of(number)}" for number in numbers)
            parts.append(f"{words} ({named})")
    return f"Still to be written: {'; '.join(parts)}." if parts else ""


def weeks(plan: dict, chapters: dict[str, dict], length: int) -> list[dict]:
    """Each week of a course: what is read, and the exercises set.

    Exercises come in the order of the book. A chapter that is read in several weeks
    spreads its exercises over them. Where a week has no room for all, the longest of
    the kind that is there most is left for who wants more.
    """
    course = plan["course"][str(length)]
    listed, total = course["weeks"], len(course["weeks"])
    left = {number: list(found["exercises"]) for number, found in chapters.items()}
    made = []
    for i in range(total):
        chosen, minutes = [], 0
        for place, number in enumerate(listed[i]):
            again = sum(number in week for week in listed[i + 1 :])
            first = not any(number in week for week in listed[:i])
            minutes += chapters[number]["reading"] if first else 0
            room = course["minutes"] / len(listed[i]) * (place + 1)
            chosen += _fill(left[number], room - _sum(chosen), 1 + again)
        made.append(
            {
                "week": i + 1,
                "chapters": listed[i],
                "reading": minutes,
                "exercises": chosen,
                "minutes": _sum(chosen),
                "project": course.get("projects", {}).get(str(i + 1)),
            }
        )
    return made


def _fill(left: list[dict], room: float, shares: int) -> list[dict]:
    """Take a part of the exercises that are left, of all kinds, as the room allows."""
    share = left[: -(-len(left) // shares)]
    while share and _sum(share) > room:
        counts = {kind: sum(e["kind"] == kind for e in share) for kind in KINDS}
        most = max(counts.values())
        many = [e for e in share if counts[e["kind"]] == most]
        share.remove(max(many, key=lambda e: (e["minutes"], e["difficulty"])))
    del left[: -(-len(left) // shares)]
    return share


def _sum(exercises: list[dict]) -> int:
    return sum(e["minutes"] for e in exercises)


def syllabus_table(plan: dict, chapters: dict[str, dict], length: int) -> str:
    """The weeks of a course, as MyST."""
    rows = [["Week", "Read", "Minutes", "Exercises, and what they are for"]]
    for week in weeks(plan, chapters, length):
        read = [
            f"[Chapter {number_of(n)}](../notebooks/{chapters[n]['name']}.ipynb): "
            f"{chapters[n]['title'].rpartition(': ')[0] or chapters[n]['title']}"
            for n in week["chapters"]
        ]
        tasks = [
            f"{{ref}}`Exercise {e['id']} <{e['label']}>`: {e['outcome'].rstrip('.')} "
            f"({e['kind']}, {e['minutes']}\u00a0min)"
            for e in week["exercises"]
        ]
        minutes = week["minutes"]
        if project := chapters.get(week["project"]):
            read.append(f"{{doc}}`/notebooks/{project['name']}`")
            tasks.append("The project, alone or in pairs")
            minutes += project["minutes"]
        rows.append(
            [
                week["week"],
                "<br>".join(read) or "–",
                f"{week['reading']} + {minutes}",
                "<br>".join(tasks) or "What is left of the chapters' exercises",
            ]
        )
    return _table(f"A course of {length} weeks", rows, "8 32 12 48")


def exercises_table(chapters: dict[str, dict]) -> str:
    """All exercises, as MyST."""
    every = [e for chapter in chapters.values() for e in chapter["exercises"]]
    projects = [c["minutes"] for c in chapters.values() if is_project(c["name"])]
    own = [e for c in chapters.values() if not is_project(c["name"])
           for e in c["exercises"]]  # fmt: skip
    counts = ", ".join(f"{sum(e['kind'] == k for e in own)} {k}" for k in KINDS)
    text = (
        f"{len(own)} exercises ({counts}), about {_sum(own) / 60:.0f} hours, and "
        f"{len(projects)} projects, about {sum(projects) / 60:.0f} hours.\n\n"
    )
    rows = [["Exercise", "Outcome", "Kind", "Difficulty", "Minutes", "Variants"]]
    for e in every:
        varied = len(alternatives(e.get("vary", {})))
        about = e["outcome"], e["kind"], e["difficulty"], e["minutes"]
        name = f"{{ref}}`{e['id']} <{e['label']}>`"
        rows.append([name, *about, varied or "–"])
    return text + _table("All exercises", rows, "10 46 14 10 10 10")


def _table(title: str, rows: list[list], widths: str) -> str:
    options = {"widths": widths, "class": "ntk-course"}
    return "\n".join(list_table(title, rows, **options)) + "\n"
