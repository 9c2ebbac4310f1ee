// The page's part of the infinitely wide network that is conditioned on data: pictures,
// handles, sliders. It needs KERNELS (kernels.js), FRAME and PARTS above it.
const mountPosterior = (() => {
  const X = 2, Y = 3, HIGH = 4; // the right panel shows -X..X and -Y..Y, the left -HIGH..HIGH
  const COUNT = 81, DRAWS = 5, WEIGHT = 1.3, NEAR = 0.06;
  const NAMES = { relu: "ReLU", erf: "erf" };
  const SEEN = { x: [-1.2, -0.4, 0.5, 1.4], y: [0.6, -0.8, 0.3, 1.0] };
  const GRID = Array.from({ length: COUNT }, (_, k) => -X + (2 * X * k) / (COUNT - 1));
  const { html, svg, line, key, marks, dress, clamp, join, slider, handle } = PARTS;

  function mount(figure) {
    const { safely, tell, show } = FRAME.frame(figure);
    const state = { depth: 3, activation: "relu", bias: 0.5, seed: 1 };
    const x = [...SEEN.x], y = [...SEEN.y];
    let size = [300, 200], normals;

    const prior = Array.from({ length: DRAWS }, () => line("infinite"));
    const band = svg("path", { class: "ntk-band" });
    const bayes = line("infinite"), trained = line("trained");
    const axes = [0, 1].map(() => svg("g", { class: "ntk-grid" }));
    const move = (j, atX, atY) => {
      const others = x.filter((_, k) => k !== j);
      const free = others.every((other) => Math.abs(other - atX) >= NEAR);
      if (free) x[j] = clamp(atX, X - 0.1); // two points at one place have no function
      y[j] = clamp(atY, Y - 0.2);
      draw();
    };
    const handles = x.map((_, j) => handle(j, X, Y, true, safely, () => [x[j], y[j]],
      (atX, atY) => move(j, atX, atY)));
    const left = svg("svg", { class: "ntk-functions", role: "img",
      "aria-label": "Five random functions of the network before training" }, axes[0], ...prior);
    const right = svg("svg", { class: "ntk-functions", role: "group",
      "aria-label": "The Bayesian mean with its band, the trained network, and four data points" }, axes[1], band, bayes,
      trained, ...handles.map((each) => each.node));

    const shuffle = () => {
      const draw = PARTS.normals(state.seed);
      normals = Array.from({ length: DRAWS }, () => Array.from({ length: COUNT }, draw));
    };

    function draw() {
      const points = [...x, ...GRID], n = points.length, m = x.length;
      const rows = points.map((at) => [at]);
      const { sigma, theta } = KERNELS.kernels(rows, n, { ...state, weight: WEIGHT });
      const { mean, deviation } = KERNELS.regression(sigma, n, y);
      const flow = KERNELS.regression(theta, n, y).mean;
      const [w, h] = size;
      const place = (high) => (at, value) =>
        [(w * (at + X)) / (2 * X), (h * (high - clamp(value, 3 * high))) / (2 * high)];
      const [toLeft, toRight] = [place(HIGH), place(Y)];
      const path = (to, values) => Array.from(values, (value, k) => to(GRID[k], value));
      const functions = KERNELS.draws(sigma, n, m, normals);
      functions.forEach((values, k) => prior[k].setAttribute("d", join(path(toLeft, values))));
      const edge = (sign) => path(toRight, mean.map((value, k) => value + sign * 2 * deviation[k]));
      band.setAttribute("d", `${join([...edge(1), ...edge(-1).reverse()])}Z`);
      bayes.setAttribute("d", join(path(toRight, mean)));
      trained.setAttribute("d", join(path(toRight, flow)));
      handles.forEach((each, j) => each.place(toRight(x[j], y[j]), x[j], y[j]));
      for (const [group, to] of [[axes[0], toLeft], [axes[1], toRight]])
        FRAME.axes(group, w, h, to, [-1, 1], [-2, 2], "input →", "↑ output");
      for (const picture of [left, right])
        dress(picture, { viewBox: `0 0 ${w} ${h}`, width: w, height: h });
      const typical = Math.sqrt(sigma.filter((_, k) => k % (n + 1) === 0 && k >= m * (n + 1))
        .reduce((sum, value) => sum + value, 0) / COUNT);
      const widest = 2 * Math.max(...deviation);
      const apart = Math.max(...mean.map((value, k) => Math.abs(value - flow[k])));
      const say = `Depth ${state.depth}, ${NAMES[state.activation]}, bias ${state.bias.toFixed(2)}. At the `
        + `start the functions have a typical size of ${typical.toFixed(1)}. After the data, the band `
        + `reaches up to ${widest.toFixed(1)} to each side, and the trained network is at most `
        + `${apart.toFixed(2)} from the Bayesian mean.`;
      tell(say);
    }

    const choice = html("select", {}, ...Object.entries(NAMES).map(
      ([value, name]) => html("option", { value }, name)));
    choice.addEventListener("change", safely(() => {
      state.activation = choice.value;
      draw();
    }));
    const again = html("button", { type: "button" }, "Other draws");
    again.addEventListener("click", safely(() => {
      state.seed++;
      shuffle();
      draw();
    }));
    const depth = slider("Depth", html("span", {}, "Depth L"), 1, 6, 1, state.depth, (at) => `${at}`,
      safely((at) => {
        state.depth = at;
        draw();
      }));
    const biasName = html("span", {}, "Bias σ", html("sub", {}, "b"));
    const bias = slider("Bias", biasName, 0.05, 1.5, 0.05, state.bias,
      (at) => at.toFixed(2), safely((at) => {
        state.bias = at;
        draw();
      }));
    shuffle();
    show(left, 0.7, 150, 230, (fitting) => {
      size = fitting;
      draw();
    },
    html("p", { class: "ntk-legend" }, key(marks.point(), "data: drag them"),
      key(marks.line("infinite"), "Bayesian mean"), key(marks.band(), "two standard deviations"),
      key(marks.line("trained"), "trained by gradient descent")),
    html("div", { class: "ntk-columns" }, FRAME.column("At initialisation: five draws", left),
      FRAME.column("After four points", right)),
    depth, bias, html("div", { class: "ntk-controls" }, html("label", {}, "Activation", choice), again));
  }

  return PARTS.guarded(mount);
})();
