"""Traps that need more than one call."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from tests.library.bad_input.calls import (
    NET,
    PARAMS,
    SINGLE,
    K,
    W,
    X,
    Y,
    apply,
    gradient_descent,
    gradient_flow,
    kappa,
    kernel_flow,
    kernel_regression,
    linearize,
    ntk,
)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_overflow_is_not_silent():
    huge = ntkbook.mlp(2, 1, scale=1e300)
    with pytest.raises(ValueError, match="`scale`=1e"):
        huge.apply(SINGLE, X.astype(jnp.float32))
    with pytest.raises(ValueError, match="tangent kernel is not finite"):
        ntkbook.ntk(huge.apply, SINGLE, X.astype(jnp.float32))
    with pytest.raises(ValueError, match="overflow"):
        kernel_flow(K * 1e-300, 1e20 * Y, 1e300, k_test=K * 1e300)
    with pytest.raises(ValueError, match="overflow"):
        kernel_flow(np.ones((3, 3)), 1e200 * Y, 1e308, k_test=K)


def test_derivatives_that_are_not_finite():
    def root(w, x):
        return jnp.sqrt(w) * x[:, :1]

    zero = jnp.zeros(())
    for refused in (
        lambda: ntkbook.ntk(root, zero, X),
        lambda: ntkbook.linearize(root, zero)(zero + 1, X),
        lambda: ntkbook.kappa(root, zero, X, Y),
        lambda: ntkbook.gradient_descent(root, zero, X, Y, step_size=0.1, steps=2),
    ):
        with pytest.raises(ValueError, match="not finite"):
            refused()


def test_mixed_precision_is_refused_everywhere():
    single = X.astype(jnp.float32)
    for mixed in (
        lambda: apply(x=single),
        lambda: ntk(x1=single),
        lambda: linearize(x=single),
        lambda: linearize(params=W.astype(jnp.float32)),
        lambda: gradient_descent(x=single),
        lambda: gradient_flow(x=single),
        lambda: kappa(x=single),
    ):
        with pytest.raises(TypeError, match="float32 but|float64 but"):
            mixed()


def test_what_needs_values_says_so_under_jit():
    with pytest.raises(TypeError, match="traced"):
        jax.jit(lambda k: ntkbook.kernel_flow(k, Y, 1.0).train)(K)
    for function in (partial(kernel_flow, times=1.0), kernel_regression):
        with pytest.raises(TypeError, match="`k_test` is traced"):
            jax.jit(lambda k, f=function: f(k_test=k).test)(K)
    with pytest.raises(TypeError, match="traced"):
        jax.jit(lambda x: ntkbook.kappa(NET.apply, PARAMS, x, Y).value)(X)
    with pytest.raises(TypeError, match="`step_size`"):
        jax.jit(lambda s: gradient_descent(step_size=s).loss)(0.1)


def test_messages_stay_short():
    """A wrong argument may be large; the message must not print all of it."""
    for refused in (
        lambda: ntkbook.mlp([1.0] * 10**5, 1),
        lambda: ntkbook.mlp(2, 1, ["relu"] * 10**5),
        lambda: kernel_flow(times=["a"] * 10**5),
        lambda: kernel_flow(kernel=[[1.0] * 1000] * 1000),
        lambda: gradient_descent(step_size=[0.1] * 10**5),
    ):
        with pytest.raises(TypeError) as caught:
            refused()
        assert len(str(caught.value)) < 400


def test_double_precision_takes_a_boolean():
    for bad in (None, 1, "yes", X):
        with pytest.raises(TypeError, match="`on`"):
            ntkbook.double_precision(bad)
    assert jnp.ones(1).dtype == jnp.float64
