"""The adapter of neural-tangents: its import and its empirical kernels."""

import importlib.util
import re
import subprocess
import sys
import warnings
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
import ntkbook.neural_tangents as nt
from ntkbook.neural_tangents import stax
from tests.helpers.draws import first
from tests.helpers.kernels.neural_tangents import KEY, dense_network, doubled
from tests.helpers.networks import agree

pytestmark = pytest.mark.usefixtures("relaxed")

RNG = np.random.default_rng(0)
X, X_TEST = map(jnp.asarray, (RNG.standard_normal((4, 3)), RNG.standard_normal((2, 3))))
IMAGES = jnp.asarray(RNG.standard_normal((2, 4, 4, 2)))


def compiled(make, apply, *args, **settings):
    """Return one of the empirical kernels of ``apply``."""
    return jax.jit(make(apply, **settings))(*args)


INIT, APPLY, _ = dense_network(8, outputs=3)
PARAMS = doubled(INIT, X)


@cache
def ours():
    return ntkbook.ntk(APPLY, PARAMS, X, X_TEST)


LINEAR, W = lambda w, x: x @ w, jnp.ones((3, 1))


# --- the import
def test_it_is_the_library_and_tensorflow_stays_out():
    assert ntkbook.neural_tangents is nt is sys.modules["ntkbook.neural_tangents"]
    library = sys.modules["neural_tangents"]
    for name in ("stax", "predict", "batch", "empirical_ntk_fn", "Kernel"):
        assert getattr(nt, name) is getattr(library, name)
    assert "tensorflow" not in sys.modules


@pytest.mark.weekly
def test_in_a_fresh_process():
    """JAX and SciPy stay as they were, and ``batch`` takes two devices."""
    code = (
        "import os\n"
        "os.environ['XLA_FLAGS'] = '--xla_force_host_platform_device_count=2'\n"
        "import jax, jax.core, jax.interpreters.ad, numpy, scipy.linalg, sys\n"
        "places = [jax, jax.core, jax.interpreters.ad, scipy, scipy.linalg]\n"
        "before = [dict(vars(place)) for place in places]\n"
        "util = sys.modules.get('jax.util')\n"
        "from ntkbook.neural_tangents import stax\n"
        "import neural_tangents as nt\n"
        "assert nt.stax is stax\n"
        "for place, names in zip(places, before):\n"
        "    assert all(vars(place)[name] is value for name, value in names.items())\n"
        "assert [set(vars(p)) - set(b) for p, b in zip(places[1:3], before[1:3])] == "
        "[set(), set()]\n"
        "new = sys.modules.get('jax.util')\n"
        "assert util or new is None or new.__file__\n"
        "x = jax.random.normal(jax.random.key(0), (8, 3))\n"
        "kernel = lambda x1, x2=None: x1 @ (x1 if x2 is None else x2).T\n"
        "for size in (0, 2):\n"
        "    found = nt.batch(kernel, device_count=2, batch_size=size)(x, x)\n"
        "    numpy.testing.assert_allclose(found, x @ x.T, 1e-5, 1e-5)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_runs(capsys):
    """The code of the page "neural-tangents today" prints what it says it prints."""
    page = Path(__file__).parents[4] / "book" / "neural_tangents.md"
    code = "".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
    exec(code, {})
    expected = re.findall(r"^print.*  # (.*)$", code, re.M)
    assert len(expected) == 4
    assert capsys.readouterr().out.split("\n")[:-1] == expected


@pytest.mark.parametrize("missing", ["neural_tangents", "frozendict"])
def test_what_is_missing_is_named_with_the_command(missing, monkeypatch):
    for name in ("neural_tangents", "ntkbook.neural_tangents", "frozendict"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr(ntkbook, "neural_tangents", raising=False)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == missing else find(name),
    )
    for _ in range(2):
        with pytest.raises(ImportError) as caught:
            ntkbook.neural_tangents  # noqa: B018
        assert f"`{missing}` is not installed" in str(caught.value)
        assert 'pip install --no-deps "neural-tangents==0.6.5"' in str(caught.value)


def test_a_name_that_jax_moved_again(monkeypatch):
    """The error says which JAX does, and a second time as well."""
    for name in list(sys.modules):
        if name.split(".")[0] == "neural_tangents":
            monkeypatch.delitem(sys.modules, name)
    has = nt._has
    monkeypatch.setattr(
        nt, "_has", lambda place, name: name != "Var" and has(place, name)
    )
    for _ in range(2):
        with pytest.raises(ImportError) as caught:
            nt._load()
        assert f"JAX {jax.__version__}: JAX has no `Var` any more" in str(caught.value)
        assert "tested with JAX 0.7.2" in str(caught.value)
        assert "neural_tangents.experimental" not in sys.modules


# --- empirical kernels
def convolutional(params, x):
    """Return log-probabilities, with a part that is computed anew backwards."""
    return jax.nn.log_softmax(jax.checkpoint(CONVOLUTIONAL[1])(params, x))


CONVOLUTIONAL = stax.serial(
    stax.Conv(4, (2, 2), b_std=0.1),
    stax.LayerNorm(),
    stax.Gelu(),
    stax.AvgPool((2, 2)),
    stax.Flatten(),
    stax.Dense(2, b_std=0.1),
)
NETWORKS = {"dense": (APPLY, PARAMS, X, X_TEST)}
NETWORKS["convolutional"] = (
    convolutional, doubled(CONVOLUTIONAL[0], IMAGES), IMAGES, IMAGES[:1]
)  # fmt: skip


@pytest.mark.parametrize("implementation", [1, 2, 3])
@pytest.mark.parametrize("name", first(NETWORKS))
def test_the_implementations_agree_with_ours(name, implementation):
    apply, params, x, x_test = NETWORKS[name]
    ours = ntkbook.ntk(apply, params, x, x_test)
    # Compiling takes the time: the larger network in one of the two ways only.
    for vmap_axes in (None, 0) if name == "dense" else (None,):
        settings = dict(trace_axes=(), vmap_axes=vmap_axes)
        with warnings.catch_warnings():
            # No rule of theirs for what is computed anew: then they use JAX's.
            warnings.filterwarnings("ignore", message="No Jacobian rule")
            theirs = compiled(
                nt.empirical_ntk_fn, apply, x, x_test, params,
                implementation=implementation, **settings,
            )  # fmt: skip
        agree(theirs, ours, 1e-10)


@pytest.mark.parametrize("forward", [True, False])
def test_structured_derivatives_without_their_own_rules(forward):
    """Every equation's derivative is then JAX's, by its rule forwards or backwards."""
    settings = dict(trace_axes=(), implementation=3, _j_rules=False, _fwd=forward)
    theirs = compiled(nt.empirical_ntk_fn, APPLY, X, X_TEST, PARAMS, **settings)
    agree(theirs, ours(), 1e-10)


def test_structured_derivatives_of_unused_and_passed_on_parameters():
    def apply(params, x):
        return x @ params["w"] + params["b"], params["b"]

    params = {"w": jnp.ones((3, 2)), "b": jnp.ones((1, 2)), "unused": jnp.ones(5)}
    kernel = partial(compiled, nt.empirical_ntk_fn, apply, X, None, params)
    one, two = (kernel(trace_axes=(), implementation=i) for i in (1, 3))
    agree(two[0], one[0], 1e-12)
    agree(two[1], one[1], 1e-12)


def test_implementation_0_takes_the_cheapest(capsys):
    kernel = nt.empirical_ntk_fn(LINEAR, trace_axes=(), implementation=0)
    agree(kernel(X, X_TEST, W)[:, :, 0, 0], X @ X_TEST.T, 1e-12)
    counts = [line for line in capsys.readouterr().out.split("\n") if "flops=" in line]
    assert len(counts) == 3


@pytest.mark.weekly
def test_products_with_vectors():
    vector = jnp.asarray(RNG.standard_normal((2, 3)))
    product = nt.empirical_ntk_vp_fn(APPLY, X, X_TEST, PARAMS)(vector)
    agree(product, jnp.einsum("ijab,jb->ia", ours(), vector), 1e-12)
    operator = ntkbook.ntk_operator(APPLY, PARAMS, X, X_TEST)
    agree(operator @ vector.ravel(), product.ravel(), 1e-12)


def test_traces_are_means_and_diagonals_our_diagonal():
    kernel = partial(compiled, nt.empirical_ntk_fn, APPLY, vmap_axes=0)
    mean = kernel(X, X_TEST, PARAMS)
    agree(3 * mean, ntkbook.ntk(APPLY, PARAMS, X, X_TEST, trace=True), 1e-12)
    own = kernel(X, None, PARAMS, trace_axes=(), diagonal_axes=(0,))
    agree(own, ntkbook.ntk_diagonal(APPLY, PARAMS, X), 1e-12)
    outputs = kernel(X, X_TEST, PARAMS, trace_axes=(), diagonal_axes=(1,))
    agree(outputs, jnp.einsum("ijaa->ija", ours()), 1e-12)


def test_one_output_keeps_its_axes():
    full = compiled(nt.empirical_ntk_fn, LINEAR, X, X_TEST, W, trace_axes=())
    assert full.shape == (4, 2, 1, 1)
    agree(full[:, :, 0, 0], ntkbook.ntk(LINEAR, W, X, X_TEST), 1e-12)


def test_empirical_nngp_is_a_product_of_outputs():
    one, two = APPLY(PARAMS, X), APPLY(PARAMS, X_TEST)
    mean = nt.empirical_nngp_fn(APPLY)(X, X_TEST, PARAMS)
    agree(mean, one @ two.T / 3, 1e-12)
    kernel = partial(nt.empirical_kernel_fn(APPLY, trace_axes=()), get=None)
    both = jax.jit(kernel)(X, X_TEST, params=PARAMS)
    agree(both.nngp, jnp.einsum("ia,jb->ijab", one, two), 1e-12)
    agree(both.ntk, ours(), 1e-10)


def test_linearize_and_taylor_expand_are_ours():
    moved = jax.tree.map(lambda a: a + 0.1, PARAMS)
    value = lambda function: jax.jit(function)(moved, X)  # noqa: E731
    line = value(nt.linearize(APPLY, PARAMS))
    agree(value(ntkbook.linearize(APPLY, PARAMS)), line, 1e-12)
    agree(value(nt.taylor_expand(APPLY, PARAMS, 1)), line, 1e-12)
    smooth = lambda params, x: jnp.tanh(APPLY(params, x))  # noqa: E731
    theirs = value(nt.taylor_expand(smooth, PARAMS, 2))
    agree(value(ntkbook.taylor_expand(smooth, PARAMS, 2)), theirs, 1e-12)


@pytest.mark.weekly
def test_batch():
    kernel = nt.empirical_ntk_fn(APPLY, trace_axes=(), vmap_axes=0)
    batched = nt.batch(kernel, batch_size=2)
    agree(batched(X, X_TEST, PARAMS), ours(), 1e-10)


@pytest.mark.weekly
def test_monte_carlo_is_a_mean_over_initialisations():
    sampled = nt.monte_carlo_kernel_fn(INIT, APPLY, KEY, 2, vmap_axes=0)(X, None, "ntk")
    key, expected = KEY, 0
    for _ in range(2):
        key, used = jax.random.split(key)
        params = INIT(jax.random.split(used)[0], X.shape)[1]
        params = jax.tree.map(lambda a: a.astype(float), params)
        expected += ntkbook.ntk(APPLY, params, X, trace=True) / 3 / 2
    agree(sampled, expected, 1e-5)
