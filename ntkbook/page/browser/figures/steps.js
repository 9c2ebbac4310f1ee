// The page's part of gradient descent with large steps. It needs NTK (network.js),
// LARGE_STEPS (large_steps.js), FRAME and PARTS above it.
const mountSteps = (() => {
  const X = 3, Y = 3, COUNT = 100, WIDTH = 50, SEED = 3;
  const DATA = [[-1.2, 0.8], [1.2, -0.9]]; // inputs, targets
  const LOSS = [-8, 4]; // powers of ten that the middle picture shows
  const { html, svg, line, key, marks, dress, clamp, minus, join, slider } = PARTS;
  const { column, axes } = FRAME;

  function mount(figure) {
    const { safely, tell, show } = FRAME.frame(figure);
    const state = { product: 3, alpha: 1 };
    let size = [300, 200];
    const picture = (label, ...inside) =>
      svg("svg", { class: "ntk-functions", role: "img", "aria-label": label }, ...inside);
    const grids = [0, 1, 2].map(() => svg("g", { class: "ntk-grid" }));
    const model = line("network"), loss = line("network"), product = line("network");
    const linear = line("linearised"), two = line("target");
    const points = DATA[0].map(() => svg("circle", { r: 6, class: "ntk-mark ntk-data" }));
    const pictures = [
      picture("The function after training, and the two data points", grids[0], model, ...points),
      picture("The loss at each step, of the network and of its linear model", grids[1], linear, loss),
      picture("Step size times the kernel's largest eigenvalue at each step", grids[2], two, product),
    ];

    function draw() {
      const [w, h] = size, { alpha } = state;
      const net = NTK.createNetwork(WIDTH, alpha, SEED, ...DATA);
      const run = LARGE_STEPS.train(net, state.product, COUNT), last = run.loss.length - 1;
      const at = (x, y) => [(w * (x + X)) / (2 * X), (h * (1 - clamp(y, 9 * Y) / Y)) / 2];
      const span = LOSS[1] - LOSS[0], left = 34, down = h - 24;
      const over = (s, part) => [left + ((w - left - 8) * s) / COUNT, down * (1 - part)];
      const power = (value) => (Math.log10(Math.max(value, 1e-30)) - LOSS[0]) / span;
      const most = Math.max(4.5, state.product), share = (value) => Math.min(value, 3 * most) / most;
      const path = (values, f) => join(values.map((value, s) => over(s, clamp(f(value), 3))));
      const gap = 240, curve = [...NTK.curves(net, -X, X, gap + 1).model];
      const whole = !run.diverged && curve.every(Number.isFinite);
      model.setAttribute("d", whole ? join(curve.map((y, k) => at(-X + (2 * X * k) / gap, y))) : "");
      loss.setAttribute("d", path(run.loss, power));
      linear.setAttribute("d", path(run.linear.filter((value) => value < 1e30), power));
      product.setAttribute("d", path(run.product, share));
      two.setAttribute("d", `M${left} ${over(0, 2 / most)[1]}H${w}`);
      points.forEach((point, i) => {
        const [cx, cy] = at(DATA[0][i], DATA[1][i]);
        dress(point, { cx, cy });
      });
      axes(grids[0], w, h, at, [-2, -1, 1, 2], [-2, 2], "input x →", "↑ output");
      scale(grids[1], w, [-6, -3, 0, 3].map((k) => [over(0, (k - LOSS[0]) / span)[1], `10${raised(k)}`]));
      scale(grids[2], w, [1, 2, 3, 4].map((k) => [over(0, k / most)[1], String(k)]));
      for (const each of pictures) dress(each, { viewBox: `0 0 ${w} ${h}`, width: w, height: h });

      const peak = run.loss.indexOf(Math.max(...run.loss)), grown = run.loss[peak] / run.loss[0];
      const number = (x) => minus(x < 1000 ? x.toPrecision(2) : x.toExponential(0));
      const words = {
        diverges: `Training diverges: after ${last} steps the loss is beyond bounds.`,
        catapult: `The loss grows to ${number(grown)} times its start by step ${peak}, then falls; the kernel `
          + `shrinks to ${number(run.product[last] / run.product[0])} of its size.`,
        lazy: "The loss falls, and the kernel keeps its size within a tenth: lazy training.",
        falls: `The loss falls, and the kernel goes to ${number(run.product[last] / run.product[0])} times its size.`,
      };
      tell(`Step times eigenvalue ${state.product.toFixed(2)}, output scale ${number(alpha)}. `
        + `${words[LARGE_STEPS.phase(run)]} At the end the product is ${number(run.product[last])}.`);
    }

    const raised = (k) => [...String(k)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("");
    function scale(group, w, ticks) {
      group.replaceChildren();
      for (const [y, text] of ticks)
        group.append(svg("path", { d: `M34 ${y}H${w}` }),
          svg("text", { x: 29, y: y + 4, "text-anchor": "end" }, text));
      group.append(svg("text", { x: w - 6, y: size[1] - 7, "text-anchor": "end" }, `step, 0 to ${COUNT} →`));
    }

    const steps = slider("Step size times the kernel's largest eigenvalue",
      html("span", {}, "Step × eigenvalue ηλ"), 0.2, 6, 0.05, state.product,
      (at) => at.toFixed(2), safely((at) => {
        state.product = at;
        draw();
      }));
    const alpha = slider("Output scale α", html("span", {}, "Output scale α"), -1, 2, 0.05, 0,
      (at) => `× ${(10 ** at).toPrecision(2)}`, safely((at) => {
        state.alpha = 10 ** at;
        draw();
      }));
    show(pictures[0], 0.75, 150, 230, (fitting) => {
      size = fitting;
      draw();
    },
    html("p", { class: "ntk-legend" }, key(marks.line("network"), "network"),
      key(marks.line("linearised"), "linear model"), key(marks.line("target"), "limit of stability, 2"),
      key(marks.point(), "data")),
    html("div", { class: "ntk-columns" }, column("Function", pictures[0]),
      column("Loss", pictures[1]), column("Step × eigenvalue", pictures[2])),
    steps, alpha);
  }

  return PARTS.guarded(mount);
})();
