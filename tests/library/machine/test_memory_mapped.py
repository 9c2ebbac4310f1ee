"""Arrays on disk: power cuts, surroundings that lack something; races and kills."""

import errno
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ntkbook.machine import memory_mapped
from tests.library.machine import races


def test_power_cuts(tmp_path):
    """What is there is used or refused; nothing else is ever returned."""
    found = races.power_cuts(tmp_path / "cuts")
    number = races.PARTS
    assert found == {
        "array and note of one moment: right": number,
        "array newer than its note: right": number,
        "note newer than its array: right": 1,  # the first: there is no array yet
        "note newer than its array: refused with advice": number - 1,
        "half of a part: refused with advice": number,
        "an array of zeros: refused with advice": number,
        "no array: right": number,
        "no note: refused with advice": number,
    }


def test_no_room_for_a_note(tmp_path, monkeypatch):
    """What was done before is kept, and the same call continues."""
    whole, left = memory_mapped.replacing, [3]

    @contextmanager
    def full(path, mode="w"):
        left[0] -= path.suffix == ".json"
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        with whole(path, mode) as file:
            yield file

    path = tmp_path / "a.npy"
    with monkeypatch.context() as patch:
        patch.setattr(memory_mapped, "replacing", full)
        with pytest.raises(OSError, match="`path`.*No space left.*make room"):
            races.write(path)
    assert len(json.loads(Path(f"{path}.parts.json").read_text())["done"]) == 2
    assert np.array_equal(races.write(path), races.WANTED)


def test_a_file_system_without_locks(tmp_path, monkeypatch, capsys):
    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(memory_mapped.fcntl, "flock", none)
    assert np.array_equal(races.write(tmp_path / "a.npy"), races.WANTED)
    assert "without locks" in capsys.readouterr().err


def test_what_a_kill_left_is_removed(tmp_path):
    path, other = tmp_path / "a.npy", tmp_path / "aa.npy.1.part"
    for left in (
        other,
        tmp_path / "a.npy.1.part",
        tmp_path / "a.npy.parts.json.1.part",
    ):
        left.write_text("half")
    races.write(path)
    assert set(tmp_path.iterdir()) == {path, Path(f"{path}.parts.json"), other}


@pytest.mark.weekly
def test_races_and_kills():
    """Of each of so many, nothing is lost, wrong or left behind."""
    count, kills = 1000, 200
    run = [sys.executable, races.__file__, str(count), str(kills)]
    found = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
    assert found["race: right"] == 2 * count
    assert found["after a race: right"] == found["after a race: nothing left"] == count
    assert found["after a kill: right"] == found["after a kill: nothing left"] == kills
    beside = {name for name in found if name.startswith("beside a kill")}
    assert beside == {"beside a kill: right"}
    assert found["kill: beside another"] > 20
    assert found["kill: some of the parts done"] > 20
