"""The random numbers of the playground, as ``engine/numbers/random.js`` draws them.

SplitMix64 (Steele, Lea and Flood, 2014): output i of a state is the mix of the state
plus i + 1 times a constant, so all outputs are computed at once. Stream k of a seed has
output k of the seed as its state.
"""

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def bits(state, count: int, first: int = 0):
    """Return ``count`` outputs, from number ``first`` on, as unsigned integers."""
    with np.errstate(over="ignore"):  # all is meant modulo 2^64
        z = (
            np.uint64(state)
            + np.arange(first + 1, first + count + 1).astype("u8") * GAMMA
        )
        z = (z ^ (z >> np.uint64(30))) * FACTORS[0]
        z = (z ^ (z >> np.uint64(27))) * FACTORS[1]
        return z ^ (z >> np.uint64(31))


def uniforms(seed: int, stream: int, count: int, first: int = 0):
    """Return numbers between 0 and 1, exclusive: 52 bits and a half."""
    state = bits(seed, 1, stream)[0]
    return ((bits(state, count, first) >> np.uint64(12)).astype(float) + 0.5) / 2.0**52


def normals(seed: int, stream: int, count: int, first: int = 0):
    """Return standard normal numbers, by the method of Box and Muller.

    Args:
        first: how many uniform numbers of the stream have been used before.
    """
    pairs = -(-count // 2)
    u, v = uniforms(seed, stream, 2 * pairs, first).reshape(pairs, 2).T
    size, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * v
    return np.stack([size * np.cos(angle), size * np.sin(angle)], 1).ravel()[:count]


def orders(seed: int, stream: int, n: int, count: int):
    """Return ``count`` random orders of n things, by the method of Fisher and Yates."""
    drawn = uniforms(seed, stream, count * (n - 1)).reshape(count, n - 1)
    found = np.tile(np.arange(n), (count, 1))
    rows = np.arange(count)
    for k, i in enumerate(range(n - 1, 0, -1)):
        j = np.floor(drawn[:, k] * (i + 1)).astype(int)
        found[rows, i], found[rows, j] = found[rows, j], found[rows, i].copy()
    return found
