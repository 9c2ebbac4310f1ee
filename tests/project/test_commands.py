"""Every command that a page tells its readers to run, read off the page.

Each is run here, in a copy of the repository, or by a workflow or another test, or a
reason stands here why not. A command that is new on a page fails until it has a place.
(The commands in blocks on the page for instructors: course/test_instructors_page.py.)
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from tests.helpers.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md"]
PAGES += [*ROOT.glob("book/*.md"), *ROOT.glob(".github/**/*.md"), ROOT / "book/api.rst"]
PROGRAMS = r"make|(?:\.venv/bin/)?(?:python3?|pip)|jupyter|git|uv|apt-get|export"
OWN_TEST = "instructors.md"

# Which of the commands a test here runs: see there what has to come of it.
RUN_HERE = {
    "make answers",
    "make book SOLUTIONS=no",
    "make chapter NAME=10_foretelling",
    "make clean",
    "make course",
    "make execute NOTEBOOK=notebooks/03_width_scaling.ipynb",
    "make format",
    "make help",
    "make lab",
    "make live",
    "make posters",
    "make serve",
    "pip install .",
    "pip list",
    ".venv/bin/python -m pytest tests/library/chapters/test_width.py -k drift",
    "python -m benchmarks",
}

# Which are run elsewhere: the file, and what in it runs them.
RUN_ELSEWHERE = {
    "make book": ("Makefile", "\nserve: book"),
    "make check": ("Makefile", "\ncheck: lint types"),
    "make course VARIANT=7": ("tests/course/test_instructors_page.py", "COMMANDS"),
    "make course VARIANT=7 REPLACE=yes":
        ("tests/course/test_generate.py", 'main("--replace")'),
    "make matrix": (".github/workflows/weekly.yml", "make matrix"),
    "make pdf": (".github/workflows/publish.yml", "make pdf"),
    "make record": ("Makefile", "if [ -e .testmondata ]; then $(RECORD)"),
    "make run RUN=04_images": (".github/workflows/runs.yml", "make run RUN=04_images"),
    "make run RUN=06_signs": ("tests/project/test_runs.py", 'glob("*.py")'),
    "make test": (".ci/run", "make test"),
    "make test-all": (".github/workflows/weekly.yml", "make test-all"),
    "make lint": ("Makefile", "STAGES := environment lint"),
    "make test-library": ("Makefile", "STAGES := environment lint test-library"),
    ".venv/bin/python -m pytest --nbval notebooks/03_width_scaling.ipynb":
        ("Makefile", "$(NBVAL) $(CHAPTERS)"),
    "python -m ntkbook.critique --trials 50 --out results/critique":
        ("tests/library/chapters/test_critique_study.py", "command.main("),
}  # fmt: skip

NOT_RUN = {
    "make bench": "it needs PyTorch and a machine that does nothing else",
    "make book PYTHON=/path/to/python3.12": "makes an environment; test_environment.py",
    "make lock": "it would write other pins",
    "git tag v0.2.0 && git push --tags": "publishes",
    "apt-get install bubblewrap": "changes the system",
    "apt-get install firefox-esr webkit2gtk-driver xvfb xauth": "changes the system",
    "apt-get install chromium firefox-esr": "changes the system",
    "apt-get install git make python3 python3-venv": "changes the system",
    "apt-get install python3-venv": "changes the system; test.yml does it",
    'pip install --no-deps "neural-tangents==0.6.5" "frozendict>=2.4"': "from an index",
    "pip install -r benchmarks/empirical/requirements.txt": "from an index",
    ".venv/bin/pip install -r benchmarks/empirical/requirements.txt": "from an index",
    '.venv/bin/pip install "jax[cuda12]==$version"': "needs a GPU",
    """.venv/bin/pip install "jax[cuda12]==$(.venv/bin/python -c """
    """'import jax; print(jax.__version__)')\"""": "needs a GPU",
    'export PATH="$PWD/.venv/bin:$PATH"': "course/test_instructors_page.py sets it",
}


def commands_on(page: Path) -> set[str]:
    """The commands of a page: lines of its blocks of sh, and what is marked as code."""
    return commands_in(page.read_text(encoding="utf-8"), page.name != OWN_TEST)


def commands_in(text: str, blocks: bool = True) -> set[str]:
    found = []
    fences = re.findall(r"(?ms)^ *```sh\n(.*?)^ *```", text)
    fences += ["".join(re.findall(r"(?m)^    (?:make|pip)\b.*\n", text))]
    for block in fences if blocks else []:
        lines = re.sub(r"\\\n\s*", "", block).splitlines()
        found += [line for line in lines if not re.match(r"\s*(version=|cd )", line)]
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", text)
    found += re.findall(rf"`((?:{PROGRAMS})(?:\s[^`]*)?)`", text)
    return {" ".join(re.sub(r"  +# .*", "", line).split()) for line in found}


def commands() -> set[str]:
    found = set().union(*map(commands_on, PAGES))
    for path in ROOT.glob("notebooks/*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                found |= commands_in("".join(cell["source"]))
    for path in ROOT.glob("ntkbook/page/claims/*.toml"):
        found |= commands_in(path.read_text(encoding="utf-8"))
    return found


COMMANDS = sorted(commands())


def test_commands_are_read_off_pages():
    text = "`make x`\n\n```sh\nmake y   # why\n.venv/bin/pip \\\n    z\n```\n`made`"
    assert commands_in(text) == {"make x", "make y", ".venv/bin/pip z"}


def test_every_command_has_its_place():
    places = {*RUN_HERE, *RUN_ELSEWHERE, *NOT_RUN}
    words = {"make", "git", "uv", "python3", "pip"}  # only named
    assert sorted(set(COMMANDS) - places - words) == []
    assert len(places) == len(RUN_HERE) + len(RUN_ELSEWHERE) + len(NOT_RUN)
    # A place that nothing needs any more goes.
    assert sorted(places - set(COMMANDS)) == []


@pytest.mark.parametrize(("file", "words"), RUN_ELSEWHERE.values())
def test_where_a_command_is_run_it_is_written(file, words):
    assert words in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_make_knows_what_pages_ask_of_it(command):
    # Without asking JAX which of its flags it knows: that starts it twice.
    dry = ["make", "--dry-run", "KNOWN=", *command.split()[1:]]
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(dry, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


# ---------------------------------------------------------------- those that are run

weekly = pytest.mark.weekly


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository's files in a folder of their own, where nothing can reach this
    environment: `.venv` there has scripts that call its programs, and what would make
    or clear an environment is replaced by what does nothing.
    """
    folder = tmp_path_factory.mktemp("commands") / "repository"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(listed, cwd=ROOT, text=True).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "book" / "tools" / "environment.py").write_text("")
    own = folder / ".venv" / "bin"
    own.mkdir(parents=True)
    for program in (Path(sys.prefix) / "bin").iterdir():
        if program.is_file() and os.access(program, os.X_OK):
            (own / program.name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
            (own / program.name).chmod(0o755)
    assert not any(path.is_symlink() for path in (folder / ".venv", own))
    return folder


def environment(copy: Path) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    path = f"{copy / '.venv' / 'bin'}{os.pathsep}{env['PATH']}"
    return env | {"PATH": path, "PYTHONPATH": str(copy)}


def run(copy: Path, command: str) -> str:
    done = subprocess.run(
        command, shell=True, cwd=copy, env=environment(copy), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


@weekly
def test_those_that_say_something(copy):
    assert "make test-all" in run(copy, "make help")
    assert re.search(r"(?m)^jax ", run(copy, "pip list"))
    drift = ".venv/bin/python -m pytest tests/library/chapters/test_width.py -k drift"
    assert " passed" in run(copy, drift)
    assert "loop" in run(copy, "python -m benchmarks loop --small")


@weekly
def test_format_formats(copy):
    path = copy / "tests" / "ugly.py"
    # One line is too long, until it is formatted: that stops nothing.
    path.write_text("import os\nx = { 'a':1 }\ny = [" + "1, " * 50 + "2]\n")
    run(copy, "make format")
    assert path.read_text().startswith('x = {"a": 1}\ny = [\n')
    path.unlink()


@weekly
def test_what_is_made_from_the_chapters_is_what_is_there(copy):
    made = ["ntkbook/page/exercises/answers.json"]
    made += [
        f"ntkbook/page/browser/figures/{name}.svg" for name in ("train", "tangent")
    ]
    for name in made:
        (copy / name).write_text("{}" if name.endswith(".json") else "")
    run(copy, "make answers")
    run(copy, "make posters")
    for name in made:
        assert (copy / name).read_text() == (ROOT / name).read_text()


@weekly
def test_a_chapter_is_started_and_executed(copy):
    files = run(copy, "make chapter NAME=98_foretelling").split()
    assert "notebooks/98_foretelling.ipynb" in files
    run(copy, "make execute NOTEBOOK=notebooks/98_foretelling.ipynb")
    nb = nbformat.read(copy / "notebooks" / "98_foretelling.ipynb", as_version=4)
    assert any(cell.get("outputs") for cell in nb.cells)
    for name in files:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
        else:
            (copy / name).unlink()


@weekly
def test_the_library_is_installed(copy, tmp_path):
    run(copy, f"pip install --no-deps --no-build-isolation --target {tmp_path} .")
    assert (tmp_path / "ntkbook" / "__init__.py").exists()


@weekly
def test_the_course_and_a_book_without_solutions(copy):
    run(copy, "make course")
    assert list((copy / "_build" / "course" / "student").glob("*.ipynb"))
    run(copy, "make book SOLUTIONS=no")
    page = (copy / "_build/html/notebooks/01_taylor_expansion.html").read_text()
    assert "exercise" in page and 'class="solution' not in page


@weekly
@pytest.mark.parametrize(
    ("command", "path"),
    [("make serve", "book/start.html"), ("make live", "book/start.html"),
     ("make lab", "api")],
)  # fmt: skip
def test_those_that_serve_answer_until_interrupted(copy, tmp_path, command, path):
    port = free_port()
    lab = {"ServerApp": {"allow_root": True, "open_browser": False, "port": port}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(lab))
    own = {"JUPYTER_CONFIG_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [*command.split(), f"PORT={port}"], cwd=copy, env=environment(copy) | own,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(3600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5)
                break
            except OSError:
                assert process.poll() is None, process.stdout.read()
                time.sleep(0.25)
        else:
            pytest.fail(f"{command} does not answer")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


@weekly
def test_clean_cleans(copy):
    """Last: nothing is left to run."""
    (copy / "_build" / "html").mkdir(parents=True, exist_ok=True)
    run(copy, "make clean")
    assert not (copy / ".venv").exists() and not (copy / "_build" / "html").exists()
    assert Path(sys.executable).exists()  # and this environment is not that one
