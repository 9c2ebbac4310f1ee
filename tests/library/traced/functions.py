"""Public functions with arguments that fit, and which of these JAX may trace."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

import ntkbook
from ntkbook import alignment, feature_learning, infinite, learning_curves
from tests.library.bad_input import calls as c
from tests.library.bad_input.calls import IMAGES, PARAMS, UNIT, K, W, X, Y, linear

KEY = jax.random.key(0)
ROW = np.array([0.5, 0.3, 0.2])


class Case(NamedTuple):
    """A function, its arguments, and the names of those that may be traced.

    ``inside``: whether a jitted function may call it with arguments that have values.
    ``backwards``: whether ``jax.grad`` may go through it.
    """

    call: Callable
    arguments: dict[str, Any]
    traceable: str = ""
    inside: bool = True
    backwards: bool = True


def of(function, *first, **settings):
    """Return the function with these arguments, the others by name."""
    return lambda **arguments: function(*first, **settings, **arguments)


def rescaled(params, rates, output):
    apply, params = feature_learning.change_rates(linear, params, rates, output)
    return apply(params, X)


def activation(make, **settings):
    return infinite.nngp(X, depth=1, activation=make(**settings))


def product(params, x):
    return alignment.mixed_derivative(linear, params, x) @ np.eye(2)


POINT = dict(params=W, x=X)
DATA = POINT | dict(y=Y)
PAIR = dict(params=W, x1=X, x2=X)
EXPANSION = dict(params0=W, params=W, x=X)
STDS = dict(weight_std=1.0, bias_std=0.1)
DEEP = dict(x1=X, x2=X, depth=2) | STDS
PATH = DATA | dict(x_test=X)
STEPS = dict(step_size=0.01, momentum=0.5)
TARGET = dict(kernel=K, target=K[0])
FITTED = dict(kernel=K, y=Y, k_test=K, ridge=0.1)
CURVE = dict(eigenvalues=ROW, n=2, ridge=0.1)
FEATURES = dict(x=X, y=Y[:, 0], x_test=X, alpha=0.5, epsilon=0.3, step_size=0.1)
CRITIQUE = dict(x=UNIT, y=np.ones(2), x_test=UNIT)
KERNELS = dict(k_test=K, kernel=K, functions_train=K, functions_test=K, ridge=0.1)
WITH = dict(epochs=1, batch_size=2, loss="squared")
HOST = dict(inside=False)
FORWARDS = dict(backwards=False)

CASES = {
    "apply": Case(c.apply, dict(params=PARAMS, x=X), "params x"),
    "init": Case(c.init, dict(key=KEY, x=X), "key x"),
    "ntk": Case(c.ntk, PAIR, "params x1 x2"),
    "ntk_diagonal": Case(c.ntk_diagonal, POINT, "params x"),
    "ntk_operator": Case(c.ntk_operator, PAIR, **HOST),
    "ntk_cost": Case(c.ntk_cost, POINT, **HOST),
    "ntk_contributions": Case(c.ntk_contributions, PAIR, "params x1 x2"),
    "ntk_on_disk": Case(c.ntk_on_disk, PAIR, **HOST),
    "linearize": Case(c.linearize, EXPANSION, "params0 params x"),
    "taylor_expand": Case(
        c.taylor_expand, EXPANSION | dict(order=2), "params0 params x"
    ),
    "gradient_descent": Case(
        c.gradient_descent,
        DATA | dict(step_size=0.01, steps=2),
        "params x y",
        **FORWARDS,
    ),
    "gradient_flow": Case(
        c.gradient_flow, DATA | dict(times=0.1, tolerance=1e-6), "params x y"
    ),
    "sgd": Case(
        of(ntkbook.sgd, linear, **WITH),
        DATA | STEPS | dict(key=KEY),
        "params x y step_size key",
        **FORWARDS,
    ),
    "kernel_sgd": Case(
        of(ntkbook.kernel_sgd, **WITH),
        dict(kernel=K, y=Y, key=KEY) | STEPS,
        "kernel y step_size key",
        **FORWARDS,
    ),
    "path_kernel": Case(
        c.path_kernel,
        PATH | STEPS | dict(weight_decay=0.1),
        "params x y x_test",
        **FORWARDS,
    ),
    "checkpoint_kernel": Case(
        c.checkpoint_kernel,
        dict(checkpoints=(W, 2 * W), times=np.array([0.0, 0.1]), x=X, y=Y, x_test=X),
        "checkpoints x y x_test",
        **FORWARDS,
    ),
    "decay_rates": Case(c.decay_rates, dict(kernel=K)),
    "training_time": Case(c.training_time, STEPS | dict(steps=3)),
    "sweep": Case(c.sweep, dict(key=KEY), **HOST),
    "one_layer_norms": Case(
        c.one_layer_norms, dict(a=W[:, 0], b=W[:, 0], x=1.0), "a b x"
    ),
    "kernel_flow": Case(
        c.kernel_flow, FITTED | dict(times=1.0, f0_train=0 * Y + 0.1, f0_test=Y)
    ),
    "kernel_flow, logistic": Case(
        of(ntkbook.kernel_flow, y=Y, loss="logistic"), dict(kernel=K, times=1.0), **HOST
    ),
    "kernel_regression": Case(c.kernel_regression, FITTED),
    "ensemble_flow": Case(
        ntkbook.ensemble_flow, dict(kernel=K, covariance=K, y=Y[:2], times=1.0)
    ),
    "estimate": Case(ntkbook.estimate, dict(values=ROW)),
    "nngp": Case(c.infinite_nngp, DEEP, "x1 x2 weight_std bias_std"),
    "infinite ntk": Case(
        c.infinite_ntk, DEEP | dict(frozen=1), "x1 x2 weight_std bias_std"
    ),
    "cntk": Case(
        c.cntk,
        dict(images1=IMAGES, images2=IMAGES) | STDS,
        "images1 images2 weight_std bias_std",
    ),
    "expectations": Case(
        of(infinite.expectations, "relu"), dict(q1=1.0, q2=0.5, c=0.2), "q1 q2 c"
    ),
    "NetworkKernel": Case(
        c.network_kernel, dict(x=np.asarray(X), y=np.asarray(X)) | STDS, **HOST
    ),
    "sine": Case(of(activation, infinite.sine), dict(frequency=1.0)),
    "elu": Case(of(activation, infinite.elu), dict(alpha=1.0, scale=1.0)),
    "leaky_relu": Case(of(activation, infinite.leaky_relu), dict(slope=0.1)),
    "hard_tanh": Case(of(activation, infinite.hard_tanh), dict(limit=1.0)),
    "eigenfunctions": Case(c.eigenfunctions, dict(kernel=K, count=2)),
    "target_alignment": Case(c.target_alignment, TARGET),
    "energy_concentration": Case(c.energy_concentration, TARGET | dict(count=2)),
    "kernel_alignment": Case(c.kernel_cosine, dict(kernel1=K, kernel2=K)),
    "norm_bound": Case(alignment.norm_bound, TARGET),
    "rkhs_norm": Case(alignment.rkhs_norm, TARGET),
    "tangent_alignment": Case(
        of(alignment.tangent_alignment, linear), POINT | dict(target=K[0]), **HOST
    ),
    "mixed_derivative": Case(product, POINT, **HOST),
    "anisotropy_directions": Case(
        of(alignment.anisotropy_directions, linear), POINT, **HOST
    ),
    "binarize": Case(alignment.binarize, dict(function=ROW)),
    "separable": Case(
        ntkbook.data.separable,
        dict(direction=ROW, count=4, seed=0, epsilon=1.0, sigma=1.0),
    ),
    "two_classes": Case(ntkbook.data.two_classes, dict(labels=np.array([1, 7]))),
    "catapult": Case(
        of(feature_learning.catapult, steps=3), dict(kernel=2.0, loss=0.1)
    ),
    "change_rates": Case(rescaled, dict(params=W, rates=2.0, output=1.0), "params"),
    "quadratic_network": Case(
        of(feature_learning.quadratic_network, steps=3),
        FEATURES,
        "x y x_test alpha",
        **FORWARDS,
    ),
    "sharpness": Case(
        of(feature_learning.sharpness, linear), DATA | dict(iterations=3), "params x y"
    ),
    "cross_validation": Case(
        learning_curves.cross_validation, dict(kernel=K, y=Y, ridge=0.1)
    ),
    "effective_ridge": Case(learning_curves.effective_ridge, CURVE),
    "mean_field_risk": Case(
        learning_curves.mean_field_risk, CURVE | dict(coefficients=ROW, noise=0.1)
    ),
    "learnability": Case(learning_curves.learnability, KERNELS),
    "network_harmonics": Case(
        learning_curves.network_harmonics, STDS | dict(count=3), **HOST
    ),
    "critique.kernel": Case(c.critique_kernel, dict(x1=UNIT, x2=UNIT), **HOST),
    "critique.theory": Case(c.critique_theory, CRITIQUE | dict(times=1.0), **HOST),
    "critique.network": Case(
        c.critique_network, CRITIQUE | dict(key=KEY, step_size=0.1), **HOST
    ),
    "kappa": Case(c.kappa, dict(params=PARAMS, x=X, y=Y), **HOST),
    "second_derivative_norm": Case(
        c.second_derivative, dict(params=PARAMS, x=X), **HOST
    ),
    "limit_memory": Case(c.limit_memory, dict(gib=1.0)),
}
