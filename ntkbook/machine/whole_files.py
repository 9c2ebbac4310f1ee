"""Files that are there whole or not at all, whenever a process is killed."""

import errno
import io
import os
import shutil
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
    beside = _beside(path)
    with _named(path, beside):
        with beside.open(mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        _note_on_disk(path.parent)


@contextmanager
def reserving(path: Path, room: int) -> Iterator:
    """Like :func:`replacing`, for a file whose text comes later: its room on the disk,
    ``room`` bytes, is taken at once.

    A file without a name holds the room, so a process that is killed leaves nothing.
    Where the system has none such (NFS, or not Linux), the room is only looked for.
    """
    try:
        holder = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except (AttributeError, OSError):
        if shutil.disk_usage(path.parent).free < room:
            raise full(path) from None
        text = io.StringIO()
        yield text
        with replacing(path) as file:
            file.write(text.getvalue())
        return
    beside = _beside(path)
    with _named(path, beside), open(holder, "w") as file:
        os.posix_fallocate(holder, 0, room)  # btrfs would not write over what is there
        os.fsync(holder)  # some file systems refuse only now
        yield file
        file.flush()
        file.truncate()  # what was not needed
        os.fsync(holder)
        # With a descriptor for the folder (which one does not matter, as the address is
        # absolute) Python links to the file, and not to the link to it.
        os.link(f"/proc/self/fd/{holder}", beside, src_dir_fd=holder)
        os.replace(beside, path)
        _note_on_disk(path.parent)


def full(path: Path, number: int = errno.ENOSPC) -> OSError:
    """Return what to raise where there is no room for a file."""
    why = os.strerror(number)
    return OSError(number, f"{why}: make room, and run the same again", str(path))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.part")


@contextmanager
def _named(path: Path, beside: Path) -> Iterator[None]:
    """Have an error for want of room name a file; leave nothing ``beside`` it."""
    try:
        yield
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise full(error.filename or path, error.errno) from None
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
