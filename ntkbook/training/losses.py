"""Losses: sums over the training points and the outputs."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ntkbook.validation import checks


def squared_loss(outputs, y):
    r"""Return :math:`\tfrac12 \sum_{i,a} (f_a(x_i) - y_{ia})^2`."""
    return 0.5 * jnp.sum((outputs - y) ** 2)


def logistic_loss(outputs, y):
    r"""Return :math:`\sum_{i,a} \log(1 + e^{-y_{ia} f_a(x_i)})`, y being -1 or 1."""
    return jnp.sum(jnp.logaddexp(0.0, -y * outputs))


def softmax_loss(outputs, y):
    r"""Return :math:`-\sum_{i,a} y_{ia} \log \mathrm{softmax}_a f(x_i)`."""
    return -jnp.sum(y * jax.nn.log_softmax(outputs))


LOSSES = {
    "squared": squared_loss,
    "logistic": logistic_loss,
    "softmax": softmax_loss,
}
SEPARABLE = {
    squared_loss,
    logistic_loss,
}  # sums over the outputs, which do not interact


def loss_function(loss, y) -> Callable:
    """Return the loss by its name, or a reader's own once it has been checked."""
    if callable(loss):
        checks.function("loss", loss, "loss(outputs, y)")
        outputs = jax.ShapeDtypeStruct(y.shape, y.dtype)
        out = checks.shape_of("loss(outputs, y)", loss, outputs, y)
        found = getattr(out, "shape", type(out).__name__), getattr(out, "dtype", None)
        if found != ((), y.dtype):
            raise ValueError(
                f"`loss(outputs, y)` must return one {y.dtype} number, a sum over the "
                f"points, but it returns shape {found[0]}, dtype {found[1]}."
            )
        return loss
    checks.one_of("loss", loss, LOSSES, "a function")
    if loss == "logistic" and not checks.is_traced(y):
        if not (np.abs(np.asarray(y)) == 1).all():
            raise ValueError(
                "`y` must hold -1 and 1 for the logistic loss; for labels 0 and 1 "
                "pass 2 * y - 1."
            )
    if loss == "softmax":
        rows = np.ones(y.shape) if checks.is_traced(y) else np.asarray(y)
        if y.ndim != 2 or y.shape[1] < 2 or (rows < 0).any():
            raise ValueError(
                "`y` must have shape (n, k), k at least 2, for the softmax loss: the "
                "probability of each class; for class numbers pass "
                "jax.nn.one_hot(y.ravel().astype(int), k)."
            )
        sums = rows.sum(1)
        if not checks.is_traced(y) and (np.abs(sums - 1) > 1e-3).any():
            raise ValueError(
                "every row of `y` must sum to 1 for the softmax loss; "
                + (
                    "pass y / y.sum(1, keepdims=True)."
                    if (sums > 0).all()
                    else "leave out the points whose row is 0, which names no class."
                )
            )
    return LOSSES[loss]
