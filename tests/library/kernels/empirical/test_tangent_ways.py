"""The kernel's diagonal, trace and products with vectors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.validation.host import as_matrix
from tests.helpers.networks import ONE, THREE, agree, setting


def convolutional(p, x):
    """Some of its routes go by pairs of places, and some are formed."""
    for name in ("a", "b"):
        x = jnp.tanh(jax.lax.conv_general_dilated(x, p[name], (2, 2), "SAME"))
    return x.reshape(len(x), -1) @ p["c"]


def images(n=5, dtype=float):
    rng = np.random.default_rng(0)
    shapes = dict(a=(16, 1, 2, 2), b=(64, 16, 2, 2), c=(256, 2))
    params = {n: jnp.asarray(rng.standard_normal(s), dtype) for n, s in shapes.items()}
    return convolutional, params, jnp.asarray(rng.standard_normal((n, 1, 8, 8)), dtype)


def cases():
    for network in (ONE, THREE):
        apply, params, x1, _ = setting(n1=5, **network)
        yield apply, params, x1
    yield images()


@pytest.mark.parametrize("case", [0, 1, 2])
def test_trace_and_diagonal(case):
    apply, params, x = list(cases())[case]
    full = np.asarray(ntkbook.ntk(apply, params, x))
    diagonal = np.stack([full[i, i] for i in range(len(x))])
    trace = np.einsum("ijaa->ij", full) if full.ndim == 4 else full
    agree(ntkbook.ntk(apply, params, x, trace=True), trace, 1e-12)
    agree(ntkbook.ntk(apply, params, x, x[:3], trace=True), trace[:, :3], 1e-12)
    agree(ntkbook.ntk_diagonal(apply, params, x), diagonal, 1e-12)
    with ntkbook.limit_memory(1e-9):
        agree(ntkbook.ntk_diagonal(apply, params, x), diagonal, 1e-12)
        agree(ntkbook.ntk(apply, params, x, trace=True), trace, 1e-12)


@pytest.mark.parametrize("gib", [1.0, 1e-9])
def test_products_with_vectors(gib):
    apply, params, x1, x2 = setting(**THREE)
    full = as_matrix(np.asarray(ntkbook.ntk(apply, params, x1, x2)))
    v = np.random.default_rng(0).standard_normal((full.shape[1], 2))
    with ntkbook.limit_memory(gib):
        operator = ntkbook.ntk_operator(apply, params, x1, x2)
        assert operator.shape == full.shape and operator.dtype == x1.dtype
        agree(operator @ v, full @ v, 1e-12)
        agree(operator.T @ full[:, 0], full.T @ full[:, 0], 1e-12)


def test_ensembles():
    apply, params, x1, x2 = setting(**THREE)
    many = jax.tree.map(lambda p: jnp.stack([p, 2 * p, -p]), params)

    def kernels(params):
        return (
            ntkbook.ntk(apply, params, x1, x2),
            ntkbook.ntk(apply, params, x1, trace=True),
            ntkbook.ntk_diagonal(apply, params, x1),
        )

    at_once, one_by_one = jax.vmap(kernels)(many), jax.lax.map(kernels, many)
    for i in range(3):
        wanted = kernels(jax.tree.map(lambda p, i=i: p[i], many))
        for found in (at_once, one_by_one):
            for a, b in zip(found, wanted, strict=True):
                agree(a[i], b, 1e-12)


def test_functions_that_close_over_traced_values():
    apply, params, x, _ = setting(**ONE)

    def of(scale):
        return ntkbook.ntk(lambda p, x: scale * apply(p, x), params, x)

    scales, once = jnp.array([1.0, 2.0]), ntkbook.ntk(apply, params, x)
    wanted = jnp.stack([once, 4 * once])
    agree(jax.vmap(of)(scales), wanted, 1e-12)
    agree(jax.lax.map(of, scales), wanted, 1e-12)
    agree(jax.jit(of)(2.0), wanted[1], 1e-12)
    agree(jax.grad(lambda s: of(s)[0, 0])(2.0), 4 * once[0, 0], 1e-12)


def test_blocks_of_convolutions_change_nothing():
    apply, params, x = images(9)
    assert len(set(ntkbook.ntk_routes(apply, params, x).values())) == 3
    whole = ntkbook.ntk(apply, params, x, x)
    for gib in (1e-9, 3e-3):
        with ntkbook.limit_memory(gib):
            agree(ntkbook.ntk(apply, params, x), whole, 1e-13)
