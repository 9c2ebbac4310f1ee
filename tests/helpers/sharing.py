"""Which tests share what is slow to make, and so belong into one process.

pytest-xdist has marks for that, which with pytest 9.2 do nothing, and say nothing. Here
the name of a test decides: by default all of a file stay together (its browser, server
or course is made once); these files can be divided.
"""

import re

from xdist.scheduler import LoadScopeScheduling

# What of a test's name says with which others of its file it goes; where nothing does,
# the first group has a name, and the test goes alone.
DIVIDED = {
    "test_book_browser.py": r"\[.*-(?:light|dark)\]$",  # one visit to a page
    "test_offline.py": None,
    "test_environment.py": None,
    "test_colab_run.py": None,
    "test_every_chapter.py": None,  # each has a course of its own
    "test_hostile.py": r"\[(?:bwrap|landlock)",  # as the kernels of test_limits.py
    "test_limits.py": r"\[(?:bwrap|landlock)",
}


def together(nodeid: str) -> str:
    """The name of what a test belongs to."""
    path, _, test = nodeid.partition("::")
    file = path.rpartition("/")[2]
    if file not in DIVIDED:
        return path
    shared = DIVIDED[file] and re.search(DIVIDED[file], test)
    if shared:
        return path + shared[0]
    return nodeid


class Sharing(LoadScopeScheduling):
    """Gives each process the next tests that belong together, in the order given."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Take the place of --dist loadgroup; conftest.py makes a hook of this."""
    return Sharing(config, log) if config.getoption("dist") == "loadgroup" else None
