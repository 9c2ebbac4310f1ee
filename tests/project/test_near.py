"""Which tests `make check` chooses where nothing is recorded."""

import subprocess

import pytest

from book.tools.near import ROOT, all_near, changed


@pytest.mark.parametrize(
    "path, tests",
    [
        (
            "ntkbook/kernels/path/recursion.py",
            ["ntkbook/kernels/path/recursion.py", "tests/library/kernels/path"],
        ),
        (
            "ntkbook/width.py",
            ["ntkbook/width.py", "tests/library/chapters/test_width.py"],
        ),
        ("book/tools/near.py", ["tests/project/test_near.py"]),
        ("tests/library/test_types.py", ["tests/library/test_types.py"]),
        ("tests/helpers/needs.py", []),
        ("book/start.md", []),
    ],
)
def test_tests_stand_where_their_module_does(path, tests):
    assert all_near([path], ROOT) == tests


def test_every_module_of_the_library_has_its_tests():
    for each in ROOT.glob("ntkbook/**/*.py"):
        path = str(each.relative_to(ROOT))
        tests = set(all_near([path], ROOT)) - {path}
        assert tests, path


def test_what_has_changed(tmp_path):
    def git(*command):
        subprocess.check_call(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", *command], cwd=tmp_path
        )

    git("init", "-q", "-b", "main")
    for name in ("kept.py", "edited.py", "deleted.py"):
        (tmp_path / name).write_text("1\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("checkout", "-q", "-b", "other")
    (tmp_path / "committed.py").write_text("1\n")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    (tmp_path / "edited.py").write_text("2\n")
    (tmp_path / "deleted.py").unlink()
    (tmp_path / "new.py").write_text("1\n")
    assert changed(tmp_path) == ["committed.py", "edited.py", "new.py"]
