"""Time the kernels of infinitely wide networks against neural-tangents' ``stax``.

Each is timed with compilation, after all compiled code has been dropped, and without.
As in `ntk.py`, values are compared first and the two take turns. Seconds of the
processor, all cores added up, stand beside those on the clock: on a machine that does
other things too they are disturbed less.
"""

import json
import statistics
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import ntkbook
from benchmarks.ntk import RESULTS, machine

OURS, THEIRS = "ntkbook.infinite", "neural-tangents, stax in jax.jit"
TOLERANCE = 1e-6  # the diagonal of their ReLU is off by 1e-8
HIDDEN = 3
CONVOLUTIONS = 5


class Spent(NamedTuple):
    """Seconds that a call took."""

    clock: float
    processor: float


def dense(points: int) -> dict:
    """Return both ways to the tangent kernel of 3 hidden ReLU layers."""
    x = jnp.asarray(np.random.default_rng(0).standard_normal((points, 64)))
    stax = ntkbook.neural_tangents.stax
    layer = stax.Dense(1, W_std=2**0.5, b_std=0.1)
    theirs = stax.serial(*[layer, stax.Relu()] * HIDDEN, layer)[2]
    settings = dict(depth=HIDDEN, weight_std=2**0.5, bias_std=0.1)
    return {
        OURS: lambda: ntkbook.infinite.ntk(x, **settings),
        THEIRS: compiled(theirs, x),
    }


def convolutional(images: int, pooling: str) -> dict:
    """Return both ways to the CNTK of digits."""
    x = jnp.asarray(load_digits().images[:images, ..., None] / 16)
    stax = ntkbook.neural_tangents.stax
    layer = stax.Conv(1, (3, 3), padding="SAME", W_std=2**0.5)
    pool = {"flatten": stax.Flatten, "average": stax.GlobalAvgPool}[pooling]
    theirs = stax.serial(
        *[layer, stax.Relu()] * CONVOLUTIONS, pool(), stax.Dense(1, W_std=2**0.5)
    )[2]
    settings = dict(depth=CONVOLUTIONS, pooling=pooling)
    return {
        OURS: lambda: ntkbook.infinite.cntk(x, **settings),
        THEIRS: compiled(theirs, x),
    }


def compiled(kernel, x):
    program = jax.jit(lambda x: kernel(x, None, "ntk"))
    return lambda: program(x)


def spent(way) -> Spent:
    clock, processor = time.perf_counter(), time.process_time()
    jax.block_until_ready(way())
    return Spent(time.perf_counter() - clock, time.process_time() - processor)


def measure(ways: dict, rounds: int) -> list[dict]:
    """Check that both agree, time them in turns, and return a row for each."""
    values = {name: np.asarray(way()) for name, way in ways.items()}
    error = np.abs(values[THEIRS] / values[OURS] - 1).max()
    if not error < TOLERANCE:
        raise SystemExit(f"{THEIRS} differs from {OURS} by a share of {error:.1e}.")
    runs = {name: {"cold": [], "warm": []} for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            jax.clear_caches()
            runs[name]["cold"].append(spent(way))
            runs[name]["warm"] += [spent(way) for _ in range(2)]
    rows = []
    for name, kinds in runs.items():
        row = {"name": name, "difference": error, "runs": kinds}
        for kind, times in kinds.items():
            row[kind] = Spent(*map(statistics.median, zip(*times, strict=True)))
            first = rows[0][kind] if rows else row[kind]
            row[f"{kind}_ratio"] = Spent(*np.divide(row[kind], first).tolist())
        rows.append(row)
    return rows


def settings(small: bool) -> dict:
    """Return what is compared, by its name."""
    points, few, more = (50, 4, 6) if small else (2000, 64, 256)
    found = {f"dense, {points} points, {HIDDEN} hidden layers, ReLU": dense(points)}
    for images, pooling in (few, "flatten"), (more, "flatten"), (few, "average"):
        what = f"{images} digits, {CONVOLUTIONS} convolutions, {pooling}"
        found[f"convolutional, {what}"] = convolutional(images, pooling)
    return found


def main(small: bool, rounds: int):
    """Print the table; keep it, unless it is small."""
    double = jax.config.jax_enable_x64
    ntkbook.double_precision()
    record = {"what": "kernels of infinitely wide networks", "machine": machine()}
    print(
        "\nKernels of infinitely wide networks, float64. Seconds: clock (processor)\n"
    )
    print("| kernel | way | with compilation | slower by | without | slower by |")
    print("|---|---|---:|---:|---:|---:|")
    for what, ways in settings(small).items():
        record[what] = rows = measure(ways, rounds)
        for row in rows:
            cells = [
                f"{row[kind].clock:.3g}{unit} ({row[kind].processor:.3g}{unit})"
                for kind, unit in (
                    ("cold", ""),
                    ("cold_ratio", "x"),
                    ("warm", ""),
                    ("warm_ratio", "x"),
                )
            ]
            print(f"| {what} | {row['name']} | {' | '.join(cells)} |", flush=True)
            row |= {key: v._asdict() for key, v in row.items() if type(v) is Spent}
    ntkbook.double_precision(double)
    if not small:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "infinite.json").write_text(json.dumps(record, indent=2) + "\n")
