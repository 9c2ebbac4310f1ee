"""Run solutions and write down what they seal; started by `variants`.

    python -m book.tools.course.exercises.run_solutions TASK.json RESULT.json

The task holds the code that the exercises stand on, which runs once, and lists of
solutions; each list starts from what that code has left, and its last call of `key`
is the result.
"""

import json
import sys
import traceback
import warnings
from pathlib import Path

from ntkbook import page
from ntkbook.page import exercises


def run(task: dict) -> dict[str, tuple[dict, object]]:
    """The sealed record of each job, and the answer itself, by the job's name."""
    sealed, real = [], exercises.key

    def key(*args, **more):
        sealed.append((real(*args, **more).record, args[1]))
        return sealed[-1]

    exercises.key = page.key = key
    names = {"__name__": "__main__", "display": lambda *shown, **more: None}
    try:
        for code in task["basis"]:
            exec(compile(code, "chapter", "exec"), names)
        start, found = dict(names), {}
        for job, solutions in task["jobs"].items():
            for code in solutions:
                exec(compile(code, "solution", "exec"), names)
            found[job] = sealed[-1]
            # Functions of the chapter look their names up here: it must be this dict.
            names.clear()
            names.update(start)
    finally:
        exercises.key = page.key = real
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    task, result = map(Path, sys.argv[1:])
    try:
        found = run(json.loads(task.read_text(encoding="utf-8")))
    except Exception as error:
        traceback.print_exc()
        sys.exit(f"{type(error).__name__}: {error}")
    records = {job: record for job, (record, _) in found.items()}
    result.write_text(json.dumps(records), encoding="utf-8")


if __name__ == "__main__":
    main()
