"""Chapter 9's run on learned kernels: a network and the kernels that it passes.

`make run RUN=09_kernels` trains eight networks on two classes of Fashion-MNIST, takes
their kernels at several epochs, and compares regression with them, with their mean,
with the networks and with the ensemble of the networks, at three numbers of training
images. It may be killed and continued.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from notebooks.runs.shared.alignment import data, networks, train
from ntkbook.data import two_classes
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "width": 64,
    "seeds": 8,
    "train": [25, 100, 400],
    "test": 1000,
    "epochs": 30,
    "steps": 200,  # at least so many, for few images
    "look": [0, 1, 2, 5, 30],
    "step_size": 0.05,
    "batch_size": 25,
    "ridges": [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
    "draws": 4,  # training sets
}


def regression(kernel, y):
    """Outputs at all points of regression on the first, with the ridge whose error is
    least when each training image is left out."""
    n = len(y)
    values, vectors = np.linalg.eigh(kernel[:n])
    inside = vectors.T @ y
    best = None
    for ridge in np.array(SETTINGS["ridges"]) * np.trace(kernel[:n]) / n:
        shrink = values / (values + ridge)
        left = (y - vectors @ (shrink * inside)) / (1 - vectors**2 @ shrink)
        if best is None or np.mean(left**2) < best[0]:
            best = np.mean(left**2), ridge
    return kernel @ (vectors @ (inside / (values + best[1])))


def study(n, draw):
    """All of it for one training set of n images."""
    s, net = SETTINGS, networks(SETTINGS["width"])["mlp"]
    images, labels = data("fashion")
    chosen = np.random.default_rng(draw).permutation(len(images))[: n + s["test"]]
    x, y = images[chosen], two_classes(labels[chosen])[:, 0]
    coins = np.random.default_rng(100 + draw).choice([-1.0, 1.0], n + s["test"])
    epochs = max(s["epochs"], -(-s["steps"] // (n // s["batch_size"])))
    look = tuple(s["look"][:-1]) + (epochs,)

    def accuracy(outputs):
        return float((outputs[n:] * y[n:] > 0).mean())

    def gram(params):
        kernel = np.asarray(ntkbook.ntk(net.apply, params, x, x[:n]), float)
        return kernel / np.trace(kernel[:n])

    rows = {"network": [], "kernel": [], "coins": [], "distance": [], "loss": []}
    sums = {"ensemble": 0.0, "mean kernel": 0.0}
    for seed in range(s["seeds"]):
        key = jax.random.key(1000 * draw + seed)
        start = net.init(key, x)
        tasks = jnp.asarray(np.stack([y, coins]), jnp.float32)
        runs, _ = train(
            net.apply, epochs, s["batch_size"], start, x, tasks, jnp.arange(n), key,
            step_size=s["step_size"], look=look,
        )  # fmt: skip
        at = [
            [jax.tree.map(lambda a: a[t, m], runs.observed) for m in range(len(look))]  # noqa: B023
            for t in range(2)
        ]
        outputs = np.stack([np.asarray(net.apply(w, x)[:, 0], float) for w in at[0]])
        kernels = np.stack([gram(w) for w in at[0]])
        fits = np.stack([regression(k, y[:n]) for k in kernels])
        by_coins = [regression(gram(w), y[:n]) for w in at[1][-2:]]
        last = outputs[-1, n:]
        scaled = [f[n:] * (last @ f[n:]) / (f[n:] @ f[n:]) for f in (fits[0], fits[-1])]
        rows["network"].append([accuracy(out) for out in outputs])
        rows["kernel"].append([accuracy(fit) for fit in fits])
        rows["coins"].append([accuracy(fit) for fit in by_coins])
        rows["distance"].append(
            [float(np.linalg.norm(f - last) / np.linalg.norm(last)) for f in scaled]
        )
        rows["loss"].append(float(runs.loss[0, -1]))
        sums["ensemble"] = sums["ensemble"] + outputs
        sums["mean kernel"] = sums["mean kernel"] + kernels
    rows["ensemble"] = [accuracy(out) for out in sums["ensemble"]]
    rows["mean kernel"] = [accuracy(regression(k, y[:n])) for k in sums["mean kernel"]]
    return rows


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store = Store("_runs/09_kernels", SETTINGS)
    results = {
        str(n): [
            store.trial(f"{n}-{draw}", partial(study, n, draw))
            for draw in range(SETTINGS["draws"])
        ]
        for n in SETTINGS["train"]
    }
    provenance = store.provenance("make run RUN=09_kernels")
    print(keep("09_kernels", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
