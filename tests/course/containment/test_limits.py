"""The kernel for graders: what runs wild is stopped, and harms nothing outside.

Each case is a student's cell, run as nbgrader runs one; the question is what the cell
leaves behind, and whether the kernel goes on or ends with a reason. All of them are run
in bubblewrap, where it is installed and works, and with Landlock alone.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

from tests.helpers import needs
from tests.helpers.course import sandbox
from tests.helpers.draws import weekly

ROOT = Path(__file__).resolve().parents[3]

needs.that(sys.platform.startswith("linux"), "Linux", get="a machine that runs it")


@pytest.fixture(scope="module", params=sandbox.KINDS)
def kernel(request):
    """A kernel with limits, and what shuts it in."""
    sandbox.need()
    folder = Path(tempfile.mkdtemp(prefix="course-", dir="/tmp"))
    (folder / "scratch").mkdir()
    (folder / "run").mkdir()
    before = os.environ.copy()
    os.environ |= {"JUPYTER_PATH": str(sandbox.GRADING), "COURSE_MEMORY_MB": "3000"}
    os.environ |= {"COURSE_SCRATCH": str(folder / "scratch")}
    os.environ |= {"JUPYTER_RUNTIME_DIR": str(folder / "run")}
    os.environ["COURSE_SANDBOX"] = request.param
    os.environ["SECRET_TOKEN"] = "of the teacher's"
    os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)  # it may not write there
    try:
        ipc = {"transport": "ipc", "ip": str(folder / "run" / "k")}
        client = Client(
            nbformat.v4.new_notebook(),
            timeout=600,
            kernel_name="python3",
            config=Config({"KernelManager": ipc}),
        )
        with client.setup_kernel():
            found = printed(
                client.run("import os; print(os.environ['COURSE_SANDBOX'])")
            )
            assert found == f"{request.param}\n"
            yield client, folder / "scratch"
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder)


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


def shut_in_by(client) -> str:
    """Not printed, since that may be used up."""
    (output,) = client.run("os.environ['COURSE_SANDBOX']").outputs
    return output.data["text/plain"].strip("'")


def test_ordinary_code_runs(kernel):
    client, scratch = kernel
    cell = client.run(
        "import jax.numpy as jnp, matplotlib.pyplot as plt, tempfile, os, ntkbook\n"
        "a = jnp.ones((1500, 1500)); print(float((a @ a)[0, 0]))\n"
        "plt.plot([0, 1]); plt.savefig('mine.png'); plt.close()\n"
        "with tempfile.TemporaryFile() as f: f.write(b'x')\n"
        "print(os.getcwd(), os.path.exists('mine.png'))\n"
    )
    slow = "Matplotlib is building the font cache"  # it says so after five seconds
    lines = [each for each in printed(cell).splitlines() if not each.startswith(slow)]
    assert lines == ["1500.0", f"{scratch} True"]


def test_it_sees_no_secrets_and_no_other_files(kernel, tmp_path):
    client, _ = kernel
    (tmp_path / "roster.csv").write_text("the class")
    cell = client.run("import os; print(os.environ.get('SECRET_TOKEN'))")
    assert printed(cell) == "None\n"
    for path in (ROOT / "notebooks", tmp_path):
        with pytest.raises(CellExecutionError, match="PermissionError|FileNotFound"):
            client.run(f"os.listdir({str(path)!r})")
    for path in (ROOT / "Makefile", tmp_path / "roster.csv"):
        with pytest.raises(CellExecutionError, match="PermissionError|FileNotFound"):
            client.run(f"open({str(path)!r})")


@sandbox.where(sandbox.TCP)
def test_it_reaches_no_server_and_no_other_kernel(kernel):
    client, _ = kernel
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CellExecutionError, match="refused|Permission|unreachable"):
            client.run(
                "import socket\n"
                f"socket.create_connection(('127.0.0.1', {port}), timeout=5)"
            )


@sandbox.where(sandbox.SIGNALS)
def test_it_kills_nobody(kernel):
    client, _ = kernel
    victim = subprocess.Popen(["sleep", "600"])
    try:
        for pid in (victim.pid, os.getpid()):
            with pytest.raises(CellExecutionError, match="Permission|ProcessLookup"):
                client.run(
                    f"import os; os.kill({pid}, 19 if {pid == os.getpid()} else 9)"
                )
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()
    client.run(
        "try:\n    os.kill(os.getppid(), 9)\nexcept PermissionError:\n    print('no')"
    )
    assert alive(client)


def test_files_elsewhere_cannot_be_changed(kernel, tmp_path):
    client, _ = kernel
    mine = tmp_path / "marks.csv"
    mine.write_text("kept")
    os.utime(mine, (1e9, 1e9))
    before = mine.stat()
    sources = [
        f"import os; os.remove({str(mine)!r})",
        f"open({str(mine)!r}, 'w')",
        f"import os; os.truncate({str(mine)!r}, 0)",
        f"import os; os.rename({str(mine)!r}, 'mine')",
        f"import shutil; shutil.rmtree({str(tmp_path)!r})",
        f"import os; os.mkdir({str(tmp_path / 'new')!r})",
        f"import subprocess; subprocess.run(['rm', {str(mine)!r}], check=True)",
        "open('/dev/shm/left-behind', 'w')" if shut_in_by(client) != "bwrap" else "1/0",
    ]
    if shut_in_by(client) == "bwrap":  # Landlock knows nothing of these
        sources += [f"os.chmod({str(mine)!r}, 0)", f"os.utime({str(mine)!r})"]
    for source in sources:
        with pytest.raises(CellExecutionError):
            client.run(source)
    assert mine.read_text() == "kept" and list(tmp_path.iterdir()) == [mine]
    assert (mine.stat().st_mode, mine.stat().st_mtime) == (before.st_mode, 1e9)
    assert not Path("/dev/shm/left-behind").exists()


def test_its_own_files_may_be_deleted(kernel):
    client, scratch = kernel
    client.run("import pathlib; pathlib.Path('own').write_text('x')")
    client.run("import os; os.remove('own')")
    assert not (scratch / "own").exists()


def test_nothing_planted_is_run(kernel, tmp_path):
    """Files that Python and IPython run at their start have no place to be put."""
    client, _ = kernel
    for place in ("sys.prefix", "ntkbook.__path__[0]", "'/etc'"):
        with pytest.raises(CellExecutionError):
            client.run(f"import sys, ntkbook; open({place} + '/sitecustomize.py', 'w')")
    home = client.run("print(os.path.expanduser('~') == os.environ['COURSE_SCRATCH'])")
    assert printed(home) == "True\n"


def test_a_huge_file_is_not_written(kernel):
    client, _ = kernel
    with pytest.raises(CellExecutionError, match="OSError"):
        client.run(
            "with open('huge', 'wb') as f:\n"
            "    [f.write(b'x' * 10**7) for _ in range(99)]"
        )
    client.run("assert os.path.getsize('huge') <= 2**27; os.remove('huge')")


@sandbox.where(sandbox.NEVER)  # then the supervisor ends it: see test_contained
def test_a_bomb_of_many_files_does_not_fill_the_disk(kernel):
    client, scratch = kernel
    with pytest.raises(CellExecutionError, match="No space left"):
        client.run(
            "for i in range(99):\n"
            "    with open(f'part-{i}', 'wb') as f: f.write(bytes(5 * 10**7))"
        )
    client.run("[os.remove(n) for n in os.listdir() if n.startswith('part-')]")
    assert alive(client) and not list(scratch.iterdir())


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
        "import os\nfor i in range(2000): os.write(1, b'x' * 10**5)",
    ],
    ids=["lines", "at once", "to stderr", "past Python"],
)
def test_a_gigabyte_of_output_is_cut(kernel, source):
    client, _ = kernel
    assert len(printed(client.run(source))) < 2e6
    assert alive(client)


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
