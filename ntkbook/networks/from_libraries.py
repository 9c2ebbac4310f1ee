"""Models of other libraries as the pair that this one takes, ``apply`` and ``params``.

Each of these libraries keeps parameters, batch statistics and random keys in one
object. A tangent kernel needs them apart: the derivatives are with respect to the
parameters alone, everything else is frozen, and the model is in evaluation mode. The
libraries are imported when one of these functions is called, and not needed otherwise.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ntkbook.validation import checks, model


def from_flax(module: Any, variables: PyTree, **options: Any) -> tuple[Callable, Any]:
    """Return ``apply`` and ``params`` of a Flax (linen) module.

    Args:
        module: a ``flax.linen.Module``.
        variables: what ``module.init`` returned, or training made of it. Only
            ``variables["params"]`` are parameters; batch statistics stay as they are.
        options: passed to ``module`` in each call: evaluation mode, as it calls it
            (``train=False``, ``deterministic=True``, ...).

    Returns:
        ``apply(params, x) -> (n, k)`` and ``params``.

    Raises:
        TypeError: something that is no such module, or no such variables.

    Example:
        >>> import flax.linen as nn, jax, jax.numpy as jnp, ntkbook
        >>> class Model(nn.Module):
        ...     @nn.compact
        ...     def __call__(self, x, train=True):
        ...         x = nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))
        ...         return nn.Dense(2)(nn.tanh(x))
        >>> x = jnp.ones((3, 4), "float32")
        >>> variables = Model().init(jax.random.key(0), x)
        >>> apply, params = ntkbook.from_flax(Model(), variables, train=False)
        >>> ntkbook.ntk(apply, params, x).shape
        (3, 3, 2, 2)
    """
    if not hasattr(module, "apply") or not hasattr(module, "init"):
        raise TypeError(
            f"`module` must be a Flax module, not {checks.short(module)}; for an "
            "NNX model there is ntkbook.from_nnx."
        )
    if not hasattr(variables, "keys") or "params" not in variables:
        raise TypeError(
            "`variables` must be what module.init(...) returned, with the key "
            f"'params', not {checks.short(variables)}."
        )
    frozen = {name: kept for name, kept in variables.items() if name != "params"}
    params = variables["params"]
    model.parameters('variables["params"]', params)

    def apply(params, x):
        return module.apply({**frozen, "params": params}, x, **options)

    return apply, params


def from_nnx(module: Any) -> tuple[Callable, Any]:
    """Return ``apply`` and ``params`` of a Flax NNX model, in evaluation mode.

    The model itself is not changed.

    Args:
        module: a ``flax.nnx.Module`` that is called with the inputs alone.

    Returns:
        ``apply(params, x) -> (n, k)``, and ``params``, the state of its ``nnx.Param``.

    Raises:
        TypeError: something that is no such model.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> from flax import nnx
        >>> model = nnx.Sequential(nnx.Linear(4, 8, rngs=nnx.Rngs(0)),
        ...     nnx.BatchNorm(8, rngs=nnx.Rngs(1)), nnx.Linear(8, 1, rngs=nnx.Rngs(2)))
        >>> apply, params = ntkbook.from_nnx(model)
        >>> ntkbook.ntk(apply, params, jnp.ones((3, 4), "float32")).shape
        (3, 3)
    """
    from flax import nnx

    if not isinstance(module, nnx.Module):
        raise TypeError(
            f"`module` must be a flax.nnx.Module, not {checks.short(module)}; "
            "for a linen module there is ntkbook.from_flax."
        )
    copy = nnx.clone(module)
    copy.eval()
    graph, params, rest = nnx.split(copy, nnx.Param, ...)
    model.parameters("module", params)

    def apply(params, x):
        # A copy, since the model must not change what is frozen.
        return nnx.merge(graph, params, rest, copy=True)(x)

    return apply, params


def from_equinox(
    module: Any,
    state: Any = None,
    *,
    batched: bool = False,
    trainable: PyTree | None = None,
) -> tuple[Callable, Any]:
    """Return ``apply`` and ``params`` of an Equinox model, in inference mode.

    Args:
        module: an ``equinox.Module`` that is called with one input, as is usual there.
        state: an ``equinox.nn.State``, for models that keep one, such as those with
            batch normalisation; it stays as it is.
        batched: whether the model takes all inputs at once instead.
        trainable: which arrays are parameters, as ``equinox.partition`` takes it: a
            tree of True and False, or a function of a leaf; ``None`` means all
            floating-point arrays.

    Returns:
        ``apply(params, x) -> (n, k)``, and ``params``, the trainable floating-point
        arrays, and ``None`` instead of everything else.

    Raises:
        TypeError: something that is no such model.
        ValueError: no trainable array, or a tree that does not fit the model.

    Example:
        >>> import equinox, jax, jax.numpy as jnp, ntkbook
        >>> model = equinox.nn.MLP(4, 2, width_size=8, depth=1, key=jax.random.key(0))
        >>> apply, params = ntkbook.from_equinox(model)
        >>> ntkbook.ntk(apply, params, jnp.ones((3, 4))).shape
        (3, 3, 2, 2)
    """
    import equinox

    if not isinstance(module, equinox.Module):
        raise TypeError(
            f"`module` must be an equinox.Module, not {checks.short(module)}."
        )
    checks.boolean("batched", batched)
    module = equinox.nn.inference_mode(module)
    params, rest = equinox.partition(module, equinox.is_inexact_array)
    if trainable is not None:
        params, frozen = equinox.partition(params, trainable)
        rest = equinox.combine(frozen, rest)
    model.parameters("module", params)

    def apply(params, x):
        def call(x):
            whole = equinox.combine(params, rest)
            found = whole(x) if state is None else whole(x, state)[0]
            return found if batched else jnp.ravel(found)

        return call(x) if batched else jax.vmap(call)(x)

    return apply, params
