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
      more: new Float64Array(n), moreDecay: 0, spare: MLP.threeOf(n),
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
      const row = MLP.kernel(net, path.space, space, path.spare);
      for (let i = 0; i < n; i++) more[i] += (SHARES[k] / 2) * factors[i] * row[i];
      if (decay > 0) path.moreDecay -= (SHARES[k] / 2) * decay * MLP.along(net, path.space, kept, start)[0];
    }
  }

  function accept(path) {
    for (let i = 0; i < path.more.length; i++) path.contributions[i] += path.more[i];
    path.decay += path.moreDecay;
  }

  return { create, follow, accept };
})();
