"""What has been handed out, or handed in, is not written over or deleted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from book.tools.course import generate

ROOT = Path(__file__).resolve().parents[2]
LEFT = [pattern.replace("*", "ann") for pattern in generate.CLASS]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Where `main` writes what it is told to, but takes nothing from the chapters."""
    course = tmp_path / "_build" / "course"
    course.mkdir(parents=True)
    monkeypatch.setattr(generate, "write", lambda *given: given[-1] and {})
    monkeypatch.setattr(generate, "build_wheel", lambda folder: None)

    def main(*options: str):
        monkeypatch.setattr(sys, "argv", ["generate", str(course), *options])
        generate.main()

    return course, main


@pytest.mark.parametrize("there, options", [("7", []), (None, ["--variant", "7"])])
def test_another_variant_is_not_written_over(there, options, written, capsys):
    course, main = written
    (course / "course.json").write_text(json.dumps({"variant": there}))
    with pytest.raises(SystemExit, match="holds (variant 7|the book's own).*--replace"):
        main(*options)
    main(*options, "--replace")
    main(*(["--variant", there] if there else []))
    assert capsys.readouterr().out.count("The course is ready") == 2


@pytest.mark.parametrize("name", LEFT)
def test_a_class_is_not_written_over(name, written):
    course, main = written
    (course / "course.json").write_text(json.dumps({"variant": None}))
    (course / name).parent.mkdir(parents=True)
    (course / name).touch()
    with pytest.raises(SystemExit, match="holds a class's submissions or marks"):
        main("--replace")


@pytest.mark.parametrize("name", [*LEFT, "student/99.ipynb"])
def test_make_clean_spares_a_class(name, tmp_path):
    kept = tmp_path / "_build" / "course" / name
    for path in (kept, tmp_path / "_build" / "html" / "x", tmp_path / ".venv" / "x"):
        path.parent.mkdir(parents=True)
        path.touch()
    command = ["make", "--file", ROOT / "Makefile", "--directory", tmp_path, "clean"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert kept.exists() == (name in LEFT) == ("a class's" in done.stdout)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == ({kept.name} if name in LEFT else set())
