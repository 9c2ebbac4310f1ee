"""Chapter 4's stored run on images: its kernels without pooling, computed anew."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

import ntkbook
from ntkbook.infinite import cntk, ntk
from ntkbook.results import stored

RUN = stored("04_images")
TEST, POOL = RUN["provenance"]["settings"]["test"], 640


@pytest.mark.parametrize("method", ["NTK", "CNTK, dense"])
def test_a_kernel_today_gives_what_is_stored(method):
    raw, size = load_digits(), 40
    order = np.random.default_rng(0).permutation(len(raw.target))[: TEST + POOL]
    images, labels = raw.images[order, :, :, None] / 16, raw.target[order]
    images = (images - images.mean()) / images.std()
    pool = np.arange(TEST, TEST + POOL)
    train = np.random.default_rng(size).permutation(pool)[:size]  # the first draw

    if method == "NTK":
        flat = jnp.asarray(images.reshape(len(images), -1))
        k, k_test = (
            ntk(flat[rows], flat[train], depth=3, weight_std=2**0.5)
            for rows in (train, slice(0, TEST))
        )
    else:
        x, x_test = jnp.asarray(images[train]), jnp.asarray(images[:TEST])
        settings = dict(depth=3, pooling="flatten", progress=False)
        k, k_test = cntk(x, **settings), cntk(x_test, x, **settings)
    fit = ntkbook.kernel_regression(
        np.asarray(k), np.eye(10)[labels[train]] - 0.1, k_test=np.asarray(k_test)
    )
    accuracy = (fit.test.argmax(1) == labels[:TEST]).mean()

    kept = RUN["results"][f"small-{size}"][method][0]
    assert accuracy == pytest.approx(kept, abs=1 / TEST)  # one image, by rounding
