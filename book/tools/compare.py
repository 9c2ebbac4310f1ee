"""Compare two printed texts: their words as words, their numbers as numbers.

Another processor or another LAPACK sums in another order, so that the last printed
digit of a result may change there, and with it the blanks that align a column. nbval
compares outputs as texts and would call that a failure. Here

- a decimal may differ by one unit of the last digit that is stored;
- an integer must be equal, unless the cell gives `relative` or `absolute`;
- everything between the numbers must be equal, but for blanks beside a number.

A cell whose result scatters by more says how far and why in its metadata, in one of
these ways:

    "ntkbook": {"compare": {"units": 3, "why": "..."}}         of the last stored digit
    "ntkbook": {"compare": {"relative": 0.02, "why": "..."}}
    "ntkbook": {"compare": {"absolute": 0.1, "why": "..."}}
    "ntkbook": {"compare": {"interval": true, "why": "..."}}   of its own, as printed

With `interval`, a mean printed as `1.23 ± 0.04` or `1.23 [1.19, 1.27]` may move within
half the width of the interval behind it, and so may the interval's ends; the 0.04
within half of itself, since it comes from the same few starts.
"""

import re
from decimal import Decimal

# A digit after a letter, as in `float32`, belongs to that word; the digits of `0.10.2`
# are a version. In `2026-11-29` and `x-1` the hyphen is no sign.
SIGN = r"(?:(?<![\w)\]])[-+\u2212])?"
NUMBER = re.compile(rf"(?<![\w.]){SIGN}\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\d|\.\d)")
WAYS = {"units": (int, float), "relative": float, "absolute": (int, float)}
WAYS["interval"] = bool


def complaint(rule: dict) -> str | None:
    """What is wrong with a cell's rule, or None."""
    ways = [way for way in rule if way != "why"]
    if len(ways) != 1 or ways[0] not in WAYS:
        return f"names {ways} in place of one of {list(WAYS)}"
    value = rule[ways[0]]
    if not isinstance(value, WAYS[ways[0]]) or not value > 0:
        return f"has {ways[0]} = {value!r}"
    if not str(rule.get("why", "")).strip():
        return "gives no reason"
    return None


def agree(stored: str, found: str, rule: dict | None = None) -> bool:
    """Whether `found` is what is stored, its numbers compared by value."""
    between, numbers = _split(stored)
    others_between, others = _split(found)
    if between != others_between:
        return False
    allowed = _allowed(between, numbers, rule or {"units": 1})
    return all(
        abs(_value(a) - _value(b)) <= tolerance
        for a, b, tolerance in zip(numbers, others, allowed, strict=True)
    )


def settle(stored: list, found: list, rule: dict | None = None) -> list:
    """Return the found outputs, with the stored text wherever the two agree.

    Both are lists of outputs as in a notebook. Those of one sort are compared in
    their order, as nbval does it.
    """
    waiting = {}
    for sort, holder, key in _texts(stored):
        waiting.setdefault(sort, []).append(holder[key])
    for sort, holder, key in _texts(found):
        if waiting.get(sort):
            text = waiting[sort].pop(0)
            if agree(text, holder[key], rule):
                holder[key] = text
    return found


def _texts(outputs: list):
    """Each text among outputs: of which sort, the dictionary that holds it, its key."""
    for output in outputs:
        if output["output_type"] == "stream":
            yield output["name"], output, "text"
        elif "text/plain" in output.get("data", {}):
            yield "text/plain", output["data"], "text/plain"


def _split(text: str) -> tuple[list[str], list[str]]:
    """The texts between the numbers, without blanks beside these; and the numbers."""
    between = NUMBER.split(text)
    for i in range(len(between)):
        if i > 0:
            between[i] = between[i].lstrip(" ")
        if i < len(between) - 1:
            between[i] = between[i].rstrip(" ")
    return between, NUMBER.findall(text)


def _allowed(between: list[str], numbers: list[str], rule: dict) -> list[Decimal]:
    """How far each number may be from the stored one."""
    if "relative" in rule:
        return [Decimal(str(rule["relative"])) * abs(_value(n)) for n in numbers]
    if "absolute" in rule:
        return [Decimal(str(rule["absolute"]))] * len(numbers)
    allowed = [Decimal(str(rule.get("units", 1))) * _unit(n) for n in numbers]
    if "interval" in rule:
        for i in range(len(numbers)):
            after = between[i + 1 : i + 4]
            if after[:1] == ["±"]:
                half = abs(_value(numbers[i + 1]))
                wider = [half, half / 2]
            elif after[:2] == ["[", ","] and after[2].startswith("]"):
                low, high = map(_value, numbers[i + 1 : i + 3])
                wider = [(high - low) / 2] * 3
            else:
                continue
            for j, width in enumerate(wider, i):  # never less than by default
                allowed[j] = max(allowed[j], width)
    return allowed


def _unit(number: str) -> Decimal:
    """One unit of the last printed digit; 0 for an integer, which is exact."""
    if re.fullmatch(r"[-+\u2212]?\d+", number):
        return Decimal(0)
    return Decimal(1).scaleb(_value(number).as_tuple().exponent)


def _value(number: str) -> Decimal:
    return Decimal(number.replace("\u2212", "-"))
