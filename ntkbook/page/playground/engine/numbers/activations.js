// The activations, their first and second derivatives, and the error function.
const ACTIVATIONS = (() => {
  // erf on a table of its Taylor series, an eighth apart: at c the derivative
  // g = 2 / sqrt(pi) exp(-x^2) has coefficients g_(n+1) = -2 (c g_n + g_(n-1)) / (n + 1),
  // and from c the series gives the value at the next place.
  const PLACES = 50, PER_UNIT = 8, TERMS = 12, LONG = 30;
  const TABLE = new Float64Array(PLACES * TERMS);
  let value = 0;
  for (let place = 0; place < PLACES; place++) {
    const c = place / PER_UNIT, g = [(2 / Math.sqrt(Math.PI)) * Math.exp(-c * c)];
    for (let n = 0; n < LONG; n++) g.push((-2 * (c * g[n] + (n ? g[n - 1] : 0))) / (n + 1));
    const series = [value, ...g.map((each, n) => each / (n + 1))];
    for (let n = 0; n < TERMS; n++) TABLE[place * TERMS + n] = series[n];
    value = series.reduceRight((sum, each) => sum / PER_UNIT + each, 0);
  }
  const LAST = (PLACES - 1) / PER_UNIT;

  function erf(x) {
    const size = Math.abs(x);
    if (!(size < LAST)) return size >= LAST ? Math.sign(x) : NaN; // 1 - erf(6.1) < 1e-17
    const place = Math.round(size * PER_UNIT), by = size - place / PER_UNIT;
    let sum = 0;
    for (let n = (place + 1) * TERMS - 1; n >= place * TERMS; n--) sum = sum * by + TABLE[n];
    return x < 0 ? -sum : sum;
  }

  const BELL = 2 / Math.sqrt(Math.PI); // erf'(0)

  // For the first `count` pre-activations z: h = phi(z), s = phi'(z).
  const both = {
    tanh(z, count, h, s) {
      for (let i = 0; i < count; i++) {
        const t = 1 - 2 / (Math.exp(2 * z[i]) + 1);
        h[i] = t;
        s[i] = 1 - t * t;
      }
    },
    relu(z, count, h, s) {
      for (let i = 0; i < count; i++) {
        const on = z[i] > 0;
        h[i] = on ? z[i] : 0 * z[i]; // NaN stays NaN
        s[i] = on ? 1 : 0;
      }
    },
    erf(z, count, h, s) {
      for (let i = 0; i < count; i++) {
        h[i] = erf(z[i]);
        s[i] = BELL * Math.exp(-z[i] * z[i]);
      }
    },
    sin(z, count, h, s) {
      for (let i = 0; i < count; i++) {
        h[i] = Math.sin(z[i]);
        s[i] = Math.cos(z[i]);
      }
    },
  };

  // phi''(z) for phi(z) = h and phi'(z) = s; for ReLU without its kink.
  const second = {
    tanh: (z, h, s) => -2 * h * s,
    relu: () => 0,
    erf: (z, h, s) => -2 * z * s,
    sin: (z, h) => -h,
  };

  return { both, second, erf };
})();
