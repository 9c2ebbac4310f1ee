"""A Python kernel in which a submission cannot take more than its limits.

It limits the time of a cell and of the whole notebook, memory, the size and number of
files and how much is printed. What the code may see and touch is start.py's concern,
which starts this, and Landlock's.
"""

import os
import resource
import signal
import sys
import threading
from pathlib import Path

from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session

sys.path.insert(0, str(Path(__file__).resolve().parent))
import landlock

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
FILES = limit("FILES", 256)
THREADS = limit("THREADS", 1024)
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


def shut_in() -> None:
    """Give up what the kernel need not do; in a bubblewrap, this comes on top."""
    scratch, sockets = os.environ["COURSE_SCRATCH"], os.environ["COURSE_SOCKETS"]
    os.chdir(scratch)
    shut = landlock.restrict(
        [*os.environ["COURSE_READABLE"].split(os.pathsep), "/proc", "/sys", "/dev"],
        change=[scratch],
        sockets=[sockets] if sockets else [],
        # In a bubblewrap there is nobody else to talk to.
        tcp=not sockets or os.environ["COURSE_SANDBOX"] == "bwrap",
    )
    if os.environ["COURSE_SANDBOX"] != "bwrap" and not shut:
        os.environ["COURSE_SANDBOX"] = "none"
        # Nobody may change the programs that others will run.
        os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)


def first_to_go() -> None:
    """Where memory runs out all the same, Linux ends this process, not the grader."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass


if __name__ == "__main__":
    first_to_go()
    shut_in()
    cap(resource.RLIMIT_DATA, MEMORY_MB * MB)
    cap(resource.RLIMIT_CPU, 2 * ALL_SECONDS)
    cap(resource.RLIMIT_FSIZE, FILE_MB * MB)
    cap(resource.RLIMIT_NOFILE, FILES)
    cap(resource.RLIMIT_CORE, 0)
    if os.environ["COURSE_SANDBOX"] == "bwrap":  # else it would count all that you run
        cap(resource.RLIMIT_NPROC, THREADS)
    # What is printed reaches the notebook, and not the grader's own output as well.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    clock = threading.Timer(ALL_SECONDS, os._exit, [1])
    clock.daemon = True
    clock.start()
    LimitedKernel.launch_instance(outstream_class="__main__.ShortStream")
