"""Refuse an ``apply`` whose output at one input depends on chance or on the others.

The tangent kernel of such a function, taken input by input, is that of another
function, and nothing in the result would show it. Most networks are proven to be none
of these from their jaxpr (``rowwise``). Of the others, inputs are evaluated together
and each alone. What counts is how ``apply`` is built and not what it computes at these
parameters: a batch normalisation whose scale is 0 mixes nothing there, and everything
after a step of training. So parameters and inputs are moved by noise before, and a
function that has passed is not evaluated again for others of the same shapes.

As many inputs are evaluated as are given: data are often sorted, and the first rows of
a mask, or the first tokens, may all be equal. Beyond a number only a function that
closes over an array with a row for each input is evaluated at more of them.

Where derivatives need not be those of the values, because a rule of the reader's own
or ``stop_gradient`` says otherwise, the gradients are compared in the same way.
"""

from contextlib import nullcontext
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.flatten_util import ravel_pytree

from ntkbook.validation import batch, checks, rowwise
from ntkbook.validation.jaxprs import equations, own_derivatives
from ntkbook.validation.remembered import Remembered

ROWS = 4  # at least
MANY = 256  # at most, or where an array that `apply` closes over has a row for each:
ALL = 4096
_passed = Remembered()


def check(apply, params, x, needs: str) -> bool:
    """Raise a ``ValueError`` unless outputs repeat, and inputs do not interact.

    Return whether that is certain now for all calls of the same shapes.
    """
    if getattr(apply, "independent", False):
        return True  # one of the book's own, known to be so
    shapes = [(a.shape, a.dtype) for a in jax.tree.leaves((params, x))]
    kind = jax.tree.structure((params, x)), str(shapes)
    if _passed.get(apply, kind):
        return True

    def traced(rows):
        return jax.make_jaxpr(apply)(params, batch.shape_of_one(x, (rows,)))

    n = batch.count(x)
    one, several = traced(1), traced(max(n, ROWS))
    # The proof looks at values, and `stop_gradient` alone makes no input meet another.
    own = own_derivatives(several.jaxpr)
    proven = rowwise.proven(one, several, len(jax.tree.leaves(params)))
    if proven and own <= {"stop_gradient"}:
        _passed.put(apply, kind, True)
        return True
    tried = min(max(n, ROWS), ALL if _has_rows(several, n) else MANY)
    if tried < n:
        several = traced(tried)
    rows = (
        np.linspace(0, n - 1, tried).astype(int) if tried < n else np.arange(tried) % n
    )
    rng = np.random.default_rng(0)
    held = checks.is_traced((one.consts, several.consts))
    both_ways = partial(_both_ways, apply, bool(own))
    if held:  # what `apply` closes over has no values yet: any will do
        with _eagerly():
            stand_ins = _with_values(rng, several, one)
        both_ways = partial(_both_ways_held, bool(own), stand_ins)
    # Where a traced function calls this, nothing has values: noise alone must do.
    with _eagerly():
        moved = jax.tree.map(partial(_moved, rng), params)
        some = jax.tree.map(lambda a: _moved(rng, _rows(a, rows)), x)
        found = both_ways(moved, some)
        if not _finite(found) and not checks.is_traced((params, x)):
            moved, some = params, batch.take(x, rows)
            found = both_ways(moved, some)
    if not _finite(found):
        return False  # it fails elsewhere
    coarsest = _coarsest(several.jaxpr)
    close = _apart(found[0], found[1], coarsest)
    if close:
        if not held and _changes(apply, moved, some, found[0], close):
            why = "gives another result each time: switch dropout off"
        else:
            why = (
                "mixes the inputs of a batch, or holds one row for each of them: "
                "freeze batch normalisation and dropout (evaluation mode: model.eval() "
                "in Flax NNX, use_running_average=True in Flax, "
                "equinox.nn.inference_mode(model)), and pass masks and the like within "
                "x, as a pytree"
            )
    elif len(found) > 2 and _apart(found[2], found[3], coarsest):
        why = (
            "mixes the inputs of a batch in its gradients: let no custom_jvp, "
            "custom_vjp or stop_gradient average over the inputs"
        )
    else:
        why = ""
    if why:
        raise ValueError(
            f"`apply(params, x)` {why}. {needs} needs a function of the parameters "
            "and of one input."
        )
    certain = not held and any(
        len(np.unique(a, axis=0)) > 1 for a in map(np.asarray, jax.tree.leaves(some))
    )
    if certain:
        _passed.put(apply, kind, True)
    return certain


def _apart(a, b, coarsest: float) -> float:
    """Return how close two arrays should be if they are not, and 0 if they are."""
    eps = float(jnp.finfo(a.dtype).eps)
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    close = max(eps, coarsest) ** 0.5 * (1 + np.abs(a).max())
    return close if np.abs(a - b).max() > close else 0.0


def _has_rows(closed, n: int) -> bool:
    """Say whether a function closes over an array with a row for each input."""
    return any(np.shape(const)[:1] >= (n,) for const in closed.consts)


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


def _eagerly():
    """Compute numbers now, also where a traced function calls this.

    Not otherwise: inside that context JAX traces nothing without computing it, and
    Flax, for example, draws new parameters when a module is called.
    """
    traced = checks.is_traced(jnp.zeros(()))
    return jax.ensure_compile_time_eval() if traced else nullcontext()


def _outputs(together, alone, params, x):
    """Return the outputs of some inputs, and of each input alone.

    What ``apply`` draws at random in Python is drawn anew at each of the two calls.
    """
    # Some accelerators would round one of the products and not the other.
    with jax.default_matmul_precision("highest"):
        one_by_one = jax.vmap(lambda x_i: alone(params, batch.alone(x_i))[0])(x)
        return together(params, x), one_by_one


def _gradients(together, alone, params, x):
    """Return the gradient of a weighted sum of outputs, and the sum over inputs of it.

    One input after the other, since there are as many numbers as in the parameters.
    """
    with jax.default_matmul_precision("highest"):
        out, pull = jax.vjp(lambda p: together(p, x), params)
        weights = jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape)

        def add(total, now):
            x_i, w = now
            _, pull_one = jax.vjp(lambda p: alone(p, batch.alone(x_i)), params)
            return jax.tree.map(jnp.add, total, pull_one(w[None])[0]), None

        start = jax.tree.map(jnp.zeros_like, params)
        total, _ = jax.lax.scan(add, start, (x, weights))
        return ravel_pytree(pull(weights)[0])[0], ravel_pytree(total)[0]


def _compared(gradients: bool, together, alone, params, x):
    """Return two arrays that should be equal, or four."""
    found = _outputs(together, alone, params, x)
    return (*found, *_gradients(together, alone, params, x)) if gradients else found


@partial(jax.jit, static_argnums=(0, 1), compiler_options=QUICK)
def _both_ways(apply, gradients, params, x):
    return _compared(gradients, apply, apply, params, x)


def _both_ways_held(gradients, stand_ins, params, x):
    def compared(gradients):
        function = partial(_compared, gradients, *stand_ins)
        return jax.jit(function, compiler_options=QUICK)(params, x)

    try:
        return compared(gradients)
    except (TypeError, ValueError):
        if not gradients:
            raise
        return compared(False)  # a rule itself closes over what has no values


@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _once_more(apply, params, x):
    with jax.default_matmul_precision("highest"):
        return apply(params, x)


def _changes(apply, params, x, before, close) -> bool:
    """Say whether the same call gives other outputs now."""
    before = np.asarray(before, np.float64)
    with _eagerly():
        again = np.asarray(_once_more(apply, params, x), np.float64)
    return bool(np.abs(before - again).max() > close)


def _with_values(rng, *jaxprs) -> list:
    """Return functions whose closed-over values, as yet unknown, are some numbers.

    They are the same numbers for all functions that close over the same value.
    """
    known: dict = {}

    def value(const):
        if checks.is_traced(const):
            return known.setdefault(id(const), _any_value(rng, const))
        return const

    def function(closed):
        closed = core.ClosedJaxpr(closed.jaxpr, list(map(value, closed.consts)))
        evaluated = core.jaxpr_as_fun(closed)
        return lambda params, x: evaluated(*jax.tree.leaves((params, x)))[0]

    return list(map(function, jaxprs))


def _any_value(rng, a):
    if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), a.shape)
    if jnp.issubdtype(a.dtype, jnp.floating):
        return jnp.asarray(rng.uniform(0.5, 1.5, a.shape), a.dtype)
    return jnp.asarray(rng.integers(0, 2, a.shape), a.dtype)
