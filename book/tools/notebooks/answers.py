"""Collect the exercises' sealed answers: `python -m book.tools.notebooks.answers`.

Each computing exercise's solution ends with `key(...)`, whose output in the notebook is
the sealed record. This gathers the records into `answers.json` in
`ntkbook/page/exercises/`, where `ntkbook.page.check` finds them. With `--check` it only
says whether that file is stale.
"""

import argparse
import json
import sys
from pathlib import Path

from ntkbook.page.exercises import ANSWERS, MIME

ROOT = Path(__file__).resolve().parents[3]


def collect(notebooks: list[Path]) -> dict[str, dict]:
    """Every sealed record in the outputs of these notebooks, by the exercise's id.

    Raises:
        ValueError: if two cells seal the same exercise.
    """
    found = {}
    for path in notebooks:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                if sealed := output.get("data", {}).get(MIME):
                    record = dict(sealed)
                    id = record.pop("id")
                    if id in found:
                        raise ValueError(f"{path.name}: exercise {id} is sealed twice")
                    found[id] = record
    return found


def text_of(records: dict[str, dict]) -> str:
    """The contents of `answers.json`: one exercise per line, for short diffs."""
    lines = [f"{json.dumps(id)}: {json.dumps(r)}" for id, r in sorted(records.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n" if lines else "{}\n"


def is_stale(notebooks: list[Path], answers: Path = ANSWERS) -> bool:
    """Whether `answers.json` differs from what the notebooks hold."""
    stored = json.loads(answers.read_text(encoding="utf-8")) if answers.exists() else {}
    return stored != collect(notebooks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say if it is stale")
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if parser.parse_args().check:
        if is_stale(notebooks):
            sys.exit("ntkbook/page/exercises/answers.json is stale; run: make answers")
        return
    records = collect(notebooks)
    ANSWERS.write_text(text_of(records), encoding="utf-8")
    print(f"{len(records)} sealed answers: {', '.join(sorted(records)) or 'none'}")


if __name__ == "__main__":
    main()
