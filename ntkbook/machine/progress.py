"""Progress bars for long work, in a terminal and in a notebook."""

import os
from typing import Any

from tqdm.auto import tqdm


def progress_bar(show: bool, **options) -> tqdm:
    """Return a bar that appears where the work takes longer than two seconds.

    Whoever sets TQDM_DISABLE=1 never sees one: the chapters are executed so, since a
    stored bar would be a dead one. (In notebooks tqdm itself does not look at it.)
    """
    show = show and os.environ.get("TQDM_DISABLE", "0") in ("", "0")
    return tqdm(delay=2, disable=not show, **options)


class CompiledBar:
    """The bar that compiled code moves; held here, since compiled code is kept."""

    current: Any = None

    @staticmethod
    def tick(steps):
        """So many steps more."""
        CompiledBar.current.update(int(steps))

    @staticmethod
    def reach(share):
        """So much of the whole; a whole per cent at a time."""
        percent = round(100 * float(share))
        if percent > CompiledBar.current.n:
            CompiledBar.current.update(percent - CompiledBar.current.n)
