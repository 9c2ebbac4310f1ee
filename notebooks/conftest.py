"""How nbval compares the chapters: words as words, numbers by value (compare.py).

Pictures and markup are not compared, since fonts and library versions change their
bytes and not their meaning. A warning must not fail a chapter on another machine, so
stderr is left out too (the lint refuses notebooks that store one). The numbers of
claims stand in their texts as well, rounded to what the tolerance lets one see.

Progress bars are off: on a slow machine one would appear, and be a difference.
"""

import os

from book.tools.notebooks import compare

os.environ["TQDM_DISABLE"] = "1"

UNCOMPARED = (
    "image/svg+xml",
    "text/html",
    "stderr",
    "application/vnd.ntkbook.claim+json",
    "application/vnd.ntkbook.key+json",
)


def pytest_collectstart(collector):
    # nbval's notebook collectors have this attribute, a tuple; others do not.
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += UNCOMPARED


def pytest_itemcollected(item):
    # nbval has no hook for its comparison. Where numbers agree by value, it is given
    # the stored text to compare, so that its reports show only what differs.
    texts = getattr(item, "compare_outputs", None)
    if texts is None:
        return
    rule = item.cell.metadata.get("ntkbook", {}).get("compare")

    def by_value(found, stored, skip_compare=None):
        return texts(compare.settle(stored, found, rule), stored, skip_compare)

    item.compare_outputs = by_value
