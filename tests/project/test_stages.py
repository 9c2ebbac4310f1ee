"""`make test` runs all stages, says what each took, and what was skipped."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from book.tools import matrix, stages

ROOT = Path(__file__).resolve().parents[2]

MAKEFILE = """
strange:
\t@printf 'caf\\351 \\033[33mSKIPPED [1] x.py:1: no tea\\033[0m\\n'
\t@printf '\\033[33mSKIPPED [1] x.py:1: no tea\\033[0m\\n1 passed in 0.1s\\n'
left:
\t@sleep 30 & echo "1 passed in 0.1s"
environment:
\t@echo made
good:
\t@echo "SKIPPED [2] tests/test_x.py:3: no otter here; pip install otter-grader"
\t@echo "41 passed, 1 skipped in 2.50s"
\t@echo "2 passed in 61.00s (0:01:01)"
bad:
\t@echo "FAILED tests/test_y.py::test_z - assert 1 == 2"
\t@echo "1 failed, 3 passed in 0.10s"; exit 1
"""


@pytest.fixture
def make(tmp_path, monkeypatch, capfd):
    """Run stages of a small Makefile; return the exit status and what was printed."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    monkeypatch.setattr(stages, "ROOT", str(tmp_path))
    monkeypatch.delenv("MAKEFLAGS", raising=False)

    def run(*names):
        status = stages.main(names)
        return status, capfd.readouterr().out

    return run


def test_the_table_and_the_last_line(make):
    status, out = make("environment", "good")
    assert status == 0
    table = out[out.index("== Stages") :].splitlines()
    assert table[2].split()[-4:] == ["43", "passed,", "1", "skipped"]
    assert table[3].startswith("in all")
    assert "All checks passed." in table
    assert table[-1] == "Skipped: no otter here; pip install otter-grader"


def test_a_failure_is_named_and_the_rest_still_runs(make):
    status, out = make("environment", "bad", "good")
    assert status == 1
    assert "FAILED  1 failed, 3 passed" in out
    assert "43 passed" in out
    assert "Failed: make bad" in out
    assert "All checks passed" not in out


def test_any_bytes_and_colours(make):
    status, out = make("environment", "strange")
    assert status == 0
    assert out.splitlines()[-1] == "Skipped: no tea"


def test_what_a_stage_leaves_running_is_not_waited_for(make, monkeypatch):
    monkeypatch.setattr(stages, "PATIENCE", 1)
    _, out = make("environment", "left")
    assert float(re.search(r"^left +(\d+) s +1 passed", out, re.M)[1]) < 25


def test_without_an_environment_nothing_is_tried(make):
    Path(stages.ROOT, "Makefile").write_text(
        MAKEFILE.replace("@echo made", "@echo no Python; exit 1")
    )
    status, out = make("environment", "good")
    assert status == 1
    assert "41 passed" not in out


def test_the_stages_of_make_test_are_targets():
    text = (ROOT / "Makefile").read_text()
    for target in ("test", "test-all"):
        done = subprocess.run(
            ["make", "-n", "--no-print-directory", target],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
            capture_output=True,
            text=True,
            check=True,
        )
        names = done.stdout.replace("\\\n", " ").split("book.tools.stages")[1].split()
        assert len(names) >= 6
        for name in names:
            assert f"\n{name}:" in text, name


def test_the_matrix_sums_its_stages():
    log = "== Library\n41 passed, 1 skipped in 2.50s\n2 passed in 61.00s (0:01:01)\n"
    log += "FAILED tests/test_y.py::test_z - assert 1 == 2\n1 failed in 0.10s\n"
    log += "test-library       64 s  41 passed\n"
    lines = list(matrix.summary(matrix.counted("python3.13", log), log, True))
    assert lines[0] == "python3.13  FAILED  43 passed, 1 skipped, 1 failed"
    assert "tests/test_y.py::test_z" in lines[1]


def test_the_matrix_holds_what_the_readme_promises():
    readme = (ROOT / "README.md").read_text()
    for version in ("3.11", "3.12", "3.13"):
        assert version in readme
        assert matrix.COMBINATIONS[f"python{version}"].targets[0] == "test"
    assert (ROOT / matrix.COLAB).exists()
    with pytest.raises(SystemExit, match="No combination python2"):
        matrix.main(["python2"])


def test_colabs_versions_are_those_of_its_runtime():
    """Both files pin the same JAX, NumPy and SciPy."""

    def pins(path):
        return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / path).read_text(), re.M))

    whole, computing = (
        pins("tests/notebooks/colab-requirements.txt"),
        pins(matrix.COLAB),
    )
    for name in ("jax", "jaxlib", "numpy", "scipy", "scikit-learn", "matplotlib"):
        assert whole[name] == computing[name]


@pytest.mark.parametrize(
    ("python", "set_", "flags"),
    [
        ("exit 0", "", "--xla_cpu_use_fusion_emitters=false "
         "--xla_cpu_parallel_codegen_split_count=1 "),
        ('case "$XLA_FLAGS" in *fusion*) exit 1;; esac', "",
         "--xla_cpu_parallel_codegen_split_count=1 "),
        ("exit 1", "", ""),
        ("exit 1", "--xla_cpu_max_isa=AVX2", "--xla_cpu_max_isa=AVX2 "),
    ],
)  # fmt: skip
def test_xla_is_given_only_flags_that_it_knows_and_no_blank(
    python, set_, flags, tmp_path
):
    (tmp_path / "python").write_text(f"#!/bin/sh\n{python}\n")
    (tmp_path / "python").chmod(0o755)
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-n", "test-notebooks", f"BIN={tmp_path}"],
        cwd=ROOT,
        env=env | {"XLA_FLAGS": set_},
        capture_output=True,
        text=True,
        check=True,
    )
    flags += "--xla_backend_optimization_level=2"  # every release has this one
    assert f'XLA_FLAGS="{flags}" ' in done.stdout
