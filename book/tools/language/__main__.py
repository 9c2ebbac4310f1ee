"""Refuse wording that the book does without: `python -m book.tools.language`."""

import sys
from pathlib import Path

from book.tools.language import habits, texts

ROOT = Path(__file__).resolve().parents[3]


def complaints(root: Path) -> list[str]:
    """Each habit that some text shows: the place, the words, the better form."""
    said = []
    for text in texts.texts(root):
        for offset, words, habit in habits.found(text.words):
            said.append(
                f"{text.where(offset)}: {words!r}: {habit.why}. Write: {habit.better}."
            )
    return said


def main() -> None:
    if said := complaints(ROOT):
        sys.exit("\n".join([*said, f"{len(said)} places read as translated."]))
    print("The wording is as the book has it.")


if __name__ == "__main__":
    main()
