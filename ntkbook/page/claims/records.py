"""The records of the claims, as written in `claims/NN.toml`, one file a chapter.

[[claim]]
id = "taylor-min-alpha-1"
source = "seed-001"            # a key of book/references.bib
place = "Section 2, figure 3"
statement = "At scale 1 the loss is least at w = 0.4."
reported = 0.4                 # a number, or true / false for a yes-or-no statement
relation = "="                 # or "<=", ">=": measured against reported
tolerance = { abs = 0.005 }    # or { rel = 0.01 }
tolerance_reason = "The figure can be read to half a small square."
verdict = "reproduced"
remark = ""                    # optional: anything the reader should know
"""

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from numbers import Real
from pathlib import Path

FOLDER = Path(__file__).parent

# Colour never speaks alone: each verdict has its own sign.
VERDICTS = {
    "reproduced": "✓",
    "reproduced with a correction": "≈",
    "not reproduced": "✗",
    "refuted": "✗✗",
    "reported only": "–",  # running it is beyond this book; `cost` says what it takes
}
RELATIONS = ("=", "<=", ">=")


class ClaimError(ValueError):
    """A record is malformed, or its verdict and the numbers disagree."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One claim of a source, as written in `claims/NN.toml`."""

    id: str
    source: str
    place: str
    statement: str
    verdict: str
    reported: int | float | str | None = None  # a bool is an int
    relation: str = "="
    tolerance: dict[str, int | float] | None = None
    tolerance_reason: str = ""
    corrected: int | float | None = None  # what the source should have said
    correction: str = ""  # the same in words, where a number does not say it
    why: str = ""  # of a refuted claim: the proof or the counter-example
    cost: str = ""  # of one reported only: what running it would take
    remark: str = ""

    def __post_init__(self):
        for problem in self._problems():
            raise ClaimError(f"claim {self.id!r}: {problem}")

    def _problems(self) -> Iterable[str]:
        if self.verdict not in VERDICTS:
            yield f"unknown verdict {self.verdict!r}; use one of {list(VERDICTS)}"
        if self.relation not in RELATIONS:
            yield f"unknown relation {self.relation!r}; use one of {list(RELATIONS)}"
        if self.verdict == "reported only":
            if not self.cost:
                yield "reported only: say in `cost` what running it would take"
            return
        if not isinstance(self.reported, (bool, Real)):
            yield (
                "`reported` must be a number, or true / false for a statement in "
                f"words, got {self.reported!r}"
            )
        for value in (self.reported, self.corrected):
            if isinstance(value, Real) and not math.isfinite(value):
                yield f"numbers must be finite, got {value!r}"
        if isinstance(self.reported, bool):
            if self.tolerance or self.relation != "=":
                yield "a true-or-false claim has no tolerance and only the relation ="
        else:
            yield from self._tolerance_problems()
        if self.verdict == "reproduced with a correction":
            if self.corrected is None and not self.correction:
                yield "give the correction: a number `corrected` or words `correction`"
        elif self.corrected is not None and self.verdict == "reproduced":
            yield "`corrected` needs the verdict 'reproduced with a correction'"
        if self.verdict == "refuted" and not self.why:
            yield "refuted: give the proof or the counter-example in `why`"

    def _tolerance_problems(self) -> Iterable[str]:
        tolerance = self.tolerance or {}
        kinds = list(tolerance)
        if kinds not in (["abs"], ["rel"]):
            yield "needs `tolerance = { abs = ... }` or `{ rel = ... }`, exactly one"
        elif not (tolerance[kinds[0]] > 0):
            yield f"the tolerance must be positive, got {tolerance[kinds[0]]!r}"
        elif not self.tolerance_reason:
            yield "say in `tolerance_reason` why this tolerance is the right one"
        elif kinds == ["rel"] and 0 in (self.reported, self.corrected):
            yield "a relative tolerance around zero is empty; use an absolute one"

    def width(self, target) -> int | float:
        """The tolerance around `target`, a number, as an absolute one."""
        assert self.tolerance is not None
        return self.tolerance.get("abs") or self.tolerance["rel"] * abs(target)

    def agrees(self, measured: int | float, target) -> bool:
        """Whether the measured value satisfies `measured relation target`."""
        if isinstance(target, bool):
            return measured == target
        width = self.width(target)
        # Half a unit in the twelfth digit, so that 0.3 agrees with 0.2 within 0.1.
        slack = 1e-12 * max(abs(measured), abs(target))
        above = measured - target <= width + slack
        below = target - measured <= width + slack
        return {"=": above and below, "<=": above, ">=": below}[self.relation]


def load(folder: Path = FOLDER) -> dict[str, Record]:
    """Every record by its id, in the order of the files.

    Raises:
        ClaimError: for an unknown key, a missing one, or an id used twice.
    """
    records: dict[str, Record] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("claim", []):
            where = f"{path.name}, claim {entry.get('id', 'without an id')!r}"
            if unknown := set(entry) - {field.name for field in fields(Record)}:
                raise ClaimError(f"{where}: unknown {sorted(unknown)}")
            try:
                record = Record(**entry)
            except TypeError as error:
                raise ClaimError(f"{where}: {error}") from None
            if record.id in records:
                raise ClaimError(f"{where}: stands twice")
            records[record.id] = record
    return records


@cache
def records() -> dict[str, Record]:
    """The book's own records, read once."""
    return load()
