"""A Python kernel in which a submission cannot take more than its share.

It limits the time of a cell and of the whole notebook, memory, the size of files and
how much is printed; and on Linux it lets the code change files in one folder only:
COURSE_SCRATCH, or else a new temporary one. It is no sandbox: the code still runs as
the user who grades, may read all that this user may read, and may use the network.
"""

import ctypes
import os
import resource
import signal
import sys
import tempfile
import threading
from pathlib import Path

from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session

MB = 2**20


def limit(name: str, default: int) -> int:
    """A limit, which an environment variable may change: COURSE_CELL_SECONDS=60."""
    return int(os.environ.get(f"COURSE_{name}", default))


CELL_SECONDS = limit("CELL_SECONDS", 180)
ALL_SECONDS = limit("ALL_SECONDS", 900)
MEMORY_MB = limit("MEMORY_MB", 6000)
FILE_MB = limit("FILE_MB", 100)
PRINTED_MB = limit("PRINTED_MB", 1)
SHOWN_MB = limit("SHOWN_MB", 20)
CUT = "\n[The output is cut here: this notebook prints too much.]\n"


class ShortStream(OutStream):
    """stdout and stderr that end after a while."""

    left = PRINTED_MB * MB

    def write(self, string):
        if not isinstance(string, str) or len(string) <= ShortStream.left:
            ShortStream.left -= len(string) if isinstance(string, str) else 0
            return super().write(string)
        if ShortStream.left > 0:
            super().write(string[: ShortStream.left] + CUT)
        ShortStream.left = 0
        return len(string)


class ShortSession(Session):
    """A session in which the outputs together have a largest size."""

    left = SHOWN_MB * MB

    def serialize(self, msg, ident=None):
        content = msg.get("content", {})
        if "data" not in content and "traceback" not in content:
            return super().serialize(msg, ident)
        parts = super().serialize(msg, ident)
        size = sum(map(len, parts))
        if size <= ShortSession.left:
            ShortSession.left -= size
            return parts
        short = {"data": {"text/plain": CUT.strip()}, "metadata": {}}
        if "traceback" in content:
            short = {"evalue": CUT.strip(), "traceback": [CUT.strip()]}
        return super().serialize({**msg, "content": {**content, **short}}, ident)


class LimitedKernel(IPKernelApp):
    def _session_default(self):
        return ShortSession(parent=self, username="student")

    def initialize(self, argv=None):
        super().initialize(argv)
        events = self.kernel.shell.events
        events.register("pre_run_cell", lambda info: signal.alarm(CELL_SECONDS))
        events.register("post_run_cell", lambda result: signal.alarm(0))
        signal.signal(signal.SIGALRM, too_long)


def too_long(*_):
    raise TimeoutError(f"this cell ran for more than {CELL_SECONDS} seconds")


def cap(what: int, most: int) -> None:
    """Set a limit, unless there is a lower one."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


# Linux's Landlock: its system calls, and the ways of changing files that it can forbid.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
WRITE, REMOVE, MAKE, REFER, TRUNCATE = 1 << 1, 0b11 << 4, 0x7F << 6, 1 << 13, 1 << 14
PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 38


def write_only_in(folders: list[str]) -> bool:
    """Forbid this process, and what it starts, to change files elsewhere.

    Returns:
        False where the system cannot forbid it.
    """

    class Ruleset(ctypes.Structure):
        _fields_ = [("ways", ctypes.c_uint64)]

    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("ways", ctypes.c_uint64), ("folder", ctypes.c_int32)]

    if not sys.platform.startswith("linux"):
        return False
    system = ctypes.CDLL(None, use_errno=True)
    version = system.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    ways = WRITE | REMOVE | MAKE
    ways |= (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    rules = system.syscall(
        CREATE_RULESET, ctypes.byref(Ruleset(ways)), ctypes.c_size_t(8), 0
    )
    for folder in folders:
        opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        beneath = Beneath(ways, opened)
        system.syscall(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(beneath), 0)
        os.close(opened)
    system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return system.syscall(RESTRICT_SELF, rules, 0) == 0


def settle() -> str:
    """Go to the folder in which files may be changed."""
    scratch = os.environ.get("COURSE_SCRATCH") or tempfile.mkdtemp(prefix="course-")
    here = Path.cwd().resolve()
    if Path(scratch).resolve() not in [here, *here.parents]:
        os.chdir(scratch)
    # What Python, IPython and Matplotlib write on the way belongs here, too.
    for name in ("TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"):
        os.environ[name] = scratch
    return scratch


if __name__ == "__main__":
    guarded = write_only_in([settle(), "/dev"])
    os.environ["COURSE_GUARDED"] = "yes" if guarded else "no"
    if not guarded:  # nobody may change the programs that others will run
        os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
    cap(resource.RLIMIT_DATA, MEMORY_MB * MB)
    cap(resource.RLIMIT_CPU, 2 * ALL_SECONDS)
    cap(resource.RLIMIT_FSIZE, FILE_MB * MB)
    cap(resource.RLIMIT_CORE, 0)
    # What is printed reaches the notebook, and not the grader's own output as well.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    clock = threading.Timer(ALL_SECONDS, os._exit, [1])
    clock.daemon = True
    clock.start()
    LimitedKernel.launch_instance(outstream_class="__main__.ShortStream")
