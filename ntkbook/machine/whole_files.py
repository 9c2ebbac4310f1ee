"""Files that are there whole or not at all, whenever a process is killed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = errno.ENOSPC, errno.EDQUOT  # of the disk, or of what a user may have of it


@contextmanager
def replacing(path: Path, mode: str = "w") -> Iterator:
    """Open a file next to ``path`` that takes its place once the disk has all of it.

    Raises:
        OSError: the disk is full; of Python's own, no line says which file it was.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with beside.open(mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        _note_on_disk(path.parent)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise full(path, error.errno) from None
        raise


def full(path: Path, number: int = errno.ENOSPC) -> OSError:
    """Return what to raise where there is no room for a file."""
    why = os.strerror(number)
    return OSError(number, f"{why}: make room, and run the same again", str(path))


def _note_on_disk(folder: Path) -> None:
    """Have the disk note a folder's new names, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
