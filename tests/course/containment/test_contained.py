"""The supervisor of one submission: it ends what runs wild, and leaves nothing.

The grader here is a few lines of Python that start what a submission might.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from book.tools.course import contained
from tests.helpers import needs

needs.that(sys.platform.startswith("linux"), "Linux", get="a machine that runs it")

START = "import os, subprocess, sys, time\nscratch = os.environ['COURSE_SCRATCH']\n"
SMALL = {"COURSE_MEMORY_MB": "400", "COURSE_DISK_MB": "20", "COURSE_PROCESSES": "20"}


def supervised(grader: str, seconds: int = 60, **more) -> subprocess.Popen:
    command = [sys.executable, "-P", contained.__file__, str(seconds)]
    return subprocess.Popen(
        [*command, sys.executable, "-c", START + grader],
        env=os.environ | SMALL | more,
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process) -> tuple[int, str]:
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or (
        psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    )


def test_it_hands_on_how_the_grader_ended_and_deletes_its_folder():
    code, said = ended(supervised("print(scratch); sys.exit(7)"))
    assert code == 7 and not Path(said.strip()).exists()


def test_it_ends_a_grader_that_takes_too_long():
    code, _ = ended(supervised("time.sleep(99)", seconds=1))
    assert code == contained.STOPPED


def test_what_was_left_running_in_hiding_is_ended():
    code, said = ended(
        supervised(
            "left = subprocess.Popen(['/bin/sleep', '99'], env={}, "
            "start_new_session=True)\nprint(left.pid)\n"
            "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            "        print(os.getpid(), flush=True)\n"
            "        os.execve('/bin/sleep', ['sleep', '99'], {})\n    os._exit(0)\n"
            "time.sleep(1)"
        )
    )
    assert code == 0 and len(said.split()) == 2
    assert all(gone(int(pid)) for pid in said.split())


ORPHANS = (
    "import os, time\nfor _ in range(30):\n    if os.fork() == 0:\n"
    "        os.setsid()\n        if os.fork() == 0:\n            time.sleep(99)\n"
    "        os._exit(0)"
)


def test_what_hides_from_the_grader_counts():
    """The grader goes on; its orphans are ended meanwhile, not only with it."""
    code, said = ended(
        supervised(
            f"subprocess.run([sys.executable, '-c', {ORPHANS!r}])\n"
            "import psutil\nfor _ in range(100):\n    time.sleep(0.1)\n"
            "    left = psutil.Process(os.getppid()).children(recursive=True)\n"
            "    if len(left) == 1:\n        break\nprint(len(left))"
        )
    )
    assert (code, said.split()) == (0, ["1"])


def test_many_that_have_ended_are_not_too_many():
    short = ORPHANS.replace("time.sleep(99)", "os._exit(0)")
    wait = f"{short}\ntime.sleep(1)"
    code, said = ended(supervised(FULL.format(wait)))
    assert code == 0 and int(said) == 0


def test_what_does_not_end_is_told(monkeypatch):
    monkeypatch.setattr(contained, "PATIENCE", 0)
    monkeypatch.setattr(contained.psutil.Process, "kill", lambda self: None)
    child = subprocess.Popen(["sleep", "99"])
    try:
        with pytest.raises(RuntimeError, match=f"do not end: .*{child.pid}"):
            contained.end_all()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_from_outside_it_says_so_and_ends_all(by):
    before = signal.signal(by, signal.SIG_DFL)  # whoever runs the tests may ignore it
    try:
        process = supervised("print(os.getpid(), flush=True)\ntime.sleep(99)")
    finally:
        signal.signal(by, before)
    grader = int(process.stdout.readline())
    process.send_signal(by)
    code, _ = ended(process)
    assert code == contained.ENDED and gone(grader)


FULL = "c = subprocess.Popen([sys.executable, '-c', {!r}]); print(c.wait())"


CHILDREN = {
    "shared memory": "import mmap, time\nm = mmap.mmap(-1, 6 * 10**8)\n"
    "[m.write(b'x' * 10**7) for _ in range(60)]\ntime.sleep(99)",
    "processes": "import subprocess, time\n"
    "[subprocess.Popen(['sleep', '99']) for _ in range(30)]\ntime.sleep(99)",
    "disk": "import os, time\nfor i in range(9):\n"
    "    open(os.environ['COURSE_SCRATCH'] + f'/{i}', 'wb').write(bytes(10**7))\n"
    "time.sleep(99)",
    "disk, beside its folder": "import os, time\nfor i in range(9):\n"
    "    open(os.environ['JUPYTER_RUNTIME_DIR'] + f'/{i}', 'wb').write(bytes(10**7))\n"
    "time.sleep(99)",
}


@pytest.mark.parametrize("child", CHILDREN)
def test_what_takes_too_much_is_ended_and_the_grader_goes_on(child):
    code, said = ended(supervised(FULL.format(CHILDREN[child])))
    assert code == 0 and int(said) == -signal.SIGKILL


def test_a_deep_folder_without_modes_is_deleted():
    code, said = ended(
        supervised(
            "print(scratch)\nos.chdir(scratch)\nfor _ in range(1200):\n"
            "    os.mkdir('d' * 9)\n    os.chdir('d' * 9)\nos.chmod('.', 0)"
        )
    )
    assert code == 0 and not Path(said.strip()).exists()


def test_a_folder_that_is_too_deep_for_a_path_is_too_much(tmp_path, monkeypatch):
    """It does not end the supervisor, and no bytes hide in it."""
    monkeypatch.chdir(tmp_path)
    top = tmp_path / "d"
    try:
        for levels, too_much in ((1200, False), (1200, True)):
            for _ in range(levels):
                os.mkdir("d")
                os.chdir("d")
            assert contained.holds_more(top, 1000) is too_much
    finally:
        contained.discard(top)


def test_when_nobody_waits_any_more_it_ends_all():
    """As when the command that grades the class is killed."""
    between = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-P', {contained.__file__!r}, '60', "
        "sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); "
        "time.sleep(99)'])\ntime.sleep(99)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", between], stdout=subprocess.PIPE, text=True
    )
    grader = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _ in range(300):
        if gone(grader):
            return
        time.sleep(0.1)
    raise AssertionError("the grader still runs")
