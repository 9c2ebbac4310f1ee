"""Files that are there whole or not at all, whenever a process is killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, mode: str = "w") -> Iterator:
    """Open a file next to ``path`` that takes its place once the disk has all of it."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with beside.open(mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        _note_on_disk(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _note_on_disk(folder: Path) -> None:
    """Have the disk note a folder's new names, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
