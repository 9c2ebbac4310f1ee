"""What shuts submissions in: which of it works on this machine."""

import importlib.util
from pathlib import Path

import pytest

from tests.helpers import needs

ROOT = Path(__file__).resolve().parents[3]
GRADING = ROOT / "book" / "tools" / "course" / "grader_files"
# From these versions on Landlock forbids them.
SIGNALS, TCP, NEVER = 6, 4, 10**6


def beside_the_kernel(name: str):
    """A module of those that stand with the graders' kernel, loaded from its file."""
    file = GRADING / "kernels" / "python3" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def landlock() -> int:
    """The version of Landlock here; 0 for none."""
    return beside_the_kernel("landlock").version()


def bubblewrap() -> bool:
    """Whether it is installed, and this machine lets it do what it does."""
    return beside_the_kernel("start").bubblewrap() is not None


def forbids(kind: str, version: int) -> bool:
    """Whether submissions are kept from it here, as the page for instructors says."""
    return kind == "bwrap" or landlock() >= version


def where(version: int):
    """Collect a test of the fixture `kernel` for what forbids this, and no other; where
    nothing does, leave it out, as the page for instructors does not promise it."""
    kinds = [kind for kind in KINDS if forbids(kind, version)]

    def collected(test):
        mark = pytest.mark.parametrize("kernel", kinds, indirect=True)
        return mark(test) if kinds else None

    return collected


def need() -> None:
    """A bare Debian has Landlock. Bubblewrap it may lack, and a container may forbid
    what it does: its tests are there where it works.
    """
    get = "a kernel that has it: Linux 5.13, with landlock in its list of modules"
    needs.that(landlock(), "Landlock", get=get)


KINDS = ["bwrap", "landlock"] if bubblewrap() else ["landlock"]
