"""The data sets of the playground, as ``engine/datasets.js`` draws them."""

from collections.abc import Callable

import numpy as np

from ntkbook.page.browser.playground import draws

FUNCTIONS = {
    "sine": lambda x: np.sin(2 * x),
    "cubic": lambda x: (x * x * x - 2 * x) / 2,
    "abs": lambda x: np.abs(x) - 1,
    "step": lambda x: np.where(x < 0, -1.0, 1.0),
}
SPREAD = 0.35  # of the two Gaussians


def generate(kind: str, noise: float, seed: int, n: int, stream: int):
    """Return inputs ``(n, d)`` and targets ``(n, 1)``."""
    d = 1 if kind in FUNCTIONS else 2
    u = draws.uniforms(seed, stream, d * n)
    z = draws.normals(seed, stream, 2 * d * n, first=d * n)
    if d == 1:
        x = -2 + 4 * (np.arange(n) + u) / max(n, 1)
        y = FUNCTIONS[kind](x) + noise * z[:n]
        return x[:, None], y[:, None]
    i = np.arange(n)
    y = np.where(i % 2, -1.0, 1.0)
    z = z.reshape(n, 4)
    x = PLANES[kind](i, y, *u.reshape(n, 2).T, z[:, :2])
    return x + noise * z[:, 2:], y[:, None]


def _gaussians(i, y, u, v, z):
    return 0.8 * y[:, None] + SPREAD * z


def _circle(i, y, u, v, z):
    return _around(np.where(y > 0, 0.75 * np.sqrt(u), 1.25 + 0.6 * u), 2 * np.pi * v)


def _xor(i, y, u, v, z):
    side = np.where((i // 2) % 2, -1.0, 1.0)
    return np.stack([side * (0.2 + 1.6 * u), side * y * (0.2 + 1.6 * v)], 1)


def _spiral(i, y, u, v, z):
    return _around(y * (0.15 + 1.75 * u), 2.5 * np.pi * u)


def _around(radius, angle):
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


PLANES: dict[str, Callable] = {
    "gaussians": _gaussians,
    "circle": _circle,
    "xor": _xor,
    "spiral": _spiral,
}
