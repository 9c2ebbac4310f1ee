"""Run chapters from a cold start and store their outputs in place.

    python -m book.tools.notebooks.execute notebooks/01_taylor_expansion.ipynb ...

What changes from run to run without meaning (times, the kernel's version, what an
editor left behind) is left out, so that a difference in git is a difference.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
SECONDS_PER_CELL = 600


def execute(path):
    """Run one notebook and write it back; an error leaves the file as it was."""
    nb = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    os.environ["TQDM_DISABLE"] = "1"  # a stored progress bar would be a dead one
    NotebookClient(
        nb,
        timeout=SECONDS_PER_CELL,
        kernel_name="python3",
        resources=folder,
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    ).execute()
    tidy(nb)
    nbformat.write(nb, path)


def tidy(nb):
    """Remove what says nothing about the chapter."""
    language = {"name": "python", "file_extension": ".py", "pygments_lexer": "ipython3"}
    nb.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": language})
    for cell in nb.cells:
        kept = {"mystnb", "ntkbook", "tags"}
        for key in set(cell.metadata) - kept:
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)


def joined(outputs):
    """Join neighbouring pieces of printed text: on a busy machine it comes in parts."""
    found = []
    for output in outputs:
        last = found[-1] if found else {}
        if output.output_type == "stream" and output.name == last.get("name"):
            last.text += output.text
        else:
            found.append(output)
    return found


def main():
    for path in map(Path, sys.argv[1:]):
        if not path.is_file():
            sys.exit(f"There is no notebook {path}.")
        start = time.monotonic()
        print(f"Running {path.name} ...", end=" ", flush=True)
        try:
            execute(path)
        except CellExecutionError as error:
            sys.exit(f"failed; the file is unchanged.\n{error}")
        print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
