"""Build the book into _build/html.

    python -m book.tools.site.build            (what `make book` runs)
    python -m book.tools.site.build --clean    even if nothing has changed
    python -m book.tools.site.build --without-solutions

Sphinx sees changes of pages, not of the library, the styles or these tools, and it
repeats no warning of a page it does not read again. So a build is all or nothing:
when any input differs from the last successful build's, it starts from clean.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import yaml

from book.tools.notebooks import colab
from book.tools.notebooks.wheel import build_wheel
from book.tools.site import entrances, slides
from book.tools.site.assets import lighten
from book.tools.site.content_policy import protect

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "_build"
HTML = BUILD / "html"
STAMP = BUILD / "stamp"
LOG = BUILD / "build.log"
SOLUTIONS = "NTKBOOK_SOLUTIONS"  # "no" leaves them out; sphinx_page.py reads it
INPUTS = ["book", "notebooks", "ntkbook", "_config.yml", "_toc.yml", "pyproject.toml"]
INPUTS += ["requirements.txt", "README.md", "LICENSE", "CITATION.cff"]
INPUTS += ["benchmarks/results", "tests/notebooks/colab-jax-requirements.txt"]

# What MathJax loads on demand: extensions, fonts, and its reading aloud of formulas.
MATHJAX_PARTS = ["input/tex/extensions", "output/chtml/fonts/woff-v2", "a11y", "sre"]


class BuildError(Exception):
    """The build failed; the text says where."""


def inputs_digest():
    """A digest of every file that the built book depends on."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(os.environ.get(SOLUTIONS, "").encode())
    for name in INPUTS:
        path = ROOT / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            name = file.relative_to(ROOT)
            passing = any(p.startswith((".", "__pycache__")) for p in name.parts)
            if file.is_file() and not passing:
                digest.update(f"{name}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def run(command):
    """Run a command quietly; keep what it prints in the log, and return it."""
    done = subprocess.run(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with LOG.open("a") as log:
        log.write(done.stdout)
    if done.returncode:
        raise BuildError(complaints(done.stdout))
    return done.stdout


def complaints(output):
    """The lines of Sphinx's output that say what is wrong, without colours."""
    output = re.sub(r"\x1b\[[0-9;]*m", "", output)
    lines = output.splitlines()
    wrong = [line for line in lines if re.search(r"WARNING|ERROR|[Ee]rror:", line)]
    return "\n".join(wrong[:20] or lines[-20:]).replace(f"{ROOT}/", "")


def sphinx():
    program = Path(sys.executable).with_name("jupyter-book")
    run([program, "build", ROOT, "-W", "-n", "--keep-going"])
    if os.environ.get(SOLUTIONS) == "no":  # Sphinx puts the chapters' own files there
        shutil.rmtree(HTML / "_sources")


def vendor_mathjax():
    """Copy MathJax out of its package, so that a built book needs no network."""
    carrier = metadata.distribution("sphinx-mathjax-offline")
    source = Path(carrier.locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = HTML / "vendor" / "mathjax"
    target.mkdir(parents=True)
    shutil.copy(source / "tex-mml-chtml.js", target)
    for part in MATHJAX_PARTS:
        shutil.copytree(source / part, target / part)


def colab_files(config):
    """Put the notebooks for Colab, and the wheel they install, into the book."""
    try:
        wheel = build_wheel(HTML / "colab")
        colab.convert_all(ROOT / "notebooks", HTML / "colab", config, wheel)
    except (ValueError, subprocess.CalledProcessError) as error:
        raise BuildError(str(error)) from error


@contextmanager
def alone():
    """Wait until no other build of this book is running, and keep others waiting."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(clean=False):
    """Build the book if anything has changed; return True if it was built."""
    digest = inputs_digest()
    if not clean and STAMP.exists() and STAMP.read_text() == digest:
        return False
    print("Building the book.", flush=True)
    for folder in (HTML, BUILD / ".doctrees"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (STAMP, LOG):
        file.unlink(missing_ok=True)
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    sphinx()
    changelog = (ROOT / "book" / "changelog.md").read_text()
    entrances.write(HTML, config["title"], config["html"].get("baseurl"), changelog)
    (HTML / ".nojekyll").touch()  # GitHub Pages hides folders like _static otherwise
    vendor_mathjax()
    lighten(HTML)
    slides.build(HTML / "slides")
    protect(HTML)
    colab_files(config)
    STAMP.write_text(digest)
    return True


def main():
    if "--without-solutions" in sys.argv[1:]:
        os.environ[SOLUTIONS] = "no"
    try:
        with alone():
            built = build(clean="--clean" in sys.argv[1:])
    except BuildError as error:
        sys.exit(f"{error}\nThe book was not built; the whole output: _build/build.log")
    except KeyboardInterrupt:
        sys.exit("Interrupted; run the same command again.")
    if not built:
        print("Nothing has changed since the last build.")
    print(f"The book is ready: open {HTML / 'book' / 'start.html'} or run: make serve")


if __name__ == "__main__":
    main()
