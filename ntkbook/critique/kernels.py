r"""The nine kernels of the critique, as its code has them and as they should be.

Every kernel with a bias needs the angle between two inputs as the first hidden layer
sees them, and the corrected ones get it from Chapter 4's recursion. The published code
divides the covariance by the product of the variances, not by its root:

.. math:: \rho = \frac{k_0(x, x')}{\sqrt{k_0(x, x)\, k_0(x', x')}} \qquad \text{against}
    \qquad \rho_{\text{published}} = \frac{k_0(x, x')}{k_0(x, x)\, k_0(x', x')}
"""

from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from ntkbook._types import AnyArray
from ntkbook.infinite import nngp, ntk
from ntkbook.machine.memory import blocks
from ntkbook.machine.precision import is_double
from ntkbook.validation import batch, checks
from ntkbook.validation.host import outside_jit

ROOT2 = 2**0.5
IN_CACHE = 2**15  # numbers

# What each kernel is in Chapter 4's terms. The paper's factors c = 2 are weight
# variances, and "unscaled" is its first layer whose weights have variance 1/d.
SETTINGS = {
    "GP1": (nngp, 1, {"weight_std": (1, ROOT2), "bias_std": 1.0}),
    "GP2": (nngp, 2, {"weight_std": (1, ROOT2, ROOT2), "bias_std": 1.0}),
    "NTKA1": (ntk, 1, {"weight_std": (1, ROOT2), "first_layer": "unscaled"}),
    "NTKA2": (ntk, 2, {"weight_std": (1, ROOT2, ROOT2), "first_layer": "unscaled"}),
    "NTKJ1": (ntk, 1, {"bias_std": 1.0}),
    "NTKJ2": (ntk, 2, {"bias_std": 1.0}),
    "NTKB1": (ntk, 1, {"bias_std": 1.0, "first_layer": "unscaled"}),
    "NTKB2": (ntk, 2, {"bias_std": 1.0, "first_layer": "unscaled"}),
}
#: The nine kernels of the study, as the paper calls them.
NAMES = (*SETTINGS, "K1")


def kernel(
    name: str,
    x1: Float[AnyArray, "n1 d"],
    x2: Float[AnyArray, "n2 d"] | None = None,
    *,
    published: bool = False,
) -> Float[np.ndarray, "n1 n2"]:
    r"""Return one of the critique's kernels.

    GP1, GP2 are the covariances of networks with one and two hidden layers before
    training; NTKA, NTKJ, NTKB their tangent kernels, without biases, in the scaling of
    Jacot et al., and in the paper's own; K1 is the Laplacian kernel
    :math:`2 e^{-\lVert x - x' \rVert / 6}`.

    Args:
        name: ``"GP1"``, ``"GP2"``, ``"NTKA1"``, ``"NTKA2"``, ``"NTKJ1"``, ``"NTKJ2"``,
            ``"NTKB1"``, ``"NTKB2"`` or ``"K1"``.
        x1: inputs, ``(n1, d)``, float64.
        x2: inputs, ``(n2, d)``; ``None`` means ``x1``.
        published: use the formula as the paper's code has it, which is meant for unit
            vectors only. False, the default, is what the infinitely wide network has,
            by :func:`ntkbook.infinite.nngp` and :func:`ntkbook.infinite.ntk`.

    Returns:
        The kernel, ``(n1, n2)``, a float64 NumPy array.

    Raises:
        ValueError: an unknown name, shapes that do not match, NaN, or, with
            ``published=True``, inputs that are not unit vectors.
        TypeError: input that is not float64.

    Example:
        >>> import numpy as np, ntkbook
        >>> ntkbook.double_precision()
        >>> x = np.eye(15)[:2]
        >>> ntkbook.critique.kernel("NTKB1", x).round(6).tolist()
        [[4.066667, 2.891883], [2.891883, 4.066667]]
        >>> ntkbook.critique.kernel("NTKB1", x, published=True).round(6).tolist()
        [[3.778749, 2.792799], [2.792799, 3.778749]]

    Source: :cite:t:`liu2025issues`, section 3.1 and its code.
    """
    checks.one_of("name", name, NAMES)
    checks.boolean("published", published)
    x1 = points_of("x1", x1)
    if x2 is not None:
        x2 = points_of("x2", x2)
        batch.same_kind("x1", x1, "x2", x2)
    if name == "K1":
        return 2 * np.exp(-cdist(x1, x1 if x2 is None else x2) / 6)
    if published:
        x2 = x1 if x2 is None else x2
        # Blocks that stay in the processor's cache, which is twice as fast.
        rows = blocks(len(x1), 8, at_most=max(1, IN_CACHE // len(x2)))
        return np.concatenate([Published(x1[r], x2)[name] for r in rows])
    if not is_double():
        raise TypeError(
            "these kernels are computed in float64: call ntkbook.double_precision() "
            "first."
        )
    outside_jit(x1=x1, x2=x2)
    of, depth, options = SETTINGS[name]
    if name.startswith("NTKB"):
        options = options | {"weight_std": (x1.shape[1] ** -0.5, *[ROOT2] * depth)}
    return np.asarray(of(x1, x2, depth=depth, **options))


class Published:
    """All kernels of unit vectors but K1, as the paper's code computes them.

    Where a covariance is divided by the product of two variances, a root is missing.
    Without biases the variances are 1, and so is their product. What several kernels
    need is computed once.

    Args:
        x1: unit vectors, ``(n1, d)``; ``x2``: others, or ``None`` for the same.

    Example:
        >>> import numpy as np
        >>> Published(np.eye(15)[:2])["GP1"].round(6).tolist()
        [[2.005018, 1.951072], [1.951072, 2.005018]]
    """

    def __init__(self, x1, x2=None):
        _unit("x1", x1)
        if x2 is not None:
            _unit("x2", x2)
        self.products = x1 @ (x1 if x2 is None else x2).T
        self.d = x1.shape[1]

    def __getitem__(self, name: str) -> np.ndarray:
        h1, slope1 = self._bare1 if name.startswith("NTKA") else self._layer1
        first = {
            "GP1": lambda: 1 + 2 * h1,
            "NTKJ1": lambda: 1 + h1 + slope1 * (1 + self.products / self.d),
            "NTKB1": lambda: 1 + 2 * h1 + 2 * slope1 * (1 + self.products),
            "NTKA1": lambda: 2 * h1 + 2 * slope1 * self.products,
        }
        if name in first:
            return first[name]()
        h2, slope2 = self._bare2 if name == "NTKA2" else self._layer2
        return {
            "GP2": lambda: 1 + 2 * h2,
            "NTKJ2": lambda: 1 + h2 + slope2 * self["NTKJ1"],
            "NTKB2": lambda: 1 + 2 * h2 + 2 * slope2 * self["NTKB1"],
            "NTKA2": lambda: 2 * h2 + 2 * slope2 * self["NTKA1"],
        }[name]()

    @cached_property
    def _layer1(self):
        return _arc(1 + self.products / self.d, 1 + 1 / self.d)

    @cached_property
    def _layer2(self):  # c1 = 2, for NTKJ2 too, whose network has c = 1
        return _arc(1 + 2 * self._layer1[0], 2 + 1 / self.d)

    @cached_property
    def _bare1(self):
        return _arc(self.products, 1.0)

    @cached_property
    def _bare2(self):
        return _arc(2 * self._bare1[0], 1.0)


def _arc(covariance, variance):
    """Return E[relu relu] and E[relu' relu'] as the code has them: no root.

    Where the cosine is above 1, which unit vectors never make it, the code sets the
    angle to 0 and leaves the cosine; here the cosine is cut.
    """
    rho = np.clip(covariance / variance**2, -1, 1)
    angle = np.arccos(rho)
    slope = (np.pi - angle) / (2 * np.pi)
    return variance * (np.sqrt(1 - rho**2) / (2 * np.pi) + slope * rho), slope


def points_of(name: str, x) -> np.ndarray:
    """Check inputs ``(n, d)`` in float64, on the host."""
    x = checks.float_array(name, x, expected="inputs of shape (n, d)", to=np.asarray)
    if x.ndim != 2 or x.dtype != np.float64:
        raise (ValueError if x.dtype == np.float64 else TypeError)(
            f"`{name}` must have shape (n, d) and dtype float64, but its shape is "
            f"{x.shape} and its dtype {x.dtype}."
        )
    return x


def _unit(name: str, x) -> None:
    worst = np.abs(np.linalg.norm(x, axis=1) - 1).max()
    if worst > 1e-6:
        raise ValueError(
            f"`{name}` must hold unit vectors, since the published formulas are meant "
            f"for no others, but a norm is off by {worst:.1e}; pass "
            f"{name} / np.linalg.norm({name}, axis=1, keepdims=True), or "
            "published=False."
        )
