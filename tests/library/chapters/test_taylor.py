"""Expansions in the weights, and the inverse relative scale kappa."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import ntkbook
from ntkbook.taylor import second_derivative_norm
from tests.helpers.networks import agree

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.standard_normal((3, 2)))
Y = jnp.asarray(RNG.standard_normal((3, 1)))
NET = ntkbook.mlp(4, 2, "tanh", bias_std=0.3)
PARAMS = NET.init(jax.random.key(0), X)
APPLY = jax.jit(NET.apply)  # one compilation in place of one for each operation
FLAT, UNRAVEL = ravel_pytree(PARAMS)
ALONG = jnp.asarray(RNG.standard_normal(FLAT.size))


def moved(distance):
    return UNRAVEL(FLAT + distance * ALONG / jnp.linalg.norm(ALONG))


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_the_remainder_falls_as_the_order_says(order):
    """Halving the distance divides the error by 2^(order + 1)."""
    expansion = jax.jit(ntkbook.taylor_expand(NET.apply, PARAMS, order))
    errors = [
        float(jnp.abs(APPLY(moved(d), X) - expansion(moved(d), X)).max())
        for d in (0.1, 0.05, 0.025)
    ]
    slopes = -np.diff(np.log2(errors))
    assert slopes == pytest.approx(order + 1, abs=0.15)


def test_linearize_against_finite_differences():
    """The slope from central differences, whose own error falls with slope 2."""
    line = jax.jit(ntkbook.linearize(NET.apply, PARAMS))
    slope = line(moved(1.0), X) - line(PARAMS, X)
    errors = []
    for h in (0.2, 0.1, 0.05):
        difference = (APPLY(moved(h), X) - APPLY(moved(-h), X)) / (2 * h)
        errors.append(float(jnp.abs(difference - slope).max()))
    assert -np.diff(np.log2(errors)) == pytest.approx(2, abs=0.1)
    agree(line(PARAMS, X), APPLY(PARAMS, X), 1e-14)
    # Linear: halfway between two places is the mean.
    agree(line(moved(2.0), X) + line(PARAMS, X), 2 * line(moved(1.0), X), 1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_the_adapter_agrees(order, relaxed):
    theirs = ntkbook.neural_tangents.taylor_expand(NET.apply, PARAMS, order)
    ours = jax.jit(ntkbook.taylor_expand(NET.apply, PARAMS, order))
    agree(ours(moved(0.7), X), jax.jit(theirs)(moved(0.7), X), 1e-10)
    if order == 1:
        line = ntkbook.neural_tangents.linearize(NET.apply, PARAMS)
        agree(ours(moved(0.7), X), line(moved(0.7), X), 1e-10)


def test_a_polynomial_is_its_own_expansion():
    def apply(w, x):  # degree 3 in w
        return x[:, :1] * w[0] * w[1] * w[1] + x[:, 1:] * w[1] - w[0]

    w0, w = jnp.array([0.3, -1.2]), jnp.array([2.0, 0.7])
    exact = apply(w, X)
    agree(ntkbook.taylor_expand(apply, w0, 3)(w, X), exact, 1e-14)
    agree(ntkbook.taylor_expand(apply, w0, 5)(w, X), exact, 1e-14)
    assert jnp.abs(ntkbook.taylor_expand(apply, w0, 2)(w, X) - exact).max() > 0.1


def test_order_three_is_a_relu_network_with_its_units_frozen():
    """Three layers: between kinks of degree three in the weights (Chapter 1)."""
    net = ntkbook.mlp(4, 2, "relu", bias_std=0.3)
    start = net.init(jax.random.key(0), X)
    cubic = jax.jit(ntkbook.taylor_expand(net.apply, start, 3))
    on = (net.apply.preactivations(start, X) > 0).astype(X.dtype)

    def at(distance):
        return UNRAVEL(ravel_pytree(start)[0] + distance * ALONG)

    def frozen(params):
        h = X
        for layer, units in zip(params, (on[:, :4], on[:, 4:], 1.0), strict=True):
            scale = 1 / h.shape[1] ** 0.5
            h = units * (scale * h @ layer["weight"] + 0.3 * layer["bias"][None])
        return h

    assert ((net.apply.preactivations(at(2.0), X) > 0) != (on > 0)).any()
    agree(cubic(at(2.0), X), frozen(at(2.0)), 1e-12)
    agree(cubic(at(1e-3), X), net.apply(at(1e-3), X), 1e-12)  # no kink is crossed


def test_the_linearisation_has_the_kernel_of_the_start_everywhere():
    line = ntkbook.linearize(NET.apply, PARAMS)
    kernel = ntkbook.ntk(NET.apply, PARAMS, X)
    for place in (PARAMS, moved(5.0)):
        agree(ntkbook.ntk(line, place, X), kernel, 1e-12)


def test_expansions_inside_jit_vmap_and_grad():
    net = ntkbook.mlp(2, 1, "tanh")  # small, since the first call compiles bit by bit
    start = net.init(jax.random.key(0), X)
    line = ntkbook.linearize(net.apply, start)

    def along(distance):
        return line(jax.tree.map(lambda w: w + distance, start), X)

    value = along(0.5)
    agree(jax.jit(along)(0.5), value, 1e-12)
    agree(jax.jit(jax.vmap(along))(jnp.array([0.0, 0.5]))[1], value, 1e-12)
    slope = jax.jit(jax.grad(lambda d: along(d)[0, 0]))(0.3)
    agree(slope, (value - along(0.0))[0, 0] / 0.5, 1e-12)


# --- kappa


def dense_derivatives(apply, params, x):
    """Return the whole Jacobian (i, p) and all Hessians (i, p, p)."""
    flat, unravel = ravel_pytree(params)

    def outputs(w):
        return apply(unravel(w), x).ravel()

    both = jax.jit(lambda w: (jax.jacrev(outputs)(w), jax.hessian(outputs)(w)))
    return jax.tree.map(np.asarray, both(flat))


@pytest.mark.parametrize(
    "network",
    [
        dict(width=3, depth=1, activation="tanh"),  # by a dense matrix: few weights
        dict(width=9, depth=2, activation="gelu", bias_std=0.4),  # by Lanczos
        dict(width=8, depth=1, activation="erf", zero_output="twin"),
    ],
    ids=str,
)
def test_one_point_against_the_dense_hessian(network):
    net = ntkbook.mlp(**network)
    x, y = X[:1], Y[:1]
    params = jax.jit(net.init)(jax.random.key(1), x)
    found = ntkbook.kappa(net.apply, params, x, y)
    jacobian, hessians = dense_derivatives(net.apply, params, x)
    norm = np.linalg.norm(hessians[0], 2)
    assert found.hessian_norm == pytest.approx(norm, rel=1e-7)
    assert found.hessian_bound == pytest.approx(norm, rel=1e-7)
    size = np.linalg.norm(jacobian, 2)
    assert found.jacobian_norm == pytest.approx(size, rel=1e-10)
    assert found.jacobian_smallest == pytest.approx(size, rel=1e-10)
    residual = np.linalg.norm(net.apply(params, x) - y)
    assert found.residual_norm == pytest.approx(residual, rel=1e-12)
    assert float(found) == pytest.approx(residual * norm / size**2, rel=1e-7)
    assert found.upper == pytest.approx(found.value, rel=1e-7)


@pytest.mark.weekly
@pytest.mark.parametrize(("n", "outputs"), [(1, 2), (3, 1)])
def test_several_outputs_enclose_the_tensors_norm(n, outputs):
    net = ntkbook.mlp(5, 1, "tanh", bias_std=0.3, outputs=outputs)
    params = net.init(jax.random.key(2), X)
    x = X[:n]
    jacobian, hessians = dense_derivatives(net.apply, params, x)
    found = ntkbook.kappa(net.apply, params, x, jnp.zeros((n, outputs)))
    singular = np.linalg.svd(jacobian, compute_uv=False)
    assert found.jacobian_norm == pytest.approx(singular[0], rel=1e-10)
    assert found.jacobian_smallest == pytest.approx(singular[-1], rel=1e-8)
    # Brute force over directions c: a value below the norm, but close to it.
    if n * outputs == 2:
        angles = np.linspace(0, np.pi, 400)
        directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    else:
        directions = np.random.default_rng(1).standard_normal((4000, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    mixed = np.einsum("ci,ipq->cpq", directions, hessians)
    brute = np.abs(np.linalg.eigvalsh(mixed)).max()
    bound = np.linalg.eigvalsh(np.einsum("ipq,iqr->pr", hessians, hessians))[-1] ** 0.5
    assert found.hessian_bound == pytest.approx(bound, rel=1e-7)
    assert brute * (1 - 1e-9) <= found.hessian_norm <= found.hessian_bound
    assert found.hessian_norm == pytest.approx(brute, rel=2e-3)
    assert found.value <= found.upper


def one_parameter(w, x):
    """The example of Chapter 1, its derivatives at w = 0.4 known by hand."""
    return (w * x + w**2 * x + jnp.sin(jnp.exp(0.1 * w))) * (w - 0.4)


def test_the_one_parameter_model():
    w, x, y = jnp.array(0.4), jnp.array([[1.5]]), jnp.array([[0.7]])
    # f = g(w) (w - 0.4), so f' = g and f'' = 2 g' at w = 0.4.
    grown = np.exp(0.04)
    slope = 0.4 * 1.5 + 0.4**2 * 1.5 + np.sin(grown)
    curvature = 2 * (1.5 + 2 * 0.4 * 1.5 + 0.1 * grown * np.cos(grown))
    assert slope == pytest.approx(1.702814, abs=5e-7)
    assert curvature == pytest.approx(5.50523, abs=5e-6)
    found = ntkbook.kappa(one_parameter, w, x, y)
    assert found.jacobian_norm == pytest.approx(slope, rel=1e-12)
    assert found.hessian_norm == pytest.approx(curvature, rel=1e-12)
    assert float(found) == pytest.approx(0.7 * curvature / slope**2, rel=1e-12)


@pytest.mark.parametrize("c", [3.0, 10.0])
def test_the_two_weight_model(c):
    """The worked example of Chapter 1: kappa does not see the condition number."""

    def apply(w, x):
        return w[0] + x * (w[1] + c / 2 * w[1] ** 2)

    alpha, opposite = 36.0, jnp.array([[1.0], [-1.0]])
    found = ntkbook.kappa(apply, jnp.zeros(2), opposite / c, -opposite / alpha)
    assert found.value == pytest.approx(1 / alpha, rel=1e-9)
    assert found.upper == pytest.approx(1 / alpha, rel=1e-9)
    assert found.jacobian_norm / found.jacobian_smallest == pytest.approx(c, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.1, 30.0])
def test_kappa_falls_as_one_over_the_scale(alpha):
    """Where the start is 0; otherwise the residual grows with the scale too."""
    start = dict(width=4, depth=1, activation="tanh", zero_output=True)
    one, scaled = ntkbook.mlp(**start), ntkbook.mlp(**start, scale=alpha)
    params = one.init(jax.random.key(0), X)
    before = ntkbook.kappa(one.apply, params, X, Y)
    after = ntkbook.kappa(scaled.apply, params, X, Y)
    assert after.value == pytest.approx(before.value / alpha, rel=1e-6)
    assert after.upper == pytest.approx(before.upper / alpha, rel=1e-6)


def test_kappa_does_not_depend_on_the_unit_of_the_weights():
    unit = 3.7

    def apply(params, x):
        return NET.apply(jax.tree.map(lambda p: unit * p, params), x)

    scaled = jax.tree.map(lambda p: p / unit, PARAMS)
    before = ntkbook.kappa(NET.apply, PARAMS, X, Y)
    after = ntkbook.kappa(apply, scaled, X, Y)
    assert after.value == pytest.approx(before.value, rel=1e-6)
    assert after.jacobian_norm == pytest.approx(unit * before.jacobian_norm, rel=1e-10)


def test_a_linear_model_has_kappa_0():
    net = ntkbook.mlp(1, 0, "identity")
    found = ntkbook.kappa(net.apply, net.init(jax.random.key(0), X), X, Y)
    assert found.value == found.upper == 0.0


def test_two_linear_layers_are_not_linear_in_their_weights():
    """f = w2 W1 x / sqrt(2 m): the Hessian couples the layers, by hand."""
    net = ntkbook.mlp(6, 1, "identity")
    x = X[:1]
    params = net.init(jax.random.key(0), x)
    # |sum_j a_j b_jk x_k| over unit (a, b) is at most |x| / 2 times 2.
    by_hand = float(jnp.linalg.norm(x)) / (2**0.5 * 6**0.5)
    low, high = second_derivative_norm(net.apply, params, x)
    assert low == pytest.approx(by_hand, rel=1e-7)
    assert high == pytest.approx(by_hand, rel=1e-7)


def test_single_precision_is_close():
    single = jax.tree.map(lambda a: a.astype(jnp.float32), (PARAMS, X, Y))
    found = ntkbook.kappa(NET.apply, *single)
    truth = ntkbook.kappa(NET.apply, PARAMS, X, Y)
    assert np.array(found) == pytest.approx(np.array(truth), rel=1e-3)
