// Eigenvalues and eigenvectors of a symmetric matrix, by the cyclic method of Jacobi: it
// turns two axes at a time until nothing is left off the diagonal. For at most a hundred
// points it is quick enough, and small eigenvalues of a positive matrix come out as
// accurate as rounding of its entries allows.
const EIGEN = (() => {
  const SWEEPS = 60; // 6 to 10 are needed
  const EPSILON = 2 ** -52;

  // `values`, falling; `vectors` (n x n) with vector k in column k, its largest entry
  // positive, as in ntkbook.flow.decay_rates.
  function symmetric(matrix, n) {
    const a = Float64Array.from(matrix), v = new Float64Array(n * n);
    for (let i = 0; i < n; i++) v[i * n + i] = 1;
    // In units of the largest entry, so that squares neither overflow nor vanish.
    const unit = a.reduce((most, each) => Math.max(most, Math.abs(each)), 0) || 1;
    for (let i = 0; i < n * n; i++) a[i] /= unit;
    const small = (EPSILON * MATRIX.norm(a)) / n;
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      let turned = false;
      for (let p = 0; p < n; p++)
        for (let q = p + 1; q < n; q++)
          if (Math.abs(a[p * n + q]) > small) {
            turn(a, v, n, p, q);
            turned = true;
          }
      if (!turned) break;
    }
    return sorted(a, v, n, unit);
  }

  // Rotate the axes p and q so that the entry (p, q) becomes 0.
  function turn(a, v, n, p, q) {
    const app = a[p * n + p], aqq = a[q * n + q], apq = a[p * n + q];
    const cot = (aqq - app) / (2 * apq); // of twice the angle
    const t = Math.sign(cot || 1) / (Math.abs(cot) + Math.hypot(cot, 1));
    const c = 1 / Math.hypot(t, 1), s = t * c;
    for (let r = 0; r < n; r++) {
      if (r !== p && r !== q) {
        const x = a[r * n + p], y = a[r * n + q];
        a[r * n + p] = a[p * n + r] = c * x - s * y;
        a[r * n + q] = a[q * n + r] = s * x + c * y;
      }
      const x = v[r * n + p], y = v[r * n + q];
      v[r * n + p] = c * x - s * y;
      v[r * n + q] = s * x + c * y;
    }
    a[p * n + p] = app - t * apq;
    a[q * n + q] = aqq + t * apq;
    a[p * n + q] = a[q * n + p] = 0;
  }

  function sorted(a, v, n, unit) {
    const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j] - a[i * n + i]);
    const values = new Float64Array(n), vectors = new Float64Array(n * n);
    order.forEach((from, k) => {
      values[k] = unit * a[from * n + from];
      let largest = 0;
      for (let r = 0; r < n; r++) if (Math.abs(v[r * n + from]) > Math.abs(largest)) largest = v[r * n + from];
      const sign = largest < 0 ? -1 : 1;
      for (let r = 0; r < n; r++) vectors[r * n + k] = sign * v[r * n + from];
    });
    return { values, vectors };
  }

  // Coordinates of a vector in the basis of the eigenvectors.
  function coordinates(vectors, vector, n) {
    const out = new Float64Array(n);
    for (let r = 0; r < n; r++) for (let k = 0; k < n; k++) out[k] += vectors[r * n + k] * vector[r];
    return out;
  }

  // How much of a vector's square lies along each eigenvector.
  function energy(vectors, vector, n) {
    const square = MATRIX.inner(vector, vector) || 1;
    return coordinates(vectors, vector, n).map((value) => (value * value) / square);
  }

  return { symmetric, coordinates, energy };
})();
