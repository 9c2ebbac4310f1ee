"""Grade a class: `python -m book.tools.course.grade SUBMISSIONS`.

SUBMISSIONS is a folder with what students handed in: notebooks of any name, in
nbgrader's tree, as Moodle or Canvas pack them, or side by side, of one chapter or of
several, made from any of the copies for students (see `submissions` and `prepare`).
nbgrader does the grading, one submission at a time in a process of its own with an end
to its time and no reach beyond it (see `contained`).

Each result is written down at once, in COURSE/nbgrader/results/ASSIGNMENT/STUDENT.json,
and before it that it was begun. So whatever happens in between, run it again: only what
has no result, or was handed in anew, is graded; what was under way comes last, by
itself. What cannot be graded has 0 and the reason. The table at the end is `marks`'s.

First of all the solutions run once. If they fail, this machine would fail everyone; and
the programs that XLA compiles on the way, most of the work, are kept in
COURSE/nbgrader/compiled/ASSIGNMENT, where the submissions may read and not write.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import nbformat

from book.tools.course import marks
from book.tools.course.contained import ENDED, STOPPED
from book.tools.course.prepare import digest, prepare
from book.tools.course.submissions import Submission, Unreadable, found_in, read
from ntkbook.machine.whole_files import replacing

SECONDS = int(os.environ.get("COURSE_ALL_SECONDS", 900)) + 60
ATTEMPTS = 3
COURSE = Path("_build", "course")  # of the repository in whose folder this runs
CONTAINED = Path(__file__).with_name("contained.py")
HERE = Path(sys.executable).parent  # where nbgrader finds the programs that it calls
NOT_GRADED = marks.NOT_GRADED
by_hand = threading.Event()  # Ctrl-C, which is no submission's doing


class Failure(Exception):
    """Why a submission, or all of them, have no marks."""


class Assignment:
    """What nbgrader grades together: one chapter's exercises."""

    def __init__(self, course: Path, name: str, sandbox: bool = True):
        self.given = [] if sandbox else ["--without-sandbox"]
        self.folder, self.name = course.resolve() / "nbgrader", name
        self.results = self.folder / "results" / name
        self.compiled = self.folder / "compiled" / name
        self.source = self.folder / "source" / name / f"{name}.ipynb"
        self.release = self.folder / "release" / name / f"{name}.ipynb"
        self.env = {
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(self.compiled),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        }

    def version(self) -> str:
        """A digest of the source: when that changes, all are graded again."""
        return hashlib.sha256(self.source.read_bytes()).hexdigest()

    def ready(self) -> None:
        """Make what students get, and what nbgrader grades with."""
        stamp = self.release.with_suffix(".made-from")
        if not stamp.exists() or stamp.read_text() != self.version():
            command = ("nbgrader", "generate_assignment", self.name, "--force")
            self.run(*command, cwd=self.folder)
            stamp.write_text(self.version())
        file = self.folder / "known" / f"{self.name}.json"
        self.template = nbformat.read(self.release, as_version=4)
        released = {digest(cell.source) for cell in self.template.cells}
        self.handed_out = released | set(json.loads(file.read_text()))

    def solve(self) -> None:
        """Run the solutions, unless that has been done, and keep what is compiled.

        First freely, then as submissions run, so that a system on which these cannot
        run fails nobody.

        Raises:
            Failure: if they fail, or if submissions would not be shut in.
        """
        start = self.folder / "kernels" / "python3" / "start.py"
        check = [sys.executable, "-P", start, "--check", *self.given]
        done = subprocess.run(check, capture_output=True, text=True)
        if done.returncode:
            raise Failure((done.stderr.strip().splitlines() or ["no reason"])[-1])
        done = self.compiled / f"{self.version()}.ok"
        if done.exists():
            return
        command = ("nbconvert", "--execute", "--to", "notebook", "--stdout")
        config = f"--config={self.folder / 'nbgrader_config.py'}"
        try:
            self.run(*command, self.source)
            self.run(*command, config, self.source)
        except Failure as problem:
            raise Failure(f"the solutions themselves fail here: {problem}") from None
        self.compiled.mkdir(parents=True, exist_ok=True)
        done.touch()

    def grade(self, one: Submission) -> dict:
        """Points, by graded cell, and notes on what went wrong.

        Raises:
            Failure, Unreadable: if the submission cannot be graded.
        """
        nb, written = prepare(read(one.path), self.template, self.handed_out)
        if nb is None:
            raise Failure(marks.STRANGE)
        place = self.folder / "prepared" / one.student / self.name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        nbformat.write(nb, place / f"{self.name}.ipynb")
        self.run(
            "nbgrader", "autograde", self.name, f"--student={one.student}", "--force",
            "--CourseDirectory.submitted_directory=prepared", cwd=self.folder,
        )  # fmt: skip
        graded = self.folder / "autograded" / one.student / self.name
        cells = nbformat.read(graded / f"{self.name}.ipynb", as_version=4).cells
        notes = {}
        for cell in cells:
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    name = cell.metadata.get("nbgrader", {}).get("grade_id", "a cell")
                    notes[name] = f"{output.ename}: {output.evalue}"[:300]
        points = marks.points_of(self.folder, self.name, one.student)
        return {"points": points, "notes": notes, "written": written}

    def run(self, *command, cwd: Path | None = None) -> str:
        """Run a command of the graders', contained; returns what it printed."""
        env = os.environ | {"PATH": f"{HERE}{os.pathsep}{os.environ['PATH']}"}
        env |= self.env | {"PYTHONWARNINGS": "ignore"}
        whole = [sys.executable, "-P", CONTAINED, str(SECONDS)]
        whole += [sys.executable, "-m", *map(str, command)]
        with tempfile.TemporaryFile() as log:  # a kernel may write there without end
            done = subprocess.run(
                whole, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=cwd
            )
            log.seek(max(0, log.seek(0, os.SEEK_END) - 100_000))
            printed = re.sub(r"\x1b\[[\d;]*m", "", log.read().decode(errors="replace"))
        if done.returncode == ENDED:
            raise KeyboardInterrupt  # so nothing is written down
        if done.returncode == STOPPED:
            raise Failure(f"stopped after {SECONDS} seconds")
        if done.returncode:
            lines = [line for line in printed.splitlines() if line.strip()]
            error = re.compile(r"\s*[\w.]+(Error|Exception)")
            wrong = [line for line in lines if error.match(line)]
            raise Failure((wrong or lines or ["no message"])[-1].strip()[:300])
        return printed


def grade_one(assignment: Assignment, one: Submission) -> dict:
    """The result of one submission: from its file, or made now and written there."""
    path = assignment.results / f"{one.student}.json"
    version = state(assignment, one)
    if (found := _json(path)).get("digest") == version:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_suffix(".begun")
    times = 1 + times_begun(assignment, one)
    _write(begun, {"digest": version, "times": times})
    result = {"points": {}, "notes": {}, "written": []}
    try:
        if times > ATTEMPTS:
            raise Failure(
                f"grading ended {ATTEMPTS} times in the middle of it; look at it "
                f"yourself, then delete {begun.name} and its result to try again"
            )
        result |= assignment.grade(one)
    except KeyboardInterrupt:
        if by_hand.is_set():
            _write(begun, {"digest": version, "times": times - 1})
        raise
    except (Failure, Unreadable) as reason:
        result["notes"] = {NOT_GRADED: str(reason)}
    except Exception as error:  # it shall not stop the others
        reason = str(error).splitlines()[0][:200] if str(error) else ""
        result["notes"] = {NOT_GRADED: f"{type(error).__name__}: {reason}"}
    result |= {"student": one.student, "digest": version, "from": str(one.path)}
    _write(path, result)
    if times <= ATTEMPTS:
        begun.unlink()
    print(marks.line(assignment.name, result), flush=True)
    return result


def state(assignment: Assignment, one: Submission) -> str:
    """A digest of what is graded, and of what it is graded with."""
    content = one.path.read_bytes()
    return hashlib.sha256(content + assignment.version().encode()).hexdigest()


def times_begun(assignment: Assignment, one: Submission) -> int:
    """How often this submission was begun and never finished."""
    found = _json(assignment.results / f"{one.student}.begun")
    return found["times"] if found.get("digest") == state(assignment, one) else 0


def _json(path: Path) -> dict:
    """What was written there; nothing where a power cut has damaged it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write(path: Path, content: dict) -> None:
    with replacing(path) as file:
        json.dump(content, file, indent=1)


@contextmanager
def alone(course: Path):
    """Keep others from grading the same course meanwhile."""
    with (course / "nbgrader" / "grading.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure("another command is grading this course") from None
        yield


def grade_all(
    folder: Path, course: Path = COURSE, jobs: int = 2, sandbox: bool = True
) -> dict[str, dict]:
    """Grade what has not been graded.

    Args:
        sandbox: whether to refuse where Linux can shut nothing in.

    Returns:
        by assignment and student, the result of each submission in the folder.
    """
    about = marks.about(course)
    found = found_in(folder, about["assignments"])
    if not found:
        raise Failure(f"there is no notebook in {folder}")
    results: dict[str, dict] = {}
    with alone(course), ThreadPoolExecutor(jobs) as pool:
        for name in sorted({one.assignment for one in found}):
            those = [one for one in found if one.assignment == name]
            if not name:
                for one in those:
                    print(f"{one.student}: {one.path}: {marks.STRANGE}", flush=True)
                continue
            assignment = Assignment(course, name, sandbox)
            assignment.ready()
            assignment.solve()
            # What may have ended the grading comes last, and alone: it shall take
            # no other with it.
            times = {one: times_begun(assignment, one) for one in those}
            fresh = [one for one in those if not times[one]]
            again = sorted((one for one in those if times[one]), key=times.get)
            step = partial(grade_one, assignment)
            made = [*pool.map(step, fresh), *map(step, again)]
            results[name] = {result["student"]: result for result in made}
            marks.write(course, name)
    return results


def stop(*_) -> None:
    by_hand.set()
    raise KeyboardInterrupt


def main() -> None:
    signal.signal(signal.SIGINT, stop)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("submissions", type=Path, help="a folder of notebooks")
    parser.add_argument("--course", type=Path, default=COURSE)
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument(
        "--without-sandbox",
        action="store_true",
        help="grade where submissions can read and change whatever you can",
    )
    given = parser.parse_args()
    sandbox = not given.without_sandbox
    try:
        results = grade_all(given.submissions, given.course, given.jobs, sandbox)
    except (Failure, ValueError) as problem:
        sys.exit(f"Nothing was graded: {problem}")
    except KeyboardInterrupt:
        sys.exit("Stopped. What was graded is kept; run it again for the rest.")
    for name, graded in results.items():
        failed = sum(NOT_GRADED in result["notes"] for result in graded.values())
        print(f"{name}: {len(graded)} submissions, {failed} that could not be graded: "
              f"{marks.table_of(given.course, name)}")  # fmt: skip


if __name__ == "__main__":
    main()
