"""Which tests belong to what has changed: for `make check` without a record.

Tests mirror the packages, so the tests of `ntkbook/kernels/path/paths.py` are those in
`tests/library/kernels/path` and those named `test_paths*.py`. What else runs a function
that has changed only a record knows (`make record`).
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIRRORED = {
    "ntkbook/page": "tests/page",
    "ntkbook": "tests/library",
    "book/tools": "tests",
}


def changed(root: Path) -> list[str]:
    """Files changed since the last commit on `main`, committed here or not."""

    def git(*command: str) -> list[str]:
        run = subprocess.run(
            ["git", *command], cwd=root, capture_output=True, text=True, check=False
        )
        return run.stdout.splitlines()

    since = git("merge-base", "HEAD", "main") or ["HEAD"]
    found = git("diff", "--name-only", "--diff-filter=d", since[0])
    return sorted({*found, *git("ls-files", "--others", "--exclude-standard")})


def near(path: str, root: Path) -> set[str]:
    """The files and folders of tests for one changed file, relative to `root`."""
    file = Path(path)
    if file.suffix != ".py":
        return set()
    if file.parts[0] == "tests":
        return {path} if file.name.startswith("test_") else set()
    package = next((p for p in MIRRORED if file.is_relative_to(p)), None)
    if package is None:
        return set()
    tests = folder = root / MIRRORED[package]
    parts = list(file.relative_to(package).with_suffix("").parts)
    while (folder / parts[0]).is_dir():
        folder = folder / parts.pop(0)
    found = {folder} - {tests}
    for name in parts:  # of a module, or of a package whose tests have no folder
        found.update(tests.rglob(f"test_{name.strip('_')}*.py"))
    if package == "ntkbook":
        found = found or {tests / "chapters"}  # they use most of the library
    elif package == "ntkbook/page":
        found = {tests}
    return {str(each.relative_to(root)) for each in found} | (
        {path} if file.parts[0] == "ntkbook" else set()  # the examples in docstrings
    )


def all_near(paths: Iterable[str], root: Path) -> list[str]:
    return sorted({test for path in paths for test in near(path, root)})


if __name__ == "__main__":
    tests = all_near(changed(ROOT), ROOT)
    print(*tests)
    if tests:
        print(
            "These belong to what has changed; after `make record` all tests run "
            "that a change concerns.",
            file=sys.stderr,
        )
