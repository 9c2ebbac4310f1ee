"""Outputs of chapters: words compared as words, numbers as numbers; and by nbval so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from book.tools.notebooks import compare

ROOT = Path(__file__).resolve().parents[2]

STORED = """\
width   drift     kappa
   64   0.134   1.2e-03
 1024  -0.009   9.9e-05 (5 starts)
mean 1.23 ± 0.04, gap 0.50 [0.41, 0.59] at float32"""

AGREE = {
    "the same": ("0.134", "0.134"),
    "one unit up": ("0.134", "0.135"),
    "one unit down": ("0.134", "0.133"),
    "one unit of a mantissa": ("1.2e-03", "1.3e-03"),
    "into another exponent": ("9.9e-05", "1.0e-04"),
    "over zero": ("1.23", "1.24"),
    "a column that moves": ("  -0.009", " -0.010"),
}
DIFFER = {
    "two units": ("0.134", "0.136"),
    "two units down": ("0.134", "0.132"),
    "two units of a mantissa": ("1.2e-03", "1.4e-03"),
    "another exponent": ("1.2e-03", "1.2e-02"),
    "a sign": ("-0.009", "0.009"),
    "an integer": ("5 starts", "6 starts"),
    "a word": ("drift", "shift"),
    "a digit in a word": ("float32", "float64"),
    "a line less": ("   64   0.134   1.2e-03\n", ""),
    "a line more": ("kappa\n", "kappa\n\n"),
    "a number less": (" (5 starts)", ""),
    "a number more": ("(5 starts)", "(5 starts of 5)"),
    "a number that is none": ("0.134", "nan"),
}


def changed(old: str, new: str) -> str:
    assert STORED.count(old) == 1
    return STORED.replace(old, new)


@pytest.mark.parametrize("change", AGREE.values(), ids=AGREE)
def test_another_machine_agrees(change):
    assert compare.agree(STORED, changed(*change))


@pytest.mark.parametrize("change", DIFFER.values(), ids=DIFFER)
def test_a_change_is_seen(change):
    assert not compare.agree(STORED, changed(*change))


@given(st.integers(-(10**6), 10**6), st.integers(0, 6), st.integers(-5, 5))
def test_one_unit_of_the_last_digit_is_allowed_and_two_are_not(digits, places, step):
    def text(number):
        return f"x = {number / 10**places:.{places}f}, as told"

    one = abs(step) <= (places > 0)  # an integer is exact
    assert compare.agree(text(digits), text(digits + step)) is one


@pytest.mark.parametrize(
    "rule, number, within, beyond",
    [
        ({"units": 3}, "0.134", "0.137", "0.138"),
        ({"relative": 0.1}, "0.134", "0.147", "0.148"),
        ({"relative": 0.1}, "1024", "1100", "1127"),
        ({"absolute": 0.05}, "0.134", "0.184", "0.185"),
        ({"interval": True}, "1.23", "1.27", "1.28"),
        ({"interval": True}, "0.04", "0.06", "0.07"),
        ({"interval": True}, "0.50", "0.59", "0.60"),
        ({"interval": True}, "0.59", "0.68", "0.69"),
        ({"interval": True}, "0.134", "0.135", "0.136"),
    ],
)
def test_a_cell_can_say_how_far(rule, number, within, beyond):
    assert compare.agree(STORED, changed(number, within), rule)
    assert not compare.agree(STORED, changed(number, beyond), rule)


def test_an_effect_does_not_vanish_within_its_interval():
    rule = {"interval": True}
    assert compare.agree("0.11 ± 0.08", "0.14 ± 0.06", rule)
    assert not compare.agree("0.11 ± 0.08", "0.07 ± 0.08", rule)
    assert not compare.agree("0.02 ± 0.03", "0.04 ± 0.03", rule)
    assert compare.agree("0.3 [0.1, 0.5]", "0.2 [0.1, 0.4]", rule)
    assert not compare.agree("0.3 [0.1, 0.5]", "0.2 [-0.1, 0.4]", rule)


def test_a_zero_is_small():
    assert compare.agree("apart 0e+00", "apart 3e-17")
    assert not compare.agree("apart 0e+00", "apart 1e+00")
    assert compare.agree("apart 4e-16, 0.25", "apart 7e-15, 0.26", {"absolute": 1e-14})
    assert not compare.agree("apart 4e-16, 0.25", "apart 7e-16, 0.25")


def test_a_hash_is_a_word():
    for text in ("12e4567890ab", "1e1000000", "3e4f"):
        assert compare.agree(text, text)
    assert not compare.agree("3e4f", "4e4f")
    assert not compare.agree("12e4567890ab", "13e4567890ab")


def test_hyphens_versions_and_units():
    assert compare.agree("2026-11-29 0.10.2 x-1", "2026-11-29 0.10.2 x-1")
    assert not compare.agree("on 2026-11-29", "on 2026-11-30")
    assert not compare.agree("jax 0.10.2", "jax 0.10.3")
    assert compare.agree("takes 1.25s", "takes 1.26s")
    assert compare.agree("\u22120.25", "\u22120.24")


@pytest.mark.parametrize(
    "rule, told",
    [
        ({"units": 2, "why": "a reason"}, None),
        ({"interval": True, "why": "a reason"}, None),
        ({"units": 2}, "no reason"),
        ({"units": 2, "why": " "}, "no reason"),
        ({"why": "a reason"}, "in place of one of"),
        ({"unit": 2, "why": "a reason"}, "in place of one of"),
        ({"units": 2, "relative": 0.1, "why": "a reason"}, "in place of one of"),
        ({"relative": "0.1", "why": "a reason"}, "relative = '0.1'"),
        ({"interval": False, "why": "a reason"}, "interval = False"),
        ({"units": True, "why": "a reason"}, "units = True"),
        ({"relative": 5.0, "why": "a reason"}, "relative = 5.0"),
    ],
)
def test_a_rule_is_checked(rule, told):
    found = compare.complaint(rule)
    assert found is None if told is None else told in found


def test_outputs_are_paired_by_their_sort():
    """A warning that only one machine prints does not shift the others."""

    def stream(name, text):
        return nbformat.v4.new_output("stream", name=name, text=text)

    def value(text):
        return nbformat.v4.new_output("execute_result", data={"text/plain": text})

    stored = [stream("stdout", "0.12\n"), value("0.34"), value("5")]
    found = [stream("stderr", "Careful!"), stream("stdout", "0.13\n")]
    found += [value("0.36"), value("5"), value("more")]
    settled = compare.settle(stored, found)
    assert [o.get("text") or o.data["text/plain"] for o in settled] == [
        "Careful!",
        "0.12\n",
        "0.36",
        "5",
        "more",
    ]


def test_nbval_compares_so(tmp_path):
    """Each change in a stored output of a real notebook, through nbval."""
    changes = [(*change, True) for change in AGREE.values()]
    changes += [(*change, False) for change in DIFFER.values()]
    cells = []
    for number, (old, new, _) in enumerate(changes, 1):
        output = nbformat.v4.new_output("stream", name="stdout", text=STORED + "\n")
        source = f"print({STORED.replace(old, new)!r})"
        cell = nbformat.v4.new_code_cell(source, outputs=[output])
        cell.execution_count = number
        cells.append(cell)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA"]
    command += ["--nbval", "--nbval-current-env", "-p", "conftest", "one.ipynb"]
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'notebooks'}:{ROOT}"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True
    )
    passed = {int(n) for n in re.findall(r"^PASSED .*Cell (\d+)$", done.stdout, re.M)}
    failed = {int(n) for n in re.findall(r"^FAILED .*Cell (\d+)", done.stdout, re.M)}
    assert passed | failed == set(range(len(changes))), done.stdout[-3000:]
    assert passed == {n for n, (_, _, fine) in enumerate(changes) if fine}
