// A network in training: gradient descent on the sum of the losses and rho/2 |w - w0|^2.
const TRAINED_NETWORK = (() => {
  function create(net, start, x, y, loss) {
    const n = y.length, space = MLP.at(net, start, x, n);
    const model = {
      net, n, start, y, space, loss: LOSSES[loss], diverged: null, value: 0,
      w: start.slice(), kept: start.slice(), factors: new Float64Array(n), fresh: false,
    };
    MLP.forward(net, start, space);
    model.value = total(model);
    return model;
  }

  function total({ n, space: { outputs }, y, loss }) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += loss.value(outputs[i], y[i]);
    return sum;
  }

  // Derivatives at the present weights, unless they are there already.
  function differentiate(model) {
    if (!model.fresh) MLP.backward(model.net, model.w, model.space);
    model.fresh = true;
  }

  // One step, as for CONSTANT_KERNEL; `path`, if there is one, follows it (see PATH).
  function step(model, eta, rho, shares, limit, path = null) {
    const { net, n, start, y, space, loss, w, kept, factors } = model;
    differentiate(model);
    for (let i = 0; i < n; i++)
      factors[i] = -eta * shares[i] * loss.slope(space.outputs[i], y[i]);
    kept.set(w);
    if (rho > 0) for (let q = 0; q < w.length; q++) w[q] -= eta * rho * (kept[q] - start[q]);
    MLP.addGradient(net, space, factors, w);
    if (path) PATH.follow(path, model, eta * rho);
    MLP.forward(net, w, space);
    model.fresh = false;
    const value = total(model);
    if (value <= limit) {
      model.value = value;
      if (path) PATH.accept(path);
      return true;
    }
    w.set(kept);
    MLP.forward(net, w, space);
    return false;
  }

  const kernel = (model) => {
    differentiate(model);
    return MLP.kernel(model.net, model.space, model.space);
  };

  return { create, step, kernel };
})();
