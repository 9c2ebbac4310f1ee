// A model whose tangent kernel K does not change: a network's linearisation, or an
// infinitely wide network. Its weights stay in w0 + J^T a, so gradient descent is
//
//   a <- a - eta (l'(f) + rho a) on the points of the batch, times n / |B|,
//   f(x) = f0(x) + K(x, X) a,
//
// exactly, whatever the loss, and the path needs no weights. Of a, what the points did is
// `force`; the rest is what the decay took away.
const CONSTANT_KERNEL = (() => {
  // kernel (n x n), start: the outputs at the points before training.
  function create(kernel, start, y, loss) {
    const n = y.length;
    const model = {
      n, kernel, start, y, loss: LOSSES[loss], diverged: null, value: 0,
      a: new Float64Array(n), force: new Float64Array(n), outputs: Float64Array.from(start),
      kept: { a: new Float64Array(n), force: new Float64Array(n), outputs: new Float64Array(n) },
    };
    model.value = total(model);
    return model;
  }

  function total({ n, outputs, y, loss }) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += loss.value(outputs[i], y[i]);
    return sum;
  }

  // One step; `shares` are the factors of the points, 0 for those outside the batch.
  // Returns false where the result is no number or beyond `limit`: nothing has changed then.
  function step(model, eta, rho, shares, limit) {
    const { n, kernel, start, y, loss, a, force, outputs, kept } = model;
    kept.a.set(a);
    kept.force.set(force);
    kept.outputs.set(outputs);
    for (let i = 0; i < n; i++) {
      const push = eta * shares[i] * loss.slope(outputs[i], y[i]);
      force[i] -= push;
      a[i] -= push + eta * rho * a[i];
    }
    for (let i = 0; i < n; i++) {
      let sum = start[i];
      for (let j = 0; j < n; j++) sum += kernel[i * n + j] * a[j];
      outputs[i] = sum;
    }
    const value = total(model);
    if (value <= limit) {
      model.value = value;
      return true;
    }
    a.set(kept.a);
    force.set(kept.force);
    outputs.set(kept.outputs);
    return false;
  }

  // Outputs elsewhere: rows of K(., X), and the outputs there before training.
  function predict({ n, a }, rows, start, out = new Float64Array(start.length)) {
    for (let i = 0; i < out.length; i++) {
      let sum = start[i];
      for (let j = 0; j < n; j++) sum += rows[i * n + j] * a[j];
      out[i] = sum;
    }
    return out;
  }

  // |J^T a|, how far the weights have gone.
  function moved({ n, kernel, a }) {
    let sum = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += a[i] * kernel[i * n + j] * a[j];
    return Math.sqrt(Math.max(0, sum));
  }

  return { create, step, predict, moved };
})();
