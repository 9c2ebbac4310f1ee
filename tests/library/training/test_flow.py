"""Gradient flow against solutions known by hand; rates; and units of time."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import lambertw

import ntkbook
from ntkbook.flow import decay_rates, training_time
from tests.helpers.networks import agree

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.standard_normal((4, 3)))
Y = jnp.asarray(RNG.standard_normal((4, 2)))
NET = ntkbook.mlp(5, 1, "tanh", weight_std=1.5, bias_std=0.3, outputs=2)
PARAMS = NET.init(jax.random.key(0), X)
TIMES = np.array([0.0, 0.1, 0.5, 2.0])


def linear(w, x):
    return x @ w


def same(w):
    return w


# Settings of one flow each, for a solver that is compiled once for each of them.
ONCE = dict(times=0.5, progress=False)


def flow(apply=linear, params=jnp.zeros((3, 2)), x=X, y=Y, times=TIMES, **options):  # noqa: B008
    return ntkbook.gradient_flow(apply, params, x, y, times=times, **options)


# --- the flow


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_linear_model_follows_the_matrix_exponential(start):
    w0 = jnp.full((3, 2), start)
    found = flow(params=w0, observe=same)
    gram = np.asarray(X @ X.T)
    closed = ntkbook.kernel_flow(gram, Y, TIMES, f0_train=X @ w0).train
    agree(found.outputs, closed, 1e-8)
    agree(found.loss, 0.5 * np.sum((closed - np.asarray(Y)) ** 2, axis=(1, 2)), 1e-8)
    assert found.observed.shape == (4, 3, 2)
    agree(found.observed[-1], found.params, 1e-12)
    agree(found.times, TIMES, 0)


@pytest.mark.weekly
def test_logistic_flow_in_closed_form():
    """One weight: z' = 1 / (1 + e^z), so that z + e^z = t + 1."""
    one = jnp.ones((1, 1))
    times = np.array([0.5, 3.0, 100.0])
    found = flow(params=0 * one, x=one, y=one, times=times, loss="logistic")
    exact = (times + 1) - lambertw(np.exp(times + 1)).real
    agree(found.outputs.ravel(), exact, 1e-7)


@pytest.mark.weekly
def test_gradient_descent_approaches_it_at_first_order():
    run = flow(NET.apply, PARAMS, times=1.0)
    errors = []
    for steps in (100, 200, 400):
        ends = ntkbook.gradient_descent(
            NET.apply, PARAMS, X, Y, step_size=1 / steps, steps=steps, record=[0]
        )
        errors.append(float(jnp.linalg.norm(ends.outputs[-1] - run.outputs[-1])))
    ratios = np.array(errors[:-1]) / errors[1:]
    assert ((ratios > 1.9) & (ratios < 2.15)).all()


@pytest.mark.weekly
def test_outputs_move_by_the_kernel():
    """The same path from the other equation: outputs by -Theta u, integrated."""
    times = np.linspace(0.0, 0.4, 81)
    run = flow(
        NET.apply, PARAMS, times=times, observe=lambda w: ntkbook.ntk(NET.apply, w, X)
    )
    u = np.asarray(run.outputs) - np.asarray(Y)
    speed = -np.einsum("tijab,tjb->tia", run.observed, u)
    h = times[1]  # Simpson's rule, of order 4
    moved = h / 3 * (speed[0:-2:2] + 4 * speed[1:-1:2] + speed[2::2]).sum(axis=0)
    agree(u[-1] - u[0], moved, 1e-6)


def test_one_time_float32_and_no_progress():
    one = flow(**ONCE)
    agree(one.outputs[-1], flow().outputs[2], 1e-7)
    assert one.outputs.shape == (1, 4, 2)
    single = [a.astype(jnp.float32) for a in (jnp.zeros((3, 2)), X, Y)]
    rough = flow(linear, *single)
    assert rough.outputs.dtype == jnp.float32
    agree(rough.outputs, flow().outputs, 1e-4)


@pytest.mark.weekly
def test_tolerance_buys_accuracy():
    exact = flow(NET.apply, PARAMS, times=1.0, tolerance=1e-12)
    errors = [
        float(
            abs(
                flow(NET.apply, PARAMS, times=1.0, tolerance=tol).outputs
                - exact.outputs
            ).max()
        )
        for tol in (1e-3, 1e-9)
    ]
    assert errors[1] < 1e-8 < errors[0]


def test_it_can_be_traced():
    def end(y):
        return ntkbook.gradient_flow(linear, jnp.zeros((3, 2)), X, y, times=TIMES)

    agree(jax.jit(lambda y: end(y).outputs)(Y), flow().outputs, 1e-9)
    both = jax.vmap(lambda y: end(y).outputs)(jnp.stack([Y, 2 * Y]))
    agree(both, jnp.stack([flow().outputs, 2 * flow().outputs]), 1e-7)


def test_a_frozen_copy_stays():
    net = ntkbook.mlp(5, 1, "tanh", outputs=2, zero_output=True)
    start = net.init(jax.random.key(0), X)
    end = flow(net.apply, start).params
    agree(end["start"][0]["weight"], start["start"][0]["weight"], 0)
    assert (end["now"][0]["weight"] != start["now"][0]["weight"]).any()


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(times=[0.0, 0.0]), "`times` must be one time or an increasing list"),
        (dict(times=[1.0, 0.5]), "`times` must be one time or an increasing list"),
        (dict(times=np.inf), "kernel_flow"),
        (dict(times=[[1.0]]), "`times`"),
        (dict(times=[-1.0, 1.0]), "`times` must hold"),
        (dict(times=[]), "`times` must hold"),
        (dict(times=1000.0, max_steps=20), "in `max_steps`=20 steps"),
        (dict(tolerance=0.0), "`tolerance` must be above 0"),
        (dict(observe=lambda w: w * jnp.nan), "`observe` sees"),
    ],
)  # fmt: skip
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        flow(**options)


def cubic(f, y):
    return -jnp.sum(f**3) / 3


def explosion(start, times):
    """w' = w^2: the solution start / (1 - start t) is infinite at time 1 / start."""
    one = jnp.ones((1, 1))
    return flow(
        params=start * one, x=one, y=one, times=times, loss=cubic, max_steps=2000
    ).outputs


def test_a_flow_that_explodes_is_refused():
    agree(explosion(1.0, 0.9), [[[10.0]]], 1e-6)
    with pytest.raises(ValueError, match="t = 2"):
        explosion(1.0, 2.0)


def test_what_cannot_be_raised_is_infinite():
    """Under vmap one flow fails and the other does not."""
    found = jax.vmap(lambda start: explosion(start, 2.0))(jnp.array([0.25, 1.0]))
    agree(found[0], [[[0.5]]], 1e-6)
    assert not np.isfinite(found[1]).any()


def test_how_long_a_step_of_the_solver_may_be():
    """On u' = -u, steps above 5.17 grow: what the docstring and Chapter 2 say."""
    import diffrax

    tableau = diffrax.Dopri8().tableau
    n = len(tableau.b_sol)
    stages = np.zeros((n, n))
    for row, coefficients in zip(stages[1:], tableau.a_lower, strict=True):
        row[: len(coefficients)] = coefficients

    def growth(z):
        slopes = np.linalg.solve(np.eye(n) + z * stages, np.ones(n))
        return abs(1 - z * tableau.b_sol @ slopes)

    agree(growth(0.1), np.exp(-0.1), 1e-12)
    assert max(growth(z) for z in np.linspace(0.01, 5.16, 100)) < 1 < growth(5.17)


def test_time_0_is_the_start():
    found = flow(NET.apply, PARAMS, times=0.0)
    agree(found.outputs[0], NET.apply(PARAMS, X), 1e-15)
    agree(found.params[0]["weight"], PARAMS[0]["weight"], 0)


# --- decay rates


@hypothesis.given(st.integers(1, 6), st.integers(0, 2**31 - 1))
def test_rates_and_directions_are_the_kernel(n, seed):
    a = np.random.default_rng(seed).standard_normal((n, n + 1))
    found = decay_rates(a @ a.T)
    agree(found.directions * found.rates @ found.directions.T, a @ a.T, 1e-10)
    agree(found.directions.T @ found.directions, np.eye(n), 1e-10)
    assert (np.diff(found.rates) <= 0).all() and (found.rates >= 0).all()
    largest = np.abs(found.directions).argmax(axis=0)
    assert (found.directions[largest, np.arange(n)] > 0).all()


def test_rates_predict_a_flow_with_several_outputs():
    """The rows of `directions` are a point's outputs together, as in `as_matrix`."""
    rates, directions = decay_rates(ntkbook.ntk(linear, jnp.zeros((3, 2)), X))
    start = directions.T @ -np.ravel(Y)
    predicted = directions @ (np.exp(-0.5 * rates) * start)
    agree(np.ravel(flow(**ONCE).outputs[0] - Y), predicted, 1e-8)


def test_noise_below_zero_is_zero():
    one, none = decay_rates(np.diag([1.0, -1e-12])).rates
    assert one == pytest.approx(1.0, rel=1e-14) and none == 0.0


@pytest.mark.parametrize(
    "kernel, message",
    [
        (np.ones((2, 3)), "`kernel` must be square"),
        (np.ones(3), "`kernel` must be square"),
        (np.array([[1.0, 0.0], [0.5, 1.0]]), "`kernel` must be symmetric"),
        (-np.eye(2), "`kernel` must be positive semidefinite"),
        (np.eye(2) * np.nan, "`kernel` holds"),
    ],
)
def test_no_kernel(kernel, message):
    with pytest.raises(ValueError, match=message):
        decay_rates(kernel)


# --- time

# Losses of one batch as people write them, and what `training_time` calls them.
CONVENTIONS = [
    (lambda e: jnp.sum(e**2) / 2, {}),
    (lambda e: jnp.sum(e**2), {"half": False}),
    (lambda e: jnp.sum(e**2) / 2 / len(e), {"reduction": "mean"}),
    (lambda e: jnp.sum(e**2, axis=1).mean(), {"reduction": "mean", "half": False}),
    (lambda e: jnp.mean(e**2), {"reduction": "mean_all", "half": False}),
    (lambda e: jnp.mean(e**2) / 2, {"reduction": "mean_all"}),
]


@pytest.mark.parametrize("loss, settings", CONVENTIONS)
@pytest.mark.parametrize("batch", [None, 1, 2])
def test_time_of_a_step_is_the_mean_gradient_in_the_books_unit(loss, settings, batch):
    w = jnp.asarray(RNG.standard_normal((3, 2)))

    def slope(of, rows):
        return jax.grad(lambda w: of(linear(w, X[rows]) - Y[rows]))(w)

    everything = slope(CONVENTIONS[0][0], slice(None))
    size = batch or 4
    batches = [slope(loss, slice(i, i + size)) for i in range(0, 4, size)]
    time = training_time(1.0, 1, points=4, outputs=2, batch_size=batch, **settings)
    agree(sum(batches) / len(batches), time * everything, 1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_covers_more_time(nesterov):
    """Tiny steps with momentum end where the flow is at eta s / (1 - beta)."""
    eta, beta, steps = 1e-6, 0.9, 200_000
    lam = 2.0

    def one(_, state):
        u, v = state
        g = lam * u
        v = beta * v + g
        return u - eta * (g + beta * v if nesterov else v), v

    u, _ = jax.lax.fori_loop(0, steps, one, (1.0, 0.0))
    time = training_time(eta, steps, points=1, momentum=beta)
    assert time == pytest.approx(2.0)
    agree(u, np.exp(-lam * time), 1e-3)


@pytest.mark.parametrize(
    "change, error, message",
    [
        (dict(batch_size=5), ValueError, "`batch_size` is 5, but there are only 4"),
        (dict(reduction="average"), ValueError, "`reduction` must be one of 'sum'"),
        (dict(momentum=1.0), ValueError, "`momentum` must be below 1"),
        (dict(momentum=-0.1), ValueError, "`momentum` must be at least 0"),
        (dict(step_size=0.0), ValueError, "`step_size` must be above 0"),
        (dict(points=0), ValueError, "`points` must be at least 1"),
    ],
)
def test_no_time(change, error, message):
    with pytest.raises(error, match=message):
        training_time(**(dict(step_size=0.1, steps=10, points=4) | change))
