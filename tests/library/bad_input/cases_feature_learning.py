"""One case each, of Chapter 9's module."""

import jax.numpy as jnp
import numpy as np

from ntkbook import feature_learning
from tests.library.bad_input.calls import (
    NOT_FLOAT_ARRAYS,
    NOT_FLOATS,
    NOT_FUNCTIONS,
    NOT_INTS,
    W,
    X,
    Y,
    linear,
)


def catapult(kernel=3.0, loss=0.1, steps=2):
    return feature_learning.catapult(kernel, loss, steps)


def sharpness(apply=linear, params=W, x=X, y=Y, **options):
    return feature_learning.sharpness(apply, params, x, y, **options)


def parametrization(way="mup", width=4, depth=1, base=2):
    return feature_learning.parametrization(way, width, depth=depth, base=base)


def change_rates(apply=linear, params=W, rates=2.0, output=1.0):
    return feature_learning.change_rates(apply, params, rates, output)


def quadratic_network(x=X, y=Y[:, 0], x_test=X, **options):
    settings = dict(alpha=1.0, epsilon=0.5, steps=2)
    return feature_learning.quadratic_network(x, y, x_test, **settings | options)


FEATURE_LEARNING = [
    *[(catapult, {name: bad}, name)
      for name in ("kernel", "loss") for bad in (*NOT_FLOATS, -1.0, np.inf)],
    (catapult, {"loss": 3.0}, "loss"),
    *[(catapult, {"steps": bad}, "steps") for bad in (*NOT_INTS, 0)],
    *[(sharpness, {"apply": bad}, "apply") for bad in NOT_FUNCTIONS],
    *[(sharpness, {"y": bad}, "y") for bad in (*NOT_FLOAT_ARRAYS, Y[:1], Y[:, 0])],
    *[(sharpness, {"iterations": bad}, "iterations") for bad in (*NOT_INTS, 0, 1)],
    *[(sharpness, {"loss": bad}, "loss") for bad in (None, "hinge")],
    *[(parametrization, {"way": bad}, "way") for bad in (None, "SP", 1)],
    *[(parametrization, {name: bad}, name)
      for name in ("width", "depth", "base") for bad in (*NOT_INTS, 0)],
    *[(change_rates, {"apply": bad}, "apply") for bad in NOT_FUNCTIONS],
    *[(change_rates, {"rates": bad}, "rates")
      for bad in (*NOT_FLOATS, 0.0, -1.0, [1.0, 2.0])],
    *[(change_rates, {"output": bad}, "output") for bad in (*NOT_FLOATS, 0.0)],
    *[(quadratic_network, {"y": bad}, "y") for bad in (*NOT_FLOAT_ARRAYS, Y)],
    *[(quadratic_network, {"x_test": bad}, "x_test")
      for bad in (*NOT_FLOAT_ARRAYS, X[:, :1], X.astype(jnp.float32))],
    *[(quadratic_network, {name: bad}, name)
      for name in ("alpha", "step_size") for bad in (-1.0, 0.0, "1", np.nan)],
    *[(quadratic_network, {"epsilon": bad}, "epsilon") for bad in NOT_FLOATS],
    *[(quadratic_network, {"steps": bad}, "steps") for bad in (*NOT_INTS, 0)],
]  # fmt: skip
