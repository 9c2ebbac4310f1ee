"""What shuts submissions in: which of it works on this machine."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers import needs

ROOT = Path(__file__).resolve().parents[2]
GRADING = ROOT / "book" / "tools" / "course" / "grader_files"
KINDS = ["bwrap", "landlock"]
SIGNALS, TCP = 6, 4  # from these versions on Landlock forbids them


def landlock() -> int:
    """The version of Landlock here; 0 for none."""
    file = GRADING / "kernels" / "python3" / "landlock.py"
    spec = importlib.util.spec_from_file_location("landlock", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.version()


def need(kind: str, version: int = 1) -> None:
    """Skip without it. Landlock, which a bare Debian has, is asked for in CI; later
    versions of it are not, nor is bubblewrap, since containers may forbid what it does.
    """
    if kind == "bwrap":
        program = shutil.which("bwrap")
        test = "bwrap --unshare-all --ro-bind / / --proc /proc true".split()
        if not program or subprocess.run(test, capture_output=True).returncode:
            pytest.skip(
                "bubblewrap is missing, or this container forbids what it does; get it "
                "with: apt-get install bubblewrap"
            )
        return
    get = "a kernel that has it: Linux 5.13, with landlock in its list of modules"
    needs.that(landlock(), "Landlock", get=get)
    if landlock() < version:
        pytest.skip(f"Landlock is of version {landlock()} here; this needs {version}")
