"""The tests inside of graded cells: they hold no answer, and each mark is confirmed."""

import json

import numpy as np
import pytest

from ntkbook.page import exercises
from ntkbook.page.exercises import grading


@pytest.mark.parametrize(
    "answer",
    [2.5, 3, True, "Yes", np.array([1.5, -2.0]), np.arange(3), np.array([True, False])],
)
def test_a_mark_is_confirmed_from_outside(answer):
    record = exercises.packed(exercises.key("99.9", answer).record)
    source = f'from x import y\n\ngrading.right("99.9", answer, key={record!r})'

    def outputs(given):
        # As in a notebook's file, where everything has been JSON.
        data = {grading.MIME: grading._to_json(given)}
        return json.loads(json.dumps([{"data": {}}, {"data": data}]))

    assert grading.doubt(source, outputs(answer)) is None
    wrong = "No" if isinstance(answer, str) else np.logical_not(answer)
    assert "exercise 99.9: not yet" in grading.doubt(source, outputs(wrong))
    form = source.replace("right", "form")
    assert grading.doubt(form, outputs(answer)) is None
    assert "replace the dots" in grading.doubt(form, outputs(...))
    assert "did not hand in" in grading.doubt(source, [])
    forged = [{"data": {grading.MIME: {"kind": "f", "shape": [9], "entries": [1]}}}]
    assert "is not an answer" in grading.doubt(source, forged)
    assert grading.doubt("x = 1", []) is None


def test_a_damaged_key_says_so():
    sealed = exercises.packed(exercises.key("99.9", 2.5).record)
    assert exercises.check("99.9", 2.5, key=sealed)
    assert not exercises.check("99.9", 2.6, key=sealed)
    with pytest.raises(ValueError, match="the key of this exercise is damaged"):
        exercises.check("99.9", 2.5, key=sealed[:-9])


def test_an_answers_form():
    sealed = exercises.key("99.9", np.ones(2), mistakes={"Sum less.": 2.0})
    found = [exercises.verdict("99.9", a, sealed.record) for a in (np.zeros(2), 2.0)]
    assert [v.formed for v in found] == [True, False]
    assert found[1].message == "not yet. Sum less."


def test_the_books_own_answer_is_recognised():
    """Where a variant was asked for, it has no marks, and is not just wrong."""
    seal = exercises.packed(exercises.key("1.3", 77.7).record)
    with pytest.MonkeyPatch.context() as patch:
        own = exercises.key("1.3", 5.0).record
        patch.setattr(grading, "answers", lambda: {"1.3": own})
        patch.setattr(exercises, "answers", lambda: {"1.3": own})
        data = {grading.MIME: grading._to_json(5.0)}
        source = f'grading.right("1.3", answer, key={seal!r})'
        said = grading.doubt(source, [{"data": data}])
    assert "right for the book's own numbers" in said
