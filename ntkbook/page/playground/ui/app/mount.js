// The playground in an element: puts the parts together, draws what the player brings, and
// keeps the address. It needs everything above it and the engine's STATE, PYTHON, HOST.
const mountPlayground = (() => {
  const { html } = KIT;
  const CURVE = 141, MAP = 36; // places of a curve; of a map in each direction
  const REST = 200; // milliseconds until a query that is moved is taken
  const NARROW = 680; // pixels: below, one column (as in layout.css)
  const WRITE = 400; // milliseconds after a change until the address is written
  const BUDGET = 12; // milliseconds of the engine for a frame: with messages 1/60 s at most

  function mount(figure, given) {
    const still = figure.querySelector(".ntk-still");
    const book = figure.dataset.book ?? "", addressed = "address" in figure.dataset;
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const host = HOST.connect(figure.dataset.worker);
    const app = { sign: 1, speed: "growing", hidden: false, lastTest: {} };
    const shown = { network: true, linear: true, infinite: true, target: true, test: true };
    const first = STATE.complete(given ?? {});
    let marked = null, held = false, query = null, table = null, pending = null, asking = 0;
    let view = null; // what is drawn: the data, before the engine has answered
    let alive = true, painted = 0;

    app.names = NAMES.of(book);
    app.dimension = () => (view ? view.data.x[0].length : 1);
    app.binary = () => EDIT.binary(app.store.get());
    app.look = (index) => {
      marked = index;
      draw();
    };
    app.tell = (text) => bar.tell(text);
    app.fresh = () => { // with axes that fit what is shown now
      plots.restart();
      draw();
    };

    // --- the state
    const inner = STORE.create(first, (state, why) => changed(state, why));
    app.store = {
      ...inner,
      change: (field, recipe) => inner.change(field, (draft) => {
        recipe(draft);
        EDIT.repair(draft);
      }),
    };
    app.edit = EDIT.edits(app);
    function changed(state, why) {
      if (state.data.kind !== "points") app.private = false;
      app.tell("");
      show(state, why);
      bar.history();
      if (!app.waiting) rebuild(!calm.matches || player.running());
    }
    function show(state, why) {
      const { d, x, y, testX, testY } = STATE.points(state);
      const rows = (inputs) => Array.from(inputs, (at) => [...at]);
      const before = view?.data.x[0].length;
      view = { ...(before === d ? view : {}), data: { x: rows(x), y: [...y] }, test: { x: rows(testX), y: [...testY] } };
      if (query?.length !== d) query = d === 1 ? [0.3] : Array.from({ length: d }, () => 0);
      view.query = query;
      if (!/^(point|new point|without)/.test(why ?? "")) plots.restart();
      plots.choose(d);
      controls.show(state);
      draw();
    }
    function grid(d, state) {
      const far = d === 1 ? Math.max(2.5, ...view.data.x.map(([at]) => Math.abs(at) + 0.3)) : 2.5;
      if (d === 1) return { low: [-far], high: [far], count: [CURVE] };
      if (d === 2) return { low: [-far, -far], high: [far, far], count: [MAP, MAP] };
      return null;
    }
    let latest = null;
    function rebuild(run, until = null) {
      const state = app.store.get(), wrong = STATE.problems(state);
      if (wrong.length) {
        app.tell(wrong.map(({ field, text }) => `${field} ${text}.`).join(" "));
        return;
      }
      latest = grid(view.data.x[0].length, state);
      player.set(STORE.copy(state), latest, { run, until });
      player.query(query);
      address();
    }
    app.start = (partial, { query: at = null, until = null, wait = false } = {}) => {
      query = at;
      if (!wait) quiz.leave();
      quietly(STATE.complete(partial));
      rebuild(!wait, until);
    };
    // Take a whole setting without starting to run.
    function quietly(state) {
      app.waiting = true;
      app.store.replace(state, "start");
      app.waiting = false;
      show(app.store.get());
    }
    app.runTo = async (steps) => {
      player.start(steps);
      return player.stopped();
    };
    app.restart = () => rebuild(player.running());
    app.reset = () => {
      query = null;
      app.store.replace(first, "reset");
    };
    app.toggle = () => (player.running() ? player.pause() : player.start());
    app.step = (count) => player.step(count);
    app.askKappa = () => player.kappa();
    app.hide = (on) => {
      app.hidden = on;
      live.classList.toggle("ntkp-hides", on);
      for (const part of secret) part.toggleAttribute("inert", on);
      controls.node.toggleAttribute("inert", on);
      bar.lock(on);
    };

    // --- the player
    const player = PLAYER.create(host, {
      ready: () => plots.restart(),
      frame: (run) => {
        app.lastTest = run.lastTest;
        draw();
      },
      problems: (list) => app.tell(list.map(({ field, text }) => `${field} ${text}.`).join(" ")),
      state: (running) => {
        bar.running(running);
        live.classList.toggle("ntkp-runs-now", running);
        if (!running) {
          address();
          draw();
        }
      },
      fail,
    }, () => ({
      functions: true, kernel: true, query: true, query, budget: calm.matches ? 200 : BUDGET,
      speed: app.speed, pictured,
    }));
    // Until the next frame of the screen; with little motion wanted, 0.3 seconds.
    const pictured = () => new Promise((go) => {
      if (calm.matches && player.running()) setTimeout(go, 300);
      else if (document.hidden) setTimeout(go, 100);
      else requestAnimationFrame(() => go());
    });

    // --- parts
    const on = {
      move: (index, x, y) => {
        held = true;
        app.edit.move(index, x, y);
      },
      rest: () => {
        held = false;
        draw();
      },
      add: (x, y) => app.edit.add(x, y),
      remove: (index) => app.edit.remove(index),
      look: app.look,
      held: () => held,
      query: (at) => {
        query = at.map((value) => Number(Math.max(-EDIT.EDGE, Math.min(EDIT.EDGE, value)).toFixed(3)));
        view.query = query;
        draw();
        clearTimeout(asking); // contributions need the whole run again: when the hand rests
        asking = setTimeout(() => {
          address();
          player.query(query);
        }, REST);
      },
    };
    const bar = TRANSPORT.transport(app);
    const controls = CONTROLS.controls(app);
    const numbers = NUMBERS.numbers(app);
    const plots = PICTURES.pictures(app, on, shown, () => draw());
    const diagnostics = DIAGNOSTICS.diagnostics(app);
    const tours = TOURS.tours(app), quiz = QUIZ.quiz(app);
    app.leaveTour = tours.leave;
    tours.node.querySelector(".ntkp-tour-row").append(quiz.start);
    const words = PICTURES.caption();
    const secret = [words.badge, words.node, numbers.node, ...Object.values(diagnostics.parts)];
    const { losses, basis, matrix, spectrum, arguments: argue } = diagnostics.parts;
    const live = html("div", { class: "ntkp" },
      tours.node, quiz.node, bar.node, bar.note, bar.codeBox,
      html("div", { class: "ntkp-kept" }, words.badge, html("div", { class: "ntkp-grid-all" }, controls.node,
        html("div", { class: "ntkp-middle" }, words.node, plots.node, losses, basis, matrix),
        html("div", { class: "ntkp-side" }, numbers.node, argue, spectrum))));
    for (const part of secret.slice(2)) part.append(html("p", { class: "ntkp-cover", "aria-hidden": "true" }, "?"));

    // --- drawing, at most once a picture of the screen
    function draw() {
      pending ??= requestAnimationFrame(() => {
        pending = null;
        if (!alive) return;
        try {
          paint();
        } catch (error) {
          fail(error);
        }
      });
    }
    function paint() {
      table ??= FIELD.colours(live);
      const { run } = player, { ready, frame } = run;
      plots.fit();
      diagnostics.fit();
      view.marked = marked;
      if (frame && ready.d === view.data.x[0].length) {
        const { network, linear, infinite } = frame.models;
        const values = { network: network.functions, linear: linear.functions, infinite: infinite?.functions ?? null };
        if (values.network) Object.assign(view, functionsOf(ready, values, latest));
        else if (!latest) Object.assign(view, { curves: null, maps: null });
        view.atQuery = run.query?.outputs;
      }
      plots.draw(view, table);
      if (!frame) return;
      bar.show(frame.step, run.took);
      painted++;
      if (player.running() && painted % 2) return; // functions move, the rest follows
      words.show(WORDS.caption(app.store.get(), ready, frame, run.seen), player.running());
      numbers.show(run);
      diagnostics.draw({ ...run, marked, table }, shown);
    }
    function functionsOf(ready, values, { low, high, count }) {
      if (ready.d === 1) {
        const x = Array.from({ length: count[0] }, (_, k) => low[0] + ((high[0] - low[0]) * k) / (count[0] - 1));
        return { curves: { x, ...values, target: targetOf(app.store.get().data.kind, x) }, maps: null };
      }
      // The grid's first row is the lowest; a picture's is the highest.
      const flip = (grid) => grid && Float64Array.from({ length: MAP * MAP }, (_, k) =>
        grid[(MAP - 1 - Math.floor(k / MAP)) * MAP + (k % MAP)]);
      return { curves: null, maps: { columns: MAP, rows: MAP, box: [low[0], high[0]], ...Object.fromEntries(
        Object.entries(values).map(([name, grid]) => [name, flip(grid)])) } };
    }

    const targetOf = (kind, x) => (STATE.target(kind, 0) === null ? null : x.map((at) => STATE.target(kind, at)));

    // --- the address
    let writing = 0;
    function link() {
      const at = player.run.frame && !player.running() ? player.run.frame.step : null;
      return LINK.write(app.store.get(), { query, at });
    }
    // A reader's own points are written only into a link that is asked for.
    function address() {
      if (!addressed || !alive) return;
      clearTimeout(writing);
      writing = setTimeout(() => {
        const place = location.href.split("#")[0];
        history.replaceState(null, "", app.private ? place : `${place}#${link()}`);
        mine = location.hash;
      }, WRITE);
    }
    let mine = "";
    function follow() {
      if (location.hash === mine) return false;
      const found = LINK.read(location.hash);
      if (!found) return false;
      open(found);
      return true;
    }
    function open({ state, view: { query: at, at: until }, problems, tour }) {
      const guided = TOURS.ALL.find(({ key }) => key === tour);
      if (guided) return tours.open(guided, false);
      query = at ?? null;
      quietly(state);
      rebuild(until !== 0 && (until !== undefined || !calm.matches), until ?? null);
      if (problems.length) app.tell(`The address has settings that are not possible, and these were left out: ${problems.join("; ")}.`);
    }
    app.copy = async (text, done) => {
      try {
        await navigator.clipboard.writeText(text);
        app.tell(done);
      } catch {
        window.prompt("Copy this:", text);
      }
    };
    app.copyLink = () => {
      const here = addressed ? location.href.split("#")[0] : "";
      const own = app.store.get().data.kind === "points" ? " It contains your points." : "";
      app.copy(`${here}#${link()}`, `The link is copied.${own}`);
    };
    app.python = () => PYTHON.snippet(app.store.get(), player.run.frame?.step || 1); // of no step there is nothing to print
    app.saveSVG = () => SAVE.download("playground.svg", SAVE.picture(live.querySelector(".ntkp-kept"), "Playground"), "image/svg+xml");
    app.savePNG = async () => SAVE.download("playground.png", await SAVE.raster(SAVE.picture(live.querySelector(".ntkp-kept"), "Playground")), "image/png");
    app.saveCSV = async () => SAVE.download("run.csv", (await player.save()).csv, "text/csv");

    // --- begin
    function fail(error) {
      alive = false;
      clearTimeout(writing);
      live.remove();
      if (still) still.hidden = false;
      console.error(error);
    }
    still?.after(live);
    if (!still) figure.append(live);
    if (still) still.hidden = true;
    // On a phone the picture comes first, and the controls are folded.
    let narrow = null;
    const arrange = () => {
      if (narrow === live.clientWidth < NARROW) return;
      narrow = live.clientWidth < NARROW;
      bar.narrow(narrow);
      if (narrow) plots.node.after(controls.node);
      else live.querySelector(".ntkp-grid-all").prepend(controls.node);
      controls.folds.forEach((each) => (each.node.open = !narrow));
    };
    arrange();
    bar.history();
    const found = addressed ? LINK.read(location.hash) : null;
    if (found) open(found);
    else {
      show(first);
      rebuild(!calm.matches);
    }
    if (addressed) window.addEventListener("hashchange", follow);
    new ResizeObserver(() => {
      arrange();
      draw();
    }).observe(live);
    const repaint = () => {
      table = null;
      draw();
    };
    new MutationObserver(repaint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    live.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.matches("textarea")) return;
      event.preventDefault();
      if (event.shiftKey) app.store.redo();
      else app.store.undo();
    });
    return { app, player };
  }

  return (figure, state = null) => {
    if (figure.dataset.mounted) return null;
    figure.dataset.mounted = "yes";
    try {
      figure.playground = mount(figure, state); // for tests, and for the console
      return figure.playground;
    } catch (error) {
      figure.querySelector(".ntkp")?.remove();
      const still = figure.querySelector(".ntk-still");
      if (still) still.hidden = false;
      console.error(error);
      return null;
    }
  };
})();
