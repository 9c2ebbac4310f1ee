"""The adapter: the old library works on today's JAX, without TensorFlow."""

import importlib.util
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_tangent import agree

import ntkbook
from ntkbook import _neural_tangents as adapter

pytestmark = pytest.mark.usefixtures("relaxed")

RNG = np.random.default_rng(0)
X, X_TEST = jnp.asarray(RNG.standard_normal((4, 3))), jnp.asarray(
    RNG.standard_normal((2, 3))
)  # fmt: skip
Y = jnp.asarray(RNG.standard_normal((4, 1)))


def network(width=64):
    stax = ntkbook.neural_tangents.stax
    return stax.serial(
        stax.Dense(width, W_std=1.5, b_std=0.2),
        stax.Relu(),
        stax.Dense(1, W_std=1.5, b_std=0.2),
    )


def test_it_is_the_library_and_tensorflow_stays_out():
    nt = ntkbook.neural_tangents
    assert nt is sys.modules["neural_tangents"] is adapter.load()
    assert "tensorflow" not in sys.modules


def test_kernels_in_closed_form():
    """The stax kernel of one hidden ReLU layer, against the arc-cosine formulas."""
    kernel = network()[2](X, X_TEST)
    size = lambda x: 1.5**2 * jnp.sum(x * x, -1) / 3 + 0.04  # noqa: E731
    covariance = 1.5**2 * X @ X_TEST.T / 3 + 0.04
    sizes = jnp.sqrt(size(X)[:, None] * size(X_TEST)[None])
    angle = jnp.arccos(covariance / sizes)
    relu = sizes * (jnp.sin(angle) + (jnp.pi - angle) * jnp.cos(angle)) / (2 * jnp.pi)
    nngp = 1.5**2 * relu + 0.04
    agree(kernel.nngp, nngp, 1e-6)
    step = (jnp.pi - angle) / (2 * jnp.pi)
    agree(kernel.ntk, nngp + 1.5**2 * covariance * step, 1e-6)


def test_a_stax_network_is_an_apply_like_any_other():
    init, apply, _ = network(8)
    _, params = init(jax.random.key(0), X.shape)
    params = jax.tree.map(lambda a: a.astype(X.dtype), params)
    kernel = ntkbook.neural_tangents.empirical_ntk_fn(apply, vmap_axes=0)
    agree(ntkbook.ntk(apply, params, X, X_TEST), kernel(X, X_TEST, params), 1e-10)


def test_predict_is_the_books_kernel_flow():
    """Their loss is a mean, so their time runs slower by the number of targets."""
    kernel_fn = network()[2]
    predict = ntkbook.neural_tangents.predict
    k, k_test = kernel_fn(X, X, "ntk"), kernel_fn(X_TEST, X, "ntk")
    theirs = predict.gradient_descent_mse(k, Y)
    ours = ntkbook.kernel_flow(k, Y, [0.5, 4.0], k_test=k_test)
    for i, t in enumerate([0.5, 4.0]):
        train, test = theirs(4 * t, 0.0, 0.0, k_test)
        agree(ours.train[i], train, 1e-6)
        agree(ours.test[i], test, 1e-6)
    limit = predict.gradient_descent_mse_ensemble(kernel_fn, X, Y)(x_test=X_TEST)
    agree(ntkbook.kernel_flow(k, Y, np.inf, k_test=k_test).test, limit.ntk, 1e-4)


def test_batch_and_monte_carlo():
    nt = ntkbook.neural_tangents
    init, apply, kernel_fn = network(512)
    exact = kernel_fn(X, X, "ntk")
    agree(nt.batch(kernel_fn, batch_size=2)(X, X, "ntk"), exact, 1e-6)
    sampled = nt.monte_carlo_kernel_fn(init, apply, jax.random.key(0), 8, vmap_axes=0)
    agree(sampled(X, X, "ntk"), exact, 0.2)


def run(code):
    """Run code in a fresh interpreter; return the message of its ImportError."""
    code = "import ntkbook\n" + code + (
        "\ntry:\n    from ntkbook import neural_tangents\n"
        "except ImportError as error:\n    print(error)\n"
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("missing", ["neural_tangents", "frozendict"])
def test_what_is_missing_is_named_with_the_command(missing, monkeypatch):
    monkeypatch.delitem(sys.modules, "neural_tangents", raising=False)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == missing else find(name),
    )
    with pytest.raises(ImportError) as caught:
        ntkbook.neural_tangents  # noqa: B018
    assert f"`{missing}` is not installed" in str(caught.value)
    assert 'pip install --no-deps "neural-tangents==0.6.5"' in str(caught.value)


def test_a_name_that_jax_moved_again():
    """The error says which JAX does, twice in a row, and the rest goes on working."""
    told = run(
        "from ntkbook import _neural_tangents as adapter\n"
        "has = adapter._has\n"
        "adapter._has = lambda module, name: name != 'safe_map' and has(module, name)\n"
        "for _ in range(2):\n"
        "    try:\n        from ntkbook import neural_tangents\n"
        "    except ImportError as error:\n        assert 'safe_map' in str(error)\n"
    )
    assert f"JAX {jax.__version__}" in told
    assert "safe_map" in told
    assert "tested with JAX 0.7.2" in told
