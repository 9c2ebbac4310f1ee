// What an infinitely wide network is before and after it has seen data: the mathematics of
// the live figures of Chapters 4 and 8, without a page. Its kernels are those of the
// playground's engine (mlp.js, expectations.js, infinite.js), ntkbook.infinite.nngp and .ntk;
// tests/site/figures/test_live_figures.py holds every function here against the library.
const KERNELS = (() => {
  // Covariance (sigma) and tangent kernel (theta) between the points, rows of d numbers, and
  // the first n of them, row by row.
  function kernels(points, n, { depth, activation, weight, bias }) {
    const d = points[0].length, net = MLP.shape({
      depth, activation, weight_std: weight, bias_std: bias, parametrization: "ntk",
      zero_output: false, scale: 1, width: 1, // of which the kernels do not know
    }, d);
    return INFINITE.kernels(net, Float64Array.from(points.flat()), points.length, n);
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

  return { kernels, regression, draws };
})();
