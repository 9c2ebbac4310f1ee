"""Trials that are kept, runs that can be killed, and the results that pages read."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from ntkbook import results
from ntkbook.machine.store import ROOM, Store


def test_a_finished_trial_is_not_computed_again(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"error": 0.25, "seeds": (1, 2)}

    first = Store(tmp_path / "run", {"width": 8}).trial("a", compute)
    again = Store(tmp_path / "run", {"width": 8}).trial("a", compute)
    assert first == again == {"error": 0.25, "seeds": [1, 2]}
    assert len(calls) == 1


@pytest.mark.parametrize("can_hold", [True, False])
def test_a_full_disk_is_said_before_a_trial(tmp_path, monkeypatch, can_hold):
    """And not after hours of it; where a file without a name can hold the room, and
    where none can, and it is looked for."""

    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Store(tmp_path, {})
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    with monkeypatch.context() as patch:
        if can_hold:
            patch.setattr(os, "posix_fallocate", no_room)
        else:
            patch.delattr(os, "O_TMPFILE")
            patch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(OSError, match=r"No space left.*: make room, .*a\.json"):
            store.trial("a", lambda: 1 / 0)
    assert store.trial("a", lambda: {"x": 1}) == {"x": 1}


def test_a_disk_may_fill_during_a_trial(tmp_path):
    """A file without a name holds the room that the result will need."""

    def held():
        opened = [Path(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")]
        return [p.stat().st_size for p in opened if p.exists()]

    def compute():
        assert [p.name for p in tmp_path.iterdir()] == ["settings.json"]
        return {"held": ROOM in held()}

    assert Store(tmp_path, {}).trial("a", compute) == {"held": True}
    assert ROOM not in held()


def test_a_disk_that_is_full_after_a_trial(tmp_path, monkeypatch):
    """One line with the file's name, which Python's own has not; the rest is kept."""

    calls = []

    def no_room(opened):
        calls.append(opened)
        if len(calls) > 1:  # the first is that of the room
            raise OSError(errno.ENOSPC, "No space left on device")

    store = Store(tmp_path, {})
    store.trial("a", lambda: {"x": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        with pytest.raises(OSError, match=r"No space left.*: make room, .*b\.json"):
            store.trial("b", lambda: {"x": 2})
    assert {p.name for p in tmp_path.iterdir()} == {"settings.json", "a.json"}
    jobs = {"a": lambda: 1 / 0, "b": lambda: {"x": 2}}
    assert Store(tmp_path, {}).trials(jobs) == {"a": {"x": 1}, "b": {"x": 2}}


def test_a_failed_trial_leaves_nothing(tmp_path):
    store = Store(tmp_path, {})
    with pytest.raises(ZeroDivisionError):
        store.trial("a", lambda: 1 / 0)
    with pytest.raises(TypeError):
        store.trial("b", lambda: {"x": object()})  # not JSON
    assert [p.name for p in tmp_path.iterdir()] == ["settings.json"]
    assert store.trial("a", lambda: {"x": 1}) == {"x": 1}


def test_other_settings_are_refused_by_name(tmp_path):
    Store(tmp_path, {"width": 8, "seeds": [1, 2]})
    Store(tmp_path, {"width": 8, "seeds": (1, 2)})  # the same, as JSON sees it
    with pytest.raises(ValueError, match=r"other settings \(steps, width\)"):
        Store(tmp_path, {"width": 9, "seeds": [1, 2], "steps": 3})


def _run(folder):
    store = Store(folder, {})
    for i in range(1000):
        store.trial(f"t{i}", lambda: {"numbers": list(range(5000))})


def test_a_killed_run_loses_no_finished_trial(tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(tmp_path,)
    )
    process.start()
    deadline = time.monotonic() + 600
    while len(list(tmp_path.glob("t*.json"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    done = list(tmp_path.glob("t*.json"))
    assert 5 <= len(done) < 1000
    for path in done:  # whole, every one
        assert len(json.loads(path.read_text())["result"]["numbers"]) == 5000


def test_provenance_says_where_the_numbers_are_from(tmp_path):
    store = Store(tmp_path, {"width": 8})
    store.trial("a", lambda: {})
    found = store.provenance("make run RUN=x")
    assert found["command"] == "make run RUN=x"
    assert found["settings"] == {"width": 8}
    assert found["minutes"] >= 0
    assert all(name in found["machine"] for name in ("JAX ", "numpy ", "scipy "))


def test_results_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    results.keep("09_x", {"provenance": {}, "results": {"a": 1.5}})
    assert results.stored("09_x")["results"] == {"a": 1.5}
    with pytest.raises(ValueError, match="'09_x'"):
        results.stored("09_y")
    (tmp_path / "09_x.json").write_text('{"provenance": ')
    with pytest.raises(ValueError, match="09_x.json is damaged"):
        results.stored("09_x")


def test_every_stored_run_says_where_it_is_from():
    names = sorted(p.stem for p in results.FOLDER.glob("*.json"))
    assert names
    for name in names:
        found = results.stored(name)["provenance"]
        assert {"command", "settings", "minutes", "machine", "date"} <= set(found)
        assert name in found["command"]


BROKEN = [b'{"result": 1', b"\xff", b"[]", b"{}", b"null", b'"x"', b"5"]
BROKEN += [b'{"result": 5, "seconds": 1}', b'{"result": {}, "seconds": "1"}']


@pytest.mark.parametrize("content", [b"[]", b'"x"', b"null", b"{", b""])
def test_damaged_settings_are_named(tmp_path, content):
    Store(tmp_path, {"width": 8})
    (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(ValueError, match="settings.json is damaged"):
        Store(tmp_path, {"width": 8})


def test_a_run_continued_elsewhere_says_so(tmp_path):
    Store(tmp_path, {}).trial("a", lambda: {})
    Store(tmp_path, {})  # here: not a word
    path = tmp_path / "a.json"
    here = json.loads(path.read_text())["machine"]
    path.write_text(path.read_text().replace(here, here.replace("JAX ", "JAX 1")))
    with pytest.warns(UserWarning, match="another machine, version"):
        store = Store(tmp_path, {})
    store.trial("b", lambda: {})
    assert store.provenance("x")["machine"].count("JAX") == 2


@pytest.mark.parametrize("content", BROKEN)
def test_a_damaged_file_is_named(tmp_path, content):
    store = Store(tmp_path, {"width": 8})
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match="a.json is damaged"):
        store.trial("a", lambda: {})
