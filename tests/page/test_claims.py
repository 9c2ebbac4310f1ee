"""A claim's verdict must follow from its numbers."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from ntkbook.page import claims
from ntkbook.page.claims import claim, collect, measure, problems, rounded
from ntkbook.page.claims.records import ClaimError, Record, load, records

BASE = {
    "id": "a-claim",
    "source": "someone2020",
    "place": "Section 1",
    "statement": "It is about 2 < 3.",
    "reported": 2.0,
    "tolerance": {"abs": 0.1},
    "tolerance_reason": "Read from a figure.",
    "verdict": "reproduced",
}


def record(**more) -> Record:
    return Record(**{k: v for k, v in (BASE | more).items() if v is not ...})


def says(measured, **more):
    return measure("a-claim", measured, record=record(**more))


YES_NO = {"reported": True, "tolerance": ..., "tolerance_reason": ...}


@pytest.mark.parametrize(
    "measured, more",
    [
        (2.05, {}),
        (2.1, {}),  # on the edge
        (np.float32(1.95), {}),
        (jnp.float32(2.0), {}),
        (2, {}),
        (2.3, {"tolerance": {"rel": 0.2}}),
        (-5.0, {"relation": "<="}),
        (2.05, {"relation": "<="}),
        (9.0, {"relation": ">="}),
        (3.0, {"verdict": "not reproduced"}),
        (3.0, {"verdict": "refuted", "why": "A counter-example."}),
        (3.0, {"verdict": "reproduced with a correction", "corrected": 3.0}),
        (2.0, {"verdict": "reproduced with a correction", "correction": "Not m."}),
        (True, YES_NO),
        (np.bool_(True), YES_NO),
        (False, YES_NO | {"verdict": "not reproduced"}),
        (False, YES_NO | {"verdict": "refuted", "why": "A proof."}),
        (True, YES_NO | {"verdict": "reproduced with a correction", "correction": "x"}),
    ],
)
def test_verdicts_that_follow(measured, more):
    assert says(measured, **more).row()["verdict"] == more.get("verdict", "reproduced")


@pytest.mark.parametrize(
    "measured, more",
    [
        (2.2, {}),
        (2.2, {"relation": "<="}),
        (1.8, {"relation": ">="}),
        (2.0, {"verdict": "not reproduced"}),
        (2.0, {"verdict": "refuted", "why": "A proof."}),
        (2.0, {"verdict": "reproduced with a correction", "corrected": 3.0}),
        (2.05, {"verdict": "reproduced with a correction", "corrected": 2.1}),
        (4.0, {"verdict": "reproduced with a correction", "corrected": 3.0}),
        (4.0, {"verdict": "reproduced with a correction", "correction": "Not m."}),
        (False, YES_NO),
        (True, YES_NO | {"verdict": "not reproduced"}),
    ],
)
def test_verdicts_that_do_not_follow(measured, more):
    with pytest.raises(ClaimError, match="does not support the declared verdict"):
        says(measured, **more)


@pytest.mark.parametrize(
    "measured", [np.nan, np.inf, "2", None, True, [2.0], 2 + 0j, np.ones(3)]
)
def test_what_is_no_measurement(measured):
    with pytest.raises(ValueError, match="claim 'a-claim': measured must be"):
        says(measured)


def test_a_number_does_not_answer_a_yes_or_no_claim():
    with pytest.raises(ValueError, match=r"must be True or False, got 1\.0"):
        says(1.0, **YES_NO)


@pytest.mark.parametrize(
    "more, message",
    [
        ({"verdict": "true"}, "unknown verdict"),
        ({"relation": "<"}, "unknown relation"),
        ({"reported": ...}, "`reported` must be a number"),
        ({"reported": "two"}, "`reported` must be a number"),
        ({"reported": float("nan")}, "must be finite"),
        ({"tolerance": ...}, "needs `tolerance"),
        ({"tolerance": {"abs": 1.0, "rel": 1.0}}, "exactly one"),
        ({"tolerance": {"abs": 0.0}}, "must be positive"),
        ({"tolerance": {"rel": 0.1}, "reported": 0.0}, "around zero"),
        ({"tolerance_reason": ...}, "say in `tolerance_reason`"),
        ({"reported": True}, "true-or-false claim has no tolerance"),
        ({"verdict": "refuted"}, "in `why`"),
        ({"verdict": "reproduced with a correction"}, "give the correction"),
        ({"corrected": 3.0}, "needs the verdict"),
        ({"verdict": "reported only"}, "in `cost`"),
    ],
)
def test_malformed_records(more, message):
    with pytest.raises(ClaimError, match=message):
        record(**more)


def test_reported_only_needs_no_number_but_takes_none():
    only = {"verdict": "reported only", "cost": "A week.", "reported": "90 %"}
    assert record(**only).reported == "90 %"
    with pytest.raises(ClaimError, match="declared as reported only"):
        says(2.0, **only)


def test_files_of_records(tmp_path):
    text = '[[claim]]\nid = "x"\nsource = "s"\nplace = "p"\nstatement = "S."\n'
    text += 'verdict = "reported only"\ncost = "A week."\n'
    (tmp_path / "01.toml").write_text(text)
    assert load(tmp_path)["x"].cost == "A week."
    (tmp_path / "02.toml").write_text(text)
    with pytest.raises(ClaimError, match=r"02\.toml, claim 'x': stands twice"):
        load(tmp_path)
    (tmp_path / "02.toml").write_text(text.replace("place", "palce"))
    with pytest.raises(ClaimError, match=r"unknown \['palce'\]"):
        load(tmp_path)


def test_the_books_own_records_are_well_formed():
    assert records() == load()


def test_unknown_claim():
    with pytest.raises(ValueError, match="no claim is called 'nowhere'"):
        claim("nowhere", 1.0)


@pytest.mark.parametrize(
    "value, width, text",
    [
        (0.40012, 0.005, "0.40"),
        (0.40012, 0.001, "0.400"),
        (-0.0001, 0.01, "0.00"),
        (1e-17, 1e-12, "0"),
        (1234.5, 100.0, "1200"),
        (3.14159e-7, 1e-9, "3.14e-07"),
        (2.5e9, 1e8, "2.5e+09"),
        (7.0, 1.0, "7"),
    ],
)
def test_numbers_are_rounded_to_the_tolerance(value, width, text):
    assert rounded(value, width) == text
    assert rounded(value * (1 + 1e-9), width) == text


def test_what_a_claim_shows():
    shown = says(2.0499)
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == (
        "Claim a-claim: reproduced (reported 2, measured 2.0)"
    )
    html = bundle["text/html"]
    assert 'id="claim-a-claim"' in html and "2 &lt; 3" in html and "✓" in html
    assert "<script" not in html
    row = bundle[claims.MIME]
    assert row["measured"] == "2.0" and json.dumps(row)


def test_an_interval_must_hold_the_measurement():
    given = record()
    shown = measure("a-claim", 2.0, (1.96, 2.04), record=given)
    assert "2.00 [1.96, 2.04]" in repr(shown)  # not rounded away
    with pytest.raises(ValueError, match="does not hold"):
        measure("a-claim", 2.0, (2.01, 2.04), record=given)


def test_claim_displays_at_once(monkeypatch, capsys):
    monkeypatch.setattr(claims, "records", lambda: {"a-claim": record()})
    assert claim("a-claim", 2.0) is None
    assert "Claim a-claim: reproduced" in capsys.readouterr().out


def notebook(path: Path, *rows: dict) -> Path:
    outputs = [{"output_type": "display_data", "data": {claims.MIME: r}} for r in rows]
    cell = {"cell_type": "code", "id": "c1", "outputs": outputs, "source": []}
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown"}, cell]}))
    return path


def test_records_and_cells_match_one_to_one(tmp_path):
    known = {"a-claim": record()}
    row = says(2.0).row()
    good = collect([notebook(tmp_path / "01_a.ipynb", row)])
    assert [(cell.cell_id, cell.number) for cell in good] == [("c1", 1)]
    assert problems(known, good) == []
    assert "measured in 0 cells" in problems(known, [])[0]
    assert "measured in 2 cells" in problems(known, good * 2)[0]
    assert "has no record" in problems({}, good)[0]
    stale = collect([notebook(tmp_path / "02_b.ipynb", row | {"verdict": "refuted"})])
    assert "run the notebook again" in problems(known, stale)[0]
