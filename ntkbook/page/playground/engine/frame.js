// What the page is told of a run: at its start, and after some steps.
const FRAME = (() => {
  const minus = (a, b) => a.map((value, i) => value - b[i]);

  const spectrum = ({ values, vectors }, gap, n) => ({ values: values.slice(), energy: EIGEN.energy(vectors, gap, n) });

  // How well a kernel K is aligned with t: <t, K t> / (|K| |t|^2).
  function alignment(kernel, t, n) {
    let sum = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += t[i] * kernel[i * n + j] * t[j];
    return sum / (MATRIX.norm(kernel) * MATRIX.inner(t, t) || 1);
  }

  function ready(run) {
    const { n, d, models, eigen0, infiniteEigen, state, test } = run, gap = minus(run.y, run.first);
    return {
      type: "ready", n, nTest: run.testY.length, d, x: run.x, y: run.y,
      testX: test ? test.x : new Float64Array(0), testY: run.testY,
      weights: run.net.count, lambdaMax: eigen0.values[0], stepSize: run.stepSize, rho: run.rho,
      threshold: LOSSES[state.training.loss].threshold,
      kernel0: run.kernel0, infiniteKernel: models.infinite ? models.infinite.kernel : null,
      noInfinite: run.noInfinite, spectrum0: spectrum(eigen0, gap, n),
      infiniteSpectrum: infiniteEigen ? spectrum(infiniteEigen, gap, n) : null,
      targets: EIGEN.coordinates(eigen0.vectors, gap, n),
      frame: frame(run, 0, { functions: true, kernel: true, test: true, query: true }, performance.now()),
    };
  }

  function ofModel(run, name, want) {
    const model = run.models[name];
    if (!model) return null;
    const { n, first, test, grid, testY, length, eigen0 } = run, deep = name === "network";
    const outputs = (deep ? model.space : model).outputs.slice();
    const predict = (places, which) => {
      if (deep) return PLACES.outputs(places, model.w, new Float64Array(places.count));
      return CONSTANT_KERNEL.predict(model, name === "linear" ? places.rows : run.rows[which], places.first);
    };
    let lossTest = null;
    if (want.test && test) {
      lossTest = 0;
      predict(test, "test").forEach((value, i) => (lossTest += model.loss.value(value, testY[i]) / testY.length));
    }
    return {
      loss: model.value / n, lossTest, outputs,
      inBasis: EIGEN.coordinates(eigen0.vectors, minus(outputs, first), n),
      moved: deep ? MATRIX.distance(model.w, run.start) / length
        : name === "linear" ? CONSTANT_KERNEL.moved(model) / length : null,
      diverged: model.diverged,
      functions: want.functions && grid ? predict(grid, "grid") : null,
    };
  }

  function ofKernel({ n, models, kernel0, y, first }) {
    const now = TRAINED_NETWORK.kernel(models.network), eigen = EIGEN.symmetric(now, n), gap = minus(y, first);
    return {
      now, change: MATRIX.distance(now, kernel0) / MATRIX.norm(kernel0), lambdaMax: eigen.values[0],
      spectrum: spectrum(eigen, gap, n), alignment: alignment(now, gap, n),
    };
  }

  function ofQuery({ n, query, models, net }) {
    const { at, path, space, rows } = query, start = path.first;
    const network = MLP.forward(net, models.network.w, path.space)[0];
    const found = {
      at, start, outputs: { network, linear: null, infinite: null },
      network: path.contributions.slice(), linear: null, infinite: null,
      decay: { network: path.decay, linear: null, infinite: null },
    };
    for (const name of ["linear", "infinite"]) {
      const model = models[name], row = rows[name];
      if (!model) continue;
      found[name] = row.map((value, i) => value * model.force[i]);
      found.decay[name] = 0;
      for (let i = 0; i < n; i++) found.decay[name] += row[i] * (model.a[i] - model.force[i]);
      found.outputs[name] = CONSTANT_KERNEL.predict(model, row, Float64Array.of(start))[0];
    }
    const sum = found.network.reduce((total, each) => total + each, path.decay);
    return { ...found, error: Math.abs(network - start - sum) };
  }

  // After the steps since `from`; `begun` is when they began, by the clock.
  function frame(run, from, want, begun) {
    const models = {}, losses = { step: [] }, trained = performance.now();
    RUN.NAMES.forEach((name, k) => {
      models[name] = ofModel(run, name, want);
      losses[name] = run.models[name] ? run.losses.slice(from).map((row) => row[k]) : null;
    });
    for (let s = from; s < run.step; s++) losses.step.push(s + 1);
    const answer = {
      type: "frame", step: run.step, time: run.step * run.stepSize, models, losses,
      batch: run.batches.indices, kernel: want.kernel ? ofKernel(run) : null,
      query: want.query && run.query ? ofQuery(run) : null,
    };
    const done = performance.now();
    answer.took = done - begun;
    run.costs[costOf(want)] = done - trained;
    return answer;
  }
  const costOf = ({ functions, kernel, test, query }) => [functions, kernel, test, query].map(Boolean).join();

  // How long what is wanted took when it was last computed, in milliseconds.
  const cost = (run, want) => run.costs[costOf(want)] ?? 0;

  // Every step's losses, as text.
  function csv({ losses, models }) {
    const names = RUN.NAMES.filter((name) => models[name]);
    const row = (each) => RUN.NAMES.map((name, k) => [name, each[k]]).filter(([name]) => names.includes(name)).map(([, value]) => value);
    return [["step", ...names.map((name) => `loss of ${name}`)], ...losses.map((each, s) => [s + 1, ...row(each)])]
      .map((line) => line.join(",")).join("\n");
  }

  return { ready, frame, cost, csv };
})();
