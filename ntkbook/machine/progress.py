"""Progress bars for long work, in a terminal and in a notebook."""

import contextlib
import itertools
import os
from collections.abc import Iterator

import numpy as np
from tqdm.auto import tqdm


def progress_bar(show: bool, **options) -> tqdm:
    """Return a bar that appears where the work takes longer than two seconds.

    Whoever sets TQDM_DISABLE=1 never sees one: the chapters are executed so, since a
    stored bar would be a dead one. (In notebooks tqdm itself does not look at it.)
    """
    show = show and os.environ.get("TQDM_DISABLE", "0") in ("", "0")
    return tqdm(delay=2, disable=not show, **options)


# The bars that compiled programs move, by the numbers that these are given. A program
# is kept, and may run for several bars at once, in several threads.
_bars: dict[int, tqdm] = {}
_numbers = itertools.count()


@contextlib.contextmanager
def compiled_bar(show: bool, **options) -> Iterator[np.int32 | None]:
    """Yield the number of a bar that compiled code moves; ``None`` where none is."""
    if not show:
        yield None
        return
    with progress_bar(True, **options) as bar:
        number = next(_numbers)
        _bars[number] = bar
        try:
            yield np.int32(number)
        finally:
            del _bars[number]


def tick(number, steps) -> None:
    """Say that so many steps more are done."""
    bar = _bars.get(int(number))  # it is gone where a traced program runs later
    if bar is not None:
        bar.update(int(steps))


def reach(number, share) -> None:
    """Say how much of the whole is done; a bar moves a whole per cent at a time."""
    bar = _bars.get(int(number))
    if bar is not None:
        percent = round(100 * float(share))
        bar.update(max(percent - bar.n, 0))
