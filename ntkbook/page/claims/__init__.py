"""Claims: what a source says, what we measure, and whether the two agree.

Every statement of a source that the book tests is a record (see `records`). A notebook
cell measures the effect that the record names, and the same on a control where the
statement is false, and calls `claim`, which derives the verdict, shows the outcome, and
refuses a record that declares another. The page *Claims* is made from the records and
these cells' outputs.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

import numpy as np

from ntkbook.page.claims.measured import MIME, Found, Measured, verdict
from ntkbook.page.claims.records import ClaimError, Record, records


def claim(
    id: str, measured, interval=None, *, n=None, control=None, corrected=None
) -> None:
    """Compare a measured effect with what the source says, and show the outcome.

    Args:
        id: of a record in `ntkbook/page/claims/*.toml`.
        measured: a finite number, an `ntkbook.Estimate`, or a bool where the record
            says in `yes_no` why; NumPy and JAX scalars will do.
        interval: the low and high end of the measurement's own uncertainty, if known.
        n: how many independent repetitions the interval stands on; needed with one.
        control: the same measurement on the control.
        corrected: the measurement that the corrected statement is held against, if it
            is another one.

    Raises:
        ClaimError: if the record's verdict is not the one that follows.
        ValueError: for an unknown id, or a value that cannot be compared.
    """
    result = measure(id, measured, interval, n=n, control=control, corrected=corrected)
    try:
        from IPython.display import display
    except ImportError:
        print(result)
    else:
        display(result)


def measure(
    id: str,
    measured,
    interval=None,
    *,
    n=None,
    control=None,
    corrected=None,
    record: Record | None = None,
) -> Measured:
    """What `claim` shows, without showing it: the comparison itself."""
    record = record or _known(id)
    if record.verdict == "reported only":
        raise ClaimError(
            f"claim {id!r} is declared as reported only, and yet it is measured: "
            "give it the verdict that follows"
        )
    others = {"control": control, "corrected": corrected}
    found = _found(record, "measured", measured, interval)
    both = {
        name: None if value is None else _found(record, name, value)
        for name, value in others.items()
    }
    if n is not None and (not isinstance(n, Integral) or n < 1):
        raise ValueError(f"claim {id!r}: n must be a whole number, got {n!r}")
    if n is None and not found.is_sharp:
        raise ValueError(f"claim {id!r}: say with n= what the interval stands on")
    if (control is not None) != bool(record.control):
        raise ClaimError(
            f"claim {id!r}: the record names {'a' if record.control else 'no'} "
            f"control, and {'none' if control is None else 'one'} is measured"
        )
    result = Measured(record, found, None if n is None else int(n), **both)
    _check_verdict(result)
    return result


def _check_verdict(result: Measured) -> None:
    """Raise unless the declared verdict is the one that follows."""
    declared, follows = result.record.verdict, verdict(result)
    if declared != follows:
        raise ClaimError(
            f"{result!r}: this is the verdict that follows, and the record declares "
            f"{declared!r}. Mend the measurement, or change the record."
        )


def _found(record: Record, name: str, value, interval=None) -> Found:
    """Take a number, a bool, or what has `value`, `low` and `high`, as estimates do."""
    if interval is None and all(
        hasattr(value, end) for end in ("value", "low", "high")
    ):
        value, interval = value.value, (value.low, value.high)
    as_bool = isinstance(record.target, bool)
    value = _value(record.id, name, value, as_bool)
    if interval is None:
        return Found(value, value, value)
    low, high = (_value(record.id, name, end, False) for end in interval)
    if not low <= value <= high:
        raise ValueError(
            f"claim {record.id!r}: the interval ({low}, {high}) does not hold the "
            f"{name} value {value}"
        )
    return Found(value, low, high)


def _value(id: str, name: str, value, as_bool: bool) -> int | float | bool:
    array = np.asarray(value)
    if array.shape != ():
        raise ValueError(f"claim {id!r}: {name} must be one number, got {array.shape}")
    if as_bool != (array.dtype == bool) or array.dtype.kind not in "biuf":
        wanted = "True or False" if as_bool else "a real number"
        raise ValueError(f"claim {id!r}: {name} must be {wanted}, got {value!r}")
    if not np.isfinite(array):
        raise ValueError(f"claim {id!r}: {name} must be finite, got {value!r}")
    return array.item()


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
