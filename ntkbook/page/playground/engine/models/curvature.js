// The norm of the outputs' second derivative at some weights, as a number that it attains:
//
//   max over unit c, v of | sum_i c_i v^T H_i v |,   H_i the Hessian of output i,
//
// by going back and forth between c and v, as ntkbook.taylor.second_derivative_norm does.
// Products with a Hessian come from differentiating forward and backward passes once more
// along v (Pearlmutter 1994), so no Hessian is formed.
const CURVATURE = (() => {
  // `space` must hold forward and backward passes at w.
  function create(net, w, space) {
    const { n } = space, of = net.layers, make = (sizes) => sizes.map((size) => new Float64Array(n * size));
    return {
      net, w, space, n,
      rInputs: make(of.map(({ ins }) => ins)), // derivatives along v of what enters a layer
      rPre: make(of.map(({ outs }) => outs)),  // and of the pre-activations
      rDeltas: make(of.map(({ outs }) => outs)),
      second: of.slice(1).map((_, l) => seconds(net, w, space, l + 1)),
      back: make(of.map(({ ins }) => ins)), // what comes back through a layer, before phi'
      spare: make(of.map(({ ins, outs }) => Math.max(ins, outs))),
    };
  }

  // phi'' at the units that enter layer l.
  function seconds(net, w, space, l) {
    const z = new Float64Array(space.n * net.layers[l].ins), of = ACTIVATIONS.second[net.activation];
    MLP.preactivations(net, w, space, l - 1, z);
    return z.map((each, i) => of(each, space.inputs[l][i], space.slopes[l][i]));
  }

  // Both passes, differentiated along v.
  function differentiate({ net, w, space, n, rInputs, rPre, rDeltas, second, back, spare }, v) {
    const { layers } = net, last = layers.length - 1;
    for (let l = 0; l <= last; l++) {
      const { ins, outs, at, biasAt, biased, weight, bias } = layers[l], r = rPre[l];
      MATRIX.times(space.inputs[l], n, ins, v, at, outs, weight, r);
      if (biased) for (let i = 0; i < n; i++) for (let j = 0; j < outs; j++) r[i * outs + j] += bias * v[biasAt + j];
      if (l > 0) {
        MATRIX.times(rInputs[l], n, ins, w, at, outs, weight, spare[l]);
        for (let i = 0; i < n * outs; i++) r[i] += spare[l][i];
      }
      if (l < last)
        for (let i = 0; i < n * outs; i++) rInputs[l + 1][i] = space.slopes[l + 1][i] * r[i];
    }
    rDeltas[last].fill(0);
    for (let l = last; l > 0; l--) {
      const { ins, outs, at, weight } = layers[l], r = rDeltas[l - 1];
      MATRIX.timesTransposed(space.deltas[l], n, outs, w, at, ins, weight, back[l]);
      MATRIX.timesTransposed(space.deltas[l], n, outs, v, at, ins, weight, r);
      MATRIX.timesTransposed(rDeltas[l], n, outs, w, at, ins, weight, spare[l]);
      for (let i = 0; i < n * ins; i++)
        r[i] = (r[i] + spare[l][i]) * space.slopes[l][i] + back[l][i] * second[l - 1][i] * rPre[l - 1][i];
    }
  }

  // out = (sum_i c_i H_i) v
  function product(self, c, v, out) {
    differentiate(self, v);
    const { net, space, n, rInputs, rDeltas } = self;
    out.fill(0);
    MLP.addGradient(net, { ...space, deltas: rDeltas }, c, out);
    net.layers.forEach(({ ins, outs, at, weight }, l) => {
      if (!l) return; // the inputs do not depend on the weights
      for (let i = 0; i < n; i++)
        for (let j = 0; j < outs; j++) space.scratch[i * outs + j] = c[i] * space.deltas[l][i * outs + j];
      MATRIX.addOuter(out, at, ins, outs, rInputs[l], space.scratch, n, weight);
    });
    return out;
  }

  // v^T H_i v for every point, from one pass.
  function along(self, v) {
    differentiate(self, v);
    const { net, space, n, rInputs, rDeltas } = self, found = new Float64Array(n);
    for (let i = 0; i < n; i++)
      net.layers.forEach(({ ins, outs, at, biasAt, biased, weight, bias }, l) => {
        for (let q = 0; q < ins; q++) {
          const h = space.inputs[l][i * ins + q], r = l ? rInputs[l][i * ins + q] : 0;
          for (let j = 0; j < outs; j++)
            found[i] += weight * v[at + q * outs + j]
              * (h * rDeltas[l][i * outs + j] + r * space.deltas[l][i * outs + j]);
        }
        if (biased)
          for (let j = 0; j < outs; j++) found[i] += bias * v[biasAt + j] * rDeltas[l][i * outs + j];
      });
    return found;
  }

  // Turn v towards the eigenvector of sum_i c_i H_i whose eigenvalue is largest in absolute value, by
  // some steps of Lanczos with full orthogonalisation. Yields after each product, which
  // takes as long as a few steps of training; returns the eigenvalue's estimate.
  function* largest(self, c, v, most) {
    const basis = [], diagonal = [], side = [];
    let next = v.map((each) => each / MATRIX.norm(v)), found = null;
    while (basis.length < Math.min(most, v.length)) {
      basis.push(next);
      const image = product(self, c, next, new Float64Array(v.length));
      yield;
      diagonal.push(MATRIX.inner(image, next));
      for (let twice = 0; twice < 2; twice++)
        for (const each of basis) {
          const share = MATRIX.inner(image, each);
          for (let q = 0; q < image.length; q++) image[q] -= share * each[q];
        }
      const size = MATRIX.norm(image);
      side.push(size);
      found = ritz(diagonal, side);
      if (!(size > 1e-10 * Math.abs(found.value))) break;
      next = image.map((each) => each / size);
    }
    v.fill(0);
    basis.forEach((each, k) => {
      for (let q = 0; q < v.length; q++) v[q] += found.vector[k] * each[q];
    });
    return Math.abs(found.value);
  }

  // The largest eigenvalue in size of the tridiagonal matrix, and its vector.
  function ritz(diagonal, side) {
    const m = diagonal.length, t = new Float64Array(m * m);
    diagonal.forEach((each, k) => {
      t[k * m + k] = each;
      if (k + 1 < m) t[k * m + k + 1] = t[(k + 1) * m + k] = side[k];
    });
    const { values, vectors } = EIGEN.symmetric(t, m);
    const k = Math.abs(values[0]) >= Math.abs(values[m - 1]) ? 0 : m - 1;
    return { value: values[k], vector: diagonal.map((_, q) => vectors[q * m + k]) };
  }

  // Search from several c; `best.value` grows. (There are many local maxima: short runs say
  // from which two vectors it is worth going on.)
  function* search(self, starts, best) {
    const found = [];
    for (const start of starts) {
      const v = RANDOM.generator(1).fillNormal(new Float64Array(self.w.length));
      const run = { c: start, v, value: 0 };
      for (let round = 0; round < 3; round++) yield* improve(self, run, 8, best);
      found.push(run);
    }
    found.sort((one, other) => other.value - one.value);
    for (const run of found.slice(0, 2))
      for (let round = 0, before = 0; round < 40 && run.value > before * (1 + 1e-7); round++) {
        before = run.value;
        yield* improve(self, run, 16, best);
      }
  }

  // The best v for a given c, then the best c for that v.
  function* improve(self, run, most, best) {
    const size = MATRIX.norm(run.c);
    if (!(size > 0)) return;
    run.value = Math.max(run.value, yield* largest(self, run.c.map((each) => each / size), run.v, most));
    best.value = Math.max(best.value, run.value);
    run.c = along(self, run.v);
  }

  return { create, product, along, search };
})();
