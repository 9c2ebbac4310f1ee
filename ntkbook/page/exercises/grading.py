"""The tests that graders run: marks for the form of an answer, and for a right one.

`form` and `right` raise where there are no marks; that is how nbgrader and otter count.
They run in the student's own process, where a student can change anything, these
functions too. So both also put the answer itself among the cell's outputs, and
`doubt` looks at it again from outside, in the grader's process: `make course` writes
that into nbgrader's configuration.
"""

import ast

import numpy as np

from ntkbook.page.exercises import Verdict, answers, check
from ntkbook.page.exercises.sealing import MAX_ENTRIES, Malformed, as_array

MIME = "application/vnd.ntkbook.answer+json"


def form(id: str, answer, key: str | None = None) -> None:
    """Raise unless the answer is of the kind and the shape that is asked for."""
    verdict = _shown(id, answer, key)
    assert verdict.formed, f"exercise {verdict.id}: {verdict.message}"


def right(id: str, answer, key: str | None = None) -> None:
    """Raise unless the answer is right."""
    verdict = _shown(id, answer, key)
    assert verdict.right, f"exercise {verdict.id}: {verdict.message}"


def doubt(source: str, outputs: list[dict]) -> str | None:
    """Why a graded cell deserves no marks, or None where it does or holds no test.

    Args:
        source: the cell's code as it was handed out, which calls `form` or `right`.
        outputs: what it left in the student's notebook.
    """
    if not (call := _call(source)):
        return None
    test, id, key = call
    given = [o["data"][MIME] for o in outputs if MIME in o.get("data", {})]
    if not given:
        return f"exercise {id}: the cell did not hand in an answer"
    try:
        answer = _from_json(given[-1])
        verdict = check(id, answer, key)
    except (ValueError, TypeError, KeyError):
        return f"exercise {id}: what the cell handed in is not an answer"
    if getattr(verdict, test):
        return None
    if key and id in answers() and check(id, answer):
        return f"exercise {id}: right for the book's own numbers, and not for these"
    return f"exercise {verdict.id}: {verdict.message}"


def _shown(id: str, answer, key: str | None) -> Verdict:
    from IPython.display import display

    verdict = check(id, answer, key)
    data = {"text/plain": repr(verdict), MIME: _to_json(answer)}
    display(data, raw=True)
    return verdict


def _to_json(answer) -> dict:
    """The answer in what JSON knows, or nothing where it is none."""
    if isinstance(answer, str):
        return {"text": answer[:1000]}
    try:
        array = as_array(answer)
    except Malformed:
        return {}
    kept = array.ravel()[:MAX_ENTRIES].tolist() if array.size <= MAX_ENTRIES else []
    return {"kind": array.dtype.kind, "shape": list(array.shape), "entries": kept}


def _from_json(given: dict):
    if not given:
        return None
    if "text" in given:
        return str(given["text"])
    kinds = {"b": bool, "i": np.int64, "u": np.uint64, "f": np.float64}
    return np.array(given["entries"], kinds[given["kind"]]).reshape(given["shape"])


def _call(source: str) -> tuple[str, str, str | None] | None:
    """The test that a cell calls: `("right", "2.3", key)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            test = {"form": "formed", "right": "right"}.get(node.func.attr)
            if test and getattr(node.func.value, "id", "") == "grading":
                keys = [ast.literal_eval(k.value) for k in node.keywords]
                return test, ast.literal_eval(node.args[0]), (keys or [None])[0]
    return None
