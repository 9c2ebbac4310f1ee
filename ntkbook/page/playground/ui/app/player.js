// Runs the engine: asks for one frame after the other, so that nothing queues up, and keeps
// what the run has shown so far. It draws nothing. It needs WORDS and TRANSPORT (the speeds).
const PLAYER = (() => {
  const SPAN = 4000; // steps of one press of Run
  const DONE = 1e-10; // of the initial loss: there is nothing left to see
  const THIN = 0.0015; // distance of two points of a loss curve, in powers of ten of the step
  const KERNEL_EVERY = 4, TEST_EVERY = 4; // frames
  const SLOW = 16; // milliseconds of a frame, beyond which functions come in every third
  const HEAVY = 1e6; // weights times points, beyond which κ is computed on request
  const BUDGET = 30; // milliseconds of one look for κ

  // `on`: ready(run), frame(run), problems(list), state(running), fail(error).
  function create(host, on, wishes) {
    const run = {
      ready: null, frame: null, kernel: null, query: null, seen: null, kappa: null, history: null, took: 0,
    };
    let wanted = null, looks = false, running = false, busy = false, goal = 0, frames = 0, closed = false;
    let waiting = []; // those who wait for the run to stop
    let queried = null, kappaWanted = false, last = 0;

    function clear() {
      Object.assign(run, { kernel: null, query: null, kappa: null, seen: null, lastTest: {} });
      run.history = { step: [], network: part(), linear: part(), infinite: part() };
      queried = null;
      frames = 0;
    }
    const part = () => ({ train: [], test: [] });

    // Losses are kept where they can be told apart on an axis of log(1 + step); the last
    // one always is.
    function keep(frame) {
      const { history } = run, { losses } = frame;
      const put = (step, values, tests) => {
        const at = Math.log10(1 + step), count = history.step.length;
        if (count > 1 && at - Math.log10(1 + history.step[count - 2]) < THIN) {
          history.step.pop();
          for (const model of ["network", "linear", "infinite"]) {
            history[model].train.pop();
            history[model].test.pop();
          }
        }
        history.step.push(step);
        for (const model of ["network", "linear", "infinite"]) {
          history[model].train.push(values[model]);
          history[model].test.push(tests[model] ?? NaN);
        }
      };
      if (!history.step.length) {
        const first = {}, tests = {};
        for (const [model, found] of Object.entries(frame.models)) {
          first[model] = found?.loss ?? NaN;
          tests[model] = found?.lossTest ?? NaN;
        }
        put(frame.step, first, tests);
      }
      const steps = losses?.step ?? [];
      for (let k = 0; k < steps.length; k++) {
        if (steps[k] <= history.step.at(-1)) continue;
        const now = {};
        for (const model of ["network", "linear", "infinite"]) now[model] = losses[model]?.[k] ?? NaN;
        put(steps[k], now, {});
      }
      if (run.tested) for (const model of ["network", "linear", "infinite"])
        history[model].test[history.step.length - 1] = run.lastTest[model] ?? NaN;
    }

    function take(frame) {
      run.frame = frame;
      run.took = frame.took;
      run.tested = false;
      for (const [model, found] of Object.entries(frame.models))
        if (found && found.lossTest !== null && found.lossTest !== undefined) {
          run.lastTest[model] = found.lossTest;
          run.tested = true;
        }
      run.seen = WORDS.observe(run.seen, frame, run.ready, run.places);
      if (frame.kernel) {
        run.kernel = frame.kernel;
        run.seen.alignment = frame.kernel.alignment;
      }
      if (frame.query) run.query = frame.query;
      keep(frame);
      on.frame(run);
    }

    // Nothing is left to see once all models have diverged or have nothing more to learn.
    function finished() {
      const first = run.seen.first;
      return Object.values(run.frame.models).filter(Boolean)
        .every((model) => model.diverged !== null || model.loss <= DONE * first);
    }

    function look(everything = false) {
      frames++;
      const { functions, kernel, query } = wishes();
      return {
        functions: functions && (everything || run.took < SLOW || frames % 3 === 1),
        kernel: kernel && (everything || frames % KERNEL_EVERY === 1),
        test: everything || run.took < SLOW || frames % TEST_EVERY === 1,
        query: query && queried !== null && (everything || frames % 2 === 1),
      };
    }

    async function build() {
      const { state, grid } = wanted;
      wanted = null;
      const answer = await host.ask({ type: "set", state, grid });
      if (answer.type === "stale") return;
      if (answer.type === "problems") {
        stop();
        on.problems(answer.problems);
        return;
      }
      clear();
      run.ready = answer;
      run.places = WORDS.inside(answer, grid);
      run.kappa = answer.weights * answer.n > HEAVY ? "ask" : null;
      kappaWanted = run.kappa === null;
      run.frame = null;
      on.ready(run);
      take(answer.frame);
    }

    async function advance() {
      const at = run.frame.step, speed = wishes().speed, [, steps, pause] = TRANSPORT.SPEEDS[speed];
      const wait = pause - (performance.now() - last);
      if (wait > 0) await new Promise((go) => setTimeout(go, Math.min(wait, 60)));
      if (wait > 60) return;
      last = performance.now();
      const count = Math.max(0, Math.min(steps(at), goal - at));
      const end = at + count >= goal;
      const answer = await host.ask({ type: "run", steps: count, budget: wishes().budget, want: look(end) });
      if (answer.type !== "frame" || wanted) return;
      take(answer);
      if (answer.step >= goal || finished()) {
        if (!end) await peek();
        stop();
      }
    }

    async function peek() {
      const answer = await host.ask({ type: "run", steps: 0, budget: 0, want: look(true) });
      if (answer.type === "frame" && !wanted) take(answer);
    }

    const sameQuery = (at) => JSON.stringify(at) === JSON.stringify(queried);
    async function cycle() {
      if (busy || closed) return;
      busy = true;
      try {
        while (!closed) {
          // While it runs, the next frame is waited for from here on: so the next message
          // leaves before the page draws, and after a late answer, at once.
          const early = running ? wishes().pictured() : null, at = run.asked;
          if (wanted) await build();
          else if (run.frame && at && !sameQuery(at)) {
            const answer = await host.ask({ type: "query", at });
            if (answer.type === "query" && answer.done && !wanted) {
              queried = at;
              if (!running) await peek();
            }
          } else if (running) await advance();
          else if (looks) {
            looks = false;
            if (run.frame) await peek();
          } else if (kappaWanted && run.frame) {
            const answer = await host.ask({ type: "kappa", budget: BUDGET });
            if (answer.type === "kappa" && !wanted) {
              kappaWanted = !answer.done;
              run.kappa = { value: answer.value, done: answer.done };
              on.frame(run);
            }
          } else break;
          await (running && early ? early : wishes().pictured());
        }
      } catch (error) {
        closed = true;
        on.fail(error);
      } finally {
        busy = false;
      }
    }

    function stop() {
      if (running) {
        running = false;
        on.state(false);
      }
      for (const done of waiting.splice(0)) done(run.frame ? run : null);
    }
    return {
      run,
      running: () => running,
      where: () => host.where,
      // Whether nothing runs and nothing is asked for.
      idle: () => !running && !busy && !wanted && run.frame !== null,
      // Build a setting anew, and go on running if it ran.
      set: (state, grid, { run: go = running, until = null } = {}) => {
        wanted = { state, grid };
        goal = until ?? SPAN;
        if (go !== running) {
          running = go;
          on.state(go);
        }
        cycle();
      },
      start: (until = null) => {
        const at = run.frame && !wanted ? run.frame.step : 0;
        goal = until ?? Math.max(SPAN, 2 * at);
        running = true;
        on.state(true);
        cycle();
      },
      pause: () => {
        stop();
        looks = true;
        cycle();
      },
      step: (count) => {
        stop();
        goal = (run.frame?.step ?? 0) + count;
        running = true;
        on.state(true);
        cycle();
      },
      query: (at) => {
        run.asked = at;
        cycle();
      },
      kappa: () => {
        run.kappa = null;
        kappaWanted = true;
        cycle();
      },
      // Resolves with the run when it stops.
      stopped: () => new Promise((done) => waiting.push(done)),
      save: () => host.ask({ type: "save" }),
      close: () => {
        closed = true;
        host.close();
      },
    };
  }
  return { create, SPAN };
})();
