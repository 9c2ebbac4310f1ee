"""What is kept of a call for the next of its kind, and for how long."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook.kernels.empirical import tangent
from ntkbook.validation.remembered import Remembered
from tests.helpers.networks import agree, dense

W, X = jnp.ones((3, 3)), jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)))


def test_a_second_call_of_a_kind_plans_nothing_and_checks_its_numbers(
    getkey, monkeypatch
):
    net = ntkbook.mlp(8, 1, "tanh", outputs=2)
    x = jax.random.normal(getkey(), (5, 3))
    params = net.init(getkey(), x)
    whole = ntkbook.ntk(net.apply, params, x, x[:3])
    monkeypatch.setattr(tangent, "plan_for", None)  # which cannot be called
    with ntkbook.limit_memory(1e-9):  # a block for each pair of inputs
        agree(ntkbook.ntk(net.apply, params, x, x[:3]), whole, 1e-12)
    for bad in (jnp.nan, jnp.inf):
        with pytest.raises(ValueError, match="`x1`"):
            ntkbook.ntk(net.apply, params, bad * x, x[:3])
        with pytest.raises(ValueError, match="`x2`"):
            ntkbook.ntk(net.apply, params, x, bad * x[:3])
        with pytest.raises(ValueError, match=r"`params\["):
            broken = [params[0], {"weight": bad * params[1]["weight"]}]
            ntkbook.ntk(net.apply, broken, x, x[:3])
    agree(ntkbook.ntk(net.apply, params, 2 * x, x[:3]),
          dense(net.apply, params, 2 * x, x[:3]), 1e-10)  # fmt: skip


def test_a_function_changed_behind_cleared_caches():
    outputs = 1

    def apply(p, x):
        return x @ p[:, :outputs]

    assert ntkbook.ntk(apply, W, X).shape == (4, 4)
    outputs = 3
    jax.clear_caches()
    assert ntkbook.ntk(apply, W, X).shape == (4, 4, 3, 3)


def test_a_second_call_checks_what_is_not_traced():
    def apply(p, x):
        return jnp.tanh(x @ p["a"]) @ p["b"]

    params = {"a": W, "b": W[:, :1]}
    ntkbook.ntk(apply, params, X)
    for bad in ("a", "b"):
        broken = params | {bad: jnp.nan * params[bad]}
        with pytest.raises(ValueError, match=rf"`params\['{bad}'\]"):
            ntkbook.ntk(apply, broken, X)

        def of(scale, bad=bad, broken=broken):
            good = {"a": "b", "b": "a"}[bad]
            return ntkbook.ntk(apply, broken | {good: scale * broken[good]}, X)

        with pytest.raises(ValueError, match=rf"`params\['{bad}'\]"):
            jax.vmap(of)(jnp.ones(2))


class Large:
    values = jnp.ones((1, 3))

    def apply(self, p, x):
        return x @ p + self.values


def is_kept_alive(call):
    def once():
        large = Large()
        call(large)
        return weakref.ref(large)

    large = once()
    jax.clear_caches()  # JAX's own hold functions too
    gc.collect()
    return large() is not None


def test_nothing_that_a_function_closes_over_is_kept_alive():
    """JAX 0.7 keeps the static arguments of compiled functions itself."""
    compiled = jax.jit(lambda apply, p, x: apply(p, x), static_argnums=0)
    if is_kept_alive(lambda large: compiled(large.apply, W, X)):
        assert jax.__version_info__ < (0, 8)
        return
    assert not is_kept_alive(lambda large: ntkbook.ntk(large.apply, W, X))
    assert not is_kept_alive(
        lambda large: ntkbook.ntk(lambda p, x: large.apply(p, x), W, X)
    )


def test_what_is_remembered():
    class Net:
        def apply(self):
            pass

    known, one, two = Remembered(2), Net(), Net()
    known.put(one.apply, "a", 1)
    known.put(two.apply, "a", 2)
    assert known.get(one.apply, "a") == 1  # a bound method is made anew each time
    known.put(two.apply, "b", 3)
    assert known.get(two.apply, "a") is None  # the one not used for longest
    assert known.get(one.apply, "a") == 1 and known.get(two.apply, "b") == 3
    known.put((), "a", 4)
    assert known.get((), "a") is None  # what takes no weak reference


def test_threads_share_what_is_remembered():
    known, functions = Remembered(3), [partial(int, i) for i in range(7)]

    def use(i):
        for j in range(2000):
            function = functions[i * j % 7]
            assert known.get(function, j % 2) in (None, j % 2)
            known.put(function, j % 2, j % 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))


@pytest.mark.parametrize(("n1", "n2", "small"), [(20, 32, True), (2, 600, False)])
def test_only_what_is_small_is_one_program(n1, n2, small):
    def apply(p, x):
        return x @ p[:, :1]

    x1, x2 = jnp.ones((n1, 3)), jnp.ones((n2, 3))
    kernel = tangent.kernel_of(apply, W, x1, x2)
    assert kernel.small == small
    agree(ntkbook.ntk(apply, W, x1, x2), np.full((n1, n2), 3.0), 1e-12)
