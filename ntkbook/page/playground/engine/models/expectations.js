// E phi(u) phi(v) and E phi'(u) phi'(v) for a centred Gaussian pair, as functions of one
// point each: `prepare(variances)` returns a function (i, j, covariance) -> nothing that
// leaves the two in `found`, and the second moments E phi(u_i)^2.
//
// ReLU, erf and the sine have closed forms (ntkbook.kernels.infinite.closed_forms). tanh
// is expanded in Hermite polynomials, by the library's rule: the same nodes, as many terms.
const EXPECTATIONS = (() => {
  const found = new Float64Array(2);

  function relu(q1, q2, c) {
    const size = Math.sqrt(q1 * q2);
    const cosine = size > 0 ? Math.max(-1, Math.min(1, c / size)) : 0;
    const rest = Math.PI - Math.acos(cosine);
    found[0] = (size * (Math.sqrt(1 - cosine * cosine) + rest * cosine)) / (2 * Math.PI);
    found[1] = rest / (2 * Math.PI);
  }
  function erf(q1, q2, c) {
    const square = (1 + 2 * q1) * (1 + 2 * q2);
    found[0] = (2 / Math.PI) * Math.asin((2 * c) / Math.sqrt(square));
    found[1] = 4 / (Math.PI * Math.sqrt(square - 4 * c * c));
  }
  function sin(q1, q2, c) {
    const near = Math.exp(c - (q1 + q2) / 2) / 2, far = Math.exp(-c - (q1 + q2) / 2) / 2;
    found[0] = near - far;
    found[1] = near + far;
  }

  const closed = (form) => (variances) => ({
    moments: variances.map((q) => {
      form(q, q, q);
      return found[0];
    }),
    pair: (i, j, c) => form(variances[i], variances[j], c),
  });

  // Nodes z >= 0 of the rule, half of what an even function needs, and on each the
  // orthonormal Hermite polynomials with the weight. tanh has the odd ones, its derivative
  // the even ones: 128 of each.
  const FAR = 12, NODES = 385, TERMS = 256, HALF = TERMS / 2;
  let rule = null;
  function hermite() {
    if (rule) return rule;
    const z = Float64Array.from({ length: NODES }, (_, j) => (j * FAR) / (NODES - 1));
    const weights = z.map((at, j) => (j ? 2 : 1) * Math.exp((-at * at) / 2));
    const total = weights.reduce((sum, each) => sum + each);
    const odd = new Float64Array(NODES * HALF), even = new Float64Array(NODES * HALF);
    for (let j = 0; j < NODES; j++) {
      let before = 0, now = weights[j] / total;
      for (let k = 0; k < TERMS; k++) {
        (k % 2 ? odd : even)[j * HALF + (k >> 1)] = now;
        const next = (z[j] * now - Math.sqrt(k) * before) / Math.sqrt(k + 1);
        before = now;
        now = next;
      }
    }
    return (rule = { z, odd, even });
  }

  // The coefficients at a standard deviation s: 128 of tanh(s z), 128 of its derivative.
  function coefficients(s, out) {
    const { z, odd, even } = hermite();
    out.fill(0);
    for (let j = 0; j < NODES; j++) {
      const t = 1 - 2 / (Math.exp(2 * s * z[j]) + 1), slope = 1 - t * t;
      for (let k = 0; k < HALF; k++) {
        out[k] += t * odd[j * HALF + k];
        out[HALF + k] += slope * even[j * HALF + k];
      }
    }
    return out;
  }

  // The coefficients at many deviations, interpolated at Chebyshev points of log s. (The
  // poles of tanh(s z) in log s lie at a distance of pi / 2 from the real axis for every z,
  // which says how many points are needed.)
  function table(deviations) {
    const most = Math.max(...deviations, 1e-300), floor = 1e-4 * most;
    const low = Math.log(Math.max(Math.min(...deviations), floor)), high = Math.log(most);
    const half = Math.max((high - low) / 2, 1e-3), middle = (high + low) / 2, ratio = Math.PI / 2 / half;
    const count = Math.max(6, Math.ceil(36 / Math.log(ratio + Math.hypot(1, ratio))));
    const all = new Float64Array(deviations.length * TERMS);
    const angle = (k) => (Math.PI * (k + 0.5)) / count;
    const nodes = Array.from({ length: count }, (_, k) => middle + half * Math.cos(angle(k)));
    const values = nodes.map((node) => coefficients(Math.exp(node), new Float64Array(TERMS)));
    deviations.forEach((s, i) => {
      const at = Math.log(Math.max(s, floor)), row = all.subarray(i * TERMS, (i + 1) * TERMS);
      let total = 0;
      for (let k = 0; k < count; k++) {
        const gap = at - nodes[k];
        if (Math.abs(gap) < 1e-14) {
          row.set(values[k]);
          total = 1;
          break;
        }
        const share = ((k % 2 ? -1 : 1) * Math.sin(angle(k))) / gap;
        total += share;
        for (let q = 0; q < TERMS; q++) row[q] += share * values[k][q];
      }
      // Below the floor tanh is linear, to 1e-8.
      const shrink = Math.min(1, s / floor);
      for (let q = 0; q < TERMS; q++) row[q] *= (q < HALF ? shrink : 1) / total;
    });
    return all;
  }

  function tanh(variances) {
    const deviations = Array.from(variances, Math.sqrt), all = table(deviations);
    const moments = variances.map((_, i) => {
      let sum = 0;
      for (let k = i * TERMS; k < i * TERMS + HALF; k++) sum += all[k] * all[k];
      return sum;
    });
    const pair = (i, j, c) => {
      const size = deviations[i] * deviations[j];
      const rho = size > 0 ? Math.max(-1, Math.min(1, c / size)) : 0, square = rho * rho;
      let value = 0, slope = 0;
      for (let k = HALF - 1; k >= 0; k--) {
        const a = i * TERMS + k, b = j * TERMS + k;
        value = value * square + all[a] * all[b];
        slope = slope * square + all[a + HALF] * all[b + HALF];
      }
      found[0] = value * rho;
      found[1] = slope;
    };
    return { moments, pair };
  }

  return { found, prepare: { relu: closed(relu), erf: closed(erf), sin: closed(sin), tanh } };
})();
