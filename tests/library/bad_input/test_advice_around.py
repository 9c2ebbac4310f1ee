"""The advice of error messages: files, the critique's study, what pages show."""

import gzip
import subprocess

import matplotlib.pyplot as plt
import pytest

from ntkbook import data, results
from ntkbook.machine.store import Store
from ntkbook.page import claims, exercises, figures
from ntkbook.page.figures.explorable import explore
from tests.helpers.draws import weekly
from tests.library.bad_input.advice import follow

ON_DISK = "ntkbook.ntk_on_disk(path, apply, params, X, progress=False)"
BEGUN = "path = 'k.npy'; " + ON_DISK + "; "
OTHER = "params = jax.tree.map(lambda a: 2 * a, params); "
REMOVE = "import os; os.remove(path)"
STORE = "Store(folder, settings).trial('a', lambda: dict(a=1.0))"
TRIAL = "len(ntkbook.critique.kernel_trial(0, points=30, {}))"
SINGLE = "jax.config.update('jax_enable_x64', False); "


def half(path):
    """Damage a file, and return its name."""
    with open(path, "r+b") as file:
        file.truncate(9)
    return path


RECORD = claims.Record(
    id="x", source="someone2020", place="Section 1", statement="It is 2.",
    kind="number", scale="as in the source", effect="the mean", reported=2.0,
    tolerance={"abs": 0.1}, reason="Read.", control="coins", verdict="reproduced",
)  # fmt: skip


def drawn(k):
    figure, axes = plt.subplots()
    return figure


NAMES = {"Store": Store, "half": half, "claims": claims, "RECORD": RECORD}
NAMES |= {"exercises": exercises, "figures": figures}
NAMES |= {"explore": explore, "drawn": drawn}
FILES = [
    (BEGUN + OTHER, ON_DISK, r"choose (another) path", "path = '{0}.npy'"),
    (BEGUN + OTHER, ON_DISK, r"or (remove the file)\.$", REMOVE),
    ("path = 'k.npy'; np.save(path, X)", ON_DISK, r"or (remove it)\.$", REMOVE),
    (BEGUN + "half(path)", ON_DISK, r"; remove it and (\S+)\.$",
     "import os; os.remove(path); os.remove('{0}')"),
    (BEGUN + "half(path + '.parts.json')", ON_DISK, r"; remove it and (\S+)\.$",
     "import os; os.remove(path); os.remove('{0}')"),
    ("path = 'k.npz'", ON_DISK, r"must end in (\.npy)", "path = 'k{0}'"),
    ("folder, settings = 'run', dict(a=1); Store(folder, dict(a=2))", STORE,
     r"choose (another) folder", "folder = '{0}'"),
    ("folder, settings = 'run', dict(a=1); Store(folder, dict(a=2))", STORE,
     r"or (remove this one)\.$", "import shutil; shutil.rmtree(folder)"),
    ("folder, settings = 'run', {}; Store(folder, settings).trial('a', dict); "
     "half('run/a.json')", STORE, r"^(\S+) is damaged.* Remove it, and run",
     "import os; os.remove('{0}')"),
    ("folder, settings = 'run', {}; Store(folder, dict(b=5)); "
     "half('run/settings.json')", STORE, r"^(\S+) is damaged.* Remove it, and run",
     "import os; os.remove('{0}')"),
]  # fmt: skip
CRITIQUE = [
    (SINGLE, "ntkbook.critique.kernel('NTKB1', np.eye(3)[:2])",
     r"call (ntkbook\.double_precision\(\)) first", "{0}"),
    ("x1, published = 2 * np.eye(3), True", "ntkbook.critique.kernel('NTKB1', x1, "
     "published=published)", r"pass (x1 / .*?\)),", "x1 = {0}"),
    ("x1, published = 2 * np.eye(3), True", "ntkbook.critique.kernel('NTKB1', x1, "
     "published=published)", r"or (published=False)", "{0}"),
    weekly(("options = dict(published=True)", TRIAL.format("**options"),
     r"pass `(generators=.*?)` in", "options = dict({0})")),
    ("generators = 'published'", TRIAL.format("generators=generators"),
     r"such as (\[.*?\]):", "generators = {0}"),
    weekly(("dtype, x = 'float32', np.eye(3)", "ntkbook.critique.network(x, "
     "np.ones(3), x, width=2, epochs=1, batch_size=1, key=key, dtype=dtype).loss",
     r"be (jnp\.float32)", "dtype = {0}")),
]  # fmt: skip
PAGE = [
    ("n = None", "len(str(claims.measure('x', 2.0, (1.9, 2.1), n=n, control=9.0, "
     "record=RECORD)))", r"say with (n=) what", "{0}5"),
    ("options = dict(rel=0.1)", "len(str(exercises.key('1.3', 0.0, **options)))",
     r"give (abs=)\.\.\.", "options = dict({0}0.1)"),
    ("sliders = {}; draw = lambda alpha: drawn(1)", "len(str(explore(draw, "
     "alt='{alpha}'.format, caption='', **sliders)))", r"such as (alpha=.*)$",
     "sliders = dict({0})"),
    ("def draw(k):\n    figure = drawn(k)\n", "len(str(explore(draw, "
     "alt='{k}'.format, caption='', k=[1])))", r"with `(return figure)`",
     "def draw(k):\n    figure = drawn(k)\n    {0}"),
    ("name = 'curve'", "len(figures.look(name))", r"draws (\w+),", "name = '{0}'"),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", [*FILES, *CRITIQUE, *PAGE], ids=lambda case: case[2][:40]
)
def test_what_a_message_says_to_type_works(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        follow(*case, NAMES)
    finally:
        plt.close("all")


def test_a_damaged_result_is_restored(tmp_path, monkeypatch):
    """By the command that the message gives."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    kept = results.keep("09_x", {"provenance": {}})
    for what in ("init", "add .", "-c user.name=a -c user.email=b commit -m c"):
        subprocess.run(["git", *what.split()], check=True, capture_output=True)
    half(kept)
    with pytest.raises(ValueError, match="damaged") as raised:
        results.stored("09_x")
    _, _, command = str(raised.value).partition("restore it: ")
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert results.stored("09_x")["provenance"]


def test_a_damaged_download_is_made_again(tmp_path, monkeypatch):
    content, name = gzip.compress(b"images"), "t10k-images-idx3-ubyte"
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / f"{name}.gz").write_bytes(content)
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "none")
    monkeypatch.setattr(data, "FASHION", (tmp_path / "from").as_uri() + "/")
    monkeypatch.setitem(
        data.FASHION_SHA256, name, data.hashlib.sha256(b"images").hexdigest()
    )
    there = tmp_path / f"{name}.gz"
    with monkeypatch.context() as patch:
        patch.setattr(data, "FASHION", (tmp_path / "nowhere").as_uri() + "/")
        with pytest.raises(OSError, match="put the file there by hand"):
            data._fashion(name, tmp_path)
        there.write_bytes(content)
        assert data._fashion(name, tmp_path) == b"images"
    for damaged in (b"half a file", gzip.compress(b"other images")):
        there.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"^{there} is damaged.*remove it"):
            data._fashion(name, tmp_path)
        there.unlink()
        assert data._fashion(name, tmp_path) == b"images"
