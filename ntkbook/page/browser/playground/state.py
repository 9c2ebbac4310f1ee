"""The state of the playground: its defaults, and what may stand in it.

`ntkbook/page/playground/fields.json` lists both, for this module and for the page.
"""

import json
import math
from copy import copy
from functools import cache
from typing import Any

from ntkbook.page.browser.playground import pieces
from ntkbook.validation import checks

WIDEST = 9  # numbers in a row: eight inputs and a target
LARGEST = 1000


@cache
def fields() -> dict[str, dict[str, dict[str, Any]]]:
    """Return for each section and field its default and its bounds or choices."""
    return json.loads(pieces.text("fields.json"))


def complete(state: dict | None) -> dict[str, dict[str, Any]]:
    """Return the whole state, with defaults where nothing is said.

    Raises:
        ValueError, TypeError: a section or a field that is not known, or a value that
            is not allowed.
    """
    given = _mapping("state", {} if state is None else state)
    for section in given:
        checks.one_of("state", section, fields())
    whole = {}
    for section, rules in fields().items():
        own = _mapping(f'state["{section}"]', given.get(section, {}))
        for name in own:
            checks.one_of(f'state["{section}"]', name, rules)
        whole[section] = {
            name: _checked(f'state["{section}"]["{name}"]', rule, own[name])
            if name in own
            else copy(rule["default"])
            for name, rule in rules.items()
        }
    _together(whole)
    return whole


def _mapping(name: str, value) -> dict:
    if not isinstance(value, dict):
        raise TypeError(f"`{name}` must be a dictionary, not {checks.short(value)}.")
    return value


def _checked(name: str, rule: dict, value):
    if "choices" in rule:
        if isinstance(rule["default"], bool):
            checks.boolean(name, value)
        else:
            checks.one_of(name, value, rule["choices"])
        return value
    if "rows" in rule:
        return _rows(name, rule["rows"], value)
    if rule.get("whole"):
        value = checks.bounded_int(name, value, rule["least"])
    else:
        value = checks.finite_float(name, value, least=rule["least"])
    if value > rule["most"]:
        raise ValueError(f"`{name}` must be at most {rule['most']}, not {value}.")
    return value


def _rows(name: str, most: int, rows) -> list[list[float]]:
    if not isinstance(rows, list | tuple) or not all(
        isinstance(row, list | tuple) for row in rows
    ):
        raise TypeError(
            f"`{name}` must be a list of rows, inputs first, the target last."
        )
    if len(rows) > most:
        raise ValueError(
            f"`{name}` must have at most {most} rows, but has {len(rows)}."
        )
    sizes = {len(row) for row in rows}
    if len(sizes) > 1 or not all(2 <= size <= WIDEST for size in sizes):
        raise ValueError(
            f"`{name}` must have rows of one length, from 2 to {WIDEST} numbers."
        )
    numbers = [[checks.finite_float(name, value) for value in row] for row in rows]
    if any(abs(value) > LARGEST for row in numbers for value in row):
        raise ValueError(
            f"`{name}` must hold numbers between -{LARGEST} and {LARGEST}."
        )
    return numbers


def _together(state: dict) -> None:
    """Check what no field says alone."""
    data, training = state["data"], state["training"]
    n = data["count"]
    if data["kind"] == "points":
        n = len(data["points"])
        if not n:
            raise ValueError('`state["data"]["points"]` must have at least one row.')
        if data["held_out"] and len(data["held_out"][0]) != len(data["points"][0]):
            raise ValueError(
                '`state["data"]["held_out"]` must have rows as long as the points.'
            )
    if training["batch"] > n:
        raise ValueError(
            f'`state["training"]["batch"]` is {training["batch"]}, but there are only '
            f"{n} points."
        )
    if data["kind"] == "points" and not state["network"]["bias_std"]:
        if not all(any(row[:-1]) for row in data["points"] + data["held_out"]):
            raise ValueError(
                '`state["network"]["bias_std"]` must be above 0 where an input is 0: '
                "without biases the network is constant there."
            )
    if training["loss"] == "logistic" and not _two_classes(data):
        raise ValueError(
            '`state["training"]["loss"]` is "logistic", which needs targets that are '
            "-1 or 1."
        )


def _two_classes(data: dict) -> bool:
    if data["kind"] == "points":
        return all(math.fabs(row[-1]) == 1 for row in data["points"] + data["held_out"])
    return data["kind"] in ("gaussians", "circle", "xor", "spiral") or (
        data["kind"] == "step" and data["noise"] == 0
    )
