"""Every command on the page for instructors exists and does what the page says.

They are read off the page, and run on the small chapter's course, in a copy of the
repository that consists of links. Where one would open a server, its help is asked for;
of `make`, what it would run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book.tools.notebooks import colab
from book.tools.notebooks.wheel import build_wheel
from ntkbook.page.exercises import answers
from tests.helpers import course as made
from tests.helpers import needs
from tests.helpers.course import SMALL

needs.package("nbgrader", get="make environment")
needs.package("otter", get="make environment")

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
# A line that ends in a backslash goes on in the next.
ONE_LINE = re.sub(r"\\\n *", "", PAGE)
BLOCKS = re.findall(r"(?ms)^( *)```sh\n(.*?)^ *```", ONE_LINE)
COMMANDS = [line.strip() for _, block in BLOCKS for line in block.splitlines()]
INLINE = re.findall(r"`(make [\w =-]+)`", PAGE)
# The page's names, and those of the small course.
NAMES = {"02_gradient_flow": SMALL, "2.3": "99.1", "SUBMISSIONS": "handed-in"}
NAMES["--chapters 02"] = "--chapters 99 --notebooks ../notebooks"
TABLES = {"canvas.csv": f"Student,ID,{SMALL} (1)\nAnn,77,\n"}
TABLES["moodle.csv"] = "Identifier,Grade\nParticipant 77,\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A repository of links, with a course in it and one submission."""
    folder = tmp_path_factory.mktemp("page")
    course, root = made.make(folder, SMALL), folder / "repository"
    root.mkdir()
    for path in ROOT.iterdir():
        if not path.name.startswith((".git", "_")):
            (root / path.name).symlink_to(path)
    (root / "_build").mkdir()
    shutil.move(course, root / "_build" / "course")
    course = root / "_build" / "course"
    nb = made.fill(made.handed_out(course, SMALL, "plain"), made.answers(course, SMALL))
    made.submit(root / "handed-in", "ann_77_1_x.ipynb", nb)
    for name, text in TABLES.items():
        (root / name).write_text(text)
    return root


def on_the_small_course(command: str) -> str:
    for name, ours in NAMES.items():
        command = command.replace(name, ours)
    if command.startswith("make "):
        return command.replace("make ", "make --dry-run ", 1)
    if command.startswith("jupyter lab"):
        return f"{command} --help"
    return command


def run(root: Path, command: str) -> str:
    bin = Path(sys.executable).parent
    env = os.environ | {"PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}
    # The tools are ours whether or not Python starts in the repository's folder.
    env |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, shell=True, cwd=root, env=env, text=True, capture_output=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.weekly
def test_the_commands_on_the_page_run_in_its_order(place):
    """One test: what one leaves, the next needs."""
    said, where = {}, place
    for _, block in BLOCKS:
        where = place  # each block starts in the repository's folder
        for line in block.splitlines():
            command = on_the_small_course(line.strip())
            if command.startswith("cd "):
                where = where / command.removeprefix("cd ")
                assert where.is_dir(), command
                continue
            said.setdefault(line.strip(), run(where, command))
    course = place / "_build" / "course"
    assert (
        "ann_77: 8 of 8 by machine"
        in said["python -m book.tools.course.grade SUBMISSIONS"]
    )
    assert (course / "marks" / f"{SMALL}.csv").exists()
    assert "Ann,77,8" in (place / "canvas-filled.csv").read_text()
    assert "Participant 77,8" in (place / "moodle-filled.csv").read_text()
    assert (place / "feedback.zip").stat().st_size > 1000
    assert list(course.glob(f"otter/{SMALL}/dist/student/{SMALL}.ipynb"))


@pytest.mark.parametrize("command", sorted({*INLINE, *COMMANDS[:1]}))
def test_make_knows_its_targets(command):
    assert run(ROOT, command.replace("make", "make --dry-run", 1))


def test_the_page_has_no_command_outside_of_the_blocks():
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", PAGE)
    assert not re.findall(r"`(?:nbgrader|otter|python|jupyter) [^`]*`", text)


def test_its_numbers_are_those_of_the_book(tmp_path):
    text = " ".join(PAGE.split())
    shapes = [record["boxes"][0]["grid"]["shape"] for record in answers().values()]
    said = f"Of the {len(shapes)} answers, {shapes.count([])} are single numbers."
    assert said in text
    carried = len(colab.as_text(build_wheel(tmp_path)))
    assert "contains the library (about a megabyte," in text
    assert 0.75e6 < carried < 1.25e6


def test_jupyterlab_offers_the_formgrader():
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "server", "extension", "list"],
        capture_output=True,
        text=True,
    )
    assert re.search(r"nbgrader.*formgrader.*enabled", listed.stdout + listed.stderr)
