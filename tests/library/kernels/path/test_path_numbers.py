"""What the numbers of a path kernel are; checkpoints; what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.kernels.path.accumulator import accumulate
from ntkbook.kernels.path.quadrature import numbers_per_query
from ntkbook.paths import checkpoint_kernel
from tests.helpers.draws import weekly
from tests.helpers.kernels.path_networks import (
    KEY,
    QUERY,
    X,
    Y,
    books,
    linear,
    network,
)


# --- what the numbers are
def test_one_step_by_hand():
    w = jnp.array([[0.5], [-1.0]])
    y = Y[:, :1]
    found = books(linear, w, y, steps=1, step_size=0.1)
    gram = QUERY @ X.T
    residual = (X @ w - y)[:, 0]
    assert np.allclose(found.kernel, 0.1 * gram, rtol=1e-12)
    assert np.allclose(
        found.contributions_by_output, -0.1 * gram * residual[None, :], rtol=1e-12
    )
    assert np.allclose(found.coefficients, -residual[None, :], rtol=1e-12)
    assert np.allclose(found.start, QUERY @ w)
    assert np.allclose(found.outputs, QUERY @ (w - 0.1 * X.T @ residual[:, None]))


def test_a_linear_model_is_a_kernel_machine():
    found = books(linear, jnp.ones((2, 1)), Y[:, :1], steps=30)
    assert np.allclose(found.kernel, 30 * 0.05 * QUERY @ X.T, rtol=1e-12)
    assert np.ptp(found.coefficients, axis=0).max() < 1e-10


def test_the_left_sum_is_the_sum_of_tangent_kernels():
    apply, w = network()
    run = ntkbook.gradient_descent(
        apply, w, X, Y, step_size=0.05, steps=6, record=6, observe=lambda w: w
    )
    expected, weighted = 0.0, 0.0
    for t in range(6):
        at = jax.tree.map(lambda a, t=t: a[t], run.observed)
        theta = ntkbook.ntk(apply, at, QUERY, X)
        expected += 0.05 * theta
        weighted -= 0.05 * theta * (run.outputs[t] - Y)[None, :, None, :]
    found = books(apply, w, steps=6, integral="start")
    assert np.allclose(found.kernel, expected, rtol=1e-11)
    assert np.allclose(found.contributions_by_output, weighted, rtol=1e-10, atol=1e-13)
    assert np.allclose(
        found.contributions, weighted.sum(3).transpose(0, 2, 1), atol=1e-13
    )


def test_the_left_sum_is_symmetric_and_positive_and_the_exact_one_is_not_symmetric():
    apply, w = network(outputs=1)
    y = Y[:, :1]
    left = books(apply, w, y, X, integral="start").kernel
    assert np.allclose(left, left.T, rtol=1e-12)
    assert np.linalg.eigvalsh(left)[0] > -1e-12
    exact = books(apply, w, y, X).kernel
    assert abs(exact - exact.T).max() > 1e-6


@pytest.mark.parametrize("batch_size", [weekly(None), weekly(2), 4])
def test_training_is_that_of_gradient_descent(batch_size):
    apply, w = network()
    key = None if batch_size is None else KEY
    options = dict(step_size=0.05, steps=25, batch_size=batch_size, key=key)
    run = ntkbook.gradient_descent(apply, w, X, Y, **options)
    found = books(apply, w, **options)
    for one, two in zip(
        jax.tree.leaves(run.params), jax.tree.leaves(found.params), strict=True
    ):
        assert np.allclose(one, two, rtol=1e-11)
    assert float(found.loss) == pytest.approx(float(run.loss[-1]), rel=1e-10)


def test_points_outside_the_minibatches_contribute_nothing():
    apply, w = network()
    found = books(apply, w, steps=1, batch_size=2, key=KEY)
    moved = (abs(found.contributions).sum((0, 1)) > 0).sum()
    assert moved == 2


@pytest.mark.weekly
def test_a_function_without_layers_gives_the_same():
    apply, w = network(depth=2)
    one = books(apply, w)
    two = books(lambda w, x: apply(w, x), w)
    assert np.allclose(one.kernel, two.kernel, rtol=1e-10, atol=1e-12)
    assert np.allclose(
        one.contributions_by_output, two.contributions_by_output, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("integral", [weekly("start"), "exact"])
@pytest.mark.parametrize("activation", [weekly("tanh"), "relu"])
def test_blocks_of_queries_change_nothing(integral, activation):
    apply, w = network(activation)
    one = books(apply, w, integral=integral)
    for gib in (1e-5, 1e-9):
        with ntkbook.limit_memory(gib):
            two = books(apply, w, integral=integral)
        assert np.allclose(one.kernel, two.kernel, rtol=1e-12)


def test_large_intermediates_make_small_blocks():
    def apply(w, x):  # each input makes 10^4 numbers on its way, inside of a jit
        return jax.jit(lambda h: jnp.tanh(h))(x @ w)[:, :1]

    def needed(width):
        w = jnp.ones((2, width))
        return numbers_per_query(apply, w, QUERY, 6, 1, 0, memories=False)

    assert needed(10_000) > 2 * 6 * 10_000 > needed(10)


def test_memory_does_not_grow_with_the_steps():
    """One program serves for any number of steps, and its temporaries are fixed."""
    apply, w = network()
    books(apply, w, steps=3, integral="start")
    programs = accumulate._cache_size()
    books(apply, w, steps=300, integral="start")
    assert accumulate._cache_size() == programs


def test_under_vmap_and_jit():
    apply, w = network()

    def error(scale):
        return books(apply, w, scale * Y).error

    errors = jax.jit(jax.vmap(error))(jnp.array([0.5, 1.0]))
    assert errors.max() < 1e-12


def test_a_loss_of_the_readers_own():
    def huber(outputs, y):
        return jnp.sum(jnp.sqrt(1 + (outputs - y) ** 2))

    apply, w = network()
    assert books(apply, w, loss=huber).error < 1e-12


def test_where_the_kernel_is_zero_the_coefficient_is_unknown():
    apply = linear
    query = jnp.array([[0.0, 0.0], [1.0, 1.0]])
    found = books(apply, jnp.ones((2, 1)), Y[:, :1], query)
    assert np.isnan(found.coefficients[0]).all()
    assert np.isfinite(found.coefficients[1]).all()
    assert np.isfinite(found.contributions).all()


# --- checkpoints
@pytest.mark.weekly
def test_all_checkpoints_give_the_left_sum():
    apply, w = network()
    run = ntkbook.gradient_descent(
        apply, w, X, Y, step_size=0.05, steps=10, record=10, observe=lambda w: w
    )
    checkpoints = [jax.tree.map(lambda a, t=t: a[t], run.observed) for t in range(11)]
    few = checkpoint_kernel(apply, checkpoints, run.times, X, Y, QUERY)
    full = books(apply, w, steps=10, integral="start")
    assert np.allclose(few.kernel, full.kernel, rtol=1e-10)
    assert float(few.error) == pytest.approx(float(full.error), rel=1e-8)
    assert np.allclose(few.outputs, full.outputs, rtol=1e-11)
    sparse = checkpoint_kernel(apply, checkpoints[::5], run.times[::5], X, Y, QUERY)
    assert sparse.error > 2 * few.error


def test_the_trapezoid_rule_is_the_mean_of_left_and_right():
    apply, w = network()
    run = ntkbook.gradient_descent(
        apply, w, X, Y, step_size=0.05, steps=8, record=[2, 8], observe=lambda w: w
    )
    checkpoints = [jax.tree.map(lambda a, t=t: a[t], run.observed) for t in range(3)]
    found = checkpoint_kernel(
        apply, checkpoints, run.times, X, Y, QUERY, rule="trapezoid"
    )
    thetas = [ntkbook.ntk(apply, w, QUERY, X) for w in checkpoints]
    forces = [-(apply(w, X) - Y)[None, :, None, :] for w in checkpoints]
    for values, expected in (
        (thetas, found.kernel),
        (
            [k * force for k, force in zip(thetas, forces, strict=True)],
            found.contributions_by_output,
        ),
    ):
        total = np.trapezoid(np.stack(values), run.times, axis=0)
        assert np.allclose(total, expected, rtol=1e-10, atol=1e-13)
    left = checkpoint_kernel(apply, checkpoints, run.times, X, Y, QUERY)
    assert found.error < left.error / 2
    with pytest.raises(ValueError, match="`rule` must be one of"):
        checkpoint_kernel(apply, checkpoints, run.times, X, Y, QUERY, rule="right")


def test_bad_checkpoints_are_named():
    apply, w = network()
    other = network(width=13)[1]
    deeper = network(depth=2)[1]
    times = jnp.array([0.0, 1.0])
    for bad in (other, deeper):
        with pytest.raises(
            ValueError, match=r"`checkpoints\[1\]` are parameters of another"
        ):
            checkpoint_kernel(apply, [w, bad], times, X, Y, QUERY)
    with pytest.raises(ValueError, match="`params` does not fit this network"):
        checkpoint_kernel(apply, [other, other], times, X, Y, QUERY)
    with pytest.raises(TypeError, match="`checkpoints` must be a list"):
        checkpoint_kernel(apply, [w], times, X, Y, QUERY)
    for bad in (times[::-1], jnp.array([0.0, 1.0, 2.0]), jnp.zeros(2)):
        with pytest.raises(ValueError, match="`times` must be 2 increasing numbers"):
            checkpoint_kernel(apply, [w, w], bad, X, Y, QUERY)


# --- bad input
def normalised(w, x):
    out = x @ w
    return (out - out.mean(0)[None]) / (out.std(0)[None] + 1e-3)


def dropout(w, x):
    return x @ w * jnp.asarray(np.random.default_rng().random((1, 2)))


def masked(w, x):
    return x @ w * jax.random.normal(KEY, (len(x), 2))


def keyed(w, x, key):
    return x @ w


@pytest.mark.parametrize(
    ("apply", "kind", "message"),
    [
        (normalised, ValueError, "mixes the inputs of a batch"),
        (masked, ValueError, "mixes the inputs of a batch"),
        (dropout, ValueError, "gives another result each time"),
        (keyed, TypeError, r"`apply\(params, x\)` fails"),
    ],
)
def test_stochastic_layers_are_refused(apply, kind, message):
    with pytest.raises(kind, match=message):
        books(apply, jnp.ones((2, 2)))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(query=jnp.ones((3, 5))), ValueError, "`x` and `x_test` must"),
        (dict(query=jnp.ones(2)), ValueError, r"`x_test` must have shape \(n, ...\)"),
        (dict(query=QUERY.astype(jnp.float32)), TypeError, "`params` is float64 but"),
        (dict(steps=0), ValueError, "`steps` must be at least 1"),
        (dict(step_size=0.0), ValueError, "`step_size` must be above 0"),
        (dict(momentum=1.0), ValueError, "`momentum` must be below 1"),
        (dict(momentum=-0.1), ValueError, "`momentum` must be at least 0"),
        (dict(weight_decay=-1.0), ValueError, "`weight_decay` must be at least 0"),
        (dict(integral="middle"), ValueError, "`integral` must be one of"),
        (dict(nodes=0), ValueError, "`nodes` must be at least 1"),
        (dict(kinks=2), ValueError, "`kinks` are found in ReLU networks"),
        (dict(batch_size=7, key=KEY), ValueError, "`batch_size` is 7, but there are"),
        (dict(batch_size=2), TypeError, "`key` must be a random key"),
        (dict(step_size=1e3), ValueError, "training diverged: with `step_size`=1000"),
        (dict(loss="logistic"), ValueError, "`y` must hold -1 and 1"),
        (dict(loss="hinge"), ValueError, "`loss` must be one of"),
    ],
)
def test_bad_input_is_named(change, kind, message):
    with pytest.raises(kind, match=message):
        books(linear, jnp.ones((2, 2)), **dict(steps=300) | change)


def test_parameters_of_another_network_are_refused():
    apply, _ = network()
    with pytest.raises(ValueError, match="`params` does not fit this network"):
        books(apply, network(depth=2)[1])


def test_decay_of_a_frozen_copy_is_refused():
    apply, w = network(zero_output="subtract")
    with pytest.raises(ValueError, match="`weight_decay` would shrink the frozen copy"):
        books(apply, w, weight_decay=0.1)


def test_what_is_not_finite_before_training_is_named():
    apply, w = network()
    with pytest.raises(ValueError, match="not finite before the first step"):
        books(apply, w, loss=lambda outputs, y: jnp.sum(jnp.log(outputs - 100)))


def test_what_is_not_finite_after_training_is_named():
    def root(outputs, y):
        return jnp.sum(jnp.sqrt(20 - outputs))  # ends where training leads

    with pytest.raises(ValueError, match="not finite at the end|training diverged"):
        books(linear, jnp.ones((2, 2)), loss=root, step_size=5.0)


def test_traced_times_are_refused():
    apply, w = network()

    def error(times):
        return checkpoint_kernel(apply, [w, w], times, X, Y, QUERY).error

    with pytest.raises(TypeError, match="`times` is traced"):
        jax.jit(error)(jnp.array([0.0, 1.0]))


def test_momentum_that_does_not_fit_is_refused():
    apply, w = network()
    with (
        ntkbook.limit_memory(1e-6),
        pytest.raises(ValueError, match="`momentum` needs"),
    ):
        books(apply, w, momentum=0.5)
