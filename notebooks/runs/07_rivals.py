"""Chapter 7's rivals: what the other two runs compare with too little.

`make run RUN=07_rivals` writes one file for each finished trial into _runs/07_rivals,
may be killed and continued at any moment, and at the end stores the summary that the
chapter shows. It adds the end of training to figure 5, ridge regression in place of SGD
on the linear model, for the images and the initialisations of 07_alignment; and to the
tasks of Fashion-MNIST in 07_longer those who have not set them, networks and kernels.
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from notebooks.runs.shared import alignment as shared
from notebooks.runs.shared.alignment import accuracy, data, gram, ridge
from ntkbook.data import two_classes
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "seeds": 5,
    "train": 1000,
    "test": 600,
    "width": 64,
    "indices": [20, 50, 100, 200],
    "aligned": 500,
    "epochs": 150,
    "step_size": 0.05,
    "batch_size": 64,
    "each": 8,  # networks, or kernels, that have not set the tasks of a seed
    "sizes": {"digits": [64, 128, 256, 512, 1024], "fashion": [64, 256, 1024, 2048]},
    "size_test": {"digits": 700, "fashion": 2000},
}

networks = partial(shared.networks, SETTINGS["width"])


def limit(name, kind, n, seed):
    """Fit figure 5's two classes, n images, by ridge with the initial kernel."""
    net, test = networks()[kind], SETTINGS["size_test"][name]
    images, labels = data(name)
    rng = np.random.default_rng(seed)
    few = test + rng.permutation(len(labels) - test)[:n]  # the first are the test's
    x = jnp.concatenate([images[few], images[:test]])
    y = two_classes(np.concatenate([labels[few], labels[:test]])).T
    start = net.init(jax.random.key(seed), x)
    kernel = np.asarray(ntkbook.ntk(net.apply, start, x, x[:n]))
    return {"ridge": accuracy(ridge(kernel, y, n), y[:, n:])[0]}


def away(name, kind, seed):
    """Learn the tasks of a seed by networks, and by kernels, that did not set them.

    The first of the eight is the other initialisation of 07_longer.
    """
    s, net = SETTINGS, networks()[kind]
    x, _, _, _, y = shared.tasks(s, net, name, seed)
    n, key, test = jnp.arange(s["train"]), jax.random.key(seed), y[:, s["train"] :]
    outputs, losses, kernels = [], [], []
    for i in range(s["each"]):
        other = net.init(jax.random.key(1000 + seed + 10 * i), x)
        runs, ends = shared.train(
            net.apply, s["epochs"], s["batch_size"], other, x, y, n, key,
            step_size=s["step_size"], look=(),
        )  # fmt: skip
        outputs.append(np.asarray(ends)[:, s["train"] :])
        losses.append(np.asarray(runs.loss)[:, -1].tolist())
        kernels.append(gram(net, other, x))
    by_kernels = ridge(np.mean(kernels, axis=0), y, s["train"])
    return {
        "network": [accuracy(one, test) for one in outputs],
        "networks": accuracy(np.mean(outputs, axis=0), test),
        "network loss": losses,
        "kernel": [accuracy(ridge(k, y, s["train"]), test) for k in kernels],
        "kernels": accuracy(by_kernels, test),
    }


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store = Store("_runs/07_rivals", SETTINGS)
    seeds, jobs = range(SETTINGS["seeds"]), {}
    for name, kind in (("digits", "mlp"), ("fashion", "mlp"), ("fashion", "lenet")):
        for n in SETTINGS["sizes"][name]:
            for seed in seeds:
                job = partial(limit, name, kind, n, seed)
                jobs[f"size-{name}-{kind}-{n}-{seed}"] = job
    for seed in seeds:
        jobs[f"away-fashion-mlp-{seed}"] = partial(away, "fashion", "mlp", seed)
    try:
        results = store.trials(jobs)
    except OSError as error:
        sys.exit(str(error))
    provenance = store.provenance("make run RUN=07_rivals")
    print(keep("07_rivals", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
