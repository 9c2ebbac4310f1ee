r"""Chapter 5: a trained network as a sum over its training points.

Gradient descent changes the weights by a sum of gradients, one for each training point.
So the output at any query is the initial one plus a share for each of them.
`path_kernel` trains a network and keeps these books on the way; `checkpoint_kernel`
keeps them from the weights of a training run that somebody else made.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntkbook.machine import checks
from ntkbook.machine.memory import GIB, blocks, memory_budget
from ntkbook.machine.progress import progress_bar
from ntkbook.networks import paths_books as books
from ntkbook.networks import paths_rows as rows
from ntkbook.networks.training import loss_function

INTEGRALS = ("start", "exact")


class PathKernel(NamedTuple):
    """What training did to the outputs at q queries, split up by training point.

    Attributes:
        kernel: the path kernel, ``(q, n)`` for one output; ``(q, n, k, k)`` for k,
            where ``[i, j, a, b]`` pairs output a at query i with output b at point j.
        weighted: the same, with minus the loss derivative inside the integral; entry
            by entry what a training point's output contributed to a query's.
        start: ``(q, k)``, outputs of the initial network; Domingos' b(x).
        decay: ``(q, k)``, what weight decay contributed; 0 without it.
        outputs: ``(q, k)``, outputs of the trained network.
        loss: on all training points, at the end; without weight decay's part.
        params: the trained parameters.
    """

    kernel: Float[Array, "q n"] | Float[Array, "q n k k"]
    weighted: Float[Array, "q n"] | Float[Array, "q n k k"]
    start: Float[Array, "q k"]
    decay: Float[Array, "q k"]
    outputs: Float[Array, "q k"]
    loss: Float[Array, ""]
    params: Any

    @property
    def contributions(self) -> Float[Array, "q k n"]:
        """What each training point contributed to each output of each query."""
        if self.weighted.ndim == 2:
            return self.weighted[:, None, :]
        return self.weighted.sum(axis=3).transpose(0, 2, 1)

    @property
    def coefficients(self):
        """Domingos' a_i(x), shaped as ``kernel``; NaN where the kernel is 0."""
        zero = self.kernel == 0
        return jnp.where(zero, jnp.nan, self.weighted / jnp.where(zero, 1, self.kernel))

    @property
    def reconstruction(self) -> Float[Array, "q k"]:
        """The outputs, from ``start``, ``decay`` and ``contributions`` alone."""
        return self.start + self.decay + self.contributions.sum(axis=2)

    @property
    def error(self) -> Float[Array, ""]:
        """Error of ``reconstruction``, relative to what training changed."""
        wrong = jnp.linalg.norm(self.reconstruction - self.outputs)
        return wrong / jnp.linalg.norm(self.outputs - self.start)


def path_kernel(
    apply: Callable,
    params,
    x,
    y,
    x_query,
    *,
    step_size: float,
    steps: int,
    batch_size: int | None = None,
    key=None,
    loss: str | Callable = "squared",
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    integral: str = "start",
    nodes: int = 5,
    kinks: int | None = None,
    progress: bool = True,
) -> PathKernel:
    r"""Train by gradient descent, and account for the outputs at the queries.

    .. math:: K^p(x, x_i) = \eta \sum_s
        \langle \bar g_s(x), \partial_w f(x_i, w_s) \rangle, \qquad
        f(x, w_S) = f(x, w_0) - \eta \sum_i \sum_s
        \langle \bar g_s(x), \partial_w f(x_i, w_s) \rangle \, \ell'_i(s)

    with :math:`\bar g_s(x) = \int_0^1 \partial_w f(x, w_s + u (w_{s+1} - w_s))\, du`.
    With ``integral="exact"`` this holds for finite steps, up to the quadrature.
    ``"start"`` takes the gradient at :math:`w_s` instead, the left Riemann sum of
    Domingos' integral over time: an error of the order of the step size, several times
    cheaper, and a symmetric kernel where x runs through the training points.

    Momentum and weight decay train by :math:`v_{s+1} = \beta v_s + \partial_w \mathcal
    L(w_s) + \lambda w_s` and :math:`w_{s+1} = w_s - \eta v_{s+1}`. A training point's
    gradient is then replaced by :math:`\sum_{r \le s} \beta^{s-r} \partial_w f(x_i,
    w_r)` (with its :math:`\ell'_i(r)` inside the sum for the contributions). Memory for
    2 k gradients of each training point is needed, and Jacobians are formed.
    A minibatch has the factor n / B; points outside it contribute nothing.

    Memory does not grow with the number of steps. Each ``apply`` and ``loss`` is
    compiled once: define them once. Under ``jax.jit`` and ``jax.vmap`` only shapes and
    types are checked.

    Args:
        apply: ``apply(params, x) -> (n, k)``; no batch normalisation, no dropout.
        params: where to start, :math:`w_0`.
        x: inputs, ``(n, ...)``.
        y: targets, ``(n, k)``, shaped as the outputs.
        x_query: where to account for the outputs, ``(q, ...)``.
        step_size: :math:`\eta > 0`.
        steps: number of steps, at least 1.
        batch_size: points in each minibatch; ``None`` takes all. The same ``key`` gives
            the same batches as in :func:`ntkbook.gradient_descent`.
        key: random key for the shuffling; needed with ``batch_size``.
        loss: ``"squared"`` (with its half), ``"logistic"``, or a function
            ``(outputs, y) -> scalar`` that sums over the points.
        momentum: :math:`\beta` in [0, 1).
        weight_decay: :math:`\lambda \ge 0`.
        integral: ``"start"`` or ``"exact"``.
        nodes: Gauss-Legendre nodes on each smooth piece of a step, for ``"exact"``.
        kinks: of ReLU networks made by :func:`ntkbook.mlp`, how many kinks to look for
            on each step at each query, for ``"exact"``: the pieces end there. ``None``
            means 4; 0 does not look.
        progress: show a progress bar where it takes longer than two seconds.

    Returns:
        A :class:`PathKernel`; its ``error`` says how well the books balance.

    Raises:
        ValueError: shapes that do not match, bad sizes, an ``apply`` that mixes the
            points of a batch or is random, or training that diverged.
        TypeError: integer or mixed dtypes, a missing key.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.paths import path_kernel
        >>> line = lambda w, x: x @ w          # its tangent kernel is <x, x'>
        >>> x, y = jnp.array([[1.0], [2.0]]), jnp.array([[1.0], [2.0]])
        >>> books = path_kernel(
        ...     line, jnp.zeros((1, 1)), x, y, jnp.array([[3.0]]),
        ...     step_size=0.1, steps=1,
        ... )
        >>> books.kernel.round(4).tolist()     # one step: 0.1 * <3, x_i>
        [[0.3, 0.6]]
        >>> books.contributions[0, 0].round(4).tolist(), books.outputs.tolist()
        ([0.3, 1.2], [[1.5]])

    Source: :cite:t:`domingos2020every`, and :cite:t:`bell2023exact` for finite steps.
    """
    x, y, dtype = checks.data(apply, params, x, y)
    x_query = _queries(apply, params, x, x_query)
    step_size = checks.finite_float("step_size", step_size, above=0)
    steps = checks.positive_int("steps", steps)
    if batch_size is not None:
        batch_size = checks.positive_int("batch_size", batch_size)
        if batch_size > len(x):
            raise ValueError(
                f"`batch_size` is {batch_size}, but there are only {len(x)} points; "
                "pass batch_size=None to use them all."
            )
    if batch_size is not None or key is not None:
        key = checks.random_key("key", key)
    of_loss = loss_function(loss, y)
    momentum = checks.finite_float("momentum", momentum, least=0)
    if momentum >= 1:
        raise ValueError(f"`momentum` must be below 1, but {momentum!r} came.")
    weight_decay = checks.finite_float("weight_decay", weight_decay, least=0)
    if weight_decay and getattr(apply, "zero_output", None) == "subtract":
        raise ValueError(
            "`weight_decay` would shrink the frozen copy that this network subtracts; "
            "make the network with zero_output='twin'."
        )
    checks.one_of("integral", integral, INTEGRALS)
    nodes = checks.positive_int("nodes", nodes)
    if kinks is None:
        kinks = 4 if rows.has_kinks(apply) else 0
    elif checks.bounded_int("kinks", kinks, 0) and not rows.has_kinks(apply):
        raise ValueError(
            "`kinks` are found in ReLU networks made by ntkbook.mlp only; pass kinks=0."
        )
    checks.boolean("progress", progress)

    n, k = y.shape
    how = rows.rule(integral, nodes, kinks)
    if momentum:
        p = sum(leaf.size for leaf in jax.tree.leaves(params))
        needed = 2 * n * k * p * dtype.itemsize
        if needed > memory_budget():
            raise ValueError(
                f"`momentum` needs 2 k gradients for each training point, "
                f"{needed / GIB:.1f} GiB, which is above the budget; use fewer points, "
                "a smaller network, or ntkbook.limit_memory."
            )
    per_query = rows.numbers_per_query(apply, params, x_query, n, k, how.kinks)
    size = max(
        part.stop - part.start
        for part in blocks(len(x_query), per_query * dtype.itemsize)
    )
    plan = (apply, of_loss, batch_size, how, size, bool(momentum), bool(weight_decay))
    numbers = jnp.asarray([step_size, momentum, weight_decay], dtype)
    state = books.begin(params, x, y, x_query, momentum)

    # The zeros are traced where a traced function calls this with concrete arrays.
    traced = checks.is_traced((params, x, y, x_query, key, jnp.zeros(())))
    ends = (
        np.linspace(0, steps, 2 if traced else min(steps, 20) + 1).round().astype(int)
    )
    with progress_bar(progress and not traced, total=steps, desc="training") as bar:
        for first, last in zip(ends[:-1], ends[1:], strict=True):
            state, end = books.advance(
                plan, state, x, y, x_query, numbers, key, first, last
            )
            bar.update(int(last - first))
            if not traced and not np.isfinite(end):
                raise ValueError(
                    f"training diverged: with `step_size`={step_size:g} the loss, the "
                    "weights or the path kernel are not finite after step "
                    f"{last}; pass a smaller one."
                )
    return _result(apply, of_loss, params, state, x, y, x_query)


def checkpoint_kernel(
    apply: Callable,
    weights: Sequence,
    times,
    x,
    y,
    x_query,
    *,
    loss: str | Callable = "squared",
) -> PathKernel:
    r"""Estimate the path kernel from the weights at some moments of a training run.

    .. math:: K^p(x, x_i) \approx \sum_c (t_{c+1} - t_c)\, \Theta_{t_c}(x, x_i)

    and with :math:`-\ell'_i(t_c)` inside the sum for the contributions. With few
    checkpoints this is the estimate called TracIn; its ``error`` is that of the sum.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        weights: the parameters at each moment, in order, at least two; the first is
            the start, and the last is needed for ``outputs`` only.
        times: ``(c,)``, increasing: step size times steps, for a loss that sums over
            the points (:func:`ntkbook.flow.training_time` converts other conventions).
        x, y, x_query, loss: as for :func:`path_kernel`.

    Returns:
        A :class:`PathKernel`, whose ``decay`` is 0.

    Raises:
        ValueError, TypeError: as :func:`path_kernel`; also weights that are not all of
            one network, or times that do not increase or match them.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.paths import checkpoint_kernel
        >>> line = lambda w, x: x @ w
        >>> one = jnp.ones((1, 1))                       # the flow to 1 - exp(-t)
        >>> times = jnp.linspace(0.0, 1.0, 101)
        >>> weights = [(1 - jnp.exp(-t)) * one for t in times]
        >>> books = checkpoint_kernel(line, weights, times, one, one, one)
        >>> round(float(books.kernel[0, 0]), 4), round(float(books.error), 4)
        (1.0, 0.005)

    Source: :cite:t:`pruthi2020estimating`.
    """
    if not isinstance(weights, (list, tuple)) or len(weights) < 2:
        raise TypeError(
            "`weights` must be a list of the parameters at two moments or more, but "
            f"{checks.short(weights)} came."
        )
    x, y, dtype = checks.data(apply, weights[0], x, y)
    like = jax.tree.map(jnp.shape, weights[0])
    for place, params in enumerate(weights):
        if jax.tree.map(jnp.shape, params) != like:
            raise ValueError(
                f"`weights[{place}]` are parameters of another network than those of "
                "`weights[0]`: their trees or shapes differ."
            )
        checks.same_dtype("weights[0]", dtype, f"weights[{place}]",
                          checks.parameters(f"weights[{place}]", params))  # fmt: skip
    x_query = _queries(apply, weights[0], x, x_query)
    times = checks.float_array("times", times, expected="increasing times")
    if times.shape != (len(weights),) or not (jnp.diff(times) > 0).all():
        raise ValueError(
            f"`times` must be {len(weights)} increasing numbers, one for each of "
            f"`weights`, but {checks.short(times)} came."
        )
    of_loss = loss_function(loss, y)
    per_query = rows.numbers_per_query(apply, weights[0], x_query, *y.shape, 0)
    parts = blocks(len(x_query), per_query * dtype.itemsize)
    how, size = rows.rule("start", 1, 0), parts[0].stop
    plan = (apply, of_loss, None, how, max(size, 1), False, False)
    state = books.begin(weights[0], x, y, x_query, 0.0)
    for params, gap in zip(weights[:-1], jnp.diff(times), strict=True):
        numbers = jnp.asarray([gap, 0, 0], dtype)
        state = state._replace(params=params)
        state, _ = books.advance(plan, state, x, y, x_query, numbers, None, 0, 1)
    state = state._replace(params=weights[-1])
    return _result(apply, of_loss, weights[0], state, x, y, x_query)


def _result(apply, loss, params, state, x, y, x_query) -> PathKernel:
    kernel, weighted = state.kernel, state.weighted
    if y.shape[1] == 1:
        kernel, weighted = kernel[:, :, 0, 0], weighted[:, :, 0, 0]
    start, outputs, end = books.look(apply, loss, params, state.params, x, y, x_query)
    checks.finite_result(
        jnp.append(outputs, end),
        "the loss, or the outputs at `x_query`, are not finite after training; pass a "
        "smaller `step_size`, or look at the queries.",
    )
    return PathKernel(kernel, weighted, start, state.decay, outputs, end, state.params)


def _queries(apply, params, x, x_query):
    """Check the queries, and that an output depends on its own input alone."""
    x_query = checks.inputs("x_query", x_query)
    checks.same_shape_of_inputs("x", x, "x_query", x_query)
    if checks.is_traced((params, x, x_query, jnp.zeros(()))):
        return x_query
    some = jnp.concatenate([x, x_query])[:8]
    together, alone = books.one_by_one(apply, params, some)
    again = books.together(
        apply, params, some
    )  # traced anew: what is random has changed
    if not jnp.isfinite(together).all():
        raise ValueError(
            "the outputs of `apply(params, x)` are not finite at `x` or `x_query` "
            "before the first step; start from smaller parameters."
        )
    close = jnp.finfo(some.dtype).eps ** 0.5 * (1 + jnp.max(jnp.abs(together)))
    for other, why in (
        (again, "gives another result each time: switch dropout off"),
        (alone, "mixes the points of a batch: freeze batch normalisation and dropout"),
    ):
        if not jnp.max(jnp.abs(together - other)) <= close:
            raise ValueError(
                f"`apply(params, x)` {why}. A path kernel needs a function of the "
                "parameters and of one input."
            )
    return x_query
