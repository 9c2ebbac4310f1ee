"""Chapter 9's run on large steps: what they gain in test accuracy.

`make run RUN=09_large_steps` trains networks with one hidden layer on 100 digits with
step sizes up to several times the stable one, from the random output of the initial
weights and from an output of 0, made in two ways, stops each at the same training loss,
and stores the test accuracies. It may be killed and continued.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook.data import digits
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "train": 100,
    "test": 1000,
    "width": 128,
    "seeds": 6,
    "most_steps": 2500,
    "stop": 0.05,  # at this part of the loss of the output 0
    # The initial output subtracted, or kept, or cancelled by a twin of opposite sign.
    "starts": ["zero", "plain", "twin"],
    "products": {
        "tanh": [1.0, 1.5, 2.5, 3.0, 3.5, 4.0, 5.0],
        "relu": [1.0, 1.5, 2.5, 3.5, 5.0, 7.0, 12.0],
    },
}

ZERO_OUTPUT = {"zero": "subtract", "plain": False, "twin": "twin"}


def task():
    """Digits to train on and to test with; targets are centred one-hot vectors."""
    data, n = digits(), SETTINGS["train"]
    images = data.images.reshape(len(data.images), -1)
    x = jnp.asarray((images - images.mean()) / images.std(), jnp.float32)
    y = jnp.asarray(np.eye(10)[data.labels] - 0.1, jnp.float32)
    test = slice(n, n + SETTINGS["test"])
    return x[:n], y[:n], x[test], jnp.asarray(data.labels[test])


def top(net, w, x):
    """The largest eigenvalue of the tangent kernel, by 50 powers."""
    kernel = ntkbook.ntk(net.apply, w, x).transpose(0, 2, 1, 3)
    kernel = kernel.reshape(10 * len(x), 10 * len(x))
    start = jax.random.normal(jax.random.key(1), kernel.shape[:1], x.dtype)

    def power(_, v):
        v = kernel @ v
        return v / jnp.linalg.norm(v)

    v = jax.lax.fori_loop(0, 50, power, start)
    return v @ (kernel @ v)


@partial(jax.jit, static_argnums=(0, 1))
def train(activation, start_at, keys, product):
    """Six networks of one initialisation, with the step size product / eigenvalue."""
    s, (x, y, x_test, labels) = SETTINGS, task()
    net = ntkbook.mlp(
        s["width"], 1, activation, weight_std=2**0.5 if activation == "relu" else 1.0,
        outputs=10, zero_output=ZERO_OUTPUT[start_at],
    )  # fmt: skip

    def one(key):
        start = net.init(key, x)
        step_size = product / top(net, start, x)

        def loss(w):
            return 0.5 * jnp.sum((net.apply(w, x) - y) ** 2)

        def step(state):
            w, now, most, count = state
            now, slope = jax.value_and_grad(loss)(w)
            w = jax.tree.map(lambda a, g: a - step_size * g, w, slope)
            return w, now, jnp.maximum(most, now), count + 1

        def on(state):
            _, now, _, count = state
            trains = (now > s["stop"] * of_zero) & (now < 1e6 * first)
            return trains & (count < s["most_steps"])

        first, of_zero = loss(start), 0.5 * jnp.sum(y**2)
        w, last, most, count = jax.lax.while_loop(on, step, (start, first, first, 0))
        right = jnp.mean(net.apply(w, x_test).argmax(1) == labels)
        return {
            "accuracy": right,
            "last": last / of_zero,
            "largest": most / first,
            "steps": count,
            "product": step_size * top(net, w, x),
        }

    return jax.vmap(one)(keys)


def trial(activation, start_at, product):
    keys = jax.random.split(jax.random.key(0), SETTINGS["seeds"])
    found = train(activation, start_at, keys, jnp.float32(product))
    clean = {k: np.nan_to_num(np.asarray(v, float), nan=1e9) for k, v in found.items()}
    return {k: v.tolist() for k, v in clean.items()}


def main():
    """Run what is missing, then store the summary."""
    store = Store("_runs/09_large_steps", SETTINGS)
    results = {
        f"{activation}, {start}": [
            store.trial(
                f"{activation}-{start}-{c}", partial(trial, activation, start, c)
            )
            for c in products
        ]
        for activation, products in SETTINGS["products"].items()
        for start in SETTINGS["starts"]
    }
    provenance = store.provenance("make run RUN=09_large_steps")
    print(keep("09_large_steps", {"provenance": provenance, "results": results}))


if __name__ == "__main__":
    main()
