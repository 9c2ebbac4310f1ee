"""Settings for all tests: what would pass silently in daily use fails here.

Double precision, so that agreement can be asked to 1e-10; no promotion of dtypes or of
ranks, so that the library never mixes precisions or broadcasts by accident; warnings
that the library causes are errors; hypothesis draws the same cases in every run, and
other ones weekly.
"""

import gc
import itertools

import hypothesis
import hypothesis.database
import jax
import pytest

from tests.helpers import draws
from tests.helpers.sharing import pytest_xdist_make_scheduler  # noqa: F401, a hook

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

FOUND = hypothesis.database.DirectoryBasedExampleDatabase(".hypothesis/examples")
hypothesis.settings.register_profile(
    "book",
    deadline=None,  # the first case of a shape compiles
    max_examples=200 if draws.WEEKLY else 40,  # where a test says nothing else
    derandomize=not draws.WEEKLY,
    database=FOUND if draws.WEEKLY else None,  # what it found is tried first next time
    print_blob=draws.WEEKLY,  # how to draw a failing case again
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("book")


def pytest_addoption(parser):
    parser.addoption("--weekly", action="store_true", help="run the weekly tests too")


def pytest_collection_modifyitems(config, items):
    # Not by -m "not weekly": with that, testmon would select nothing.
    if config.getoption("--weekly"):
        return
    kept = [item for item in items if not item.get_closest_marker("weekly")]
    left = [item for item in items if item.get_closest_marker("weekly")]
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def pytest_collection_finish(session):
    # What is imported stays: to look through it for garbage, time and again while JAX
    # traces, takes several per cent of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", r"error:::ntkbook(\..*)?$")


@pytest.fixture
def getkey():
    """Return a function that makes a new random key at each call."""
    seeds = itertools.count()
    return lambda: jax.random.key(next(seeds))


@pytest.fixture
def relaxed():
    """Allow promotions again: other libraries need them."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


# A module has its own browser: an open one keeps asyncio's loop from other modules.
@pytest.fixture(scope="module")
def browser():
    """Chromium, for the tests of one module."""
    from tests.helpers.chromium import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def built(request):
    """The book, built; from clean where the tests of that are among those that run."""
    from tests.helpers import chromium

    clean = any(i.path.name == "test_book_build.py" for i in request.session.items)
    (chromium.build_from_clean if clean else chromium.build)()


@pytest.fixture(scope="module")
def site(built):
    """A server with the built book: `site.address`, `site.sent` bytes by path."""
    from tests.helpers.chromium import served

    with served() as server:
        yield server
