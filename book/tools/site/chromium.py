"""Where Chromium is: first its shell without windows, with which tests are faster."""

import shutil

NAMES = ["chromium-headless-shell", "chromium", "chromium-browser"]
GET = "apt-get install chromium"


def find() -> str | None:
    """Its path, or None where it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)
