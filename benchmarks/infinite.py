"""Time the kernels of infinitely wide networks against neural-tangents' ``stax``.

Here compilation counts: whoever wants such a kernel computes it once. So the first call
is timed in every round too, after all compiled code has been dropped.
"""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import ntkbook
from benchmarks import measure
from benchmarks.measure import Way

OURS, THEIRS = "ntkbook.infinite", "neural-tangents, stax"
TOLERANCE = 1e-6  # the diagonal of their ReLU is off by 1e-8
HIDDEN = 3
CONVOLUTIONS = 5


def dense(points: int) -> dict[str, Way]:
    """Return both ways to the tangent kernel of 3 hidden ReLU layers."""
    x = jnp.asarray(np.random.default_rng(0).standard_normal((points, 64)))
    stax = ntkbook.neural_tangents.stax
    layer = stax.Dense(1, W_std=2**0.5, b_std=0.1)
    theirs = stax.serial(*[layer, stax.Relu()] * HIDDEN, layer)[2]
    settings = dict(depth=HIDDEN, weight_std=2**0.5, bias_std=0.1)
    return {
        OURS: Way(lambda: ntkbook.infinite.ntk(x, **settings)),
        THEIRS: compiled(theirs, x),
    }


def convolutional(images: int, pooling: str) -> dict[str, Way]:
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
        OURS: Way(lambda: ntkbook.infinite.cntk(x, **settings)),
        THEIRS: compiled(theirs, x),
    }


def compiled(kernel, x) -> Way:
    program = jax.jit(lambda x: kernel(x, None, "ntk"))
    return Way(lambda: program(x))


def settings(small: bool) -> dict:
    """Return what is compared, by its title."""
    points, few, more = (50, 4, 6) if small else (2000, 64, 256)
    title = f"{points} points, dense, {HIDDEN} hidden layers, ReLU"
    found = {title: (points, dense(points))}
    for images, pooling in (few, "flatten"), (more, "flatten"), (few, "average"):
        title = f"{images} digits of 8 × 8, {CONVOLUTIONS} convolutions, {pooling}"
        found[title] = images, convolutional(images, pooling)
    return found


def main(small: bool, rounds: int):
    """Print the tables; keep them, unless they are small."""
    load = measure.load()
    tables = []
    with measure.in_float64():
        for title, (n, ways) in settings(small).items():
            rows = measure.measure(ways, rounds, n, TOLERANCE, first_too=True)
            tables.append({"title": title, "tolerance": TOLERANCE, "rows": rows})
        measure.report(
            "infinite",
            tables,
            what="Infinitely wide networks",
            dtype="float64",
            load=load,
            keep=not small,
        )
