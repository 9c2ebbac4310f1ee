"""Time training that sums a path kernel against plain training.

Both make the same steps; the path kernel adds, at every step, the tangent kernel
between the queries and the training points ("start"), or its average over the step
("exact").
"""

from functools import partial

import jax

import ntkbook
from benchmarks import measure
from benchmarks.measure import Way
from ntkbook.paths import path_kernel

PLAIN = "ntkbook.gradient_descent"
BOOKS = "ntkbook.paths.path_kernel, {}"
TOLERANCE = 1e-8  # of the trained outputs at the queries


def ways(points: int, queries: int, features: int, width: int, steps: int) -> dict:
    """Return plain training, and that with both kinds of path kernel."""
    keys = jax.random.split(jax.random.key(0), 4)
    x = jax.random.normal(keys[0], (points, features))
    y = jax.random.normal(keys[1], (points, 1))
    at = jax.random.normal(keys[2], (queries, features))
    net = ntkbook.mlp(width, 1, "tanh", zero_output=True)
    params = net.init(keys[3], x)
    options = dict(step_size=0.1 / points, steps=steps, progress=False)

    def plain():
        run = ntkbook.gradient_descent(
            net.apply, params, x, y, record=[0, steps], **options
        )
        return net.apply(run.params, at)

    def with_books(integral):
        return path_kernel(
            net.apply, params, x, y, at, integral=integral, **options
        ).outputs

    found = {PLAIN: Way(plain)}
    for integral in ("start", "exact"):
        way = Way(partial(with_books, integral))
        found[BOOKS.format(integral)] = way
    return found


def main(small: bool, rounds: int):
    """Print the tables; keep them, unless they are small."""
    load = measure.load()
    sizes = [(12, 50, 2, 50, 1000), (200, 200, 64, 512, 100)]
    if small:
        sizes = [(4, 3, 2, 5, 10)]
    tables = []
    with measure.in_float64():
        for size in sizes:
            points, queries, features, width, steps = size
            title = (
                f"{points} points, {queries} queries, {features} features, one hidden "
                f"layer of {width}, tanh, {steps} steps"
            )
            rows = measure.measure(ways(*size), rounds, points, TOLERANCE)
            tables.append({"title": title, "tolerance": TOLERANCE, "rows": rows})
        measure.report(
            "paths",
            tables,
            what="Path kernels",
            dtype="float64",
            load=load,
            keep=not small,
        )
