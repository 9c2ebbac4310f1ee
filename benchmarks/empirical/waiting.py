"""What one waits for besides arithmetic: first calls, checks, another n, small calls.

All in one process, in turns; processor seconds and not those of the clock, so that
other programs hardly matter, but for the call that is measured in microseconds and for
the disk. The second column is what the first is held against.
"""

import statistics
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from benchmarks import measure
from benchmarks.empirical import networks
from ntkbook.kernels.empirical import tangent


def spent(function, clock=time.process_time) -> float:
    start = clock()
    jax.block_until_ready(function())
    return clock() - start


def another_n(setting, rounds: int) -> tuple[list, list]:
    """Another number of inputs where everything is compiled for one: first, again."""

    def kernel(n):
        return lambda: ntkbook.ntk(setting.apply, setting.params, setting.x[:n])

    n = len(setting.x)
    spent(kernel(n))
    sizes = [n - 1 - 3 * i for i in range(rounds)]
    return [spent(kernel(m)) for m in sizes], [spent(kernel(m)) for m in sizes]


def checked(setting, rounds: int) -> tuple[list, list]:
    """A first call with the check of independence, and without it."""

    def plain(p, x):
        return setting.apply(p, x)

    def known(p, x):
        return setting.apply(p, x)

    known.independent = True
    times: tuple[list, list] = ([], [])
    for _ in range(rounds):
        for apply, found in zip((plain, known), times, strict=True):
            jax.clear_caches()
            tangent.independence._passed.__init__()
            call = (apply, setting.params, setting.x)
            found.append(spent(lambda call=call: ntkbook.ntk(*call)))
    return times


def small(rounds: int) -> tuple[list, list]:
    """A call on 20 points, and its compiled program alone."""
    setting = networks.mlp(20, 32)
    call = (setting.apply, setting.params, setting.x)
    how = tangent.kernel_of(*call).plan.how
    ways = (
        lambda: ntkbook.ntk(*call),
        lambda: tangent._at_once(how, setting.params, setting.x, None),
    )
    times: tuple[list, list] = ([], [])
    for _ in range(200 * rounds):
        for way, found in zip(ways, times, strict=True):
            found.append(spent(way, time.perf_counter))
    return times


def disk(points: int, rounds: int) -> tuple[list, list]:
    """A kernel in a file, and in memory; by the clock."""
    setting = networks.mlp(points, 512)
    call = (setting.apply, setting.params, setting.x)
    times: tuple[list, list] = ([], [])
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds + 1):  # the first compiles
            path = Path(folder, f"{i}.npy")
            ways = (
                lambda path=path: np.asarray(
                    ntkbook.ntk_on_disk(path, *call, progress=False)
                )[:1],
                lambda: ntkbook.ntk(*call),
            )
            for way, found in zip(ways, times, strict=True):
                found.append(spent(way, time.perf_counter))
            path.unlink()
    return times[0][1:], times[1][1:]


def curvature(rounds: int) -> tuple[list, list]:
    """kappa of a small convolutional network on ten points: first call, and again."""
    setting = networks.lenet(10)
    y = jax.nn.one_hot(jnp.arange(10), 10)

    def call():
        return float(ntkbook.kappa(setting.apply, setting.params, setting.x, y))

    times: tuple[list, list] = ([], [])
    for _ in range(rounds):
        jax.clear_caches()
        for found in times:
            found.append(spent(call))
    return times


def main(few: bool, rounds: int):
    """Print the table."""
    rounds = 1 if few else rounds
    lenet, mlp = networks.lenet(10 if few else 60), networks.mlp(100, 64)
    ways = {
        "LeNet, another n: first call | again": lambda: another_n(lenet, rounds),
        "LeNet, first call: checked | known": lambda: checked(lenet, rounds),
        "MLP, first call: checked | known": lambda: checked(mlp, rounds),
        "20 points: call | its program alone": lambda: small(rounds),
        "on disk | in memory": lambda: disk(1000 if few else 8000, rounds),
        "kappa: first call | again": lambda: curvature(rounds),
    }
    print(f"\nWaiting; load before it: {measure.load():.1f}\n")
    print("| what | seconds | seconds | ratio |")
    print("|---|---:|---:|---:|")
    for name, way in ways.items():
        one, two = way()
        ratio = statistics.median(map(float.__truediv__, one, two))
        numbers = f"{statistics.median(one):.3g} | {statistics.median(two):.3g}"
        print(
            f"| {name.replace(' | ', ', against ')} | {numbers} | {ratio:.3g} |",
            flush=True,
        )
