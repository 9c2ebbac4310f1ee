"""Time the kernels of the critique against the plain loop that the tests write out.

Chapter 10's paper computed its kernels pair by pair; the library's should take a
hundredth of that for a pair, on a machine that does nothing else.
"""

import sys
import time
from pathlib import Path

from benchmarks import measure
from ntkbook import critique

BOUND = 60  # times as fast, at least


def main(small: bool, rounds: int):
    """Print how many times as fast each kernel is; end with an error below 60."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from test_critique import one_pair, unit_vectors

    points = 50 if small else 670
    print(f"\nA plain loop's time for a pair; load before it: {measure.load():.1f}\n")
    print("| kernel | microseconds, the loop | the library | ratio |")
    print("|---|---:|---:|---:|")
    slow = []
    x, many = unit_vectors(20), unit_vectors(points)
    for name in critique.NAMES:
        critique.kernel(name, many)  # compiles
        loop, ours = [], []
        for _ in range(rounds):
            start = time.process_time()
            for a in x:
                for b in x:
                    one_pair(name, a, b, True)
            loop.append((time.process_time() - start) / len(x) ** 2)
            start = time.process_time()
            critique.kernel(name, many)
            ours.append((time.process_time() - start) / points**2)
        ratio = min(loop) / min(ours)
        numbers = f"{1e6 * min(loop):.3g} | {1e6 * min(ours):.3g} | {ratio:.3g}"
        print(f"| {name} | {numbers} |", flush=True)
        slow += [name] * (ratio < BOUND)
    if slow and not small:
        raise SystemExit(f"Not {BOUND} times as fast: {', '.join(slow)}.")
