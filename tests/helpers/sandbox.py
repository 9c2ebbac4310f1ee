"""What shuts submissions in: which of it works on this machine."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from tests.helpers import needs

ROOT = Path(__file__).resolve().parents[2]
GRADING = ROOT / "book" / "tools" / "course" / "grader_files"
SIGNALS, TCP = 6, 4  # from these versions on Landlock forbids them


def landlock() -> int:
    """The version of Landlock here; 0 for none."""
    file = GRADING / "kernels" / "python3" / "landlock.py"
    spec = importlib.util.spec_from_file_location("landlock", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.version()


def bubblewrap() -> bool:
    """Whether it is installed, and this machine lets it do what it does."""
    test = "bwrap --unshare-all --ro-bind / / --proc /proc true".split()
    return bool(
        shutil.which("bwrap")
        and not subprocess.run(test, capture_output=True).returncode
    )


def forbids(kind: str, version: int) -> bool:
    """Whether submissions are kept from it here, as the page for instructors says."""
    return kind == "bwrap" or landlock() >= version


def need() -> None:
    """A bare Debian has Landlock. Bubblewrap it may lack, and a container may forbid
    what it does: its tests are there where it works.
    """
    get = "a kernel that has it: Linux 5.13, with landlock in its list of modules"
    needs.that(landlock(), "Landlock", get=get)


KINDS = ["bwrap", "landlock"] if bubblewrap() else ["landlock"]
