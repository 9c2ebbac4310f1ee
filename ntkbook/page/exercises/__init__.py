"""Exercises that check an answer: `check` for readers, `key` for authors.

A reader writes `check("1.3", answer)` and learns whether it is right or, for a mistake
that the author foresaw, what it looks like. No server, no login, no answer in sight:
`answers.json` holds only sealed boxes (see `sealing`).

An author ends an exercise's solution with `key("1.3", answer, mistakes={...})`, which
shows the sealed record as an output of the notebook; `make answers` gathers these
outputs into `answers.json`. An exercise with other numbers than the book's (see `make
course`) carries its own record in the notebook, as the text that `packed` makes of it.
"""

import base64
import json
import zlib
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import numpy as np

from ntkbook.page.exercises.sealing import (
    Malformed,
    as_array,
    grid,
    kind_of,
    lock,
    token,
    unlock,
)

MIME = "application/vnd.ntkbook.key+json"
ANSWERS = Path(__file__).with_name("answers.json")


@dataclass(frozen=True)
class Verdict:
    """What `check` found; true in an `if` when the answer is right.

    `formed` says whether the answer has the kind and the shape that is asked for.
    """

    id: str
    right: bool
    message: str
    formed: bool = True

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"Exercise {self.id}: {self.message}"

    def _repr_html_(self) -> str:
        # Sign and words say it; the line at the side only repeats them in colour.
        sign, colour = ("✓", "#009e73") if self.right else ("○", "#cc7a00")
        return (
            f'<p style="border-left:4px solid {colour};padding:.3em 0 .3em .8em">'
            f"<strong>{sign} Exercise {escape(self.id)}:</strong> "
            f"{escape(self.message)}</p>"
        )


@dataclass(frozen=True)
class Key:
    """A sealed record of one exercise, ready to be gathered into `answers.json`."""

    id: str
    record: dict

    def __repr__(self) -> str:
        hints = len(self.record["boxes"]) - 1
        return f"Exercise {self.id}: answer sealed; known mistakes: {hints}."

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/plain": repr(self), MIME: {"id": self.id} | self.record}


def check(id: str, answer, key: str | None = None) -> Verdict:
    """Say whether this is the right answer to an exercise, or what mistake it may be.

    Args:
        id: the exercise's number in the book, such as "1.3".
        answer: a number, a text, a bool, or an array of what the exercise asks for;
            from Python, NumPy or JAX.
        key: the sealed answer, for an exercise with other numbers than the book's;
            notebooks that have such exercises bring it along.

    Raises:
        ValueError: if the book has no such exercise to check, or the key is damaged.

    Example:
        >>> check("1.3", 2.0)  # doctest: +NORMALIZE_WHITESPACE
        Exercise 1.3: not yet, and not a mistake this book knows.
        Try a smaller case first.
    """
    if key is not None:
        return verdict(id, answer, unpacked(key))
    if id not in answers():
        known = ", ".join(sorted(answers(), key=_by_number)) or "none yet"
        raise ValueError(
            f"check: exercise {id!r} has no answer to check; these have: {known}"
        )
    return verdict(id, answer, answers()[id])


def verdict(id: str, answer, record: dict) -> Verdict:
    """`check` against a given record."""
    message = "not yet, and not a mistake this book knows. Try a smaller case first."
    formed = True
    for number, box in enumerate(record["boxes"]):
        try:
            text = unlock(box, token(answer, box["grid"]), _salt(id, number))
        except Malformed as problem:
            # Go on: a wrong shape can be a mistake that the author foresaw.
            if number == 0:
                message, formed = f"cannot be checked: {problem}.", False
            continue
        if text is not None and number == 0:
            return Verdict(id, True, "right.")
        if text is not None:
            return Verdict(id, False, f"not yet. {text}", formed)
    return Verdict(id, False, message, formed)


def key(
    id: str,
    answer,
    rel: int | float | None = None,
    abs: int | float | None = None,
    mistakes: dict[str, object] | None = None,
) -> Key:
    """Seal the answer to an exercise, and a hint for each typical mistake.

    Args:
        id: the exercise's number in the book, such as "1.3".
        answer: a number, text, bool or array (of at most 200 entries).
        rel: accept answers within `rel` of this one, relative to its size; for an
            array, to its largest entry. The default for real numbers is 1e-3.
        abs: accept answers within `abs` instead. Integers without a tolerance, texts
            and bools must be equal.
        mistakes: hint = the wrong value that a mistake leads to. The hint is shown
            after "not yet. ", so make it a sentence.

    Raises:
        ValueError: if a mistake is within the tolerance of the answer or of another
            mistake, or if an answer cannot be sealed with this tolerance.
    """
    values = [("", answer), *(mistakes or {}).items()]
    try:
        if kind_of(answer) == "real" and rel is None and abs is None:
            rel = 1e-3
        if rel is not None and not np.any(as_array(answer)):
            raise ValueError("a relative tolerance around zero is empty; give abs=...")
        grids = [grid(value, rel, abs) for _, value in values]
    except ValueError as problem:
        raise ValueError(f"key {id!r}: {problem}") from problem
    boxes = [
        {"grid": g} | lock(text, token(value, g), _salt(id, number))
        for number, ((text, value), g) in enumerate(zip(values, grids, strict=True))
    ]
    sealed = Key(id, {"boxes": boxes})
    _prove(sealed, values)
    return sealed


def _prove(sealed: Key, values: list[tuple[str, object]]) -> None:
    """Open the sealed record with its own answer and mistakes, as a reader would."""
    for number, (text, value) in enumerate(values):
        found = verdict(sealed.id, value, sealed.record)
        if number == 0 and not found.right:
            raise ValueError(f"key {sealed.id!r}: does not open for its own answer")
        if number and found.message != f"not yet. {text}":
            raise ValueError(
                f"key {sealed.id!r}: the mistake {value!r:.60} gives {found.message!r} "
                f"where its hint {text!r} is meant; narrow the tolerance, or drop it"
            )


def packed(record: dict) -> str:
    """A sealed record as one line of text, for `check(..., key=...)`."""
    text = json.dumps(record, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()


def unpacked(key: str) -> dict:
    """The record that `packed` wrote.

    Raises:
        ValueError: if a part of the text is missing or changed.
    """
    try:
        return json.loads(zlib.decompress(base64.urlsafe_b64decode(key)))
    except (ValueError, zlib.error):
        raise ValueError(
            "check: the key of this exercise is damaged; copy the line again from the "
            "notebook as it was handed out"
        ) from None


def _salt(id: str, number: int) -> str:
    return f"ntkbook exercise {id} box {number}"


def _by_number(id: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in id.split(".")]


@cache
def answers() -> dict[str, dict]:
    """The sealed records of the book's exercises, read once."""
    return json.loads(ANSWERS.read_text(encoding="utf-8")) if ANSWERS.exists() else {}
