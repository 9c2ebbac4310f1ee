"""Where Chromium is: its shell without windows first, which takes a third less time."""

import shutil

NAMES = ["chromium-headless-shell", "chromium", "chromium-browser"]
GET = "apt-get install chromium"


def find() -> str | None:
    """Its path, or None where it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)
