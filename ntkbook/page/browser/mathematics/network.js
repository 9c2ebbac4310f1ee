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
// can then be compared. What it shares with the playground is the playground's: mlp.js,
// with all that it needs. tests/site/figures/test_front_page_mathematics.py holds every
// function here against the library.
const NTK = (() => {
  const S = 1.5, B = 0.5; // weight_std, bias_std
  const NETWORK = {
    depth: 1, activation: "tanh", weight_std: S, bias_std: B, parametrization: "ntk",
    zero_output: true, scale: 1,
  };

  // A network at initialisation, for data x with targets y, each a list of equal length.
  function createNetwork(width, alpha, seed, x, y) {
    return fromWeights(PARTS.weights(width, seed), alpha, x, y);
  }

  function fromWeights(start, alpha, x, y) {
    const width = (start.length - 1) / 3;
    const net = {
      width, alpha, time: 0, // time of the gradient flow
      start, weights: start.slice(), tangent: start.slice(), // tangent: linearised model
      shape: MLP.shape({ ...NETWORK, width }, 1),
      scratch: [0, 1, 2, 3, 4].map(() => new Float64Array(start.length)),
    };
    setData(net, x, y);
    return net;
  }

  // Change the data; the weights stay where they are, and training goes on from there.
  function setData(net, x, y) {
    net.x = x.slice();
    net.y = y.slice();
    net.space = MLP.at(net.shape, net.start, x, x.length);
    net.first = atStart(net, x);
    net.factors = new Float64Array(x.length);
    net.kernel0 = kernel(net, net.start);
  }

  // Forward and backward passes at some inputs and these weights.
  function pass({ shape }, w, space) {
    MLP.forward(shape, w, space);
    MLP.backward(shape, w, space);
    return space;
  }
  const atStart = (net, points) =>
    pass(net, net.start, MLP.at(net.shape, net.start, points, points.length));

  // The model's outputs alpha f at the data.
  const outputs = (net) =>
    Array.from(MLP.forward(net.shape, net.weights, net.space), (value) => net.alpha * value);

  // The outputs of its linearisation at w0, alpha J(x, w0) (w - w0), anywhere.
  const tangentOutputs = (net, points) => ofTangent(net, atStart(net, points));
  const ofTangent = ({ shape, start, tangent, alpha }, space) =>
    Array.from(MLP.along(shape, space, tangent, start), (value) => alpha * value);

  // The tangent kernel of f among the data, one row after the other.
  function kernel(net, w = net.weights) {
    const space = pass(net, w, net.space);
    return Array.from(MLP.kernel(net.shape, space, space));
  }

  // The velocity of the weights, -J^T (alpha f - y) / alpha.
  function velocity(net, w, out) {
    const { shape, alpha, y, factors } = net, space = pass(net, w, net.space);
    for (let j = 0; j < y.length; j++) factors[j] = y[j] / alpha - space.outputs[j];
    out.fill(0);
    MLP.addGradient(shape, space, factors, out);
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
    const { shape, first, tangent, y, alpha } = net;
    const [p, q] = ofTangent(net, first).map((out, j) => (y[j] - out) / alpha);
    const { values, axis: [cos, sin] } = eigen(net.kernel0);
    const [g1, g2] = values.map((v) => (v * time > 1e-12 ? -Math.expm1(-v * time) / v : time));
    const along = g1 * (cos * p + sin * q), across = g2 * (cos * q - sin * p);
    MLP.addGradient(shape, first, [cos * along - sin * across, sin * along + cos * across], tangent);
  }

  // Eigenvalues of a symmetric 2 x 2 matrix, largest first, and the first's unit vector.
  function eigen([a, b, , d]) {
    const half = Math.hypot((a - d) / 2, b), mean = (a + d) / 2;
    const angle = Math.atan2(b, (a - d) / 2) / 2;
    const largest = mean + half;
    const values = [largest, Math.max(0, (a * d - b * b) / largest)];
    return { values, axis: [Math.cos(angle), Math.sin(angle)] };
  }

  // The step size: a fraction of the time in which the kernel's largest
  // eigenvalue, or the network's curvature, acts. The errors stay near 1e-6 and below.
  function stepSize(net, fraction = 0.12) {
    const { width: m, weights: w, alpha, x, y, space } = net, { values } = eigen(kernel(net));
    const [, t] = space.inputs, [, slope] = space.slopes; // of the hidden units
    let curvature = 0;
    for (let j = 0; j < y.length; j++) {
      const reach = S * S * x[j] * x[j] + B * B;
      let most = 0;
      for (let i = 0, k = j * m; i < m; i++, k++) {
        const bend = Math.abs(2 * w[2 * m + i] * t[k]) * slope[k] * reach + slope[k] * Math.sqrt(reach);
        if (bend > most) most = bend;
      }
      curvature += Math.abs(space.outputs[j] - y[j] / alpha) * (S / Math.sqrt(m)) * most;
    }
    return fraction / (values[0] + curvature);
  }

  // How far the weights have gone, relative to their initial norm.
  const travelled = (net, weights = net.weights) =>
    MATRIX.distance(weights, net.start) / MATRIX.norm(net.start);

  // The model and its linearisation at equal steps, for the picture.
  function curves(net, from, to, count) {
    const { shape, start, weights, tangent, alpha } = net, key = [from, to, count].join();
    if (net.places?.key !== key) {
      const gap = (to - from) / (count - 1);
      const points = Float64Array.from({ length: count }, (_, k) => from + k * gap);
      net.places = { key, now: MLP.at(shape, start, points, count), first: atStart(net, points) };
    }
    const { now, first } = net.places, scaled = (values) => values.map((value) => alpha * value);
    return {
      model: scaled(MLP.forward(shape, weights, now)),
      line: scaled(MLP.along(shape, first, tangent, start)),
    };
  }

  return {
    createNetwork, fromWeights, setData, outputs, tangentOutputs, kernel, velocity, step, stepSize,
    travelled, curves, eigen,
  };
})();
