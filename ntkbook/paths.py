r"""Chapter 5: a trained network as a sum over its training points.

Gradient descent changes the weights by a sum of gradients, one for each training point.
So the output at any query is the initial one plus a contribution of each of them.
`path_kernel` trains a network and adds up the contributions on the way;
`checkpoint_kernel` estimates them from saved weights of any training run.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from ntkbook._types import AnyArray
from ntkbook.kernels.path import accumulator
from ntkbook.kernels.path.kinks import has_kinks
from ntkbook.kernels.path.quadrature import LEFT_END, gauss_legendre, numbers_per_query
from ntkbook.kernels.path.result import PathKernel
from ntkbook.machine.memory import GIB, blocks, memory_budget
from ntkbook.machine.progress import progress_bar
from ntkbook.training.losses import loss_function
from ntkbook.training.minibatches import batches
from ntkbook.validation import batch, checks, independence, model

__all__ = ["PathKernel", "checkpoint_kernel", "path_kernel"]

INTEGRALS = ("start", "exact")
RULES = ("left", "trapezoid")
BEFORE = "before the first step; start from smaller parameters, or check `loss`"
AFTER = "at the end of training; pass a smaller `step_size`, or look at the queries"


def path_kernel(
    apply: Callable,
    params: PyTree,
    x: Float[AnyArray, "n ..."],
    y: Float[AnyArray, "n k"],
    x_test: Float[AnyArray, "q ..."],
    *,
    step_size: float,
    steps: int,
    batch_size: int | None = None,
    key: Array | None = None,
    loss: str | Callable = "squared",
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    integral: str = "start",
    nodes: int = 5,
    kinks: int | None = None,
    progress: bool = True,
) -> PathKernel:
    r"""Train by gradient descent, and account for the outputs at the queries.

    .. math::

        &K^p(x, x_i) = \eta \sum_s
        \langle \bar g_s(x), \partial_w f(x_i, w_s) \rangle, \\
        &f(x, w_S) = f(x, w_0) \\[0pt] &\quad - \eta \sum_i \sum_s
        \langle \bar g_s(x), \partial_w f(x_i, w_s) \rangle \, \ell'_i(s), \\
        &\bar g_s(x) = \int_0^1 \partial_w f(x, (1-u)\, w_s + u\, w_{s+1})\, du .

    With ``integral="exact"`` this holds for finite steps, up to quadrature and rounding
    (in float32 the rounding of many thousand steps shows).
    ``"start"`` takes the gradient at :math:`w_s` instead, the left Riemann sum of
    Domingos' integral over time: an error of the order of the step size, several times
    cheaper, and a symmetric kernel where x runs through the training points.

    Momentum and weight decay train, from :math:`v_0 = 0`, by :math:`v_{s+1} = \beta v_s
    + \partial_w \mathcal L(w_s) + \lambda w_s` and :math:`w_{s+1} = w_s - \eta
    v_{s+1}`. A training point's gradient is then replaced by :math:`\sum_{r \le s}
    \beta^{s-r} \partial_w f(x_i, w_r)` (with its :math:`\ell'_i(r)` inside the sum for
    the contributions). That needs memory for 3 k gradients of each training point. A
    minibatch has the factor n / B; a point outside it adds nothing new.

    Memory does not grow with the number of steps. Each ``apply`` and ``loss`` is
    compiled once: define them once. Under ``jax.jit`` and ``jax.vmap`` only shapes and
    types are checked. For a schedule of step sizes without momentum, call again from
    ``params``, and add up kernels and contributions.

    Args:
        apply: ``apply(params, x) -> (n, k)``; no batch normalisation, no dropout.
        params: where to start, :math:`w_0`.
        x: inputs, ``(n, ...)``: numbers, tokens, or a pytree of arrays that share their
            first axis.
        y: targets, ``(n, k)``, shaped as the outputs.
        x_test: where to account for the outputs, ``(q, ...)``.
        step_size: :math:`\eta > 0`.
        steps: number of steps, at least 1.
        batch_size: points in each minibatch; ``None`` takes all. The same ``key`` gives
            the same batches as in :func:`ntkbook.gradient_descent`.
        key: random key for the shuffling; needed with ``batch_size``.
        loss: ``"squared"`` (with its half), ``"logistic"``, or a function
            ``(outputs, y) -> scalar`` that sums over the points. (A mean trains too,
            with steps that are n / B times too large in minibatches of B.)
        momentum: :math:`\beta` in [0, 1).
        weight_decay: :math:`\lambda \ge 0`.
        integral: ``"start"`` or ``"exact"``.
        nodes: Gauss-Legendre nodes on each smooth piece of a step, for ``"exact"``.
        kinks: where to break a step into smooth pieces, for ``"exact"`` and the ReLU
            networks of :func:`ntkbook.mlp`: at up to this many sign changes of hidden
            units, found for each query. ``None`` means 4; 0 does not look.
        progress: show a progress bar where it takes longer than two seconds.

    Returns:
        A :class:`PathKernel`; its ``error`` says how far the sum is from the outputs.

    Raises:
        ValueError: shapes that do not match, bad sizes, an ``apply`` that mixes the
            points of a batch or is random, or training that diverged.
        TypeError: integer or mixed dtypes, a missing key.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.paths import path_kernel
        >>> line = lambda w, x: x @ w          # its tangent kernel is <x, x'>
        >>> x, y = jnp.array([[1.0], [2.0]]), jnp.array([[1.0], [2.0]])
        >>> parts = path_kernel(
        ...     line, jnp.zeros((1, 1)), x, y, jnp.array([[3.0]]),
        ...     step_size=0.1, steps=1,
        ... )
        >>> parts.kernel.round(4).tolist()     # one step: 0.1 * <3, x_i>
        [[0.3, 0.6]]
        >>> parts.contributions[0, 0].round(4).tolist(), parts.outputs.tolist()
        ([0.3, 1.2], [[1.5]])

    Source: :cite:t:`domingos2020every`, and :cite:t:`bell2023exact` for finite steps.
    """
    x, y, dtype = model.data(apply, params, x, y)
    x_test = _queries(apply, params, x, x_test, dtype)
    step_size = checks.finite_float("step_size", step_size, above=0)
    steps = checks.positive_int("steps", steps)
    batch_size, key = batches(batch_size, key, len(y))
    of_loss = loss_function(loss, y)
    momentum = checks.momentum(momentum)
    weight_decay = checks.finite_float("weight_decay", weight_decay, least=0)
    if weight_decay and getattr(apply, "zero_output", None) == "subtract":
        raise ValueError(
            "`weight_decay` would shrink the frozen copy that this network subtracts; "
            "make the network with zero_output='twin'."
        )
    checks.one_of("integral", integral, INTEGRALS)
    nodes = checks.positive_int("nodes", nodes)
    if kinks is None:
        kinks = 4 if has_kinks(apply) else 0
    elif checks.bounded_int("kinks", kinks, 0) and not has_kinks(apply):
        raise ValueError(
            "`kinks` are found in ReLU networks made by ntkbook.mlp only; pass kinks=0."
        )
    checks.boolean("progress", progress)

    how = LEFT_END if integral == "start" else gauss_legendre(nodes, kinks)
    size = _block(apply, params, x_test, y, how.kinks, momentum > 0, batch_size)
    program = accumulator.Program(
        apply, of_loss, batch_size, how, size, momentum > 0, weight_decay > 0
    )
    numbers = jnp.asarray([step_size, momentum, weight_decay], dtype)
    start, _ = _evaluate(program, params, x, y, x_test, BEFORE)
    state = accumulator.start(program, params, x, y, x_test)
    # A traced caller may pass concrete arrays; the zeros are traced even then.
    traced = checks.is_traced((params, x, y, x_test, key, jnp.zeros(())))
    parts = 1 if traced else min(steps, 20)  # between them the bar moves
    ends = np.linspace(0, steps, parts + 1).round().astype(int)
    with progress_bar(progress and not traced, total=steps, desc="training") as bar:
        for first, last in zip(ends[:-1], ends[1:], strict=True):
            state, finite = accumulator.accumulate(
                program, state, x, y, x_test, numbers, key, first, last
            )
            bar.update(int(last - first))
            if not traced and not finite:
                raise ValueError(
                    f"training diverged: with `step_size`={step_size:g} the weights or "
                    f"the path kernel are not finite after step {last}; pass a smaller "
                    "one."
                )
    return _result(program, state, start, x, y, x_test)


def checkpoint_kernel(
    apply: Callable,
    checkpoints: Sequence,
    times: ArrayLike,
    x: Float[AnyArray, "n ..."],
    y: Float[AnyArray, "n k"],
    x_test: Float[AnyArray, "q ..."],
    *,
    loss: str | Callable = "squared",
    rule: str = "left",
) -> PathKernel:
    r"""Estimate the path kernel from the weights at some times of a training run.

    .. math:: K^p(x, x_i) \approx \sum_c (t_{c+1} - t_c)\, \Theta_{t_c}(x, x_i)

    and with :math:`-\ell'_i(t_c)` inside the sum for the contributions. That is the
    left rule; ``"trapezoid"`` takes the mean of both ends of each interval instead.
    TracIn is the same sum for the *loss* at the query: each term has the loss
    derivative of the query at that checkpoint as well, so no factor per query turns
    these sums into TracIn's.

    Args:
        apply: ``apply(params, x) -> (n, k)``.
        checkpoints: the parameters at each time, in order, at least two; the first is
            initial, and with ``"left"`` the last is needed for ``outputs`` only.
        times: ``(c,)``, increasing: step size times steps, for a loss that sums over
            the points (:func:`ntkbook.flow.training_time` converts other conventions).
        x, y, x_test, loss: as for :func:`path_kernel`.
        rule: ``"left"`` or ``"trapezoid"``, of the integral over time.

    Returns:
        A :class:`PathKernel`, whose ``decay`` is 0; its ``error`` is that of the sum of
        the contributions.

    Raises:
        ValueError, TypeError: as :func:`path_kernel`; also weights that are not all of
            one network, or times that do not increase or match them.

    Example:
        >>> import jax.numpy as jnp
        >>> from ntkbook.paths import checkpoint_kernel
        >>> line = lambda w, x: x @ w
        >>> one = jnp.ones((1, 1))                       # the flow to 1 - exp(-t)
        >>> times = jnp.linspace(0.0, 1.0, 101)
        >>> checkpoints = [(1 - jnp.exp(-t)) * one for t in times]
        >>> parts = checkpoint_kernel(line, checkpoints, times, one, one, one)
        >>> round(float(parts.kernel[0, 0]), 4), round(float(parts.error), 4)
        (1.0, 0.005)
        >>> few = checkpoints[::10], times[::10]
        >>> for rule in ("left", "trapezoid"):
        ...     parts = checkpoint_kernel(line, *few, one, one, one, rule=rule)
        ...     print(f"{rule:9} {parts.error:.4f}")
        left      0.0508
        trapezoid 0.0008

    Source: :cite:t:`pruthi2020estimating`, who sum over checkpoints to trace the loss.
    """
    if not isinstance(checkpoints, (list, tuple)) or len(checkpoints) < 2:
        raise TypeError(
            "`checkpoints` must be a list of the parameters at two times or more, "
            f"not {checks.short(checkpoints)}."
        )
    x, y, dtype = model.data(apply, checkpoints[0], x, y)
    like = jax.tree.map(jnp.shape, checkpoints[0])
    for place, params in enumerate(checkpoints):
        if jax.tree.map(jnp.shape, params) != like:
            raise ValueError(
                f"`checkpoints[{place}]` are parameters of another network than those "
                "of `checkpoints[0]`: their trees or shapes differ."
            )
        name = f"checkpoints[{place}]"
        found = model.parameters(name, params)
        checks.same_dtype("checkpoints[0]", dtype, name, found)
    x_test = _queries(apply, checkpoints[0], x, x_test, dtype)
    times = checks.float_array("times", times, expected="times", to=np.asarray)
    if times.shape != (len(checkpoints),) or not (np.diff(times) > 0).all():
        raise ValueError(
            f"`times` must be {len(checkpoints)} increasing numbers, one for each of "
            f"`checkpoints`, not {checks.short(times)}."
        )
    checks.one_of("rule", rule, RULES)
    of_loss = loss_function(loss, y)
    size = _block(apply, checkpoints[0], x_test, y)
    program = accumulator.Program(apply, of_loss, None, LEFT_END, size, False, False)
    start, _ = _evaluate(program, checkpoints[0], x, y, x_test, BEFORE)
    state = accumulator.start(program, checkpoints[0], x, y, x_test)
    ends = np.arange(2)  # NumPy's integers, as in `path_kernel`: one program for both
    gaps = np.append(np.diff(times), 0)
    if rule == "trapezoid":
        gaps = (gaps + np.roll(gaps, 1)) / 2
    for params, gap in zip(checkpoints, gaps, strict=True):
        if gap == 0:  # the last one, by the left rule
            continue
        # `accumulate` also moves the weights; only what it adds to the sums is kept.
        numbers = jnp.asarray([gap, 0, 0], dtype)
        state = state._replace(params=params)
        state, _ = accumulator.accumulate(
            program, state, x, y, x_test, numbers, None, *ends
        )
    state = state._replace(params=checkpoints[-1])
    return _result(program, state, start, x, y, x_test)


def _queries(apply, params, x, x_test, dtype):
    """Check the queries, and that an output depends on its own input alone."""
    x_test = batch.check("x_test", x_test, dtype)
    batch.same_kind("x", x, "x_test", x_test)
    independence.check(apply, params, x, needs="A path kernel")
    return x_test


def _block(apply, params, x_test, y, kinks=0, has_momentum=False, batch_size=None):
    """Return how many queries fit into the memory budget together."""
    (n, k), bytes_each = y.shape, y.dtype.itemsize
    if has_momentum:
        p = sum(leaf.size for leaf in jax.tree.leaves(params))
        gib = (2 * n + (batch_size or n)) * k * p * bytes_each / GIB
        if gib * GIB > memory_budget():
            raise ValueError(
                f"`momentum` needs {gib:.2g} GiB, for 3 gradients at each output of "
                "each training point, which is above the budget; use fewer points, a "
                "smaller network, or ntkbook.limit_memory."
            )
    each = numbers_per_query(apply, params, x_test, n, k, kinks, has_momentum)
    return max(b.stop - b.start for b in blocks(batch.count(x_test), each * bytes_each))


def _evaluate(program, params, x, y, x_test, when):
    """Return the queries' outputs and the loss; refuse what is not finite."""
    seen = accumulator.evaluate(program.apply, program.loss, params, x, y, x_test)
    for array in seen:
        checks.finite_result(
            array,
            f"the loss, or the outputs at `x_test`, are not finite {when}.",
        )
    return seen


def _result(program, state, start, x, y, x_test) -> PathKernel:
    kernel, weighted = state.kernel, state.contributions_by_output
    if y.shape[1] == 1:
        kernel, weighted = (a.reshape(a.shape[:2]) for a in (kernel, weighted))
    outputs, loss = _evaluate(program, state.params, x, y, x_test, AFTER)
    return PathKernel(kernel, weighted, start, state.decay, outputs, loss, state.params)
