// A network that is trained, and what each training point contributes to it meanwhile:
// the mathematics, without a page.
//
// It is ntkbook.mlp(width, 1, "tanh", weight_std=4.0, bias_std=2.0, zero_output=True),
//
//   g(x, w) = s / sqrt(m) * sum_j v_j tanh(s a_j x + b c_j) + b d,   s = 4, b = 2,
//
// with weights w = (a, c, v, d) drawn from N(0, 1), and the model is f = g - g(., w0),
// trained by gradient descent on half the sum of squares. Each step is a straight line,
// along which the gradient at a query is integrated with Gauss-Legendre nodes, so the
// contributions of the points add up to what training did to the output.
// tests/test_live_figures.py holds every number against ntkbook.paths.path_kernel.
const BOOKS = (() => {
  const S = 4, B = 2;
  const NODES = [-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526];
  const SHARES = [0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538];
  const MOST = 4000; // steps

  // What the hidden units say at x; into an array that is there already, where many are
  // asked for: to make new ones would take most of the time.
  function hidden(w, x, t = new Float64Array((w.length - 1) / 3)) {
    const m = t.length;
    for (let j = 0; j < m; j++) t[j] = Math.tanh(S * w[j] * x + B * w[m + j]);
    return t;
  }

  function output(w, x, t = hidden(w, x)) {
    const m = t.length;
    let sum = 0;
    for (let j = 0; j < m; j++) sum += w[2 * m + j] * t[j];
    return (S / Math.sqrt(m)) * sum + B * w[3 * m];
  }

  // The gradient of the output by the weights, added to `out` with a factor.
  function addGradient(w, x, factor, out, t = hidden(w, x)) {
    const m = t.length, c = (factor * S) / Math.sqrt(m);
    for (let j = 0; j < m; j++) {
      const inner = c * w[2 * m + j] * (1 - t[j] * t[j]);
      out[j] += inner * S * x;
      out[m + j] += inner * B;
      out[2 * m + j] += c * t[j];
    }
    out[3 * m] += factor * B;
  }

  const gradient = (w, x) => {
    const out = new Float64Array(w.length);
    addGradient(w, x, 1, out);
    return out;
  };

  // The inner product of that gradient and a vector.
  function along(w, x, vector, t = hidden(w, x)) {
    const m = t.length;
    let sum = 0;
    for (let j = 0; j < m; j++) {
      sum += t[j] * vector[2 * m + j]
        + w[2 * m + j] * (1 - t[j] * t[j]) * (S * x * vector[j] + B * vector[m + j]);
    }
    return (S / Math.sqrt(m)) * sum + B * vector[3 * m];
  }

  const inner = (one, other) => one.reduce((sum, value, q) => sum + value * other[q], 0);

  // Gradient descent for this time. The kernel's initial trace bounds its largest
  // eigenvalue, and so the step; where the kernel grows too much, it is halved.
  function train(w0, x, y, time) {
    const trace = x.reduce((sum, at) => sum + along(w0, at, gradient(w0, at)), 0);
    for (let count = Math.ceil(0.6 * time * trace); count <= MOST; count *= 2) {
      const run = descend(w0, x, y, time / count, count);
      if (run.loss <= run.first) return run;
    }
    throw new Error("training needs more steps than this figure makes");
  }

  // The weights before each step and the loss derivatives there; their sum for the linear model, whose kernel stays the initial one.
  function descend(w0, x, y, step, count) {
    const n = x.length, p = w0.length, w = w0.slice(), move = new Float64Array(p);
    const path = [], slopes = [], offset = x.map((at) => output(w0, at));
    const tangents = x.map((at) => gradient(w0, at));
    const theta = x.map((at) => tangents.map((other) => along(w0, at, other)));
    let linear = y.map((goal) => -goal);
    const force = new Float64Array(n); // the sum of the linear model's loss derivatives
    const half = (r) => 0.5 * inner(r, r);
    const t = new Float64Array((p - 1) / 3);
    const misses = (at, i) => output(w, at, hidden(w, at, t)) - offset[i] - y[i];
    for (let s = 0; s < count; s++) {
      path.push(w.slice());
      move.fill(0);
      slopes.push(x.map((at, i) => {
        const slope = misses(at, i);
        addGradient(w, at, -step * slope, move, t);
        return slope;
      }));
      for (let q = 0; q < p; q++) w[q] += move[q];
      linear.forEach((value, i) => (force[i] += value));
      linear = linear.map((value, i) => value - step * inner(theta[i], linear));
    }
    path.push(w.slice());
    const loss = half(x.map(misses));
    return { x, step, path, slopes, force, tangents, first: half(y), loss };
  }

  // What each training point contributed to the output at x, in the network and in the
  // linear model; and the network's output, computed from its weights.
  function contributions({ x, step, path, slopes, force, tangents }, query) {
    const p = path[0].length, mean = new Float64Array(p), at = new Float64Array(p);
    const shares = new Float64Array(x.length), t = new Float64Array((p - 1) / 3);
    slopes.forEach((slope, s) => {
      const [w, next] = [path[s], path[s + 1]];
      mean.fill(0);
      NODES.forEach((node, k) => {
        for (let q = 0; q < p; q++) at[q] = w[q] + ((1 + node) / 2) * (next[q] - w[q]);
        addGradient(at, query, SHARES[k] / 2, mean, hidden(at, query, t));
      });
      slope.forEach((value, i) => (shares[i] -= step * value * along(w, x[i], mean, hidden(w, x[i], t))));
    });
    const linear = tangents.map((tangent, i) => -step * force[i] * along(path[0], query, tangent));
    const [first, last] = [path[0], path[path.length - 1]];
    return { shares, linear, output: output(last, query) - output(first, query) };
  }

  // The network and the linear model at these places.
  function curves({ step, path, force, tangents }, places) {
    const [first, last] = [path[0], path[path.length - 1]];
    const network = places.map((at) => output(last, at) - output(first, at));
    const sum = new Float64Array(first.length);
    tangents.forEach((tangent, i) => tangent.forEach((value, q) => (sum[q] -= step * force[i] * value)));
    return { network, linear: places.map((at) => along(first, at, sum)) };
  }

  return { train, contributions, curves };
})();
