"""Chapter 4's long run: convolutional networks and their kernels on small images.

`make run RUN=04_images` writes one file for each finished trial into _runs/04_images,
may be killed and continued at any moment, and at the end stores the summary that the
chapter shows. Two cores need about an hour.
"""

import gzip
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

import ntkbook
from ntkbook.infinite import cntk, ntk
from ntkbook.machine.store import Store
from ntkbook.results import keep

FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
SETTINGS = {
    "test": 500,  # images of every data set that are never trained on
    "depths": {"digits": [2, 3, 5], "fashion": [2]},
    "train": {"digits": 500, "fashion": 200},
    "pool": {"digits": 640, "fashion": 400},  # what training sets are drawn from
    "splits": 3,
    "sizes": [10, 20, 40, 80, 160, 320, 640],
    "network_sizes": [10, 40, 160, 640],  # of those, where networks are trained too
    "draws": 5,
    "channels": 32,
    "width": 256,
    "batch_size": 50,
    "momentum": 0.9,
    "step_size": 1.0,  # over the mean rate, which is the largest eigenvalue over n
    "most_steps": 4000,
    "left": 0.02,  # training stops when this part of the loss is left
}


def digits():
    """Return scikit-learn's 8 x 8 digits in random order, and their labels."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return data.images[order, :, :, None] / 16, data.target[order]


def fashion():
    """Return Fashion-MNIST averaged down to 14 x 14, and its labels."""
    raw = gzip.open(FASHION / "train-images-idx3-ubyte.gz").read()[16:]
    images = np.frombuffer(raw, np.uint8).reshape(-1, 14, 2, 14, 2).mean((2, 4)) / 255
    labels = gzip.open(FASHION / "train-labels-idx1-ubyte.gz").read()[8:]
    return images[..., None], np.frombuffer(labels, np.uint8).astype(int)


def data(name):
    """Return images and labels: first the test images, then those to train on."""
    images, labels = {"digits": digits, "fashion": fashion}[name]()
    count = SETTINGS["test"] + SETTINGS["pool"][name]
    images = images[:count] - images[:count].mean()
    return images / images.std(), labels[:count]


def kernel(store, name, depth, pooling):
    """Return the kernel of all images with those of the pool, kept in the run's folder.

    Test images do not meet each other, nor do any need to meet them twice.
    """
    path = store.folder / f"{name}-{pooling}-{depth}.npy"
    if not path.exists():
        images = jnp.array(data(name)[0])
        test, pool = jnp.split(images, [SETTINGS["test"]])
        of = partial(cntk, depth=depth, pooling=pooling)
        np.save(path, np.concatenate([of(test, pool), of(pool)]))
    return np.load(path)


def targets(labels):
    """Return centred one-hot labels."""
    return np.eye(10)[labels] - 0.1


def accuracy_of_kernel(k, labels, train):
    """Return the test accuracy of kernel regression without a ridge."""
    test = SETTINGS["test"]
    k = k[:, train - test]  # columns are the pool's
    found = ntkbook.kernel_regression(k[train], targets(labels[train]), k_test=k[:test])
    return float((found.test.argmax(1) == labels[:test]).mean())


def cnn(pooling, depth):
    """Return init and apply of the network whose limit is `cntk`, in float32."""
    channels = SETTINGS["channels"]

    def init(key, x):
        sizes = [9 * x.shape[3]] + [9 * channels] * (depth - 1)
        pixels = 1 if pooling == "average" else x.shape[1] * x.shape[2]
        keys = jax.random.split(key, depth + 1)
        shapes = [(s, channels) for s in sizes] + [(channels * pixels, 10)]
        return [jax.random.normal(*a, x.dtype) for a in zip(keys, shapes, strict=True)]

    def apply(params, x):
        for w in params[:-1]:
            rows, columns = x.shape[1:3]
            around = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
            patches = [
                around[:, a : a + rows, b : b + columns]
                for a in range(3)
                for b in range(3)
            ]
            x = jnp.concatenate(patches, axis=3)
            x = jax.nn.relu(x @ w * (2 / w.shape[0]) ** 0.5)
        w = params[-1]
        x = x.mean((1, 2)) if pooling == "average" else x.reshape(len(x), -1)
        return x @ w * (2 / w.shape[0]) ** 0.5

    return init, apply


def mlp(depth):
    """Return a fully connected network with `depth` hidden layers."""
    net = ntkbook.mlp(SETTINGS["width"], depth, "relu", weight_std=2**0.5, outputs=10)
    flat = lambda x: x.reshape(len(x), -1)  # noqa: E731
    return lambda key, x: net.init(key, flat(x)), lambda p, x: net.apply(p, flat(x))


@partial(jax.jit, static_argnums=0)
def hundred_steps(apply, state, key, x, y, start, step_size):
    """Train by SGD with momentum; return the state and the training loss."""
    n = len(x)
    batch = min(SETTINGS["batch_size"], n)

    def loss(params, rows):
        miss = apply(params, x[rows]) - start[rows] - y[rows]
        return 0.5 * (miss**2).sum(1).mean()

    def step(state, key):
        params, speed = state
        rows = jax.random.choice(key, n, (batch,), replace=False)
        gradient = jax.grad(loss)(params, rows)
        speed = jax.tree.map(
            lambda v, g: SETTINGS["momentum"] * v - step_size * g, speed, gradient
        )
        return (jax.tree.map(jnp.add, params, speed), speed), None

    state, _ = jax.lax.scan(step, state, jax.random.split(key, 100))
    return state, loss(state[0], jnp.arange(n))


def train_network(init, apply, key, x, y, x_test, step_size):
    """Train until little loss is left; return test outputs, steps, share, step size.

    The loss is half the squared distance to centred one-hot labels, as for the kernels;
    the output is 0 initially (the initial output is subtracted), as the limit has it.
    A step size at which the loss grows is halved, and training begins again.
    """
    key_start, *keys = jax.random.split(key, 1 + SETTINGS["most_steps"] // 100)
    params, step_size = init(key_start, x), jnp.float32(step_size)
    start, start_test = apply(params, x), apply(params, x_test)
    initial = float(0.5 * (y**2).sum(1).mean())
    while True:
        state, steps, share = (params, jax.tree.map(jnp.zeros_like, params)), 0, 1.0
        while SETTINGS["left"] < share < 2 and steps < SETTINGS["most_steps"]:
            key = keys[steps // 100]
            state, loss = hundred_steps(apply, state, key, x, y, start, step_size)
            steps, share = steps + 100, float(loss) / initial
        if share < 2:  # not so for NaN
            return apply(state[0], x_test) - start_test, steps, share, step_size
        step_size /= 2


def accuracies_of_networks(network, images, labels, trains, k):
    """Return what came out of networks trained on several sets of points."""
    single = lambda a: jnp.asarray(a, jnp.float32)  # noqa: E731
    x, y = single(images), single(targets(labels))
    test = SETTINGS["test"]
    found = {"accuracy": [], "steps": [], "left": [], "step_size": []}
    for seed, train in enumerate(trains):
        rate = np.linalg.eigvalsh(k[np.ix_(train, train - test)])[-1] / len(train)
        out, *rest = train_network(
            *network,
            jax.random.key(seed),
            x[train],
            y[train],
            x[:test],
            SETTINGS["step_size"] / rate,
        )
        steps, share, step_size = rest
        found["accuracy"].append(float((out.argmax(1) == labels[:test]).mean()))
        found["steps"].append(steps)
        found["left"].append(share)
        found["step_size"].append(float(step_size * rate))
    return found


def table_row(store, name, depth, pooling):
    """Measure kernel and networks at one depth, on random training sets."""
    images, labels = data(name)
    k = kernel(store, name, depth, pooling)
    rng = np.random.default_rng(1)
    pool = np.arange(SETTINGS["test"], len(labels))
    trains = [
        rng.permutation(pool)[: SETTINGS["train"][name]]
        for _ in range(SETTINGS["splits"])
    ]
    return {
        "kernel": [accuracy_of_kernel(k, labels, t) for t in trains],
        "network": accuracies_of_networks(
            cnn(pooling, depth), images, labels, trains, k
        ),
    }


def small_data(store, size):
    """Measure every method on random draws of `size` digits, not balanced by class."""
    images, labels = data("digits")
    rng = np.random.default_rng(size)
    pool = np.arange(SETTINGS["test"], len(labels))
    trains = [rng.permutation(pool)[:size] for _ in range(SETTINGS["draws"])]
    flat = images.reshape(len(images), -1)
    settings = dict(depth=3, weight_std=2**0.5)
    kernels = {
        "CNTK, average": kernel(store, "digits", 3, "average"),
        "CNTK, dense": kernel(store, "digits", 3, "flatten"),
        "NTK": np.asarray(ntk(jnp.array(flat), jnp.array(flat[pool]), **settings)),
    }
    found = {
        method: [accuracy_of_kernel(k, labels, t) for t in trains]
        for method, k in kernels.items()
    }
    forest = partial(RandomForestClassifier, 300, random_state=0)
    machine = partial(
        GridSearchCV,
        SVC(),
        {"C": [1, 10, 100], "gamma": [g / 64 for g in (0.1, 0.3, 1, 3)]},
        cv=3,
    )
    test = slice(SETTINGS["test"])
    for method, make in {"random forest": forest, "RBF SVM": machine}.items():
        found[method] = []
        for t in trains:
            few = method == "RBF SVM" and min(np.bincount(labels[t], minlength=10)) < 3
            model = SVC(C=10) if few else make()  # too few of a class to cross-validate
            model.fit(flat[t], labels[t])
            found[method].append(float(model.score(flat[test], labels[test])))
    if size not in SETTINGS["network_sizes"]:
        return found
    networks = {
        "CNN, average": (cnn("average", 3), "CNTK, average"),
        "CNN, dense": (cnn("flatten", 3), "CNTK, dense"),
        "MLP": (mlp(3), "NTK"),
    }
    for method, (network, limit) in networks.items():
        found[method] = accuracies_of_networks(
            network, images, labels, trains, kernels[limit]
        )
    return found


def main():
    """Run what is missing, then store the summary."""
    if not FASHION.exists():
        sys.exit(f"{FASHION} is missing; install Debian's dataset-fashion-mnist.")
    ntkbook.double_precision()
    store = Store("_runs/04_images", SETTINGS)
    jobs = [(f"small-{n}", partial(small_data, store, n)) for n in SETTINGS["sizes"]]
    jobs += [
        (f"{name}-{depth}-{pooling}", partial(table_row, store, name, depth, pooling))
        for name in ("digits", "fashion")
        for depth in SETTINGS["depths"][name]
        for pooling in ("flatten", "average")
    ]
    results = store.trials(dict(jobs))
    provenance = store.provenance("make run RUN=04_images")
    print(keep("04_images", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
