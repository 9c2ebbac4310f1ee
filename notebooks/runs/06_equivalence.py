"""Chapter 6's long run: the critique's study, its networks, and what explains them.

`make run RUN=06_equivalence` writes one file for each finished trial into
_runs/06_equivalence, may be killed and continued at any moment, and at the end stores
the summary that the chapter shows. Two cores need a few hours. With words, such as
`late` or `late-1000`, it makes only the trials whose names begin so, and puts them into
the summary that is stored, instead of those groups' older results.
"""

import sys
from datetime import date
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook.critique import (
    data,
    kernel,
    kernel_trial,
    network,
    network_trial,
    theory,
)
from ntkbook.critique.networks import BATCH, EPOCHS, LEARNING_RATE
from ntkbook.critique.study import rmse, start_key
from ntkbook.flow import training_time
from ntkbook.infinite import nngp, ntk
from ntkbook.machine.store import Store
from ntkbook.results import keep, stored

SETTINGS = {
    "width": 10_000,  # of the networks with one hidden layer
    "learning_rate": LEARNING_RATE,
    "batch_size": BATCH,
    "epochs": EPOCHS,  # for each hidden layer
    "starts": 40,  # draws of one initialisation for all trials
    "times": ["0.15", "1.5", "15", "150", "1500", "inf"],  # JSON has no infinity
}
# How many trials of each kind; more can be added to a run.
TRIALS = 50
PLAIN = {156: 8, 256: 8, 512: 4, 625: 2, 1024: 2}  # two layers
ROUNDED = {156: 8, 625: 2}  # two layers, rounded as at width 10 000
VARIANTS = 6  # two layers: full batches, one bias vector twice, TF32
STUDY = [250, 1000, 4000, 16000, 64000]  # widths of linearised networks, one layer
STUDIED = 5  # for each
LATE = {10_000: 6, 1000: 6, 2500: 6}  # one layer, trained for long
ROUGH = 5
RIVALS = 5  # one layer, the protocol's time, against other kernels, same weights
# For the protocol's time, on all points with momentum, one and two layers.
MOMENTUM = {
    1: {156: 8, 625: 8, 2500: 8, 10_000: 8, 40_000: 4},
    2: {156: 8, 625: 8, 2000: 4, 4000: 3, 10_000: 1},
}
CAREFULLY = {1: {10_000: 4}, 2: {625: 2, 10_000: 1}}
SHARED = {1: (4, 4), 2: (4, 3)}  # starts, and the trials in which each is used
GRID = [16, 64, 256, 1024], [58, 117, 234, 468]  # of the figure with sliders
FITTED = 468  # points that Keras fits


def time_of(depth):
    """Return the time that the published protocol trains for."""
    steps = depth * EPOCHS * -(-FITTED // BATCH)
    return training_time(
        LEARNING_RATE, steps, points=FITTED, reduction="mean", half=False
    )


def float_start(number, depth, width, dtype):
    """Return the weights that `network` would draw in float32, in another precision."""
    net = ntkbook.mlp(width, depth, "relu", bias_std=1.0)
    key, _ = jax.random.split(start_key(number))
    params = net.init(key, jnp.zeros((1, 15), jnp.float32))
    return jax.tree.map(lambda p: p.astype(dtype), params)


@partial(jax.jit, static_argnums=1)
def as_if_wide(params, factor):
    """Round parameters as float32 would if the width were `factor` times larger.

    A step moves a weight between hidden layers by about 1/width, any other parameter
    by about 1/sqrt(width). So rounding to fewer bits here does to a step what float32
    does to the smaller steps there.
    """
    bits = round(np.log2(factor))
    if 2**bits != factor or bits % 2:
        raise ValueError("`factor` must be a power of 4.")

    def rounded(name, p):
        less = bits if name == "weight" and p.shape[0] == p.shape[1] else bits // 2
        return jax.lax.reduce_precision(p, 8, 23 - less)

    return [{name: rounded(name, p) for name, p in layer.items()} for layer in params]


def times16(params):
    """Round as at 16 times the width: at width 625 as at 10 000."""
    return as_if_wide(params, 16)


def times64(params):
    """Round as at 64 times the width: at width 156 as at about 10 000."""
    return as_if_wide(params, 64)


def one_bias_vector(number, width):
    """Train two layers that start with the same biases in both."""
    first, second, last = float_start(number, 2, width, jnp.float32)
    params = [first, second | {"bias": first["bias"]}, last]
    return network_trial(number, depth=2, width=width, params=params, progress=False)


@jax.custom_vjp
def tf32_product(a, b):
    """Multiply two matrices as TF32 does: factors with 10 bits, sums in float32."""
    return jax.lax.reduce_precision(a, 8, 10) @ jax.lax.reduce_precision(b, 8, 10)


def _tf32_forward(a, b):
    return tf32_product(a, b), (a, b)


def _tf32_back(factors, delta):
    a, b = factors
    return tf32_product(delta, b.T), tf32_product(a.T, delta)


tf32_product.defvjp(_tf32_forward, _tf32_back)


def tf32_network(params, x):
    """Return the outputs of the critique's network, all products in TF32."""
    z = x
    for number, layer in enumerate(params):
        h = jnp.maximum(z, 0) if number else z
        scale = 1 / np.sqrt(h.shape[1]).astype(h.dtype)
        z = tf32_product(scale * h, layer["weight"]) + layer["bias"]
    return z


def tf32(number, width):
    """Train two layers with the reduced precision of recent GPUs' products."""
    return network_trial(
        number, depth=2, width=width, apply=tf32_network, progress=False
    )


def full_batch(number, width):
    """Train two layers on all points at once, for the same time in 12 000 steps."""
    steps = 4 * EPOCHS
    return network_trial(
        number,
        depth=2,
        width=width,
        epochs=steps,
        batch_size=FITTED,
        step_size=time_of(2) * FITTED / (2 * steps),
        progress=False,
    )


def parts(trial):
    """Return what a network is fitted on, and the test set."""
    fitted, test = trial.fitted, trial.test
    return trial.x[fitted], trial.y[fitted], trial.x[test], trial.y[test]


def outputs(params, width, depth, points):
    """Return a network's outputs."""
    net = ntkbook.mlp(width, depth, "relu", bias_std=1.0)
    return np.asarray(net.apply(params, points))[:, 0]


def width_study(number, width):
    """Compare the linearised network with the limit, from one draw, at all times."""
    x, y, x_test, y_test = parts(data(number))
    net = ntkbook.mlp(width, 1, "relu", bias_std=1.0)
    params = net.init(start_key(number), jnp.asarray(x))
    f0 = [outputs(params, width, 1, jnp.asarray(a)) for a in (x, x_test)]
    times = np.array(SETTINGS["times"], float)
    points = jnp.concatenate([x, x_test])
    own = ntkbook.ntk(net.apply, params, points)
    limit = ntk(points, depth=1, bias_std=1.0)
    a, b = (
        theory(x, y, x_test, times, start=f0, kernel=lambda _, k=k: k).mean
        for k in (own, limit)
    )
    return {
        "network": [rmse(f, y_test) for f in a],
        "theory": [rmse(f, y_test) for f in b],
        "apart": [rmse(f, g) for f, g in zip(a, b, strict=True)],
        "kernel": float(jnp.linalg.norm(own - limit) / jnp.linalg.norm(limit)),
    }


def without_hidden_weights(points):
    """Return NTKJ2 without the part of the weights between the hidden layers."""
    settings = {"bias_std": 1.0}
    first = nngp(points, depth=1, **settings)  # 1 + H1, the 1 from the biases
    upper = ntk(points, depth=2, frozen=1, **settings)
    slope = (upper - nngp(points, depth=2, **settings)) / first
    return ntk(points, depth=2, **settings) - slope * (first - 1)


def theory_trial(number):
    """Predict both networks of a trial, in steps from regression to the protocol."""
    found = {}
    for form, published in {"published": True, "corrected": False}.items():
        trial = data(number, published=published)
        x, y, x_test, y_test = parts(trial)
        every = trial.x[trial.train], trial.y[trial.train], x_test
        for depth in (1, 2):
            times = [time_of(1), time_of(2), np.inf]
            random = theory(x, y, x_test, times, depth=depth).rmse(y_test)
            zero = theory(x, y, x_test, times, depth=depth, start="zero")
            full = theory(*every, np.inf, depth=depth, start="zero")
            found[f"{form}-{depth}"] = {
                "random": random.tolist(),
                "zero": zero.rmse(y_test).tolist(),
                "regression": float(full.rmse(y_test)),
            }
        if published:
            less = theory(
                x, y, x_test, time_of(2), depth=2, kernel=without_hidden_weights
            )
            found["without"] = float(less.rmse(y_test))
    return found


@partial(jax.jit, static_argnums=0)
def heavy_ball(apply, state, x, y, step, momentum, count):
    """Make many steps on all points, with momentum."""

    def loss(params):
        return 0.5 * jnp.sum((apply(params, x)[:, 0] - y) ** 2)

    def one(_, state):
        params, speed = state
        slope = jax.grad(loss)(params)
        speed = jax.tree.map(lambda v, g: momentum * v - step * g, speed, slope)
        return jax.tree.map(jnp.add, params, speed), speed

    return jax.lax.fori_loop(0, count, one, state)


class Pace(NamedTuple):
    """How to train on all points: first some small plain steps, then momentum."""

    warm: int
    step: float  # the largest rate is 914 with one layer, 1250 with two
    momentum: float

    @property
    def delay(self):
        """How many steps with momentum it takes until they have their full size."""
        return self.momentum / (1 - self.momentum)

    def steps(self, time):
        return round((time - WARM * self.warm) * (1 - self.momentum) / self.step)


WARM = 0.0004
FAST = Pace(0, 0.001, 0.9)
CAREFUL = Pace(20, 0.0018, 0.7)  # nearer to the flow; too long for narrow networks


def momentum_trial(number, width, depth, pace):
    """Train for the protocol's time on all points, in float32, at some pace."""
    until = pace.steps(time_of(depth)) + round(pace.delay)
    stages = [(WARM, 0.0, pace.warm), (pace.step, pace.momentum, until)]
    return on_all_points(number, width, depth, stages, looks=1)


# Steps, momentum and how many, to the times 1.5, 5, 15, 50 and 150. In the limit of
# infinite width these steps depart from the flow by at most 2% of the error at 1.5 and
# by at most half a per cent later ("pace_apart" in the results).
TO_150 = (
    (WARM, 0.0, 20),
    (0.0018, 0.7, 251),
    (0.002, 0.9, 183),
    (0.002, 0.9, 500),
    (0.002, 0.95, 875),
    (0.002, 0.95, 2500),
)


def in_the_limit(rates, stages):
    """Return what is left of a residual with each rate after each stage, and the time.

    The time is that of gradient flow: how far a residual that never changes would have
    been moved.
    """
    rates = np.append(rates, 0.0)  # the last never changes
    left, time = np.ones_like(rates), 0.0
    speed, moved = np.zeros_like(rates), 0.0
    found = []
    for step, momentum, count in stages:
        for _ in range(count):
            speed = momentum * speed - step * rates * left
            left = left + speed
            moved = momentum * moved + step
            time += moved
        found.append((left[:-1], time))
    return found


def on_all_points(number, width, depth, stages, looks, published=True):
    """Train on all points; compare with its linearisation and with the limit.

    Args:
        number: which trial, also the seed of the network.
        stages: step size, momentum and number of steps of each.
        looks: compare after each of so many last stages.
        published: which form of the generator.
    """
    dtype = jnp.float32
    x, y, x_test, y_test = parts(data(number, published=published))
    net = ntkbook.mlp(width, depth, "relu", bias_std=1.0)
    first = float_start(number, depth, width, dtype)
    points = [jnp.asarray(a, dtype) for a in (x, x_test)]
    f0 = [outputs(first, width, depth, a).astype(float) for a in points]
    own = ntkbook.ntk(net.apply, first, jnp.concatenate(points)).astype(float)

    target, rest = jnp.asarray(y, dtype), jax.tree.map(jnp.zeros_like, first)
    state, found = (first, rest), []
    del first, rest  # 400 MB each with two layers of 10 000
    for step, momentum, count in stages:
        state = heavy_ball(net.apply, state, points[0], target, step, momentum, count)
        found.append(outputs(state[0], width, depth, points[1]).astype(float))
    found = found[-looks:]

    limit = np.asarray(ntk(jnp.concatenate([x, x_test]), depth=depth, bias_std=1.0))
    n = len(x)
    rates, axes = np.linalg.eigh(limit[:n, :n])
    left = in_the_limit(rates, stages)[-looks:]
    times = [time for _, time in left]
    flow = theory(x, y, x_test, times, depth=depth, start=f0).mean
    line = theory(x, y, x_test, times, start=f0, kernel=lambda _: own).mean
    across, along = limit[n:, :n] @ axes, axes.T @ (y - f0[0])
    paced = [f0[1] + across @ ((1 - part) / rates * along) for part, _ in left]
    return {
        "times": times,
        "network": [rmse(f, y_test) for f in found],
        "linearised": [rmse(f, y_test) for f in line],
        "theory": [rmse(f, y_test) for f in flow],
        "network_apart": [rmse(f, g) for f, g in zip(found, flow, strict=True)],
        "linearised_apart": [rmse(f, g) for f, g in zip(line, flow, strict=True)],
        "moved": [rmse(f, g) for f, g in zip(found, line, strict=True)],
        "pace_apart": [rmse(f, g) for f, g in zip(paced, flow, strict=True)],
        "correlation": [alike(f, g, y_test) for f, g in zip(found, flow, strict=True)],
        "targets": rmse(y_test, 0),
    }


def affine_trial(number):
    """Return the error of an affine least-squares fit, and what it has of theory.

    The control for all agreement at the protocol's time: 16 parameters, no network and
    no kernel. Theory starts where the trial's network of the paper's width starts.
    """
    x, y, x_test, y_test = parts(data(number))
    fit = np.linalg.lstsq(np.c_[np.ones(len(x)), x], y, rcond=None)[0]
    found = np.c_[np.ones(len(x_test)), x_test] @ fit
    first = float_start(number, 1, SETTINGS["width"], jnp.float32)
    f0 = [
        outputs(first, SETTINGS["width"], 1, jnp.asarray(a, jnp.float32)).astype(float)
        for a in (x, x_test)
    ]
    flow = theory(x, y, x_test, time_of(1), start=f0).mean
    return {
        "affine": rmse(found, y_test),
        "theory": rmse(flow, y_test),
        "apart": rmse(found, flow),
        "correlation": alike(found, flow, y_test),
        "targets": rmse(y_test, 0),
    }


def rivals_trial(number):
    """Return how far a network is from its own kernel's flow and from its rivals.

    All points, plain gradient descent, for the protocol's time. All flows start where
    the network starts, but for the two that say otherwise. A rival kernel is scaled so
    that the mean of its 15 linear eigenvalues is that of the network's own.
    """
    x, y, x_test, y_test = parts(data(number))
    points, n = np.concatenate([x, x_test]), len(x)
    grams = {name: kernel(name, points) for name in ("NTKJ1", "NTKB1", "NTKJ2", "GP1")}
    grams["covariance"] = np.asarray(nngp(jnp.asarray(points), depth=1, bias_std=1.0))
    rates = {name: np.linalg.eigvalsh(k[:n, :n]) for name, k in grams.items()}
    own = rates["NTKJ1"]
    step = 0.9 / own[-1]
    run = network(
        x, y, x_test, key=start_key(number), width=SETTINGS["width"], batch_size=n,
        step_size=step * n / 2, epochs=round(time_of(1) / step), progress=False,
    )  # fmt: skip
    f0, found, end = (run.outputs[0], run.observed[0]), run.observed[-1], run.times[-1]
    other = float_start(1000 + number, 1, SETTINGS["width"], jnp.float32)
    g0 = [
        outputs(other, SETTINGS["width"], 1, jnp.float32(a)).astype(float)
        for a in (x, x_test)
    ]

    def flow(name, start):
        scale = own[-16:-1].mean() / rates[name][-16:-1].mean()
        k = scale * grams[name]
        return theory(x, y, x_test, end, start=start, kernel=lambda _: k).mean

    def affine(values):
        fit = np.linalg.lstsq(np.c_[np.ones(n), x], values, rcond=None)[0]
        return np.c_[np.ones(len(x_test)), x_test] @ fit

    rivals = {name: flow(name, f0) for name in grams} | {
        "other start": flow("NTKJ1", g0),
        "zero": flow("NTKJ1", "zero"),
        "affine": affine(y),
        "f0 + affine": f0[1] + affine(y - f0[0]),
    }
    return {
        "network": rmse(found, y_test),
        "theory": rmse(rivals["NTKJ1"], y_test),
        "apart": {name: rmse(found, f) for name, f in rivals.items()},
        "correlation": {name: alike(found, f, y_test) for name, f in rivals.items()},
    }


def alike(f, g, y):
    """Return the correlation of two predictions' residuals."""
    return float(np.corrcoef(f - y, g - y)[0, 1])


def shared_starts(depth, width=1000):
    """Return the mean error over the 50 trials, for many draws, each used in all."""
    n = FITTED
    nets = [
        ntkbook.mlp(width, depth, "relu", bias_std=1.0).init(
            jax.random.fold_in(jax.random.key(0), i), jnp.zeros((1, 15))
        )
        for i in range(SETTINGS["starts"])
    ]
    errors = []
    for number in range(TRIALS):
        x, y, x_test, y_test = parts(data(number))
        f0 = [
            np.stack([outputs(p, width, depth, jnp.asarray(a)) for p in nets], 1)
            for a in (x, x_test)
        ]
        points = jnp.concatenate([x, x_test])
        k = np.asarray(ntk(points, depth=depth, bias_std=1.0))
        flow = ntkbook.kernel_flow(
            k[:n, :n],
            np.repeat(y[:, None], len(nets), 1),
            time_of(depth),
            k_test=k[n:, :n],
            f0_train=f0[0],
            f0_test=f0[1],
        )
        errors.append(np.sqrt(((flow.test - y_test[:, None]) ** 2).mean(0)))
    return {"means": np.mean(errors, 0).tolist()}


def shared_kernels(start, depth, width=10_000):
    """Return what one draw, used in several trials, does to linearised networks."""
    net = ntkbook.mlp(width, depth, "relu", bias_std=1.0)
    params = float_start(1000 + start, depth, width, jnp.float32)
    found = []
    for number in range(SHARED[depth][1]):
        x, y, x_test, y_test = parts(data(number))
        points = [jnp.asarray(a, jnp.float32) for a in (x, x_test)]
        f0 = [outputs(params, width, depth, a).astype(float) for a in points]
        kernel = ntkbook.ntk(net.apply, params, jnp.concatenate(points)).astype(float)
        end = time_of(depth)
        line = theory(x, y, x_test, end, start=f0, kernel=lambda _, k=kernel: k)
        limit = theory(x, y, x_test, end, depth=depth, start=f0)
        found.append(rmse(line.mean, y_test) / rmse(limit.mean, y_test))
    return {"ratios": found}


def curves(width, size):
    """Return test errors along training, of one trial's network on its first points."""
    x, y, x_test, y_test = parts(data(0))
    x, y = x[:size], y[:size]
    moments = np.unique(np.geomspace(1, EPOCHS, 16).round().astype(int))
    run = network(
        x, y, x_test, key=start_key(0), width=width, record=moments, progress=False
    )
    times = [*run.times, np.inf]
    flow = theory(x, y, x_test, times, start=(run.outputs[0], run.observed[0])).mean
    *same, limit = [rmse(f, y_test) for f in flow]
    return {
        "times": run.times.tolist(),
        "network": [rmse(f, y_test) for f in run.observed],
        "theory": same,
        "limit": limit,
    }


def jobs():
    """Name every trial and what computes it."""
    quiet = {"progress": False}
    one = partial(network_trial, width=SETTINGS["width"], **quiet)
    two = partial(network_trial, depth=2, **quiet)
    yield from ((f"kernels-{i:03}", partial(kernel_trial, i)) for i in range(TRIALS))
    for width, count in ROUNDED.items():
        after = {156: times64, 625: times16}[width]
        for i in range(count):
            yield f"plain-{width}-{i:03}", partial(two, i, width=width)
            rounded = partial(two, i, width=width, after_step=after)
            yield f"rounded-{width}-{i:03}", rounded
    yield from ((f"one-{i:03}", partial(one, i)) for i in range(TRIALS))
    yield from ((f"theory-{i:03}", partial(theory_trial, i)) for i in range(TRIALS))
    for width in STUDY:
        for i in range(STUDIED):
            yield f"study1-{width}-{i:03}", partial(width_study, i, width)
    yield "starts2-000", partial(shared_starts, 2)
    for width in GRID[0]:
        for size in GRID[1]:
            yield f"grid-{width}-{size}", partial(curves, width, size)
    for i in range(VARIANTS):
        yield f"bias-156-{i:03}", partial(one_bias_vector, i, 156)
        yield f"batch-156-{i:03}", partial(full_batch, i, 156)
        yield f"tf32-156-{i:03}", partial(tf32, i, 156)
    for width, count in LATE.items():
        for i in range(count):
            work = partial(on_all_points, i, width, 1, TO_150, looks=5)
            yield f"late-{width}-{i:03}", work
    yield from ((f"affine-{i:03}", partial(affine_trial, i)) for i in range(TRIALS))
    yield from ((f"rivals-{i:03}", partial(rivals_trial, i)) for i in range(RIVALS))
    for i in range(ROUGH):  # to the protocol's time, on data from the corrected kernel
        short = partial(on_all_points, i, 10_000, 1, TO_150[:2], looks=1)
        yield f"rough-10000-{i:03}", partial(short, published=False)
    for name, pace, planned in (
        ("momentum", FAST, MOMENTUM),
        ("careful", CAREFUL, CAREFULLY),
    ):
        for depth, widths in planned.items():
            for width, count in widths.items():
                for i in range(count):
                    work = partial(momentum_trial, i, width, depth, pace)
                    yield f"{name}{depth}-{width}-{i:03}", work
    for depth in (1, 2):
        for i in range(SHARED[depth][0]):
            yield f"shared{depth}-{i:03}", partial(shared_kernels, i, depth)
    for width, count in PLAIN.items():
        for i in range(count):
            if i >= ROUNDED.get(width, 0):
                yield f"plain-{width}-{i:03}", partial(two, i, width=width)


def rounded_numbers(tree, digits):
    """Return the results with fewer digits, which are enough for a page."""
    if isinstance(tree, dict):
        return {k: rounded_numbers(v, digits) for k, v in tree.items()}
    if isinstance(tree, list):
        return [rounded_numbers(v, digits) for v in tree]
    return float(f"{tree:.{digits}g}") if isinstance(tree, float) else tree


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store = Store("_runs/06_equivalence", SETTINGS)
    wanted = sys.argv[1:]
    todo = {n: j for n, j in jobs() if not wanted or chosen(n, wanted)}
    # One after the other: JAX uses all cores, and two at a time once gave a wrong one.
    results = {}
    for name, trial in store.trials(todo).items():
        group = name.rpartition("-")[0]
        digits = 10 if group == "kernels" else 6  # the table's own have six
        results.setdefault(group, []).append(rounded_numbers(trial, digits))
    provenance = store.provenance("make run RUN=06_equivalence")
    if wanted:
        provenance, results = added(wanted, provenance, results)
    print(keep("06_equivalence", {"provenance": provenance, "results": results}))


def chosen(name, wanted):
    """Say whether a trial's name begins with one of the words."""
    return any(name.startswith(f"{word}-") for word in wanted)


def added(wanted, provenance, results):
    """Put some groups' results into those that are stored, and say when and how."""
    old = stored("06_equivalence")
    made = {k: provenance[k] for k in ("minutes", "machine")}
    made |= {"groups": " ".join(wanted), "date": date.today().isoformat()}
    others = old["provenance"].get("added", [])
    others = [a for a in others if a["groups"] != made["groups"]]
    kept = {k: v for k, v in old["results"].items() if not chosen(f"{k}-", wanted)}
    first = {k: v for k, v in old["provenance"].items() if k != "date"}
    first |= {"first": old["provenance"].get("first", old["provenance"]["date"])}
    return first | {"added": [*others, made]}, kept | results


if __name__ == "__main__":
    main()
