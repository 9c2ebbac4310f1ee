// Messages in, answers out: what a worker or the page itself calls. The page asks for the next
// frame when the last has come, and that is the clock. All models begin with the network's
// initial function and make the same steps, so they differ in their kernel alone.
//
// {type: "set", state, grid}   builds everything; grid: {low, high, count}, a number for each
//   input, or null. Its places stand with the first input running fastest.
//   -> {type: "problems", problems: [{field, text}]}, or {type: "ready"} with
//      n, nTest, d, x, y, testX, testY; weights (how many); lambdaMax, stepSize, rho;
//      threshold: of the state's step, above which a linear model can diverge;
//      kernel0, infiniteKernel (or null, and noInfinite says why); spectrum0,
//      infiniteSpectrum: {values, energy}, falling, and the fraction of |y - f0|^2 along each;
//      targets: y - f0 in the eigenbasis of kernel0; frame: that of step 0, with everything
//
// {type: "run", steps, budget, want}   at most so many steps, at least one; they and the frame
//   take about so many milliseconds, as far as one can tell from the frames before;
//   want: {functions, kernel, test, query}, true where the frame is to have that part
//   -> {type: "frame"} with step, time (eta times steps), took (milliseconds);
//      models: network, linear, infinite (or null), each with loss and lossTest (means over
//        points, without the decay), outputs, inBasis (outputs - f0 in kernel0's eigenbasis),
//        moved (|w - w0| / |w0|), functions (on the grid), and diverged: null or the step
//        whose result was no number, or a loss 1e10 times too large; the numbers stay those
//        of the step before;
//      losses: step and, for each model, those of the steps in this frame; batch: indices;
//      kernel: now, change (|K - K0| / |K0|), lambdaMax, spectrum, alignment (with y - f0);
//      query: at, start (output there before training), outputs; network, linear, infinite:
//        contributions of the points; decay: what weight decay did; error: how far start,
//        contributions and decay are from the network's output
//
// {type: "query", at, budget}   follow the contributions at this input (null: at none). They
//   need the whole path, so the run is made once more, for budget milliseconds at a time
//   -> {type: "query", done, part}: ask again with the same input until done
// {type: "kappa", budget}   the inverse relative scale at initialisation; its second derivative's
//   norm is searched, likewise in pieces, and only grows
//   -> {type: "kappa", done, value, residual, jacobian, hessian}
// {type: "save"}   -> {type: "run", csv}: the losses of all steps
// What is asked without a setting that runs: -> {type: "stale"}
const serve = () => {
  let run = null;
  const answers = {
    set({ state, grid }) {
      run = null;
      const whole = STATE.complete(state), problems = STATE.problems(whole);
      if (problems.length) return { type: "problems", problems };
      try {
        run = RUN.create(whole, grid);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        return { type: "problems", problems: [{ field: "network.scale", text: error.message }] };
      }
      return FRAME.ready(run);
    },
    run({ steps = 1, budget = 12, want = {} }) {
      const begun = performance.now();
      return FRAME.frame(run, RUN.steps(run, steps, budget - FRAME.cost(run, want)), want, begun);
    },
    query({ at, budget = 12 }) {
      const part = RUN.follow(run, at, budget);
      return { type: "query", done: part === 1, part };
    },
    kappa: ({ budget = 12 }) => ({ type: "kappa", ...RUN.kappa(run, budget) }),
    save: () => ({ type: "run", csv: FRAME.csv(run) }),
  };
  return (message) => {
    if (message.type !== "set" && !run) return { type: "stale" }; // its setting has problems
    return answers[message.type](message);
  };
};
