"""Build the same sources with plain Sphinx and MyST-NB, in their newest releases.

Jupyter Book 1 is no longer developed. This says each week whether the book could do
without it (`make sphinx`): the configuration is made from `_config.yml`, and what only
Jupyter Book needs is left out. Warnings do not fail it; they are counted at the end.
"""

import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "_build" / "sphinx"
LOG = ROOT / "_build" / "sphinx.log"
PROGRAM = ROOT / ".venv" / "bin" / "jupyter-book"

NOT_NEEDED = {"jupyter_book", "sphinx_thebe", "sphinx_comments"}
NOT_NEEDED |= {"sphinx_jupyterbook_latex"}
SETTINGS_OF_THESE = ("comments_config", "use_jupyterbook_latex", "latex_engine")


def configuration():
    """Sphinx's settings, as Jupyter Book reads them out of `_config.yml`."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("_config.yml", "_toc.yml"):
            shutil.copy(ROOT / name, folder)
        command = [PROGRAM, "config", "sphinx", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        settings = runpy.run_path(str(Path(folder, "conf.py")))
    settings = {k: v for k, v in settings.items() if not k.startswith("__")}
    for name in SETTINGS_OF_THESE:
        settings.pop(name, None)
    settings["extensions"] = [
        name for name in settings["extensions"] if name not in NOT_NEEDED
    ]
    settings["exclude_patterns"] += [".*"]
    settings["nitpicky"] = True  # as build.py asks of Jupyter Book
    return settings


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with LOG.open("w") as log, patch_docutils(), docutils_namespace():
        app = Sphinx(
            ROOT, None, OUT / "html", OUT / "doctrees", "html", configuration(),
            status=None, warning=log, freshenv=True,
        )  # fmt: skip
        app.build()
    text = re.sub(r"\x1b\[[0-9;]*m", "", LOG.read_text()).replace(f"{ROOT}/", "")
    print(text, end="")
    warnings = len(re.findall(r"WARNING|ERROR", text))
    pages = len(list((OUT / "html").rglob("*.html")))
    print(f"Plain Sphinx built {pages} pages, with {warnings} warnings.")
    sys.exit(app.statuscode)


if __name__ == "__main__":
    main()
