// A network that is trained, and what each training point contributes to it meanwhile:
// the mathematics, without a page.
//
// It is ntkbook.mlp(width, 1, "tanh", weight_std=4.0, bias_std=2.0, zero_output=True),
// trained by gradient descent on half the sum of squares: the playground's engine (mlp.js,
// trained_network.js, constant_kernel.js, path.js) with all that it needs.
// tests/site/figures/test_live_figures.py holds every number against
// ntkbook.paths.path_kernel.
const BOOKS = (() => {
  const NETWORK = {
    depth: 1, activation: "tanh", weight_std: 4, bias_std: 2, parametrization: "ntk",
    zero_output: true, scale: 1,
  };
  const MOST = 4000; // steps

  // Gradient descent for this time. The initial kernel's trace bounds its largest
  // eigenvalue, and so the step; where the kernel grows too much, it is halved.
  function train(w0, x, y, time) {
    const net = MLP.shape({ ...NETWORK, width: (w0.length - 1) / 3 }, 1);
    const theta = TRAINED_NETWORK.kernel(TRAINED_NETWORK.create(net, w0, x, y, "squared"));
    const trace = y.reduce((sum, _, i) => sum + theta[i * (y.length + 1)], 0);
    for (let count = Math.ceil(0.6 * time * trace); count <= MOST; count *= 2) {
      const run = descend(net, w0, theta, x, y, time / count, count);
      if (run.loss <= run.first) return run;
    }
    throw new Error("training needs more steps than this figure makes");
  }

  // The weights before each step and the loss derivatives there; the linear model, whose
  // kernel stays the initial one, makes the same steps.
  function descend(net, w0, theta, x, y, step, count) {
    const model = TRAINED_NETWORK.create(net, w0, x, y, "squared");
    const linear = CONSTANT_KERNEL.create(theta, new Float64Array(y.length), y, "squared");
    const path = [], slopes = [], shares = y.map(() => 1), first = model.value;
    for (let s = 0; s < count; s++) {
      path.push(model.w.slice());
      slopes.push(y.map((goal, i) => model.space.outputs[i] - goal));
      TRAINED_NETWORK.step(model, step, 0, shares, Infinity);
      CONSTANT_KERNEL.step(linear, step, 0, shares, Infinity);
    }
    path.push(model.w.slice());
    return { net, model, linear, step, path, slopes, first, loss: model.value };
  }

  // Forward and backward passes at some inputs, before training.
  function atStart({ net, path }, places) {
    const space = MLP.at(net, path[0], places, places.length);
    MLP.forward(net, path[0], space);
    MLP.backward(net, path[0], space);
    return space;
  }

  // What each training point contributed to the output at x, in the network and in the
  // linear model; and the network's output, computed from its weights.
  function contributions(run, query) {
    const { net, model, linear, step, path, slopes } = run, n = model.n;
    const space = MLP.at(net, path[0], model.space.inputs[0], n), factors = new Float64Array(n);
    const followed = PATH.create(net, path[0], [query], n);
    slopes.forEach((slope, s) => {
      const [kept, w] = [path[s], path[s + 1]];
      for (let i = 0; i < n; i++) factors[i] = -step * slope[i];
      MLP.forward(net, kept, space);
      MLP.backward(net, kept, space);
      PATH.follow(followed, { net, n, start: path[0], w, kept, space, factors }, 0);
      PATH.accept(followed);
    });
    const row = MLP.kernel(net, atStart(run, [query]), atStart(run, model.space.inputs[0]));
    const output = MLP.forward(net, path[path.length - 1], followed.space)[0];
    return { shares: followed.contributions, linear: row.map((value, i) => value * linear.force[i]), output };
  }

  // The network and the linear model at these places.
  function curves(run, places) {
    const { net, model, linear, path } = run, space = atStart(run, places);
    const rows = MLP.kernel(net, space, atStart(run, model.space.inputs[0]));
    const straight = CONSTANT_KERNEL.predict(linear, rows, places.map(() => 0));
    const network = Array.from(MLP.forward(net, path[path.length - 1], space));
    return { network, linear: Array.from(straight) };
  }

  return { train, contributions, curves };
})();
