// Gradient descent with steps that may be too large for the initial kernel: the
// mathematics of Chapter 9's live figure, without a page. It needs NTK (network.js), whose
// network it trains. tests/site/figures/test_live_figures.py holds it against the library.
const LARGE_STEPS = (() => {
  const LOST = 1e12; // a loss beyond which training has diverged

  // `count` steps of the size product / lambda, lambda being the largest eigenvalue of the
  // initial kernel: for each step the loss of the network and of its linear model, and
  // the step size times the kernel's largest eigenvalue.
  function train(net, product, count) {
    const step = product / NTK.eigen(net.kernel0).values[0], [a, b, , d] = net.kernel0;
    const velocity = new Float64Array(net.weights.length);
    const found = { loss: [], linear: [], product: [], diverged: false };
    let [p, q] = net.y.map((goal) => -goal); // residuals of the linear model
    for (let s = 0; s <= count; s++) {
      const loss = NTK.outputs(net).reduce((sum, out, i) => sum + (out - net.y[i]) ** 2 / 2, 0);
      if (!(loss < LOST)) return { ...found, diverged: true };
      found.loss.push(loss);
      found.linear.push((p * p + q * q) / 2);
      found.product.push(step * NTK.eigen(NTK.kernel(net)).values[0]);
      NTK.velocity(net, net.weights, velocity);
      for (let i = 0; i < velocity.length; i++) net.weights[i] += step * velocity[i];
      [p, q] = [p - step * (a * p + b * q), q - step * (b * p + d * q)];
    }
    return found;
  }

  // What happened, in a word: lazy, catapult, edge or divergence.
  function phase({ loss, product, diverged }) {
    if (diverged || loss.at(-1) > 1e3 * loss[0]) return "diverges";
    if (Math.max(...loss) > 1.05 * loss[0]) return "catapult";
    return Math.abs(product.at(-1) - product[0]) < 0.1 * product[0] ? "lazy" : "falls";
  }

  return { train, phase };
})();
