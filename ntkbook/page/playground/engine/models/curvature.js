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

  // The eigenvalue of largest size of sum_i c_i H_i, by Lanczos with full orthogonalisation;
  // v is where it starts, and becomes its vector.
  function largest(self, c, v) {
    const most = Math.min(40, v.length), basis = [], diagonal = [], side = [];
    let next = v.map((each) => each / MATRIX.norm(v)), value = 0;
    for (let k = 0; k < most; k++) {
      basis.push(next);
      const image = product(self, c, next, new Float64Array(v.length));
      diagonal.push(MATRIX.inner(image, next));
      for (let twice = 0; twice < 2; twice++)
        for (const each of basis) {
          const share = MATRIX.inner(image, each);
          for (let q = 0; q < image.length; q++) image[q] -= share * each[q];
        }
      const size = MATRIX.norm(image), before = value;
      side.push(size);
      const found = ritz(diagonal, side);
      value = found.value;
      if (size < 1e-12 * Math.abs(value) || k === most - 1 || (k > 4 && Math.abs(value - before) < 1e-10 * Math.abs(value))) {
        v.fill(0);
        basis.forEach((each, q) => { for (let p = 0; p < v.length; p++) v[p] += found.vector[q] * each[p]; });
        return value;
      }
      next = image.map((each) => each / size);
    }
    return value;
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

  // The norm, from a start c; at most 30 rounds.
  function norm(self, c) {
    const v = new Float64Array(self.w.length);
    RANDOM.generator(1).fillNormal(v);
    let best = 0;
    for (let round = 0; round < 30; round++) {
      const size = MATRIX.norm(c);
      if (!(size > 0)) break;
      const value = Math.abs(largest(self, c.map((each) => each / size), v)), before = best;
      best = Math.max(best, value);
      if (best <= before * (1 + 1e-6)) break;
      c = along(self, v);
    }
    return best;
  }

  return { create, product, along, norm };
})();
