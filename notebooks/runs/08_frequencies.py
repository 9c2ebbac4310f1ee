"""Chapter 8's other run: steps to learn one wave on the circle, at several widths.

`make run RUN=08_frequencies` writes one file for each finished trial into
_runs/08_frequencies, may be killed and continued at any moment, and at the end stores
the summary that the chapter shows.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook.infinite import ntk
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "points": 64,
    "frequencies": [2, 4, 6, 8],
    "widths": [256, 1024, 4096],
    "amplitudes": [1.0, 0.3, 0.1],  # of the wave that is learned
    "left": 0.05,
    "most steps": 6000,
    "seeds": 3,
    "more seeds": 8,  # at the largest width and the smallest amplitude
}
S = SETTINGS
TURN = 2 * np.pi * (np.arange(S["points"]) + 0.25) / S["points"]
RING = 2**0.5 * np.stack([np.cos(TURN), np.sin(TURN)], axis=1)


@partial(jax.jit, static_argnums=0)
def learn(apply, params, x, wave, before, step_size):
    """Train until the residual's norm is small; steps by norm, and along the wave."""
    size = wave @ wave

    def step(state):
        params, count, along, _ = state
        outputs, pull = jax.vjp(lambda p: apply(p, x)[:, 0], params)
        left = outputs - before - wave
        norm = jnp.sqrt(left @ left / size)
        close = jnp.abs(left @ wave) <= S["left"] * size
        along = jnp.where((along < 0) & close, count, along)
        params = jax.tree.map(lambda p, g: p - step_size * g, params, pull(left)[0])
        return params, count + 1, along, norm

    def goes_on(state):
        return (state[3] > S["left"]) & (state[1] < S["most steps"])

    end, count, along, norm = jax.lax.while_loop(
        goes_on, step, (params, 0, -1, jnp.ones((), x.dtype))
    )
    return end, count - 1, along, norm


def first_below(curves):
    """The first step with little left, or -1."""
    below = curves <= S["left"]
    return np.where(below.any(-1), below.argmax(-1), -1).tolist()


def frozen(kernel, waves, step_size):
    """Return the steps if this kernel stayed: by norm, and along the wave."""
    rates, vectors = np.linalg.eigh(kernel)
    part = waves @ vectors / (S["points"] / 2) ** 0.5
    decay = np.clip(1 - step_size * rates, -1, 1)[:, None]
    decay = decay ** np.arange(S["most steps"])
    return first_below((part**2 @ decay**2) ** 0.5), first_below(abs(part**2 @ decay))


def trial(width, amplitude, kept, seed):
    """Train one network on each wave."""
    net = ntkbook.mlp(width, 1, "relu", weight_std=2**0.5)
    x = jnp.asarray(RING, jnp.float32)
    limit = np.asarray(ntk(jnp.asarray(RING), depth=1, weight_std=2**0.5))
    step_size = float(1 / np.linalg.eigvalsh(limit)[-1])
    start = net.init(jax.random.key(seed), x)
    before = (0.0 if kept else 1.0) * net.apply(start, x)[:, 0]
    own = np.asarray(ntkbook.ntk(net.apply, start, x), float)
    waves = np.sin(np.outer(S["frequencies"], TURN))
    found = {"norm": [], "along": [], "left": [], "change": []}
    for wave in waves:
        end, count, along, norm = learn(
            net.apply, start, x, jnp.asarray(amplitude * wave, jnp.float32), before,
            jnp.float32(step_size),
        )  # fmt: skip
        new = np.asarray(ntkbook.ntk(net.apply, end, x), float)
        reached = float(norm) <= S["left"]
        found["norm"].append(int(count) if reached else -1)
        found["along"].append(int(along))
        found["left"].append(float(norm))
        found["change"].append(float(np.linalg.norm(new - own) / np.linalg.norm(own)))
    found["frozen norm"], found["frozen along"] = frozen(own, waves, step_size)
    return found


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store, jobs = Store("_runs/08_frequencies", SETTINGS), {}
    for seed in range(S["seeds"]):
        for width in S["widths"]:
            for amplitude in S["amplitudes"]:
                job = partial(trial, width, amplitude, False, seed)
                jobs[f"{width}-{amplitude}-{seed}"] = job
        jobs[f"1024-kept-{seed}"] = partial(trial, 1024, 1.0, True, seed)
    for seed in range(S["seeds"], S["more seeds"]):
        width, amplitude = S["widths"][-1], S["amplitudes"][-1]
        job = partial(trial, width, amplitude, False, seed)
        jobs[f"{width}-{amplitude}-{seed}"] = job
    results = store.trials(jobs)
    provenance = store.provenance("make run RUN=08_frequencies")
    print(keep("08_frequencies", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
