"""Tangent kernels on disk: killed, damaged, raced for, and other kernels' files."""

import json
import os
import resource
import signal
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.kernels.empirical import on_disk
from ntkbook.machine.memory_mapped import fingerprint
from tests.helpers.draws import weekly
from tests.helpers.networks import ONE, THREE, agree, setting
from tests.helpers.processes import finished, python


def test_on_disk(tmp_path):
    apply, params, x1, x2 = setting(n1=7, **THREE)
    full = np.asarray(ntkbook.ntk(apply, params, x1))
    with ntkbook.limit_memory(2e-6):
        found = ntkbook.ntk_on_disk(tmp_path / "a.npy", apply, params, x1)
        both = ntkbook.ntk_on_disk(tmp_path / "b.npy", apply, params, x1, x2)
        trace = ntkbook.ntk_on_disk(tmp_path / "c.npy", apply, params, x1, trace=True)
    assert isinstance(found, np.memmap) and not found.flags.writeable
    agree(found, full, 1e-13)
    agree(both, ntkbook.ntk(apply, params, x1, x2), 1e-13)
    agree(trace, np.einsum("ijaa->ij", full), 1e-13)
    # Finished: opened, and nothing written, whatever the budget is now.
    before = os.stat(tmp_path / "a.npy").st_mtime_ns
    again = ntkbook.ntk_on_disk(tmp_path / "a.npy", apply, params, x1)
    assert (again == found).all()
    assert os.stat(tmp_path / "a.npy").st_mtime_ns == before
    assert sorted(os.listdir(tmp_path)) == sorted(
        name for a in "abc" for name in (f"{a}.npy", f"{a}.npy.parts.json")
    )


def test_another_kernel_on_disk_is_refused(tmp_path):
    apply, params, x1, x2 = setting(**ONE)
    path, note = tmp_path / "a.npy", tmp_path / "a.npy.parts.json"
    ntkbook.ntk_on_disk(path, apply, params, x1)
    twice = jax.tree.map(lambda p: 2 * p, params)
    other = ntkbook.mlp(**ONE | dict(activation="erf")).apply
    for arguments in [(apply, twice, x1), (apply, params, x1, x2),
                      (apply, params, 2 * x1), (other, params, x1)]:  # fmt: skip
        with pytest.raises(ValueError, match="`path`.*another kernel"):
            ntkbook.ntk_on_disk(path, *arguments)
    kept = note.read_text()
    more = [kept.replace('"done": [', '"done": [' + a) for a in ('"a", ', "1, 2, ")]
    for damaged in ("{", "[]", "null", '{"plan": {}}', *more):
        note.write_text(damaged)
        with pytest.raises(ValueError, match=r"`path`.*a\.npy is damaged"):
            ntkbook.ntk_on_disk(path, apply, params, x1)
    note.unlink()
    with pytest.raises(ValueError, match="`path`.*not begun"):
        ntkbook.ntk_on_disk(path, apply, params, x1)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), (params, x1))
    with pytest.raises(TypeError, match="float32"):
        ntkbook.ntk_on_disk(tmp_path / "b.npy", apply, *half)


def test_a_function_that_changed_for_later_inputs_only(tmp_path, relaxed):
    """A callback's code is in no fingerprint: entries from all blocks show it."""
    x = jnp.linspace(-1, 1, 12)[:, None]
    gains = {"late": 1.0}

    def gain(x):
        return np.where(x > 0.7, gains["late"], 1.0).astype(x.dtype)

    def apply(p, x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return p * x * jax.pure_callback(gain, shape, x, vmap_method="broadcast_all")

    for name, budget in (("one", 1.0), ("several", 1e-7)):
        path = tmp_path / f"{name}.npy"
        with ntkbook.limit_memory(budget):
            gains["late"] = 1.0
            ntkbook.ntk_on_disk(path, apply, jnp.ones(1), x)
            ntkbook.ntk_on_disk(path, apply, jnp.ones(1), x)
            gains["late"] = 2.0
            with pytest.raises(ValueError, match="holds another kernel"):
                ntkbook.ntk_on_disk(path, apply, jnp.ones(1), x)


def shortened(content):
    return content[: len(content) // 2]


def lengthened(content):
    return content + bytes(8)


def changed(content):
    place = len(content) - 20
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [shortened, lengthened, changed, lambda c: b""])
@pytest.mark.parametrize("budget", [1.0, 2e-6])
def test_a_damaged_kernel_is_refused(tmp_path, damage, budget):
    apply, params, x1, _ = setting(n1=7, **THREE)
    path = tmp_path / "a.npy"
    with ntkbook.limit_memory(budget):
        ntkbook.ntk_on_disk(path, apply, params, x1)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"`path`.*a\.npy is damaged"):
        ntkbook.ntk_on_disk(path, apply, params, x1)


def test_no_room(tmp_path):
    """One clear line before anything is computed, and nothing left behind."""
    apply, params, x1, _ = setting(n1=50, **ONE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="`path`: no room for"):
            ntkbook.ntk_on_disk(tmp_path / "a.npy", apply, params, x1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == ["a.npy.lock"]
    ntkbook.ntk_on_disk(tmp_path / "a.npy", apply, params, x1)


# Two functions each, that differ in what they hold and in nothing else.
def holding(c):
    """Return functions of (params, x) that hold the array c, each in another way."""
    hidden = np.asarray(c)

    @jax.custom_jvp
    def rule(p):
        return 1.0 * p

    rule.defjvp(lambda primals, tangents: (1.0 * primals[0], tangents[0] * c))

    @jax.custom_vjp
    def back(p):
        return 1.0 * p

    back.defvjp(lambda p: (1.0 * p, None), lambda _, g: (g * c,))

    def branch(p):
        return jax.lax.cond(p.sum() > -1e9, lambda q: q * c, lambda q: q, p)

    def loop(p):
        return jax.lax.scan(lambda a, _: (a * c, None), p, None, length=2)[0]

    def until(p):
        return jax.lax.while_loop(
            lambda s: s[1] < 2, lambda s: (s[0] * c, s[1] + 1), (p, 0)
        )[0]

    def called(p):
        shape = jax.ShapeDtypeStruct(p.shape, p.dtype)
        return p * jax.pure_callback(lambda: hidden, shape)

    ways = {
        "plain": lambda p: p * c,
        "numpy": lambda p: p * hidden,
        "jit": jax.jit(lambda p: p * c),
        "jit, numpy": jax.jit(lambda p: p * hidden),
        "jit in jit": jax.jit(lambda p: jax.jit(lambda q: q * c)(p)),
        "checkpoint": jax.checkpoint(lambda p: p * c),
        "vmap of jit": lambda p: jax.vmap(jax.jit(lambda a, b: a * b))(p, c),
        "cond": branch,
        "scan": loop,
        "while": until,
        "fori": lambda p: jax.lax.fori_loop(0, 2, lambda _, a: a * c, p),
        "rule forwards": rule,
        "rule backwards": back,
        "rule in jit": jax.jit(rule),
        "callback": called,
        "number": lambda p: p * float(hidden[0, 0]),
        "text of numbers": lambda p: p * jnp.array(hidden.tolist()),
        "closure": jax.closure_convert(lambda p: p * c, c)[0],
        "gathered": lambda p: p * c[jnp.arange(len(c))],
        "linear solve": lambda p: jnp.linalg.solve(jnp.diag(c[:, 0]), p),
    }
    return {
        name: lambda p, x, way=way: jnp.tanh(x @ way(p)) for name, way in ways.items()
    }


X, P = np.random.default_rng(0).standard_normal((4, 3)), np.full((3, 2), 0.3)
WAYS = list(holding(np.ones((3, 2))))
# Each writes files and computes a kernel; the fingerprints below decide for the others.
WRITTEN = ["plain", "callback", "rule backwards", "scan", "linear solve"]


@pytest.mark.parametrize(
    "name", [name if name in WRITTEN else weekly(name) for name in WAYS]
)
def test_functions_that_hold_something_else(tmp_path, name, relaxed):
    x, p = jnp.asarray(X), jnp.asarray(P)
    one, other = (holding(jnp.full((3, 2), c))[name] for c in (2.0, 5.0))
    path = tmp_path / "a.npy"
    first = np.array(ntkbook.ntk_on_disk(path, one, p, x))
    assert not np.allclose(first, ntkbook.ntk(other, p, x))
    with pytest.raises(ValueError, match="another kernel"):
        ntkbook.ntk_on_disk(path, other, p, x)
    again = holding(jnp.full((3, 2), 2.0))[name]  # made anew, and the same
    assert (ntkbook.ntk_on_disk(path, again, p, x) == first).all()


@pytest.mark.parametrize("name", [name for name in WAYS if name != "callback"])
def test_what_else_a_function_holds_is_in_its_fingerprint(name, relaxed):
    """All but a callback, whose code is in none."""

    def of(c):
        return fingerprint(holding(jnp.asarray(np.full((3, 2), c)))[name], P, X)

    assert of(2.0) != of(5.0)
    assert of(2.0) == of(2.0)


def test_a_name_for_what_is_computed():
    def make(factor):
        def function(x):
            return jax.nn.relu(factor * x)

        return function

    x = jnp.ones(3)
    name = fingerprint(make(2.0), x, trace=False)
    assert name == fingerprint(make(2.0), x, trace=False)
    others = [
        fingerprint(make(3.0), x, trace=False),
        fingerprint(make(2.0), 2 * x, trace=False),
        fingerprint(make(2.0), x, trace=True),
        fingerprint(make(jnp.array([2.0, 2.0, 3.0])), x, trace=False),
    ]
    assert name not in others and len(set(others)) == 4


WRITER = """
    import os, signal, sys
    import jax, jax.numpy as jnp, numpy as np
    import ntkbook
    from ntkbook.machine.memory_mapped import Mapped

    note, path, left, when = Mapped._write_note, *sys.argv[1:]
    left = [int(left)]

    def killed(self):
        left[0] -= 1
        if left[0] == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        note(self)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Mapped._write_note = killed
    x = jnp.asarray(np.random.default_rng(0).standard_normal((20, 3)), jnp.float32)
    net = ntkbook.mlp(8, 2, "tanh", outputs=2)
    with ntkbook.limit_memory(5e-6):
        found = ntkbook.ntk_on_disk(path, net.apply, net.init(jax.random.key(0), x), x)
    print(float(np.abs(found).min(axis=(1, 2, 3)).min()) >= 0, found.sum())
"""


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A kernel that three processes write at once, and what each of them says of it."""
    path = tmp_path_factory.mktemp("together") / "a.npy"
    writers = [python(WRITER, path, 0, "never") for _ in range(3)]
    answers = {finished(one) for one in writers}
    return path.read_bytes(), answers


def test_killed_and_continued(tmp_path, together):
    """Killed before and after a part is noted; the result is the same to the bit."""
    killed, (whole, _) = tmp_path / "killed.npy", together
    finished(python(WRITER, killed, 3, "before"), -signal.SIGKILL)
    begun = killed.read_bytes()
    finished(python(WRITER, killed, 3, "after"), -signal.SIGKILL)
    assert killed.read_bytes() != begun
    finished(python(WRITER, killed, 0, "never"))
    assert killed.read_bytes() == whole


def test_several_processes_write_one_kernel(together):
    """The others wait, and all get the same."""
    _, answers = together
    assert len(answers) == 1 and answers.pop().startswith("True")


def test_after_a_block_that_fails_no_other_is_written(tmp_path, monkeypatch):
    """Blocks are written while the next ones are computed, and in their order."""
    apply, params, x, _ = setting(n1=7, **THREE)
    path, checked = tmp_path / "kernel.npy", []

    def fails(block):
        checked.append(block)
        if len(checked) == 3:
            raise ValueError("not finite")
        return block

    with ntkbook.limit_memory(2e-6):
        with monkeypatch.context() as patch:
            patch.setattr(on_disk, "check_finite", fails)
            with pytest.raises(ValueError, match="not finite"):
                ntkbook.ntk_on_disk(path, apply, params, x)
        assert len(json.loads(Path(f"{path}.parts.json").read_text())["done"]) == 2
        found = ntkbook.ntk_on_disk(path, apply, params, x)
    agree(found, ntkbook.ntk(apply, params, x), 1e-13)
