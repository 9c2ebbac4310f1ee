"""The convolutional kernel against its recursion, written slowly."""

import itertools
import math

import numpy as np
import pytest

from ntkbook.infinite import cntk, ntk
from tests.helpers.kernels.infinite import close, drawn

_, X1, X2, NOISE = drawn()


def slow_cntk(x, y, depth, size, frozen_ends):
    """Return the two kernels of Arora et al., in their constants, by loops over pixels.

    The filter lies on both images with one shift; it sums and does not average, and
    1 / size^2 stands with the expectations. ``depth`` counts convolutions.
    """
    (P, Q, _), reach = x.shape, range(-(size // 2), size // 2 + 1)
    pixels = [*itertools.product(range(P), range(Q))]
    inside = set(pixels)

    def over_filter(k):
        total = dict.fromkeys(k, 0.0)
        for (i, j), (m, n) in k:
            for a, b in itertools.product(reach, reach):
                one, two = (i + a, j + b), (m + a, n + b)
                if one in inside and two in inside:
                    total[(i, j), (m, n)] += k[one, two]
        return total

    def covariances(x, y):
        return {(p, r): float(x[p] @ y[r]) for p in pixels for r in pixels}

    sigma = {
        ("x", "y"): over_filter(covariances(x, y)),
        ("x", "x"): over_filter(covariances(x, x)),
        ("y", "y"): over_filter(covariances(y, y)),
    }
    theta = dict.fromkeys(sigma["x", "y"], 0.0) if frozen_ends else sigma["x", "y"]
    for layer in range(1, depth + 1):
        means, slopes = {}, {}
        for (a, b), s in sigma.items():
            for p, r in s:
                norm = math.sqrt(sigma[a, a][p, p] * sigma[b, b][r, r])
                angle = math.acos(max(-1.0, min(1.0, s[p, r] / norm)))
                rest = math.pi - angle
                mean = norm * (math.sin(angle) + rest * math.cos(angle)) / math.pi
                means.setdefault((a, b), {})[p, r] = mean / size**2
                slopes.setdefault((a, b), {})[p, r] = rest / math.pi / size**2
        k, slope = means["x", "y"], slopes["x", "y"]
        last = layer == depth
        theta = {
            at: slope[at] * theta[at] + (0.0 if last and frozen_ends else k[at])
            for at in k
        }
        if not last:
            sigma = {name: over_filter(mean) for name, mean in means.items()}
            theta = over_filter(theta)
    return {
        "flatten": sum(theta[p, p] for p in pixels),
        "average": sum(theta.values()) / len(theta),
    }


@pytest.mark.parametrize("frozen_ends", [False, True])
@pytest.mark.parametrize(("depth", "size"), [(1, 3), (2, 3), (3, 3), (2, 1), (2, 5)])
def test_cntk_against_loops_over_pixels(depth, size, frozen_ends):
    images = NOISE[:, :4, :3]  # 4 x 3 pixels, 2 channels
    constants = {"average": 2 / 2, "flatten": 2 * 4 * 3 / 2}  # C / 2 and C P Q / 2
    settings = dict(depth=depth, filter_size=size, frozen_ends=frozen_ends)
    slow = slow_cntk(*np.asarray(images[:2]), depth, size, frozen_ends)
    for pooling, constant in constants.items():
        found = cntk(images[:1], images[1:2], pooling=pooling, **settings)
        assert constant * float(found[0, 0]) == pytest.approx(slow[pooling], rel=1e-12)


@pytest.mark.parametrize("frozen_ends", [False, True])
def test_images_of_one_pixel_are_vectors(frozen_ends):
    settings = dict(depth=3, weight_std=1.3, bias_std=0.2)
    found = {
        pooling: cntk(X1[:, None, None], X2[:, None, None], pooling=pooling,
                      filter_size=1, frozen_ends=frozen_ends, **settings)
        for pooling in ("flatten", "average")
    }  # fmt: skip
    close(found["flatten"], found["average"], 1e-14)
    if not frozen_ends:
        close(found["flatten"], ntk(X1, X2, **settings), 1e-14)
    # A larger filter sees only zeros beside the pixel.
    wide = cntk(X1[:, None, None], depth=1, pooling="flatten", filter_size=3)
    alone = cntk(X1[:, None, None], depth=1, pooling="flatten", filter_size=1)
    close(wide, alone / 9, 1e-14)


@pytest.mark.parametrize("pooling", ["flatten", "average"])
def test_what_leaves_cntk_as_it_is(pooling):
    """Both images mirrored or transposed, channels in another order, brightness."""
    settings = dict(depth=2, pooling=pooling)
    found = cntk(NOISE, **settings)
    for move in (
        lambda x: x[:, ::-1],
        lambda x: x[:, :, ::-1],
        lambda x: x.swapaxes(1, 2),
        lambda x: x[..., ::-1],
    ):
        close(cntk(move(NOISE), **settings), found, 1e-14)
    close(cntk(3 * NOISE, NOISE, **settings), 3 * found, 1e-14)
    # Only one of the two mirrored is another pair.
    assert np.abs(cntk(NOISE[:, ::-1], NOISE, **settings) - found).max() > 0.01
