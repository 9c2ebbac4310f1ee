"""Compare two printed texts: their words as words, their numbers as numbers.

Another processor or another LAPACK sums in another order, so that the last printed
digit of a result may change there, and with it the blanks that align a column. nbval
compares outputs as texts and would call that a failure. Here

- a decimal may differ by one unit of the last digit that is stored (a zero printed as
  0e+00 by 1e-12);
- an integer must be equal, unless the cell gives `relative` or `absolute`;
- everything between the numbers must be equal, except for blanks next to a number.

A cell whose result scatters by more says how far and why in its metadata, in one of
these ways:

    "ntkbook": {"compare": {"units": 3, "why": "..."}}         of the last stored digit
    "ntkbook": {"compare": {"relative": 0.02, "why": "..."}}   in place of the units
    "ntkbook": {"compare": {"absolute": 0.1, "why": "..."}}    or one unit, if more
    "ntkbook": {"compare": {"interval": true, "why": "..."}}   of its own, as printed

With `interval`, a mean printed as `1.23 ± 0.04` or `1.23 [1.19, 1.27]` may move within
half the width of the interval behind it, and so may the interval's ends; the 0.04
within half of itself, since it comes from the same few initialisations. But an interval
with 0 in it must keep it, and one without must not get it, since readers look at that.
"""

import re
from decimal import Decimal

# A digit after a letter, as in `float32`, belongs to that word; the digits of `0.10.2`
# are a version. In `2026-11-29` and `x-1` the hyphen is no sign.
SIGN = r"(?:(?<![\w)\]])[-+\u2212])?"
EXPONENT = r"(?:[eE][-+]?\d{1,4}(?!\w))?"
NUMBER = re.compile(rf"(?<![\w.]){SIGN}\d+(?:\.\d+)?{EXPONENT}(?!\d|\.\d)")
WAYS = ("units", "relative", "absolute", "interval")
NOTHING = Decimal("1e-12")  # what a printed 0e+00 stands for at most


def complaint(rule: dict) -> str | None:
    """What is wrong with a cell's rule, or None."""
    ways = [way for way in rule if way != "why"]
    if len(ways) != 1 or ways[0] not in WAYS:
        return f"names {ways} in place of one of {list(WAYS)}"
    way, value = ways[0], rule[ways[0]]
    if way == "interval":
        fine = value is True
    else:
        fine = type(value) in (int, float) and 0 < value < 100
        fine = fine and (way != "relative" or value < 1)
    if not fine:
        return f"has {way} = {value!r}"
    if not str(rule.get("why", "")).strip():
        return "gives no reason"
    return None


def agree(stored: str, found: str, rule: dict | None = None) -> bool:
    """Whether `found` is what is stored, its numbers compared by value."""
    if stored == found:
        return True
    rule = rule or {"units": 1}
    between, numbers = _split(stored)
    others_between, others = _split(found)
    if between != others_between:
        return False
    values, other_values = _values(numbers), _values(others)
    allowed = _allowed(numbers, values, rule)
    if "interval" in rule:
        for at, low, high, wider in _intervals(between, values):
            for i, width in enumerate(wider, at):  # never less than by default
                allowed[i] = max(allowed[i], width)
            others_interval = _intervals(between, other_values)
            _, *ends, _ = next(each for each in others_interval if each[0] == at)
            if (low <= 0 <= high) != (ends[0] <= 0 <= ends[1]):
                return False
    return all(
        abs(a - b) <= tolerance
        for a, b, tolerance in zip(values, other_values, allowed, strict=True)
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
    """The texts between the numbers, without blanks next to these; and the numbers."""
    between = NUMBER.split(text)
    for i in range(len(between)):
        if i > 0:
            between[i] = between[i].lstrip(" ")
        if i < len(between) - 1:
            between[i] = between[i].rstrip(" ")
    return between, NUMBER.findall(text)


def _values(numbers: list[str]) -> list[Decimal]:
    return [Decimal(number.replace("\u2212", "-")) for number in numbers]


def _allowed(numbers: list[str], values: list[Decimal], rule: dict) -> list[Decimal]:
    """How far each number may be from the stored one."""
    if "relative" in rule:
        return [Decimal(str(rule["relative"])) * abs(value) for value in values]
    allowed = [Decimal(str(rule.get("units", 1))) * _unit(n) for n in numbers]
    least = Decimal(str(rule.get("absolute", 0)))
    return [max(least, each) for each in allowed]


def _unit(number: str) -> Decimal:
    """One unit of the last printed digit; 0 for an integer, which is exact."""
    if re.fullmatch(r"[-+\u2212]?\d+", number):
        return Decimal(0)
    (value,) = _values([number])
    if value == 0 and "e" in number.lower():
        return NOTHING
    return Decimal(1).scaleb(value.as_tuple().exponent)


def _intervals(between: list[str], values: list[Decimal]):
    """Each interval: where it begins, its ends, how far its numbers may move."""
    for i, value in enumerate(values):
        after = between[i + 1 : i + 4]
        if after[:1] == ["±"]:
            half = abs(values[i + 1])
            yield i, value - half, value + half, [half, half / 2]
        elif after[:2] == ["[", ","] and after[2].startswith("]"):
            low, high = values[i + 1 : i + 3]
            yield i, low, high, [(high - low) / 2] * 3
