"""Start a chapter: `make chapter NAME=10_foretelling` (its module: `MODULE=foretell`).

It writes the chapter's notebook, module, test and claims, each as short as the lint
allows, and adds the chapter to the course, the library's list of modules and the
contracts of imports: seven files, which it lists at the end.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[3]
SETUP = """import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import ntkbook
from ntkbook import page
from ntkbook.page.figures import look, use_book_style

ntkbook.double_precision()
use_book_style()
SCALE = "laptop"  # or "gpu": say what becomes larger
print(ntkbook.device_report())"""
UNCHECKED = {
    "tags": ["nbval-ignore-output"],
    "ntkbook": {"unchecked": "the line names the reader's own machine"},
}
TEXTS = (
    "# {title}: the chapter's one question?\n\nWhat the reader will be able to do.",
    SETUP,
    "## The result\n\nThe derivation, complete; the code that computes it; a figure.",
    "## Traps\n\n## Summary\n\nWhat the next chapter answers.\n\n## Exercises\n\n"
    "## Further reading",
)


# Where a chapter has its line: after the last chapter's, and in what form.
PLACES = {
    "book/course.toml": (
        r'(\[\[chapter\]\]\nname = "\d\d"\n(?:.+\n)+\n)(?!\[\[chapter\]\]\nname = "\d)',
        '[[chapter]]\nname = "{number}"\nneeds = []\n'
        'lacks = ["slides", "teaching"]\n\n',
    ),
    "ntkbook/__init__.py": (
        r'(MODULES = """\n(?: .*\n)*? .*)(?=\n""")',
        " {module}",
    ),
    "pyproject.toml": (r'( {4}")(?=ntkbook\.taylor \|)', "ntkbook.{module} | "),
}


def start(root: Path, name: str, module: str) -> list[str]:
    """Write and change the files; returns their names.

    Raises:
        ValueError: a name that is not of the form `08_words`, or one that is taken.
    """
    if not re.fullmatch(r"\d\d_[a-z0-9_]+", name):
        raise ValueError(f"a chapter's name looks like 10_foretelling, not {name!r}")
    if not module.isidentifier() or (root / "ntkbook" / f"{module}.py").exists():
        raise ValueError(f"{module!r} is no free name for a module; pass MODULE=...")
    number, title = name[:2], name[3:].replace("_", " ").capitalize()
    if list((root / "notebooks").glob(f"{number}_*.ipynb")):
        raise ValueError(f"there is a chapter {number} already")
    cells = []
    for text in TEXTS:
        code = text == SETUP
        text = text if code else text.format(title=title)
        cells.append((new_code_cell if code else new_markdown_cell)(text))
    cells[1].metadata.update(UNCHECKED)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    new = {
        f"notebooks/{name}.ipynb": nbformat.writes(notebook, indent=1) + "\n",
        f"ntkbook/{module}.py": (
            f'"""Chapter {int(number)}: what it is about."""\n\n'
            "__all__: list[str] = []\n"
        ),
        f"tests/library/chapters/test_{module}.py": (
            f'"""What Chapter {int(number)} computes, against independent truths."""\n'
        ),
        f"ntkbook/page/claims/{number}.toml": (
            f"# Chapter {int(number)}. The sources are\n"
        ),
    }
    changed = {
        path: _after(root / path, pattern, line.format(number=number, module=module))
        for path, (pattern, line) in PLACES.items()
    }
    for path, text in (new | changed).items():
        (root / path).write_text(text, encoding="utf-8")
    return [*new, *changed]


def _after(path: Path, pattern: str, line: str) -> str:
    """The file's text with more after the first place that fits."""
    text = path.read_text(encoding="utf-8")
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"{path.name} has no place for another chapter")
    return text[: found.end(1)] + line + text[found.end(1) :]


def main(name: str, module: str) -> None:
    try:
        files = start(ROOT, name, module or name[3:].partition("_")[0])
    except ValueError as problem:
        sys.exit(f"No chapter was made: {problem}.")
    print("\n".join(files))


if __name__ == "__main__":
    main(*(sys.argv[1:] + ["", ""])[:2])
