"""Chapter 9's run on widths: which learning rate is best, in three parametrisations.

`make run RUN=09_widths` trains networks with two hidden layers on 500 digits by SGD,
over a grid of learning rates, three ways of becoming wider, and widths from 64 to 1024:
ReLU networks on cross-entropy, tanh networks on the squared loss. It may be killed and
continued.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook import sgd
from ntkbook.data import digits
from ntkbook.feature_learning import change_rates, parametrization
from ntkbook.machine.store import Store
from ntkbook.results import keep

SETTINGS = {
    "train": 500,
    "test": 1000,
    "base": 64,
    "widths": [64, 256, 1024],
    "seeds": 3,
    "epochs": 8,
    "batch_size": 50,
    # powers of 2; the standard parametrisation needs smaller rates when it is wide
    "log2_rates": {
        "standard": [-7, -6, -5, -4, -3, -2, -1, 0],
        "ntk": [-4, -3, -2, -1, 0, 1, 2, 3],
        "mup": [-4, -3, -2, -1, 0, 1],
    },
}


TANH = SETTINGS | {  # whose largest stable rates are smaller
    "log2_rates": {
        "standard": [-9, -8, -7, -6, -5, -4, -3, -2, -1],
        "ntk": [-6, -5, -4, -3, -2, -1],
        "mup": [-6, -5, -4, -3, -2, -1],
    }
}
TASKS = {  # its folder, settings, activation and loss
    "relu": ("_runs/09_widths", SETTINGS, "relu", "softmax"),
    "tanh": ("_runs/09_widths_tanh", TANH, "tanh", "squared"),
}


def trial(task, way, width):
    """Loss, accuracy and change of the features: rates by initialisations."""
    (_, s, activation, of_loss), data = TASKS[task], digits()
    images = data.images.reshape(len(data.images), -1)
    x = jnp.asarray((images - images.mean()) / images.std(), jnp.float32)
    y = jnp.asarray(np.eye(10)[data.labels], jnp.float32)
    n = s["train"]
    test = slice(n, n + s["test"])
    std = 2**0.5 if activation == "relu" else 1.0
    net = ntkbook.mlp(
        width, 2, activation, parametrization="standard", weight_std=std, outputs=10
    )
    if of_loss == "squared":
        y = y - 0.1
    how = parametrization(way, width, depth=2, base=s["base"])

    def features(w):
        return net.apply.layer_derivatives(w, x[:100])[-1].inputs

    def one(key, rate):
        start = net.init(key, x)
        apply, units = change_rates(net.apply, start, how.rates, how.output)
        run = sgd(
            apply, units, x[:n], y[:n], step_size=rate, epochs=s["epochs"],
            batch_size=s["batch_size"], key=key, momentum=0.0, loss=of_loss,
        )  # fmt: skip
        end = [
            {"weight": layer["weight"] * rate**0.5}
            for layer, rate in zip(run.params, how.rates, strict=True)
        ]
        before, after = features(start), features(end)
        outputs = apply(run.params, x)
        if of_loss == "softmax":
            each = -jnp.sum(y[:n] * jax.nn.log_softmax(outputs[:n]), axis=1)
        else:
            each = 0.5 * jnp.sum((outputs[:n] - y[:n]) ** 2, axis=1)
        right = jnp.mean(outputs[test].argmax(1) == jnp.asarray(data.labels[test]))
        moved = jnp.linalg.norm(after - before) / jnp.linalg.norm(before)
        return jnp.mean(each), right, moved

    keys = jax.random.split(jax.random.key(0, impl="rbg"), s["seeds"])
    over = jax.jit(jax.vmap(one, (0, None)))
    rates = [jnp.float32(2.0**power) for power in s["log2_rates"][way]]
    found = np.array([np.asarray(over(keys, rate), float) for rate in rates])
    found = np.nan_to_num(found, nan=1e9, posinf=1e9)  # training has diverged
    names = ("loss", "accuracy", "features")
    return {name: found[:, i].tolist() for i, name in enumerate(names)}


def main():
    """Run what is missing, then store the summary."""
    results, provenance = {}, {}
    for task, (folder, settings, _, _) in TASKS.items():
        store = Store(folder, settings)
        results[task] = {
            way: {
                str(width): store.trial(
                    f"{way}-{width}", partial(trial, task, way, width)
                )
                for width in settings["widths"]
            }
            for way in settings["log2_rates"]
        }
        provenance[task] = store.provenance("make run RUN=09_widths")
    minutes = sum(of["minutes"] for of in provenance.values())
    whole = provenance["relu"] | {"minutes": round(minutes, 1)}
    whole["settings"] = {task: settings for task, (_, settings, *_) in TASKS.items()}
    print(keep("09_widths", {"provenance": whole, "results": results}))


if __name__ == "__main__":
    main()
