"""Chapter 7's longer run: as 07_alignment, but trained until the labels are fitted.

`make run RUN=07_longer` writes one file for each finished trial into _runs/07_longer,
may be killed and continued at any moment, and after each trial stores the summary that
the chapter shows. The stored summary has the studies of the MLP and of the LeNet, and
the directions, with five initialisations each: an hour on two busy cores. The sizes
follow, and take some hours more.
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

import ntkbook
from notebooks.runs.shared import alignment as shared
from notebooks.runs.shared.alignment import accuracy, data, flat, gram, ridge
from ntkbook import lenet
from ntkbook.alignment import (
    anisotropy_directions,
    energy_concentration,
    kernel_alignment,
    target_alignment,
)
from ntkbook.data import separable, two_classes
from ntkbook.machine.progress import progress_bar
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "seeds": 5,
    "train": 1000,
    "test": 600,
    "width": 64,
    "indices": [5, 20, 50, 100, 200],
    "target": 100,  # whose training is followed: one of the indices
    "epochs": 150,
    "look": [0, 1, 2, 5, 10, 30, 150],  # epochs whose kernel is computed
    "energy": 50,  # K, how many eigenvectors
    "aligned": 500,  # how many eigenfunctions are followed
    "step_size": 0.05,
    "batch_size": 64,
    "directions": [1, 6, 16, 36, 71, 144],
    "side": 12,
    "direction_points": 768,
    "direction_epochs": 100,
    "direction_linear_epochs": 2000,
    "sizes": {"digits": [64, 128, 256, 512, 1024], "fashion": [64, 256, 1024, 2048]},
    "size_batch": 32,
    "size_epochs": 60,
    "size_steps": 600,  # at least so many, for few points
    "size_linear_epochs": 600,
    "size_test": {"digits": 700, "fashion": 1000},
}

networks = partial(shared.networks, SETTINGS["width"])
train = partial(
    shared.train, step_size=SETTINGS["step_size"], look=tuple(SETTINGS["look"])
)
train_kernel = partial(shared.train_kernel, step_size=SETTINGS["step_size"])


def linear(kernel, y, key):
    """Train the linear model of a kernel as long as the network, and fit its ridge."""
    s, n = SETTINGS, jnp.arange(SETTINGS["train"])
    loss, out, moved = train_kernel(s["epochs"], s["batch_size"], kernel, y, n, key)
    return {
        "accuracy": accuracy(out, y[:, s["train"] :]),
        "loss": np.asarray(loss)[:, -1].tolist(),
        "distance": np.asarray(moved).tolist(),
        "ridge": accuracy(ridge(kernel, y, s["train"]), y[:, s["train"] :]),
    }


def study(name, kind, seed):
    """Measure what figures 2, 3 and 6 to 9 show: data set, network, initialisation.

    Targets are eigenfunctions of its own kernel ("home"), and the two classes. "Away"
    is the kernel of another initialisation of the same network.
    """
    s = SETTINGS
    net = networks()[kind]
    x, start, home, functions, y = shared.tasks(s, net, name, seed)
    n, key = jnp.arange(s["train"]), jax.random.key(seed)
    away = gram(net, net.init(jax.random.key(1000 + seed), x), x)
    test = y[:, s["train"] :]

    runs, ends = train(net.apply, s["epochs"], s["batch_size"], start, x, y, n, key)
    fixed = partial(train_kernel, s["epochs"], s["batch_size"])
    loss = np.asarray(runs.loss)
    w0 = flat(start)
    w = [flat(jax.tree.map(lambda a: a[j], runs.params)) for j in range(len(y))]  # noqa: B023
    reached = [np.flatnonzero(row < 0.01) for row in loss]
    found = {
        "network": accuracy(ends[:, s["train"] :], test),
        "home": linear(home, y, key),
        "away": linear(away, y, key),
        "epochs to 0.01": [int(r[0]) + 1 if r.size else None for r in reached],
        "network loss": loss[:, -1].tolist(),
        "distance": [float(np.linalg.norm(v - w0)) for v in w],
        "cosine": [
            float(1 - v @ w0 / np.linalg.norm(v) / np.linalg.norm(w0)) for v in w
        ],
    }

    j = s["indices"].index(s["target"])
    target, classes = np.asarray(y[j], float), np.asarray(y[-1], float)
    inside = slice(0, s["train"])

    def kernel_at(task, m):
        return gram(net, jax.tree.map(lambda a: a[task, m], runs.observed), x)

    def energy_of(kernel, row):
        return float(
            energy_concentration(kernel[inside, inside], row[inside], s["energy"])
        )

    history = {k: [] for k in ("accuracy", "loss", "energy", "trace", "cka")}
    for m in range(len(s["look"])):
        k = kernel_at(j, m)
        of_loss, out, _ = fixed(k, y[j : j + 1], n, key)
        history["accuracy"] += accuracy(out, test[j : j + 1])
        history["loss"].append(float(of_loss[0, -1]))
        history["energy"].append(energy_of(k, target))
        history["trace"].append(float(np.trace(k) / np.trace(home)))
        history["cka"].append(kernel_alignment(home[inside, inside], k[inside, inside]))
        if m == 0:
            start_loss = np.asarray(of_loss[0]).tolist()
    growth = {}
    for label, part in (("train", inside), ("all", slice(None))):
        f = functions.functions[part]
        before = target_alignment(home[part, part], f)
        after = target_alignment(k[part, part], f)
        ratio = after / before
        others = np.delete(ratio, s["target"] - 1)
        growth[label] = {
            "target": float(ratio[s["target"] - 1]),
            "median": float(np.median(others)),
            "largest other": float(others.max()),
            "larger others": int((others > ratio[s["target"] - 1]).sum()),
            "rank correlation": float(spearmanr(before, after).statistic),
        }
    history["energy of classes"] = [
        energy_of(kernel, classes) for kernel in (home, kernel_at(-1, -1))
    ]
    found["losses"] = {
        "network": loss[j].tolist(),
        "start": start_loss,
        "solution": np.asarray(of_loss[0]).tolist(),
    }
    return found | {"history": history, "growth": growth}


def directions(seed):
    """Measure figure 4: linear targets along the network's own directions."""
    s, net = SETTINGS, lenet("gelu")
    plain = networks()["mlp"]  # has no favourites among the pixels
    key = jax.random.key(seed)
    draws = jax.random.normal(key, (64, s["side"], s["side"], 1))
    start, flat_start = net.init(key, draws), plain.init(key, draws)
    found = anisotropy_directions(net.apply, start, draws)
    single = partial(jax.tree.map, lambda a: a.astype(jnp.float32))
    start, flat_start = single(start), single(flat_start)
    points, result = s["direction_points"], {"alignments": found.alignments.tolist()}

    def note(label, out, y, loss=None):
        result.setdefault(label, []).extend(accuracy(out, y[:, points:]))
        if loss is not None:
            result.setdefault(f"{label} loss", []).append(float(loss[0, -1]))

    for i in s["directions"]:
        x, y = separable(found.directions[i - 1], 2 * points, seed=100 * seed + i)
        x, y = jnp.asarray(x, jnp.float32), jnp.asarray(y.T, jnp.float32)
        n, epochs, batch = jnp.arange(points), s["direction_epochs"], s["batch_size"]
        for label, one, params in (
            ("network", net, start),
            ("mlp", plain, flat_start),
        ):
            runs, out = train(one.apply, epochs, batch, params, x, y, n, key)
            note(label, out[:, points:], y, runs.loss)
        kernel = gram(net, start, x)
        for label, steps in (
            ("linear", epochs),
            ("linear long", s["direction_linear_epochs"]),
        ):
            loss, line, _ = train_kernel(steps, batch, kernel, y, n, key)
            note(label, line, y, loss)
        note("ridge", ridge(kernel, y, points), y)
    return result


def size(name, kind, n, seed):
    """Measure figure 5: two classes, n images, network and linearisation."""
    s, net = SETTINGS, networks()[kind]
    images, labels = data(name)
    test = s["size_test"][name]
    rng = np.random.default_rng(seed)
    few = test + rng.permutation(len(labels) - test)[:n]  # the first are the test's
    x = jnp.concatenate([images[few], images[:test]])
    y = two_classes(np.concatenate([labels[few], labels[:test]])).T
    y, key = jnp.asarray(y, jnp.float32), jax.random.key(seed)
    start = net.init(key, x)
    epochs = max(s["size_epochs"], -(-s["size_steps"] // max(n // s["size_batch"], 1)))

    few = jnp.arange(n)
    runs, out = train(net.apply, epochs, s["size_batch"], start, x, y, few, key)
    end = jax.tree.map(lambda a: a[0], runs.params)
    k = gram(net, start, x)
    found = {
        "network": accuracy(out[:, n:], y[:, n:])[0],
        "network distance": float(np.linalg.norm(flat(end) - flat(start))),
        "network loss": float(runs.loss[0, -1]),
        "ridge": accuracy(ridge(k, y, n), y[:, n:])[0],
    }
    longer = max(s["size_linear_epochs"], epochs)
    for label, steps in (("linear", epochs), ("linear long", longer)):
        loss, line, moved = train_kernel(steps, s["size_batch"], k, y, few, key)
        found[label] = accuracy(line, y[:, n:])[0]
        found[f"{label} distance"] = float(moved[0])
        found[f"{label} loss"] = float(loss[0, -1])
    return found


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store = Store("_runs/07_longer", SETTINGS)
    seeds, jobs = range(SETTINGS["seeds"]), {}
    for seed in seeds:
        jobs[f"study-fashion-mlp-{seed}"] = partial(study, "fashion", "mlp", seed)
        jobs[f"directions-{seed}"] = partial(directions, seed)
    for seed in seeds:
        jobs[f"study-fashion-lenet-{seed}"] = partial(study, "fashion", "lenet", seed)
    for name, kind in (("fashion", "lenet"), ("fashion", "mlp"), ("digits", "mlp")):
        for n in SETTINGS["sizes"][name]:
            for seed in seeds:
                job = partial(size, name, kind, n, seed)
                jobs[f"size-{name}-{kind}-{n}-{seed}"] = job
    results = {}
    with progress_bar(True, total=len(jobs), desc="trials") as bar:
        for name, job in jobs.items():
            try:
                results[name] = store.trial(name, job)
            except OSError as error:
                sys.exit(str(error))
            provenance = store.provenance("make run RUN=07_longer")
            where = keep("07_longer", {"provenance": provenance, "results": results})
            bar.update()
    print(where)


if __name__ == "__main__":
    main()
