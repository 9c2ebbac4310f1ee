"""Starts the kernel for a submission, shut in as far as this system can do it.

With bubblewrap (`bwrap`; Linux) the kernel sees its own processes, an empty network,
read-only copies of Python and the system's libraries, and one folder in memory to write
in: nothing else is there, so nothing else can be read, changed, killed or left behind.
Without it limited_kernel.py asks Linux's Landlock for as much of that as it can; on
other systems only the limits hold. Which it was stands in COURSE_SANDBOX.

`start.py --check` ends with a reason where submissions could read what they should not.
"""

import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/gnu"]
SYSTEM += [f"/etc/{name}" for name in ("ld.so.cache", "passwd", "group", "localtime")]
SYSTEM += [f"/etc/{name}" for name in ("alternatives", "fonts", "nsswitch.conf")]
OWN = ("COURSE_", "JAX_", "XLA_", "OMP_", "MKL_", "OPENBLAS_", "LC_")  # kept settings
KEPT = {"PATH", "LANG", "TZ", "MPLBACKEND", "PYTHONHASHSEED", "PYTHONWARNINGS"}
DISK_MB = int(os.environ.get("COURSE_DISK_MB", 500))
ALONE = ["--unshare-all", "--die-with-parent", "--new-session"]
# Of what is asked of bubblewrap, the rest: version 0.7 learned --size.
PROBE = "--ro-bind / / --proc /proc --dev /dev --size 1048576 --tmpfs /tmp true"
NONE = """\
neither bubblewrap nor Landlock works here, so submissions could read and change what \
you can; install bubblewrap, or grade in a virtual machine with --without-sandbox"""


def readable(library: str) -> list[str]:
    """What Python needs to read, of what is here."""
    paths = [*SYSTEM, sys.prefix, sys.base_prefix, HERE, library]
    paths += [os.environ.get("JAX_COMPILATION_CACHE_DIR", "")]
    if site.ENABLE_USER_SITE:
        paths.append(site.getusersitepackages())
    if spec := find_spec("ntkbook"):
        paths += spec.submodule_search_locations
    given = [os.path.abspath(path) for path in paths if path]
    every = dict.fromkeys([*given, *map(os.path.realpath, given)])
    return [path for path in every if os.path.exists(path)]


def library(folder: Path) -> str:
    """A folder from which ntkbook can be imported, and nothing that lies next to it."""
    made = folder / "lib"
    made.mkdir(exist_ok=True)
    if spec := find_spec("ntkbook"):
        link = made / "ntkbook"
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.realpath(spec.submodule_search_locations[0]))
    return str(made)


def bubblewrap() -> str | None:
    """The program, where it is installed and may do what it is for."""
    if os.environ.get("COURSE_SANDBOX", "bwrap") != "bwrap":
        return None
    program = shutil.which("bwrap")
    test = [program, *ALONE, *PROBE.split()]
    if not program or subprocess.run(test, capture_output=True).returncode:
        return None
    return program


def inside(program: str, paths: list[str], scratch: str, sockets: str) -> list[str]:
    """The command in front of the kernel's own."""
    command = [program, *ALONE]
    for folder, most in ("/tmp", DISK_MB), (scratch, DISK_MB), ("/dev/shm", 64):
        if folder == "/dev/shm":
            command += ["--proc", "/proc", "--dev", "/dev"]
        command += ["--size", str(most * 2**20), "--tmpfs", folder]
    for path in paths:
        command += ["--ro-bind", path, path]
    return [*command, "--bind", sockets, sockets, "--chdir", scratch, "--"]


def exposed(places: list[Path], paths: list[str]) -> str | None:
    """Why submissions could read one of the places, where these paths are readable."""
    for place in places:
        for path in paths:
            if place.resolve().is_relative_to(path):
                return (
                    f"{place.resolve()} lies in {path}, where submissions can read; "
                    "move it elsewhere, such as into your home"
                )
    return None


def check() -> str | None:
    """Why submissions cannot be graded here as they should."""
    if not sys.platform.startswith("linux"):
        return None
    places = [HERE.parents[2]]  # the course
    if spec := find_spec("ntkbook"):
        root = Path(spec.submodule_search_locations[0]).resolve().parent
        places += [root] if (root / "notebooks").is_dir() else []
    if reason := exposed(places, readable("")):
        return reason
    sys.path.insert(0, str(HERE))
    import landlock

    if bubblewrap() or landlock.version() or "--without-sandbox" in sys.argv:
        return None
    return NONE


def main() -> None:
    if "--check" in sys.argv:
        sys.exit(check())
    connection = Path(sys.argv[sys.argv.index("-f") + 1]).resolve()
    about = json.loads(connection.read_text())
    scratch = os.environ.get("COURSE_SCRATCH") or tempfile.mkdtemp(prefix="course-")
    by_files = about.get("transport") == "ipc"
    sockets = Path(about["ip"]).parent if by_files else Path(tempfile.mkdtemp())
    own = library(sockets)
    paths = [*readable(own), str(connection)]
    program = bubblewrap() if by_files else None  # there it would have no network
    env = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(OWN)}
    env |= {"PYTHONPATH": own, "COURSE_SCRATCH": scratch, "HOME": scratch}
    env |= {"COURSE_SANDBOX": "bwrap" if program else "landlock"}
    env |= {"COURSE_READABLE": os.pathsep.join(paths)}
    env |= {"COURSE_SOCKETS": str(sockets) if by_files else ""}
    # What Python, IPython and Matplotlib write on the way goes the same place.
    for name in ("TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"):
        env[name] = scratch
    command = [sys.executable, "-P", str(HERE / "limited_kernel.py"), *sys.argv[1:]]
    if program:
        command = [*inside(program, paths, scratch, str(sockets)), *command]
    os.execve(command[0], command, env)


if __name__ == "__main__":
    main()
