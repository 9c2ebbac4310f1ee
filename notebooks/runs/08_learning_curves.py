"""Chapter 8's long run: networks and the formula, and Fashion-MNIST.

`make run RUN=08_learning_curves` writes one file for each finished trial into
_runs/08_learning_curves, may be killed and continued at any moment, and at the end
stores the summary that the chapter shows.
"""

import sys
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook.data import digits, fashion_mnist, two_classes
from ntkbook.infinite import ntk
from ntkbook.learning_curves import cross_validation, mean_field_risk
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "weight_std": 2**0.5,
    "depth": 1,
    "network width": 1024,
    "narrow widths": [64, 256],  # at one number of points
    "network points": [10, 20, 50, 100, 200, 400, 800],
    "network seeds": 3,
    "network steps": 1500,
    "momentum": 0.95,
    "population": 3000,  # Fashion-MNIST, 14 x 14 pixels
    "points": [10, 20, 50, 100, 200, 500, 1000, 2000],
    "splits": 10,  # a tenth of the work at 1000 points and more: 4 there
}
S = SETTINGS
KERNEL = {"depth": S["depth"], "weight_std": S["weight_std"]}


def data(name):
    """Return inputs of norm root d, labels in one hot minus a tenth, and classes."""
    found = digits() if name == "digits" else fashion_mnist(shrink=2)
    images, labels = found.images, found.labels
    if name == "fashion":
        order = np.random.default_rng(0).permutation(len(labels))[: S["population"]]
        images, labels = images[order], labels[order]
    flat = images.reshape(len(images), -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True) * flat.shape[1] ** 0.5
    return flat, np.eye(10)[labels] - 0.1, labels


def fashion():
    """Measure kernel regression on Fashion-MNIST, and predict it."""
    x, y, labels = data("fashion")
    kernel = np.asarray(ntk(jnp.asarray(x), **KERNEL))
    count, rng = len(x), np.random.default_rng(1)
    values, vectors = np.linalg.eigh(kernel / count)
    values, target = np.maximum(values, 0), vectors.T @ y / count**0.5
    rows = []
    for n in S["points"]:
        row = {"n": n, "measured": [], "wrong": [], "cross validation": []}
        for _ in range(S["splits"] if n < 1000 else 4):
            order = rng.permutation(count)
            seen, new = order[:n], order[n:]
            own = kernel[np.ix_(seen, seen)]
            found = ntkbook.kernel_regression(
                own, y[seen], k_test=kernel[np.ix_(new, seen)]
            ).test
            row["measured"].append(float(((found - y[new]) ** 2).sum(1).mean()))
            row["wrong"].append(float((found.argmax(1) != labels[new]).mean()))
            row["cross validation"].append(cross_validation(own, y[seen]))
        for name, size in (("drawn once", count), ("independent", None)):
            row[name] = mean_field_risk(values, target, n, population=size).error
        rows.append(row)
    parts = np.sort((target**2).sum(1))[::-1]
    return {"rows": rows, "eigenvalues": values[::-1].tolist(), "parts": parts.tolist()}


@partial(jax.jit, static_argnums=(0, 1))
def descend(apply, steps, params, x, y, step_size):
    """Train by gradient descent with momentum, from output 0, on all points."""

    def loss(p):
        return jnp.sum((apply(p, x) - y) ** 2) / 2

    def step(_, state):
        p, v = state
        v = jax.tree.map(lambda a, g: S["momentum"] * a - g, v, jax.grad(loss)(p))
        return jax.tree.map(lambda a, b: a + step_size * b, p, v), v

    start = params, jax.tree.map(jnp.zeros_like, params)
    end, _ = jax.lax.fori_loop(0, steps, step, start)
    return end, loss(end)


@cache
def own_kernel(width, seed):
    """Return a network on all digits: itself, its start, kernel, spectrum, target."""
    x, _, labels = data("digits")
    net = ntkbook.mlp(width, S["depth"], "relu", weight_std=S["weight_std"])
    params = net.init(jax.random.key(seed), jnp.asarray(x[:2]))
    kernel = np.asarray(ntkbook.ntk(net.apply, params, jnp.asarray(x)))
    values, vectors = np.linalg.eigh(kernel / len(x))
    y = two_classes(labels)
    return net, params, kernel, np.maximum(values, 0), vectors.T @ y / len(x) ** 0.5


def network(width, n, seed):
    """Train a network on n digits of two classes; measure it and two kernels."""
    x, _, labels = data("digits")
    y = two_classes(labels)
    order = np.random.default_rng(100 + seed).permutation(len(x))
    seen, new = order[:n], order[n:]
    net, params, own, values, target = own_kernel(width, seed)
    single = partial(jnp.asarray, dtype=jnp.float32)
    params = jax.tree.map(single, params)
    first = net.apply(params, single(x))  # the network is taken minus this
    end, loss = descend(
        net.apply, S["network steps"], params, single(x[seen]),
        single(y[seen]) + first[seen],
        1.0 / float(np.linalg.eigvalsh(own[np.ix_(seen, seen)])[-1]),
    )  # fmt: skip
    found = np.asarray(net.apply(end, single(x[new])) - first[new])
    infinite = np.asarray(ntk(jnp.asarray(x), jnp.asarray(x[seen]), **KERNEL))

    def error(outputs):
        return float(((outputs - y[new]) ** 2).mean())

    def regression(kernel):
        return ntkbook.kernel_regression(kernel[seen], y[seen], k_test=kernel[new]).test

    return {
        "network": error(found),
        "own kernel": error(regression(own[:, seen])),
        "infinite kernel": error(regression(infinite)),
        "formula": mean_field_risk(values, target, n, population=len(x)).error,
        "network wrong": float((found * y[new] <= 0).mean()),
        "training loss": 2 * float(loss) / n,
    }


def main():
    """Run what is missing, then store the summary."""
    ntkbook.double_precision()
    store = Store("_runs/08_learning_curves", SETTINGS)
    jobs = {}
    for seed in range(S["network seeds"]):
        for n in S["network points"]:
            job = partial(network, S["network width"], n, seed)
            jobs[f"network-{S['network width']}-{n}-{seed}"] = job
        for width in S["narrow widths"]:
            jobs[f"network-{width}-200-{seed}"] = partial(network, width, 200, seed)
    jobs["fashion"] = fashion
    try:
        results = store.trials(jobs)
    except OSError as error:
        sys.exit(str(error))
    provenance = store.provenance("make run RUN=08_learning_curves")
    results["fashion"].pop("eigenvalues")
    print(keep("08_learning_curves", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
