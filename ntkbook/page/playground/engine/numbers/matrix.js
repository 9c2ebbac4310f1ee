// Products of matrices, each one array, row after row: four sums at a time and two rows
// together, so that every number that is fetched is used as often as registers allow.
const MATRIX = (() => {
  // out (n x m) = factor * h (n x k) W (k x m), where W stands in w from `at` on.
  function times(h, n, k, w, at, m, factor, out) {
    out.fill(0, 0, n * m);
    for (let i = 0; i < n; i += 2) {
      const two = i + 1 < n, a = i * k, b = two ? a + k : a, oa = i * m, ob = oa + m;
      let q = 0;
      for (; q + 3 < k; q += 4) {
        const a0 = factor * h[a + q], a1 = factor * h[a + q + 1];
        const a2 = factor * h[a + q + 2], a3 = factor * h[a + q + 3];
        const r0 = at + q * m, r1 = r0 + m, r2 = r1 + m, r3 = r2 + m;
        if (two) {
          const b0 = factor * h[b + q], b1 = factor * h[b + q + 1];
          const b2 = factor * h[b + q + 2], b3 = factor * h[b + q + 3];
          for (let j = 0; j < m; j++) {
            const w0 = w[r0 + j], w1 = w[r1 + j], w2 = w[r2 + j], w3 = w[r3 + j];
            out[oa + j] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3;
            out[ob + j] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3;
          }
        } else {
          for (let j = 0; j < m; j++)
            out[oa + j] += a0 * w[r0 + j] + a1 * w[r1 + j] + a2 * w[r2 + j] + a3 * w[r3 + j];
        }
      }
      for (; q < k; q++) {
        const a0 = factor * h[a + q], b0 = factor * h[b + q], r0 = at + q * m;
        for (let j = 0; j < m; j++) out[oa + j] += a0 * w[r0 + j];
        if (two) for (let j = 0; j < m; j++) out[ob + j] += b0 * w[r0 + j];
      }
    }
    return out;
  }

  // out (n x k) = factor * d (n x m) W^T, where W (k x m) stands in w from `at` on.
  function timesTransposed(d, n, m, w, at, k, factor, out) {
    for (let i = 0; i < n; i += 2) {
      const two = i + 1 < n, a = i * m, b = two ? a + m : a, oa = i * k, ob = two ? oa + k : oa;
      let q = 0;
      for (; q + 1 < k; q += 2) {
        const r0 = at + q * m, r1 = r0 + m;
        let s0 = 0, s1 = 0, t0 = 0, t1 = 0;
        for (let j = 0; j < m; j++) {
          const da = d[a + j], db = d[b + j], w0 = w[r0 + j], w1 = w[r1 + j];
          s0 += da * w0;
          s1 += da * w1;
          t0 += db * w0;
          t1 += db * w1;
        }
        out[oa + q] = factor * s0;
        out[oa + q + 1] = factor * s1;
        out[ob + q] = factor * t0;
        out[ob + q + 1] = factor * t1;
      }
      if (q < k) {
        const r0 = at + q * m;
        let s = 0, t = 0;
        for (let j = 0; j < m; j++) {
          s += d[a + j] * w[r0 + j];
          t += d[b + j] * w[r0 + j];
        }
        out[oa + q] = factor * s;
        out[ob + q] = factor * t;
      }
    }
    return out;
  }

  // W (k x m) += factor * h^T (n x k) d (n x m), where W stands in w from `at` on.
  function addOuter(w, at, k, m, h, d, n, factor) {
    for (let q = 0; q < k; q++) {
      const r = at + q * m;
      let i = 0;
      for (; i + 3 < n; i += 4) {
        const c0 = factor * h[i * k + q], c1 = factor * h[(i + 1) * k + q];
        const c2 = factor * h[(i + 2) * k + q], c3 = factor * h[(i + 3) * k + q];
        const d0 = i * m, d1 = d0 + m, d2 = d1 + m, d3 = d2 + m;
        for (let j = 0; j < m; j++)
          w[r + j] += c0 * d[d0 + j] + c1 * d[d1 + j] + c2 * d[d2 + j] + c3 * d[d3 + j];
      }
      for (; i < n; i++) {
        const c = factor * h[i * k + q], d0 = i * m;
        for (let j = 0; j < m; j++) w[r + j] += c * d[d0 + j];
      }
    }
  }

  function inner(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  }

  const norm = (a) => Math.sqrt(inner(a, a));

  function distance(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return Math.sqrt(sum);
  }

  // Whether every number is one. What is not (NaN, infinity) survives the sum.
  function finite(a) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += 0 * a[i];
    return sum === 0;
  }

  return { times, timesTransposed, addOuter, inner, norm, distance, finite };
})();
