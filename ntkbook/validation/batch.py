"""A batch of inputs: an array, or a pytree of arrays that share their first axis.

A graph is its features and its adjacency matrix, a sentence its tokens and their mask.
Nothing in this library differentiates with respect to inputs unless it says so, so
tokens stay integers, and every floating-point array has the parameters' dtype.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.validation import checks


def check(name: str, value, dtype=None):
    """Check a batch; return it as JAX's arrays.

    With ``dtype``, the parameters', floating-point inputs must be of it as well.
    """
    leaves = jax.tree_util.tree_leaves_with_path(value)
    if not leaves:
        raise TypeError(
            f"`{name}` must be an array of inputs, (n, ...), or a pytree of such "
            f"arrays, not {checks.short(value)}."
        )
    alone = jax.tree_util.treedef_is_leaf(jax.tree.structure(value))
    found = [_array(name + jax.tree_util.keystr(path), leaf) for path, leaf in leaves]
    if alone and found[0].ndim < 2:
        raise ValueError(
            f"`{name}` must have shape (n, ...), one row per input, but its shape is "
            f"{found[0].shape}; for n inputs of one number each pass {name}[:, None], "
            f"for one input {name}[None]."
        )
    for (path, _), array in zip(leaves, found, strict=True):
        where = name + jax.tree_util.keystr(path)
        if len(array) != len(found[0]):
            raise ValueError(
                f"all arrays of `{name}` must have one row per input, but "
                f"`{name}{jax.tree_util.keystr(leaves[0][0])}` has {len(found[0])} "
                f"rows and `{where}` has {len(array)}."
            )
        if dtype is not None and jnp.issubdtype(array.dtype, jnp.floating):
            same_dtype(dtype, where, array.dtype)
    return jax.tree.unflatten(jax.tree.structure(value), found)


def same_dtype(dtype, name: str, found) -> None:
    """Refuse inputs in another precision than the parameters'."""
    if found != dtype:
        raise TypeError(
            f"`params` is {dtype} but `{name}` is {found}: convert one of them, for "
            f"example params = jax.tree.map(lambda a: a.astype({name}.dtype), params)."
        )


def _array(name: str, leaf) -> jax.Array:
    if isinstance(leaf, (bool, int, float, complex, str, bytes)) or leaf is None:
        raise TypeError(
            f"`{name}` must be an array with one row per input, not "
            f"{checks.short(leaf)}; wrap lists of numbers with jnp.array(...)."
        )
    try:
        array: Any = leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)
        kind = jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool
    except (AttributeError, TypeError, ValueError):
        kind = False
    if not kind:
        raise TypeError(
            f"`{name}` must be an array of numbers, not {checks.short(leaf)}."
        )
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(
            f"`{name}` is {array.dtype}; pass real and imaginary parts, for example "
            f"as {{'re': {name}.real, 'im': {name}.imag}}, and add them in `apply`."
        )
    if array.ndim == 0 or array.size == 0:
        raise ValueError(
            f"`{name}` must have one row per input, at least one, but its shape is "
            f"{array.shape}."
        )
    converted = jnp.asarray(array)
    if jnp.issubdtype(array.dtype, jnp.floating):
        checks.finite(name, converted)
    elif converted.dtype != array.dtype and (np.asarray(converted) != array).any():
        raise ValueError(
            f"`{name}` holds integers too large for {converted.dtype}; call "
            "ntkbook.double_precision() first, or number the tokens from 0."
        )
    return converted


def same_kind(name1: str, x1, name2: str, x2) -> None:
    """Check that two batches hold inputs of one kind: tree, shapes and dtypes."""
    if jax.tree.structure(x1) != jax.tree.structure(x2):
        raise ValueError(
            f"`{name1}` and `{name2}` must be inputs of one kind, but their trees "
            f"are {jax.tree.structure(x1)} and {jax.tree.structure(x2)}."
        )
    one, two = jax.tree.leaves(x1), jax.tree.leaves(x2)
    for a, b in zip(one, two, strict=True):
        if a.shape[1:] != b.shape[1:]:
            raise ValueError(
                f"`{name1}` and `{name2}` must hold inputs of one shape, but theirs "
                f"are {a.shape[1:]} and {b.shape[1:]}."
            )
        checks.same_dtype(name1, a.dtype, name2, b.dtype)


def count(x) -> int:
    """Return how many inputs there are."""
    return jax.tree.leaves(x)[0].shape[0]


def take(x, rows):
    """Return the inputs at ``rows``: a slice, or an array of numbers."""
    return jax.tree.map(lambda a: a[rows], x)


def alone(x_i):
    """Return one input, without the axis of inputs, as a batch."""
    return jax.tree.map(lambda a: a[None], x_i)


def concatenate(*batches):
    """Return all inputs of several batches."""
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *batches)


def shape_of_one(x, rows: tuple[int, ...] = ()):
    """Return the shapes and dtypes of one input, or of a batch of ``rows``."""
    return jax.tree.map(
        lambda a: jax.ShapeDtypeStruct((*rows, *a.shape[1:]), a.dtype), x
    )
