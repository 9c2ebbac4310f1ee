// The spectrum of an infinitely wide ReLU network on the circle, what gradient flow learns
// of each frequency, and what n random points teach: the mathematics of the live figure of
// Chapter 8, without a page. It needs KERNELS (kernels.js) above it.
// tests/site/figures/test_live_figures.py holds it against the library.
const HARMONICS = (() => {
  const ROOT2 = Math.SQRT2; // of inputs the norm, of weights the deviation

  // Nodes and weights of Gauss on [0, pi], the weights over pi: roots of Legendre's
  // polynomial by Newton's method.
  const NODES = (() => {
    const count = 400, found = [];
    for (let i = 0; i < count; i++) {
      let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5)), slope = 1;
      for (let turn = 0; turn < 6; turn++) {
        let before = 1, now = x;
        for (let k = 2; k <= count; k++)
          [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k];
        slope = (count * (before - x * now)) / (1 - x * x);
        x -= now / slope;
      }
      found.push([(Math.PI * (1 - x)) / 2, 1 / ((1 - x * x) * slope * slope)]);
    }
    return found;
  })();

  // The tangent kernel between inputs of norm root 2 at these angles and the first n of them.
  function tangent(angles, n, { depth, bias }) {
    const points = angles.map((angle) => [ROOT2 * Math.cos(angle), ROOT2 * Math.sin(angle)]);
    return KERNELS.kernels(points, n, { depth, activation: "relu", weight: ROOT2, bias }).theta;
  }

  // Eigenvalues at frequencies 0, 1, ..., count - 1, over the kernel's diagonal.
  function eigenvalues(count, network) {
    const found = new Float64Array(count);
    const [own, ...others] = tangent([0, ...NODES.map(([angle]) => angle)], 1, network);
    NODES.forEach(([angle, weight], node) => {
      const value = (weight * others[node]) / own;
      const cosine = Math.cos(angle);
      let before = cosine, now = 1; // cos(-angle) and cos(0)
      for (let k = 0; k < count; k++) {
        found[k] += value * now;
        [before, now] = [now, 2 * cosine * now - before];
      }
    });
    return found.map((value) => (value > 1e-13 ? value : 0)); // what rounding leaves
  }

  // How often each frequency occurs: the constant once, the others as cosine and sine.
  const times = (k) => (k ? 2 : 1);

  // The effective regularisation kappa of n points, without a ridge.
  function effective(values, n) {
    const total = (kappa) => values.reduce((sum, value, k) =>
      sum + (value > 0 ? (times(k) * value) / (value + kappa) : 0), 0);
    let low = -60, high = 5;
    if (total(Math.exp(low)) <= n) return 0;
    for (let turn = 0; turn < 80; turn++) {
      const middle = (low + high) / 2;
      if (total(Math.exp(middle)) > n) low = middle;
      else high = middle;
    }
    return Math.exp(high);
  }

  // The mean-field test error of n points; power holds the target's mean square at each
  // frequency.
  function risk(values, power, n) {
    const kappa = effective(values, n);
    let left = 0, taken = 0;
    values.forEach((value, k) => {
      const learned = value > 0 ? value / (value + kappa) : 0;
      left += (1 - learned) ** 2 * (power[k] ?? 0);
      taken += times(k) * learned ** 2;
    });
    return left / (1 - taken / n);
  }

  // Where n values stand on the circle: at equal distances between -pi and pi.
  const places = (n) => Array.from({ length: n }, (_, j) => (Math.PI * (2 * j + 1 - n)) / n);

  // Amplitudes [cosine, sine] of the wave through values at these places, an odd number.
  function amplitudes(values) {
    const n = values.length, where = places(n);
    return Array.from({ length: (n + 1) / 2 }, (_, k) => {
      const sums = [0, 0];
      values.forEach((value, j) => {
        const at = where[j];
        sums[0] += (times(k) * value * Math.cos(k * at)) / n;
        sums[1] += (times(k) * value * Math.sin(k * at)) / n;
      });
      return sums;
    });
  }

  // The wave with these amplitudes, each times its factor, at an angle.
  const wave = (parts, at, factors) => parts.reduce((sum, [cosine, sine], k) =>
    sum + (factors ? factors[k] : 1) * (cosine * Math.cos(k * at) + sine * Math.sin(k * at)), 0);

  // Regression with the kernel on points with these values, at other points.
  function regression(at, values, others, network) {
    const n = at.length + others.length, m = at.length, kernel = new Float64Array(n * n);
    const rows = tangent([...at, ...others], m, network); // a mean needs no more than these
    for (let i = 0; i < n; i++) kernel.set(rows.subarray(i * m, (i + 1) * m), i * n);
    return KERNELS.regression(kernel, n, values).mean;
  }

  return { eigenvalues, effective, risk, places, amplitudes, wave, regression };
})();
