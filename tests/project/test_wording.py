"""The lint of the wording finds each habit, in each kind of text, and little else."""

import json

import pytest

from book.tools.language import habits, texts
from book.tools.language.__main__ import complaints

# By habit: words that have it, and words near to them that are right.
EXAMPLES = {
    "derivative by": (
        ["The gradient by w is 0.", "Differentiate it by all\nparameters."],
        ["The gradient with respect to w falls by less.", "differentiated by hand"],
    ),
    "start": (
        ["the kernel of another start", "At the start it is 0.", "over ten starts"]
        + ["The starts disagree.", "Which of the three starts?", "An aligned start"],
        ["Training starts at 0.", "each run starts from w", "the start of the file"]
        + ["Each run starts from w."],
    ),
    "books": (
        ["The books keep the sum.", "an account that is exact", "It keeps books."],
        ["This accounts for half.", "These are books on kernels."],
    ),
    "told, came": (
        ["the change told by the kernel", "what you predicted, what came"],
        ["They cannot be told apart.", "The reader is told so.", "what came out"],
    ),
    "tells": (
        ["The kernel tells most of it.", "What two methods tell"],
        ["The cosine tells them apart.", "Tell us."],
    ),
    "length": (
        ["moved by 5% of their length", "the length of the gradient"],
        ["the length of the path", "its lengths as a list"],
    ),
    "share": (
        ["a share of 0.3", "which share it has", "the largest share"],
        ["Two layers share the weights.", "runs that share data"],
    ),
    "moment": (["at 150 moments"], ["its fourth moment", "killed at any moment"]),
    "picture": (["the left picture shows"], ["a still picture of the page"]),
    "asks, wants": (
        ["The theorem asks for a smooth loss.", "The short criterion wants it small."],
        ["This chapter asks when.", "The reader wants it."],
    ),
    "beside": (["small beside the norm"], ["besides the norm"]),
    "per cent": (
        ["95 % of them", "95\N{NO-BREAK SPACE}%", "five percent", "3 per cent"],
        ["95% of them", "a few per cent", "x %y"],
    ),
    "a layer": (
        ["ten units a layer", "one colour an object"],
        ["ten units in a layer", "two of a class", "one half of a layer"],
    ),
    "fronted": (
        ["Why it is so, we do not know.", "Exact is the sum.", "that we did not test."],
        ["We do not know why it is so.", "the width that we did not use"],
    ),
    "but": (["all but one", "flat but for a few"], ["all, but not this", "not but"]),
    "takes a factor": (["the bound takes the factor c"], ["takes a factor of two"]),
    "to the end": (["trained to the end"], ["trained to convergence"]),
    "in the place of": (["in the place of M"], ["in place of M"]),
    "outside of": (["outside of the image"], ["outside the image"]),
    "in size": (["equal in size"], ["different in sign"]),
    "less": (["the accuracy of one less that of two"], ["an error of less than 2"]),
    "by a layer": (["It gains by a second layer."], ["It gains from a layer."]),
    "with which power": (["With which power does it fall?"], ["with which it falls"]),
    "bound of": (["a bound of the second derivative"], ["a bound on the Hessian"]),
    "the own": (["the own kernel"], ["their own kernel"]),
    "all times": (["for all times"], ["at all times"]),
    "counted as": (["Counted as: a slope below 0."], ["This counts as a slope."]),
    "as one likes": (["as close as one likes"], ["arbitrarily close"]),
    "metaphor": (["The luck of the draw.", "one more knob"], ["the lucky few"]),
}  # fmt: skip


def names(words: str) -> set[str]:
    return {habit.name for _, _, habit in habits.found(texts.prose(words))}


def test_each_habit_has_an_example():
    assert list(EXAMPLES) == [habit.name for habit in habits.HABITS]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_habit_is_found_and_what_is_near_to_it_is_not(name):
    bad, good = EXAMPLES[name]
    assert [words for words in bad if name not in names(words)] == []
    assert [words for words in good if name in names(words)] == []


@pytest.mark.parametrize(
    "words",
    [
        "`beside`",
        "$x$ lies in $\\text{beside}$",
        '"LeCun", they say, "is beside it"',
        "```python\nbeside = 1\n```",
        "```\nbeside\n```",
        "````{exercise} A\n```python\nbeside\n```\n````",
        ">>> beside",
        "(beside)=",
        ":name: beside",
        "[text](beside.md)",
        "{ref}`beside`",
    ],
)
def test_what_is_no_prose_of_ours_is_left_alone(words):
    assert names(words) == set() and len(texts.prose(words)) == len(words)


@pytest.mark.parametrize(
    "words",
    [
        "```{revealjs-notes}\nIt is beside.\n```",
        "```{note}\nA.\n```\nIt is beside.\n```{note}\nB.\n```",  # between the two
        "````{solution} a\n```python\nb = 1\n```\nIt is beside.\n````",
    ],
)
def test_what_stands_in_and_between_directives_is_prose(words):
    assert "beside" in names(words)


def test_every_kind_of_text_is_read_and_its_place_is_named(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["A line,\n", "beside."], "metadata": {}},
        {
            "cell_type": "code",
            "source": ['print(f"beside {1}")  # beside\n', 'a["beside"] = {"in": 1}'],
            "metadata": {
                "mystnb": {"image": {"alt": "beside", "width": "beside"}},
                "ntkbook": {"exercise": {"outcome": "beside", "kind": "beside"}},
            },
        },
    ]  # fmt: skip
    files = {
        "notebooks/01_a.ipynb": json.dumps({"cells": cells}),
        "README.md": "One.\n\nTwo, beside.\n",
        "book/slides/01.md": "beside",
        "ntkbook/a.py": '"""A docstring.\n\n    Beside.\n    """\n',
        "ntkbook/page/b.js": 'const a = 1;\nconst b = `${beside} beside`; // "x"\n',
        "ntkbook/page/claims/01.toml": '[[claim]]\nid = "x"\nwhy = "It is beside."\n',
        "book/tools/language/a.py": '"beside"\n',
        "book/notation.toml": "",
        "book/course.toml": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    places = [line.split(": ")[0] for line in complaints(tmp_path)]
    assert sorted(places) == sorted(
        ["01_a.ipynb, cell 0", *["01_a.ipynb, cell 1"] * 4, "README.md:3"]
        + ["book/slides/01.md:1", "ntkbook/a.py:3", "ntkbook/page/b.js:2"]
        + ["ntkbook/page/claims/01.toml:3"]
    )
    assert "Write: compared with" in complaints(tmp_path)[0]
