"""The records of the claims, as written in `claims/NN.toml`, one file for each chapter.

[[claim]]
id = "taylor-slope"
source = "seed-001"            # a key of book/references.bib
place = "Section 2, third paragraph, figure 3"
code = "rajatvd/NTK:ntk.ipynb" # optional: where the source's own code has it
statement = "The relative change of the weights falls with the width."
kind = "trend"                 # number, trend, theorem, explanation, definition
scale = "as in the source"     # or: reduced, and how; by theory; a stored run, its date
effect = "slope of log change against log width"  # what the cell measures
threshold = 0.0                # or reported = 0.306, a number that the source gives
relation = "<="                # measured against it: "=", "<=", ">="
reason = "Falling is a slope below 0."     # of the threshold, or of the tolerance
control = "the same with the width's order shuffled"  # where the statement is false
verdict = "reproduced"
remark = ""                    # optional: anything else the reader should know

A number that the source gives has `tolerance = { abs = 0.005 }` or `{ rel = 0.01 }`.
Its reason is not our own scatter, which the interval has; but where the source's number
is one draw, repetitions of its protocol show how far a draw may lie. A verdict follows
from the numbers (see `verdict` in `ntkbook.page.claims.measured`):

- `correction` says in words how the statement must read to be true; the number that the
  corrected statement is held against is `corrected`, if it is another one;
- `why` is the argument against a statement, with its place: against the conclusion from
  a number that comes out, or a refutation;
- `undecided` says why the experiment could not have decided;
- `cost` is what running it would take, of a statement that was not run.

`yes_no` is the reason why a claim is measured by True or False and not by a number.
"""

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from numbers import Real
from pathlib import Path

FOLDER = Path(__file__).parent

# Colour never speaks alone: each verdict has its own sign. What the verdicts mean
# stands here; the page prints it.
VERDICTS = {
    "reproduced": "✓",
    "reproduced with a correction": "≈",
    "number reproduced, conclusion not": "≠",
    "not reproduced": "✗",
    "refuted": "✗✗",
    "inconclusive": "?",
    "true by definition": "≡",
    "reported only": "–",
}
MEANING = {
    "reproduced": "The measured value and its whole interval are where the source "
    "says, and the same measurement on the control is not.",
    "reproduced with a correction": "As stated it fails, corrected it holds; both are "
    "measured.",
    "number reproduced, conclusion not": "The source's number comes out; what it "
    "infers from the number is wrong, for the reason given.",
    "not reproduced": "The whole interval of our measurement is elsewhere. The record "
    "says what we know of the cause.",
    "refuted": "The statement is false: besides the measurement there is a proof, a "
    "counter-example or an argument.",
    "inconclusive": "The experiment could not decide: the interval contains the "
    "threshold, a control passes as well, training was too short, or our criterion "
    "is weak.",
    "true by definition": "No experiment could have failed, given what the words mean; "
    "the cell checks our code.",
    "reported only": "Not run; the record says what it would cost.",
}
KINDS = {
    "number": "a number of the source",
    "trend": "a trend",
    "theorem": "a theorem",
    "explanation": "an explanation",
    "definition": "true by definition",
}
RELATIONS = ("=", "<=", ">=")
# The sources' public code, at the commits that we read.
CODE = {
    "rajatvd/NTK": "6af2fd2bc020db075b745a2f030698fabbeb0986",
    "howardhi/NTK-Issues": "9825062d175e8e91e0f5829f6018ad1a65e693e1",
    "gortizji/linearized-networks": "3c271fb0a6c6bdffa9c1aabd8497f8803b725731",
}


class ClaimError(ValueError):
    """A record is malformed, or its verdict and the numbers disagree."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One claim of a source, as written in `claims/NN.toml`."""

    id: str
    source: str
    place: str
    statement: str
    kind: str
    verdict: str
    code: str = ""
    scale: str = ""
    effect: str = ""
    reported: int | float | str | None = None
    threshold: int | float | bool | None = None
    relation: str = "="
    tolerance: dict[str, int | float] | None = None
    reason: str = ""
    control: str = ""
    corrected: int | float | None = None
    correction: str = ""
    why: str = ""
    undecided: str = ""
    cost: str = ""
    yes_no: str = ""
    remark: str = ""

    def __post_init__(self):
        for problem in self._problems():
            raise ClaimError(f"claim {self.id!r}: {problem}")

    @property
    def target(self) -> int | float | bool:
        """What the measured value is held against."""
        target = self.threshold if self.kind != "number" else self.reported
        assert isinstance(target, (bool, Real))
        return target

    @property
    def link(self) -> str:
        """The web address of the source's own code, at the commit that we read."""
        if not self.code:
            return ""
        repository, _, path = self.code.partition(":")
        path = path.partition(",")[0].strip()
        return f"https://github.com/{repository}/blob/{CODE[repository]}/{path}"

    def _problems(self) -> Iterable[str]:
        if self.verdict not in VERDICTS:
            yield f"unknown verdict {self.verdict!r}; use one of {list(VERDICTS)}"
        if self.kind not in KINDS:
            yield f"unknown kind {self.kind!r}; use one of {list(KINDS)}"
        if self.code and self.code.partition(":")[0] not in CODE:
            yield f"unknown repository in code = {self.code!r}; use one of {list(CODE)}"
        if self.statement.lower().startswith(("the same", "there,")):
            yield "the statement must be understood alone, in any order of the table"
        if self.verdict == "reported only":
            if not self.cost:
                yield "reported only: say in `cost` what running it would take"
            return
        for name in ("scale", "effect"):
            if not getattr(self, name):
                yield f"say in `{name}` {self.__needs[name]}"
        if self.relation not in RELATIONS:
            yield f"unknown relation {self.relation!r}; use one of {list(RELATIONS)}"
        yield from self._target_problems()
        yield from self._verdict_problems()

    __needs = {
        "scale": "at what scale: as in the source, reduced, by theory, a stored run",
        "effect": "what is measured",
    }

    def _target_problems(self) -> Iterable[str]:
        numbers = self.threshold, self.corrected
        if self.kind == "number":
            if not _is_number(self.reported):
                yield f"`reported` must be the source's number, got {self.reported!r}"
            numbers = self.reported, self.corrected
            yield from self._tolerance_problems()
        elif isinstance(self.threshold, bool):
            if not self.yes_no:
                yield "measure a number, or say in `yes_no` why there is none"
        elif not _is_number(self.threshold):
            yield f"`threshold` must be a number, got {self.threshold!r}"
        elif self.tolerance and self.relation != "=":
            yield "a threshold has a reason and no tolerance"
        elif self.relation == "=":
            yield from self._tolerance_problems()
        for value in numbers:
            if isinstance(value, Real) and not math.isfinite(value):
                yield f"numbers must be finite, got {value!r}"
        if not self.reason and not isinstance(self.threshold, bool):
            yield "say in `reason` why this tolerance or threshold is the right one"

    def _tolerance_problems(self) -> Iterable[str]:
        tolerance = self.tolerance or {}
        kinds = list(tolerance)
        if kinds not in (["abs"], ["rel"]):
            yield "needs `tolerance = { abs = ... }` or `{ rel = ... }`, exactly one"
        elif not (tolerance[kinds[0]] > 0):
            yield f"the tolerance must be positive, got {tolerance[kinds[0]]!r}"
        elif kinds == ["rel"] and 0 in (self.reported, self.threshold, self.corrected):
            yield "a relative tolerance around zero is empty; use an absolute one"

    def _verdict_problems(self) -> Iterable[str]:
        needs = {
            "reproduced": ("control",),
            "reproduced with a correction": ("control", "correction"),
            "number reproduced, conclusion not": ("control", "why"),
            "refuted": ("why",),
        }
        for name in needs.get(self.verdict, ()):
            if not getattr(self, name):
                yield f"{self.verdict}: needs `{name}`"
        if (self.kind == "definition") != (self.verdict == "true by definition"):
            if self.verdict not in ("refuted", "reproduced with a correction"):
                yield "true by definition are the kind `definition`, and no other"

    def width(self, target) -> int | float:
        """The tolerance around `target`, a number, as an absolute one."""
        tolerance = self.tolerance or {"abs": 0.0}
        return tolerance.get("abs") or tolerance.get("rel", 0) * abs(target)

    def holds(self, measured: int | float, target) -> bool:
        """Whether one measured value satisfies `measured relation target`."""
        if isinstance(target, bool):
            return measured == target
        width = self.width(target)
        # Half a unit in the twelfth digit, so that 0.3 agrees with 0.2 within 0.1.
        slack = 1e-12 * max(abs(measured), abs(target))
        above = measured - target <= width + slack
        below = target - measured <= width + slack
        return {"=": above and below, "<=": above, ">=": below}[self.relation]


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


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
