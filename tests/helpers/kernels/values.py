"""The kernels of Liu et al. for unit vectors in 15 dimensions, worked out by hand.

From the formulas, by the inner product; their published code leaves out a root.
"""

import numpy as np

PRODUCTS = (1.0, 0.5, 0.0, -0.5, -1.0)
VALUES = {
    "GP1": (2.066667, 2.035104, 2.005018, 1.975899, 1.947571),
    "GP2": (3.066667, 3.036276, 3.008218, 2.981620, 2.956176),
    "NTKB1": (4.066667, 3.415425, 2.891883, 2.406433, 1.947571),
    "NTKB2": (7.133333, 6.261457, 5.674698, 5.160192, 4.692261),
    "NTKJ1": (2.066667, 1.992996, 1.945942, 1.904132, 1.865383),
    "NTKJ2": (2.800000, 2.709967, 2.662677, 2.623298, 2.588338),
    "NTKA1": (2.0, 0.942331, 0.318310, -0.057669, 0.0),
    "NTKA2": (3.0, 1.351480, 0.685709, 0.343862, 0.318310),
}


def unit_vectors(n, d=15, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)
