// The page's part: the trained network and its data, and what each training point
// contributed to the output at a query. It needs BOOKS (books.js), FRAME and PARTS
// above it.
const mountContributions = (() => {
  const X = 3, Y = 2.4, REACH = 2.6; // the left panel shows -X..X and -Y..Y
  const WIDTH = 50, SEED = 2, TIME = 2, COUNT = 91;
  const AT = [-2.5, -1.8, -1.0, -0.4, 0.5, 1.1, 1.7, 2.6];
  const GRID = Array.from({ length: COUNT }, (_, k) => -X + (2 * X * k) / (COUNT - 1));
  const { html, svg, line, key, marks, dress, clamp, minus, join, slider, handle } = PARTS;
  const { column, axes } = FRAME;
  const bar = (name) => svg("path", { class: `ntk-${name}` });
  const signed = (number) => minus(`${number < 0 ? "" : "+"}${number.toFixed(2)}`);

  function mount(figure) {
    const { safely, tell, show } = FRAME.frame(figure);
    const x = [...AT], y = AT.map((at) => Math.sin(2 * at)), n = x.length;
    const start = PARTS.weights(WIDTH, SEED);
    let size = [300, 200], alpha = 10 ** -0.5, query = 0, high = 3, run, seen;

    const grid = svg("g", { class: "ntk-grid" }), ground = svg("g", { class: "ntk-grid" });
    const network = line("network"), linear = line("linearised");
    const cut = svg("path", { class: "ntk-line ntk-target" });
    const move = (i, atX, atY) => {
      x[i] = clamp(atX, REACH);
      y[i] = clamp(atY, Y - 0.2);
      learn();
    };
    const handles = x.map((_, i) => handle(i, X, Y, true, safely, () => [x[i], y[i]],
      (atX, atY) => move(i, atX, atY)));
    const left = svg("svg", { class: "ntk-functions ntk-slides", role: "group",
      "aria-label": "The trained network, its linear model, the query and eight data points" }, grid, cut, linear,
      network, ...handles.map((each) => each.node));
    // A bar for each point and one for their sum, and in outline those of the linear model.
    const bars = Array.from({ length: n + 1 }, () => [bar("share"), bar("outline")]);
    const right = svg("svg", { class: "ntk-functions", role: "img" }, ground, ...bars.flat());

    function learn() {
      run = BOOKS.train(start, x, y.map((goal) => goal / alpha), TIME);
      const { network: trained, linear: straight } = BOOKS.curves(run, GRID);
      seen = [trained, straight].map((values) => values.map((value) => alpha * value));
      draw();
    }

    function draw() {
      const [w, h] = size;
      const place = (at, value) => [(w * (at + X)) / (2 * X), (h * (Y - clamp(value, 2 * Y))) / (2 * Y)];
      [network, linear].forEach((curve, k) =>
        curve.setAttribute("d", join(seen[k].map((value, q) => place(GRID[q], value)))));
      const [u] = place(query, 0);
      cut.setAttribute("d", `M${u.toFixed(1)} 0V${h}`);
      handles.forEach((each, i) => each.place(place(x[i], y[i]), x[i], y[i]));
      axes(grid, w, h, place, [-2, -1, 1, 2], [-1, 1], "input →", "↑ output");

      const found = BOOKS.contributions(run, query), total = (all) => all.reduce((a, b) => a + b, 0);
      const scaled = (all) => Array.from(all, (value) => alpha * value);
      const shares = scaled(found.shares), flat = scaled(found.linear), output = alpha * found.output;
      const rows = [shares, flat].map((all) => [...all, total(all)]);
      const most = Math.max(...rows.flat().map(Math.abs));
      while (most > high) high *= 2; // it grows only, so that nothing jumps back and forth
      const slot = w / (n + 2), foot = 20;
      const middle = (i) => slot * (i + (i < n ? 0.75 : 1.25)); // the sum stands apart
      const level = (value) => ((h - foot) * (1 - value / high)) / 2;
      bars.forEach((pair, i) => pair.forEach((path, k) => {
        const half = slot * (k ? 0.36 : 0.3);
        path.setAttribute("d", `M${(middle(i) - half).toFixed(1)} ${level(0).toFixed(1)}`
          + `V${level(rows[k][i]).toFixed(1)}h${(2 * half).toFixed(1)}V${level(0).toFixed(1)}Z`);
      }));
      ground.replaceChildren(svg("path", { d: `M0 ${level(0).toFixed(1)}H${w}M${(slot * (n + 0.5)).toFixed(1)} 0V${h}` }));
      for (const value of [-high / 2, high / 2])
        ground.append(svg("path", { d: `M0 ${level(value)}h6` }),
          svg("text", { x: 9, y: level(value) + 4 }, minus(value)));
      for (let i = 0; i <= n; i++)
        ground.append(svg("text", { x: middle(i).toFixed(1), y: h - 6,
          "text-anchor": "middle" }, i < n ? String(i + 1) : "Σ"));
      for (const picture of [left, right])
        dress(picture, { viewBox: `0 0 ${w} ${h}`, width: w, height: h });

      const gap = Math.abs(total(shares) - output);
      const first = shares.indexOf(Math.max(...shares)), last = shares.indexOf(Math.min(...shares));
      const other = Math.max(...shares.map((value, i) => Math.abs(value - flat[i])));
      right.setAttribute("aria-label", `Contributions of the points 1 to 8: ${shares.map(signed).join(", ")}; `
        + `of the linear model: ${flat.map(signed).join(", ")}`);
      tell(`After ${run.slopes.length} steps the output at the query is ${signed(output)}. The contributions, from ${signed(shares[last])} of `
        + `point ${last + 1} to ${signed(shares[first])} of point ${first + 1}, add up to it with an error `
        + `${gap < 1e-12 ? "below 1e-12" : `of ${gap.toExponential(0)}`}. Those of the linear model differ by `
        + `up to ${other.toFixed(2)}.`);
    }

    const scale = slider("Output scale α", html("span", {}, "Output scale α"), -0.7, 1.5, 0.1, -0.5,
      (at) => `${Number((10 ** at).toPrecision(2))}`, safely((at) => {
        alpha = 10 ** at;
        learn();
      }));
    const where = slider("Query", html("span", {}, "Query x"), -REACH, REACH, 0.1, query,
      (at) => minus(at.toFixed(1)), safely((at) => {
        query = at;
        draw();
      }));
    // The query follows the finger anywhere in the left panel.
    const follow = safely((event) => {
      const box = left.getBoundingClientRect(), input = where.querySelector("input");
      input.value = (2 * X * (event.clientX - box.left)) / box.width - X;
      input.dispatchEvent(new Event("input"));
    });
    left.addEventListener("pointerdown", safely((event) => {
      if (event.target.closest(".ntk-handle")) return;
      left.setPointerCapture(event.pointerId);
      follow(event);
    }));
    left.addEventListener("pointermove", safely((event) => left.hasPointerCapture(event.pointerId) && follow(event)));

    show(left, 0.72, 170, 250, (fitting) => {
      size = fitting;
      if (seen) draw();
      else learn();
    },
    html("p", { class: "ntk-legend" }, key(marks.point(), "data: drag them"),
      key(marks.line("network"), "network"), key(marks.line("linearised"), "its linear model"),
      key(marks.line("target"), "query: drag it")),
    html("div", { class: "ntk-columns" }, column("Outputs", left),
      column("Contributions", right)),
    where, scale);
  }

  return PARTS.guarded(mount);
})();
