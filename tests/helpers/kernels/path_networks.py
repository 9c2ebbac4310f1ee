"""Small networks and data whose path kernels the tests take."""

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook.paths import path_kernel

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (6, 2))
QUERY = jax.random.normal(jax.random.key(2), (5, 2))
Y = np.stack([np.sin(2 * np.asarray(X)[:, 0]), np.asarray(X)[:, 1] ** 2 - 1], axis=1)
SIGNS, Y = jnp.asarray(np.sign(Y)), jnp.asarray(Y)


def network(activation="tanh", depth=1, **options):
    options = dict(bias_std=0.5, outputs=2, width=12) | options
    net = ntkbook.mlp(options.pop("width"), depth, activation, **options)
    return net.apply, jax.jit(net.init)(KEY, X)


def linear(w, x):
    return x @ w


def books(apply, w, y=Y, query=QUERY, **options):
    options = dict(step_size=0.05, steps=40, integral="exact", progress=False) | options
    return path_kernel(apply, w, X, y, query, **options)
