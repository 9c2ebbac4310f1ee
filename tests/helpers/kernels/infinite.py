"""What the tests of kernels of infinite width share."""

import numpy as np

ROOT2 = 2**0.5


def arora(depth):
    """Settings of the kernel without biases that is depth + 1 for a unit vector."""
    return dict(
        depth=depth, weight_std=(1.0,) + (ROOT2,) * depth, first_layer="unscaled"
    )


def close(found, expected, tolerance, scale=None):
    """Compare to a share of ``scale``: of the largest entry, unless told otherwise."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    scale = np.abs(expected).max() if scale is None else scale
    error = np.abs((found - expected) / scale).max()
    assert error <= tolerance, error
