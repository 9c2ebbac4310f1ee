// What each training point contributed to a network's output at one query, as
// ntkbook.paths.path_kernel with integral="exact" computes it. A step is a straight line
// from w_s to w_(s+1), a sum of the points' gradients at w_s, so
//
//   f(x, w_(s+1)) - f(x, w_s) = sum_i -eta l'_i int_0^1 <df(x, w_s + u (w_(s+1) - w_s)), df(x_i, w_s)> du
//
// up to what weight decay does. Four Gauss-Legendre nodes take the integral.
const PATH = (() => {
  const NODES = [-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526];
  const SHARES = [0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538];

  function create(net, start, query, n) {
    const space = MLP.at(net, start, query, 1);
    return {
      space, first: MLP.forward(net, start, space)[0], between: start.slice(),
      contributions: new Float64Array(n), decay: 0,
      more: new Float64Array(n), moreDecay: 0,
    };
  }

  // After the step's weights are known and before the points are looked at again: what it
  // contributed, kept apart until the step is accepted.
  function follow(path, { net, n, start, w, kept, space, factors }, decay) {
    const { between, more } = path;
    more.fill(0);
    path.moreDecay = 0;
    for (let k = 0; k < NODES.length; k++) {
      const u = (1 + NODES[k]) / 2;
      for (let q = 0; q < w.length; q++) between[q] = kept[q] + u * (w[q] - kept[q]);
      MLP.forward(net, between, path.space);
      MLP.backward(net, between, path.space);
      const row = MLP.kernel(net, path.space, space);
      for (let i = 0; i < n; i++) more[i] += (SHARES[k] / 2) * factors[i] * row[i];
      if (decay > 0) path.moreDecay -= (SHARES[k] / 2) * decay * along(net, path.space, kept, start);
    }
  }

  function accept(path) {
    for (let i = 0; i < path.more.length; i++) path.contributions[i] += path.more[i];
    path.decay += path.moreDecay;
  }

  // The derivative of the one output along w - start.
  function along(net, { inputs, deltas }, w, start) {
    let sum = 0;
    net.layers.forEach(({ ins, outs, at, biasAt, biased, weight, bias }, l) => {
      const h = inputs[l], d = deltas[l];
      for (let q = 0; q < ins; q++)
        for (let j = 0; j < outs; j++) {
          const place = at + q * outs + j;
          sum += weight * h[q] * d[j] * (w[place] - start[place]);
        }
      if (biased) for (let j = 0; j < outs; j++) sum += bias * d[j] * (w[biasAt + j] - start[biasAt + j]);
    });
    return sum;
  }

  return { create, follow, accept };
})();
