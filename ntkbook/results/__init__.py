"""Stored results of runs too long for a page, with their provenance."""

import json
from datetime import date
from pathlib import Path

from ntkbook.machine.whole_files import replacing
from ntkbook.validation import checks

__all__ = ["keep", "stored"]

FOLDER = Path(__file__).parent


def stored(name: str) -> dict:
    """Return a stored run: its results, and under ``"provenance"`` where they are from.

    Raises:
        ValueError: there is no such run, or its file is damaged.

    Example:
        >>> run = stored("04_images")
        >>> run["provenance"]["command"]
        'make run RUN=04_images'
    """
    checks.one_of("name", name, sorted(p.stem for p in FOLDER.glob("*.json")))
    path = FOLDER / f"{name}.json"
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}); restore it: git checkout {path}"
        ) from error


def keep(name: str, results: dict) -> Path:
    """Store a run's results, with the day, where the chapters find them."""
    results["provenance"]["date"] = date.today().isoformat()
    path = FOLDER / f"{name}.json"
    with replacing(path) as file:
        file.write(json.dumps(results, indent=1) + "\n")
    return path
