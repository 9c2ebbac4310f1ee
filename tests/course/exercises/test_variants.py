"""Other numbers than the book's: which, and where they stand."""

from pathlib import Path

import pytest

from book.tools.course import syllabus
from book.tools.course.exercises import variants

ROOT = Path(__file__).resolve().parents[3]
VARIED = {
    e["id"]: e["vary"]
    for chapter in syllabus.exercises(ROOT / "notebooks").values()
    for e in chapter["exercises"]
    if e["kind"] == "compute"
}


@pytest.mark.parametrize(
    "token, text, result",
    [
        ("0.3", "size 0.3. And 10.3, 0.35, 0.3.1", "size #. And 10.3, 0.35, 0.3.1"),
        ("5", "5 steps, 1e-5, x5, 0.5, 5.5, -5", "# steps, 1e-5, x5, 0.5, 5.5, -#"),
        ("rng(1)", "random.rng(1), my_rng(1), rng(12)", "random.#, my_rng(1), rng(12)"),
        ("u_0=(1,-2)", "$u_0=(1,-2)$", "$#$"),
    ],
)
def test_a_token_is_replaced_where_it_stands_alone(token, text, result):
    assert variants.replace(text, {token: "#"}) == result
    assert variants.occurs(token, text)


def test_tokens_are_replaced_all_at_once():
    assert variants.replace("1 and 2", {"1": "2", "2": "1"}) == "2 and 1"


def test_a_seed_picks_the_same_everywhere_and_all_there_is():
    vary = {"1.25": ["1.5", "1.75", "2.25"], "7": ["8", "9"]}
    assert variants.pick("7", "2.3", vary) == variants.pick("7", "2.3", dict(vary))
    drawn = [variants.pick(str(s), "2.3", vary) for s in range(6)]
    every = variants.alternatives(vary)
    assert len(every) == 6 and all(e in drawn for e in every)
    assert all(set(one) == set(vary) for one in every)  # each token is replaced
    assert variants.pick("spring", "2.3", vary) in every
    assert variants.pick("7", "2.3", {}) == {}


@pytest.mark.parametrize("id", VARIED)
def test_an_exercise_has_four_alternatives_to_the_books_numbers(id):
    every = variants.alternatives(VARIED[id])
    assert len(every) >= 4, f"{id} has {len(every)}: add some to its metadata's vary"
    for picked in every:
        assert all(token != new for token, new in picked.items())


@pytest.mark.parametrize("year", [0, 7, 2026, 2027])
def test_every_exercise_varies_and_neighbouring_seeds_differ(year):
    for id, vary in VARIED.items():
        one, other = (variants.pick(str(s), id, vary) for s in (year, year + 1))
        assert one and other and one != other, id
