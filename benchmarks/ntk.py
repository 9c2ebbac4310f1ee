"""Time the empirical tangent kernel against its peers, on one network, in one run.

The values are compared first: a fast wrong kernel would not be timed. Then the ways
take turns, so that a machine that slows down slows all of them. The first call of
each, which compiles, is reported but not counted.
"""

import datetime
import json
import os
import platform
import statistics
import time
from importlib import metadata
from pathlib import Path

import jax
import numpy as np

import ntkbook

RESULTS = Path(__file__).parent / "results"
OURS = "ntkbook.ntk"
FEATURES = 64
DEPTH = 2
TOLERANCE = 1e-4  # relative to the largest entry: float32, and sums of 10^6 terms


def setting(points: int, width: int):
    """Return the network of the comparison, its parameters and its inputs."""
    net = ntkbook.mlp(width, DEPTH, "relu", weight_std=2**0.5)
    x = jax.random.normal(jax.random.key(0), (points, FEATURES), np.float32)
    return net.apply, net.init(jax.random.key(1), x), x


def ways(apply, params, x) -> dict:
    """Return the ways to compute one and the same kernel, as functions of nothing."""
    found = {OURS: lambda: ntkbook.ntk(apply, params, x)}
    for implementation in (2, 1):
        kernel = jax.jit(
            ntkbook.neural_tangents.empirical_ntk_fn(
                apply, trace_axes=(), vmap_axes=0, implementation=implementation
            )
        )
        found[f"neural-tangents, implementation {implementation}"] = (
            lambda kernel=kernel: kernel(x, None, params)[:, :, 0, 0]
        )
    try:
        found["torch.func, Jacobian contraction"] = with_torch(params, x)
    except ImportError:
        print("torch is not installed, so it is left out: see benchmarks/README.md.\n")
    return found


def with_torch(params, x):
    """Return the same kernel by PyTorch: per-example Jacobians, then a contraction."""
    import torch

    weights = [torch.tensor(np.asarray(layer["weight"])) for layer in params]
    inputs = torch.tensor(np.asarray(x))

    def f(weights, x):
        for i, w in enumerate(weights):
            x = (2 / w.shape[0]) ** 0.5 * (x @ w)
            x = torch.relu(x) if i < DEPTH else x
        return x

    def kernel():
        per_example = torch.func.vmap(torch.func.jacrev(f), (None, 0))
        with torch.no_grad():
            jacobian = [j.flatten(2) for j in per_example(weights, inputs)]
            return sum(torch.einsum("iap,jbp->ijab", j, j) for j in jacobian)[
                :, :, 0, 0
            ]

    return kernel


def seconds(way) -> float:
    start = time.perf_counter()
    np.asarray(way())  # waits for the values
    return time.perf_counter() - start


def measure(ways: dict, rounds: int) -> list[dict]:
    """Check that all agree, time them in turns, and return a row for each."""
    truth = None
    rows = []
    for name, way in ways.items():
        start = time.perf_counter()
        values = np.asarray(way(), np.float64)
        first = time.perf_counter() - start
        truth = values if truth is None else truth
        error = np.abs(values - truth).max() / np.abs(truth).max()
        if not error < TOLERANCE:
            raise SystemExit(f"{name} disagrees with {OURS} by {error:.1e}.")
        rows.append(
            {"name": name, "first_call": first, "difference": error, "runs": []}
        )
    for _ in range(rounds):
        for row in rows:
            # The fast way several times a round: one run of it is easily disturbed.
            for _ in range(5 if row["name"] == OURS else 1):
                row["runs"].append(seconds(ways[row["name"]]))
    for row in rows:
        row["median"] = statistics.median(row["runs"])
        row["ratio"] = row["median"] / rows[0]["median"]
    return rows


def machine() -> dict:
    packages = ["ntkbook", "jax", "jaxlib", "numpy", "neural-tangents", "torch"]
    versions = {"python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ntkbook.__version__ if name == "ntkbook" else None
    return {
        "cores": os.cpu_count(),
        "processor": processor(),
        "device": jax.devices()[0].device_kind,
        "versions": versions,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
    }


def processor() -> str:
    """Return the processor's name, which Python's platform does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            s.split(":")[1].strip() for s in lines if s.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor()


def main(small: bool, rounds: int):
    """Print the table; keep it, unless it is small."""
    points, width = (20, 32) if small else (500, 1024)

    print(ntkbook.device_report())
    print(
        f"Empirical NTK of {points} points: {DEPTH} hidden layers of {width}, ReLU, "
        f"one output, {FEATURES} features, float32\n"
    )
    rows = measure(ways(*setting(points, width)), rounds)
    print("| way | median, s | first call, s | difference | slower by |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row['name']} | {row['median']:.3g} | {row['first_call']:.3g} "
            f"| {row['difference']:.0e} | {row['ratio']:.0f}x |"
        )
    if small:
        return
    RESULTS.mkdir(exist_ok=True)
    record = {
        "what": "empirical NTK",
        "points": points,
        "hidden_layers": DEPTH,
        "width": width,
        "features": FEATURES,
        "dtype": "float32",
        "machine": machine(),
        "ways": rows,
    }
    (RESULTS / "ntk.json").write_text(json.dumps(record, indent=2) + "\n")
