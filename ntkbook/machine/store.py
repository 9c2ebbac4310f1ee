"""Long runs in trials: each finished one is kept, so a run can be killed and continued.

A folder holds ``settings.json`` and one JSON file for each finished trial. Files are
written next to their place and moved into it, which is atomic: a trial is there whole
or not at all.
"""

import importlib.metadata
import json
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from ntkbook.machine.devices import device_report
from ntkbook.machine.progress import progress_bar
from ntkbook.machine.whole_files import replacing, reserving

ROOM = 2**20  # bytes, more than the result of a trial takes


class Store:
    """The finished trials of one run.

    Args:
        folder: where they are kept; made if it does not exist.
        settings: whatever decides the results, as JSON can hold it.

    Raises:
        ValueError: the folder holds trials of a run with other settings, or a file in
            it is damaged.
        OSError: the disk is full; said before a trial where it is then.

    Example:
        >>> import tempfile
        >>> store = Store(tempfile.mkdtemp(), {"width": 8})
        >>> store.trial("first", lambda: {"error": 0.5})
        {'error': 0.5}
        >>> store.trial("first", lambda: 1 / 0)      # kept: not computed again
        {'error': 0.5}
        >>> store.trials({"first": lambda: {}, "second": lambda: {"error": 0.25}})
        {'first': {'error': 0.5}, 'second': {'error': 0.25}}
    """

    def __init__(self, folder, settings: dict):
        self.folder = Path(folder)
        self.settings = json.loads(json.dumps(settings))  # as it will be read back
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "settings.json"
        if not path.exists():
            with replacing(path) as file:
                file.write(_text(self.settings))
        found = _read(path)
        others = {_read(p)["machine"] for p in self._trials()} - {_machine()}
        if others:
            warnings.warn(
                f"{self.folder} holds trials of another machine, version or precision "
                f"({'; '.join(sorted(others))}); those to come are of this one "
                f"({_machine()}). Remove the folder to make all of them here.",
                stacklevel=2,
            )
        if found != self.settings:
            names = sorted(
                k
                for k in found.keys() | self.settings.keys()
                if found.get(k) != self.settings.get(k)
            )
            raise ValueError(
                f"{self.folder} holds a run with other settings ({', '.join(names)}); "
                "choose another folder, or remove this one."
            )

    def trial(self, name: str, compute: Callable[[], dict]) -> dict:
        """Return a trial's result: the one kept, or that of ``compute()``."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            with reserving(path, ROOM) as file:  # not full after hours of work
                start = time.perf_counter()
                result = compute()
                seconds = round(time.perf_counter() - start, 1)
                made = {"result": result, "seconds": seconds, "machine": _machine()}
                file.write(_text(made))
        return _read(path)["result"]

    def trials(self, jobs: Mapping[str, Callable[[], dict]]) -> dict[str, dict]:
        """Return every trial's result, one after the other, with a progress bar."""
        results = {}
        with progress_bar(True, total=len(jobs), desc="trials") as bar:
            for name, compute in jobs.items():
                results[name] = self.trial(name, compute)
                bar.update()
        return results

    def provenance(self, command: str) -> dict:
        """Say how the results were made: command, settings, time, machine, versions.

        The time is what all trials took together, over however many sittings.
        """
        trials = [_read(path) for path in self._trials()]
        seconds = sum(trial["seconds"] for trial in trials)
        machines = {trial["machine"] for trial in trials} or {_machine()}
        return {
            "command": command,
            "settings": self.settings,
            "minutes": round(seconds / 60, 1),
            "machine": "; ".join(sorted(machines)),
        }

    def _trials(self) -> list[Path]:
        found = self.folder.glob("*.json")
        return sorted(path for path in found if path.name != "settings.json")


def _machine() -> str:
    """Return what a trial's numbers may depend on: devices, precision, versions.

    Not the size of blocks: that is the last of what a device's report says.
    """
    report = device_report().rpartition(", blocks of")[0]
    versions = (f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "scipy"))
    return ", ".join([report, *versions])


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text())
        if path.name == "settings.json" and isinstance(found, dict):
            return found
        kinds = {"result": dict, "seconds": (int, float), "machine": str}
        if path.name != "settings.json":
            found.setdefault("machine", "not noted")
            if all(isinstance(found[name], kind) for name, kind in kinds.items()):
                return found
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # not UTF-8, not JSON, or not its form
        pass
    raise ValueError(
        f"{path} is damaged: it is not what a run writes. Remove it, and run again."
    )


def _text(content) -> str:
    return json.dumps(content, indent=1) + "\n"
