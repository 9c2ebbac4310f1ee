"""Checks of input that end in an error a reader can act on.

Every message names the argument, what was passed, what was expected and what to do.
Checks of *values* (finite or not) need concrete arrays, so they are skipped while JAX
traces a function: under ``jax.jit`` or ``jax.grad`` only shapes and types are checked.
"""

import operator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

LARGEST_INT = 2**31 - 1  # JAX counts in int32 unless told otherwise


def is_traced(tree) -> bool:
    """Say whether any leaf is a JAX tracer, whose values cannot be looked at."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))


def known(name: str, value) -> None:
    """Refuse a tracer where a value is needed.

    Looked for before ``float``, which under ``jax.grad`` takes the value and loses the
    derivative without a word.
    """
    if is_traced(value):
        raise TypeError(
            f"`{name}` is traced by JAX, but its value must be known: it cannot be an "
            "argument that jax.jit, jax.vmap or jax.grad transforms; pass "
            f"static_argnames={name!r} to jax.jit, or call this outside."
        )


def positive_int(name: str, value) -> int:
    """Return ``value`` as an int of at least 1; booleans and floats are refused."""
    return bounded_int(name, value, 1)


def bounded_int(name: str, value, least: int) -> int:
    """Return ``value`` as an int of at least ``least``."""
    known(name, value)
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise TypeError(
            f"`{name}` must be an integer, not {short(value)}; "
            f"pass a whole number such as {name}={max(least, 1)}."
        ) from None
    if value < least:
        raise ValueError(
            f"`{name}` must be at least {least}, not {value}; "
            f"pass for example {name}={max(least, 1)}."
        )
    if value > LARGEST_INT:
        raise ValueError(f"`{name}` must be at most {LARGEST_INT}, not {value}.")
    return value


def square(name: str, kernel) -> None:
    """Refuse a kernel that is not a square matrix."""
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1]:
        raise ValueError(
            f"`{name}` must be square, (n, n), but its shape is {kernel.shape}."
        )


def finite_float(name: str, value, *, least=None, above=None) -> float:
    """Return ``value`` as a finite float, optionally ``>= least`` or ``> above``."""
    known(name, value)
    try:
        if isinstance(value, (bool, np.bool_, str)) or np.ndim(value) != 0:
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"`{name}` must be one real number, not {short(value)}."
        ) from None
    bound = ""
    if least is not None and not number >= least:
        bound = f"at least {least:g}"
    if above is not None and not number > above:
        bound = f"above {above:g}"
    if not np.isfinite(number):
        bound = "finite"
    if bound:
        raise ValueError(f"`{name}` must be {bound}, not {value!r}.")
    return number


def momentum(value) -> float:
    """Check the argument ``momentum``, from 0 to below 1; return a ``float``."""
    value = finite_float("momentum", value, least=0)
    if value >= 1:
        raise ValueError(f"`momentum` must be below 1, not {value!r}.")
    return value


def boolean(name: str, value) -> None:
    """Check for True or False; a number in their place is a mistake."""
    if not isinstance(value, bool):
        known(name, value)
        raise TypeError(f"`{name}` must be True or False, not {short(value)}.")


def one_of(name: str, value, choices, otherwise: str = "") -> None:
    """Check a name against those known; ``otherwise`` is what else may come."""
    if not isinstance(value, str) or value not in choices:
        known(name, value)
        kind = ValueError if isinstance(value, str) else TypeError
        names = [*map(repr, choices), otherwise] if otherwise else map(repr, choices)
        raise kind(f"`{name}` must be one of {', '.join(names)}, not {short(value)}.")


def function(name: str, value, form: str) -> None:
    """Check that a value can be called, and that compiled code can be kept for it."""
    if not callable(value):
        raise TypeError(
            f"`{name}` must be a function {form}, not {short(value)}"
            + ("; for a Network pass net.apply." if name == "apply" else ".")
        )
    try:
        hash(value)
    except TypeError:
        arguments = form.partition("(")[2].rstrip(")") or "z"
        raise TypeError(
            f"`{name}` must be hashable (compiled code is kept for it), not a "
            f"{type(value).__name__}; wrap it, "
            f"lambda {arguments}: {name}({arguments})."
        ) from None


# Compiled never, traced once for each function: its shapes are then looked up.
@partial(jax.jit, static_argnums=0)
def _call(function, *arguments):
    return function(*arguments)


def shape_of(call: str, function, *arguments):
    """Return the shapes and dtypes of a call's result, computing nothing.

    What the function itself raises comes out as a ``TypeError`` or ``ValueError`` that
    says which of the reader's functions failed.
    """
    try:
        return _call.eval_shape(function, *arguments)
    except Exception as error:
        raise failure(call, error) from error


def failure(call: str, error: Exception) -> TypeError | ValueError:
    """Return what to raise where a reader's function has raised this error."""
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"`{call}` fails: {type(error).__name__}: {error}\n{_advice(error)}")


# What Flax raises where a model updates statistics, or draws a random number.
IN_TRAINING = {"ModifyScopeVariableError", "InvalidRngError"}


def _advice(error: Exception) -> str:
    if type(error).__name__ in IN_TRAINING:
        return (
            "A Flax model must be in evaluation mode: pass what it takes for that, "
            "such as train=False, deterministic=True or use_running_average=True, "
            "ntkbook.from_flax(model, variables, train=False)."
        )
    if "requires a key when running in non-deterministic mode" in str(error):
        return (
            "An Equinox model must be in evaluation mode: "
            "equinox.nn.inference_mode(model), or use ntkbook.from_equinox(model)."
        )
    if type(error).__name__ == "TraceContextError":
        return (
            "A Flax NNX model in training mode changes its own state: call "
            "model.eval() before nnx.split, or use ntkbook.from_nnx(model)."
        )
    return "Do its arguments fit, and does it use jax.numpy throughout?"


def float_array(name: str, value, *, expected: str, to=jnp.asarray):
    """Return ``value`` as a non-empty floating-point array of finite numbers.

    Integers are refused rather than converted: a derivative with respect to them does
    not exist, and silently changing a type hides mistakes.
    """
    if isinstance(value, (list, tuple)) or value is None or isinstance(value, str):
        raise TypeError(
            f"`{name}` must be an array of {expected}, not {short(value)}; "
            f"wrap it with jnp.array(...)."
        )
    if to is np.asarray:
        known(name, value)
    try:
        array = to(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"`{name}` must be an array of {expected}, not {short(value)}."
        ) from None
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"`{name}` must hold floating-point numbers, but its dtype is "
            f"{array.dtype}; convert it with {name}.astype(float)."
        )
    if array.size == 0:
        raise ValueError(
            f"`{name}` is empty: its shape is {array.shape}; expected {expected} "
            "with at least one entry."
        )
    finite(name, array)
    return array


def random_key(name: str, key) -> jax.Array:
    """Check one JAX random key, of the new or the old style."""
    dtype = getattr(key, "dtype", None)
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key):
        shape = ()
    elif dtype == np.uint32:
        shape = (2,)
    else:
        raise TypeError(
            f"`{name}` must be a random key, not {short(key)}; make one with "
            "jax.random.key(0)."
        )
    if key.shape != shape:
        raise ValueError(
            f"`{name}` must be one random key, not an array of keys of shape "
            f"{key.shape}; take one of them, {name}[0]."
        )
    return key


def inputs(name: str, value) -> jax.Array:
    """Check a batch of inputs: floating point, finite, shape ``(n, ...)``."""
    array = float_array(name, value, expected="inputs of shape (n, d)")
    if array.ndim < 2:
        raise ValueError(
            f"`{name}` must have shape (n, d), one row per input, but its shape is "
            f"{array.shape}; for n inputs of one number each pass {name}[:, None], for "
            f"one input {name}[None]."
        )
    return array


def images(name: str, value, least: int = 1) -> jax.Array:
    """Check a batch of images, ``(n, height, width, channels)``, of a least size."""
    array = inputs(name, value)
    if array.ndim != 4 or min(array.shape[1:3]) < least:
        size = f", at least {least} x {least} pixels" if least > 1 else ""
        raise ValueError(
            f"`{name}` must be images of shape (n, height, width, channels){size}, but "
            f"its shape is {array.shape}."
        )
    return array


def same_dtype(name1: str, dtype1, name2: str, dtype2) -> None:
    """Refuse mixed precision, which would lose digits without a word."""
    if dtype1 != dtype2:
        raise TypeError(
            f"`{name1}` is {dtype1} but `{name2}` is {dtype2}: convert one of them, "
            f"for example {name2}.astype({str(dtype1)!r})."
        )


def finite(name: str, tree) -> None:
    """Raise a ``ValueError`` where a concrete array holds NaN or infinity."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not isinstance(leaf, Tracer) and not all_finite(leaf):
            bad = int(np.sum(~np.isfinite(np.asarray(leaf))))
            raise ValueError(
                f"`{name}{jax.tree_util.keystr(path)}` holds {bad} values that are "
                f"NaN or infinite (shape {jnp.shape(leaf)}); remove or repair them."
            )


def all_finite(array) -> bool:
    """Say whether a concrete array is finite, where it lies.

    On the host NumPy looks, which has nothing to compile and never cuts float64 short.
    """
    if not isinstance(array, jax.Array) or array.devices() == {jax.devices("cpu")[0]}:
        return bool(np.isfinite(np.asarray(array)).all())
    # An array that a traced function closes over is concrete, but what is computed
    # from it there would not be.
    with jax.ensure_compile_time_eval():
        return bool(jnp.isfinite(array).all())


def finite_result(result, message: str):
    """Return a concrete result if it is finite; raise the message where it is not."""
    if not is_traced(result) and not all_finite(result):
        raise ValueError(message)
    return result


def more_digits(dtype) -> str:
    """Return the end of an advice where numbers are too large for a dtype."""
    if dtype == np.float64:
        return ""
    return ", or call ntkbook.double_precision() before all arrays are made"


def short(value) -> str:
    """Return a value's type and the start of its text, for use in a message."""
    text = " ".join(repr(value).split())
    kind = type(value).__name__
    return f"{kind} {text[:57]}..." if len(text) > 60 else f"{kind} {text}"
