"""A Python kernel in which a submission cannot take more than its share.

It limits the time of a cell and of the whole notebook, memory, the size of files and
how much is printed. It is no sandbox: the code still runs as the user who grades, and
can read, write and delete what that user can.
"""

import os
import resource
import signal
import threading

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


if __name__ == "__main__":
    cap(resource.RLIMIT_DATA, MEMORY_MB * MB)
    cap(resource.RLIMIT_CPU, 2 * ALL_SECONDS)
    cap(resource.RLIMIT_FSIZE, FILE_MB * MB)
    cap(resource.RLIMIT_CORE, 0)
    clock = threading.Timer(ALL_SECONDS, os._exit, [1])
    clock.daemon = True
    clock.start()
    LimitedKernel.launch_instance(outstream_class="__main__.ShortStream")
