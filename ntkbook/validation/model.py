"""Checks of a model: its parameters, what it returns, and its data."""

import sys

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.validation import batch, checks
from ntkbook.validation.jaxprs import equations

# What libraries call averages over batches, which no gradient trains.
STATISTICS = {"batch_stats", "running_mean", "running_var", "num_batches_tracked"}
STATISTICS |= {"moving_mean", "moving_var", "moving_variance", "mean_ema", "var_ema"}


def parameters(name: str, params):
    """Check a pytree of floating-point, finite parameters; return their dtype."""
    _refuse_statistics(name, params)
    leaves = jax.tree_util.tree_leaves_with_path(params)
    if not leaves:
        raise ValueError(
            f"`{name}` holds no arrays; pass the parameters that init(...) returned."
        )
    dtypes = {}
    for path, leaf in leaves:
        where = name + jax.tree_util.keystr(path)
        if not isinstance(leaf, (jax.Array, np.ndarray, np.generic)):
            raise TypeError(
                f"`{where}` must be an array, not {checks.short(leaf)}; keep what "
                "is not a parameter out of the tree. For a model of Equinox there is "
                "ntkbook.from_equinox(model)."
            )
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise TypeError(
                f"`{where}` is {leaf.dtype}, and a kernel of complex parameters is not "
                "defined here; pass real and imaginary parts as parameters of their "
                f"own, {name} = dict(re=jax.tree.map(jnp.real, {name}), "
                f"im=jax.tree.map(jnp.imag, {name})), and lambda p, x: "
                "apply(jax.tree.map(jax.lax.complex, p['re'], p['im']), x)."
            )
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise TypeError(
                f"`{where}` must hold floating-point numbers, but its dtype is "
                f"{leaf.dtype}; keep counters and keys out of the parameters."
            )
        dtypes[jnp.dtype(leaf.dtype)] = where
    if len(dtypes) > 1:
        (a, where_a), (b, where_b) = list(dtypes.items())[:2]
        raise TypeError(
            f"`{where_a}` is {a} but `{where_b}` is {b}: convert the parameters to "
            f"one dtype, {name} = jax.tree.map(lambda a: a.astype({str(b)!r}), {name})."
        )
    checks.finite(name, params)
    return next(iter(dtypes))


def _refuse_statistics(name: str, params) -> None:
    """Refuse trees in which batch statistics are among the parameters.

    They are floating-point arrays, so a kernel would count the derivative with respect
    to them, and training would change them by it.
    """
    for path, _ in jax.tree_util.tree_leaves_with_path(params):
        keys = [str(getattr(k, "key", getattr(k, "name", ""))) for k in path]
        if not STATISTICS.isdisjoint(keys):
            raise TypeError(
                f"`{name}{jax.tree_util.keystr(path)}` is a batch statistic and no "
                "parameter. In Flax: variables = model.init(...), then pass "
                'variables["params"] as the parameters, and lambda p, x: '
                'model.apply({**variables, "params": p}, x) as the function; or use '
                "ntkbook.from_flax(model, variables)."
            )
    groups: dict = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        last = str(getattr(path[-1], "key", "")) if path else ""
        groups.setdefault(path[:-1], {})[last] = getattr(leaf, "shape", ())
    for path, group in groups.items():
        shapes = {group.get(key) for key in ("mean", "var")}
        affine = {group.get(key) for key in ("scale", "bias")} - {None, ()}
        if {"mean", "var"} <= group.keys() and shapes & affine:
            raise TypeError(
                f"`{name}{jax.tree_util.keystr(path)}` holds a mean and a variance "
                "next to a scale or a bias: batch statistics are no parameters. Keep "
                "them out of the tree; in Flax NNX: graph, params, rest = "
                "nnx.split(model, nnx.Param, ...)."
            )
    nnx = sys.modules.get("flax.nnx")
    if nnx is None:
        return

    def variable(node) -> bool:
        return isinstance(node, nnx.Variable)

    others = (nnx.BatchStat, nnx.Cache, nnx.Intermediate, nnx.RngState)
    for node in jax.tree.leaves(params, is_leaf=variable):
        if isinstance(node, others):
            raise TypeError(
                f"`{name}` holds {type(node).__name__} variables, which are no "
                "parameters. Call model.eval(), then graph, params, rest = "
                "nnx.split(model, nnx.Param, ...), and pass params with lambda p, x: "
                "nnx.merge(graph, p, rest)(x) as the function; or use "
                "ntkbook.from_nnx(model)."
            )


def outputs_of(apply, params, x, *, per_input: bool = True, name: str = "x"):
    """Check that ``apply(params, x)`` returns ``(n, k)``; return its shape and dtype.

    Nothing is computed: JAX follows shapes and dtypes alone. With ``per_input`` one
    input alone must give ``(1, k)`` as well, which a function that holds one row for
    each of the n inputs does not.
    """
    checks.function("apply", apply, "apply(params, x)")
    n = batch.count(x)
    try:
        out = checks.shape_of("apply(params, x)", apply, params, x)
    except (TypeError, ValueError) as error:
        if all(jnp.issubdtype(a.dtype, jnp.floating) for a in jax.tree.leaves(x)):
            raise
        raise type(error)(
            f"{error} `{name}` holds integers or booleans; if they are no tokens or "
            f"masks, convert them, {name}.astype(float)."
        ) from error
    shape = getattr(out, "shape", None)
    if shape is None:
        raise ValueError(
            f"`apply(params, x)` must return one array of outputs, but it returns "
            f"{checks.short(jax.tree.structure(out))}; return the outputs alone, for "
            "example lambda p, x: apply(p, x)[0]."
        )
    if len(shape) != 2 or shape[0] != n:
        if shape[:1] == (n,) and len(shape) == 1:
            advice = "add an axis, lambda p, x: apply(p, x)[:, None]."
        elif shape[:1] == (n,):
            rows = "len(x)" if hasattr(x, "shape") else "len(jax.tree.leaves(x)[0])"
            advice = f"flatten it, lambda p, x: apply(p, x).reshape({rows}, -1)."
        else:
            advice = (
                "for a function of one input pass lambda p, x: jax.vmap(apply, "
                "(None, 0))(p, x)."
            )
        raise ValueError(
            f"`apply(params, x)` must return outputs of shape (n, k) = ({n}, k), but "
            f"for {n} inputs it returns {shape}; {advice}"
        )
    if not jnp.issubdtype(out.dtype, jnp.floating):
        raise TypeError(
            f"`apply(params, x)` must return floating-point numbers, but its dtype is "
            f"{out.dtype}"
            + (
                "; return real and imaginary parts as outputs of their own, lambda p, "
                "x: jnp.hstack([apply(p, x).real, apply(p, x).imag])."
                if jnp.issubdtype(out.dtype, jnp.complexfloating)
                else "."
            )
        )
    if per_input:
        _one_input(apply, params, x, out.shape)
    narrow = (jnp.bfloat16, jnp.float16)
    if any(a.dtype in narrow for a in jax.tree.leaves(x)):
        traced = jax.make_jaxpr(apply)(params, batch.shape_of_one(x, (1,)))
        if _rounds_to_integers(traced.jaxpr, narrow):
            raise TypeError(
                "`apply` makes integers of numbers in 16 bits, where 257 and 258 may "
                "be one; pass integer inputs as integers."
            )
    return out


def _rounds_to_integers(jaxpr, narrow) -> bool:
    """Say whether integers are made of floating-point numbers of such a dtype."""
    for equation in equations(jaxpr):
        if equation.primitive.name == "convert_element_type":
            from_, to = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
            if from_ in narrow and jnp.issubdtype(to, jnp.integer):
                return True
    return False


def _one_input(apply, params, x, shape) -> None:
    if shape[0] == 1:
        return
    rows = batch.shape_of_one(x, (1,))
    why = ""
    try:
        found = checks.shape_of("apply(params, x)", apply, params, rows).shape
    except (TypeError, ValueError, AttributeError) as error:
        found, why = None, f" ({error})"
    if found != (1, shape[1]):
        gives = "it fails" if found is None else f"it returns shape {found}"
        raise ValueError(
            f"`apply(params, x)` must be a function of each input alone, but for "
            f"one of the {shape[0]} inputs {gives}. If it holds one row for each "
            "input, as a mask or lengths, pass them within x, as a pytree: "
            f"lambda p, x: apply(p, x['inputs'], x['mask']).{why}"
        )


def one_output(apply, params, x, *, per_input: bool = True) -> None:
    """Check that ``apply(params, x)`` returns shape ``(n, 1)``."""
    if outputs_of(apply, params, x, per_input=per_input).shape[1] != 1:
        raise ValueError(
            "`apply` must have one output; take one: lambda p, x: apply(p, x)[:, :1]."
        )


def data(apply, params, x, y, *, per_input: bool = True):
    """Check a network, its inputs and its targets together; return x, y, their dtype.

    The targets must be shaped as the outputs, ``(n, k)``: a shape ``(n,)`` would be
    broadcast against them to ``(n, n)`` without a word.
    """
    dtype = parameters("params", params)
    x = batch.check("x", x, dtype)
    shape = outputs_of(apply, params, x, per_input=per_input).shape
    if jnp.issubdtype(getattr(y, "dtype", float), jnp.integer) and shape[1] > 1:
        if np.shape(y) in (shape[:1], (shape[0], 1)):
            raise TypeError(
                f"`y` must hold targets of shape {shape}, not class numbers of shape "
                f"{np.shape(y)}; pass jax.nn.one_hot(y.ravel(), {shape[1]})."
            )
    y = checks.float_array("y", y, expected="targets of shape (n, k)")
    checks.same_dtype("params", dtype, "y", y.dtype)
    if y.shape != shape:
        raise ValueError(
            f"`y` must have the outputs' shape {shape}, but its shape is {y.shape}"
            + ("; pass y[:, None]." if y.shape == shape[:1] else ".")
        )
    return x, y, dtype
