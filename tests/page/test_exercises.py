"""Sealed answers: right within the tolerance, wrong outside, and not to be read."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ntkbook.page import exercises
from ntkbook.page.exercises import check, key, verdict
from ntkbook.page.exercises.sealing import Malformed, grid, token

numbers = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-6)
tolerances = st.floats(1e-6, 0.2)
inside = st.floats(-0.99, 0.99)
outside = st.floats(1.01, 50) | st.floats(-50, -1.01)


def opens(sealed, answer) -> bool:
    return verdict(sealed.id, answer, sealed.record).right


def same(answer, guess, rel=None, abs=None) -> bool:
    """What decides inside a box: whether two answers share their token."""
    spec = json.loads(json.dumps(grid(answer, rel, abs)))
    return token(guess, spec) == token(answer, spec)


@given(numbers, tolerances, inside, outside)
def test_relative_tolerance(x, rel, part, beyond):
    assert same(x, x * (1 + part * rel), rel=rel)
    assert not same(x, x * (1 + beyond * rel), rel=rel)


@given(st.floats(-1e3, 1e3), tolerances, inside, outside)
def test_absolute_tolerance(x, tol, part, beyond):
    assert same(x, x + part * tol, abs=tol)
    assert not same(x, x + beyond * tol, abs=tol)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=6), inside, outside, st.data())
def test_arrays_compare_every_entry(entries, part, beyond, data):
    array, i = np.array(entries), data.draw(st.integers(0, len(entries) - 1))
    assert same(array, array + 0.01 * part, abs=0.01)
    wrong = array.copy()
    wrong[i] += 0.01 * beyond
    assert not same(array, wrong, abs=0.01)


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=6), inside, st.data())
def test_arrays_relative_to_their_largest_entry(entries, part, data):
    array, i = np.array(entries), data.draw(st.integers(0, len(entries) - 1))
    size = np.max(np.abs(array))
    assume(size > 1e-3)
    # The size and the rest may each use up the tolerance, so half of it is safe for
    # both together, and twice of it in one entry is too much for either.
    assert same(array, array + part / 2 * 1e-3 * size, rel=1e-3)
    array_wrong = array.copy()
    array_wrong[i] += data.draw(st.sampled_from([-1, 1])) * 2.1e-3 * size
    assert not same(array, array_wrong, rel=1e-3)


@pytest.mark.parametrize("tolerance", [{"rel": 0.01}, {"abs": 0.01}])
def test_the_box_opens_within_the_tolerance(tolerance):
    sealed = key("1.1", 1.0, **tolerance)
    assert opens(sealed, 1.0099) and opens(sealed, 0.9901)
    assert not opens(sealed, 1.0101) and not opens(sealed, 0.9899)


def test_an_array_may_have_zeros():
    sealed = key("1.1", np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert opens(sealed, jnp.array([[1.0, 1e-5], [-1e-5, 1.0]]))
    assert not opens(sealed, np.ones((2, 2)))


@settings(max_examples=10, deadline=None)
@given(numbers, st.floats(1.1, 5), st.sampled_from([-1, 1]))
def test_every_mistake_gets_its_hint(x, factor, sign):
    wrong = sign * factor * x
    sealed = key("1.1", x, mistakes={"Mind the factor.": wrong, "It is not 0.": 0.0})
    assert verdict("1.1", wrong, sealed.record).message == "not yet. Mind the factor."
    assert verdict("1.1", 0, sealed.record).message == "not yet. It is not 0."
    other = verdict("1.1", x * 11.7, sealed.record)
    assert not other.right and "not a mistake this book knows" in other.message


@pytest.mark.parametrize("number", [0.25, np.float32(0.25), jnp.float32(0.25)])
def test_scalars_of_all_kinds(number):
    assert opens(key("1.1", 0.25), number)
    assert opens(key("1.1", number), 0.25)
    assert opens(key("1.1", 0.25), jnp.bfloat16(number))


def test_integers_texts_and_bools_must_be_equal():
    assert opens(key("1.1", 3), 3.0) and not opens(key("1.1", 3), 3.1)
    assert opens(key("1.1", True), np.bool_(True)) and not opens(
        key("1.1", True), False
    )
    assert opens(key("1.1", "the loss"), " The  LOSS ")
    assert not opens(key("1.1", "a"), "b")


def test_a_wrong_shape_can_be_a_known_mistake():
    sealed = key("1.1", [1.0, 2.0], mistakes={"Take it for all points.": 1.5})
    assert "Take it for all" in verdict("1.1", 1.5, sealed.record).message


@pytest.mark.parametrize(
    "answer, message",
    [
        (None, "replace the dots"),
        (..., "replace the dots"),
        (math.nan, "holds NaN"),
        ([1.0, math.nan], "holds NaN"),
        (math.inf, "infinite"),
        ([], "empty array"),
        (" ", "empty text"),
        ("a half", "should be a number"),
        (["1", "2"], "neither a number nor an array"),
        (1 + 2j, "neither a number nor an array"),
        ({"a": 1}, "neither a number nor an array"),
        (len, "neither a number nor an array"),
        ([1.0], r"shape (), and this one has (1,)"),
    ],
)
def test_what_is_no_answer_says_why(answer, message):
    found = verdict("1.1", answer, key("1.1", 0.5).record)
    assert not found and message in found.message
    assert "cannot be checked" in repr(found)


@given(
    st.none()
    | st.text()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.lists(st.floats() | st.text(), max_size=3)
    | st.dictionaries(st.text(), st.integers(), max_size=2)
)
def test_any_object_is_an_answer_or_says_why_not(guess):
    for answer in (0.5, 7, [1.0, 2.0], "word", True):
        try:
            assert token(guess, grid(answer, None, None))
        except Malformed as problem:
            assert str(problem)


@pytest.mark.parametrize(
    "answer, more, message",
    [
        (0.0, {}, "relative tolerance around zero"),
        (0.0, {"rel": 0.1}, "relative tolerance around zero"),
        (1.0, {"rel": 0.1, "abs": 0.1}, "one tolerance"),
        (1.0, {"rel": -1.0}, "must be positive"),
        (1.0, {"abs": 0.0}, "must be positive"),
        ("a", {"abs": 0.1}, "no tolerance"),
        (None, {}, "replace the dots"),
        (np.ones(500), {}, "summary"),
        (1.0, {"mistakes": {"Hint.": 1.0001}}, "narrow the tolerance"),
        (1.0, {"mistakes": {"One.": 2.0, "Two.": 2.0}}, "narrow the tolerance"),
    ],
)
def test_what_cannot_be_sealed_says_why(answer, more, message):
    with pytest.raises(ValueError, match=message):
        key("1.1", answer, **more)


def test_nothing_can_be_read_in_the_record():
    sealed = key("1.1", 0.7312, mistakes={"Forgot the root.": 0.8551})
    text = json.dumps(sealed.record) + repr(sealed)
    assert not any(part in text for part in ("7312", "8551", "root", "Forgot"))


def test_sealing_twice_gives_the_same_record():
    assert key("1.1", 0.7312).record == key("1.1", 0.7312).record


def test_a_check_tries_every_mistake():
    hints = {f"Hint {n}.": float(n) for n in range(2, 7)}
    sealed = key("1.1", 1.0, mistakes=hints)
    assert "Hint" not in str(verdict("1.1", 9.0, sealed.record))
    for n in range(2, 7):
        assert f"Hint {n}." in str(verdict("1.1", float(n), sealed.record))


def test_check_knows_the_books_exercises(monkeypatch):
    monkeypatch.setattr(exercises, "answers", lambda: {"1.3": key("1.3", 2.0).record})
    assert repr(check("1.3", 2.0)) == "Exercise 1.3: right."
    assert "right." in check("1.3", 2.0)._repr_html_()
    with pytest.raises(ValueError, match=r"exercise '9.9' has no answer .* 1\.3"):
        check("9.9", 1.0)


def test_key_shows_only_the_sealed_form():
    sealed = key("1.3", 2.0, mistakes={"Half.": 1.0})
    bundle = sealed._repr_mimebundle_()
    assert bundle["text/plain"] == "Exercise 1.3: answer sealed; known mistakes: 1."
    assert set(bundle) == {"text/plain", exercises.MIME}
    assert json.loads(json.dumps(bundle[exercises.MIME])) == {
        "id": "1.3",
        **sealed.record,
    }
