"""What single equations do to the axis of inputs; see ``rowwise``.

A value either is the same function of the input i at the index i of one axis, or it
depends on no input. Each rule takes an equation and what is known of its operands, and
returns what is known of its results.
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any, NamedTuple


class Unproven(Exception):
    """No rule says what an equation does to the axis of inputs."""


class Value(NamedTuple):
    """What is known of a value.

    Attributes:
        axis: the axis of inputs; ``None`` where it depends on no input.
        constant: then the axes along which its entries are equal.
    """

    axis: int | None
    constant: frozenset[int] = frozenset()


FREE = Value(None)

ELEMENTWISE = set(
    """
    abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp conj
    convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2
    expm1 floor ge gt imag integer_pow is_finite le lgamma log log1p logistic lt max min
    mul ne neg nextafter not or pow real reduce_precision rem round rsqrt select_n
    shift_left shift_right_arithmetic shift_right_logical sign sin sinh sqrt square
    stop_gradient sub tan tanh xor
    """.split()
)


def _shape(atom) -> tuple[int, ...]:
    return atom.aval.shape


def _short(atom) -> set[int]:
    """Return the axes of length 1, along which an array is broadcast."""
    return {i for i, size in enumerate(_shape(atom)) if size == 1}


def _together(atoms, values: list[Value], besides: Iterable[int] = ()) -> Value:
    """Return what is known of arrays that meet entry by entry, but for some axes.

    What depends on no input must be the same for all inputs that it meets.
    """
    large = [(a, v) for a, v in zip(atoms, values, strict=True) if _shape(a)]
    axes = {v.axis for _, v in large if v.axis is not None}
    besides = set(besides)
    if len(axes) > 1 or axes & besides:
        raise Unproven
    free = [v.constant | _short(a) for a, v in large if v.axis is None]
    if axes:
        (axis,) = axes
        if not all(axis in constant for constant in free):
            raise Unproven
        return Value(axis)
    ndim = max((len(_shape(a)) for a, _ in large), default=0)
    return Value(None, frozenset(range(ndim)).intersection(*free) - besides)


def _elementwise(equation, values):
    return _together(equation.invars, values)


def _along(axis_of: Callable):
    """Return the rule of what works along one axis, each of the others alone."""

    def rule(equation, values):
        return _together(equation.invars, values, [axis_of(equation.params)])

    return rule


def moved(value: Value, to: Callable[[int], int | None]) -> Value:
    """Return a value whose axes have moved; ``None`` where an axis is no more."""
    if value.axis is not None:
        axis = to(value.axis)
        if axis is None:
            raise Unproven
        return Value(axis)
    moved = {to(axis) for axis in value.constant}
    return Value(None, frozenset(axis for axis in moved if axis is not None))


def _broadcast(equation, values):
    if len(values) > 1:
        raise Unproven
    to, new = equation.params["broadcast_dimensions"], equation.params["shape"]
    if values[0].axis is not None:
        return Value(to[values[0].axis])
    added = set(range(len(new))) - set(to)
    added |= {to[i] for i in _short(equation.invars[0])}
    kept = {to[i] for i in values[0].constant}
    return Value(None, frozenset(added | kept))


def _reshape(equation, values):
    old, new = _shape(equation.invars[0]), equation.params["new_sizes"]
    if equation.params.get("dimensions") is not None or len(values) > 1:
        raise Unproven

    def to(axis):
        # As many entries before it, and as many along it: it is the same axis.
        before, size = prod(old[:axis]), old[axis]
        same = (
            j for j in range(len(new)) if new[j] == size and prod(new[:j]) == before
        )
        return next(same, None)

    return moved(values[0], to)


def without(gone: Iterable[int]) -> Callable:
    gone = set(gone)
    return lambda axis: None if axis in gone else axis - sum(g < axis for g in gone)


def _squeeze(equation, values):
    return moved(values[0], without(equation.params["dimensions"]))


def _reduce(equation, values):
    axes = equation.params.get("axes")
    if axes is None or len(values) > 1:
        raise Unproven
    return moved(values[0], without(axes))


def _transpose(equation, values):
    return moved(values[0], equation.params["permutation"].index)


def _reverse(equation, values):
    turned = equation.params["dimensions"]
    return moved(values[0], lambda axis: None if axis in turned else axis)


def _concatenate(equation, values):
    return _together(equation.invars, values, [equation.params["dimension"]])


def _pad(equation, values):
    untouched = [config == (0, 0, 0) for config in equation.params["padding_config"]]
    if values[1].axis is not None:
        raise Unproven
    return moved(values[0], lambda axis: axis if untouched[axis] else None)


def _slice(equation, values):
    params, sizes = equation.params, _shape(equation.invars[0])
    strides = params["strides"] or [1] * len(sizes)

    def to(axis):
        all_of_it = (0, sizes[axis], 1)
        part = params["start_indices"][axis], params["limit_indices"][axis]
        whole = (*part, strides[axis]) == all_of_it
        return axis if whole or values[0].axis is None else None

    return moved(values[0], to)


def _dynamic_slice(equation, values):
    sizes, taken = _shape(equation.invars[0]), equation.params["slice_sizes"]
    if any(v.axis is not None for v in values[1:]):
        raise Unproven
    if values[0].axis is None:
        return values[0]
    return moved(values[0], lambda i: i if taken[i] == sizes[i] else None)


def _iota(equation, values):
    axes = set(range(len(equation.params["shape"])))
    return Value(None, frozenset(axes - {equation.params["dimension"]}))


def _dot(equation, values):
    contracted, batch = equation.params["dimension_numbers"]
    ndims = [len(_shape(atom)) for atom in equation.invars]
    free = [
        [i for i in range(ndims[s]) if i not in contracted[s] and i not in batch[s]]
        for s in range(2)
    ]
    if all(v.axis is None for v in values):
        kept = [(0, i) for i in free[0]] + [(1, i) for i in free[1]]
        same = [n for n, (s, i) in enumerate(kept) if i in values[s].constant]
        return Value(None, frozenset(n + len(batch[0]) for n in same))
    side = 0 if values[0].axis is not None else 1
    axis, other = values[side].axis, values[1 - side]
    if axis in contracted[side]:
        raise Unproven
    if axis in batch[side]:
        at = batch[side].index(axis)
        partner = batch[1 - side][at]
        if other.axis != partner and partner not in other.constant:
            raise Unproven
        return Value(at)
    if other.axis is not None:
        raise Unproven
    first = len(batch[0]) + (len(free[0]) if side else 0)
    return Value(first + free[side].index(axis))


def _convolution(equation, values):
    image, _, out = equation.params["dimension_numbers"]
    if all(v.axis is None for v in values):
        return FREE
    if values[0].axis != image[0] or values[1].axis is not None:
        raise Unproven
    if equation.params["batch_group_count"] != 1:
        raise Unproven
    return Value(out[0])


def _window(equation, values):
    params = equation.params
    if any(v.axis is not None for v in values[1:]):
        raise Unproven

    def to(axis):
        sizes = ("window_dimensions", "window_strides", "base_dilation")
        ones = all(
            params[name] is None or params[name][axis] == 1
            for name in (*sizes, "window_dilation")
        )
        return axis if ones and tuple(params["padding"][axis]) == (0, 0) else None

    return moved(values[0], to)


def _gather(equation, values):
    table, places = values
    dims, taken = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    if table.axis is None and places.axis is None:
        return FREE
    ndim = len(_shape(equation.outvars[0]))
    of_places = [i for i in range(ndim) if i not in dims.offset_dims]
    gone = {*dims.collapsed_slice_dims, *dims.operand_batching_dims}
    if places.axis is None:  # the same entries of each input
        axis: Any = table.axis
        kept = [i for i in range(len(taken)) if i not in gone]
        whole = taken[axis] == _shape(equation.invars[0])[axis]
        if axis in gone or axis in dims.start_index_map or not whole:
            raise Unproven
        return Value(dims.offset_dims[kept.index(axis)])
    if places.axis in dims.start_indices_batching_dims:
        at = dims.start_indices_batching_dims.index(places.axis)
        partner = dims.operand_batching_dims[at]
        if table.axis != partner and partner not in table.constant:
            raise Unproven
    elif table.axis is not None:
        raise Unproven
    if places.axis >= len(of_places):  # along the numbers of one place
        raise Unproven
    return Value(of_places[places.axis])


RULES: dict[str, Any] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "conv_general_dilated": _convolution,
    "dot_general": _dot,
    "dynamic_slice": _dynamic_slice,
    "gather": _gather,
    "iota": _iota,
    "pad": _pad,
    "reshape": _reshape,
    "rev": _reverse,
    "slice": _slice,
    "sort": _along(lambda params: params["dimension"]),
    "split": _along(lambda params: params["axis"]),
    "squeeze": _squeeze,
    "transpose": _transpose,
}


def rule_for(name: str) -> Callable | None:
    """Return the rule for a primitive."""
    if name in ELEMENTWISE:
        return _elementwise
    if name.startswith("reduce_window"):
        return _window
    if name.startswith("reduce_") or name in ("argmax", "argmin"):
        return _reduce
    if name.startswith("cum"):
        return _along(lambda params: params["axis"])
    return RULES.get(name)
