"""The playground's numbers below its models: random, products, eigenvalues, erf."""

import numpy as np
import pytest
from scipy.special import erf
from scipy.stats import kstest

from ntkbook.page.browser.playground import draws


def test_the_generator_is_splitmix64(engine):
    # The first numbers of two seeds, as other implementations of it publish them.
    known = {
        0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F],
        1234567: [6457827717110365317, 3203168211198807973, 9817491932198370423],
    }
    for seed, numbers in known.items():
        found = engine(
            "(seed) => { const r = E.RANDOM.generator(seed);"
            "return [0, 0, 0].map(() => r.bits().map(String)); }",
            seed,
        )
        assert [int(high) * 2**32 + int(low) for high, low in found] == numbers
        assert draws.bits(seed, 3).tolist() == numbers


def test_python_draws_the_same_numbers(engine):
    found = engine(
        """([seed, stream]) => {
          const make = () => E.RANDOM.generator(seed, stream), shuffling = make();
          return [[...make().fill(new Float64Array(500))],
                  [...make().fillNormal(new Float64Array(501))],
                  [1, 2, 3].map(() => [...shuffling.shuffle(new Int32Array(7))])];
        }""",
        [2147483647, 13],
    )
    assert found[0] == draws.uniforms(2147483647, 13, 500).tolist()
    ours = draws.normals(2147483647, 13, 501)
    np.testing.assert_allclose(found[1], ours, rtol=1e-14, atol=1e-15)
    assert found[2] == draws.orders(2147483647, 13, 7, 3).tolist()


def test_what_is_drawn_is_uniform_normal_and_independent():
    u = np.array([draws.uniforms(seed, k, 4000) for seed in (0, 1) for k in range(6)])
    assert kstest(u.ravel(), "uniform").pvalue > 1e-3
    z = np.array([draws.normals(seed, k, 4000) for seed in (0, 1) for k in range(6)])
    assert kstest(z.ravel(), "norm").pvalue > 1e-3
    for rows in (u, z):  # 66 pairs of streams, and neighbours in each
        assert abs(np.corrcoef(rows) - np.eye(12)).max() < 4.5 / 4000**0.5
        for row in rows:
            assert abs(np.corrcoef(row[1:], row[:-1])[0, 1]) < 4.5 / 4000**0.5
    orders = draws.orders(5, 2, 4, 24_000)
    codes = orders @ [64, 16, 4, 1]
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 24 and abs(counts - 1000).max() < 150


@pytest.mark.parametrize("n, k, m", [(1, 1, 1), (2, 3, 5), (7, 6, 1), (9, 4, 8)])
def test_products_are_numpys(engine, n, k, m):
    rng = np.random.default_rng(n)
    h, w, d = rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=(n, m))
    found = engine(
        """([h, w, d, n, k, m]) => {
          const [H, W, D] = [h, [9, ...w], d].map((each) => Float64Array.from(each));
          const out = new Float64Array(n * m), back = new Float64Array(n * k);
          E.MATRIX.times(H, n, k, W, 1, m, 2, out);
          E.MATRIX.timesTransposed(D, n, m, W, 1, k, 2, back);
          E.MATRIX.addOuter(W, 1, k, m, H, D, n, 2);
          return [[...out], [...back], [...W]];
        }""",
        [h.ravel().tolist(), w.ravel().tolist(), d.ravel().tolist(), n, k, m],
    )
    out, back, more = map(np.array, found)
    np.testing.assert_allclose(out.reshape(n, m), 2 * h @ w, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(back.reshape(n, k), 2 * d @ w.T, rtol=1e-12, atol=1e-13)
    assert more[0] == 9
    np.testing.assert_allclose(
        more[1:].reshape(k, m), w + 2 * h.T @ d, rtol=1e-12, atol=1e-13
    )


def symmetric_matrices():
    """Bad cases by name: repeated, vanishing, graded, close, negative eigenvalues."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(12, 12)))[0]

    def with_values(values):
        a = basis @ np.diag(values) @ basis.T
        return (a + a.T) / 2

    x = np.linspace(-1, 1, 30)
    return {
        "zero": np.zeros((4, 4)),
        "one number": np.array([[-3.0]]),
        "identity": np.eye(5),
        "diagonal": np.diag([1e-300, 5.0, -2.0]),
        "rank one": np.ones((20, 20)),
        "repeated": with_values([3.0] * 6 + [1.0] * 6),
        "close": with_values(1 + 1e-12 * np.arange(12)),
        "graded": with_values(10.0 ** -np.arange(12)),
        "negative": with_values(np.arange(-6.0, 6.0)),
        "large": 1e200 * with_values(np.arange(12.0)),
        "smooth kernel": np.exp(-((x[:, None] - x) ** 2)),
        "random": (lambda a: a + a.T)(rng.normal(size=(60, 60))),
    }


def test_eigenvalues_of_bad_matrices(engine):
    for name, a in symmetric_matrices().items():
        n = len(a)
        values, vectors = engine(
            """([a, n]) => {
              const {values, vectors} = E.EIGEN.symmetric(Float64Array.from(a), n);
              return [[...values], [...vectors]];
            }""",
            [a.ravel().tolist(), n],
        )
        v, size = np.reshape(vectors, (n, n)), abs(a).max() or 1
        np.testing.assert_allclose(
            values, np.linalg.eigvalsh(a)[::-1], atol=1e-13 * n * size, err_msg=name
        )
        np.testing.assert_allclose(v.T @ v, np.eye(n), atol=1e-13 * n, err_msg=name)
        np.testing.assert_allclose(
            (v * values) @ v.T, a, atol=1e-13 * n * size, err_msg=name
        )
        assert all(column[abs(column).argmax()] > 0 for column in v.T), name


def test_activations_and_their_derivatives(engine):
    z = np.concatenate([np.linspace(-7, 7, 2001), [-800, -30, 30, 800, 1e-20, 0.0]])
    names = ["tanh", "relu", "erf", "sin"]
    found = engine(
        """([z, names]) => names.map((name) => {
          const h = new Float64Array(z.length), s = new Float64Array(z.length);
          E.ACTIVATIONS.both[name](z, z.length, h, s);
          const second = z.map((at, i) => E.ACTIVATIONS.second[name](at, h[i], s[i]));
          return [[...h], [...s], second];
        })""",
        [z.tolist(), names],
    )
    bell = 2 / np.pi**0.5 * np.exp(-(z**2))
    slope = 1 - np.tanh(z) ** 2
    exact = {
        "tanh": (np.tanh(z), slope, -2 * np.tanh(z) * slope),
        "relu": (np.maximum(z, 0), (z > 0) * 1.0, 0 * z),
        "erf": (erf(z), bell, -2 * z * bell),
        "sin": (np.sin(z), np.cos(z), -np.sin(z)),
    }
    for name, values in zip(names, found, strict=True):
        for mine, right in zip(values, exact[name], strict=True):
            # A rounding of tanh near 1 counts four times in its second derivative.
            np.testing.assert_allclose(
                mine, right, atol=3e-15, rtol=5e-15, err_msg=name
            )


def test_what_is_no_number_is_seen(engine):
    assert engine(
        "() => [[1, 2], [1, NaN], [-Infinity, 1], []].map((a) => E.MATRIX.finite(a))"
    ) == [True, False, False, True]
    assert engine("() => Number.isNaN(E.ACTIVATIONS.erf(NaN))")
