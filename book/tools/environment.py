"""Make the book's Python environment, or say in one line why it cannot be made.

    python3 book/tools/environment.py          .venv, from requirements.txt
    python3 book/tools/environment.py colab    .venv-colab, with Colab's versions

Safe to interrupt and to repeat: an environment counts as finished only when its
stamp says so, and the stamp is written last. One without a stamp is made afresh.
One process at a time makes environments here; another one waits, and says so.
It uses only the standard library, and syntax that old Pythons can read, so that
they too get as far as printing what is wrong.
"""

from __future__ import print_function

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUPPORTED = ("3.13", "3.12", "3.11")
STAMP = "ntkbook-stamp"
GB = 1e9
# What some network file systems answer: there, two at once are the user's own care.
NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL)

# What pip prints when something outside this repository is wrong.
NO_DISK = re.compile(r"No space left on device|Disk quota exceeded")
NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|ProxyError"
    r"|name resolution|Network is unreachable|Connection refused|No route to host"
    r"|connection broken|from versions: none"
)


class Problem(Exception):
    """Something the reader can mend; its text is one line that says how."""


class Environment:
    """A virtual environment `folder` that holds exactly what `pins` lists."""

    def __init__(self, folder, pins, gigabytes, with_ntkbook):
        self.folder = os.path.join(ROOT, folder)
        self.pins = os.path.join(ROOT, pins)
        self.gigabytes = gigabytes
        self.with_ntkbook = with_ntkbook
        self.python = os.path.join(self.folder, "bin", "python")
        self.stamp = os.path.join(self.folder, STAMP)
        self.log = os.path.join(self.folder, "install.log")

    def wanted(self):
        """Two digests: what needs a new environment, what only a new ntkbook."""
        return [
            digest(self.pins, ROOT),
            digest(os.path.join(ROOT, "pyproject.toml"), self.with_ntkbook),
        ]

    def found(self):
        if not os.access(self.python, os.X_OK):
            return []
        try:
            with open(self.stamp) as file:
                return file.read().split()
        except (IOError, OSError):
            return []

    def mark(self, digests):
        with open(self.stamp, "w") as file:
            file.write("\n".join(digests))


def say(text):
    print(text)
    sys.stdout.flush()


@contextlib.contextmanager
def alone():
    """Hold the lock of this folder. What is started meanwhile inherits it, so that an
    installer whose parent was killed still counts, and nobody clears its files.
    """
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        os.set_inheritable(folder, True)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (IOError, OSError) as error:
            if error.errno in NO_LOCKS:
                yield
                return
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            say("Another `make` is making the environment here; waiting for it.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def digest(path, salt):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read() + str(salt).encode()).hexdigest()


def free_space():
    return shutil.disk_usage(ROOT).free


def answers(python, code):
    """What `python -c code` prints, or None where that fails."""
    try:
        out = subprocess.check_output([python, "-c", code], stderr=subprocess.PIPE)
    except (OSError, subprocess.CalledProcessError):
        return None
    return out.decode().strip()


def find_python(versions, given=None):
    """A Python of one of `versions`: the given one, or the first on the PATH."""
    names = [given or sys.executable] + ["python" + v for v in versions]
    without_venv = None
    for name in names:
        version = answers(name, "import sys; print('%d.%d' % sys.version_info[:2])")
        if version not in versions:
            continue
        if answers(name, "import venv, ensurepip") is None:
            without_venv = without_venv or version
            continue
        return name
    if without_venv:
        raise Problem(
            "Python {0} is here, but cannot make virtual environments; on Debian: "
            "apt-get install python{0}-venv".format(without_venv)
        )
    raise Problem(
        "The book needs Python {}, and this is Python {}; install one of them, or "
        "name it: make book PYTHON=/path/to/python3.11".format(
            " or ".join(reversed(SUPPORTED)), sys.version.split()[0]
        )
    )


def explain(output, log):
    """The one line for a failed pip, from what it printed."""
    if NO_DISK.search(output):
        return "The disk is full; free some space and run the same command again."
    if NO_NETWORK.search(output):
        return (
            "The package index cannot be reached; check the network (or pip's proxy "
            "and index settings) and run the same command again."
        )
    errors = re.findall(r"^(?:ERROR: |error: | *\w+Error: )(.+)$", output, re.M)
    reason = errors[0] if errors else "see its output"
    return "pip failed: {} (all of it: {})".format(reason, os.path.relpath(log, ROOT))


def run(environment, arguments, total=0):
    """Run a command, log what it prints, and count pip's packages as they come."""
    counted, printed = 0, []
    process = subprocess.Popen(
        arguments,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        close_fds=False,  # see `alone`
    )
    try:
        with open(environment.log, "ab") as log:
            for line in process.stdout:
                log.write(line)
                printed.append(line.decode("utf-8", "replace"))
                if total and line.startswith(b"Collecting "):
                    counted += 1
                    if sys.stdout.isatty():
                        print("  package {} of {}".format(counted, total), end="\r")
    except BaseException:
        process.terminate()
        raise
    finally:
        process.wait()
    if process.returncode:
        raise Problem(explain("".join(printed), environment.log))


PIP = ["-m", "pip", "install", "--no-deps", "--no-input", "--progress-bar", "off"]
PIP += ["--disable-pip-version-check", "--retries", "2"]
# Most modules are never imported; Python compiles the others when they first are.
PIP += ["--no-compile"]
PINNED = ["--require-hashes", "-r"]  # what is installed is what was locked


def install_pins(environment, python):
    """A new environment with the pinned packages, in place of any older one."""
    if not os.access(ROOT, os.W_OK):
        raise Problem(
            "The environment belongs into this folder, and it cannot be written to: "
            "{}; clone the repository into one of your own.".format(ROOT)
        )
    if os.path.islink(environment.folder):
        raise Problem(
            "{} is a link, and what it leads to would be cleared; remove the link and "
            "run the same command again.".format(environment.folder)
        )
    free = free_space()
    if free < environment.gigabytes * GB:
        raise Problem(
            "Only {:.1f} GB are free here, and the environment needs {} GB; free "
            "some space and run the same command again.".format(
                free / GB, environment.gigabytes
            )
        )
    with open(environment.pins) as file:
        total = sum("==" in line and line[0] != "#" for line in file)
    name = os.path.relpath(environment.folder, ROOT)
    say("Making the environment {} with {}.".format(name, python))
    make_folder = [python, "-m", "venv", "--clear", environment.folder]
    if subprocess.call(make_folder, close_fds=False):
        raise Problem("The environment could not be made (see above).")
    if with_uv(environment):
        return
    say("Installing {} pinned packages: a minute or two.".format(total))
    run(environment, [environment.python] + PIP + PINNED + [environment.pins], total)


def with_uv(environment):
    """Install the pins with uv, where it is there: in seconds. If it cannot, pip can,
    or says why not; and pip may know of an index of packages of which uv does not.
    """
    uv = shutil.which("uv")
    if not uv or "PIP_INDEX_URL" in os.environ:
        return False
    say("Installing the pinned packages with uv.")
    command = [uv, "pip", "install", "--quiet", "--no-deps"]
    try:
        run(
            environment,
            command + ["--python", environment.python] + PINNED + [environment.pins],
        )
    except (OSError, Problem):
        return False
    return True


def install_ntkbook(environment):
    say("Installing ntkbook from this folder.")
    here = ["--no-build-isolation", "--editable", ROOT]
    run(environment, [environment.python] + PIP + here)


def make(environment, versions, given=None):
    """Bring `environment` up to date; do nothing where it is."""
    if environment.found() == environment.wanted():
        return
    with alone():
        bring_up_to_date(environment, versions, given)


def bring_up_to_date(environment, versions, given):
    wanted, found = environment.wanted(), environment.found()
    if found[:1] != wanted[:1]:
        python = find_python(versions, given)
        if os.path.exists(environment.stamp):
            os.remove(environment.stamp)
        install_pins(environment, python)
        environment.mark(wanted[:1])
    if environment.with_ntkbook and found != wanted:
        install_ntkbook(environment)
    environment.mark(wanted)


def main(arguments):
    if sys.version_info < (3, 6):
        raise Problem(
            "The book needs Python 3.11, 3.12 or 3.13, and this is Python {}; name a "
            "newer one: make book PYTHON=/path/to/python3.11".format(
                sys.version.split()[0]
            )
        )
    if arguments == ["colab"]:
        colab = Environment(
            ".venv-colab", "tests/notebooks/colab-requirements.txt", 1.5, False
        )
        # Colab itself runs 3.13, so that comes first, before the one running this.
        make(colab, SUPPORTED, "python" + SUPPORTED[0])
    elif arguments:
        raise Problem("Usage: python3 book/tools/environment.py [colab]")
    else:
        make(Environment(".venv", "requirements.txt", 2.5, True), SUPPORTED)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Problem as problem:
        sys.exit("{}".format(problem))
    except KeyboardInterrupt:
        sys.exit("Interrupted; run the same command again to go on.")
    except (IOError, OSError) as error:
        sys.exit("{}: {}".format(error.strerror or error, error.filename or ROOT))
