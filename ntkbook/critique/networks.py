"""The critique's networks, trained as its script trains them."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.critique.predictions import training_data
from ntkbook.flow import training_time
from ntkbook.machine import checks
from ntkbook.machine.progress import progress_bar
from ntkbook.networks.mlp import mlp
from ntkbook.training.record import recorded_steps

WIDTH = 10_000
EPOCHS = 3000  # for each hidden layer
BATCH = 8
LEARNING_RATE = 0.002


class NetworkRun(NamedTuple):
    """A trained network, at t moments.

    Attributes:
        epochs: ``(t,)``, epochs made.
        times: ``(t,)``, the time of the gradient flow, by
            :func:`ntkbook.flow.training_time`.
        train: outputs at the training points, ``(t, n)``, float64.
        test: outputs at the test points, ``(t, n_test)``.
        params: the parameters at the end, as :func:`ntkbook.mlp` has them.
    """

    epochs: np.ndarray
    times: np.ndarray
    train: np.ndarray
    test: np.ndarray
    params: Any


def network(
    x,
    y,
    x_test,
    *,
    key,
    depth: int = 1,
    width: int = WIDTH,
    epochs: int | None = None,
    batch_size: int = BATCH,
    step_size: float = LEARNING_RATE,
    record=(),
    params=None,
    after_step: Callable | None = None,
    apply: Callable | None = None,
    dtype=jnp.float32,
    progress: bool = True,
) -> NetworkRun:
    r"""Train the critique's network, by its own protocol unless told otherwise.

    ReLU, all weights and biases from N(0, 1), :math:`1/\sqrt{m}` in front of every
    layer's weights; the mean squared error of a batch; an epoch goes through all
    points in a new order, and its last batch takes what is left.

    Args:
        x: training inputs, ``(n, d)``, float64.
        y: targets, ``(n,)``.
        x_test: where to look as well, ``(n_test, d)``.
        key: random key, for the start and for the batches.
        depth: hidden layers.
        width: of each of them; the paper's is 10 000.
        epochs: 3000 for each hidden layer if not given.
        batch_size: 8 in the paper; n takes all points at once.
        step_size: 0.002 in the paper.
        record: after which epochs to look, or how many evenly spaced times; the start
            and the end are always among them.
        params: where to start instead of drawing.
        after_step: ``after_step(params) -> params`` after each step, for example to
            round them.
        apply: ``apply(params, x) -> (n, 1)``, what to compute instead of the network's
            own outputs, for example with rounded products.
        dtype: of the network, ``float32`` as in the paper.
        progress: show a progress bar where it takes longer than two seconds.

    Returns:
        A :class:`NetworkRun`.

    Raises:
        ValueError: shapes that do not match, more in a batch than points, or training
            that diverged.
        TypeError: sizes that are not whole numbers, a missing key.

    Example:
        >>> import jax, numpy as np, ntkbook
        >>> x, y = np.eye(3), np.array([1.0, 0.0, -1.0])
        >>> run = ntkbook.critique.network(
        ...     x, y, x, key=jax.random.key(0), width=100, epochs=300, batch_size=2,
        ...     step_size=0.1,
        ... )
        >>> run.test[-1].round(1).tolist()
        [1.0, 0.0, -1.0]

    Source: :cite:t:`liu2025issues`, its code; there it is Keras.
    """
    x, y, x_test = training_data(x, y, x_test)
    if dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"`dtype` must be jnp.float32 or jnp.float64: {dtype!r} came.")
    n, (x, y, x_test) = len(x), (jnp.asarray(a, dtype) for a in (x, y, x_test))
    depth = checks.positive_int("depth", depth)
    epochs = checks.positive_int("epochs", EPOCHS * depth if epochs is None else epochs)
    batch_size = checks.positive_int("batch_size", batch_size)
    if batch_size > n:
        raise ValueError(
            f"`batch_size` is {batch_size}, but there are only {n} points; pass "
            f"batch_size={n} to use them all."
        )
    rate = checks.finite_float("step_size", step_size, above=0)
    if not dtype(rate) > 0:
        raise ValueError(f"`step_size`={rate:g} is 0 in {dtype.__name__}.")
    key_start, key_batches = jax.random.split(checks.random_key("key", key))
    net = mlp(width, depth, "relu", bias_std=1.0)
    if params is None:
        params = net.init(key_start, x)
    moments = recorded_steps(record, epochs)
    if after_step is not None:
        checks.function("after_step", after_step, "after_step(params)")
        rounded = checks.shape_of("after_step(params)", after_step, params)
        if rounded != jax.eval_shape(lambda: params):
            raise ValueError(
                "`after_step(params)` must return parameters like `params`."
            )
    apply = net.apply if apply is None else apply
    if checks.outputs_of(apply, params, x).shape[1] != 1:
        raise ValueError("`apply(params, x)` must return one output, of shape (n, 1).")
    checks.boolean("progress", progress)

    looks = [_look(apply, params, x, x_test)]
    with progress_bar(progress, total=epochs, desc="training") as bar:
        for first, last in zip(moments[:-1], moments[1:], strict=True):
            params = _epochs(
                apply, after_step, batch_size, params, x, y,
                jnp.asarray(rate, dtype), key_batches, int(first), int(last),
            )  # fmt: skip
            looks.append(_look(apply, params, x, x_test))
            bar.update(int(last - first))
    train, test = (np.stack(a) for a in zip(*looks, strict=True))
    checks.finite_result(
        np.append(train, test),
        f"training diverged: `step_size`={rate:g} is too large for this width, "
        "depth and data; pass a smaller one.",
    )
    one_step = training_time(rate, 1, points=n, reduction="mean", half=False)
    times = one_step * -(-n // batch_size) * moments
    return NetworkRun(moments, times, train, test, params)


@partial(jax.jit, static_argnums=0)
def _outputs(apply, params, x, x_test):
    return apply(params, x)[:, 0], apply(params, x_test)[:, 0]


def _look(apply, params, x, x_test):
    return [np.asarray(a, np.float64) for a in _outputs(apply, params, x, x_test)]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _epochs(apply, after_step, batch_size, params, x, y, rate, key, first, last) -> Any:
    n = len(x)
    batches = -(-n // batch_size)
    # The last batch is filled up with points of no weight.
    missing = batches * batch_size - n
    in_batch = np.full(batches, batch_size)
    in_batch[-1] -= missing
    weights = np.arange(batch_size) < in_batch[:, None]
    weights = jnp.asarray(weights / in_batch[:, None], x.dtype)

    def loss(params, rows, weights):
        return jnp.sum(weights * (apply(params, x[rows])[:, 0] - y[rows]) ** 2)

    def step(params, batch):
        slope = jax.grad(loss)(params, *batch)
        params = jax.tree.map(lambda p, g: p - rate * g, params, slope)
        return params if after_step is None else after_step(params), None

    def epoch(number, params):
        order = jax.random.permutation(jax.random.fold_in(key, number), n)
        order = jnp.concatenate([order, order[:missing]])
        return jax.lax.scan(step, params, (order.reshape(weights.shape), weights))[0]

    return jax.lax.fori_loop(first, last, epoch, params)
