// The tangent kernel of an infinitely wide network, by the recursion of ntkbook.infinite:
//
//   Sigma <- W E[phi phi] + B,   Theta <- w E[phi phi] + b + W E[phi' phi'] Theta.
//
// W and B are the variances of what a layer's weights and biases put in front of their
// inputs, w and b how fast both learn: equal in the NTK parametrisation; in the standard one
// w is the layer's width and b = 1, so the kernel is that of a wide network of this width.
const INFINITE = (() => {
  // Sigma, the covariance of the output before training, and Theta, between all N points
  // (flat, d numbers each) and the first n of them: N x n both.
  function kernels(net, x, N, n) {
    const { d, layers, scale, activation } = net, { found } = EXPECTATIONS;
    const sigma = new Float64Array(N * n), theta = new Float64Array(N * n);
    let variance = new Float64Array(N);
    layers.forEach(({ ins, weight, weightDraw, bias, biasDraw, biased }, l) => {
      const W = (weight * weightDraw) ** 2 * ins, B = biased ? (bias * biasDraw) ** 2 : 0;
      const w = weight * weight * ins, b = bias * bias;
      const { moments, pair } = l
        ? EXPECTATIONS.prepare[activation](variance)
        : first(x, N, d);
      for (let i = 0; i < N; i++)
        for (let j = 0; j < n; j++) {
          const at = i * n + j;
          pair(i, j, sigma[at]);
          sigma[at] = W * found[0] + B;
          theta[at] = w * found[0] + b + W * found[1] * theta[at];
        }
      variance = moments.map((moment) => W * moment + B);
    });
    for (let at = 0; at < N * n; at++) {
      sigma[at] *= scale * scale;
      theta[at] *= scale * scale;
    }
    return { sigma, theta };
  }

  // What enters the first layer: <x, x'> / d, and nothing that learns.
  function first(x, N, d) {
    const { found } = EXPECTATIONS;
    const pair = (i, j) => {
      found[0] = found[1] = 0;
      for (let q = 0; q < d; q++) found[0] += (x[i * d + q] * x[j * d + q]) / d;
    };
    const moments = new Float64Array(N);
    for (let i = 0; i < N; i++) {
      pair(i, i);
      moments[i] = found[0];
    }
    return { moments, pair };
  }

  // Why a network has no such kernel; null where it has one.
  const missing = ({ parametrization, depth }) =>
    parametrization === "mean_field" && depth > 1
      ? "With 1/width in front of several layers the kernel at initialisation vanishes as the width grows."
      : null;

  return { kernels, missing };
})();
