"""Chapter 7's long run: the source's figures on Fashion-MNIST, with a LeNet too.

`make run RUN=07_alignment` writes one file for each finished trial into
_runs/07_alignment, may be killed and continued at any moment, and at the end stores the
summary that the chapter shows. Two busy cores needed 38 minutes.
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

import ntkbook
from notebooks.runs.shared import alignment as shared
from notebooks.runs.shared.alignment import accuracy, data, flat, gram
from ntkbook import lenet
from ntkbook.alignment import (
    anisotropy_directions,
    binarize,
    eigenfunctions,
    energy_concentration,
    kernel_alignment,
    target_alignment,
)
from ntkbook.data import separable, two_classes
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "seeds": 5,
    "train": 1000,
    "test": 600,
    "width": 64,
    "indices": [1, 5, 20, 50, 100, 200],
    "target": 100,  # whose training is followed: one of the indices
    "epochs": 30,
    "look": [0, 1, 2, 5, 10, 30],  # epochs whose kernel is computed
    "energy": 50,  # K, how many eigenvectors
    "aligned": 500,  # how many eigenfunctions are followed
    "step_size": 0.05,
    "batch_size": 64,
    "directions": [1, 6, 16, 36, 71, 144],
    "side": 12,
    "direction_points": 768,
    "direction_epochs": 20,
    "sizes": {"digits": [64, 128, 256, 512, 1024], "fashion": [64, 256, 1024, 2048]},
    "size_batch": 32,
    "size_epochs": 30,
    "size_steps": 600,  # at least so many, for few points
}

networks = partial(shared.networks, SETTINGS["width"])
train = partial(
    shared.train, step_size=SETTINGS["step_size"], look=tuple(SETTINGS["look"])
)
train_kernel = partial(shared.train_kernel, step_size=SETTINGS["step_size"])


def study(name, kind, seed):
    """Measure what figures 2, 3 and 6 to 9 show, for one data set, network and start.

    Targets are eigenfunctions of the initial kernel ("home"), and the two classes.
    "Away" is the kernel of another draw of the same network.
    """
    s, net = SETTINGS, networks()[kind]
    images, labels = data(name)
    points = s["train"] + s["test"]
    x, n = images[:points], jnp.arange(s["train"])
    key = jax.random.key(seed)
    start, other = net.init(key, x), net.init(jax.random.key(1000 + seed), x)
    home, away = gram(net, start, x), gram(net, other, x)
    functions = eigenfunctions(home, s["aligned"])
    rows = [binarize(functions.functions[:, i - 1]) for i in s["indices"]]
    rows.append(two_classes(labels[:points])[:, 0])
    y = jnp.asarray(np.stack(rows), jnp.float32)
    test = y[:, s["train"] :]

    runs, ends = train(net.apply, s["epochs"], s["batch_size"], start, x, y, n, key)
    fixed = partial(train_kernel, s["epochs"], s["batch_size"])
    at_home, out_home, moved = fixed(home, y, n, key)
    _, out_away, _ = fixed(away, y, n, key)
    loss = np.asarray(runs.loss)
    w0 = flat(start)
    w = [flat(jax.tree.map(lambda a: a[j], runs.params)) for j in range(len(y))]  # noqa: B023
    reached = [np.flatnonzero(row < 0.01) for row in loss]
    found = {
        "network": accuracy(ends[:, s["train"] :], test),
        "home": accuracy(out_home, test),
        "away": accuracy(out_away, test),
        "epochs to 0.01": [int(r[0]) + 1 if r.size else None for r in reached],
        "network loss": loss[:, -1].tolist(),
        "home loss": np.asarray(at_home)[:, -1].tolist(),
        "distance": [float(np.linalg.norm(v - w0)) for v in w],
        "cosine": [
            float(1 - v @ w0 / np.linalg.norm(v) / np.linalg.norm(w0)) for v in w
        ],
        "home distance": np.asarray(moved).tolist(),
    }

    j = s["indices"].index(s["target"])
    target, classes = np.asarray(y[j], float), np.asarray(y[-1], float)
    inside = slice(0, s["train"])
    history = {
        k: [] for k in ("accuracy", "energy", "energy of classes", "trace", "cka")
    }
    for m in range(len(s["look"])):
        kernels = {
            i: gram(net, jax.tree.map(lambda a: a[i, m], runs.observed), x)  # noqa: B023
            for i in (j, -1)
        }
        k = kernels[j]
        of_loss, out, _ = fixed(k, y[j : j + 1], n, key)
        history["accuracy"] += accuracy(out, test[j : j + 1])
        for label, which, row in (
            ("energy", j, target),
            ("energy of classes", -1, classes),
        ):
            history[label].append(
                float(
                    energy_concentration(
                        kernels[which][inside, inside], row[inside], s["energy"]
                    )
                )
            )
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
            "rank correlation": float(spearmanr(before, after).statistic),
        }
    found["losses"] = {
        "network": loss[j].tolist(),
        "start": start_loss,
        "solution": np.asarray(of_loss[0]).tolist(),
    }
    return found | {"history": history, "growth": growth}


def directions(seed):
    """Measure figure 4: linear targets along the network's own directions."""
    s, net = SETTINGS, lenet("gelu")
    key = jax.random.key(seed)
    draws = jax.random.normal(key, (64, s["side"], s["side"], 1))
    start = net.init(key, draws)
    found = anisotropy_directions(net.apply, start, draws)
    result = {"alignments": found.alignments.tolist(), "network": [], "linear": []}
    for i in s["directions"]:
        x, y = separable(
            found.directions[i - 1], 2 * s["direction_points"], seed=100 * seed + i
        )
        x, y = jnp.asarray(x, jnp.float32), jnp.asarray(y.T, jnp.float32)
        single = jax.tree.map(lambda a: a.astype(jnp.float32), start)
        n = jnp.arange(s["direction_points"])
        epochs, test = s["direction_epochs"], y[:, s["direction_points"] :]
        _, out = train(net.apply, epochs, s["batch_size"], single, x, y, n, key)
        _, line, _ = train_kernel(
            epochs, s["batch_size"], gram(net, single, x), y, n, key
        )
        result["network"] += accuracy(out[:, s["direction_points"] :], test)
        result["linear"] += accuracy(line, test)
    return result


def size(name, kind, n, seed):
    """Measure figure 5: two classes, n images, network and linearisation."""
    s, net = SETTINGS, networks()[kind]
    images, labels = data(name)
    test = 700 if name == "digits" else 2000
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
    its_loss, line, moved = train_kernel(epochs, s["size_batch"], k, y, few, key)
    return {
        "network": accuracy(out[:, n:], y[:, n:])[0],
        "linear": accuracy(line, y[:, n:])[0],
        "network distance": float(np.linalg.norm(flat(end) - flat(start))),
        "linear distance": float(moved[0]),
        "network loss": float(runs.loss[0, -1]),
        "linear loss": float(its_loss[0, -1]),
    }


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store = Store("_runs/07_alignment", SETTINGS)
    seeds, jobs = range(SETTINGS["seeds"]), {}
    for seed in seeds:
        for kind in networks():
            jobs[f"study-fashion-{kind}-{seed}"] = partial(study, "fashion", kind, seed)
        jobs[f"directions-{seed}"] = partial(directions, seed)
    for name, kind in (("digits", "mlp"), ("fashion", "mlp"), ("fashion", "lenet")):
        for n in SETTINGS["sizes"][name]:
            for seed in seeds:
                job = partial(size, name, kind, n, seed)
                jobs[f"size-{name}-{kind}-{n}-{seed}"] = job
    try:
        results = store.trials(jobs)
    except OSError as error:
        sys.exit(str(error))
    provenance = store.provenance("make run RUN=07_alignment")
    print(keep("07_alignment", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
