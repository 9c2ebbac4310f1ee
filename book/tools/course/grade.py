"""Grade a class: `python -m book.tools.course.grade nbgrader FOLDER ASSIGNMENT`.

    nbgrader FOLDER ASSIGNMENT     the submissions in FOLDER/submitted/
    otter FOLDER ASSIGNMENT        the notebooks in FOLDER/ASSIGNMENT/submitted/

The graders do the grading; this starts them for one submission at a time, in a process
of its own with an end to its time, and writes down each result at once, in
FOLDER/results/ASSIGNMENT/NAME.json. So whatever happens in between, run it again: only
what has no result, or was handed in anew, is graded. What cannot be graded at all gets
0 with the reason. The table at the end is also written as a CSV file.

First of all it runs the solutions once. If they fail, this machine would fail everyone;
and the programs that XLA compiles on the way, most of the work, are kept in
FOLDER/compiled/ASSIGNMENT, where the submissions may read and not write.
"""

import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

SECONDS = int(os.environ.get("COURSE_ALL_SECONDS", 900)) + 60
HERE = Path(sys.executable).parent  # where nbgrader finds the programs that it calls
NOT_GRADED = "not graded"


class Grader:
    """What nbgrader and otter have in common: a folder and an assignment."""

    def __init__(self, folder: Path, assignment: str):
        self.folder, self.assignment = folder.resolve(), assignment
        self.results = self.folder / "results" / assignment
        self.compiled = self.folder / "compiled" / assignment
        self.env = {
            "JAX_COMPILATION_CACHE_DIR": str(self.compiled),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        }

    @property
    def source(self) -> Path:
        """The notebook with the solutions, from which the grader makes the others."""
        raise NotImplementedError

    def submissions(self) -> dict[str, Path]:
        """Each student's notebook."""
        raise NotImplementedError

    def grade(self, student: str, notebook: Path) -> dict:
        """Points, by exercise, and notes on what went wrong.

        Raises:
            Failure: if the submission cannot be graded.
        """
        raise NotImplementedError

    def ready(self) -> None:
        """Make what students get, and what the grader grades with."""
        raise NotImplementedError

    def solve(self) -> None:
        """Run the solutions, unless that has been done, and keep what is compiled."""
        done = (
            self.compiled / f"{hashlib.sha256(self.source.read_bytes()).hexdigest()}.ok"
        )
        if done.exists():
            return
        try:
            command = ("nbconvert", "--execute", "--to", "notebook", "--stdout")
            self.run(*command, self.source)
        except Failure as problem:
            raise Failure(f"the solutions themselves fail here: {problem}") from None
        self.compiled.mkdir(parents=True, exist_ok=True)
        done.touch()

    def run(self, *command: str, limited: bool = False, **more) -> str:
        """Run the grader for one submission, and return what it printed."""
        with tempfile.TemporaryDirectory(prefix="course-") as scratch:
            # Nothing else is the student's to change (see grading/kernels).
            own = {"COURSE_SCRATCH": scratch, "TMPDIR": scratch}
            if limited:  # for graders that are not told by their own settings
                own["JUPYTER_PATH"] = str(
                    Path(__file__).with_name("grader_files").resolve()
                )
            try:
                return self._run(command, self.env | own, **more)
            finally:
                end_all(scratch)

    def _run(self, command: tuple[str, ...], env: dict[str, str], **more) -> str:
        env = os.environ | {"PATH": f"{HERE}{os.pathsep}{os.environ['PATH']}"} | env
        env |= {"PYTHONWARNINGS": "ignore"}
        with tempfile.TemporaryFile() as log:  # a kernel may write there without end
            try:
                done = subprocess.run(
                    [sys.executable, "-m", *map(str, command)],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=SECONDS,
                    env=env,
                    **more,
                )
            except subprocess.TimeoutExpired:
                raise Failure(f"stopped after {SECONDS} seconds") from None
            log.seek(max(0, log.seek(0, os.SEEK_END) - 100_000))
            printed = re.sub(r"\x1b\[[\d;]*m", "", log.read().decode(errors="replace"))
        if done.returncode:
            lines = [line for line in printed.splitlines() if line.strip()]
            error = re.compile(r"\s*[\w.]+(Error|Exception)")
            wrong = [line for line in lines if error.match(line)]
            raise Failure((wrong or lines or ["no message"])[-1].strip()[:300])
        return printed


class Failure(Exception):
    """Why a submission has no marks."""


def end_all(scratch: str) -> None:
    """End what a submission has left running: kernels that would not stop, and more."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"COURSE_SCRATCH={scratch}\0".encode() in environment.read_bytes():
                os.kill(int(environment.parent.name), signal.SIGKILL)
        except OSError:  # it has ended, or is another user's
            pass


class Nbgrader(Grader):
    @property
    def source(self):
        return self.folder / "source" / self.assignment / f"{self.assignment}.ipynb"

    def submissions(self):
        return {
            path.parent.parent.name: path
            for path in sorted(
                self.folder.glob(
                    f"submitted/*/{self.assignment}/{self.assignment}.ipynb"
                )
            )
        }

    def ready(self):
        if not (self.folder / "release" / self.assignment).is_dir():
            self.run(
                "nbgrader", "generate_assignment", self.assignment, "--force",
                cwd=self.folder,
            )  # fmt: skip

    def grade(self, student, notebook):
        self.run(
            "nbgrader", "autograde", self.assignment, "--student", student, "--force",
            cwd=self.folder,
        )  # fmt: skip
        graded = self.folder / "autograded" / student / self.assignment / notebook.name
        cells = nbformat.read(graded, as_version=4).cells
        notes = {}
        for cell in cells:
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    name = cell.metadata.get("nbgrader", {}).get("grade_id", "a cell")
                    notes[name] = f"{output.ename}: {output.evalue}"[:300]
        return {"points": self._points(student), "notes": notes}

    def _points(self, student: str) -> dict[str, dict]:
        from nbgrader.api import Gradebook

        url = f"sqlite:///{self.folder / 'gradebook.db'}?timeout=60"
        with Gradebook(url, "ntkbook") as book:
            submission = book.find_submission(self.assignment, student)
            return {
                grade.name: {
                    "score": grade.auto_score,
                    "max": grade.max_score,
                    "by hand": bool(grade.needs_manual_grade),
                }
                for notebook in submission.notebooks
                for grade in notebook.grades
            }


class Otter(Grader):
    def __init__(self, folder, assignment):
        super().__init__(folder, assignment)
        self.dist = self.folder / assignment / "dist"

    @property
    def source(self):
        return self.folder / self.assignment / f"{self.assignment}.ipynb"

    def submissions(self):
        found = sorted((self.folder / self.assignment / "submitted").glob("*.ipynb"))
        return {path.stem: path for path in found}

    def ready(self):
        if not list(self.dist.glob("autograder/*.zip")):
            self.run("otter", "assign", self.source, self.dist, cwd=self.folder)
        (autograder,) = self.dist.glob("autograder/*.zip")
        with zipfile.ZipFile(autograder) as made:
            if not any(name.startswith("tests/") for name in made.namelist()):
                raise Failure(f"{self.assignment} has only answers to be read by hand")

    def grade(self, student, notebook):
        (autograder,) = self.dist.glob("autograder/*.zip")
        with tempfile.TemporaryDirectory() as out:
            # The notebook opens itself by the name under which it was handed out; by
            # another its checks fail, and all tests see the last exercise's answer.
            renamed = shutil.copy(notebook, Path(out, f"{self.assignment}.ipynb"))
            printed = self.run(
                "otter", "run", "-a", autograder, "-o", out, "--no-logo", renamed,
                cwd=out, limited=True,
            )  # fmt: skip
            result = Path(out, "results.json")
            if not result.exists():
                raise Failure(printed.strip().splitlines()[-1][:300])
            tests = json.loads(result.read_text())["tests"]
        points, notes = {}, {}
        for test in tests:
            if "max_score" in test:
                points[test["name"]] = {
                    "score": test.get("score"),
                    "max": test["max_score"],
                    "by hand": test.get("score") is None,
                }
                if test.get("score") != test["max_score"]:
                    notes[test["name"]] = test.get("output", "")[:600]
        return {"points": points, "notes": notes}


def grade_one(grader: Grader, student: str, notebook: Path) -> dict:
    """The result of one submission: from its file, or made now and written there."""
    path = grader.results / f"{student}.json"
    digest = hashlib.sha256(notebook.read_bytes()).hexdigest()
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["digest"] == digest:
            return found
    result = {"points": {}, "notes": {}}
    try:
        nb = nbformat.read(notebook, as_version=4)
        nbformat.validate(nb)
        result = grader.grade(student, notebook)
    except Failure as reason:
        result["notes"] = {NOT_GRADED: str(reason)}
    except Exception as error:  # whatever nbformat makes of what is no notebook
        reason = str(error).splitlines()[0][:200] if str(error) else ""
        result["notes"] = {NOT_GRADED: f"{type(error).__name__}: {reason}"}
    result |= {"student": student, "digest": digest}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1), encoding="utf-8")
    part.rename(path)
    print(line(result), flush=True)
    return result


def score(result: dict) -> tuple[float, float, int]:
    """The points that a machine can give: got and possible; and how many cells wait."""
    points = result["points"].values()
    machine = [p for p in points if not p["by hand"]]
    got = sum(p["score"] or 0 for p in machine)
    return got, sum(p["max"] for p in machine), len(points) - len(machine)


def line(result: dict) -> str:
    """One line on one submission."""
    got, most, waiting = score(result)
    text = f"{result['student']}: {got:g} of {most:g}"
    if waiting:
        text += f", {waiting} answers to be graded by hand"
    if reason := result["notes"].get(NOT_GRADED):
        text = f"{result['student']}: 0, not graded: {reason}"
    elif dead := [n for n in result["notes"].values() if "kernel died" in n]:
        text += f"; {dead[0]}"
    return text


def grade_all(grader: Grader, jobs: int) -> list[dict]:
    """Grade what has not been graded; a result for each submission."""
    found = grader.submissions()
    if not found:
        raise Failure(f"there are no submissions of {grader.assignment}")
    grader.ready()
    grader.solve()
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda one: grade_one(grader, *one), found.items()))
    with (grader.results / "marks.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["student", "points", "possible", "by hand", "notes"])
        for result in results:
            notes = "; ".join(f"{k}: {v}" for k, v in result["notes"].items())
            table.writerow([result["student"], *score(result), notes])
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("grader", choices=["nbgrader", "otter"])
    parser.add_argument("folder", type=Path, help="such as _build/course/nbgrader")
    parser.add_argument("assignment", help="such as 02_gradient_flow")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    given = parser.parse_args()
    kind = {"nbgrader": Nbgrader, "otter": Otter}[given.grader]
    grader = kind(given.folder, given.assignment)
    try:
        results = grade_all(grader, given.jobs)
    except Failure as problem:
        sys.exit(f"Nothing was graded: {problem}")
    failed = sum(NOT_GRADED in result["notes"] for result in results)
    print(f"{len(results)} submissions, {failed} that could not be graded: "
          f"{grader.results / 'marks.csv'}")  # fmt: skip


if __name__ == "__main__":
    main()
