"""What Chapter 7's long runs share: their data, networks and training."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook import kernel_sgd, lenet, sgd
from ntkbook.alignment import binarize, eigenfunctions
from ntkbook.data import digits, fashion_mnist, two_classes


def networks(width):
    """Return the two networks; the MLP's biases start near 0, the LeNet's at 0."""
    mlp = ntkbook.mlp(width, 2, "relu", parametrization="standard", bias_std=0.01)
    return {"mlp": mlp, "lenet": lenet("relu")}


def data(name):
    """Return images, scaled to mean 0 and variance 1, and the classes."""
    found = digits() if name == "digits" else fashion_mnist(shrink=2)
    images, labels = found.images, found.labels
    if name == "fashion":
        order = np.random.default_rng(0).permutation(len(labels))[:12000]
        images, labels = images[order], labels[order]
    return jnp.asarray((images - images.mean()) / images.std(), jnp.float32), labels


def gram(net, params, x):
    return np.asarray(ntkbook.ntk(net.apply, params, x))


@partial(jax.jit, static_argnums=(0, 1, 2), static_argnames=("step_size", "look"))
def train(apply, epochs, batch, params, x, y, n, key, *, step_size, look):
    """Train a network on the first points, once for each row of labels."""

    def one(labels):
        return sgd(
            apply, params, x[: len(n)], labels[: len(n), None],
            step_size=step_size, epochs=epochs, batch_size=batch, key=key,
            record=[e for e in look if e <= epochs], observe=lambda p: p,
        )  # fmt: skip

    runs = jax.lax.map(one, y)
    ends = jax.lax.map(lambda p: apply(p, x)[:, 0], runs.params)
    return runs, ends


@partial(jax.jit, static_argnums=(0, 1), static_argnames="step_size")
def train_kernel(epochs, batch, kernel, y, n, key, *, step_size):
    """Train the model that has this kernel, once for each row of labels."""
    n = len(n)
    run = kernel_sgd(
        kernel[:n, :n], y[:, :n].T, step_size=step_size, epochs=epochs,
        batch_size=batch, key=key,
    )  # fmt: skip
    distance = jnp.sqrt((run.params * run.outputs[-1]).sum(0))
    return run.loss.T, (kernel[n:, :n] @ run.params).T, distance


def accuracy(outputs, y):
    return (np.asarray(outputs) * np.asarray(y) > 0).mean(-1).tolist()


def flat(params):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


def ridge(kernel, y, n):
    """Fit signs by kernel ridge regression; its strength is chosen without the test.

    It is the power of ten, times the mean eigenvalue, whose squared error is least
    where each training point in turn is left out.
    """
    kernel, labels = np.asarray(kernel, float), np.asarray(y, float)[:, :n].T
    values, vectors = np.linalg.eigh(kernel[:n, :n])
    parts = vectors.T @ labels
    found = []
    for power in range(-7, 3):
        inverse = 1 / (np.maximum(values, 0) + 10.0**power * values.mean())
        weights = (vectors * inverse) @ parts
        left_out = weights / ((vectors**2) @ inverse)[:, None]
        found.append(((left_out**2).mean(0), kernel[n:, :n] @ weights))
    best = np.argmin([error for error, _ in found], axis=0)
    return np.array([found[power][1][:, task] for task, power in enumerate(best)])


def tasks(settings, net, name, seed):
    """Return images, own weights and kernel, its eigenfunctions, and labels.

    The labels are the signs of eigenfunctions of the network's own kernel, and the two
    classes.
    """
    s = settings
    images, classes = data(name)
    points = s["train"] + s["test"]
    x = images[:points]
    start = net.init(jax.random.key(seed), x)
    home = gram(net, start, x)
    functions = eigenfunctions(home, s["aligned"])
    rows = [binarize(functions.functions[:, i - 1]) for i in s["indices"]]
    rows.append(two_classes(classes[:points])[:, 0])
    return x, start, home, functions, jnp.asarray(np.stack(rows), jnp.float32)
