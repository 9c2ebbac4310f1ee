"""What some tests need and a machine may lack: a browser, graders, an environment.

Where it is missing, the tests that need it are skipped, and the reason says how to get
it. Where CI is set they fail instead, so that green there means that everything ran.

Each run of pytest adds its skips to a file; this module, run as a program, prints them:

    python tests/needs.py            what was skipped, and how to get it
    python tests/needs.py --forget   begin a new list
"""

import importlib.util
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = Path("_build", "test", "skipped.txt")  # a line each: how many, and why


def that(met, what: str, get: str) -> None:
    """Skip the test, or a whole module from its top, unless `met`; in CI, fail it.

    Args:
        met: whether it is here.
        what: its name, for whoever reads the reason.
        get: the command, or the few words, that say how to get it.
    """
    if met:
        return
    reason = f"{what} is missing; get it with: {get}"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def program(*names: str, get: str) -> str:
    """The path of the first of these programs that is here."""
    found = next(filter(None, map(shutil.which, names)), None)
    that(found, names[0].capitalize(), get)
    return found


def package(name: str, get: str) -> None:
    """Need a package of Python, without importing it."""
    that(importlib.util.find_spec(name), f"The package {name}", get)


def file(path: Path, what: str, get: str) -> Path:
    """The path of a file that something outside the tests makes."""
    that(path.exists(), what, get)
    return path


def pytest_terminal_summary(terminalreporter):
    """Note what was skipped in this run; conftest.py makes a hook of this."""
    reasons = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        # A report's place is its file, line and reason.
        reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1
    if reasons:
        path = terminalreporter.config.rootpath / SKIPPED
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            for reason, count in reasons.items():
                file.write(f"{count} {' '.join(reason.split())}\n")


def noted(path: Path) -> list[str]:
    """What the runs since the last --forget have skipped, a line for each reason."""
    if not path.exists():
        return []
    counts = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        count, reason = line.split(" ", 1)
        counts[reason] += int(count)
    # A module that is skipped as a whole counts as one.
    return [f"Skipped ({count}): {reason}" for reason, count in counts.items()]


if __name__ == "__main__":
    if "--forget" in sys.argv[1:]:
        (ROOT / SKIPPED).unlink(missing_ok=True)
    else:
        print(*noted(ROOT / SKIPPED) or ["Nothing was skipped."], sep="\n")
