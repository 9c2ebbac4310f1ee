"""The page Notation: what it says of each symbol holds for the code it names.

`holds`, in book/notation.toml, is evaluated with the names that are set up here: small
networks with their Jacobians and Hessians formed in full, by JAX alone. A letter with
several meanings is in the page's second table, which names the chapters.
"""

import json
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp  # noqa: F401 - the statements use it, and the others below
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from numpy.linalg import norm
from scipy.linalg import expm  # noqa: F401

import ntkbook
from ntkbook import (  # noqa: F401
    alignment,
    critique,
    feature_learning,
    infinite,
    learning_curves,
)
from ntkbook.flow import decay_rates, training_time  # noqa: F401
from ntkbook.infinite import expectations  # noqa: F401
from ntkbook.paths import path_kernel
from ntkbook.taylor import second_derivative_norm  # noqa: F401

ROOT = Path(__file__).parents[2]
FILE = ROOT / "book" / "notation.toml"
SECTIONS = tomllib.loads(FILE.read_text(encoding="utf-8"))["section"]
SYMBOLS = [symbol for section in SECTIONS for symbol in section["symbol"]]
CHECKED = [symbol for symbol in SYMBOLS if "holds" in symbol]
ROWS = {
    name: others
    for name, others in re.findall(
        r"^\| \$(\\?\w+)\$ \| (.+) \|$",
        FILE.with_suffix(".md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}
# An accent or an index distinguishes what these stand for.
SAME = {"y", "\\Theta"}


def same(a, b) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-7, atol=1e-12)


@jax.jit
def ravel(tree):
    return ravel_pytree(tree)[0]


def relu_layer(s):
    """E relu(u) relu(v) doubled, for the covariances s: the arc-cosine kernel."""
    size = np.sqrt(np.outer(np.diag(s), np.diag(s)))
    angle = np.arccos(np.clip(s / size, -1, 1))
    return size * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)


def relu_slope(s):
    size = np.sqrt(np.outer(np.diag(s), np.diag(s)))
    return (np.pi - np.arccos(np.clip(s / size, -1, 1))) / (2 * np.pi)


def hermite(i):
    """The coefficient of tanh for the normalised Hermite polynomial of degree i."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    h = np.polynomial.hermite_e.HermiteE.basis(i)(nodes)
    weights = weights / weights.sum()
    return (weights * np.tanh(nodes) * h).sum() / np.sqrt((weights * h * h).sum())


@pytest.fixture(scope="module")
def names():
    """A network with two outputs, one with one, and what is formed of them in full."""
    n, k, m, L, q, eta = 4, 2, 5, 2, 3, 1e-3
    key = jax.random.key(0)
    x, x_test = jax.random.normal(key, (n, 3)), jax.random.normal(key, (q, 3)) / 2
    y = jax.random.normal(jax.random.key(1), (n, k))
    net, one = (
        ntkbook.mlp(m, depth, "tanh", outputs=o) for depth, o in ((L, k), (1, 1))
    )
    w, w_one = jax.jit(net.init)(key, x), jax.jit(one.init)(key, x)
    flat, unravel = ravel_pytree(w)

    def outputs(flat):
        return net.apply(unravel(flat), x).reshape(n * k)

    def jacobian(w, net=net, x=x):
        flat, unravel = ravel_pytree(w)
        return jax.jit(jax.jacobian(lambda v: net.apply(unravel(v), x).ravel()))(flat)

    def matrix(kernel):
        return kernel.transpose(0, 2, 1, 3).reshape(n * k, n * k)

    J, u = jacobian(w), outputs(flat) - y.reshape(n * k)
    line = ntkbook.linearize(net.apply, w)
    moved = jax.tree.map(lambda a: a + 0.3, w)
    Theta = matrix(ntkbook.ntk(net.apply, w, x))
    options = dict(step_size=eta, progress=False)
    run = ntkbook.gradient_descent(net.apply, w, x, y, steps=1, **options)
    flow = ntkbook.gradient_flow(net.apply, w, x, y, times=[0.0, 1.0], progress=False)
    query = (one.apply, w_one, x, y[:, :1], x_test)
    book = path_kernel(*query, steps=20, integral="exact", **options)
    one_step = path_kernel(*query, steps=1, **options)
    decayed = path_kernel(*query, steps=1, weight_decay=0.1, **options)
    limit = np.asarray(infinite.ntk(x, depth=1))
    trained = critique.theory(x, y[:, 0], x_test, 0.5, kernel=limit_kernel)
    own, unravel_one = ravel_pytree(w_one)
    mixed_at = jax.jit(
        jax.jacobian(jax.grad(lambda v, x: one.apply(unravel_one(v), x[None])[0, 0]), 1)
    )
    mean_mixed = sum(np.asarray(mixed_at(own, point)) for point in x) / len(x)
    facts = dict(
        p=flat.size, J_one=jacobian(w_one, one), J_query=jacobian(w_one, one, x_test),
        H=jax.jit(jax.hessian(outputs))(flat), kap=ntkbook.kappa(net.apply, w, x, y),
        modes=decay_rates(Theta),
        u_one=np.asarray(one.apply(w_one, x) - y[:, :1])[:, 0],
        shallow=ntkbook.mlp(m, 1, "tanh").init(key, x), ones=np.ones((1, 1)),
        unit=x / norm(x, axis=1, keepdims=True),
        images=jax.random.normal(key, (2, 3, 3, 1)), target=np.asarray(y[:, 0]),
        K=limit, phi=alignment.eigenfunctions(limit),
        mixed=alignment.mixed_derivative(one.apply, w_one, x),
        lam=np.arange(1.0, 6.0),
        risk=learning_curves.mean_field_risk(np.arange(1.0, 6.0), np.ones(5), 2),
        finite=learning_curves.mean_field_risk(
            np.arange(1.0, 6.0), np.ones(5), 2, population=5
        ),
    )  # fmt: skip
    known = globals() | locals() | facts
    # NumPy's arrays, for whose operations nothing is compiled.
    arrays = {a: v for a, v in known.items() if isinstance(v, jax.Array) and a != "key"}
    return known | jax.tree.map(np.asarray, arrays)


def limit_kernel(x1, x2=None):
    return np.asarray(infinite.ntk(x1, x2, depth=1))


@pytest.mark.parametrize("symbol", CHECKED, ids=lambda symbol: symbol["say"][:12])
def test_what_the_page_says_holds(symbol, names):
    assert eval(symbol["holds"], names), symbol["holds"]


def test_a_symbol_without_a_check_has_no_code():
    """There is nothing to compute: bounds of a proof, or names within one."""
    assert all(not symbol["code"] for symbol in SYMBOLS if "holds" not in symbol)


def test_the_functions_that_the_page_names_exist():
    named = re.findall(r"{py:\w+}`([\w.]+)`", FILE.read_text(encoding="utf-8"))
    assert len(named) > 40
    for name in named:
        found = SimpleNamespace(ntkbook=ntkbook)
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found)


def letters(formula: str) -> set[str]:
    """Its letters, without accents, indices and what they are functions of."""
    for pattern in (
        r"\\(?:text|operatorname|mathrm|mathbb)\s*\{?\w+\}?",
        r"[_^](?:\{[^{}]*\}|\\[A-Za-z]+|[\w*])",
        r"\\(?:bar|hat|dot|tilde|mathcal|partial|[lr]Vert)(?![A-Za-z])",
        r"\([^()]*\)",
    ):
        formula = re.sub(pattern, " ", formula)
    return set(re.findall(r"\\[A-Za-z]+|[A-Za-z]", formula))


def test_a_letter_with_several_meanings_has_a_row():
    of = [letter for symbol in SYMBOLS for letter in letters(symbol["tex"])]
    several = {letter for letter in of if of.count(letter) > 1}
    assert len(several) > 20
    assert several - SAME <= set(ROWS), several - SAME - set(ROWS)


@pytest.mark.parametrize("letter", ROWS)
def test_the_chapters_that_a_row_names_use_the_letter(letter):
    for numbers in re.findall(r"Chapters? (\d(?:(?:, | and )\d)*)", ROWS[letter]):
        for number in re.findall(r"\d", numbers):
            (path,) = (ROOT / "notebooks").glob(f"0{number}_*.ipynb")
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            text = "".join(
                "".join(cell["source"])
                for cell in cells
                if cell["cell_type"] == "markdown"
            )
            formulas = " ".join(re.findall(r"\$\$.*?\$\$|\$[^$]+\$", text, re.DOTALL))
            pattern = rf"(?<![A-Za-z\\]){re.escape(letter)}(?![A-Za-z])"
            assert re.search(pattern, formulas), number
