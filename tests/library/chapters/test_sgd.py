"""SGD of networks and of kernels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from tests.helpers.draws import weekly

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (12, 3))
NET = ntkbook.mlp(7, 2, "gelu", bias_std=0.3)
PARAMS = NET.init(KEY, X)
GRAM = np.asarray(ntkbook.ntk(NET.apply, PARAMS, X))
SIGNS = jnp.where(X[:, :1] > 0, 1.0, -1.0)


SETTINGS = dict(step_size=0.1, epochs=5, batch_size=4, key=KEY)


@pytest.mark.parametrize("loss", ["logistic", weekly("squared")])
def test_training_a_kernel_is_training_the_linearisation(loss):
    line = ntkbook.linearize(NET.apply, PARAMS, offset=False)
    slow = ntkbook.sgd(line, PARAMS, X, SIGNS, loss=loss, **SETTINGS)
    new = X[:5] + 0.1
    k_test = ntkbook.ntk(NET.apply, PARAMS, new, X)
    fast = ntkbook.kernel_sgd(jnp.array(GRAM), SIGNS, loss=loss, **SETTINGS)
    same = dict(rel=1e-9, abs=1e-12)
    assert np.asarray(fast.loss[:, 0]) == pytest.approx(np.asarray(slow.loss), **same)
    out = np.asarray(line(slow.params, new))
    assert np.asarray(k_test @ fast.params) == pytest.approx(out, **same)
    assert np.asarray(fast.outputs) == pytest.approx(np.asarray(slow.outputs), **same)
    moved = jax.tree.map(lambda a, b: ((a - b) ** 2).sum(), slow.params, PARAMS)
    length = float(sum(jax.tree.leaves(moved))) ** 0.5
    norm = (fast.params * fast.outputs[-1]).sum() ** 0.5
    assert float(norm) == pytest.approx(length, **same)


def test_with_small_steps_on_all_points_it_is_the_flow():
    n, epochs, eta = len(X), 4000, 2e-3
    run = ntkbook.kernel_sgd(
        jnp.array(GRAM), SIGNS, step_size=eta, epochs=epochs, batch_size=n, key=KEY,
        momentum=0.0, loss="squared",
    )  # fmt: skip
    time = float(run.times[-1])  # steps that fall linearly to 0, a mean loss
    assert time == pytest.approx(eta / n * (epochs + 1) / 2)
    flow = ntkbook.kernel_flow(GRAM, np.asarray(SIGNS), time)
    assert np.asarray(run.outputs[-1]) == pytest.approx(flow.train, abs=2e-3)


def test_sgd_by_hand():
    """Two steps on f = w x, one point, squared loss: the steps are eta and eta / 2."""
    x, y = jnp.array([[1.0]]), jnp.array([[1.0]])
    run = ntkbook.sgd(
        lambda w, x: x * w, jnp.zeros((1, 1)), x, y, step_size=0.5, epochs=2,
        batch_size=1, key=KEY, momentum=0.5, loss="squared",
        record=[0, 1, 2], observe=lambda w: w[0, 0],
    )  # fmt: skip
    # v1 = -1, w1 = 0.5; v2 = -0.5 - 0.5 = -1, w2 = 0.5 + 0.25
    assert run.observed.tolist() == [0.0, 0.5, 0.75]
    assert run.loss.tolist() == [0.5, 0.125]
    assert run.outputs.ravel().tolist() == run.observed.tolist()
    assert run.steps.tolist() == [0, 1, 2]
    assert run.times.tolist() == [0.0, 1.0, 1.5]  # over 1 - momentum
    assert float(run.params[0, 0]) == 0.75


def test_every_epoch_sees_each_point_once_in_a_new_order():
    from ntkbook.training.sgd import _rows

    one, two = (_rows(KEY, e, 12, 4) for e in (0, 1))
    assert one.shape == (3, 4)
    assert sorted(one.ravel().tolist()) == list(range(12))
    assert (one != two).any()
    assert np.unique(_rows(KEY, 0, 12, 5)).size == 10


def test_tasks_and_starts_train_together():
    keys = jax.random.split(KEY, 2)
    alone = ntkbook.sgd(NET.apply, PARAMS, X, SIGNS, **SETTINGS | {"key": keys[1]})
    both = jax.jit(
        jax.vmap(
            lambda k: ntkbook.sgd(NET.apply, PARAMS, X, SIGNS, **SETTINGS | {"key": k})
        )
    )(keys)
    assert np.asarray(both.loss[1]) == pytest.approx(np.asarray(alone.loss), rel=1e-9)
    two = ntkbook.kernel_sgd(jnp.array(GRAM), jnp.hstack([SIGNS, -SIGNS]), **SETTINGS)
    ends = np.asarray(two.outputs[-1])
    assert ends[:, 0] == pytest.approx(-ends[:, 1])


def test_the_linearisation_touches_at_any_weights():
    end = jax.tree.map(lambda p: p + 0.2, PARAMS)
    bare, whole = (ntkbook.linearize(NET.apply, end, offset=o) for o in (False, True))
    assert not np.asarray(bare(end, X)).any()
    assert np.asarray(whole(end, X)) == pytest.approx(np.asarray(NET.apply(end, X)))
    wanted = ntkbook.linearize(NET.apply, end)(PARAMS, X)
    assert np.asarray(whole(PARAMS, X)) == pytest.approx(np.asarray(wanted), rel=1e-12)
    kernel = ntkbook.ntk(bare, PARAMS, X)
    assert np.asarray(kernel) == pytest.approx(
        np.asarray(ntkbook.ntk(NET.apply, end, X)), rel=1e-10
    )
