"""The advice of error messages: what JAX traces, functions, training, kernels."""

import jax
import pytest

from tests.helpers.draws import weekly
from tests.library.bad_input.advice import NTK, follow, one_output


class Listed(list):
    """A function without a hash."""

    def __call__(self, p, x):
        return one_output(p, x)


class Same(Listed):
    def __call__(self, z):
        return z


SINGLE = "jax.config.update('jax_enable_x64', False); x1 = np.float32(X); "
DOUBLE = "; x1, params = X, jax.tree.map(lambda a: a.astype(float), params)"
LINEAR = "params, apply, x, y = ONE, one_output, X, X[:, :1]; "
DESCEND = (
    "ntkbook.gradient_descent(apply, params, x, y, step_size=step_size, steps=400)"
)
SGD = "ntkbook.kernel_sgd(jnp.eye(5), y, step_size=step_size, epochs=1, batch_size=5, "
SGD += "key=key, loss='squared').loss"
PATH = "ntkbook.paths.path_kernel(apply, params, x, y, x, step_size=0.1, steps=1, {}, "
PATH += "progress=False).kernel"
TWIN = "apply, params = (net := ntkbook.mlp(3, 1, {})).apply, net.init(key, X)"
INFINITE = "ntkbook.infinite.ntk(x1, depth=1)"
RISK = "ntkbook.learning_curves.mean_field_risk(np.array([1.0, 0.5]), np.ones(2), 2, "
RISK += "ridge=ridge).error"
# Before, the call, what of the message is typed, and where.
TRACED = [
    ("f = lambda depth: ntkbook.infinite.ntk(X, depth=depth); g = jax.jit(f)", "g(1)",
     r"pass (static_argnames='depth') to jax\.jit", "g = jax.jit(f, {0})"),
    ("jit = jax.jit", "jit(lambda K: ntkbook.kernel_flow(K, X, 1.0).train)(np.eye(5))",
     r"outside (jax\.jit)", "jit = lambda f: f"),
    ("jit, K = jax.jit, np.eye(5)", "jit(lambda k: ntkbook.kernel_flow(K, X, 1.0, "
     "k_test=k).test)(K)", r"outside (jax\.jit)", "jit = lambda f: f"),
    weekly((LINEAR + "grad = jax.grad; loss = lambda s: ntkbook.gradient_descent("
     "apply, jax.tree.map(lambda a: s * a, params), x, y, step_size=0.1, steps=3"
     ").loss[-1]", "grad(loss)(1.0)", r"`(jax\.jacfwd)` in place of jax\.grad",
     "grad = {0}")),
    ("y, f = X, lambda step_size: " + SGD + "; g = jax.jit(f)",
     "g(jnp.array([0.1, 0.2]))", r"use (jax\.vmap)", "g = {0}(f)"),
    ("a, f = X[:, 0], lambda x: ntkbook.width.one_layer_norms(a, a, x, 'tanh'); "
     "g = jax.jit(f)", "g(jnp.array([1.0, 2.0]))", r"use (jax\.vmap)", "g = {0}(f)"),
    ("f = lambda a: ntkbook.feature_learning.quadratic_network(X, X[:, 0], X, alpha=a, "
     "epsilon=1.0, steps=2).outputs; g = jax.jit(f)", "g(jnp.array([1.0, 2.0]))",
     r"use (jax\.vmap)", "g = {0}(f)"),
]  # fmt: skip
FUNCTIONS = [
    ("params, apply = ONE, Listed()", NTK, r"wrap it, (lambda .*)\.$",
     "apply = again({0!r}, apply)"),
    ("activation = Same()", "ntkbook.mlp(4, 1, activation).init(key, X)",
     r"wrap it, (lambda .*)\.$", "before = activation; "
     "activation = eval({0!r}, dict(activation=before))"),
    ("name = 'mup'", "ntkbook.mlp(4, 1, parametrization=name).init(key, X)",
     r"one of ('\w+')", "name = {0}"),
    ("params = ONE; apply = lambda p, x: jax.lax.complex(*2 * [one_output(p, x)])", NTK,
     r"own, (lambda .*)\.$", "apply = again({0!r}, apply)"),
    # Numbers too large for 32 bits.
    (SINGLE + "params = jax.tree.map(np.float32, ONE); params['b'] *= 3e38; "
     "apply = lambda p, x: one_output(p, x)", NTK,
     r"call (ntkbook\.double_precision\(\))", "{0}" + DOUBLE),
    (SINGLE + "params = jax.tree.map(np.float32, params); params[1]['weight'] *= 1e38; "
     "net = ntkbook.mlp(4, 1, outputs=3, scale=1e38)", "net.apply(params, x1)",
     r"call (ntkbook\.double_precision\(\))", "{0}" + DOUBLE),
]  # fmt: skip
TRAINING = [
    (SINGLE + LINEAR + "y = np.float64(y); step_size, params = 0.1, "
     "jax.tree.map(np.float32, params); x = x1; ntkbook.double_precision()", DESCEND,
     r"example (y\.astype\('float32'\))", "y = {0}"),
    (LINEAR + "step_size = 1e3", DESCEND, r"pass (step_size=\S+)\.$", "{0}"),
    ("y, step_size = X[:, 0], 0.1", SGD, r"pass (y\[:, None\])", "y = {0}"),
    weekly((LINEAR + TWIN.format("zero_output='subtract'"),
     PATH.format("weight_decay=0.1"), r"with (zero_output='twin')", TWIN)),
    (LINEAR + "kinks = 4", PATH.format("kinks=kinks"), r"pass (kinks=0)", "{0}"),
    (LINEAR + "path = lambda: " + PATH.format("momentum=0.5") + "; call = "
     "ntkbook.limit_memory(1e-8)(path)", "call()", r"or (ntkbook\.limit_memory)\.",
     "call = {0}(1.0)(path)"),
    weekly(("steps = 1", "ntkbook.gradient_flow(apply, params, X, y, times=9.0, "
     "max_steps=steps).loss", r"`max_(steps)`=1 steps; pass more", "{0} = 4096")),
    ("call = lambda: ntkbook.gradient_flow(apply, params, X, y, times=np.inf)",
     "call()", r"there is (ntkbook\.kernel_flow)\.", "K = ntkbook.flow.as_matrix("
     "ntkbook.ntk(apply, params, X)); y = y.reshape(-1); call = lambda: {0}(K + "
     "np.eye(15), y, np.inf)"),
]  # fmt: skip
KERNELS = [
    ("K = np.multiply.outer(np.eye(5), np.eye(2))", "ntkbook.learning_curves.cross_"
     "validation(K, X[:, 0])", r"pass (kernel\[:, :, 0, 0\])", "kernel = K; K = {0}"),
    ("K, k_test = np.eye(5), X", "ntkbook.kernel_flow(K, X, 1.0, k_test=k_test).test",
     r"pass (k_test\.T)\.", "k_test = {0}"),
    ("K, ridge = np.ones((5, 5)), 0.0", "ntkbook.kernel_regression(K, X, k_test=K, "
     "ridge=ridge).test", r"pass (ridge) > 0", "{0} = 0.1"),
    ("K, ridge = np.ones((5, 5)), 0.0", "ntkbook.kernel_flow(K, X, np.inf, k_test=K, "
     "ridge=ridge).test", r"pass (ridge) > 0", "{0} = 0.1"),
    ("eigenvalues = np.array([1.0, 0.5, -1e-17])", "ntkbook.learning_curves."
     "effective_ridge(eigenvalues, 2)", r"pass (np\.maximum\(.*\))\.$",
     "eigenvalues = {0}"),
    ("ridge = 0.0", RISK, r"pass (ridge) > 0", "{0} = 0.1"),
    (LINEAR + "count = 9", "ntkbook.spectra.anisotropy.anisotropy_directions(apply, "
     "params, X, count=count)", r"pass (count=None)", "{0}"),
    # Infinite networks.
    ("x1 = X[0]", INFINITE, r"one input (x1\[None\])", "x1 = {0}"),
    ("x1 = X[:, 0]", INFINITE, r"each pass (x1\[:, None\])", "x1 = {0}"),
    (SINGLE, INFINITE,
     r"call (ntkbook\.double_precision\(\)) first, and pass (x1\.astype\(float\))\.$",
     "{0}; x1 = {1}"),
    ("x1, kernel = jnp.ones((2, 3, 3, 1)), 'ntk'", "getattr(ntkbook.infinite, kernel)"
     "(x1, depth=1, **dict(pooling='flatten') if kernel == 'cntk' else {})",
     r"or use (cntk) for images", "kernel = '{0}'"),
    weekly(("activation = lambda z: jnp.where(z > 0, z, jnp.sin(z) / 2)",
     INFINITE.replace(")", ", activation=activation)"),
     r"(ntkbook\.infinite\.piecewise_linear)\((kinks), (slopes)\)\.$",
     "{1}, {2} = (0.0,), (1.0, 2.0); activation = {0}({1}, {2})")),
]  # fmt: skip
NAMES = {"Listed": Listed, "Same": Same}


@pytest.mark.parametrize(
    "case", [*TRACED, *FUNCTIONS, *TRAINING, *KERNELS], ids=lambda case: case[2]
)
def test_what_a_message_says_to_type_works(case, relaxed):
    try:
        follow(*case, NAMES)
    finally:
        assert jax.numpy.ones(1).dtype == "float64"
