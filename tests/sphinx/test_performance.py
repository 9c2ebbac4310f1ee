"""The page Performance shows what the benchmarks stored, and refuses what is amiss."""

import doctest
import json
import re
import statistics
from pathlib import Path

import pytest

from book.tools.sphinx.pages import performance

ROOT = Path(__file__).resolve().parents[2]

ROW = {
    "name": "ntkbook.ntk",
    "how": "blocks of 20 points",
    "points": 500,
    "times": 1.0,
    "rounds": [[0.024]],
    "seconds": 0.024,
    "ratio": 1.0,
    "first_call": 0.51,
    "first_ratio": 1.0,
    "difference": 0.0,
}
PEER = ROW | {
    "name": "a peer",
    "points": 50,
    "times": 100.0,
    "seconds": 12.3,
    "ratio": 512.5,
    "first_call": None,
    "difference": 2.25e-7,
}
LIMIT = ROW | {"name": "the limit", "ratio": 0.62, "difference": None}
MACHINE = {
    "cores": 2,
    "processor": "A processor",
    "memory_gib": 23.4,
    "device": "cpu",
    "versions": {"jax": "0.10.2", "torch": None},
    "date": "2026-11-22T08:03+00:00",
    "load_before": 0.31,
}
TABLE = {"title": "500 points", "tolerance": 1e-4}
TABLE |= {"error": 3e-7, "checked_points": 8}
TABLE |= {"rows": [ROW, LIMIT, PEER]}
BENCHMARK = {"what": "MLP", "dtype": "float32", "machine": MACHINE, "tables": [TABLE]}
KEPT = sorted(path.stem for path in performance.RESULTS.glob("*.json"))


def without(place: list, field: str) -> dict:
    """Return the benchmark without one field of what stands at a place in it."""
    found = json.loads(json.dumps(BENCHMARK))
    at = found
    for step in place:
        at = at[step]
    del at[field]
    return found


PLACES = {"benchmark": [], "machine": ["machine"], "table": ["tables", 0]}
PLACES["row"] = ["tables", 0, "rows", 1]
FIELDS = [(kind, f) for kind, fields in performance.FIELDS.items() for f in fields]


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_missing_field_is_an_error(tmp_path, kind, field):
    (tmp_path / "mlp.json").write_text(json.dumps(without(PLACES[kind], field)))
    with pytest.raises(ValueError, match=f"mlp.json: a {kind} has no {field};.*bench"):
        performance.stored(tmp_path, "mlp")


def test_a_benchmark_that_has_not_run_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"mlp\.json is missing; measure it: make"):
        performance.stored(tmp_path, "mlp")


def test_the_table_shows_what_the_file_holds(tmp_path):
    (tmp_path / "mlp.json").write_text(json.dumps(BENCHMARK))
    (table,) = performance.stored(tmp_path, "mlp")["tables"]
    text = "\n".join(performance.table_text(table))
    rows = [[c.strip("- ") for c in r.split("\n  ")] for r in text.split("* - ")[2:]]
    assert [row[1:5] for row in rows[:2]] == [
        ["24 ms", "1.0", "510 ms", "1.0"],
        ["24 ms", "0.62", "510 ms", "1.0"],
    ]
    assert rows[1][5].startswith("–")  # the limit is no kernel
    assert "timed on 50 points" in rows[2][0]
    assert rows[2][1:5] == ["12 s", "510", "–", "–"]
    assert rows[2][5].startswith("2 · 10⁻⁷")
    assert "first 8 points" in text and "by 3 · 10⁻⁷" in text
    assert "times 100, for the pairs" in text


def test_the_machine_is_shown():
    text = "\n".join(performance.machine_text([BENCHMARK]))
    assert "MLP: A processor, 2 cores, 23 GiB, JAX on cpu; jax 0.10.2." in text
    row = ["MLP", "float32", "2026-11-22", "1", "0.3"]
    assert "\n  - ".join(row) in text
    assert "torch" not in text


def test_the_figure_says_its_ratios_to_those_who_do_not_see_it():
    html = performance.figure_html([BENCHMARK])
    alt = re.search('aria-label="([^"]*)"', html)[1]
    assert "MLP: the limit 0.62, a peer 510." in alt
    assert "<figcaption>" in html


def test_the_examples_of_how_numbers_are_written():
    assert doctest.testmod(performance).failed == 0


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_whole_and_agrees_with_its_runs(name):
    """Medians and ratios follow from the runs, and all differences are small."""
    found = performance.stored(performance.RESULTS, name)
    for table in found["tables"]:
        base = [statistics.median(times) for times in table["rows"][0]["rounds"]]
        assert table["rows"][0]["ratio"] == 1
        for row in table["rows"]:
            medians = [statistics.median(times) for times in row["rounds"]]
            assert row["seconds"] == statistics.median(medians)
            ratios = [a / b for a, b in zip(medians, base, strict=True)]
            assert row["ratio"] == statistics.median(ratios)
            assert (row["difference"] or 0) <= table["tolerance"]


def test_every_benchmark_is_on_the_page():
    page = (ROOT / "book" / "performance.md").read_text()
    named = re.findall(r"\{benchmark\} (\w+)", page)
    assert set(KEPT) <= set(named)
    assert set(performance.DRAWN) <= set(named)
