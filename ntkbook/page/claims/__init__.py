"""Claims: what a source says, what we measure, and whether the two agree.

Every statement of a source that the book tests is a record (see `records`). A notebook
cell measures and calls `claim`, which compares, shows the outcome, and refuses a record
whose declared verdict does not follow from the numbers. The page *Claims* is made from
the records and these cells' outputs.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from numbers import Real
from pathlib import Path

import numpy as np

from ntkbook.page.claims.records import VERDICTS, ClaimError, Record, records

MIME = "application/vnd.ntkbook.claim+json"


@dataclass(frozen=True)
class Measured:
    """A claim with its measured value; shows itself in a few lines."""

    record: Record
    value: int | float  # or a bool, which is an int
    interval: tuple[float, float] | None = None

    def row(self) -> dict:
        """The rounded numbers, as the Claims page reads them from the notebook."""
        r = self.record
        return {
            "id": r.id,
            "reported": shown(r.reported),
            "corrected": None if r.corrected is None else shown(r.corrected),
            "measured": self._rounded(self.value),
            "interval": self.interval and [self._rounded(x) for x in self.interval],
            "verdict": r.verdict,
        }

    def _rounded(self, value) -> str:
        if isinstance(value, bool):
            return shown(value)
        target = self.record.corrected
        target = self.record.reported if target is None else target
        width = self.record.width(target)
        if self.interval is not None:
            # An interval that is narrower than the tolerance must not be rounded away.
            fine = (self.interval[1] - self.interval[0]) / 4
            width = min(width, fine) if fine > 0 else width
        return rounded(value, width)

    def __repr__(self) -> str:
        row = self.row()
        sign = {"=": "", "<=": "at most ", ">=": "at least "}[self.record.relation]
        text = f"reported {sign}{row['reported']}"
        if row["corrected"] is not None:
            text += f", corrected {sign}{row['corrected']}"
        text += f", measured {_with_interval(row)}"
        return f"Claim {row['id']}: {row['verdict']} ({text})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {
            "text/plain": repr(self),
            "text/html": self._repr_html_(),
            MIME: self.row(),
        }

    def _repr_html_(self) -> str:
        row, r = self.row(), self.record
        sign = {"=": "", "<=": "≤ ", ">=": "≥ "}[r.relation]
        cells = {"Reported": sign + row["reported"]}
        if row["corrected"] is not None:
            cells["Corrected"] = sign + row["corrected"]
        cells["Measured"] = _with_interval(row)
        numbers = "".join(
            f"<span>{name} <strong>{escape(value)}</strong></span>"
            for name, value in cells.items()
        )
        verdict = f"<strong>{VERDICTS[r.verdict]} {r.verdict}</strong>"
        notes = " ".join(filter(None, (r.correction, r.why, r.remark)))
        paragraph = '<p style="margin:.3em 0;{}">{}</p>'
        return (
            f'<div class="ntk-claim" id="claim-{escape(r.id)}" style="color:inherit;'
            'border-left:4px solid;padding:.1em 0 .1em 1em;margin:1em 0">'
            + paragraph.format("", f"{escape(r.statement)} ({escape(r.place)})")
            + paragraph.format(
                "display:flex;flex-wrap:wrap;gap:.2em 1.6em", numbers + verdict
            )
            + (paragraph.format("", escape(notes)) if notes else "")
            + "</div>"
        )


def claim(id: str, measured, interval=None) -> None:
    """Compare a measured value with what the source reports, and show the outcome.

    Args:
        id: of a record in `ntkbook/page/claims/*.toml`.
        measured: a finite number, or a bool for a true-or-false claim; NumPy and JAX
            scalars will do.
        interval: the low and high end of the measurement's own uncertainty, if known.

    Raises:
        ClaimError: if the record's verdict does not follow from these numbers.
        ValueError: for an unknown id, or a value that cannot be compared.
    """
    result = measure(id, measured, interval)
    try:
        from IPython.display import display
    except ImportError:
        print(result)
    else:
        display(result)


def measure(
    id: str, measured, interval=None, *, record: Record | None = None
) -> Measured:
    """What `claim` shows, without showing it: the comparison itself."""
    record = record or _known(id)
    if record.verdict == "reported only":
        raise ClaimError(
            f"claim {id!r} is declared as reported only, and yet it is measured: "
            "give it the verdict that follows"
        )
    value = _value(id, measured, isinstance(record.reported, bool))
    if interval is not None:
        low, high = (_value(id, end, False) for end in interval)
        if not low <= value <= high:
            raise ValueError(
                f"claim {id!r}: the interval ({low}, {high}) does not hold the "
                f"measured value {value}"
            )
        interval = (low, high)
    _check_verdict(record, value)
    return Measured(record, value, interval)


def _check_verdict(record: Record, value) -> None:
    """Raise unless the declared verdict follows from the measured value."""
    agrees = record.agrees(value, record.reported)
    said = f"measured {value!r} {'agrees' if agrees else 'disagrees'} with the reported"
    said += f" {record.reported!r} (relation {record.relation}, tolerance"
    said += f" {record.tolerance or 'none'})"
    match record.verdict:
        case "reproduced":
            follows = agrees
        case "reproduced with a correction" if record.corrected is not None:
            fits = record.agrees(value, record.corrected)
            said += f" and {'agrees' if fits else 'disagrees'} with the corrected"
            said += f" {record.corrected!r}"
            follows = fits and not agrees
        case "reproduced with a correction":
            follows = agrees
        case _:
            follows = not agrees
    if not follows:
        raise ClaimError(
            f"claim {record.id!r}: {said}, which does not support the declared verdict "
            f"{record.verdict!r}. Mend the measurement, or change the record."
        )


def _value(id: str, value, as_bool: bool) -> float | bool:
    array = np.asarray(value)
    if array.shape != ():
        raise ValueError(
            f"claim {id!r}: measured must be one number, got shape {array.shape}"
        )
    if as_bool != (array.dtype == bool) or array.dtype.kind not in "biuf":
        wanted = "True or False" if as_bool else "a real number"
        raise ValueError(f"claim {id!r}: measured must be {wanted}, got {value!r}")
    if not np.isfinite(array):
        raise ValueError(f"claim {id!r}: measured must be finite, got {value!r}")
    return bool(array) if as_bool else float(array)


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


def _with_interval(row: dict) -> str:
    if not row["interval"]:
        return row["measured"]
    return f"{row['measured']} [{row['interval'][0]}, {row['interval'][1]}]"


def _known(id: str) -> Record:
    if id not in records():
        raise ValueError(
            f"no claim is called {id!r}; ntkbook/page/claims/ has {sorted(records())}"
        )
    return records()[id]


@dataclass(frozen=True)
class Cell:
    """Where a claim was measured, and what came out."""

    notebook: Path
    cell_id: str
    number: int  # of the cell in the notebook, from 0
    row: dict


def collect(notebooks: Iterable[Path]) -> list[Cell]:
    """Every measured claim in the outputs of these notebooks, in reading order."""
    found = []
    for path in map(Path, notebooks):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for number, cell in enumerate(cells):
            for output in cell.get("outputs", []):
                if row := output.get("data", {}).get(MIME):
                    found.append(Cell(path, cell.get("id", ""), number, row))
    return found


def problems(records: dict[str, Record], cells: list[Cell]) -> list[str]:
    """What keeps records and measuring cells from matching one to one."""
    said = []
    measured = [cell.row["id"] for cell in cells]
    for id, record in records.items():
        times = measured.count(id)
        if record.verdict == "reported only":
            continue
        if times != 1:
            said.append(
                f"claim {id!r} is measured in {times} cells, and must be in one"
            )
    for cell in cells:
        record = records.get(cell.row["id"])
        where = f"{cell.notebook.name}, cell {cell.number}"
        if record is None:
            said.append(f"{where}: claim {cell.row['id']!r} has no record")
        elif record.verdict != cell.row["verdict"]:
            said.append(
                f"{where}: claim {record.id!r} shows {cell.row['verdict']!r}, but its "
                f"record says {record.verdict!r}; run the notebook again"
            )
    return said
