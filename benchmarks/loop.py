"""Time the kernels of the critique against the plain loop that the tests write out.

The paper of Chapter 6 computed its kernels pair by pair; the library's should take a
hundredth of that for a pair, on a machine that does nothing else.
"""

import time

from benchmarks import measure
from ntkbook import critique

BOUND = 60  # times as fast, at least


def ratio(name: str, points: int, rounds: int) -> float:
    """How many times as long the loop takes for a pair; prints all three numbers."""
    # where the loop is written out
    from tests.library.chapters.test_critique import one_pair, unit_vectors

    x, many = unit_vectors(20), unit_vectors(points)
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
    found = min(loop) / min(ours)
    numbers = f"{1e6 * min(loop):.3g} | {1e6 * min(ours):.3g} | {found:.3g}"
    print(f"| {name} | {numbers} |", flush=True)
    return found


def main(small: bool, rounds: int):
    """Print how many times as fast each kernel is; end with an error below 60."""
    points = 50 if small else 670
    print(f"\nA plain loop's time for a pair; load before it: {measure.load():.1f}\n")
    print("| kernel | microseconds, the loop | the library | ratio |")
    print("|---|---:|---:|---:|")
    with measure.in_float64():
        ratios = {name: ratio(name, points, rounds) for name in critique.NAMES}
    slow = [name for name, found in ratios.items() if found < BOUND]
    if slow and not small:
        raise SystemExit(f"Not {BOUND} times as fast: {', '.join(slow)}.")
