"""Sweeps over widths, and the norms of a network with one hidden layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import t as student

import ntkbook
from ntkbook.width import one_layer_norms, sweep
from tests.helpers.draws import weekly

KEY = jax.random.key(0)


def power(width, key):
    """3 width^-1.5, with noise of 10 %."""
    return {"value": 3 * width**-1.5 * jnp.exp(0.1 * jax.random.normal(key))}


def draw(width, key):
    return {"draw": jax.random.normal(key)}


# --- sweep


def test_a_power_law_is_found_within_its_interval():
    found = sweep(power, widths=[10, 100, 1000], n_seeds=50, key=KEY)
    slope = found.slope("value")
    # Three logs with noise 0.1, a factor 100 between the ends: the slope's noise is
    # 0.1 sqrt(2) / log(100), and the mean of 50 has a seventh of it.
    noise = 0.1 * 2**0.5 / np.log(100) / 50**0.5
    assert slope.value == pytest.approx(-1.5, abs=4 * noise)
    assert slope.low < -1.5 < slope.high
    assert slope.high - slope.low == pytest.approx(4 * noise, rel=0.3)


def test_the_interval_is_students():
    found = sweep(draw, widths=[1], n_seeds=5, key=KEY)
    numbers = found["draw"][0]
    [mean] = found.mean("draw")
    assert mean.value == pytest.approx(numbers.mean(), rel=1e-12)
    half = student.ppf(0.975, 4) * numbers.std(ddof=1) / 5**0.5
    assert mean.high - mean.value == pytest.approx(half, rel=1e-12)
    assert mean.value - mean.low == pytest.approx(half, rel=1e-12)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    found = sweep(power, widths=[10, 100], n_seeds=2000, key=KEY)
    logs = np.log(found["value"]).reshape(2, 200, 10)  # 200 experiments of 10 starts
    hits = 0
    for i in range(200):
        part = ntkbook.width.Sweep(found.widths, {"value": np.exp(logs[:, i])})
        slope = part.slope("value")
        hits += slope.low < -1.5 < slope.high
    assert 180 <= hits <= 199  # 190 expected, with a standard deviation of 3


def test_starts_are_independent_of_each_other_and_between_widths():
    found = sweep(draw, widths=[3, 4, 5], n_seeds=40, key=KEY)["draw"]
    assert len(np.unique(found)) == found.size
    again = sweep(draw, widths=[3, 4, 5], n_seeds=40, key=KEY)["draw"]
    assert (found == again).all()
    other = sweep(draw, widths=[3, 4, 5], n_seeds=40, key=jax.random.key(1))["draw"]
    assert not np.isin(found, other).any()


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_blocks_change_no_shape_and_no_distribution(batch_size):
    found = sweep(power, widths=[2, 8], n_seeds=7, key=KEY, batch_size=batch_size)
    assert found["value"].shape == (2, 7)
    assert len(np.unique(found["value"])) == 14
    exact = 3 * np.array([[2.0], [8.0]]) ** -1.5
    assert found["value"] / exact == pytest.approx(1, abs=0.5)


def test_arrays_keep_their_shape_and_single_precision_becomes_double():
    def measure(width, key):
        return {
            "table": jnp.full((2, 3), width, jnp.float32),
            "count": jnp.asarray(width),
        }

    found = sweep(measure, widths=[4, 5], n_seeds=3, key=KEY)
    assert found["table"].shape == (2, 3, 2, 3)
    assert found["table"].dtype == np.float64
    assert (found["table"][1] == 5).all()
    assert found["count"].tolist() == [[4, 4, 4], [5, 5, 5]]
    assert "table" not in repr(found)  # it has no one mean
    with pytest.raises(ValueError, match=r"`table` is an array of shape \(2, 3\)"):
        found.mean("table")


def test_a_measurement_can_train():
    x, y = jnp.array([[1.0], [-0.5]]), jnp.array([[1.0], [0.5]])

    def loss(width, key):
        net = ntkbook.mlp(width, 1, "tanh")
        run = ntkbook.gradient_descent(
            net.apply, net.init(key, x), x, y, step_size=0.1, steps=20
        )
        kernel = ntkbook.ntk(net.apply, run.params, x)
        return {"fall": run.loss[-1] / run.loss[0], "trace": jnp.trace(kernel)}

    found = sweep(loss, widths=[5, 6], n_seeds=3, key=KEY)
    assert (found["fall"] < 1).all()
    assert (found["trace"] > 0).all()


def test_the_table_shows_the_means():
    values = {"a": np.array([[1.0, 3.0], [2.0, 2.0]]), "b<": np.ones((2, 2))}
    table = ntkbook.width.Sweep(np.array([10, 200]), values)
    head, first, second, note = repr(table).splitlines()
    assert head.split() == ["width", "a", "b<"]
    assert first.split()[:2] == ["10", "2.00"]
    assert "2.00 [-10.7, 14.7]" in first  # t(0.975, 1) = 12.7 times 1
    assert second.split()[:2] == ["200", "2.00"]
    assert note == "means over 2 initialisations [95% interval]"
    html = table._repr_html_()
    assert html.count("<tr>") == 3
    assert "b&lt;" in html
    assert note in html
    assert "<td>2.00<br>[-10.7, 14.7]</td>" in html  # five columns fit a page


def test_slope_uses_the_widths_from_least_on():
    values = {"v": np.array([[1.0, 1.0], [1.0, 1.0], [0.1, 0.1]])}
    table = ntkbook.width.Sweep(np.array([1, 10, 100]), values)
    assert table.slope("v", least=10).value == pytest.approx(-1)
    assert table.slope("v").value == pytest.approx(-0.5)


def test_local_slopes_are_those_between_neighbours():
    widths = np.array([10, 1000, 100])  # in any order
    powers = widths[:, None] ** np.array([-0.5, -1.0])  # two starts
    table = ntkbook.width.Sweep(widths, {"v": powers})
    first, second = table.local_slopes("v")
    assert (first.value, second.value) == pytest.approx((-0.75, -0.75))
    assert first.high - first.value == pytest.approx(12.706 * 0.25, rel=1e-4)


def test_local_slopes_show_a_crossover_that_one_slope_hides():
    def two_powers(width, key):
        noise = jnp.exp(0.01 * jax.random.normal(key))
        return {"v": noise * (width**-1.0 + 0.02 * width**-0.5)}

    found = sweep(two_powers, widths=[10, 10**3, 10**5], n_seeds=20, key=KEY)
    early, late = found.local_slopes("v")
    assert early.high < found.slope("v").low  # neither is the one slope
    assert late.low > found.slope("v").high
    assert late.value == pytest.approx(-0.674, abs=0.01)


def test_local_slopes_need_two_widths_and_positive_values():
    one = ntkbook.width.Sweep(np.array([10]), {"v": np.ones((1, 2))})
    with pytest.raises(ValueError, match="needs two widths"):
        one.local_slopes("v")
    two = ntkbook.width.Sweep(np.array([10, 20]), {"v": np.array([[1.0, 1], [0, 1]])})
    with pytest.raises(ValueError, match="not positive"):
        two.local_slopes("v")
    with pytest.raises(ValueError, match="`name`"):
        two.local_slopes("w")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(widths=[]), "`widths` must be distinct and not empty"),
        (dict(widths=[4, 4]), "`widths` must be distinct"),
        (dict(widths=[0]), "`widths` must be at least 1"),
        (dict(n_seeds=1), "`n_seeds` must be at least 2"),
        (dict(batch_size=0), "`batch_size` must be at least 1"),
    ],
)
def test_bad_sizes_are_named(change, message):
    good = dict(measure=draw, widths=[2, 4], n_seeds=2, key=KEY)
    with pytest.raises(ValueError, match=message):
        sweep(**good | change)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.0, "dictionary {name: number}"),
        ({}, "dictionary {name: number}"),
        ({1: jnp.ones(())}, "real numbers under names, but under 1 it"),
        ({"v": jnp.ones((), complex)}, "real numbers under names, but under 'v' it"),
        ({"v": {"w": jnp.ones(())}}, "real numbers under names, but under 'v' it"),
    ],
)
def test_a_measurement_of_another_form_is_refused(value, message):
    with pytest.raises(TypeError, match=message):
        sweep(lambda width, key: value, widths=[2], n_seeds=2, key=KEY)


def test_sweep_refuses_to_be_traced():
    with pytest.raises(TypeError, match="`key` is traced by JAX"):
        jax.jit(lambda key: sweep(draw, widths=[2], n_seeds=2, key=key).values)(KEY)


def test_a_measurement_that_fails_says_so():
    with pytest.raises(TypeError, match=r"`measure\(width, key\)` fails"):
        sweep(lambda width: {}, widths=[2], n_seeds=2, key=KEY)


def test_a_result_that_is_not_finite_is_refused_with_its_width():
    def measure(width, key):
        return {"good": jnp.ones(()), "bad": jnp.log(8.0 - width)}

    with pytest.raises(ValueError, match="`bad` is not finite at width 8"):
        sweep(measure, widths=[4, 8], n_seeds=2, key=KEY)


@pytest.mark.parametrize(
    ("name", "least", "kind", "message"),
    [
        ("other", 1, ValueError, "`name` must be one of 'draw'"),
        ("draw", 1, ValueError, "`draw` has values that are not positive"),
        ("draw", 3, ValueError, "needs two widths, but `least`=3 leaves 1"),
        ("draw", 0, ValueError, "`least` must be at least 1"),
    ],
)
def test_a_slope_that_makes_no_sense_is_refused(name, least, kind, message):
    found = sweep(draw, widths=[2, 4], n_seeds=20, key=KEY)
    assert (found["draw"] < 0).any()
    with pytest.raises(kind, match=message):
        found.slope(name, least=least)


# --- one hidden layer

ACTIVATIONS = ["tanh", "erf", "gelu", "identity", jnp.sin]


NAMES = [getattr(a, "__name__", a) for a in ACTIVATIONS]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=NAMES)
@pytest.mark.parametrize("x", [weekly(1.0), -0.3, weekly(4.0)])
def test_norms_against_all_derivatives(activation, x):
    a, b = jax.random.normal(KEY, (2, 7))
    act = ntkbook.networks.mlp.ACTIVATIONS.get(activation, activation)

    def f(w):
        return jnp.sum(w[1] * act(w[0] * x))

    found = jax.jit(lambda a, b: one_layer_norms(a, b, x, activation))(a, b)
    w = np.stack([a, b])
    gradient, hessian = jax.jit(lambda w: (jax.grad(f)(w), jax.hessian(f)(w)))(w)
    hessian = np.asarray(hessian).reshape(14, 14)
    assert float(found.gradient) == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    assert float(found.hessian) == pytest.approx(np.linalg.norm(hessian, 2), rel=1e-12)


def test_norms_against_kappa():
    """The library's network, whose factors of the NTK parametrisation are undone."""
    width, x, y = 30, jnp.array([[0.8]]), jnp.array([[2.0]])
    net = ntkbook.mlp(width, 1, "tanh", parametrization="standard")
    w = net.init(KEY, x)
    slow = ntkbook.kappa(net.apply, w, x, y)
    a, b = w[0]["weight"][0], w[1]["weight"][:, 0]
    fast = one_layer_norms(a, b, 0.8)
    assert float(fast.gradient) == pytest.approx(slow.jacobian_norm, rel=1e-10)
    assert float(fast.hessian) == pytest.approx(slow.hessian_norm, rel=1e-7)
    residual = abs(float(net.apply(w, x)[0, 0]) - 2.0)
    ratio = float(fast.hessian / fast.gradient**2)
    assert residual * ratio == pytest.approx(float(slow), rel=1e-7)


def test_the_theorems_limits():
    """Gradient^2 / m, Hessian and m times the ratio, at a large width."""
    m, x = 200_000, 1.5
    a, b = jax.random.normal(KEY, (2, m))
    norms = one_layer_norms(a, b / m**0.5, x)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    v = (weights * np.tanh(x * nodes) ** 2).sum() / weights.sum()
    assert float(norms.gradient) ** 2 / m == pytest.approx(v, rel=0.01)
    assert float(norms.hessian) == pytest.approx(x, rel=1e-3)
    ratio = float(norms.hessian / norms.gradient**2)
    assert m * ratio == pytest.approx(x / v, rel=0.01)


def test_norms_inside_jit_and_vmap():
    weights = jax.random.normal(KEY, (4, 2, 5))
    batched = jax.jit(jax.vmap(lambda w, x: one_layer_norms(w[0], w[1], x)))(
        weights, jnp.linspace(0.5, 2, 4)
    )
    single = one_layer_norms(weights[2, 0], weights[2, 1], 1.5)
    assert float(batched.hessian[2]) == pytest.approx(float(single.hessian), rel=1e-12)


def test_the_order_of_the_weights_does_not_matter():
    a, b = jax.random.normal(KEY, (2, 6))
    order = jnp.array([3, 0, 5, 1, 2, 4])
    one, two = one_layer_norms(a, b, 0.7), one_layer_norms(a[order], b[order], 0.7)
    assert float(one.hessian) == pytest.approx(float(two.hessian), rel=1e-14)
    assert float(one.gradient) == pytest.approx(float(two.gradient), rel=1e-14)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(a=jnp.ones(3)), ValueError, r"their shapes are \(3,\) and \(2,\)"),
        (dict(a=jnp.ones((2, 1)), b=jnp.ones((2, 1))), ValueError, "must be vectors"),
        (dict(b=jnp.ones(2, int)), TypeError, "`b` must hold floating-point"),
        (dict(b=jnp.ones(2, jnp.float32)), TypeError, "`a` is float64 but `b`"),
        (dict(a=[1.0, 2.0]), TypeError, "`a` must be an array of input weights"),
        (dict(x=jnp.ones(2)), TypeError, "`x` must be one real number"),
        (dict(x=np.inf), ValueError, "`x` must be finite"),
        (
            dict(a=1e-9 * jnp.ones(2), b=1e300 * jnp.ones(2), x=1e10),
            ValueError,
            "the norms overflow float64",
        ),
        (dict(activation="swish"), ValueError, "`activation` must be one of"),
    ],
)
def test_bad_weights_are_named(change, kind, message):
    with pytest.raises(kind, match=message):
        one_layer_norms(**dict(a=jnp.ones(2), b=jnp.ones(2), x=1.0) | change)


def test_what_changes_with_the_width_is_refused():
    def shape(width, key):
        return {"v": jnp.zeros(width)}

    def name(width, key):
        return {f"v{width}": jnp.zeros(())}

    for measure in (shape, name):
        with pytest.raises(ValueError, match="same names and shapes at every width"):
            sweep(measure, widths=[2, 3], n_seeds=2, key=jax.random.key(0))


def test_booleans_are_shares():
    def coin(width, key):
        return {"heads": jax.random.uniform(key) < 0.5}

    found = sweep(coin, widths=[2, 3], n_seeds=400, key=jax.random.key(0))
    assert set(np.unique(found["heads"])) == {0.0, 1.0}
    assert abs(found["heads"].mean() - 0.5) < 0.07


def test_rbg_keys_give_independent_starts():
    def number(width, key):
        return {"v": jax.random.normal(key)}

    key = jax.random.key(0, impl="rbg")
    values = sweep(number, widths=[2, 3], n_seeds=300, key=key, batch_size=7)["v"]
    assert len(np.unique(values)) == 600
    for one, two in ((values[0], values[1]), (values[0, 1:], values[0, :-1])):
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.2  # 3.4 standard deviations


def test_norms_take_one_input_under_jit_too():
    a = jnp.ones(3)
    with pytest.raises(ValueError, match="`x` must be one number"):
        jax.jit(lambda x: one_layer_norms(a, a, x))(jnp.ones(3))
