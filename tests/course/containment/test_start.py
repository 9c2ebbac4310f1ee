"""What starts the kernel for graders asks first what works, and what would be seen."""

import os
import sys
from pathlib import Path

import pytest

from tests.helpers import needs
from tests.helpers.course import sandbox

needs.that(sys.platform.startswith("linux"), "Linux", get="a machine that runs it")


@pytest.fixture
def start(monkeypatch):
    module = sandbox.beside_the_kernel("start")
    monkeypatch.delenv("COURSE_SANDBOX", raising=False)
    monkeypatch.setattr(sys, "argv", ["start.py", "--check"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield module
    sys.modules.pop("landlock", None)


def put_in_path(folder: Path, program: str, monkeypatch) -> None:
    (folder / "bwrap").write_text(f"#!/bin/sh\n{program}\n")
    (folder / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_bubblewrap_that_is_too_old_is_not_used(start, tmp_path, monkeypatch):
    put_in_path(tmp_path, "exit 0", monkeypatch)
    assert start.bubblewrap() == str(tmp_path / "bwrap")
    old = 'for x; do [ "$x" != --size ] || exit 1; done'
    put_in_path(tmp_path, old, monkeypatch)
    assert start.bubblewrap() is None


def test_the_probe_asks_for_all_that_is_used(start):
    command = start.inside("bwrap", ["/usr"], "/tmp/a", "/tmp/b")
    used = {word for word in command if word.startswith("--")} - {"--"}
    probe = {*start.ALONE, *start.PROBE.split()}
    assert used - probe == {"--bind", "--chdir"}  # which every version has


def test_what_lies_where_submissions_can_read_is_exposed(start, tmp_path):
    said = start.exposed([tmp_path / "course"], ["/usr", str(tmp_path)])
    assert said.startswith(f"{tmp_path}/course lies in {tmp_path}, where submissions")
    assert start.exposed([tmp_path], [str(tmp_path / "course")]) is None


def test_where_nothing_shuts_in_it_says_so(start, monkeypatch):
    monkeypatch.setattr(start, "bubblewrap", lambda: None)
    sys.path.insert(0, str(start.HERE))
    import landlock

    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "neither bubblewrap nor Landlock" in start.check()
    sys.argv.append("--without-sandbox")
    assert start.check() is None
