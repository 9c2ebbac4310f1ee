"""Exercises with other numbers: which ones a seed picks, and their sealed answers.

An exercise's metadata may say `"vary": {"0.3": ["0.2", "0.25"]}`: wherever the token
0.3 stands alone, in its text and in its solution, it may be replaced by one of the
others. A seed picks for each exercise one of these for every token, never the book's
own, the same on every machine. The answers then come from running the varied solutions,
on the code that the exercises stand on, and are kept in a cache, by what was run.
"""

import copy
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from book.tools.course.exercises.coursework import Coursework
from book.tools.course.exercises.slicing import names_of

ROOT = Path(__file__).resolve().parents[4]
CACHE = ROOT / "_build" / "course-cache"
RUNNER = Path(__file__).with_name("run_solutions.py")

Choices = dict[str, dict[str, str]]  # by exercise: token -> what replaces it


def pick(seed: str, id: str, vary: dict[str, list[str]]) -> dict[str, str]:
    """What a seed makes of an exercise's tokens. Neighbouring numbers as seeds, such as
    two years, make different ones, wherever an exercise has more than one alternative.
    """
    others = alternatives(vary)
    if not others:
        return {}
    mixed = sorted(others, key=lambda one: _number(f"{id}\n{one}"))
    place = int(seed) if re.fullmatch(r"-?\d+", seed) else _number(seed)
    return mixed[(place + _number(id)) % len(mixed)]


def _number(text: str) -> int:
    """A large number that depends on all of the text, the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def alternatives(vary: dict[str, list[str]]) -> list[dict[str, str]]:
    """All that a seed can make of an exercise's tokens; each of them is replaced."""
    if not vary:
        return []
    options = itertools.product(*vary.values())
    return [dict(zip(vary, option, strict=True)) for option in options]


def replace(text: str, picked: dict[str, str]) -> str:
    """The text with each token replaced, all at once, where it stands alone."""
    if not picked:
        return text
    longest = sorted(picked, key=len, reverse=True)
    return re.sub("|".join(map(_alone, longest)), lambda m: picked[m[0]], text)


def occurs(token: str, text: str) -> bool:
    """Whether the token stands alone somewhere in the text."""
    return re.search(_alone(token), text) is not None


def _alone(token: str) -> str:
    """A pattern for a token that is no part of a longer number or name."""
    before = r"(?<!\w)(?<!\d\.)(?<!\d[eE][-+])" if re.match(r"\w", token) else ""
    after = r"(?!\w)(?!\.\d)" if re.search(r"\w$", token) else ""
    return before + re.escape(token) + after


def apply(nb, choices: Choices):
    """A chapter with the choices made in its exercises and their solutions."""
    nb, picked = copy.deepcopy(nb), {}
    for cell in nb.cells:
        if about := cell.metadata.get("ntkbook", {}).get("exercise"):
            picked = choices.get(about["id"], {})
        if picked:
            cell.source = replace(cell.source, picked)
            if cell.cell_type == "code":
                cell.outputs = []
        if re.search(r"\{solution-end\}", cell.source):
            picked = {}
    return nb


def leans_on(work: Coursework) -> dict[str, list[str]]:
    """For each exercise, the earlier ones whose solutions its own solution uses."""
    made, found = {}, {}
    for exercise in work.exercises:
        names = names_of(exercise.sealing)
        used = {made[n] for n in (names.loads | names.late) & set(made)}
        before = {i for id in used for i in [id, *found[id]]}
        found[exercise.id] = [e.id for e in work.exercises if e.id in before]
        made |= dict.fromkeys(names.binds, exercise.id)
    return found


def affected(work: Coursework, choices: Choices) -> list[str]:
    """The computing exercises whose answers are not the book's with these choices."""
    before = leans_on(work)
    return [
        e.id
        for e in work.exercises
        if e.kind == "compute" and any(choices.get(i) for i in [e.id, *before[e.id]])
    ]


def records(work: Coursework, choices: Choices) -> dict[str, dict]:
    """The sealed records of the answers that change with these choices.

    Args:
        work: the chapter's coursework, with the book's numbers.

    Raises:
        ValueError: if a solution fails with the numbers that it was given.
    """
    code, before = {e.id: e.sealing for e in work.exercises}, leans_on(work)
    jobs: dict[str, list[str]] = {}  # by what is run
    keys = {}
    for id in affected(work, choices):
        steps = [*before[id], id]
        run = [replace(code[i], choices.get(i, {})) for i in steps]
        keys[id] = _digest([_library(), *work.basis, *run])
        jobs[keys[id]] = run
    _seal(work, {key: run for key, run in jobs.items() if not _cached(key).exists()})
    return {id: json.loads(_cached(key).read_text("utf-8")) for id, key in keys.items()}


def _seal(work: Coursework, jobs: dict[str, list[str]]) -> None:
    """Run the solutions, all of a chapter in one process, and keep what they seal."""
    if not jobs:
        return
    with tempfile.TemporaryDirectory() as folder:
        task, result = Path(folder, "task.json"), Path(folder, "result.json")
        task.write_text(json.dumps({"basis": work.basis, "jobs": jobs}))
        done = subprocess.run(
            [sys.executable, "-P", RUNNER, task, result],
            cwd=folder,
            env=os.environ | {"MPLBACKEND": "agg", "TQDM_DISABLE": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ValueError(
                f"{work.name}: a solution with other numbers fails: {last}"
            )
        CACHE.mkdir(parents=True, exist_ok=True)
        for key, record in json.loads(result.read_text()).items():
            part = _cached(key).with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(record), encoding="utf-8")
            part.rename(_cached(key))


def _cached(key: str) -> Path:
    return CACHE / f"{key}.json"


def _digest(texts: list[str]) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _library() -> str:
    """A digest of ntkbook: answers are made again when it changes."""
    files = sorted((ROOT / "ntkbook").rglob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
