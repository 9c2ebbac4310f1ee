"""Checks of what is computed on the host, in float64 whatever JAX is set to."""

import jax.numpy as jnp
import numpy as np

from ntkbook.validation import checks


def outside_jit(**arguments) -> None:
    """Refuse what JAX traces: a computation on the host needs numbers.

    Inside ``jax.jit`` there are none even where all arguments have values, since what
    is computed from them is traced.
    """
    traced = [f"`{name}`" for name, a in arguments.items() if checks.is_traced(a)]
    if traced or checks.is_traced(jnp.zeros(())):
        what = " and ".join(traced) or "a function around this call (`jax.jit`)"
        raise TypeError(
            f"{what} {'are' if len(traced) > 1 else 'is'} traced by JAX, but this "
            "computes on the host, with numbers; call it outside jax.jit, jax.vmap and "
            "jax.grad."
        )


def host_array(name, value, expected) -> np.ndarray:
    """Check an array on the host, where float64 does not depend on JAX's setting."""
    if checks.is_traced(value):
        raise TypeError(
            f"`{name}` is traced by JAX, but this computes on the host in float64; "
            "call it outside jax.jit and jax.grad."
        )
    array = checks.float_array(name, value, expected=expected, to=np.asarray)
    return array.astype(np.float64)


def host_matrix(name, value) -> np.ndarray:
    array = host_array(name, value, "kernel values of shape (n1, n2)")
    if array.ndim != 2:
        one = f"; for the first output pass {name}[:, :, 0, 0]" * (array.ndim == 4)
        raise ValueError(
            f"`{name}` must be a matrix, (n1, n2), but its shape is {array.shape}{one}."
        )
    return array


def as_matrix(gram):
    """Return a kernel as one matrix, ``(n1 k, n2 k)``, a point's outputs together."""
    if gram.ndim == 2:
        return gram
    n1, n2, k, _ = gram.shape
    return gram.transpose(0, 2, 1, 3).reshape(n1 * k, n2 * k)


def outputs_of_kernel(kernel, y, k_test=None) -> int | None:
    """Return k for kernels ``(n, n, k, k)`` and targets ``(n, k)``; else ``None``.

    So nobody has to flatten them: their order of entries has to be the targets', and a
    wrong one gives wrong predictions and no error.
    """
    if np.ndim(kernel) != 4:
        return None
    n, n2, k, k2 = np.shape(kernel)
    shape = () if k_test is None else np.shape(k_test)
    if (n, k) != (n2, k2):
        raise ValueError(
            f"`kernel` must have shape (n, n, k, k), but its shape is {(n, n2, k, k2)}."
        )
    if np.shape(y) != (n, k):
        raise ValueError(
            f"`y` must have shape ({n}, {k}), one column for each output of `kernel`, "
            f"but its shape is {np.shape(y)}."
        )
    if k_test is not None and (len(shape) != 4 or shape[1:] != (n, k, k)):
        raise ValueError(
            f"`k_test` must have shape (n_test, {n}, {k}, {k}), as `ntk(x_test, x)` "
            f"returns it, but its shape is {shape}."
        )
    return k


def targets(y, n: int) -> np.ndarray:
    """Check targets at n points, ``(n,)`` or ``(n, k)``."""
    y = host_array("y", y, f"targets of shape ({n},) or ({n}, k)")
    if y.ndim not in (1, 2) or y.shape[0] != n:
        raise ValueError(
            f"`y` must have shape ({n},) or ({n}, k) to match `kernel`, but its shape "
            f"is {y.shape}."
        )
    return y


def test_kernel(k_test, n: int) -> np.ndarray:
    """Check a kernel between test points and n training points."""
    k_test = host_matrix("k_test", k_test)
    if k_test.shape[1] != n:
        raise ValueError(
            f"`k_test` must have shape (n_test, {n}), one column for each training "
            f"point, but its shape is {k_test.shape}"
            + ("; pass k_test.T." if len(k_test) == n else ".")
        )
    return k_test


def host_times(name, t) -> np.ndarray:
    """Check a time or a list of them, each from 0 to infinity."""
    checks.known(name, t)
    try:
        times = np.asarray(t)
        if times.dtype.kind not in "iuf":  # NumPy would also read "1" and True
            raise TypeError
    except (TypeError, ValueError):
        raise TypeError(
            f"`{name}` must be a time or an array of times, not {checks.short(t)}."
        ) from None
    times = times.astype(np.float64)
    if times.size == 0 or np.isnan(times).any() or (times < 0).any():
        raise ValueError(
            f"`{name}` must hold at least one time, each from 0 to infinity, not "
            f"{checks.short(t)}."
        )
    return times
