"""What all benchmarks share: how ways are compared and timed, and what is kept.

Values are compared first: a fast wrong result would not be timed. Then the ways take
turns, one round after the other, so that a slow minute of the machine falls on all of
them. A way's time is the median of its rounds; its ratio to the first way is the median
of the ratios within each round.
"""

import contextlib
import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

import ntkbook

RESULTS = Path(__file__).parent / "results"
PACKAGES = "ntkbook jax jaxlib numpy flax neural-tangents torch nngeometry".split()
AT_LEAST = 0.3  # seconds of a round: what is faster runs several times in it
AT_MOST = 10  # times


class Way(NamedTuple):
    """One way to compute the result.

    Attributes:
        compute: returns the result; for a limit, arrays that stand for it.
        points: of how many points, where all of them would take too long.
        times: the factor of its times: all pairs, by those that it computes.
        how: what is unusual about its setting, such as blocks.
        compared: False for a limit, which computes something else.
    """

    compute: Callable
    points: int | None = None
    times: float = 1.0
    how: str = ""
    compared: bool = True


def seconds(compute) -> float:
    start = time.perf_counter()
    # For PyTorch's tensors, which are ready, this does nothing.
    jax.block_until_ready(compute())
    return time.perf_counter() - start


def compare(ways: dict[str, Way], tolerance: float) -> list[dict]:
    """Compare each with the first, and return the beginning of its row."""
    truth, rows = None, []
    for name, way in ways.items():
        start = time.perf_counter()
        values = jax.block_until_ready(way.compute())
        first = time.perf_counter() - start
        error = None
        if way.compared:
            values = np.asarray(values, np.float64)
            truth = values if truth is None else truth
            n = way.points or len(truth)
            error = float(np.abs(values - truth[:n, :n]).max() / np.abs(truth).max())
            if not error <= tolerance:
                raise SystemExit(f"{name} differs by {error:.1e}, more than allowed.")
        row = {"name": name, "how": way.how, "points": way.points, "times": way.times}
        # Compilation does not grow with the pairs.
        row |= {"first_calls": [first] if way.points is None else []}
        rows.append(row | {"difference": error, "rounds": []})
    return rows


def measure(
    ways: dict[str, Way], rounds: int, points: int, tolerance: float, first_too=False
) -> list[dict]:
    """Compare all ways, time them in turns, and return a row for each.

    With ``first_too`` every round begins with a first call, nothing compiled.
    """
    rows = compare(ways, tolerance)
    for row in rows:
        row["points"] = row["points"] or points
        if first_too:  # the one before was the process's very first as well
            row["first_calls"] = []
    for _ in range(rounds):
        for row in rows:
            spent = []
            if first_too:
                jax.clear_caches()
                row["first_calls"].append(seconds(ways[row["name"]].compute))
            while len(spent) < AT_MOST and sum(spent) < AT_LEAST:
                spent.append(seconds(ways[row["name"]].compute))
            row["rounds"].append([s * row["times"] for s in spent])
    return summarised(rows)


def summarised(rows: list[dict]) -> list[dict]:
    """Add to each row its medians, and its ratios to the first row."""
    for row in rows:
        medians = [statistics.median(spent) for spent in row["rounds"]]
        base = [statistics.median(spent) for spent in rows[0]["rounds"]]
        row["seconds"] = statistics.median(medians)
        row["ratio"] = statistics.median(map(float.__truediv__, medians, base))
        row["first_call"] = row["first_ratio"] = None
        if row["first_calls"]:
            row["first_call"] = statistics.median(row["first_calls"])
            row["first_ratio"] = row["first_call"] / rows[0]["first_call"]
    return rows


def report(name: str, tables: list[dict], *, what: str, dtype: str, load, keep: bool):
    """Print the tables, and keep them with what the page needs to know of them."""
    for table in tables:
        print(f"\n{what}: {table['title']}, {dtype}\n")
        print("| way | seconds | ratio | first call | ratio | difference |")
        print("|---|---:|---:|---:|---:|---:|")
        for row in table["rows"]:
            scaled = f" (timed on {row['points']} points)" if row["times"] > 1 else ""
            numbers = [row[k] for k in ("seconds", "ratio", "first_call")]
            numbers += [row["first_ratio"], row["difference"]]
            cells = ["" if v is None else f"{v:.3g}" for v in numbers]
            print(f"| {row['name']}{scaled} | {' | '.join(cells)} |", flush=True)
    if keep:
        record = {"what": what, "dtype": dtype, "machine": machine(load)}
        text = json.dumps(record | {"tables": tables}, indent=1)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n")


@contextlib.contextmanager
def in_float64():
    """Compute in double precision inside a ``with`` block."""
    before = jax.config.jax_enable_x64
    ntkbook.double_precision()
    try:
        yield
    finally:
        ntkbook.double_precision(before)


def load() -> float:
    """Return how many programs ran in the last minute, this one included."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def machine(load_before: float) -> dict:
    """Return where and when this is measured."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ntkbook.__version__ if name == "ntkbook" else None
    pages = ("SC_PAGE_SIZE", "SC_PHYS_PAGES")
    memory = np.prod([os.sysconf(p) for p in pages]) if hasattr(os, "sysconf") else 0
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(float(memory) / 2**30, 1),
        "device": jax.devices()[0].device_kind,
        "versions": versions,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "load_before": load_before,
    }


def _processor() -> str:
    """Return the processor's name, which Python's platform does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            s.split(":")[1].strip() for s in lines if s.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor()
