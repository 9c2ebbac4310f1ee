"""The wheel of ntkbook, which the built book and the notebooks for Colab carry."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def build_wheel(folder: Path) -> Path:
    """Build it into a folder, from the sources as they are; needs no network."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    where = ["--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run([*pip, *where], check=True)
    return next(folder.glob("ntkbook-*.whl"))
