"""The simulated data of the critique, draw by draw as its script makes them.

The published script seeds NumPy once and then draws, for each of its 50 trials, the
inputs, the targets and the split, in this order. A trial's numbers therefore depend on
all trials before it. Those are replayed here, which takes a fraction of a millisecond
each, so that any trial can be had alone and a run can be continued in its middle.

The targets need a singular value decomposition, whose signs are free: NumPy's draw
takes whatever the linear algebra library (LAPACK) on the machine returns, and another
sign makes other targets. Here the signs are fixed, so that they are the same
everywhere. For the study itself they are stored, one bit each, as the library had
them with which the paper's table comes out.
"""

import base64
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ntkbook.critique.kernels import kernel
from ntkbook.results import stored
from ntkbook.validation import checks

SEED = 11342
POINTS = 1000
DIMENSION = 15
TRIALS = 50
STUDY = POINTS, DIMENSION, SEED


class Trial(NamedTuple):
    """One data set of the study, and how it is split.

    Attributes:
        x: unit vectors, ``(n, d)``, float64.
        y: targets without noise, ``(n,)``.
        train: which points the kernels are given, in the order of the split.
        test: which points the errors are measured at.
    """

    x: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, "n"]
    train: Int[np.ndarray, "n_train"]
    test: Int[np.ndarray, "n_test"]

    @property
    def fitted(self) -> np.ndarray:
        """The first 70% of the training points, which Keras lets a network see.

        The script trains with ``validation_split=0.3``. Keras cuts at
        ``int(670 * (1 - 0.3))``, which floating point makes 468 and not 469.
        """
        return self.train[: int(len(self.train) * (1 - 0.3))]


def data(
    number: int,
    *,
    published: bool = True,
    points: int = POINTS,
    dimension: int = DIMENSION,
    seed: int = SEED,
) -> Trial:
    r"""Return the data of one trial, as the critique's script draws them.

    .. math::

        x_i &= \frac{z_i}{\lVert z_i \rVert}, \quad z_i \sim U(-5, 7)^d, \\
        y &\sim \mathcal N\bigl(0, K(X, X)\bigr), \quad K = \text{NTKB1}

    The signs that a draw from a covariance leaves free do not depend on the linear
    algebra library. With the paper's sizes and seed they are those of its table.

    Args:
        number: which trial, from 0; the paper has 50.
        published: draw the targets with the published formula of NTKB1, or (False)
            with the corrected one. Inputs and split are the same in both.
        points: how many points, n, of which 33% (rounded up) are for the test.
        dimension: of the inputs, d.
        seed: of NumPy's legacy generator; 11342 is the paper's.

    Returns:
        A :class:`Trial`.

    Raises:
        ValueError: a negative number, fewer than 10 points or than 2 dimensions.
        TypeError: a number that is not whole.

    Example:
        >>> import ntkbook
        >>> trial = ntkbook.critique.data(0, points=100)
        >>> len(trial.train), len(trial.test), len(trial.fitted)
        (67, 33, 46)

    Source: :cite:t:`liu2025issues`, section 4.1, and its code.
    """
    from sklearn.model_selection import train_test_split  # slow to import

    number = checks.bounded_int("number", number, 0)
    points = checks.bounded_int("points", points, 10)
    dimension = checks.bounded_int("dimension", dimension, 2)
    checks.boolean("published", published)
    seed = checks.bounded_int("seed", seed, 0)
    rng = np.random.RandomState(seed)

    def draws():  # of one trial, in the order of the paper's code
        uniform = rng.uniform(-5, 7, size=dimension * points)
        normal = rng.standard_normal(points)
        split = train_test_split(np.arange(points), test_size=0.33, random_state=rng)
        return uniform.reshape(points, dimension), normal, split

    for _ in range(number):
        draws()
    x, z, (train, test) = draws()
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    scales, directions = principal(kernel("NTKB1", x, published=published))
    if (points, dimension, seed) == STUDY and number < TRIALS:
        z *= signs("published" if published else "corrected")[number]
    y = (z * scales) @ directions
    return Trial(x, y, np.asarray(train), np.asarray(test))


def principal(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal axes of a covariance, and the standard deviations on them.

    As :meth:`numpy.random.RandomState.multivariate_normal` computes them, but for the
    sign of each axis: the entry of largest absolute value is positive.

    Returns:
        The standard deviations, the largest first, ``(n,)``, and the axes, ``(n, n)``,
        one in each row.
    """
    _, variances, axes = np.linalg.svd(k)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    return np.sqrt(variances), axes * np.sign(largest)


@cache
def signs(generator: str) -> np.ndarray:
    """Return the stored signs of the study's draws, ``(50, 1000)``, each 1 or -1.

    Args:
        generator: ``"published"`` or ``"corrected"``.
    """
    packed = b"".join(map(base64.b64decode, stored("06_signs")["results"][generator]))
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    return 1 - 2 * bits.reshape(TRIALS, POINTS).astype(np.int8)
