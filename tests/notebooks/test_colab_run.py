"""The notebooks for Colab run cold, on the versions of jax and numpy that Colab has.

`make colab-environment` makes that environment (.venv-colab) with what Colab has and
nothing more, so that the first cell really has to install ntkbook, from the wheel that
it carries, and all that ntkbook needs and Colab lacks. Each notebook has an empty
environment on top of that one, where pip puts what it installs.

The first chapter runs each time; weekly (`make test-all`) all of them do, and each
student's notebook.
"""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import yaml

from book.tools.course import generate
from book.tools.files import NOTEBOOKS, WITH_GUIDES
from book.tools.notebooks import colab
from book.tools.notebooks.wheel import build_wheel
from tests.helpers import needs
from tests.helpers.draws import weekly

ROOT = Path(__file__).resolve().parents[2]

DEFAULT = ROOT / ".venv-colab" / "bin" / "python"
PYTHON = Path(os.environ.get("NTKBOOK_COLAB_PYTHON", DEFAULT))
CHAPTERS = sorted((ROOT / "notebooks").glob(NOTEBOOKS))
EVERY = sorted((ROOT / "notebooks").glob(WITH_GUIDES))
OFTEN = CHAPTERS[:1]

# Runs a notebook in the environment of the Python that runs this, in its own process.
RUN = """
import sys
import nbclient, nbformat
nb = nbformat.read(sys.argv[1], as_version=4)
client = nbclient.NotebookClient(nb, timeout=3600, startup_timeout=600)
client.kernel_name = "python3"
client.execute()
nbformat.write(nb, sys.argv[1])
"""


@pytest.fixture(scope="module", autouse=True)
def environment():
    needs.file(PYTHON, "Colab's environment", get="make colab-environment")


PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"


def on_top(python: Path, folder: Path) -> Path:
    """The Python of a new environment that has all of another's packages.

    What pip installs goes into the new one; it would uninstall nothing of the other's.
    """
    run(python, "-m", "venv", "--without-pip", folder)
    new = folder / "bin" / "python"
    below = run(python, "-c", PACKAGES).stdout.strip()
    path = Path(run(new, "-c", PACKAGES).stdout.strip(), "below.pth")
    path.write_text(f"import site; site.addsitedir({below!r})\n")
    return new


def versions(python: Path, *folders: Path) -> dict[str, str]:
    """What is installed there, or in these of its folders, by name."""
    code = "import sys; from importlib.metadata import distributions as d\n"
    code += "found = d(path=sys.argv[1:]) if sys.argv[1:] else d()\n"
    code += "print(*{f'{x.name} {x.version}' for x in found}, sep='\\n')"
    lines = run(python, "-c", code, *folders).stdout.split("\n")
    return dict(line.split() for line in lines if line)


def run(*command, **more) -> subprocess.CompletedProcess:
    # A clean environment: no ntkbook by way of PYTHONPATH or of the user's packages.
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env |= {"PYTHONNOUSERSITE": "1", "JUPYTER_PLATFORM_DIRS": "1"}
    env.pop("MPLBACKEND", None)  # the kernel's own, which shows figures inline
    done = subprocess.run(command, text=True, capture_output=True, env=env, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize(
    "path",
    [path if path in OFTEN else weekly(path) for path in EVERY],
    ids=lambda path: path.stem,
)
def test_a_chapter_runs_cold(path, tmp_path, wheel):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    colab.convert_all(path.parent, tmp_path, config, wheel)
    notebook = tmp_path / path.name
    nb = nbformat.read(notebook, as_version=4)
    for cell in nb.cells:
        if "answer" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace("answer = ...", "answer = -12345.678")
    verdicts = run_cold(nb, notebook, "answer")
    assert all("not yet" in text or "cannot" in text for text in verdicts)


@pytest.mark.weekly
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_students_notebook_runs_cold(path, tmp_path, wheel):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    settings = replace(colab.settings_of(config), wheel=wheel)
    generate.write(tmp_path / "course", path.parent, settings, [path.name[:2]])
    notebook = tmp_path / "course" / "student" / path.name
    nb = nbformat.read(notebook, as_version=4)
    verdicts = run_cold(nb, notebook, "check")
    assert all("replace the dots by your answer" in text for text in verdicts)


def run_cold(nb, notebook: Path, tag: str) -> list[str]:
    """Run a notebook with Colab's versions; what its cells with this tag answered."""
    folder = notebook.parent
    python = on_top(PYTHON, folder / "env")
    before = versions(python)
    assert before == versions(PYTHON)
    pins = dict(need.replace("_", "-").split("==") for need in colab.Settings().needs)
    lacks = {"ntkbook", *pins}
    names = {name.replace("_", "-") for name in before}
    assert not lacks & names, "run `make colab-environment`: it has more than Colab"
    nb.cells.append(nb.cells[1].copy())  # the first cell twice does no harm
    nb.cells[-1].id = "setup-again"
    nbformat.write(nb, notebook)
    run(python, "-c", RUN, notebook, cwd=folder)
    installed = versions(python, run(python, "-c", PACKAGES).stdout.strip())
    new = {name.replace("_", "-"): version for name, version in installed.items()}
    assert new.keys() == lacks and pins.items() <= new.items()
    assert not installed.keys() & before.keys()  # nothing was replaced
    assert versions(python) == before | installed
    verdicts = [
        output.get("data", {}).get("text/plain", "")
        for cell in nbformat.read(notebook, as_version=4).cells
        if tag in cell.metadata.get("tags", [])
        for output in cell.outputs
    ]
    assert len(verdicts) == sum(tag in c.metadata.get("tags", []) for c in nb.cells)
    return verdicts
