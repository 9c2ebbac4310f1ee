"""Long runs in trials: each finished one is kept, so a run can be killed and continued.

A folder holds ``settings.json`` and one JSON file for each finished trial. Files are
written beside their place and moved into it, which is atomic: a trial is there whole or
not at all.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from ntkbook.machine.devices import device_report


class Store:
    """The finished trials of one run.

    Args:
        folder: where they are kept; made if it does not exist.
        settings: whatever decides the results, as JSON can hold it.

    Raises:
        ValueError: the folder holds trials of a run with other settings, or a file in
            it is damaged.

    Example:
        >>> import tempfile
        >>> store = Store(tempfile.mkdtemp(), {"width": 8})
        >>> store.trial("first", lambda: {"error": 0.5})
        {'error': 0.5}
        >>> store.trial("first", lambda: 1 / 0)      # kept: not computed again
        {'error': 0.5}
    """

    def __init__(self, folder, settings: dict):
        self.folder = Path(folder)
        self.settings = json.loads(json.dumps(settings))  # as it will be read back
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "settings.json"
        if not path.exists():
            _write(path, self.settings)
        found = _read(path)
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
            start = time.perf_counter()
            result = compute()
            seconds = round(time.perf_counter() - start, 1)
            _write(path, {"result": result, "seconds": seconds})
        return _read(path)["result"]

    def provenance(self, command: str) -> dict:
        """Say how the results came about: command, settings, time, machine, versions.

        The time is what all trials took together, over however many sittings.
        """
        trials = [p for p in self.folder.glob("*.json") if p.name != "settings.json"]
        seconds = sum(_read(p)["seconds"] for p in trials)
        return {
            "command": command,
            "settings": self.settings,
            "minutes": round(seconds / 60, 1),
            "machine": device_report(),
        }


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text())
        if path.name == "settings.json" or {"result", "seconds"} <= found.keys():
            return found
    except (ValueError, AttributeError):  # not UTF-8, not JSON, or no dictionary
        pass
    raise ValueError(
        f"{path} is damaged: it is not what a run writes. Remove it, and run again."
    )


def _write(path: Path, content) -> None:
    text = json.dumps(content, indent=1) + "\n"  # fails before a file is begun
    beside = path.with_suffix(f".{os.getpid()}.part")
    beside.write_text(text)
    os.replace(beside, path)
