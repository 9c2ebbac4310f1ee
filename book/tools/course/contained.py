"""Run a grader on one submission, and leave nothing of it behind.

    python -m book.tools.course.contained SECONDS COMMAND...

This stands between the command that grades a class and the grader, for one submission:
it ends the grader after so many seconds, ends what the submission has started if that
takes too much memory or has too many processes, and at the end ends all that is left.
On Linux a process whose parent is gone comes back to here, so none is lost.
"""

import ctypes
import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

MEMORY_MB = int(os.environ.get("COURSE_MEMORY_MB", 6000))
PROCESSES = int(os.environ.get("COURSE_PROCESSES", 100))
DISK_MB = int(os.environ.get("COURSE_DISK_MB", 500))
PAUSE = 0.3
SUBREAPER = 36  # for prctl
STOPPED = 124  # what this returns when the time is over
ENDED = 130  # and when it was itself told to end, so that nothing is known
PATIENCE = 30  # seconds


def run(command: list[str], seconds: float, env: dict[str, str] | None = None) -> int:
    """Run the command, with a folder of its own in COURSE_SCRATCH."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    folder = Path(tempfile.mkdtemp(prefix="course-", dir=short()))
    scratch, sockets = folder / "scratch", folder / "run"
    for made in (scratch, sockets):
        made.mkdir()
    own = {"COURSE_SCRATCH": str(scratch), "JUPYTER_RUNTIME_DIR": str(sockets)}
    env = os.environ | (env or {}) | own | {"TMPDIR": str(folder)}
    parent, end = os.getppid(), time.monotonic() + seconds
    grader = subprocess.Popen(command, env=env, preexec_fn=modest)
    try:
        while True:
            try:
                return grader.wait(PAUSE)
            except subprocess.TimeoutExpired:
                pass
            if time.monotonic() > end:
                return STOPPED
            if os.getppid() != parent:  # nobody waits for the result any more
                return ENDED
            if too_much(started(besides=grader.pid), folder):
                end_all(besides=grader.pid)
    finally:
        try:
            end_all()
        finally:
            discard(folder)


def short() -> str | None:
    """Where folders have short names: a socket's whole path has at most 108 letters."""
    return "/tmp" if os.path.isdir("/tmp") else None


def modest() -> None:
    """A limit for the grader too, whatever a submission sends it to keep."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = MEMORY_MB * 2**20
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def started(besides: int | None = None) -> list[psutil.Process]:
    """All that run below this process, also those whose parents are gone.

    Args:
        besides: a process to leave out, not what it has started.
    """
    running = []
    for process in psutil.Process().children(recursive=True):
        if process.pid == besides:
            continue
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
            elif process.ppid() == os.getpid():
                os.waitpid(process.pid, os.WNOHANG)
        except (psutil.Error, ChildProcessError):
            pass
    return running


def too_much(processes: list[psutil.Process], folder: Path) -> bool:
    """Whether together they take more than one submission may."""
    if len(processes) > PROCESSES:
        return True
    memory = sum(map(memory_of, processes))
    return memory > 1.2 * MEMORY_MB * 2**20 or holds_more(folder, DISK_MB * 2**20)


def memory_of(process: psutil.Process) -> int:
    """Its bytes; of what it shares with others, its part."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        (pss,) = (x for x in rollup.splitlines() if x.startswith("Pss:"))
        return int(pss.split()[1]) * 1024
    except (OSError, ValueError):
        try:
            return process.memory_info().rss
        except psutil.Error:
            return 0


def holds_more(folder: Path, most: int) -> bool:
    """Whether there are more bytes in a folder, or more than 20 000 files.

    Or a folder so deep that it has no path, where bytes could hide.
    """
    # Not os.walk, which goes down by recursion before Python 3.12.
    size, count, folders = 0, 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        size += bytes_of(entry)
                    count += 1
                    if size > most or count > 20_000:
                        return True
        except OSError as error:  # gone meanwhile, or not to be read
            if error.errno == errno.ENAMETOOLONG:
                return True
    return False


def bytes_of(entry: os.DirEntry) -> int:
    """A file's size; 0 if it is gone meanwhile."""
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def end_all(besides: int | None = None) -> None:
    """End all that `started` finds, also what is being started meanwhile.

    Raises:
        RuntimeError: if some of it does not end.
    """
    end = time.monotonic() + PATIENCE
    while left := started(besides):
        for process in left:
            try:
                process.kill()
            except psutil.Error:
                pass
        if time.monotonic() > end:
            pids = ", ".join(str(process.pid) for process in left[:9])
            raise RuntimeError(f"it left processes that do not end: {pids}")
        time.sleep(0.02)


def discard(folder: Path) -> None:
    """Delete a folder, however deep it is and whatever its modes."""
    # Not shutil.rmtree, which goes down by recursion.
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*command, folder], stderr=subprocess.DEVNULL)


def main() -> None:
    # Ended from outside, it still ends the others.
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(ending) != signal.SIG_IGN:  # as nohup asks
            signal.signal(ending, lambda *_: sys.exit(ENDED))
    sys.exit(run(sys.argv[2:], float(sys.argv[1])))


if __name__ == "__main__":
    main()
