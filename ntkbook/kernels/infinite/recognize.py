"""Which activation with a known form a function looks like, for an error's advice.

Only advice: values at some points do not prove what a function is elsewhere.
"""

from collections.abc import Callable

import jax
import numpy as np

from ntkbook.kernels.infinite.closed_forms import cosine, leaky_relu, sine
from ntkbook.kernels.infinite.exponential_linear import elu
from ntkbook.kernels.infinite.piecewise_linear import hard_tanh

POINTS = np.append(np.linspace(-4.03, 4.07, 82), [-60.0, 60.0])
FORMS = {f.__name__: f for f in (sine, cosine, leaky_relu, hard_tanh, elu)}


def line_for(activation: Callable) -> str | None:
    """Return the line that makes an activation of the same values, if one is found."""
    values = np.asarray(activation(POINTS))
    slope = jax.grad(activation)
    at = {p: float(activation(p)) for p in (-60.0, -1.0, 1.0, 60.0)}
    candidates = {
        "sine": float(slope(0.0)),
        "cosine": max(-float(jax.grad(slope)(0.0)), 0.0) ** 0.5,
        "leaky_relu": -at[-1.0],
        "hard_tanh": at[60.0],
        "elu": -at[-60.0],
    }
    for name, number in candidates.items():
        number = float(f"{number:.6g}")
        if name in ("leaky_relu", "elu") or number > 0:
            found = FORMS[name](number)(POINTS)
            if np.allclose(found, values, rtol=1e-4, atol=1e-4):
                return f"ntkbook.infinite.{name}({number})"
    return None
