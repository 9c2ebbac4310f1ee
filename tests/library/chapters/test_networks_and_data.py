"""LeNet, ResNet and the data sets."""

import gzip
import hashlib
import io
import tarfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook import data

KEY = jax.random.key(0)


# --- networks
def test_the_kernel_of_a_lenet_needs_no_jacobian():
    net = ntkbook.lenet("gelu", channels=(2, 3), dense=(5, 4))
    images = jax.random.normal(KEY, (4, 9, 6, 2))  # an odd side, two channels
    params = net.init(KEY, images)
    params = jax.tree.map(lambda p: p + 0.1, params)  # biases too
    fast = ntkbook.ntk(net.apply, params, images)
    slow = ntkbook.ntk(lambda p, x: net.apply(p, x), params, images)
    assert np.asarray(fast) == pytest.approx(np.asarray(slow), rel=1e-10)


def test_a_lenets_convolution_is_a_convolution():
    net = ntkbook.lenet("identity", channels=(2, 3), dense=(5, 4))
    image = jax.random.normal(KEY, (2, 8, 8, 1))
    w, b = net.init(KEY, image)[0].values()
    patches = ntkbook.networks.lenet.patches(image, 5)
    wanted = jax.lax.conv_general_dilated(
        image, w.reshape(5, 5, 1, 2), (1, 1), "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    assert np.asarray(patches @ w) == pytest.approx(np.asarray(wanted), abs=1e-12)
    assert not b.any()


@pytest.mark.weekly
def test_a_resnet_starts_as_its_shortcuts_and_its_images_do_not_mix():
    net = ntkbook.resnet(blocks=(1, 1), channels=3)
    images = jax.random.normal(KEY, (3, 8, 8, 2))
    params = net.init(KEY, images)

    @jax.jit  # one program for the outputs and the slopes
    def both(p, x):
        out, pull = jax.vjp(lambda p: net.apply(p, x), p)
        return out, pull(jnp.ones_like(out))[0]

    out, grads = both(params, images)
    other = jax.tree.map(lambda p: p, params)
    other["block 0"]["one"]["weight"] *= 5.0  # behind a scale of 0
    assert np.asarray(both(other, images)[0]) == pytest.approx(np.asarray(out))
    alone = both(params, images.at[1:].set(7.0))[0]
    assert float(alone[0, 0]) == pytest.approx(float(out[0, 0]))
    assert np.abs(grads["block 1"]["two"]["scale"]).max() > 0


# --- data
def test_separable_data_are_separable_by_their_direction_alone():
    v = np.random.default_rng(0).normal(size=(2, 3))
    x, y = data.separable(v, 20_000, seed=1, epsilon=0.4, sigma=2.0)
    along = x.reshape(-1, 6) @ v.ravel() / np.linalg.norm(v)
    assert along == pytest.approx(0.2 * y[:, 0], abs=1e-12)
    covariance = np.cov(x.reshape(-1, 6).T)
    assert np.trace(covariance) == pytest.approx(4 * 5 + 0.04, rel=0.02)
    assert abs(y.mean()) < 0.03


def test_digits_are_whole():
    images, labels = data.digits()
    assert images.shape == (1797, 8, 8, 1)
    assert images.min() == 0.0
    assert images.max() == 1.0
    assert np.bincount(labels).min() > 170


@pytest.fixture
def small_fashion(tmp_path, monkeypatch):
    """A cache with two images, and the sums that belong to it."""
    sums = {}
    for part in ("train", "t10k"):
        for kind, head, size in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
            name = f"{part}-{kind}-ubyte"
            content = bytes(head) + bytes(range(2)) * size
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
            sums[name] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(data, "FASHION_SHA256", sums)
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "none")
    return tmp_path


def test_fashion_mnist_from_a_cache(small_fashion):
    images, labels = data.fashion_mnist(small_fashion, shrink=2)
    assert images.shape == (4, 14, 14, 1)
    assert images == pytest.approx(0.5 / 255)
    assert labels.tolist() == [0, 1, 0, 1]


def test_a_corrupted_cache_file_is_refused(small_fashion):
    path = small_fashion / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(bytes(8) + b"\1\1"))
    with pytest.raises(ValueError, match="is damaged: its SHA-256 sum is .* remove it"):
        data.fashion_mnist(small_fashion)
    path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="is damaged"):
        data.fashion_mnist(small_fashion)


@pytest.mark.parametrize("load", [data.fashion_mnist, data.cifar10])
def test_without_a_connection_the_error_says_what_to_do(load, tmp_path, monkeypatch):
    def offline(*_):
        raise OSError("no connection")

    monkeypatch.setattr(data, "DEBIAN", tmp_path / "none")
    monkeypatch.setattr(data.urllib.request, "urlretrieve", offline)
    with pytest.raises(OSError, match="put the file there by hand"):
        load(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.part"))


def test_cifar_10_from_a_cache(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        for label, name in enumerate(names):
            planes = b"".join(bytes([c]) * 1024 for c in (51, 102, 255))
            content = bytes([label]) + planes
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="is damaged"):
        data.cifar10(tmp_path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(data, "CIFAR_SHA256", found)
    images, labels = data.cifar10(tmp_path)
    assert images.shape == (6, 32, 32, 3)
    assert images[:, 5, 7] == pytest.approx(np.tile([0.2, 0.4, 1.0], (6, 1)))
    assert labels.tolist() == [0, 1, 2, 3, 4, 5]
