"""Run the tests on every combination that the README promises: `make matrix`.

    make matrix                        all of them, about two hours on two cores
    make matrix ONLY="python3.13 avx2"

Each combination has a clone of the last commit under _build/matrix, as a newcomer
would make it; those that only pretend to be another processor share one. It uses only
the standard library, and ends with what each combination counted.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from book.tools import stages

ROOT = Path(__file__).resolve().parents[2]
WHERE = ROOT / "_build" / "matrix"
COLAB = "tests/notebooks/colab-jax-requirements.txt"
FEW_THREADS = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "NPROC": "1",  # of XLA's own pool
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


WHOLE = ("test", "test-projects")
NUMBERS = ("test-library", "test-notebooks", "test-projects")


class Combination:
    """Where the tests run: a Python, pins, settings; and which tests."""

    def __init__(self, python, *, targets=WHOLE, pins=None, env=None, clone=None):
        self.python = python
        self.targets = targets
        self.pins = pins
        self.env = env or {}
        self.clone = clone


COMBINATIONS = {
    "python3.11": Combination("python3.11"),
    "python3.12": Combination("python3.12"),
    "python3.13": Combination("python3.13"),
    # The library, chapters and tools on the JAX, NumPy and SciPy that Colab has.
    "colab": Combination("python3.13", pins=COLAB),
    "newest": Combination("python3.13", pins="make lock"),
    "sse4": Combination(
        "python3.11",
        targets=NUMBERS,
        env={"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
        clone="processors",
    ),
    "avx2": Combination(
        "python3.11",
        targets=NUMBERS,
        env={"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        clone="processors",
    ),
    "one-thread": Combination(
        "python3.11", targets=NUMBERS, env=FEW_THREADS, clone="processors"
    ),
}


def python(name):
    """The path of a Python that answers: from the PATH, or one that pyenv keeps."""
    kept = Path.home() / ".pyenv" / "versions"
    homes = sorted(kept.glob(name.replace("python", "") + ".*"))
    for candidate in [shutil.which(name), *(home / "bin" / name for home in homes)]:
        if candidate and version(candidate, "venv, ensurepip") == name:
            return str(candidate)
    return None


def version(python, needs="sys"):
    """What a Python calls itself, such as python3.12; None where it does not answer."""
    code = f"import sys, {needs}; print('python%d.%d' % sys.version_info[:2])"
    try:
        out = subprocess.check_output([python, "-c", code], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    return out.decode().strip()


def prepare(name, combination):
    """A clone of the last commit, with the pins of this combination."""
    folder = WHERE / (combination.clone or name)
    if not folder.exists():
        subprocess.check_call(["git", "clone", "--quiet", ROOT, folder])
    here = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=ROOT, text=True)
    subprocess.check_call(["git", "fetch", "--quiet", ROOT, here.strip()], cwd=folder)
    reset = ["git", "reset", "--quiet", "--hard", here.strip()]
    subprocess.check_call(reset, cwd=folder)
    if combination.pins == "make lock":
        subprocess.check_call(["make", "lock"], cwd=folder)
    elif combination.pins:
        shutil.copy(folder / combination.pins, folder / "requirements.txt")
    return folder


def run(name, combination):
    """Run one combination; return its lines for the last table."""
    found = python(combination.python)
    if found is None:
        return False, [f"{name}: FAILED, there is no {combination.python} here"]
    try:
        folder = prepare(name, combination)
    except (OSError, subprocess.CalledProcessError) as error:
        return False, [f"{name}: FAILED, {error}"]
    log = WHERE / f"{name}.log"
    print(f"{name}: {folder}, log {log}", flush=True)
    command = ["make", *combination.targets, f"PYTHON={found}"]
    # In `make test` of a clone the variables of this `make` have no business.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    with log.open("wb") as file:
        failed = subprocess.call(
            command,
            cwd=folder,
            env=env | combination.env,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    # `make` takes another Python where the one it is given cannot make environments.
    used = version(folder / ".venv" / "bin" / "python")
    if used != combination.python:
        return False, [f"{name}: FAILED, it ran on {used}"]
    text = log.read_text(encoding="utf-8", errors="replace")
    stage = counted(name, text)
    failed = failed or not stage.counts.get("passed")
    return not failed, list(summary(stage, text, failed))


def counted(name, log):
    """What pytest counted in all its runs."""
    stage = stages.Stage(name)
    for line in log.splitlines():
        stage.read(line)
    return stage


def summary(stage, log, failed):
    """Counts over all stages, and what failed."""
    counts = ", ".join(f"{number} {what}" for what, number in stage.counts.items())
    yield f"{stage.name:11} {'FAILED' if failed else 'passed'}  {counts}"
    for line in re.findall(r"^(?:FAILED|ERROR) (.*)$", log, re.M):
        yield f"            {line[:100]}"
    for reason in sorted(stage.skips):
        yield f"            skipped: {reason}"


def main(names):
    unknown = [name for name in names if name not in COMBINATIONS]
    if unknown:
        sys.exit(f"No combination {unknown[0]}; there are: {', '.join(COMBINATIONS)}.")
    WHERE.mkdir(parents=True, exist_ok=True)
    changed = ["git", "status", "--porcelain", "--untracked-files=no"]
    if subprocess.check_output(changed, cwd=ROOT):
        print("Uncommitted changes are not tested.")
    results = []
    for name in names or COMBINATIONS:
        results.append(run(name, COMBINATIONS[name]))
        print("\n".join(results[-1][1]), flush=True)
    print("\n== Matrix")
    print("\n".join(line for _, lines in results for line in lines))
    return int(not all(passed for passed, _ in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
