// A network that trains in the reader's browser: the mathematics, without a page.
//
// It is ntkbook.mlp(width, 1, "tanh", weight_std=1.5, bias_std=0.5, zero_output=True):
// one number in, one out, one hidden layer in the NTK parametrisation,
//
//   g(x, w) = s / sqrt(m) * sum_i v_i tanh(s a_i x + b c_i) + b d,   s = 1.5, b = 0.5,
//
// with the weights w = (a, c, v, d), all drawn from N(0, 1). The model is
// alpha f(x, w), where f(x, w) = g(x, w) - g(x, w0), and it follows the gradient flow
// of half the sum of squares, divided by alpha^2: kernels and times of different alpha
// can then be compared. tests/test_front_page.py holds every function here against
// the library.
const NTK = (() => {
  const S = 1.5, B = 0.5; // weight_std, bias_std

  // A network at its start, for data x with targets y, each a list of equal length.
  function createNetwork(width, alpha, seed, x, y) {
    return fromWeights(PARTS.weights(width, seed), alpha, x, y);
  }

  function fromWeights(start, alpha, x, y) {
    const net = {
      width: (start.length - 1) / 3, alpha, time: 0, // time of the gradient flow
      start, weights: start.slice(), tangent: start.slice(), // tangent: linearised model
      scratch: [0, 1, 2, 3, 4].map(() => new Float64Array(start.length)),
    };
    setData(net, x, y);
    return net;
  }

  // Change the data; the weights stay where they are, and training goes on from there.
  function setData(net, x, y) {
    net.x = x.slice();
    net.y = y.slice();
    net.offset = x.map((at) => raw(net.width, net.start, at));
    net.kernel0 = kernel(net, net.start);
  }

  function raw(m, w, x) {
    let sum = 0;
    for (let i = 0; i < m; i++) sum += w[2 * m + i] * Math.tanh(S * w[i] * x + B * w[m + i]);
    return (S / Math.sqrt(m)) * sum + B * w[3 * m];
  }

  // The model's outputs alpha f at the data.
  const outputs = (net) =>
    net.x.map((x, j) => net.alpha * (raw(net.width, net.weights, x) - net.offset[j]));

  // The outputs of its linearisation at w0, alpha J(x, w0) (w - w0), anywhere.
  function tangentOutputs(net, points) {
    const { width: m, start, tangent } = net, c = S / Math.sqrt(m);
    return points.map((x) => {
      let sum = B * (tangent[3 * m] - start[3 * m]);
      for (let i = 0; i < m; i++) {
        const t = Math.tanh(S * start[i] * x + B * start[m + i]);
        const inner = S * x * (tangent[i] - start[i]) + B * (tangent[m + i] - start[m + i]);
        sum += c * (t * (tangent[2 * m + i] - start[2 * m + i])
          + start[2 * m + i] * (1 - t * t) * inner);
      }
      return net.alpha * sum;
    });
  }

  // The tangent kernel of f among the data, one row after the other.
  function kernel(net, w = net.weights) {
    const { width: m, x } = net, n = x.length, sums = new Array(n * n).fill(0);
    const t = new Float64Array(n), d = new Float64Array(n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        t[j] = Math.tanh(S * w[i] * x[j] + B * w[m + i]);
        d[j] = w[2 * m + i] * (1 - t[j] * t[j]);
      }
      for (let j = 0; j < n; j++)
        for (let k = 0; k < n; k++)
          sums[j * n + k] += t[j] * t[k] + d[j] * d[k] * (S * S * x[j] * x[k] + B * B);
    }
    return sums.map((sum) => ((S * S) / m) * sum + B * B);
  }

  // The velocity of the weights, -J^T (alpha f - y) / alpha.
  function velocity(net, w, out) {
    const { width: m, alpha, x, y, offset } = net, c = S / Math.sqrt(m);
    out.fill(0);
    for (let j = 0; j < x.length; j++) {
      const act = net.activations ??= new Float64Array(m);
      let sum = 0;
      for (let i = 0; i < m; i++) {
        act[i] = Math.tanh(S * w[i] * x[j] + B * w[m + i]);
        sum += w[2 * m + i] * act[i];
      }
      const down = y[j] / alpha - (c * sum + B * w[3 * m] - offset[j]);
      for (let i = 0; i < m; i++) {
        const inner = down * c * w[2 * m + i] * (1 - act[i] * act[i]);
        out[i] += inner * S * x[j];
        out[m + i] += inner * B;
        out[2 * m + i] += down * c * act[i];
      }
      out[3 * m] += down * B;
    }
  }

  // One step of the classical Runge-Kutta method for the network, and the exact
  // solution over the same time for its linearisation.
  function step(net, time) {
    const { weights: w, scratch: [k1, k2, k3, k4, at] } = net;
    const move = (k, h) => {
      for (let q = 0; q < w.length; q++) at[q] = w[q] + h * k[q];
      return at;
    };
    velocity(net, w, k1);
    velocity(net, move(k1, time / 2), k2);
    velocity(net, move(k2, time / 2), k3);
    velocity(net, move(k3, time), k4);
    for (let q = 0; q < w.length; q++)
      w[q] += (time / 6) * (k1[q] + 2 * k2[q] + 2 * k3[q] + k4[q]);
    stepTangent(net, time);
    net.time += time;
  }

  // Weights of the linearised model: J0^T times what the residual amounts to in time.
  function stepTangent(net, time) {
    const { width: m, start: w, tangent, x, alpha } = net, c = S / Math.sqrt(m);
    const [p, q] = tangentOutputs(net, x).map((out, j) => (net.y[j] - out) / alpha);
    const { values, axis: [cos, sin] } = eigen(net.kernel0);
    const [g1, g2] = values.map((v) => (v * time > 1e-12 ? -Math.expm1(-v * time) / v : time));
    const along = g1 * (cos * p + sin * q), across = g2 * (cos * q - sin * p);
    const total = [cos * along - sin * across, sin * along + cos * across];
    for (let j = 0; j < 2; j++) {
      for (let i = 0; i < m; i++) {
        const t = Math.tanh(S * w[i] * x[j] + B * w[m + i]);
        const inner = total[j] * c * w[2 * m + i] * (1 - t * t);
        tangent[i] += inner * S * x[j];
        tangent[m + i] += inner * B;
        tangent[2 * m + i] += total[j] * c * t;
      }
      tangent[3 * m] += total[j] * B;
    }
  }

  // Eigenvalues of a symmetric 2 x 2 matrix, largest first, and the first's unit vector.
  function eigen([a, b, , d]) {
    const half = Math.hypot((a - d) / 2, b), mean = (a + d) / 2;
    const angle = Math.atan2(b, (a - d) / 2) / 2;
    const largest = mean + half;
    const values = [largest, Math.max(0, (a * d - b * b) / largest)];
    return { values, axis: [Math.cos(angle), Math.sin(angle)] };
  }

  // The length of a step: a fraction of the time in which the kernel's largest
  // eigenvalue, or the network's curvature, acts. The errors stay near 1e-6 and below.
  function stepSize(net, fraction = 0.12) {
    const { width: m, weights: w, alpha, x, y } = net;
    const { values } = eigen(kernel(net));
    let curvature = 0;
    outputs(net).forEach((out, j) => {
      const reach = S * S * x[j] * x[j] + B * B;
      let most = 0;
      for (let i = 0; i < m; i++) {
        const t = Math.tanh(S * w[i] * x[j] + B * w[m + i]), slope = 1 - t * t;
        const bend = Math.abs(2 * w[2 * m + i] * t) * slope * reach + slope * Math.sqrt(reach);
        if (bend > most) most = bend;
      }
      curvature += (Math.abs(out - y[j]) / alpha) * (S / Math.sqrt(m)) * most;
    });
    return fraction / (values[0] + curvature);
  }

  // How far the weights have gone, relative to their length at the start.
  function travelled(net, weights = net.weights) {
    let moved = 0, length = 0;
    for (let q = 0; q < weights.length; q++) {
      moved += (weights[q] - net.start[q]) ** 2;
      length += net.start[q] ** 2;
    }
    return Math.sqrt(moved / length);
  }

  // The model and its linearisation on a grid of equal steps, for the picture. On such
  // a grid exp(2 z) grows by one factor a step, so a unit costs two exponentials.
  function curves(net, from, to, count) {
    const { width: m, start, weights, tangent, alpha } = net, c = S / Math.sqrt(m);
    const gap = (to - from) / (count - 1);
    const model = new Float64Array(count).fill(B * (weights[3 * m] - start[3 * m]));
    const line = new Float64Array(count).fill(B * (tangent[3 * m] - start[3 * m]));
    for (let i = 0; i < m; i++) {
      const a0 = 2 * S * start[i], a = 2 * S * weights[i];
      const r0 = Math.exp(a0 * gap), r = Math.exp(a * gap);
      let e0 = Math.max(Math.exp(a0 * from + 2 * B * start[m + i]), 1e-300);
      let e = Math.max(Math.exp(a * from + 2 * B * weights[m + i]), 1e-300);
      const v0 = c * start[2 * m + i], v = c * weights[2 * m + i];
      const dv = c * (tangent[2 * m + i] - start[2 * m + i]);
      const dc = v0 * B * (tangent[m + i] - start[m + i]);
      const da = v0 * S * (tangent[i] - start[i]);
      for (let k = 0; k < count; k++) {
        const t0 = 1 - 2 / (e0 + 1);
        model[k] += v * (1 - 2 / (e + 1)) - v0 * t0;
        line[k] += dv * t0 + (1 - t0 * t0) * (dc + da * (from + k * gap));
        e0 = Math.min(e0 * r0, 1e300); // beyond, tanh has long been 1
        e = Math.min(e * r, 1e300);
      }
    }
    for (let k = 0; k < count; k++) {
      model[k] *= alpha;
      line[k] *= alpha;
    }
    return { model, line };
  }

  return {
    createNetwork, fromWeights, setData, outputs, tangentOutputs, kernel, velocity, step, stepSize,
    travelled, curves, eigen,
  };
})();
