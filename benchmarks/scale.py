"""Time and memory at the edge of one machine: many points, and two processes.

Each measurement has processes of its own, started from here: a process's peak memory
never goes down again, and how many processes there are is decided when JAX starts.
"""

import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

import ntkbook
from benchmarks import measure

TOLERANCE = 1e-4
GIB = 2.0**30


def setting(points: int, width: int):
    """Return a ReLU network of two hidden layers, its parameters, and inputs."""
    net = ntkbook.mlp(width, 2, "relu", weight_std=2**0.5)
    x = np.random.default_rng(0).standard_normal((points, 64), np.float32)
    return net.apply, net.init(jax.random.key(0), x[:1]), x


def work(way: str, path: str, points: str, width: str, port: str, process: str):
    """Compute one kernel in this process, and print what it took."""
    if int(port):
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"localhost:{port}", 2, int(process))
    apply, params, x = setting(int(points), int(width))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if way == "disk":
        spent = measure.seconds(
            lambda: ntkbook.ntk_on_disk(path, apply, params, x, progress=False)
        )
    else:
        if way == "warm":  # all except the large kernel itself is done before
            jax.block_until_ready(ntkbook.ntk(apply, params, x))
        start = time.perf_counter()
        kernel = jax.block_until_ready(ntkbook.ntk(apply, params, x))
        spent = time.perf_counter() - start
    # Linux counts in KiB; pages of the mapped file count as well.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    print(json.dumps({"seconds": spent, "peak": peak, "before": before * 1024 / GIB}))
    if way != "disk" and process == "0":
        np.save(path, kernel)


def started(way: str, path, size, core=None, port=0, process=0):
    """Start `work` in a process, on one core if its number is given."""
    command = [sys.executable, "-m", "benchmarks.scale", way, path, *size]
    command += [port, process]
    if core is not None:
        command = ["taskset", "-c", core, *command]
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"TQDM_DISABLE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def finished(process) -> dict:
    """Wait for it, and return what it printed."""
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{process.args[3:]} ended with {process.returncode}")
    return json.loads(out.splitlines()[-1])


def row(name: str, points: int, how: str = "") -> dict:
    begun = {"name": name, "how": how, "points": points, "times": 1.0}
    return begun | {"first_calls": [], "rounds": [], "difference": None}


def difference(path, truth) -> float:
    """Compare two kernels on disk, a few rows at a time."""
    one, two = np.load(path, "r"), np.load(truth, "r")
    parts = [slice(i, i + 1000) for i in range(0, len(one), 1000)]
    error = max(np.abs(one[p] - two[p]).max() for p in parts)
    error = float(error / max(np.abs(two[p]).max() for p in parts))
    if not error <= TOLERANCE:
        raise SystemExit(f"{path} differs by {error:.1e}, more than allowed.")
    return error


def processes(size, rounds: int, folder: Path) -> dict:
    """One process on one core, against two with one core each."""
    one, two = (row(name, size[0]) for name in ("one process", "two processes"))
    for _ in range(rounds):
        alone = finished(started("warm", folder / "one.npy", size, core=0))
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        pair = [
            started("warm", folder / "two.npy", size, core=i, port=port, process=i)
            for i in range(2)
        ]
        one["rounds"].append([alone["seconds"]])
        two["rounds"].append([max(finished(p)["seconds"] for p in pair)])
    one["difference"] = 0.0
    two["difference"] = difference(folder / "two.npy", folder / "one.npy")
    title = f"{size[0]} points, 2 hidden layers of {size[1]}, ReLU; a core a process"
    rows = measure.summarised([one, two])
    return {"title": title, "tolerance": TOLERANCE, "rows": rows}


def large(size, kills: int, folder: Path) -> dict:
    """A large kernel in memory; on disk; on disk with kills."""
    itself = size[0] ** 2 * 4 / GIB
    names = ("ntkbook.ntk", "ntkbook.ntk_on_disk", f"the same, killed {kills} times")
    rows = [row(name, size[0]) for name in names]
    paths = [folder / f"{name}.npy" for name in ("memory", "disk", "killed")]
    for way, path, each in zip(("once", "disk"), paths, rows, strict=False):
        found = finished(started(way, path, size))
        each["rounds"].append([found["seconds"]])
        each["how"] = (
            f"peak memory {found['peak']:.2f} GiB, {found['before']:.2f} of it before "
            f"the call; the kernel has {itself:.2f}"
        )
    start = time.perf_counter()
    killed_and_continued(paths[2], size, kills)
    rows[2]["rounds"].append([time.perf_counter() - start])
    rows[2]["how"] = "with starting and compiling anew each time"
    for path, each in zip(paths, rows, strict=True):
        each["difference"] = difference(path, paths[0])
    if difference(paths[2], paths[1]):
        raise SystemExit("the kernel that was killed is not the same")
    title = f"{size[0]} points, 2 hidden layers of {size[1]}, ReLU, 1 output"
    return {
        "title": title, "tolerance": TOLERANCE, "rows": measure.summarised(rows)
    }  # fmt: skip


def killed_and_continued(path: Path, size, kills: int):
    """Kill the process at random times, each time after it has got further."""
    note, chance = path.with_name(path.name + ".parts.json"), random.Random(0)
    done = 0
    for number in range(kills):
        process = started("disk", path, size)
        while process.poll() is None:
            now = json.loads(note.read_text())["done"] if note.exists() else []
            if len(now) > done:
                break
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        if process.poll() is not None:
            raise SystemExit(f"finished before kill {number + 1}: take more points")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = len(json.loads(note.read_text())["done"])
    finished(started("disk", path, size))


def main(small: bool, rounds: int):
    """Print the tables; keep them, unless they are small."""
    load = measure.load()
    pair, many = ((1000, 64), (4000, 32)) if small else ((6000, 2048), (20000, 512))
    with tempfile.TemporaryDirectory() as folder:
        tables = [
            large(many, 0 if small else 10, Path(folder)),
            processes(pair, min(rounds, 3), Path(folder)),
        ]
    measure.report(
        "scale", tables, what="At scale", dtype="float32", load=load, keep=not small
    )


if __name__ == "__main__":
    work(*sys.argv[1:])
