// The page's part of the network that trains in the browser: pictures, handles, sliders.
// It needs NTK (network.js) and PARTS (parts.js) above it, and nothing else.
const mountTrain = (() => {
  const X = 4, Y = 5; // the panels of the functions show -X..X and -Y..Y
  const COUNT = 81; // points of a curve
  const SECONDS = 5, GROWTH = 4; // a run on the clock; it speeds up by exp(GROWTH)
  const BUDGET = 7; // milliseconds of training in one frame
  const DATA = { x: [-2, 0.5], y: [3, 1] };
  const SCALES = [10, 0.1], WIDTH = 64, SEED = 2;
  const { dress, html, svg, line, key, marks, clamp, minus, join, slider, handle } = PARTS;
  const round = (number) => minus(Number(number.toPrecision(2)));
  const percent = (share) => {
    const value = 100 * share;
    return `${value.toFixed(value < 0.095 ? 2 : value < 9.5 ? 1 : 0)}%`;
  };

  // One column: a network at one output scale, with its pictures and its slider.
  function column(number, page) {
    const own = {};
    let alpha = SCALES[number], trail = [], tangentTrail = [], net, gridKey;
    const name = html("strong");
    const moved = html("b"), changed = html("b"), fill = html("span");
    const handles = [0, 1].map((j) => handle(j, X, Y, number === 0, page.safely,
      () => [page.x[j], page.y[j]], (x, y) => page.movePoint(j, x, y)));
    const grid = svg("g", { class: "ntk-grid" }), planeGrid = svg("g", { class: "ntk-grid" });
    const tangent = line("linearised"), model = line("network");
    const ellipse0 = svg("ellipse", { class: "ntk-line ntk-linearised" });
    const ellipse = svg("ellipse", { class: "ntk-line ntk-network" });
    const tangentPath = line("linearised"), modelPath = line("network");
    const target = svg("path", { class: "ntk-target" });
    const dot = svg("rect", { class: "ntk-dot", width: 8, height: 8 });
    own.functions = svg("svg", { class: "ntk-functions", role: "group" }, grid, tangent, model,
      ...handles.map((each) => each.node));
    own.plane = svg("svg", { class: "ntk-plane", role: "img" }, planeGrid, ellipse0, ellipse,
      tangentPath, modelPath, target, dot);
    own.node = html("div", { class: "ntk-column" },
      slider("Output scale α", name, -1, 1.5, 0.1, Math.log10(alpha),
        (at) => `output × ${round(10 ** at)}`, page.safely((at) => {
          alpha = 10 ** at;
          page.restart();
        })),
      own.functions,
      html("p", { class: "ntk-read" }, "weights moved by ", moved,
        html("span", {}, " of their norm")),
      html("div", { class: "ntk-bar" }, fill),
      own.plane,
      html("p", { class: "ntk-read" }, "kernel changed by ", changed));

    own.start = () => {
      own.net = net = NTK.createNetwork(page.width, alpha, page.seed, page.x, page.y);
      own.cut();
    };
    own.cut = () => {
      trail = [];
      tangentTrail = [];
      // How far the linearised model's weights will go says which regime this is.
      const { values, axis: [cos, sin] } = NTK.eigen(net.kernel0), [p, q] = page.y;
      const squares = (cos * p + sin * q) ** 2 / values[0] + (cos * q - sin * p) ** 2 / values[1];
      const far = Math.sqrt(squares) / (alpha * Math.hypot(...net.start));
      own.regime = far < 0.03 ? "Lazy" : far < 0.15 ? "In between" : "Rich";
      name.textContent = own.regime;
      own.functions.setAttribute("aria-label", `${own.regime}, output × ${round(alpha)}: the `
        + "network, its linear model and the two data points");
    };

    own.measure = () => {
      const now = NTK.kernel(net), curves = NTK.curves(net, -X, X, COUNT);
      own.change = Math.hypot(...now.map((k, i) => k - net.kernel0[i])) / Math.hypot(...net.kernel0);
      own.moved = NTK.travelled(net);
      own.gap = 0;
      curves.model.forEach((v, k) => (own.gap = Math.max(own.gap, Math.abs(v - curves.line[k]))));
      own.left = Math.hypot(...NTK.outputs(net).map((out, j) => out - net.y[j]));
      return { now, curves };
    };

    // Note where the outputs are, for their path in the plane.
    own.record = () => {
      const out = NTK.outputs(net), lin = NTK.tangentOutputs(net, net.x), last = trail.at(-1);
      if (!last || Math.hypot(last[0] - out[0], last[1] - out[1]) > 0.02) {
        trail.push(out);
        tangentTrail.push(lin);
      }
      return [out, lin];
    };

    own.draw = () => {
      const { now, curves } = own.measure(), [w, high, side] = page.size;
      const at = (x, y) => [(w * (x + X)) / (2 * X), (high * (Y - y)) / (2 * Y)];
      const draw = (node, values) => node.setAttribute("d", join(Array.from(values, (v, k) =>
        at(-X + (2 * X * k) / (COUNT - 1), clamp(v, 3 * Y)))));
      draw(model, curves.model);
      draw(tangent, curves.line);
      handles.forEach((each, j) => each.place(at(page.x[j], page.y[j]), page.x[j], page.y[j]));

      const [out, lin] = own.record();
      // The plane has room for 0, the target and the kernel's first ellipse around it.
      const [p, q] = page.y, reach = 0.8 + 0.2 * Math.hypot(p, q);
      const unit = Math.min(w / (Math.abs(p) + 2 * reach + 0.6), side / (Math.abs(q) + 2 * reach + 0.6));
      const to = ([a, b]) => [w / 2 + unit * (a - p / 2), side / 2 - unit * (b - q / 2)];
      modelPath.setAttribute("d", join([...trail, out].map(to)));
      tangentPath.setAttribute("d", join([...tangentTrail, lin].map(to)));
      const [u, v] = to(page.y), [a, b] = to(out);
      target.setAttribute("d", `M${u - 6} ${v - 6}l12 12m0 -12l-12 12`);
      dress(dot, { x: a - 4, y: b - 4 });
      const level = reach * Math.sqrt(NTK.eigen(net.kernel0).values[1]);
      for (const [node, matrix] of [[ellipse0, net.kernel0], [ellipse, now]]) {
        const { values, axis } = NTK.eigen(matrix);
        const turn = (-180 / Math.PI) * Math.atan2(axis[1], axis[0]);
        const [rx, ry] = values.map((each) => Math.min((unit * level) / Math.sqrt(each), 9 * w));
        dress(node, { cx: u, cy: v, rx, ry, transform: `rotate(${turn} ${u} ${v})` });
      }
      const key = [w, high, side, p, q].join();
      if (key !== gridKey) {
        gridKey = key;
        for (const [node, h] of [[own.functions, high], [own.plane, side]])
          dress(node, { viewBox: `0 0 ${w} ${h}`, width: w, height: h });
        rule(grid, w, high, ([x, y]) => at(x, y), 2, "input →", "↑ output");
        rule(planeGrid, w, side, to, 1, "output at 1 →", "↑ output at 2");
      }
      moved.textContent = percent(own.moved);
      changed.textContent = percent(own.change);
      fill.style.width = `${Math.min(100, 100 * own.moved)}%`;
      const [o1, o2, t1, t2] = [...out, p, q].map((each) => minus(each.toFixed(1)));
      own.plane.setAttribute("aria-label", `${own.regime}: the outputs are ${o1} and ${o2}, the `
        + `targets ${t1} and ${t2}; the kernel's ellipse has changed by ${percent(own.change)}`);
    };
    own.words = () => `${own.regime}, output × ${round(alpha)}: weights moved by `
      + `${percent(own.moved)}, kernel changed by ${percent(own.change)}, network and linear `
      + `model differ by up to ${own.gap.toFixed(2)}. `;
    return own;
  }

  // Axes through 0 with ticks, in a picture of w by h pixels.
  function rule(group, w, h, to, every, across, up) {
    const [u, v] = to([0, 0]);
    group.replaceChildren(svg("path", { d: `M0 ${v}H${w}M${u} 0V${h}` }));
    for (let k = -8; k <= 8; k += every) {
      const [x, y] = to([k, k]);
      if (!k) continue;
      if (x > 12 && x < w - 12) group.append(svg("path", { d: `M${x} ${v - 3}v6` }),
        svg("text", { x, y: v + 15, "text-anchor": "middle" }, minus(k)));
      if (y > 22 && y < h - 8) group.append(svg("path", { d: `M${u - 3} ${y}h6` }),
        svg("text", { x: u - 6, y: y + 4, "text-anchor": "end" }, minus(k)));
    }
    group.append(svg("text", { x: w - 6, y: h - 7, "text-anchor": "end" }, across),
      svg("text", { x: 6, y: 15 }, up));
  }

  // The whole piece. The still picture inside the figure stands until it runs.
  function mount(figure) {
    const still = figure.querySelector(".ntk-still");
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const page = { x: [...DATA.x], y: [...DATA.y], width: WIDTH, seed: SEED };
    const ui = html("div", { class: "ntk-live" });
    const words = html("p", { class: "ntk-words", role: "status" });
    let state = "paused"; // or "playing", or "finishing": on to the end without pictures
    let held = false; // the reader has paused it, so a change does not start it again
    let dirty = true, frame = 0, before = 0;
    let clock = 0, horizon = 1; // seconds of the run; the flow's time at its end
    let cost = 0.05; // milliseconds of one step, as measured
    let columns = [];

    // If anything goes wrong, the still picture comes back.
    const fail = (error) => {
      cancelAnimationFrame(frame);
      ui.remove();
      still.hidden = false;
      console.error(error);
    };
    const safely = (action) => (...given) => {
      try {
        return action(...given);
      } catch (error) {
        fail(error);
      }
    };

    // Train both networks for the same time of the flow; for a part of it, if the
    // budget of milliseconds does not suffice.
    function train(time, budget) {
      const needed = columns.reduce((sum, { net }) => sum + 1 + time / NTK.stepSize(net), 0);
      const share = Math.min(1, budget / (needed * cost)), began = performance.now();
      let taken = 0;
      for (const { net, record } of columns)
        for (let left = time * share; left > 0; taken++) {
          const h = Math.min(NTK.stepSize(net), left);
          if (taken % 3 === 0) record();
          NTK.step(net, h);
          left -= h;
        }
      cost += 0.2 * ((performance.now() - began) / Math.max(1, taken) - cost);
      return share;
    }
    // Time is exponential in the clock: the kernel's directions are learned one after
    // the other, each at its own scale of time.
    const timeAt = (at) => (horizon * Math.expm1((GROWTH * at) / SECONDS)) / Math.expm1(GROWTH);
    function advance(seconds, budget = Infinity) {
      const next = Math.min(SECONDS, clock + seconds);
      clock += train(timeAt(next) - timeAt(clock), budget) * (next - clock);
      if (SECONDS - clock < 1e-6) clock = SECONDS;
    }
    const tick = safely((now) => {
      frame = 0;
      if (state !== "paused") {
        const seconds = Math.min(0.05, Math.max(0, now - before) / 1000);
        if (state === "playing") advance(seconds, BUDGET);
        else advance(SECONDS, 2 * BUDGET);
        if (clock < SECONDS) wake();
      }
      before = now;
      const ended = clock === SECONDS && state !== "paused";
      if (dirty || ended || state === "playing") columns.forEach((each) => each.draw());
      dirty = false;
      if (ended) turn("paused");
    });
    const wake = () => (frame ||= requestAnimationFrame(tick));
    function turn(to) {
      state = to;
      before = performance.now();
      buttons[0].textContent = state === "playing" ? "Pause" : "Play";
      if (state === "paused") say();
      else words.textContent = "Training … Drag a data point, move a scale or the width, and "
        + "look where the blue line leaves the dashed one.";
      wake();
    }
    function say() {
      columns.forEach((each) => each.measure());
      const where = clock === SECONDS ? "Trained. " : clock ? "On the way. " : "At initialisation. ";
      words.replaceChildren(where, ...columns.map((each) => html("span", {}, each.words())));
    }
    // After a change, train from `at` on the clock, unless the reader has paused it.
    function changed(at = 0) {
      const { values } = NTK.eigen(columns[0].net.kernel0);
      horizon = Math.min(7 / values[1], 400 / values[0]);
      clock = at;
      dirty = true;
      if (calm.matches && state !== "playing") turn("finishing");
      else if (!held && state !== "playing") turn("playing");
      wake();
    }
    const restart = () => {
      columns.forEach((each) => each.start());
      changed();
    };
    Object.assign(page, { safely, restart });
    page.movePoint = (j, x, y) => {
      page.x[j] = clamp(x, X - 0.3);
      page.y[j] = clamp(y, Y - 0.6);
      for (const each of columns) {
        NTK.setData(each.net, page.x, page.y);
        each.cut();
      }
      changed(SECONDS / 2);
    };

    const button = (name, action) => {
      const node = html("button", { type: "button" }, name);
      node.addEventListener("click", safely(action));
      return node;
    };
    const buttons = [
      button("Play", () => {
        held = state === "playing";
        if (held) return turn("paused");
        turn("playing");
        if (clock === SECONDS) restart();
      }),
      button("Step", () => {
        held = true;
        if (clock === SECONDS) restart();
        advance(SECONDS / 10);
        dirty = true;
        turn("paused");
      }),
      button("To the end", () => turn("finishing")),
      button("Restart", () => {
        held = false;
        restart();
      }),
      button("Other weights", () => {
        page.seed++;
        restart();
      }),
    ];
    const width = slider("Width", html("span", {}, "Width"), 2, 10, 1, Math.log2(page.width), (at) => `${2 ** at} neurons`,
      safely((at) => {
        page.width = 2 ** at;
        restart();
      }));
    columns = [0, 1].map((number) => column(number, page));
    ui.append(
      html("p", { class: "ntk-legend" }, key(marks.point(), "data: drag them"),
        key(marks.line("network"), "network"), key(marks.line("linearised"), "its linear model"),
        key(svg("path", { class: "ntk-target", d: "M10 1l10 10m0 -10l-10 10" }), "target")),
      html("div", { class: "ntk-columns" }, ...columns.map((each) => each.node)),
      html("div", { class: "ntk-controls" }, ...buttons), width, words);
    still.after(ui);
    still.hidden = true;
    const fit = () => {
      const w = Math.max(120, Math.floor(columns[0].node.clientWidth));
      const high = Math.round(Math.min(230, Math.max(150, 0.62 * w)));
      page.size = [w, high, high];
      dirty = true;
      wake();
    };
    columns.forEach((each) => each.start());
    fit();
    new ResizeObserver(safely(fit)).observe(ui);
    const seen = new IntersectionObserver(safely(([entry]) => {
      if (!entry.isIntersecting) return;
      seen.disconnect();
      changed();
    }));
    seen.observe(ui);
    tick(performance.now());
  }

  return PARTS.guarded(mount);
})();
