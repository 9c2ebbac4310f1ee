"""Making the environment: every failure is one line that says what to do."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "book" / "tools" / "environment.py"


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The script as a module, for a repository in a temporary folder."""
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    (tmp_path / "pins.txt").write_text(f"iniconfig==2.3.1 --hash=sha256:{'0' * 64}\n")
    (tmp_path / "pyproject.toml").write_text("")
    return module


def environment(tool):
    return tool.Environment(".venv", "pins.txt", 0.1, with_ntkbook=False)


def problem(tool, *arguments):
    with pytest.raises(tool.Problem) as raised:
        tool.make(*arguments)
    text = str(raised.value)
    assert text and "\n" not in text
    return text


def fake_python(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_wrong_python_names_the_right_ones(tool, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    old = fake_python(tmp_path, "old", "echo 3.9")
    text = problem(tool, environment(tool), tool.SUPPORTED, old)
    assert "needs Python 3.11 or 3.12 or 3.13" in text
    assert "make book PYTHON=" in text


def test_without_venv_names_the_package(tool, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    script = 'case "$2" in *ensurepip*) exit 1;; *) echo 3.11;; esac'
    bare = fake_python(tmp_path, "bare", script)
    text = problem(tool, environment(tool), tool.SUPPORTED, bare)
    assert "apt-get install python3.11-venv" in text


def test_another_python_on_the_path_will_do(tool, tmp_path):
    old = fake_python(tmp_path, "old", "echo 3.9")
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / f"python{mine}").symlink_to(sys.executable)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        assert tool.find_python([mine], old) == f"python{mine}"


def test_a_full_disk(tool, monkeypatch):
    monkeypatch.setattr(tool, "free_space", lambda: 5e7)
    text = problem(tool, environment(tool), tool.SUPPORTED)
    assert text.startswith("Only 0.1 GB are free here")


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ReadTimeoutError('Read timed out')\nReadTimeout", "cannot be reached"),
        ("x\nERROR: Wheel is broken\n", "pip failed: Wheel is broken (all of it"),
        ("", "see its output"),
    ],
)
def test_pips_failures(tool, output, line):
    text = tool.explain(output, "install.log")
    assert line in text and "\n" not in text


@pytest.mark.weekly
def test_no_network(tool, monkeypatch):
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    text = problem(tool, environment(tool), tool.SUPPORTED)
    assert "The package index cannot be reached" in text


@pytest.mark.parametrize("status", [0, 1])
def test_uv_is_used_where_it_is_and_pip_where_it_fails(tool, tmp_path, status):
    asked = tmp_path / "asked"
    fake_python(tmp_path, "uv", f'echo "$@" >> {asked}; exit {status}')
    by_pip = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        patch.delenv("PIP_INDEX_URL", raising=False)
        ours = tool.run

        def run(environment, command, total=0):
            if command[0].endswith("/uv"):
                ours(environment, command, total)
            else:
                by_pip.append(1)

        # What is installed into what folder is asked here, so the folder is enough.
        patch.setattr(tool.subprocess, "call", lambda made, **_: os.mkdir(made[-1]))
        patch.setattr(tool, "run", run)
        tool.make(environment(tool), tool.SUPPORTED)
    assert "--no-deps" in asked.read_text() and "pins.txt" in asked.read_text()
    assert by_pip == [1] * status


def test_done_means_nothing_to_do_and_half_done_means_again(tool, monkeypatch):
    made = []

    def pretend(environment, python):
        made.append(python)
        path = Path(environment.python)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        path.chmod(0o755)

    def interrupt(environment, python):
        pretend(environment, python)
        raise KeyboardInterrupt

    monkeypatch.setattr(tool, "install_pins", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tool.make(environment(tool), tool.SUPPORTED)
    monkeypatch.setattr(tool, "install_pins", pretend)
    tool.make(environment(tool), tool.SUPPORTED)
    tool.make(environment(tool), tool.SUPPORTED)
    assert len(made) == 2
    Path(tool.ROOT, "pins.txt").write_text("iniconfig==2.3.0\n")
    tool.make(environment(tool), tool.SUPPORTED)
    assert len(made) == 3


def test_a_folder_that_cannot_be_written_to(tool, monkeypatch):
    monkeypatch.setattr(tool.os, "access", lambda path, mode: mode != os.W_OK)
    text = problem(tool, environment(tool), tool.SUPPORTED)
    assert "cannot be written to" in text and "clone the repository" in text


def test_where_nothing_can_be_locked_it_goes_on(tool, monkeypatch):
    def refuse(*_):
        raise OSError(tool.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(tool.fcntl, "flock", refuse)
    with tool.alone():
        pass


@pytest.fixture
def checkout(tmp_path):
    """A folder with the script, and with pins that a wheel beside them satisfies."""
    folder = tmp_path / "a checkout"
    (folder / "book" / "tools").mkdir(parents=True)
    (folder / "tests" / "notebooks").mkdir(parents=True)
    shutil.copy(SCRIPT, folder / "book" / "tools")
    (folder / "pyproject.toml").write_text("")
    wheel = folder / "tests" / "notebooks" / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("tiny.py", "")
        info = "tiny-1.0.dist-info/"
        file.writestr(
            info + "METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0"
        )
        file.writestr(info + "WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(info + "RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "tests" / "notebooks" / "colab-requirements.txt").write_text(
        f"--no-index\n--find-links .\ntiny==1.0 --hash=sha256:{digest}\n"
    )
    return folder


def begin(checkout, **more):
    """The script, in that folder; what it prints can be read as it comes."""
    return subprocess.Popen(
        [sys.executable, checkout / "book" / "tools" / "environment.py", "colab"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )


def ends_well(process, checkout):
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    inside = checkout / ".venv-colab" / "bin" / "python"
    subprocess.check_call([inside, "-c", "import tiny"])
    return printed


@pytest.mark.weekly  # it makes whole environments
def test_the_second_of_two_waits_for_the_first(checkout):
    first = begin(checkout)
    assert first.stdout.readline().startswith("Making the environment")
    second = begin(checkout)
    assert "waiting for it" in second.stdout.readline()
    ends_well(first, checkout)
    assert ends_well(second, checkout) == ""  # there was nothing left to do


@pytest.mark.weekly
def test_a_killed_one_is_made_again(checkout):
    for _ in range(3):
        killed = begin(checkout)
        assert "Making the environment" in killed.stdout.readline() + (
            killed.stdout.readline()  # the first one may say that it waits
        )
        killed.kill()
        killed.wait()
    ends_well(begin(checkout), checkout)


@pytest.mark.weekly
def test_odd_surroundings_and_a_folder_that_moved(checkout):
    env = {k: v for k, v in os.environ.items() if k != "HOME"}
    ends_well(begin(checkout, env=env | {"LC_ALL": "C"}, umask=0o077), checkout)
    moved = checkout.rename(checkout.parent / "élan")
    assert "Making the environment" in ends_well(begin(moved, env=env), moved)


@pytest.mark.weekly  # it makes whole environments
def test_a_file_other_than_the_one_locked_is_refused(checkout):
    pins = checkout / "tests" / "notebooks" / "colab-requirements.txt"
    pins.write_text(pins.read_text().split("sha256:")[0] + f"sha256:{'0' * 64}\n")
    process = begin(checkout)
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert "DO NOT MATCH THE HASHES" in printed.splitlines()[-1]


def test_says_how_it_is_used():
    done = subprocess.run(
        [sys.executable, SCRIPT, "nonsense"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == "Usage: python3 book/tools/environment.py [colab]\n"


def test_what_a_link_leads_to_is_not_cleared(tool, tmp_path):
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "mine").write_text("kept")
    (tmp_path / ".venv").symlink_to(other)
    text = problem(tool, environment(tool), tool.SUPPORTED)
    assert "is a link" in text and "remove the link" in text
    assert (other / "bin" / "mine").read_text() == "kept"
