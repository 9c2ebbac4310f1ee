// One setting in training: the network, its linearisation and the infinitely wide network,
// step by step with the same step size and the same minibatches.
const RUN = (() => {
  const BEYOND = 1e10; // a loss this many times larger than the initial one has diverged
  const NAMES = ["network", "linear", "infinite"];
  const flat = (rows) => Float64Array.from(rows.flat());

  // All points of a grid, the first input running fastest.
  function mesh({ low, high, count }) {
    const total = count.reduce((product, each) => product * each, 1), d = count.length;
    const x = new Float64Array(total * d);
    for (let i = 0; i < total; i++)
      for (let q = 0, rest = i; q < d; rest = Math.floor(rest / count[q]), q++)
        x[i * d + q] = low[q] + ((rest % count[q]) * (high[q] - low[q])) / Math.max(1, count[q] - 1);
    return { x, total };
  }

  // A whole state without problems, and a grid or null.
  function create(state, grid) {
    const { d, x, y, testX, testY } = DATASETS.points(state), { network, training } = state;
    const n = y.length, net = MLP.shape(network, d), start = MLP.draw(net, network.seed);
    const run = {
      state, net, n, d, x: flat(x), y: Float64Array.from(y), testY: Float64Array.from(testY),
      start, step: 0, batches: BATCHES.create(n, training.batch, network.seed),
      query: null, replay: null, losses: [], costs: {},
    };
    const trained = TRAINED_NETWORK.create(net, start, run.x, run.y, training.loss);
    run.first = trained.space.outputs.slice();
    run.kernel0 = TRAINED_NETWORK.kernel(trained);
    run.eigen0 = EIGEN.symmetric(run.kernel0, n);
    const largest = run.eigen0.values[0];
    run.stepSize = (2 * training.step) / largest;
    run.rho = training.weight_decay * largest;
    if (!(largest > 0) || !Number.isFinite(run.stepSize))
      throw new RangeError("the initial kernel is 0 or too large, so there is no step size");
    run.length = MATRIX.norm(start);
    run.limit = BEYOND * (trained.value + n);

    // Forward and backward passes at the initial parameters, which stay as they are.
    run.points = MLP.at(net, start, run.x, n);
    MLP.forward(net, start, run.points);
    MLP.backward(net, start, run.points);
    const place = (x, count) => count ? PLACES.create(net, start, x, count, run.points) : null;
    const shown = grid && grid.count.length === d ? mesh(grid) : { x: new Float64Array(0), total: 0 };
    run.test = place(flat(testX), testY.length);
    run.grid = place(shown.x, shown.total);

    run.models = { network: trained, linear: CONSTANT_KERNEL.create(run.kernel0, run.first, run.y, training.loss), infinite: null };
    run.noInfinite = INFINITE.missing(network);
    if (!run.noInfinite) addInfinite(run, flat(testX), shown);
    return run;
  }

  function addInfinite(run, testX, shown) {
    const { net, n, d, x, testY, state } = run, tests = testY.length, total = n + tests + shown.total;
    const all = new Float64Array(total * d);
    all.set(x);
    all.set(testX, n * d);
    all.set(shown.x, (n + tests) * d);
    const { theta } = INFINITE.kernels(net, all, total, n), part = (from, to) => theta.slice(from * n, to * n);
    run.models.infinite = CONSTANT_KERNEL.create(part(0, n), run.first, run.y, state.training.loss);
    run.rows = { test: part(n, n + tests), grid: part(n + tests, total) };
    run.infiniteEigen = EIGEN.symmetric(run.models.infinite.kernel, n);
  }

  const alive = ({ models }) => NAMES.some((name) => models[name] && models[name].diverged === null);

  // One step of all three; a model that diverges keeps its last numbers.
  function advance(run) {
    const { models, stepSize, rho, limit, query } = run, shares = run.batches.next();
    const at = run.step + 1, { network, linear, infinite } = models;
    if (network.diverged === null
      && !TRAINED_NETWORK.step(network, stepSize, rho, shares, limit, query && query.path))
      network.diverged = at;
    for (const model of [linear, infinite])
      if (model && model.diverged === null && !CONSTANT_KERNEL.step(model, stepSize, rho, shares, limit))
        model.diverged = at;
    run.step = at;
    run.losses.push(NAMES.map((name) => models[name] ? models[name].value / run.n : NaN));
  }

  // At most this many steps, for about this many milliseconds; at least one.
  function steps(run, most, budget) {
    const from = run.step, until = performance.now() + budget;
    for (let k = 0; k < most && alive(run); k++) {
      advance(run);
      if (performance.now() > until) break;
    }
    return from;
  }

  // Follow the contributions at a query from now on: the network is trained once more from its
  // initial parameters, in pieces of `budget` milliseconds. Returns the fraction that is done.
  function follow(run, at, budget) {
    if (at === null) {
      run.query = run.replay = null;
      return 1;
    }
    const { net, n, start, x, y, state: { training, network } } = run;
    if (!run.replay || String(run.replay.at) !== String(at)) {
      if (run.query && String(run.query.at) === String(at)) return 1;
      run.query = null;
      run.replay = {
        at, step: 0, path: PATH.create(net, start, at, n),
        trained: TRAINED_NETWORK.create(net, start, x, y, training.loss),
        batches: BATCHES.create(n, training.batch, network.seed),
      };
    }
    const { replay, stepSize, rho, limit } = run, until = performance.now() + budget;
    while (replay.step < run.step && run.models.network.diverged !== replay.step + 1) {
      const shares = replay.batches.next();
      TRAINED_NETWORK.step(replay.trained, stepSize, rho, shares, limit, replay.path);
      replay.step += 1;
      if (performance.now() > until && replay.step < run.step) return replay.step / run.step;
    }
    const space = MLP.at(net, start, Float64Array.from(at), 1);
    MLP.forward(net, start, space);
    MLP.backward(net, start, space);
    const infinite = run.models.infinite
      ? INFINITE.kernels(net, Float64Array.from([...x, ...at]), n + 1, n).theta.slice(n * n)
      : null;
    run.query = { at, path: replay.path, space, rows: { linear: MLP.kernel(net, space, run.points), infinite } };
    run.replay = null;
    return 1;
  }

  // The inverse relative scale at initialisation, as ntkbook.kappa(...).value, in pieces of
  // `budget` milliseconds: the second derivative's norm is searched, and only grows.
  function kappa(run, budget) {
    const { net, start, n, d, x, y, first, eigen0, points } = run;
    const gap = first.map((value, i) => value - y[i]);
    if (!run.search) {
      const self = CURVATURE.create(net, start, points), best = { value: 0 };
      run.search = { best, going: CURVATURE.search(self, starts(gap, x, n, d), best), done: false };
    }
    const { search } = run, until = performance.now() + budget;
    while (!search.done && performance.now() <= until) search.done = search.going.next().done;
    const residual = MATRIX.norm(gap), jacobian = Math.sqrt(eigen0.values[0]), hessian = search.best.value;
    return { done: search.done, value: (residual * hessian) / (jacobian * jacobian), residual, jacobian, hessian };
  }

  // Where the search begins: the residual, all points alike, and single points, the four
  // farthest from 0.
  function starts(gap, x, n, d) {
    const size = (i) => MATRIX.norm(x.subarray(i * d, (i + 1) * d));
    const far = Array.from({ length: n }, (_, i) => i).sort((i, j) => size(j) - size(i)).slice(0, 4);
    const alone = far.map((i) => new Float64Array(n).fill(1, i, i + 1));
    return [gap, new Float64Array(n).fill(1), ...alone];
  }

  return { create, steps, follow, kappa, NAMES };
})();
