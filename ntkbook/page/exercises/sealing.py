"""Answers that a program can check and a reader cannot see.

The package must tell a right answer from a wrong one without holding the answer. So
each answer is turned into a *token*, a short text that every answer within the
tolerance shares; the token is the password of a small locked box; and the package
holds only the boxes. A guess opens the box if, and only if, it gives the same token.
Finding the password by trying costs a deliberately slow hash per guess. That keeps
honest readers honest and hints unread before their mistake is made; it is no protection
against someone who means to break it. The record holds the answer's place inside its
cell, so trying the cells gives any single number, to six digits, in a minute or three.

How a number becomes a token, and why the tolerance is exact. Cut the line into cells
as wide as the tolerance allows (2 * abs), shifted so that the answer stands in the
middle of its cell; the token is the number of the cell. The record holds the width and
the shift, which is the answer's place *inside* its cell, and not which cell it is. For
a relative tolerance the cells are cut on the axis of log|x|, from 1 - rel to 1 + rel
times the answer, and the sign is kept.

An array with a relative tolerance is taken apart first: its largest magnitude is
compared like a number, and the array divided by it is compared, entry by entry, within
the absolute tolerance rel. So an entry that should be 0 may be off by rel times the
largest entry, where a relative tolerance for each entry would allow no error at all.
"""

import hashlib
import math
from typing import Any

import numpy as np

MAX_ENTRIES = 200
# About 25 ms and 8 MB a try: an exercise with five known mistakes is checked in 0.2 s.
_COST = {"n": 2**13, "r": 8, "p": 1}
_DIGITS = 4  # of a shift, as a fraction of its cell


class Malformed(ValueError):
    """Not something that could be right or wrong: the message says what to give."""


def kind_of(answer) -> str:
    """What sort of answer this is: `bool`, `text`, `integer` or `real`.

    Raises:
        Malformed: for None, NaN, an empty array, and whatever else is none of these.
    """
    if answer is None or answer is ...:
        raise Malformed("replace the dots by your answer first")
    if isinstance(answer, str):
        if not answer.strip():
            raise Malformed("the answer is an empty text")
        return "text"
    array = as_array(answer)
    return {"b": "bool", "i": "integer", "u": "integer", "f": "real"}[array.dtype.kind]


def as_array(answer) -> np.ndarray:
    """A NumPy array of bools, integers or floats from whatever stands for one."""
    try:
        array = np.asarray(answer)
        if array.dtype.kind in "OV":  # such as fractions, and JAX's bfloat16
            array = array.astype(np.float64)
        elif array.dtype.kind not in "biuf":
            raise TypeError
    except (TypeError, ValueError):
        name = type(answer).__name__
        raise Malformed(
            f"a {name} is neither a number nor an array of numbers"
        ) from None
    if array.size == 0:
        raise Malformed("the answer is an empty array")
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        if np.isnan(array).any():
            raise Malformed("the answer holds NaN, so something went wrong on the way")
        if np.isinf(array).any():
            raise Malformed(
                "the answer is infinite, so something went wrong on the way"
            )
    return array


def grid(answer, rel: int | float | None, abs: int | float | None) -> dict:
    """How to turn an answer near this one into a token; it does not give it away.

    Args:
        rel, abs: the tolerance, at most one of them; by default rel = 1e-3 for a real
            number, and none (equal or not) for integers, bools and texts.
    """
    kind = kind_of(answer)
    if kind in ("bool", "text"):
        if rel is not None or abs is not None:
            raise ValueError(
                f"an answer of kind {kind} is right or wrong: no tolerance"
            )
        shape = None if kind == "text" else list(np.shape(answer))
        return {"kind": kind, "shape": shape}
    array = as_array(answer)
    if array.size > MAX_ENTRIES:
        raise ValueError(
            f"the answer has {array.size} entries (at most {MAX_ENTRIES}): ask for a "
            "summary of it, such as its norm or its largest entries"
        )
    if rel is not None and abs is not None:
        raise ValueError("give one tolerance, rel or abs, not both")
    if rel is None and abs is None:
        if kind == "integer":
            return {"kind": kind, "shape": list(array.shape)}
        rel = 1e-3
    width: Any = rel if abs is None else abs
    if not 0 < width < math.inf or (abs is None and not width < 0.5):
        raise ValueError(
            f"the tolerance must be positive (rel below 0.5), got {width!r}"
        )
    spec = {"kind": "real", "shape": list(array.shape)}
    if abs is not None:
        return spec | {"abs": abs, "shift": _shifts(array.ravel() / (2 * abs))}
    # Zero has no logarithm: with a relative tolerance it only equals itself.
    scale = float(np.max(np.abs(array))) or 1.0
    spec |= {"rel": width, "log_shift": _log_shift(scale, width)}
    if array.ndim:
        spec["shift"] = _shifts(array.ravel() / scale / (2 * width))
    return spec


def token(answer, spec: dict) -> str:
    """The text that all answers within the tolerance share.

    Raises:
        Malformed: if the answer is not of the kind and shape that `spec` asks for.
    """
    kind = kind_of(answer)
    wanted = spec["kind"]
    if (kind == "text") != (wanted == "text") or (kind != "bool" and wanted == "bool"):
        words = {"text": "a text", "bool": "True or False"}.get(wanted, "a number")
        raise Malformed(f"the answer should be {words}, and this is {answer!r:.60}")
    if wanted == "text":
        return " ".join(answer.split()).casefold()
    array = as_array(answer)
    if list(array.shape) != spec["shape"]:
        raise Malformed(
            f"the answer should have the shape {tuple(spec['shape'])}, and this one "
            f"has {array.shape}"
        )
    if "abs" in spec:
        with np.errstate(over="ignore"):
            return _cells(array.ravel() / (2 * spec["abs"]), spec["shift"])
    if "rel" not in spec:  # exact: 3 and 3.0 are the same integer
        return repr([float(x) for x in array.ravel()])
    return _relative_token(array.astype(float), spec)


def _relative_token(array: np.ndarray, spec: dict) -> str:
    scale = float(np.max(np.abs(array)))
    if scale == 0:
        return "zero"
    low, width = _log_cell(spec["rel"])
    size = math.floor((math.log(scale) - low) / width - spec["log_shift"])
    if array.ndim == 0:
        return f"{'-' if array < 0 else '+'}{size}"
    shape = _cells(array.ravel() / scale / (2 * spec["rel"]), spec["shift"])
    return f"{size} of {shape}"


def _log_cell(rel: int | float) -> tuple[float, float]:
    """Where a cell starts below log|answer|, and how wide it is."""
    return math.log1p(-rel), math.log1p(rel) - math.log1p(-rel)


def _log_shift(scale: float, rel: int | float) -> float:
    _, width = _log_cell(rel)
    return round(math.log(scale) / width % 1, _DIGITS)


def _shifts(cells: np.ndarray) -> list[float]:
    """The place of each answer inside its cell, which is then centred on it."""
    return [round(float(c) % 1, _DIGITS) for c in cells]


def _cells(cells: np.ndarray, shifts: list[float]) -> str:
    cells = np.clip(cells, -1e300, 1e300)  # a guess may be large enough to overflow
    return repr([math.floor(c - s + 0.5) for c, s in zip(cells, shifts, strict=True)])


def lock(secret: str, token: str, salt: str) -> dict[str, str]:
    """A box that only this token opens, with a secret text in it."""
    key = _stretch(token, salt)
    text = secret.encode()
    hidden = bytes(a ^ b for a, b in zip(text, _stream(key, len(text)), strict=True))
    return {"mark": _mark(key, hidden), "text": hidden.hex()}


def unlock(box: dict, token: str, salt: str) -> str | None:
    """The secret text, or None if the token does not open this box."""
    key = _stretch(token, salt)
    hidden = bytes.fromhex(box["text"])
    if _mark(key, hidden) != box["mark"]:
        return None
    stream = _stream(key, len(hidden))
    return bytes(a ^ b for a, b in zip(hidden, stream, strict=True)).decode()


def _stretch(token: str, salt: str) -> bytes:
    return hashlib.scrypt(token.encode(), salt=salt.encode(), dklen=32, **_COST)


def _stream(key: bytes, length: int) -> bytes:
    return hashlib.shake_256(b"text" + key).digest(length)


def _mark(key: bytes, hidden: bytes) -> str:
    return hashlib.sha256(b"mark" + key + hidden).hexdigest()[:16]
