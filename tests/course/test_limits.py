"""The kernel for graders: what runs wild is stopped, and harms nothing outside.

Each case is a student's cell, run as nbgrader and otter run one; the question is what
the cell leaves behind, and whether the kernel goes on or ends with a reason.
"""

import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError, DeadKernelError

from tests.helpers import needs
from tests.helpers.draws import weekly

ROOT = Path(__file__).resolve().parents[2]
GRADING = ROOT / "book" / "tools" / "course" / "grader_files"

needs.that(sys.platform.startswith("linux"), "Linux", get="a machine that runs it")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel with limits, and the folder in which it may change files."""
    scratch = tmp_path_factory.mktemp("scratch")
    before = os.environ.copy()
    os.environ |= {"JUPYTER_PATH": str(GRADING), "COURSE_SCRATCH": str(scratch)}
    os.environ["COURSE_MEMORY_MB"] = "3000"
    os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)  # it may not write there
    try:
        client = Client(nbformat.v4.new_notebook(), timeout=600, kernel_name="python3")
        with client.setup_kernel():
            yield client, scratch
    finally:
        os.environ.clear()
        os.environ.update(before)


class Client(nbclient.NotebookClient):
    def run(self, source: str):
        """Execute one cell, and return it."""
        cell = nbformat.v4.new_code_cell(source)
        self.nb.cells.append(cell)
        self.execute_cell(cell, len(self.nb.cells) - 1)
        return cell


def printed(cell) -> str:
    return "".join(o.text for o in cell.outputs if o.output_type == "stream")


def alive(client) -> bool:
    """Whether the kernel still answers; a value is shown where printing is used up."""
    (output,) = client.run("6 * 7").outputs
    return output.data["text/plain"] == "42"


def test_ordinary_code_runs(kernel):
    client, scratch = kernel
    cell = client.run(
        "import jax.numpy as jnp, matplotlib.pyplot as plt, tempfile, os\n"
        "a = jnp.ones((1500, 1500)); print(float((a @ a)[0, 0]))\n"
        "plt.plot([0, 1]); plt.savefig('mine.png'); plt.close()\n"
        "with tempfile.TemporaryFile() as f: f.write(b'x')\n"
        "print(os.getcwd())\n"
    )
    assert printed(cell).split() == ["1500.0", str(scratch)]
    assert (scratch / "mine.png").exists()


def test_a_cell_that_eats_memory_ends_in_a_memory_error(kernel):
    client, _ = kernel
    with pytest.raises(CellExecutionError, match="MemoryError"):
        client.run("eaten = []\nwhile True:\n    eaten.append(bytearray(10**8))")
    client.run("del eaten")
    assert alive(client)


@pytest.mark.parametrize(
    "source",
    [
        weekly("for i in range(10**6): print('x' * 99)"),
        "print('x' * 10**9)",
        weekly("import sys; sys.stderr.write('x' * 10**9); print()"),
        "import os\nfor i in range(10**4): os.write(1, b'x' * 10**5)",
    ],
    ids=["lines", "at once", "to stderr", "past Python"],
)
def test_a_gigabyte_of_output_is_cut(kernel, source):
    client, _ = kernel
    assert len(printed(client.run(source))) < 2e6
    assert alive(client)


def test_files_elsewhere_cannot_be_changed(kernel, tmp_path):
    client, _ = kernel
    found = client.run("import os; print(os.environ['COURSE_GUARDED'])")
    landlock = "a kernel that has it: Linux 5.13, with landlock in its list of modules"
    needs.that(printed(found) != "no\n", "Landlock", get=landlock)
    mine = tmp_path / "marks.csv"
    mine.write_text("kept")
    for source in (
        f"import os; os.remove({str(mine)!r})",
        f"open({str(mine)!r}, 'w')",
        f"import os; os.truncate({str(mine)!r}, 0)",
        f"import os; os.rename({str(mine)!r}, 'mine')",
        f"import shutil; shutil.rmtree({str(tmp_path)!r})",
        f"import os; os.mkdir({str(tmp_path / 'new')!r})",
        f"import subprocess; subprocess.run(['rm', {str(mine)!r}], check=True)",
    ):
        with pytest.raises(CellExecutionError):
            client.run(source)
    assert mine.read_text() == "kept" and list(tmp_path.iterdir()) == [mine]


def test_its_own_files_may_be_deleted(kernel):
    client, scratch = kernel
    client.run("import pathlib; pathlib.Path('own').write_text('x')")
    client.run("import os; os.remove('own')")
    assert not (scratch / "own").exists()


def test_a_huge_file_is_not_written(kernel):
    client, scratch = kernel
    with pytest.raises(CellExecutionError, match="OSError"):
        client.run(
            "with open('huge', 'wb') as f:\n"
            "    [f.write(b'x' * 10**7) for _ in range(99)]"
        )
    assert (scratch / "huge").stat().st_size <= 2**27
    (scratch / "huge").unlink()


def test_a_loop_is_interrupted_at_the_time_limit(kernel):
    client, _ = kernel
    client.timeout, client.interrupt_on_timeout = 2, True
    try:
        with pytest.raises(CellExecutionError, match="KeyboardInterrupt"):
            client.run("while True: pass")
    finally:
        client.timeout = 600
    assert alive(client)


def test_processor_time_is_limited_whatever_the_code_does(kernel):
    """Last here: the kernel dies of it, as it should."""
    client, _ = kernel
    with pytest.raises(DeadKernelError):
        client.run(
            "import resource, time\nsoon = int(time.process_time()) + 2\n"
            "resource.setrlimit(resource.RLIMIT_CPU, (soon, soon))\n"
            "while True:\n    try:\n        while True: pass\n    except BaseException:"
            "\n        pass"
        )
