"""Blocks, precision, the report on devices, and what importing brings in."""

import subprocess
import sys
import threading

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import pytest

import ntkbook
from ntkbook import page
from ntkbook.machine.memory import GIB, blocks
from ntkbook.machine.progress import _bars, compiled_bar, reach, tick
from ntkbook.validation import checks


@hypothesis.given(
    rows=st.integers(1, 1000),
    each=st.integers(0, 10**12),
    gib=st.floats(1e-12, 1e300),
    at_most=st.none() | st.integers(1, 2000),
)
def test_blocks_cover_the_rows_once_and_fit(rows, each, gib, at_most):
    with ntkbook.limit_memory(gib):
        parts = blocks(rows, each, at_most)
    assert [i for part in parts for i in range(part.start, part.stop)] == [*range(rows)]
    sizes = {part.stop - part.start for part in parts}
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == 1 or max(sizes) * each <= gib * GIB * (1 + 1e-12)
    assert max(sizes) <= (at_most or rows)


def test_a_bound_on_the_rows_is_not_wasted():
    """No more blocks than the bound asks for: a row too few in each costs time."""
    for rows, at_most, count in ((10, 4, 3), (12, 4, 3), (3, 4, 1), (5, 1, 5)):
        assert len(blocks(rows, 1, at_most=at_most)) == count
    with ntkbook.limit_memory(100 / GIB):  # the smaller bound counts
        assert len(blocks(12, 50, at_most=4)) == 6


def test_the_budget_comes_back():
    before = ntkbook.memory_budget()
    with ntkbook.limit_memory(0.5):
        assert ntkbook.memory_budget() == GIB / 2
        with ntkbook.limit_memory(0.25):
            assert ntkbook.memory_budget() == GIB / 4
        assert ntkbook.memory_budget() == GIB / 2
    with pytest.raises(ZeroDivisionError), ntkbook.limit_memory(0.1):
        1 / 0  # noqa: B018
    assert ntkbook.memory_budget() == before


def test_double_precision_is_a_choice():
    try:
        ntkbook.double_precision(False)
        assert jnp.ones(1).dtype == jnp.float32
        assert "float32" in ntkbook.device_report()
        ntkbook.double_precision()
        assert jnp.ones(1).dtype == jnp.float64
        assert "float64" in ntkbook.device_report()
    finally:
        jax.config.update("jax_enable_x64", True)


def test_the_report_names_versions_and_devices():
    report = ntkbook.device_report()
    assert "\n" not in report
    assert jax.__version__ in report
    assert "blocks of 2.0 GiB" in report


def test_values_are_checked_where_a_traced_function_closes_over_them():
    bad = jnp.array([[jnp.nan]])
    with pytest.raises(ValueError, match="`x`"):
        jax.jit(lambda s: s * checks.inputs("x", bad))(1.0)
    good = jnp.ones((1, 1))
    assert jax.jit(lambda s: s * checks.inputs("x", good))(2.0) == 2.0


HEAVY = "sklearn pandas matplotlib diffrax IPython ipywidgets torch tensorflow".split()
HEAVY += ["neural_tangents", "scipy.stats"]


def test_importing_is_light():
    """What only figures, studies and peers need does not come with the library.

    Of all public names, only those that draw may bring matplotlib, and the study of
    the critique scikit-learn, once it is run.
    """
    draws = {"explore", "playground", *page.NAMES["browser"].split()}
    quiet = sorted(set(page.__all__) - draws)
    names = ["__version__", *"mlp ntk ntk_operator kappa".split(), *ntkbook.__all__]
    code = "import sys, ntkbook\n"
    for name in [*names, *(f"page.{name}" for name in quiet)]:
        code += f"ntkbook.{name}\n"
        code += f"found = [n for n in {HEAVY} if n in sys.modules]\n"
        code += f"assert not found, ('{name}', found)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_module_is_found_without_its_own_import():
    """As it was when all were imported at once, and as chapters write it; and then
    everything without neural-tangents, in the same process.
    """
    code = "import sys; sys.modules['neural_tangents'] = None\n"
    code += "import ntkbook as n; n.page.exercises.key, n.data.digits\n"
    code += "from ntkbook import *; import inspect; inspect.getmembers(n)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="'ntkbook.page' has no attribute 'x'"):
        ntkbook.page.x  # noqa: B018


def test_every_public_name_is_found():
    for name in ntkbook.__all__:
        assert getattr(ntkbook, name) is not None
    assert set(ntkbook.__all__) <= set(dir(ntkbook))
    assert not any(hasattr(ntkbook, name) for name in ("nkt", "page.x", "a.b"))


def test_a_mere_folder_is_no_module(tmp_path, monkeypatch):
    package = tmp_path / "some_package"
    (package / "left_over").mkdir(parents=True)
    (package / "there.py").write_text("x = 1\n")
    lines = ["from ntkbook._lazy import exports", 'NAMES = {"there": "x"}']
    lines += ["__getattr__, __all__ = exports(__name__, NAMES)", ""]
    (package / "__init__.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    import some_package

    assert some_package.x == some_package.there.x == 1
    assert some_package.__all__ == ["x"]
    assert not hasattr(some_package, "left_over")


def test_one_threads_budget_is_not_anothers():
    """Two that overlap: each has its own, and afterwards all is as before."""
    before, seen = ntkbook.memory_budget(), {}
    both_in, one_out = threading.Barrier(2), threading.Event()

    def first():
        with ntkbook.limit_memory(1e-5):
            both_in.wait(60)
            seen["first"] = ntkbook.memory_budget()
        one_out.set()

    def second():
        with ntkbook.limit_memory(0.5):
            both_in.wait(60)
            one_out.wait(60)
            seen["second"] = ntkbook.memory_budget()
        seen["after"] = ntkbook.memory_budget()

    threads = [threading.Thread(target=f) for f in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen["first"] == 1e-5 * 2**30 and seen["second"] == 2**29
    assert seen["after"] == before == ntkbook.memory_budget()


def test_two_bars_move_alone():
    """What a program says of its own bar reaches no other."""
    with compiled_bar(True, total=5) as one, compiled_bar(True, total=8) as two:
        tick(one, 2)
        tick(two, 3)
        tick(one, 1)
        reach(two, 0.07)
        assert (_bars[int(one)].n, _bars[int(two)].n) == (3, 7)
    tick(one, 1)  # too late, and no error
    with compiled_bar(False) as none:
        assert none is None
