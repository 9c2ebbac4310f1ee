"""Which statements of a chapter an exercise stands on."""

import pytest

from book.tools.course.exercises import coursework, slicing

F, G = "def f():\n    return n", "def f(n):\n    return n"


SLICES = [  # cells, the names wanted, and what is kept (None: everything)
    (["a = 1", "b = 2\nc = 3", "d = b"], "d", ["a = 1", "b = 2", "d = b"]),
    (["", "x = 1", "x = 2", "print(x)"], "x", ["", "x = 2"]),
    (["", "x = [1]", "x.append(2)", "x[0] = 3"], "x", None),
    (["", "n = 1", F, "n = 2"], "f", None),
    (["", "n = 1", G], "f", ["", G]),
    (["", "i = 9", "y = [i for i in z]"], "y", ["", "y = [i for i in z]"]),
    (["", "t = 0", "for k in (1, 2):\n    t += k"], "t", None),
    (["", "import os", "import sys", "p = os"], "p", ["", "import os", "p = os"]),
    # What u takes from the generator changes v.
    (["", "r = default_rng(0)", "u = r.random()", "v = r.random()"], "v", None),
    (["", "# why\na = 1\n\nplot(a)"], "a", ["", "# why\na = 1"]),
    (["", "x = 1", "if x:\n    y = 2\nelse:\n    y = 3"], "y", None),
    (["", "k = 2", "@g(k)\ndef f():\n    pass"], "f", None),
    (["", "k = 2", "def f(a=k):\n    pass"], "f", None),
]


@pytest.mark.parametrize("cells, wanted, kept", SLICES)
def test_a_slice_holds_what_is_needed_and_no_more(cells, wanted, kept):
    found = [text for _, text in slicing.needed(cells, {wanted})]
    assert found == (cells if kept is None else kept)


def test_sealing_calls_come_out_and_leave_the_answer():
    source = 'x = 2\npage.key(\n    "1.1", float(x), rel=1\n)\n'
    assert coursework.without_key(source) == "x = 2\nanswer = float(x)"
    source = 'answer = jax.random.key(0)\nkey("1.1", answer)'
    assert coursework.without_key(source) == "answer = jax.random.key(0)"
