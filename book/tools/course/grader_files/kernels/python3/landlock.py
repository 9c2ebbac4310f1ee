"""Linux's Landlock: a process gives up, for itself and all that it starts, what it
need not do.

What it cannot forbid, whatever its version: to change the modes and times of files,
to list processes, and to talk over UDP. Signals to other processes it forbids from
version 6 on (Linux 6.12), TCP from version 4 on (6.7).
"""

import ctypes
import os
import stat
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 38
EXECUTE, WRITE, READ, LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE, MAKE, REFER, TRUNCATE = 0b11 << 4, 0x7F << 6, 1 << 13, 1 << 14
MAKE_SOCKET = 1 << 9
TCP = 0b11  # to bind and to connect
SCOPES = 0b11  # abstract sockets and signals to outside
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scopes")]


class Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("ways", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def version() -> int:
    """The version of Landlock that this system has; 0 for none."""
    if not sys.platform.startswith("linux"):
        return 0
    system = ctypes.CDLL(None, use_errno=True)
    return max(0, system.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def restrict(read: list[str], change: list[str], sockets: list[str], tcp: bool) -> bool:
    """Allow only to read in some folders, change files in some, make sockets in some.

    Args:
        tcp: whether TCP stays allowed.

    Returns:
        False where the system cannot forbid the rest.
    """
    has = version()
    if not has:
        return False
    system = ctypes.CDLL(None, use_errno=True)
    look = EXECUTE | READ | LIST
    alter = WRITE | REMOVE | MAKE
    alter |= (REFER if has >= 2 else 0) | (TRUNCATE if has >= 3 else 0)
    rules = Ruleset(look | alter, 0 if tcp else TCP, SCOPES)
    size = 24 if has >= 6 else 16 if has >= 4 else 8
    opened = system.syscall(
        CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0
    )
    allowed = [(path, look) for path in read] + [
        (path, look | alter) for path in change
    ]
    allowed += [(path, look | MAKE_SOCKET | REMOVE) for path in sockets]
    allowed += [(path, READ | WRITE) for path in DEVICES]
    for path, ways in allowed:
        if not os.path.exists(path):
            continue
        at = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not stat.S_ISDIR(os.fstat(at).st_mode):
            ways &= EXECUTE | READ | WRITE | (TRUNCATE if has >= 3 else 0)
        beneath = Beneath(ways, at)
        system.syscall(ADD_RULE, opened, PATH_BENEATH, ctypes.byref(beneath), 0)
        os.close(at)
    system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return system.syscall(RESTRICT_SELF, opened, 0) == 0
