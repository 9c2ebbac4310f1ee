"""Kernels of drawn models: precisions, trees of parameters, inputs of several kinds."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import ntkbook
from tests.helpers.draws import examples

N, T, WORDS = 4, 3, 5
# Of the largest entry: some hundred roundings.
CLOSE = {"float64": 1e-10, "float32": 1e-4, "bfloat16": 0.1}
TREES = {
    "flat": lambda leaves: leaves,
    "names": lambda leaves: {f"layer {i}": w for i, w in enumerate(leaves)},
    "nested": lambda leaves: {"first": (leaves[0], None), "rest": [{"w": leaves[1:]}]},
    "chain": lambda leaves: (leaves[0], TREES["chain"](leaves[1:])) if leaves else (),
}


def inputs(kind: str, rng, dtype):
    """Draw inputs of one kind; `features` makes numbers of them."""
    tokens = rng.integers(0, WORDS, (N, T))
    mask = jnp.asarray(rng.integers(0, 2, (N, T)) == 1).at[:, 0].set(True)
    if kind == "numbers":
        return jnp.asarray(rng.standard_normal((N, T)), dtype)
    if kind == "pixels":
        return jnp.asarray(rng.integers(0, 256, (N, T)), jnp.uint8)
    if kind == "tokens":
        return jnp.asarray(tokens, jnp.int32)
    return {"tokens": jnp.asarray(tokens, jnp.int8), "mask": mask}


def features(kind: str, table, x):
    if kind == "numbers":
        return x @ table[:T]
    if kind == "pixels":
        return (x.astype(table.dtype) / 256) @ table[:T]
    if kind == "tokens":
        return table[x].mean(1)
    kept = x["mask"][..., None].astype(table.dtype)
    return (table[x["tokens"]] * kept).sum(1) / kept.sum(1)


@examples(3, weekly=150)
@given(
    dtype=st.sampled_from(list(CLOSE)),
    kind=st.sampled_from(["numbers", "pixels", "tokens", "tokens and mask"]),
    tree=st.sampled_from(list(TREES)),
    widths=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    outputs=st.integers(1, 2),
    shared=st.booleans(),
    seed=st.integers(0, 99),
)
def test_precisions_trees_and_inputs(dtype, kind, tree, widths, outputs, shared, seed):
    rng = np.random.default_rng(seed)
    sizes = [WORDS, *widths, outputs]
    shapes = zip(sizes[:-1], sizes[1:], strict=True)
    leaves = [jnp.asarray(rng.standard_normal(s), dtype) for s in shapes]
    square = jnp.asarray(rng.standard_normal((widths[-1],) * 2), dtype)
    params = TREES[tree]([*leaves, square])
    x = inputs(kind, rng, dtype)

    def apply(params, x):
        table, *layers, square = jax.tree.leaves(params)  # in the order of `leaves`
        h = jnp.tanh(features(kind, table, x))
        for w in layers[:-1]:
            h = jnp.tanh(h @ w)
        for _ in range(1 + shared):  # one matrix, used at two places
            h = jnp.tanh(h @ square)
        return h @ layers[-1]

    def exact(a):
        return a.astype(float) if jnp.issubdtype(a.dtype, jnp.floating) else a

    flat, unravel = ravel_pytree(jax.tree.map(exact, params))
    x64 = jax.tree.map(exact, x)
    jacobian = jax.jit(jax.jacrev(lambda w: apply(unravel(w), x64)))(flat)
    wanted = np.einsum("iap,jbp->ijab", jacobian, jacobian)
    found = ntkbook.ntk(apply, params, x)
    assert found.dtype == dtype
    found = np.asarray(found, float).reshape(wanted.shape)
    assert np.abs(found - wanted).max() <= CLOSE[dtype] * np.abs(wanted).max()
