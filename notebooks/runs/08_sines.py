"""Chapter 8's third run: in which order a deep network learns the sines of a sum.

`make run RUN=08_sines` writes one file for each finished trial into _runs/08_sines, may
be killed and continued at any moment, and at the end stores the summary that the
chapter shows.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ntkbook
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "width": 64,
    "depth": 5,
    "steps": 4000,  # of Adam, on all points
    "points": 200,
    "frequencies": [1, 2, 3, 4, 5, 6, 7, 8],
    "amplitudes": {"equal": [1.0, 1.0], "rising": [0.1, 1.0]},  # first and last
    "seeds": 5,
    "learned": 0.8,  # of the amplitude, as a mean over so many steps:
    "window": 50,
}
S = SETTINGS


def inputs(kind, at):
    """The points of [0, 1] as the network sees them."""
    if kind == "interval":
        return at[:, None]
    turn, fast = 2 * np.pi * at, 2 * np.pi * 8 * at
    slow = [0.2 * np.cos(turn), 0.2 * np.sin(turn)]
    return np.stack([np.cos(fast), np.sin(fast), *slow], 1)


def sines(kind, amplitudes, seed):
    """Train a network on a sum of sines; the steps until each is learned."""
    at = np.arange(S["points"]) / S["points"]
    ks = np.array(S["frequencies"])
    rng = np.random.default_rng(seed)
    size = np.linspace(*S["amplitudes"][amplitudes], len(ks))
    phases = rng.uniform(0, 2 * np.pi, len(ks))
    y = (size * np.sin(2 * np.pi * np.outer(at, ks) + phases)).sum(1)
    x = jnp.asarray(inputs(kind, at), jnp.float32)
    target = jnp.asarray(y, jnp.float32)[:, None]
    net = ntkbook.mlp(
        S["width"], S["depth"], "relu", parametrization="standard",
        weight_std=2**0.5, bias_std=0.1,
    )  # fmt: skip
    params = net.init(jax.random.key(seed), x)
    optimizer = optax.adam(1e-3)

    @jax.jit
    def train(params):
        def step(state, _):
            p, o = state
            outputs, pull = jax.vjp(lambda q: net.apply(q, x), p)
            (slope,) = pull(2 * (outputs - target) / len(target))
            change, o = optimizer.update(slope, o)
            waves = jnp.fft.rfft(outputs[:, 0])[ks]
            return (optax.apply_updates(p, change), o), waves

        return jax.lax.scan(step, (params, optimizer.init(params)), None, S["steps"])

    _, waves = train(params)
    exact = np.fft.rfft(y)[ks]
    waves = np.asarray(waves)
    size = running_mean(np.abs(waves) / np.abs(exact))
    wrong = running_mean(np.abs(waves - exact) / np.abs(exact))
    return {
        "steps": first(size >= S["learned"]),  # as the source measures it
        "steps with phase": first(wrong <= 1 - S["learned"]),
        "wrong at the end": wrong[-1].tolist(),
    }


def running_mean(rows):
    """Means over the window that ends at each row; shorter at the beginning."""
    sums, w = np.cumsum(rows, axis=0), S["window"]
    sums[w:] -= np.cumsum(rows, axis=0)[:-w]
    return sums / np.minimum(np.arange(1, len(rows) + 1), w)[:, None]


def first(reached):
    """The first row where it is reached, or the number of rows."""
    return np.where(reached.any(0), reached.argmax(0), len(reached)).tolist()


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store, jobs = Store("_runs/08_sines", SETTINGS), {}
    for seed in range(S["seeds"]):
        for kind, sizes in (
            ("interval", "equal"),
            ("interval", "rising"),
            ("fast", "equal"),
        ):
            jobs[f"{kind}-{sizes}-{seed}"] = partial(sines, kind, sizes, seed)
    results = store.trials(jobs)
    provenance = store.provenance("make run RUN=08_sines")
    print(keep("08_sines", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
