"""Anything at all gives a finite result, or an error of two kinds."""

import contextlib
import math

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from tests.helpers.draws import examples
from tests.library.bad_input.calls import (
    DEEPER,
    IMAGES,
    INF_Y,
    LINE,
    NAN_X,
    NET,
    OTHER,
    PARAMS,
    SINGLE,
    UNIT,
    K,
    W,
    X,
    Y,
    apply,
    checkpoint_kernel,
    cntk,
    critique_data,
    critique_kernel,
    critique_network,
    critique_theory,
    decay_rates,
    eigenfunctions,
    energy_concentration,
    everything_finite,
    gradient_descent,
    gradient_flow,
    infinite_nngp,
    infinite_ntk,
    init,
    kappa,
    kernel_cosine,
    kernel_flow,
    kernel_regression,
    limit_memory,
    linear,
    linearize,
    mlp,
    network_kernel,
    ntk,
    ntk_contributions,
    ntk_diagonal,
    ntk_on_disk,
    ntk_operator,
    one_layer_norms,
    path_kernel,
    target_alignment,
    taylor_expand,
    training_time,
)

SOME_ARRAYS = [
    *[X, Y, W, UNIT, NAN_X, INF_Y, IMAGES, IMAGES * 1e200, IMAGES[:1, :2]],
    *[X * 1e200, X * 0, X.astype(jnp.float32), X[:0], X[:2], X[0], Y[:, 0], K, -K],
    *[
        np.asarray(X),
        np.ones((3, 2), int),
        np.ones((3, 3)),
        np.zeros((3, 3)),
        K * 1e200,
    ],
]
ANYTHING = [
    *SOME_ARRAYS,
    *[None, "relu", "twin", "squared", "logistic", True, False, 0, 1, 2, 3, -1, 1.5],
    *[0.0, -1.0, 1e-300, 1e300, math.inf, math.nan, 10**400, 1j, [], [1.0], [1, 2], {}],
    *[PARAMS, OTHER, DEEPER, SINGLE, [W], jax.random.key(0), jax.random.split],
    *[linear, LINE, NET.apply, jnp.tanh, np.tanh, print],
]
ARGUMENTS = {
    mlp: "width depth activation parametrization weight_std bias_std outputs "
    "zero_output scale",
    init: "key x",
    apply: "params x",
    ntk: "apply params x1 x2 trace per_output sharded",
    ntk_contributions: "apply params x1 x2",
    ntk_diagonal: "apply params x",
    ntk_operator: "apply params x1 x2",
    ntk_on_disk: "path apply params x1 x2 trace progress",
    linearize: "apply params0 params x",
    taylor_expand: "apply params0 order params x",
    gradient_descent: "apply params x y step_size steps batch_size key loss record "
    "observe progress",
    decay_rates: "kernel",
    training_time: "step_size steps points outputs batch_size reduction half momentum",
    one_layer_norms: "a b x activation",
    kernel_flow: "kernel y times k_test f0_train f0_test ridge loss",
    kernel_regression: "kernel y k_test ridge",
    infinite_nngp: "x1 x2 depth activation weight_std bias_std first_layer",
    infinite_ntk: "x1 x2 depth activation weight_std bias_std first_layer frozen",
    cntk: "images1 images2 depth pooling filter_size activation weight_std bias_std "
    "frozen_ends progress",
    eigenfunctions: "kernel count",
    target_alignment: "kernel target",
    energy_concentration: "kernel target count",
    kernel_cosine: "kernel1 kernel2 centered",
    network_kernel: "x y gradient kind depth activation weight_std bias_std",
    critique_data: "number published points dimension seed",
    critique_kernel: "name x1 x2 published",
    critique_theory: "x y x_test times depth start kernel",
    kappa: "apply params x y",
    limit_memory: "gib",
}
BY_KIND = {
    "float": [0.0, 0.1, 1.0, 1e-300, 1e300, -1.0, math.nan, math.inf],
    "array": SOME_ARRAYS,
}
CLOSER = {
    # Values of the right kind get past the first checks, to where the harder ones are.
    **dict.fromkeys(
        "weight_std bias_std scale step_size ridge t gib times tolerance "
        "momentum weight_decay".split(),
        "float",
    ),
    **dict.fromkeys(
        "x x1 x2 x_test y images1 images2 params params0 kernel k_test "
        "f0_train f0_test kernel kernel1 kernel2 target".split(),
        "array",
    ),
}


# Compiles for seconds, so it gets fewer cases.
FLOW = {
    gradient_flow: "apply params x y times loss observe tolerance max_steps progress",
    path_kernel: "apply params x y x_test step_size steps batch_size key loss "
    "momentum weight_decay integral nodes kinks progress",
    checkpoint_kernel: "apply checkpoints times x y x_test loss rule",
    critique_network: "x y x_test key depth width epochs batch_size step_size "
    "record params after_step apply dtype progress",
}


@st.composite
def calls(draw, arguments):
    function = draw(st.sampled_from(list(arguments)))
    names = arguments[function].split()
    change = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
        pools = [ANYTHING, BY_KIND[CLOSER[name]]] if name in CLOSER else [ANYTHING]
        change[name] = draw(st.sampled_from(draw(st.sampled_from(pools))))
    return function, change


SIZES = st.sampled_from([0.0, 1e-300, 1e-150, 1e-5, 1.0, 1e5, 1e150, 1e300])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@examples(150, weekly=5000)
@hypothesis.given(
    of_weights=SIZES,
    of_x=SIZES,
    of_y=SIZES,
    number=SIZES,
    features=st.integers(0, 3),
    infinite=st.booleans(),
    function=st.sampled_from(
        "flow net ntk line kappa descent regression infinite cntk scikit".split()
    ),
)
def test_any_size_of_number_gives_a_finite_result_or_an_error(
    of_weights, of_x, of_y, number, features, infinite, function
):
    params = jax.tree.map(lambda w: of_weights * w, PARAMS)
    x, y = of_x * X, of_y * Y

    def flow():
        points = of_x * np.vander([0.3, 1.0, -2.0])[:, :features] @ np.eye(features, 3)
        k = points @ points.T
        t = math.inf if infinite else number
        return kernel_flow(k, np.asarray(y), t, k_test=of_y * k, ridge=of_weights)

    def regression():
        points = of_x * np.vander([0.3, 1.0, -2.0])[:, :features] @ np.eye(features, 3)
        k = points @ points.T
        return kernel_regression(k, np.asarray(y), k_test=of_y * k, ridge=of_weights)

    deviations = dict(weight_std=of_weights, bias_std=number)
    calls = {
        "flow": flow,
        "regression": regression,
        "infinite": lambda: infinite_ntk(x, X, depth=1 + features, **deviations),
        "cntk": lambda: cntk(of_x * IMAGES, pooling="flatten", **deviations),
        "scikit": lambda: network_kernel(x, gradient=infinite, **deviations),
        "net": lambda: NET.apply(params, x),
        "ntk": lambda: ntkbook.ntk(NET.apply, params, x),
        "line": lambda: ntkbook.linearize(NET.apply, params)(PARAMS, x),
        "kappa": lambda: ntkbook.kappa(NET.apply, params, x, y),
        "descent": lambda: ntkbook.gradient_descent(
            NET.apply, params, x, y, step_size=number, steps=3
        ),
    }
    try:
        result = calls[function]()
    except ValueError as error:
        assert type(error) is ValueError
        assert "`" in str(error), error
        return
    assert everything_finite(result), result


@examples(300, weekly=20000)
@hypothesis.given(call=calls(ARGUMENTS))
def test_anything_gives_a_finite_result_or_an_error_that_teaches(call):
    finite_or_taught(*call)


@examples(60, weekly=2000)
@hypothesis.given(call=calls(FLOW))
def test_anything_in_a_flow_gives_a_finite_result_or_an_error_that_teaches(call):
    finite_or_taught(*call)


def finite_or_taught(function, change):
    # `print` as a loss or an activation is a reader's mistake; its output is not ours.
    with contextlib.redirect_stdout(None):
        try:
            result = function(**change)
        except (TypeError, ValueError) as error:
            assert type(error) in (TypeError, ValueError), error
            assert "`" in str(error) or "not finite" in str(error), error
            return
    assert everything_finite(result)
