"""What was measured for a claim, the verdict that follows, and how both are shown."""

import math
from dataclasses import dataclass
from html import escape
from numbers import Real

from ntkbook.page.claims.records import MEANING, VERDICTS, Record
from ntkbook.page.claims.typeset import typeset

MIME = "application/vnd.ntkbook.claim+json"
SIGNS = {"=": "", "<=": "≤ ", ">=": "≥ "}


@dataclass(frozen=True)
class Found:
    """A measured effect: its value and, where it has one, its interval."""

    value: int | float | bool
    low: float
    high: float

    @property
    def is_sharp(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True)
class Measured:
    """A claim with what was measured; shows itself in a few lines."""

    record: Record
    found: Found
    n: int | None = None
    control: Found | None = None
    corrected: Found | None = None

    def row(self) -> dict:
        """The rounded numbers, as the Claims page reads them from the notebook."""
        return {
            "id": self.record.id,
            **self._shown("measured", self.found),
            "n": self.n,
            **self._shown("control", self.control),
            **self._shown("corrected", self.corrected),
            "verdict": verdict(self),
        }

    def _shown(self, name: str, found: Found | None) -> dict:
        if found is None:
            return {name: None}
        ends = None if found.is_sharp else [found.low, found.high]
        return {
            name: self._rounded(found.value, found),
            f"{name} interval": ends and [self._rounded(end, found) for end in ends],
        }

    def _rounded(self, value, found: Found) -> str:
        """Digits that the next machine prints as well, and two at least."""
        if isinstance(value, (bool, int)):
            return shown(value)
        target, width = self.record.target, math.inf
        if self.record.relation == "<=" and 0 < target <= 1e-6 and value <= target:
            return f"below {target:g}"  # what rounding leaves differs on every machine
        if abs(value) < 1e-12:
            return "0"
        if not isinstance(target, bool):
            width = self.record.width(target) or math.inf
        if not found.is_sharp:
            width = min(width, (found.high - found.low) / 4)
        # Never round a value away: two digits of it are seen, or three; but no more
        # than four, nor finer than a hundredth of what its interval shows.
        size = abs(found.value)
        width = min(width, size / (30 if width < math.inf else 100) or width)
        width = max(width, size / 2000, (found.high - found.low) / 400)
        return rounded(value, width if width < math.inf else 1.0)

    def __repr__(self) -> str:
        row, r = self.row(), self.record
        text = " ".join(held_against(r))
        text += f", measured {with_interval(row, 'measured')}"
        if self.n is not None:
            text += f", n = {self.n}"
        if self.corrected is not None:
            text += f", corrected {with_interval(row, 'corrected')}"
        if self.control is not None:
            text += f", control {with_interval(row, 'control')}"
        return f"Claim {row['id']}: {row['verdict']} ({text})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {
            "text/plain": repr(self),
            "text/html": self._repr_html_(),
            MIME: self.row(),
        }

    def _repr_html_(self) -> str:
        row, r = self.row(), self.record
        name, against = held_against(r)
        cells = {name.capitalize(): against}
        has_interval = " (95% interval)" if row["measured interval"] else ""
        cells[f"Measured{has_interval}"] = with_interval(row, "measured")
        if self.n is not None:
            cells["n"] = str(self.n)
        if self.corrected is not None:
            cells["Measured for the correction"] = with_interval(row, "corrected")
        if self.control is not None:
            cells["Control (should fail)"] = with_interval(row, "control")
        numbers = "".join(
            f"<span>{name} <strong>{typeset(value)}</strong></span>"
            for name, value in cells.items()
        )
        found = row["verdict"]
        reason = " ".join(filter(None, (r.correction, r.why, r.undecided)))
        more = {
            "Measured": r.effect,
            "Scale": r.scale,
            "Reason for this value": r.reason,
            "Control": r.control,
            "Remark": r.remark,
            f"What “{found}” means": MEANING[found],
        }
        more = "".join(f"<li>{k}: {typeset(v)}</li>" for k, v in more.items() if v)
        paragraph = '<p style="margin:.3em 0;{}">{}</p>'
        return (
            f'<div class="ntk-claim" id="claim-{escape(r.id)}" style="color:inherit;'
            'border-left:4px solid;padding:.1em 0 .1em 1em;margin:1em 0">'
            + paragraph.format("", typeset(f"{r.statement} (Source: {r.place})"))
            + paragraph.format(
                "display:flex;flex-wrap:wrap;gap:.2em 1.6em",
                f"{numbers}<strong>{VERDICTS[found]} {found}</strong>",
            )
            + (paragraph.format("", typeset(reason)) if reason else "")
            + f"<details><summary>What was measured, and against what</summary>"
            f'<ul style="margin:.3em 0">{more}</ul></details></div>'
        )


def verdict(measured: Measured) -> str:
    """Return the verdict that follows from what was measured."""
    r, target = measured.record, measured.record.target
    state = _state(r, measured.found, target)
    if r.undecided:
        return "inconclusive"
    if state == "outside" and r.correction:
        better = measured.corrected or measured.found
        aim = target if r.corrected is None else r.corrected
        if _state(r, better, aim) == "inside":
            passes = measured.control and _state(r, measured.control, aim) == "inside"
            return "inconclusive" if passes else "reproduced with a correction"
    if state != "inside":
        otherwise = "refuted" if r.why else "not reproduced"
        return "inconclusive" if state == "across" else otherwise
    if measured.control and _state(r, measured.control, target) == "inside":
        return "inconclusive"  # the check says yes where the statement is false
    if r.kind == "definition":
        return "true by definition"
    return "number reproduced, conclusion not" if r.why else "reproduced"


def _state(record: Record, found: Found, target) -> str:
    """Whether an interval is where the target wants it: inside, outside, or across."""
    if isinstance(target, bool):
        return "inside" if found.value == target else "outside"
    ends = [record.holds(end, target) for end in (found.low, found.value, found.high)]
    if all(ends):
        return "inside"
    # Both ends beyond, on two sides of the target, is across as well.
    beyond = {end > target for end in (found.low, found.high)}
    return "outside" if not any(ends) and len(beyond) == 1 else "across"


def rounded(value: float, width: int | float) -> str:
    """A number to the digits that a tolerance of `width` lets one see.

    Coarse on purpose: another machine's last bits must not change the page. One unit
    of the last digit is the power of ten nearest to the tolerance.

    Example:
        >>> rounded(0.40012, 0.005), rounded(123456.0, 200.0), rounded(3e-7, 1e-9)
        ('0.40', '123500', '3.00e-07')
    """
    decimals = -round(math.log10(width))
    value = round(value, decimals) + 0.0  # + 0.0 turns -0.0 into 0.0
    if value and not 1e-4 <= abs(value) < 1e7:
        digits = max(0, math.floor(math.log10(abs(value))) + decimals)
        return f"{value:.{digits}e}"
    if not value and decimals > 6:
        return "0"
    return f"{value:.{max(0, decimals)}f}"


def shown(value: int | float | str | None) -> str:
    """A reported value as the source prints it: true and false as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, Real) else str(value or "")


def held_against(record: Record) -> tuple[str, str]:
    """What the source says, or the threshold that its words ask for."""
    name = "reported" if record.kind == "number" else "threshold"
    text = f"{SIGNS[record.relation]}{shown(record.target)}"
    width = 0 if isinstance(record.target, bool) else record.width(record.target)
    text += f" ± {width:.3g}" if width else ""
    if record.corrected is not None:
        text += f"; corrected {SIGNS[record.relation]}{shown(record.corrected)}"
    return name, text


def with_interval(row: dict, name: str) -> str:
    ends = row.get(f"{name} interval")
    return row[name] + (f" [{ends[0]}, {ends[1]}]" if ends else "")
