// Messages in, answers out: what a worker or the page itself calls (see the head of host.js).
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
      return FRAME.frame(run, RUN.steps(run, steps, budget), want, begun);
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
