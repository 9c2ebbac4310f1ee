// The kernels of infinitely wide networks on one-dimensional inputs: the mathematics of
// the live figure of Chapter 4, without a page. They are ntkbook.infinite.nngp and .ntk,
// and tests/test_live_figures.py holds every function here against the library.
const KERNELS = (() => {
  // E phi(u) phi(v) and E phi'(u) phi'(v), for a Gaussian pair of variances q1, q2 and
  // covariance c.
  const EXPECTATIONS = {
    relu(q1, q2, c) {
      const size = Math.sqrt(q1 * q2);
      const cosine = size ? Math.max(-1, Math.min(1, c / size)) : 1;
      const angle = Math.PI - Math.acos(cosine);
      const value = size * (Math.sqrt(1 - cosine * cosine) + cosine * angle);
      return [value / (2 * Math.PI), angle / (2 * Math.PI)];
    },
    erf(q1, q2, c) {
      const square = (1 + 2 * q1) * (1 + 2 * q2);
      return [
        (2 / Math.PI) * Math.asin((2 * c) / Math.sqrt(square)),
        4 / (Math.PI * Math.sqrt(square - 4 * c * c)),
      ];
    },
  };

  // Covariance (sigma) and tangent kernel (theta) among the points, row by row.
  function kernels(points, { depth, activation, weight, bias }) {
    const n = points.length, pair = EXPECTATIONS[activation], w2 = weight * weight, b2 = bias * bias;
    const sigma = new Float64Array(n * n), theta = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        theta[i * n + j] = sigma[i * n + j] = w2 * points[i] * points[j] + b2;
    for (let layer = 0; layer < depth; layer++) {
      const variance = points.map((_, i) => sigma[i * n + i]);
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) {
          const [value, slope] = pair(variance[i], variance[j], sigma[i * n + j]);
          const s = w2 * value + b2, t = s + w2 * slope * theta[i * n + j];
          sigma[i * n + j] = sigma[j * n + i] = s;
          theta[i * n + j] = theta[j * n + i] = t;
        }
    }
    return { sigma, theta };
  }

  // The lower Cholesky factor of the block of a from `from` on, with a small ridge:
  // points may lie close together, and a function is smooth.
  function cholesky(a, n, from, to, ridge) {
    const m = to - from, root = new Float64Array(m * m);
    let trace = 0;
    for (let i = from; i < to; i++) trace += a[i * n + i];
    for (let i = 0; i < m; i++)
      for (let j = 0; j <= i; j++) {
        let sum = a[(from + i) * n + from + j] + (i === j ? (ridge * trace) / m : 0);
        for (let k = 0; k < j; k++) sum -= root[i * m + k] * root[j * m + k];
        root[i * m + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / root[j * m + j];
      }
    return root;
  }

  // Solve L x = b, for a lower triangular L with m rows.
  function solveLower(root, m, b) {
    const x = Float64Array.from(b);
    for (let i = 0; i < m; i++) {
      for (let k = 0; k < i; k++) x[i] -= root[i * m + k] * x[k];
      x[i] /= root[i * m + i];
    }
    return x;
  }

  // Regression with the kernel a among n points, of which the first have these values:
  // the mean at the others and, for a covariance, the standard deviation there.
  function regression(a, n, values) {
    const m = values.length, root = cholesky(a, n, 0, m, 1e-9), half = solveLower(root, m, values);
    const mean = new Float64Array(n - m), deviation = new Float64Array(n - m);
    for (let i = m; i < n; i++) {
      const row = solveLower(root, m, a.subarray(i * n, i * n + m));
      let left = a[i * n + i];
      for (let k = 0; k < m; k++) {
        mean[i - m] += row[k] * half[k];
        left -= row[k] * row[k];
      }
      deviation[i - m] = Math.sqrt(Math.max(0, left));
    }
    return { mean, deviation };
  }

  // Random functions with the covariance a at its points from `from` on.
  function draws(a, n, from, normals) {
    const m = n - from, root = cholesky(a, n, from, n, 1e-8);
    return normals.map((z) => {
      const f = new Float64Array(m);
      for (let i = 0; i < m; i++)
        for (let k = 0; k <= i; k++) f[i] += root[i * m + k] * z[k];
      return f;
    });
  }

  return { expectations: EXPECTATIONS, kernels, regression, draws };
})();
