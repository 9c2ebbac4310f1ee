"""From a gradebook to a table of marks, and into those of Canvas and Moodle."""

import csv
import json
import zipfile

import pytest

from book.tools.course import lms, marks

LISTED = {
    "9.1": {"kind": "compute", "points": 4},
    "9.2": {"kind": "explore", "points": 4},
    "9.3": {"kind": "think", "points": 4},
}


def point(score, most=4, by_hand=False):
    return {"score": score, "max": most, "by hand": by_hand}


POINTS = {
    "ann_77": {"form-9-1": point(1, 1), "right-9-1": point(3, 3), "text-9-2": point(2)},
    "bo": {"form-9-1": point(1, 1), "right-9-1": point(0, 3)},
}
POINTS["ann_77"]["text-9-3"] = point(0, by_hand=True)


@pytest.fixture
def course(tmp_path, monkeypatch):
    (tmp_path / "course.json").write_text(json.dumps({"assignments": {"09_x": LISTED}}))
    results = tmp_path / "nbgrader" / "results" / "09_x"
    results.mkdir(parents=True)
    for student in ("ann_77", "bo", "=cy"):
        notes = {marks.NOT_GRADED: "it is none"} if student == "=cy" else {}
        about = {"student": student, "notes": notes, "from": f"/in/{student}.ipynb"}
        if student == "ann_77":
            about["from"] = "/in/ann_77_901_hers.ipynb"
        (results / f"{student}.json").write_text(json.dumps(about))
    monkeypatch.setattr(marks, "points_of", lambda folder, name, one: POINTS[one])
    return tmp_path


def fill(course) -> str:
    rows, results = marks.write(course, "09_x"), marks.results_of(course, "09_x")
    return lms.fill(course / "export.csv", "09_x", rows, results)


def table(path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_possible_total_is_the_same_for_all(course):
    marks.write(course, "09_x")
    rows = table(marks.table_of(course, "09_x"))
    assert {row["possible"] for row in rows} == {"12"}
    assert {row["possible by machine"] for row in rows} == {"4"}
    found = {row["student"]: (row["points"], row["waiting"]) for row in rows}
    assert found == {"ann_77": ("6", "1"), "bo": ("1", "0"), "'=cy": ("0", "0")}
    assert rows[0]["notes"] == "not graded: it is none"


def test_an_exercise_can_be_left_out_for_everyone(course):
    rows = marks.write(course, "09_x", ["9.2"])
    assert marks.write(course, "09_x") == rows  # as when the class is graded again
    assert {row["possible"] for row in rows} == {8}
    assert next(r["points"] for r in rows if r["student"] == "ann_77") == 4
    with pytest.raises(ValueError, match="has no exercise 9.9"):
        marks.write(course, "09_x", ["9.9"])
    with pytest.raises(ValueError, match="has no 08_y; it has 09_x"):
        marks.write(course, "08_y")
    assert {row["possible"] for row in marks.write(course, "09_x", [])} == {12}


CANVAS = """\
Student,ID,SIS Login ID,Section,09 x (5555),Final
    Points Possible,,,,12,
"Lee, Ann",77,alee,1,,
"Bo, Bo",78,bo,1,,
"Di, Di",79,di,1,3,
"""
MOODLE = """\
Identifier,Full name,Email address,Grade,Maximum Grade
Participant 77,Ann Lee,ann@x.org,,12
Participant 78,Bo Bo,bo@x.org,,12
"""


@pytest.mark.parametrize(
    "text, column",
    [(CANVAS, "09 x (5555)"), (MOODLE, "Grade")],
    ids=["Canvas", "Moodle"],
)
def test_a_table_of_the_platform_is_filled_in(course, text, column):
    (course / "export.csv").write_text(text)
    said = fill(course)
    assert said.startswith("2 marks in column") and said.endswith("table: =cy")
    filled, given = table(course / "export-filled.csv"), table(course / "export.csv")
    assert [row[column] for row in filled if row[column] in ("6", "1")] == ["6", "1"]
    for new, old in zip(filled, given, strict=True):  # nothing else has changed
        assert new | {column: ""} == old | {column: ""}


def test_a_table_without_a_column_for_the_marks(course):
    (course / "export.csv").write_text("Student,ID,Other (1)\n")
    with pytest.raises(ValueError, match="no column Grade .* 09_x .Canvas.; it has"):
        lms.fill(course / "export.csv", "09_x", [], {})


def test_a_platforms_number_is_no_other_number(course):
    text = "Identifier,Full name,ID number,Grade\nParticipant 5,Di Di,77,\n"
    (course / "export.csv").write_text(text)
    assert fill(course).startswith("0 marks in column")


@pytest.mark.parametrize(
    "rows, said",
    [
        (["bo@x.org,Bo A", "bo@y.org,Bo B"], "two rows fit bo"),
        (["bo@x.org,=cy"], "one row fits two students, (bo and =cy|=cy and bo)"),
    ],
)
def test_a_mark_is_one_students(rows, said, course):
    text = "Email address,Full name,Grade\n" + "".join(f"{row},\n" for row in rows)
    (course / "export.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        fill(course)
    assert not (course / "export-filled.csv").exists()


def test_feedback_goes_back_under_the_submissions_names(course):
    results = marks.results_of(course, "09_x")
    results["bo"]["from"] = "/in/Bo Bo_78_assignsubmission_file_/his.ipynb"
    with pytest.raises(ValueError, match="nbgrader generate_feedback 09_x"):
        lms.pack(course / "f.zip", course, "09_x", results)
    for student in results:
        page = course / "nbgrader" / "feedback" / student / "09_x" / "09_x.html"
        page.parent.mkdir(parents=True)
        page.write_text(student)
    assert lms.pack(course / "f.zip", course, "09_x", results).startswith("3 pages")
    assert sorted(zipfile.ZipFile(course / "f.zip").namelist()) == [
        "=cy/09_x.html",
        "Bo Bo_78_assignsubmission_file_/his.html",
        "ann_77_901_hers.html",
    ]
