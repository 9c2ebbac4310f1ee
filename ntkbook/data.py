"""Small image data sets, each file checked before it is used.

Digits come with scikit-learn. Fashion-MNIST is taken from Debian's package where that
is installed, else it is downloaded once, as CIFAR-10 is. What is on disk is checked
against a sum at every use, so that a broken file is an error and not a result.
"""

import gzip
import hashlib
import tarfile
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ntkbook._types import AnyArray
from ntkbook.machine.whole_files import replacing
from ntkbook.validation import checks

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # the package dataset-fashion-mnist
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
CIFAR = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
# Of what the files hold: how hard they were compressed differs from source to source.
FASHION_SHA256 = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}

__all__ = ["Images", "cifar10", "digits", "fashion_mnist", "separable", "two_classes"]


class Images(NamedTuple):
    """A data set.

    Attributes:
        images: ``(n, height, width, channels)``, float64 from 0 to 1.
        labels: ``(n,)``, classes from 0 to 9.
    """

    images: Float[np.ndarray, "n h w c"]
    labels: Int[np.ndarray, "n"]


def digits() -> Images:
    """Return scikit-learn's 1797 digits of 8 x 8 pixels, in random order.

    Example:
        >>> digits().images.shape
        (1797, 8, 8, 1)
    """
    from sklearn.datasets import load_digits  # slow to import

    data: Any = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return Images(data.images[order, :, :, None] / 16, data.target[order])


def fashion_mnist(cache=None, *, shrink: int = 1) -> Images:
    """Return Fashion-MNIST: 60 000 images to train on, then 10 000 to test with.

    Args:
        cache: folder for the downloaded files; by default ``~/.cache/ntkbook``. Not
            used where Debian's package is installed.
        shrink: average over squares of this side; 2 gives 14 x 14 pixels.

    Returns:
        :class:`Images`.

    Raises:
        OSError: neither the package, nor a cached file, nor a connection.
        ValueError: a file that is damaged, or a ``shrink`` that does not divide 28.

    Source: :cite:t:`xiao2017fashion`.
    """
    shrink = checks.positive_int("shrink", shrink)
    if 28 % shrink:
        raise ValueError(f"`shrink` must divide 28, not {shrink}.")
    found = {name: _fashion(name, cache) for name in FASHION_SHA256}
    pixels, labels = [], []
    for part in ("train", "t10k"):
        raw = np.frombuffer(found[f"{part}-images-idx3-ubyte"], np.uint8, offset=16)
        small = raw.reshape(-1, 28 // shrink, shrink, 28 // shrink, shrink)
        pixels.append(small.mean((2, 4)) / 255)
        raw = np.frombuffer(found[f"{part}-labels-idx1-ubyte"], np.uint8, offset=8)
        labels.append(raw.astype(int))
    return Images(np.concatenate(pixels)[..., None], np.concatenate(labels))


def cifar10(cache=None) -> Images:
    """Return CIFAR-10: 50 000 images to train on, then 10 000 to test with.

    Args, Raises: as :func:`fashion_mnist`. The download has 162 MB.

    Source: :cite:t:`krizhevsky2009learning`.
    """
    path = _cached(CIFAR, _folder(cache) / "cifar-10-binary.tar.gz")
    _same_sum(path, path.read_bytes(), CIFAR_SHA256)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    with tarfile.open(path) as archive:
        files = [archive.extractfile(f"cifar-10-batches-bin/{name}") for name in names]
        rows = [
            np.frombuffer(file.read(), np.uint8).reshape(-1, 3073)
            for file in files
            if file is not None
        ]
    rows = np.concatenate(rows)  # one byte of label, then red, green and blue
    images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) / 255
    return Images(images, rows[:, 0].astype(int))


def two_classes(
    labels: Int[np.ndarray, "n"], first: Iterable[int] = range(5)
) -> Float[np.ndarray, "n 1"]:
    """Return labels 1 for the classes in ``first``, and -1 for the others, ``(n, 1)``.

    With the default, CIFAR-10 becomes what the source calls CIFAR2.

    Raises:
        TypeError, ValueError: labels that are not whole numbers from 0 to 9, or only
            one of the two.

    Example:
        >>> two_classes(np.array([0, 4, 5, 9])).ravel().tolist()
        [1.0, 1.0, -1.0, -1.0]
    """
    checks.known("labels", labels)
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise TypeError(
            "`labels` must be whole numbers of shape (n,), but the shape is "
            f"{labels.shape} and the dtype {labels.dtype}."
        )
    if labels.size and not 0 <= labels.min() <= labels.max() <= 9:
        raise ValueError(
            "`labels` must be classes from 0 to 9, but they reach from "
            f"{labels.min()} to {labels.max()}."
        )
    found = np.where(np.isin(labels, list(first)), 1.0, -1.0)
    if np.unique(found).size < 2:
        raise ValueError("`labels` and `first` leave only one of the two classes.")
    return found[:, None]


def separable(
    direction: Float[AnyArray, "..."],
    count: int,
    *,
    seed: int,
    epsilon: float = 1.0,
    sigma: float = 1.0,
) -> tuple[Float[np.ndarray, "count ..."], Float[np.ndarray, "count 1"]]:
    r"""Draw points of two classes that one direction alone tells apart.

    .. math::

        x &= \tfrac\varepsilon2\, y\, v + z, \quad y = \pm 1, \\
        z &\sim \mathcal N(0, \sigma^2 (I - v v^\top))

    Args:
        direction: v, of any shape; made a unit vector.
        count: how many points.
        seed: of the draw.
        epsilon, sigma: positive numbers.

    Returns:
        ``(x, y)``, of shapes ``(count, *direction.shape)`` and ``(count, 1)``.

    Raises:
        ValueError, TypeError: a direction that is 0, or sizes that make no sense.

    Example:
        >>> x, y = separable(np.array([0.0, 2.0]), 4, seed=0)
        >>> bool(np.allclose(x[:, 1], y[:, 0] / 2))
        True

    Source: :cite:t:`ortizjimenez2021what`.
    """
    v = checks.float_array("direction", direction, expected="numbers", to=np.asarray)
    count = checks.positive_int("count", count)
    epsilon = checks.finite_float("epsilon", epsilon, above=0)
    sigma = checks.finite_float("sigma", sigma, above=0)
    seed = checks.bounded_int("seed", seed, 0)
    if not np.linalg.norm(v):
        raise ValueError("`direction` is 0, so it separates nothing.")
    rng, unit = np.random.default_rng(seed), v.ravel() / np.linalg.norm(v)
    y = rng.choice([-1.0, 1.0], size=(count, 1))
    z = sigma * rng.normal(size=(count, unit.size))
    x = z + (epsilon / 2 * y - z @ unit[:, None]) * unit
    return x.reshape(count, *v.shape), y


def _fashion(name: str, cache) -> bytes:
    path = DEBIAN / f"{name}.gz"
    if not path.exists():
        path = _cached(f"{FASHION}{name}.gz", _folder(cache) / f"{name}.gz")
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it.") from error
    _same_sum(path, content, FASHION_SHA256[name])
    return content


def _folder(cache) -> Path:
    return Path.home() / ".cache" / "ntkbook" if cache is None else Path(cache)


def _cached(url: str, path: Path) -> Path:
    """Return a file of the cache, downloaded if it is not there."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(path) as file:
            urllib.request.urlretrieve(url, file.name)
    except OSError as error:
        raise OSError(
            f"{path.name} is not at {path.parent}, and downloading {url} failed "
            f"({error}). Without a connection, put the file there by hand."
        ) from error
    return path


def _same_sum(path: Path, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} is damaged: its SHA-256 sum is {found[:12]}..., not "
            f"{expected[:12]}...; remove it, and it will be downloaded again."
        )
