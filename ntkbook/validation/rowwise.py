"""Prove from a function's jaxpr that each row of its output belongs to one input.

Every value in the jaxpr of several inputs either is the same function of the input i at
the index i of one axis, or depends on no input. The rules of ``axis_rules`` follow that
axis through the equations. Where a rule is missing, or does not hold, nothing is
proven, and ``independence`` tries the function instead: so a rule may be left out, but
none may be wrong. Nothing is compiled, which is why this comes first.
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from ntkbook.validation import checks
from ntkbook.validation.axis_rules import (
    FREE,
    Unproven,
    Value,
    moved,
    rule_for,
    without,
)
from ntkbook.validation.jaxprs import inner

CALLS = {"jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2"}
CALLS |= {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}
# These only arrange entries, and with one input JAX may leave them out.
ARRANGE = {"broadcast_in_dim", "reshape", "squeeze", "transpose", "copy", "iota"}


def proven(one: core.ClosedJaxpr, several: core.ClosedJaxpr, parameters: int) -> bool:
    """Say whether a function is proven to take its inputs one by one, and alike.

    Args:
        one: its jaxpr for one input.
        several: its jaxpr for two inputs or more, the first axis of each array.
        parameters: how many of the jaxprs' first arguments are the same for all.
    """
    if one.effects or several.effects or not _alike(one, several):
        return False
    inputs = len(several.jaxpr.invars) - parameters
    try:
        (out,) = _jaxpr(several, [FREE] * parameters + [Value(0)] * inputs)
    except Unproven:
        return False
    return out.axis == 0 or (out.axis is None and 0 in out.constant)


def _alike(one, several) -> bool:
    """Say whether both do the same, and with the same numbers.

    A function may look at how many inputs there are, or draw a number in Python.
    """
    pairs = zip(_content(one), _content(several), strict=True)
    try:
        return all(_equal(a, b) for a, b in pairs)
    except ValueError:  # one of them has more equations
        return False


def _content(jaxpr) -> Iterable:
    """Yield the names of a jaxpr's equations, what they read, and numbers in them."""
    yield from getattr(jaxpr, "consts", ())
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    # Variables have numbers, in the order in which they appear; what is only arranged
    # keeps that of its source.
    number = {v: i for i, v in enumerate([*jaxpr.constvars, *jaxpr.invars])}
    new = len(number)
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        read = [number[v] for v in equation.invars if not isinstance(v, core.Literal)]
        if name in ARRANGE:
            number |= dict.fromkeys(equation.outvars, read[0] if read else -1)
        else:
            yield str(read)
            number |= {v: new + i for i, v in enumerate(equation.outvars)}
            new += len(equation.outvars)
        if name not in ARRANGE:
            yield name
            yield from (
                value
                for value in equation.params.values()
                if isinstance(value, (bool, int, float))
            )
        for atom in equation.invars:
            if isinstance(atom, core.Literal):
                yield atom.val
        for called in inner(equation):
            yield from _content(called)
    for v in jaxpr.outvars:
        yield v.val if isinstance(v, core.Literal) else str(number[v])


def _equal(a, b) -> bool:
    if a is b:
        return True
    if checks.is_traced((a, b)):
        return False
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    kinds = (getattr(value, "dtype", float) for value in (a, b))
    if any(jnp.issubdtype(kind, jax.dtypes.prng_key) for kind in kinds):
        return False
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)


def _jaxpr(jaxpr, values: list[Value]) -> list[Value]:
    """Return what is known of the outputs."""
    consts = getattr(jaxpr, "consts", [])
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    if len(jaxpr.invars) != len(values):
        raise Unproven
    known = dict.fromkeys(jaxpr.constvars[: len(consts)], FREE)
    known |= dict(zip(jaxpr.invars, values, strict=True))

    def read(atom):
        return FREE if isinstance(atom, core.Literal) else known[atom]

    for equation in jaxpr.eqns:
        found = _equation(equation, [read(atom) for atom in equation.invars])
        known |= dict(zip(equation.outvars, found, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _equation(equation, values: list[Value]) -> list[Value]:
    name = equation.primitive.name
    rule = OWN.get(name) or rule_for(name)
    if rule is None:
        # What is computed of no input depends on none; but callbacks may draw numbers.
        if "callback" in name or any(v.axis is not None for v in values):
            raise Unproven
        return [FREE] * len(equation.outvars)
    try:
        found = rule(equation, values)
    except KeyError as error:  # a release of JAX that calls a parameter otherwise
        raise Unproven from error
    return found if isinstance(found, list) else [found] * len(equation.outvars)


def _call(equation, values):
    (called, *more) = inner(equation)
    if more:
        raise Unproven
    return _jaxpr(called, values)


def _scan(equation, values):
    params = equation.params
    first, last = _parts_of_scan(params)
    consts, carried, rows = values[:first], values[first:last], values[last:]
    rows = [moved(v, without([0])) for v in rows]
    for _ in range(8):
        found = _jaxpr(params["jaxpr"], [*consts, *carried, *rows])
        before, after = carried, found[: last - first]
        carried = [_joined(a, b) for a, b in zip(before, after, strict=True)]
        if carried == before:
            return [
                *carried,
                *[moved(v, lambda i: i + 1) for v in found[last - first :]],
            ]
    raise Unproven


def _parts_of_scan(params) -> tuple[int, int]:
    """Return where the carried values of a scan begin among its inputs, and end."""
    if "num_consts" in params:
        return params["num_consts"], params["num_consts"] + params["num_carry"]
    consts, carried, _ = params["ft_in"].unpack()  # JAX from 0.12 on
    return len(consts), len(consts) + len(carried)


def _joined(before: Value, after: Value) -> Value:
    """Return what holds for a carried value, in the first round and in later ones."""
    if before.axis == after.axis is not None:
        return before
    if before.axis is None and after.axis is None:
        return Value(None, before.constant & after.constant)
    row, free = (before, after) if before.axis is not None else (after, before)
    if row.axis not in free.constant:
        raise Unproven
    return row


OWN = dict.fromkeys(CALLS, _call) | {"scan": _scan}
