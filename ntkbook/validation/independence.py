"""Refuse an ``apply`` whose output at one input depends on chance or on the others.

The tangent kernel of such a function, taken input by input, is that of another
function, and nothing in the result would show it. So four inputs are evaluated
together and alone. What counts is how ``apply`` is built and not what it computes at
these parameters: a batch normalisation whose scale is 0 mixes nothing there, and
everything after a step of training. So parameters and inputs are moved by noise before,
and a function that has passed is not evaluated again for others of the same shapes.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.validation import batch, checks
from ntkbook.validation.jaxprs import equations
from ntkbook.validation.remembered import Remembered

ROWS = 4
_passed = Remembered()


def check(apply, params, x, needs: str) -> bool:
    """Raise a ``ValueError`` unless outputs repeat, and inputs do not interact.

    Return whether that is certain now for all calls of the same shapes.
    """
    if getattr(apply, "independent", False):
        return True  # one of the book's own, known to be so
    shapes = [(a.shape[1:], a.dtype) for a in jax.tree.leaves(x)]
    shapes += [(a.shape, a.dtype) for a in jax.tree.leaves(params)]
    kind = jax.tree.structure((params, x)), str(shapes)
    if _passed.get(apply, kind):
        return True
    traced = jax.make_jaxpr(apply)(params, batch.shape_of_one(x, (1,)))
    if checks.is_traced(traced.consts):
        return False  # what `apply` closes over has no values yet
    rng = np.random.default_rng(0)
    rows = np.arange(ROWS) % batch.count(x)
    # Where a traced function calls this, nothing has values: noise alone must do.
    with jax.ensure_compile_time_eval():
        moved = jax.tree.map(partial(_moved, rng), params)
        some = jax.tree.map(lambda a: _moved(rng, _rows(a, rows)), x)
        found = _both_ways(apply, moved, some)
        if not _finite(found) and not checks.is_traced((params, x)):
            moved, some = params, batch.take(x, rows)
            found = _both_ways(apply, moved, some)
    if not _finite(found):
        return False  # it fails elsewhere
    together, alone = (np.asarray(a, np.float64) for a in found)
    scale = 1 + np.abs(together).max()
    close = float(jnp.finfo(found[0].dtype).eps) ** 0.5 * scale
    if np.abs(together - alone).max() > close:
        close = max(close, _coarsest(traced.jaxpr) ** 0.5 * scale)
    if np.abs(together - alone).max() > close:
        with jax.ensure_compile_time_eval():
            again = np.asarray(_once_more(apply, moved, some), np.float64)
        if np.abs(together - again).max() > close:
            why = "gives another result each time: switch dropout off"
        else:
            why = (
                "mixes the inputs of a batch, or holds one row for each of them: "
                "freeze batch normalisation and dropout (evaluation mode: model.eval() "
                "in Flax NNX, use_running_average=True in Flax, "
                "equinox.nn.inference_mode), and pass masks and the like within x, as "
                "a pytree"
            )
        raise ValueError(
            f"`apply(params, x)` {why}. {needs} needs a function of the parameters "
            "and of one input."
        )
    certain = any(
        len(np.unique(a, axis=0)) > 1 for a in map(np.asarray, jax.tree.leaves(some))
    )
    if certain:
        _passed.put(apply, kind, True)
    return certain


def _coarsest(jaxpr) -> float:
    """Return the largest rounding error of the dtypes that a function computes in."""
    found = [0.0]
    for equation in equations(jaxpr):
        for variable in equation.outvars:
            kind = getattr(variable.aval, "dtype", None)
            if kind is not None and jnp.issubdtype(kind, jnp.floating):
                found.append(float(jnp.finfo(kind).eps))
    return max(found)


def _rows(a, rows):
    """Return some rows of a concrete array; of a traced one, rows of zeros."""
    if checks.is_traced(a):
        return np.zeros((len(rows), *a.shape[1:]), a.dtype)
    return np.asarray(a)[rows]


def _moved(rng, a):
    """Return an array moved by a tenth of its size; integers stay as they are."""
    values = np.zeros(a.shape, a.dtype) if checks.is_traced(a) else np.asarray(a)
    if not jnp.issubdtype(a.dtype, jnp.floating):
        return jnp.asarray(values)
    values = values.astype(np.float32)
    noise = np.resize(rng.standard_normal(4099, np.float32), a.shape)
    return jnp.asarray(values + 0.1 * (1 + np.abs(values)) * noise, a.dtype)


def _finite(arrays) -> bool:
    return not checks.is_traced(arrays) and all(
        np.isfinite(np.asarray(a, np.float64)).all() for a in arrays
    )


# Run once for each function, so what counts is the time to compile it.
QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _both_ways(apply, params, x):
    """Return the outputs of some inputs, and of each input alone.

    What ``apply`` draws at random in Python is drawn anew at each of the two calls.
    """
    # Some accelerators would round one of the products and not the other.
    with jax.default_matmul_precision("highest"):
        one_by_one = jax.vmap(lambda x_i: apply(params, batch.alone(x_i))[0])(x)
        return apply(params, x), one_by_one


@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _once_more(apply, params, x):
    with jax.default_matmul_precision("highest"):
        return apply(params, x)
