"""A claim's verdict must follow from its numbers."""

import json
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.page import claims
from ntkbook.page.claims import claim, collect, measure, problems
from ntkbook.page.claims.measured import rounded
from ntkbook.page.claims.records import VERDICTS, ClaimError, Record, load, records
from ntkbook.page.claims.typeset import typeset

BASE = {
    "id": "a-claim",
    "source": "someone2020",
    "place": "Section 1",
    "statement": "It is about 2 < 3.",
    "kind": "number",
    "scale": "as in the source",
    "effect": "the mean",
    "reported": 2.0,
    "tolerance": {"abs": 0.1},
    "reason": "Read from a figure.",
    "control": "coin flips",
    "verdict": "reproduced",
}
TREND = {"kind": "trend", "reported": ..., "tolerance": ..., "threshold": 0.0}
TREND |= {"relation": "<=", "reason": "Falling is a slope below 0."}
YES_NO = {"kind": "explanation", "reported": ..., "tolerance": ..., "reason": ...}
YES_NO |= {"threshold": True, "yes_no": "There is one case."}
CORRECTED = {"verdict": "reproduced with a correction", "correction": "Not 2 but 3."}
PROVED = {"why": "A counter-example, Section 2."}
ONLY = {"verdict": "reported only", "cost": "A week.", "reported": "90 %"}


def record(**more) -> Record:
    return Record(**{k: v for k, v in (BASE | more).items() if v is not ...})


def says(measured, interval=None, *, n=None, seen=9.0, better=None, **more):
    given = record(**more)
    control = seen if given.control else None
    return measure(
        "a-claim", measured, interval, n=n, control=control, corrected=better,
        record=given,
    )  # fmt: skip


@pytest.mark.parametrize(
    "measured, more, verdict",
    [
        (2.05, {}, "reproduced"),
        (2.1, {}, "reproduced"),  # on the edge
        (np.float32(1.95), {}, "reproduced"),
        (jnp.float32(2.0), {}, "reproduced"),
        (2, {}, "reproduced"),
        (2.3, {"tolerance": {"rel": 0.2}}, "reproduced"),
        (-5.0, TREND, "reproduced"),
        (5.0, TREND | {"relation": ">="}, "inconclusive"),  # the control is above 0 too
        (2.2, {}, "not reproduced"),
        (1.0, TREND, "not reproduced"),
        (3.0, PROVED, "refuted"),
        (2.0, PROVED, "number reproduced, conclusion not"),
        (3.0, CORRECTED | {"corrected": 3.0}, "reproduced with a correction"),
        (2.05, CORRECTED | {"corrected": 2.1}, "reproduced"),  # needs no correction
        (4.0, CORRECTED | {"corrected": 3.0}, "not reproduced"),
        (2.0, {"undecided": "Too short."}, "inconclusive"),
    ],
)
def test_the_verdict_follows_from_the_numbers(measured, more, verdict):
    more = {k: v for k, v in more.items() if k != "verdict"}
    assert says(measured, **more | {"verdict": verdict}).row()["verdict"] == verdict
    for other in set(VERDICTS) - {verdict, "reported only"}:
        with pytest.raises(ClaimError):
            says(measured, **more | {"verdict": other})


def test_a_claim_true_by_definition_has_no_control():
    words = TREND | {"kind": "definition", "verdict": "true by definition"}
    shown = says(-1.0, **words | {"control": ""})
    assert shown.row()["verdict"] == "true by definition" and shown.control is None


@pytest.mark.parametrize(
    "interval, verdict",
    [
        ((1.95, 2.05), "reproduced"),
        ((1.95, 2.15), "inconclusive"),  # it contains the tolerance's edge
        ((1.0, 3.0), "inconclusive"),  # and on two sides
        ((2.2, 2.4), "not reproduced"),
    ],
)
def test_an_interval_decides_as_a_whole(interval, verdict):
    middle = sum(interval) / 2
    shown = says(middle, interval, n=5, verdict=verdict)
    assert shown.row()["verdict"] == verdict and "n = 5" in repr(shown)


def test_an_estimate_brings_its_interval():
    shown = says(ntkbook.estimate([1.99, 2.0, 2.01]), n=3)
    assert "2.00 [1.98, 2.02]" in repr(shown)
    with pytest.raises(ValueError, match="what the interval stands on"):
        says(2.0, (1.9, 2.1))


def test_a_control_that_passes_takes_the_verdict():
    assert says(2.0, seen=2.3).row()["verdict"] == "reproduced"
    with pytest.raises(ClaimError, match="inconclusive .*control 2.0"):
        says(2.0, seen=2.05)
    with pytest.raises(ClaimError, match="inconclusive"):
        says(3.0, seen=3.0, **CORRECTED | {"corrected": 3.0})
    with pytest.raises(ClaimError, match="names a control, and none is measured"):
        measure("a-claim", 2.0, record=record())
    with pytest.raises(ClaimError, match="names no control, and one is measured"):
        measure(
            "a-claim", 3.0, control=1.0,
            record=record(control="", verdict="not reproduced"),
        )  # fmt: skip


def test_a_corrected_statement_may_have_its_own_measurement():
    """As stated the correlation is 0.5; with the factor it is 1; shuffled it is 0."""
    asks = TREND | {"threshold": 0.9, "relation": ">="} | CORRECTED
    shown = says(0.5, better=1.0, seen=0.01, **asks)
    assert "measured 0.50, corrected 1.00, control 0.0100" in repr(shown)
    with pytest.raises(ClaimError, match="not reproduced"):
        says(0.5, better=0.8, seen=0.01, **asks)


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
        ({"kind": "fact"}, "unknown kind"),
        ({"relation": "<"}, "unknown relation"),
        ({"code": "nobody/nothing:a.py"}, "unknown repository"),
        ({"statement": "The same for a LeNet."}, "understood alone"),
        ({"scale": ""}, "say in `scale`"),
        ({"effect": ""}, "say in `effect`"),
        ({"reported": ...}, "`reported` must be the source's number"),
        ({"reported": "two"}, "`reported` must be the source's number"),
        ({"reported": float("nan")}, "must be finite"),
        ({"tolerance": ...}, "needs `tolerance"),
        ({"tolerance": {"abs": 1.0, "rel": 1.0}}, "exactly one"),
        ({"tolerance": {"abs": 0.0}}, "must be positive"),
        ({"tolerance": {"rel": 0.1}, "reported": 0.0}, "around zero"),
        ({"reason": ...}, "say in `reason`"),
        (TREND | {"threshold": ...}, "`threshold` must be a number"),
        (TREND | {"tolerance": {"abs": 1.0}}, "a reason and no tolerance"),
        (YES_NO | {"yes_no": ""}, "measure a number"),
        ({"verdict": "refuted"}, "refuted: needs `why`"),
        ({"verdict": "reproduced with a correction"}, "needs `correction`"),
        ({"control": ""}, "reproduced: needs `control`"),
        ({"kind": "definition"} | TREND | {"kind": "definition"}, "true by definition"),
        ({"verdict": "true by definition"}, "true by definition"),
        ({"verdict": "reported only"}, "in `cost`"),
    ],
)
def test_malformed_records(more, message):
    with pytest.raises(ClaimError, match=message):
        record(**more)


def test_reported_only_needs_no_number_but_takes_none():
    assert record(**ONLY).reported == "90 %"
    with pytest.raises(ClaimError, match="declared as reported only"):
        says(2.0, **ONLY)


def test_files_of_records(tmp_path):
    text = '[[claim]]\nid = "x"\nsource = "s"\nplace = "p"\nstatement = "S."\n'
    text += 'kind = "trend"\nverdict = "reported only"\ncost = "A week."\n'
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


BOOK = Path(ntkbook.__file__).parents[1] / "book"


def test_the_sentences_above_the_claims_say_what_their_records_say():
    """Each sentence has one verdict, in bold, and links to records that have it."""
    said, _, _ = (BOOK / "claims.md").read_text().partition("```{claims-counts}")
    sentences = re.split(r"(?<=\.)\s+", said.partition("# Claims")[2].strip())
    assert len(sentences) > 4
    for sentence in sentences:
        (verdict,) = re.findall(r"\*\*(.+?)\*\*", sentence)
        ids = re.findall(r'(?:href="#|\{measured\}`)([\w.-]+)', sentence)
        assert ids, f"no record is linked: {sentence}"
        found = {id: records()[id].verdict for id in ids}
        assert found == dict.fromkeys(found, verdict)


WORDS = {
    "False": ("refuted", "reproduced with a correction"),
    "Refuted": ("refuted",),
    "Not reproduced": ("not reproduced",),
    "Number right, conclusion not": ("number reproduced, conclusion not",),
    "Inconclusive": ("inconclusive",),
}
SLIDES = {
    "01": {
        "distance is about": ["ch1-distance"],
        "good tangent": ["ch1-small-kappa-suffices"],
        "a falling loss bounds": ["ch1-net-change"],
        'for "any" smooth model': ["ch1-error-falls-with-alpha"],
    },
    "02": {
        "positive definite. Without biases": ["ch2-overparametrised"],
        "reaches zero loss": ["ch2-converges"],
        "the drawn ellipses": ["ch2-ellipse-picture"],
        "has no effect": ["ch2-drop-n"],
    },
    "03": {
        "weights change less": ["ch3-kappa-explains"],
        "only Gaussian weights": ["ch3-gaussian-needed"],
        "training equals regression": ["ch3-equivalence"],
    },
    "05": {
        "just a trick": ["ch5-memorise", "ch5-just-a-trick"],
        "the path kernel estimates": ["ch5-more-accurate"],
    },
    "06": {
        "on par": ["ch6-gp-on-par"],
        "learn nothing": ["ch6-gp-untrained"],
        "a further assumption": ["ch6-lazy-assumed"],
    },
    "07": {
        "inverse proportionality": ["ch7-inverse", "ch7-norm-distance"],
        "the task's own labels": ["ch7-rotation-hurts"],
        "on two classes": ["ch7-rotation-helps"],
        "in place of the hinge loss": ["ch7-bound"],
    },
    "09": {
        "with the output subtracted": [
            "ch9-catapult-tanh-zero",
            "ch9-catapult-relu-zero",
        ],
        "twins, which begin at 0": ["ch9-catapult-tanh-twin", "ch9-catapult-relu-twin"],
        "with ten classes": ["ch9-edge-rise-ten"],
        "at the edge": ["ch9-edge-level"],
        "on Fashion-MNIST": ["ch9-after-kernel"],
    },
}


@pytest.mark.parametrize("number", sorted(SLIDES))
def test_what_a_deck_calls_false_or_open_has_that_verdict(number):
    """Each line of a slide that begins with a verdict is listed above, and agrees."""
    text = (BOOK / "slides" / f"{number}.md").read_text()
    listed = dict.fromkeys(SLIDES[number], 0)
    for word, line in re.findall(rf"^- ({'|'.join(WORDS)})\b(.*)", text, re.M):
        names = [words for words in listed if words in line]
        assert len(names) == 1, f"list the records of: {word}{line}"
        for id in SLIDES[number][names[0]]:
            assert records()[id].verdict in WORDS[word], (id, line)
        listed[names[0]] += 1
    assert set(listed.values()) == {1}


def test_the_sources_own_code_has_an_address():
    link = record(code="rajatvd/NTK:ntk.ipynb, cell 31").link
    assert link.startswith("https://github.com/rajatvd/NTK/blob/")
    assert link.endswith("/ntk.ipynb") and record().link == ""


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
        "Claim a-claim: reproduced (reported 2 ± 0.1, measured 2.0, control 9.0)"
    )
    html = bundle["text/html"]
    assert 'id="claim-a-claim"' in html and "2 &lt; 3" in html and "✓" in html
    assert "<script" not in html
    row = bundle[claims.MIME]
    assert row["measured"] == "2.0" and json.dumps(row)


def test_no_value_is_rounded_away():
    """A difference of 0.33 within 0.35 once was printed as 0."""
    shown = says(0.328, reported=0.0, tolerance={"abs": 0.35})
    assert shown.row()["measured"] == "0.33"
    tiny = TREND | {"kind": "theorem", "threshold": 1e-10}
    assert says(3e-13, **tiny).row()["measured"] == "below 1e-10"
    assert says(3, **TREND | {"relation": ">="}, seen=-1).row()["measured"] == "3"


def test_an_interval_must_hold_the_measurement():
    with pytest.raises(ValueError, match="does not hold"):
        says(2.0, (2.01, 2.04), n=3)


def test_claim_displays_at_once(monkeypatch, capsys):
    monkeypatch.setattr(claims, "records", lambda: {"a-claim": record()})
    assert claim("a-claim", 2.0, control=9.0) is None
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


@pytest.mark.parametrize(
    "typed, seen",
    [
        ("kappa_R c^2 < 1/2", "κ<sub>R</sub> c<sup>2</sup> &lt; 1/2"),
        ("m^(-1/2), k^-d, i^-(1 + alpha)",
         "m<sup>−1/2</sup>, k<sup>−d</sup>, i<sup>−(1 + α)</sup>"),
        ("-0.94 [-0.96, -0.91]", "−0.94 [−0.96, −0.91]"),
        ("6.3e-10, 1e-06", "6.3·10<sup>−10</sup>, 10<sup>−6</sup>"),
        ("sqrt(m), sqrt(ln m), (y/alpha - f)^2", "√m, √(ln m), (y/α − f)<sup>2</sup>"),
        # What is no formula stays: names in code, words, ranges, places.
        ("`kappa(f)`, ntkbook.kappa, alphabet, 06_equivalence, 2-layer, Fig. 1-2",) * 2,
    ],
)  # fmt: skip
def test_formulas_in_sentences_are_set(typed, seen):
    assert typeset(typed) == seen
