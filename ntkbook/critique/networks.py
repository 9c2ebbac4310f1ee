"""The critique's networks, trained as its script trains them."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.critique.predictions import training_data
from ntkbook.flow import training_time
from ntkbook.machine.progress import compiled_bar
from ntkbook.networks.mlp import mlp
from ntkbook.training.loop import Trajectory, loop, recorded_steps
from ntkbook.training.minibatches import size_of_batches
from ntkbook.validation import checks, independence, model
from ntkbook.validation.host import outside_jit

WIDTH = 10_000
EPOCHS = 3000  # for each hidden layer
BATCH = 8
LEARNING_RATE = 0.002


def network(
    x: Float[AnyArray, "n d"],
    y: Float[AnyArray, "n"],
    x_test: Float[AnyArray, "n_test d"],
    *,
    key: Array,
    depth: int = 1,
    width: int = WIDTH,
    epochs: int | None = None,
    batch_size: int | None = BATCH,
    step_size: float = LEARNING_RATE,
    record: int | Sequence[int] | np.ndarray = (),
    params: PyTree | None = None,
    after_step: Callable | None = None,
    apply: Callable | None = None,
    dtype=jnp.float32,
    progress: bool = True,
) -> Trajectory:
    r"""Train the critique's network, by its own protocol unless told otherwise.

    ReLU, all weights and biases from N(0, 1), :math:`1/\sqrt{m}` in front of every
    layer's weights; the mean squared error of a batch; an epoch goes through all
    points in a new order, and its last batch takes what is left.

    Args:
        x: training inputs, ``(n, d)``, float64.
        y: targets, ``(n,)``.
        x_test: where to look as well, ``(n_test, d)``.
        key: random key, for the weights and for the batches.
        depth: hidden layers.
        width: of each of them; the paper's is 10 000.
        epochs: 3000 for each hidden layer if not given.
        batch_size: 8 in the paper; ``None`` takes all points at once.
        step_size: 0.002 in the paper.
        record: after which epochs to look, or how many evenly spaced times; the first
            and the last are always among them.
        params: where to start instead of drawing.
        after_step: ``after_step(params) -> params`` after each step, for example to
            round them.
        apply: ``apply(params, x) -> (n, 1)``, what to compute instead of the network's
            own outputs, for example with rounded products.
        dtype: of the network, ``float32`` as in the paper.
        progress: show a progress bar where it takes longer than two seconds.

    Returns:
        A :class:`Trajectory` in float64. Its ``outputs``, ``(t, n)``, are those at the
        training points, and what it ``observed``, ``(t, n_test)``, those at the test
        points; its ``loss`` is the mean squared error. Its ``times`` are those of
        :func:`ntkbook.flow.training_time`.

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
        >>> run.observed[-1].round(1).tolist()
        [1.0, 0.0, -1.0]

    Source: :cite:t:`liu2025issues`, its code; there it is Keras.
    """
    outside_jit(x=x, y=y, x_test=x_test, key=key, params=params)
    x, y, x_test = training_data(x, y, x_test)
    if dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"`dtype` must be jnp.float32 or jnp.float64, not {dtype!r}.")
    n, (x, y, x_test) = len(x), (jnp.asarray(a, dtype) for a in (x, y, x_test))
    depth = checks.positive_int("depth", depth)
    epochs = checks.positive_int("epochs", EPOCHS * depth if epochs is None else epochs)
    batch_size = size_of_batches(batch_size, n) or n
    rate = checks.finite_float("step_size", step_size, above=0)
    if not dtype(rate) > 0:
        raise ValueError(f"`step_size`={rate:g} is 0 in {dtype.__name__}.")
    key_start, key_batches = jax.random.split(checks.random_key("key", key))
    net = mlp(width, depth, "relu", bias_std=1.0)
    if params is None:
        params = net.init(key_start, x)
    moments = recorded_steps(record, epochs, "epochs")
    if after_step is not None:
        checks.function("after_step", after_step, "after_step(params)")
        rounded = checks.shape_of("after_step(params)", after_step, params)
        if rounded != jax.eval_shape(lambda: params):
            raise ValueError(
                "`after_step(params)` must return parameters like `params`."
            )
    apply = net.apply if apply is None else apply
    if model.outputs_of(apply, params, x).shape[1] != 1:
        raise ValueError("`apply(params, x)` must return one output, of shape (n, 1).")
    if batch_size < n:
        independence.check(apply, params, x, needs="Training by minibatches")
    checks.boolean("progress", progress)

    with compiled_bar(progress, total=epochs, desc="training") as bar:
        params, seen = _train(
            apply, after_step, batch_size, params, x, y, x_test,
            jnp.asarray(rate, dtype), key_batches, moments, bar,
        )  # fmt: skip
        jax.block_until_ready(seen)
        jax.effects_barrier()
    train, test = (np.asarray(a, np.float64) for a in seen)
    checks.finite_result(
        np.append(train, test),
        f"training diverged: `step_size`={rate:g} is too large for this width, "
        "depth and data; pass a smaller one.",
    )
    steps = -(-n // batch_size) * moments
    times = training_time(rate, 1, points=n, reduction="mean", half=False) * steps
    loss = ((train - np.asarray(y, np.float64)) ** 2).mean(1)
    return Trajectory(steps, times, loss, train, test, params)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _train(
    apply, after_step, batch_size, params, x, y, x_test, rate, key, moments, bar
):
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

    def look(params):
        return apply(params, x)[:, 0], apply(params, x_test)[:, 0]

    return loop(epoch, look, params, moments, bar)
