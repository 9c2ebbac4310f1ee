"""Arrays on disk: races of two processes, kills at random times, and power cuts.

``python tests/library/machine/races.py 1000 200`` makes 1000 races, 200 kills and all
power cuts, and prints as JSON what came of them. Nothing is computed by JAX: nearly all
of the time files are handled, and processes can be forked.
"""

import collections
import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from ntkbook.machine.memory_mapped import Mapped

PARTS = 12
WANTED = np.repeat(np.arange(1.0, PARTS + 1)[:, None], 500, 1)
OUTCOMES = ["right", "silently wrong", "refused with advice", "an error without advice"]
RIGHT, WRONG, REFUSED, BARE = range(4)


def place(part: int) -> list[tuple]:
    return [(slice(part, part + 1), slice(None))]


def write(path: Path, kind=Mapped) -> np.ndarray:
    """Write the array, or what is missing of it, and return what is there then."""
    cut = {"rows": PARTS}
    with kind(path, WANTED.shape, float, cut, lambda c: c["rows"], "same") as array:
        array.verify(place(part) for part in range(PARTS))
        for part in range(len(array.done), PARTS):
            array.write(place(part), [WANTED[part : part + 1]])
    return np.load(path, "r")


def outcome(path: Path) -> int:
    try:
        return RIGHT if np.array_equal(write(path), WANTED) else WRONG
    except (ValueError, OSError) as error:
        return REFUSED if "`path`" in str(error) else BARE
    except Exception:
        return BARE


def forked(path: Path, wait: int, go: int) -> int:
    """Start a process that writes the array once nobody holds ``go`` any more."""
    number = os.fork()
    if number:
        return number
    code = BARE
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # who waits for another says so
        os.close(go)
        os.read(wait, 1)
        code = outcome(path)
    finally:
        os._exit(code)


def started(path: Path, count: int) -> list[int]:
    """Start processes that all begin at the same moment."""
    wait, go = os.pipe()
    numbers = [forked(path, wait, go) for _ in range(count)]
    os.close(wait)
    os.close(go)
    return numbers


def ended(number: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def parts_done(path: Path) -> int:
    note = path.with_name("a.npy.parts.json")
    return len(json.loads(note.read_text())["done"]) if note.exists() else 0


def left(folder: Path) -> str:
    """Say whether anything is there beside the array, its note and an empty lock.

    Of a process that is killed while it removes the lock, the lock is left.
    """
    known = {"a.npy", "a.npy.parts.json", "a.npy.lock"}
    return (
        "files left" if {p.name for p in folder.iterdir()} - known else "nothing left"
    )


def races(count: int, folder: Path) -> dict:
    """Let two processes write one array, and open it afterwards."""
    found = collections.Counter()
    for number in range(count):
        path = folder / str(number) / "a.npy"
        path.parent.mkdir()
        found.update(f"race: {OUTCOMES[ended(one)]}" for one in started(path, 2))
        found[f"after a race: {OUTCOMES[outcome(path)]}"] += 1
        found[f"after a race: {left(path.parent)}"] += 1
    return found


def kills(count: int, folder: Path, seed: int) -> dict:
    """Kill a writer at a random time, let another one continue, and compare files."""
    whole, found = folder / "whole" / "a.npy", collections.Counter()
    whole.parent.mkdir()
    begin = time.perf_counter()
    ended(*started(whole, 1))
    draw, longest = random.Random(seed), time.perf_counter() - begin
    number = hit = 0
    while hit < count:
        number += 1
        path = folder / str(number) / "a.npy"
        path.parent.mkdir()
        one, *others = started(path, 1 + number % 2)
        time.sleep(draw.uniform(0, longest))
        os.kill(one, signal.SIGKILL)
        how = ended(one)
        for other in others:  # it waits meanwhile, or is waited for
            found[f"beside a kill: {OUTCOMES[ended(other)]}"] += 1
        if how != -signal.SIGKILL:
            continue  # it had ended before
        hit += 1
        done = PARTS if others else parts_done(path)
        when = "some" if 0 < done < PARTS else "none" if not done else "all"
        found[
            f"kill: {'beside another' if others else f'{when} of the parts done'}"
        ] += 1
        came = outcome(path)
        if came == RIGHT and path.read_bytes() != whole.read_bytes():
            came = WRONG
        found[f"after a kill: {OUTCOMES[came]}"] += 1
        found[f"after a kill: {left(path.parent)}"] += 1
    return found


def power_cuts(folder: Path) -> dict:
    """Let the disk lose what was not yet written when it lost power.

    The array's and the note's contents are kept at every note. Then an array of one
    moment is put beside a note of another, as they would be found if the system had not
    kept the order of the two, or had written half of a part.
    """
    folder.mkdir()
    path, note = folder / "a.npy", folder / "a.npy.parts.json"
    arrays, notes, found = [], [], collections.Counter()

    class Kept(Mapped):
        def _write_note(self):
            super()._write_note()
            arrays.append(path.read_bytes() if path.exists() else b"")
            notes.append(note.read_bytes())

    write(path, Kept)

    def found_as(array: bytes, noted: bytes) -> int:
        for file, content in ((path, array), (note, noted)):
            file.unlink(missing_ok=True)
            if content:
                file.write_bytes(content)
        return outcome(path)

    zeros = bytes(len(arrays[-1]))
    for i in range(1, len(notes)):
        torn = bytearray(arrays[i])
        end = len(torn) - 4000 * (PARTS - i)
        torn[end - 2000 : end] = bytes(2000)
        for case, array, noted in (
            ("array and note of one moment", arrays[i], notes[i]),
            ("array newer than its note", arrays[i], notes[i - 1]),
            ("note newer than its array", arrays[i - 1], notes[i]),
            ("half of a part", bytes(torn), notes[i]),
            ("an array of zeros", zeros, notes[i]),
            ("no array", b"", notes[i]),
            ("no note", arrays[i], b""),
        ):
            found[f"{case}: {OUTCOMES[found_as(array, noted)]}"] += 1
    return found


def main(count_races: int, count_kills: int, seed: int = 0) -> dict:
    warnings.filterwarnings("ignore", "os.fork")  # JAX has not started any threads
    with tempfile.TemporaryDirectory() as made:
        folders = [Path(made, name) for name in ("races", "kills", "cuts")]
        for folder in folders[:2]:
            folder.mkdir()
        found = races(count_races, folders[0]) | kills(count_kills, folders[1], seed)
        return dict(sorted((found | power_cuts(folders[2])).items()))


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), indent=2))
