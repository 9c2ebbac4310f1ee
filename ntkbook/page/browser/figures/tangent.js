// The page's part of the model with one weight and its tangent. It needs ONE_WEIGHT
// (one_weight.js), FRAME and PARTS above it.
const mountTangent = (() => {
  const MIDDLE = 0.4, X = 3, Y = 7; // the left panel shows MIDDLE - X..MIDDLE + X and -Y..Y
  const LENS = [-1.5, 3.5], TOP = 3, BELOW = 0.5; // the right one, in steps of the tangent
  const COUNT = 161;
  const { html, svg, line, key, marks, dress, clamp, minus, join, slider, handle } = PARTS;
  const { column, axes } = FRAME;
  const dot = (name) => svg("circle", { r: 5, class: `ntk-mark ntk-${name}` });

  function mount(figure) {
    const { safely, tell, show } = FRAME.frame(figure);
    const state = { start: 0.4, goal: 3, alpha: 1 };
    let size = [300, 200];

    const grid = svg("g", { class: "ntk-grid" }), lensGrid = svg("g", { class: "ntk-grid" });
    const model = line("network"), tangent = line("linearised"), target = line("target");
    const loss = line("network"), parabola = line("linearised");
    const least = dot("network"), leastTangent = dot("linearised");
    const lensLeast = dot("network"), lensTangent = dot("linearised");
    const handles = [
      handle(0, X, Y, true, safely, () => [state.start - MIDDLE, 0], (x) => {
        state.start = MIDDLE + clamp(x, X - 0.1);
        draw();
      }, "Start: left and right move it", (x) => `w₀ = ${minus((MIDDLE + x).toFixed(2))}`),
      handle(1, X, Y, true, safely, () => [-X + 0.4, state.goal], (x, y) => {
        state.goal = clamp(y, Y - 0.5);
        if (Math.abs(state.goal) < 0.1) state.goal = 0.1;
        draw();
      }, "Target: up and down move it", (x, y) => `target ${minus(y.toFixed(1))}`),
    ];
    const left = svg("svg", { class: "ntk-functions", role: "group",
      "aria-label": "The model, its tangent at the initial weight, and the target" }, grid, target, tangent, model,
      leastTangent, least, ...handles.map((each) => each.node));
    const right = svg("svg", { class: "ntk-functions", role: "img",
      "aria-label": "The loss and the tangent's parabola, in units of its step" }, lensGrid, parabola, loss,
      lensTangent, lensLeast);

    function draw() {
      const { start, goal, alpha } = state, [w, h] = size;
      const [value, slope] = ONE_WEIGHT.f(start), kappa = ONE_WEIGHT.kappa(start, goal, alpha);
      const found = ONE_WEIGHT.minima(start, goal, alpha), step = found.tangent - start;
      const at = (x, y) => [(w * (x - MIDDLE + X)) / (2 * X), (h * (Y - clamp(y, 3 * Y))) / (2 * Y)];
      const lens = (u, y) => [(w * (u - LENS[0])) / (LENS[1] - LENS[0]),
        h * (1 - (Math.min(y, 2 * TOP) + BELOW) / (TOP + BELOW))];
      const path = (from, to, place, f) => join(Array.from({ length: COUNT }, (_, k) => {
        const u = from + ((to - from) * k) / (COUNT - 1);
        return place(u, f(u));
      }));
      const f = (at) => alpha * (ONE_WEIGHT.f(at)[0] - value);
      model.setAttribute("d", path(MIDDLE - X, MIDDLE + X, at, f));
      tangent.setAttribute("d", path(MIDDLE - X, MIDDLE + X, at, (x) => alpha * slope * (x - start)));
      target.setAttribute("d", `M0 ${at(0, goal)[1]}H${w}`);
      loss.setAttribute("d", path(...LENS, lens, (u) => (1 - f(start + step * u) / goal) ** 2));
      parabola.setAttribute("d", path(...LENS, lens, (u) => (1 - u) ** 2));
      const mark = (node, place, x, y) => {
        const shown = x !== null && Number.isFinite(x);
        node.setAttribute("visibility", shown ? "visible" : "hidden");
        if (shown) dress(node, { cx: clamp(place(x, y)[0], 5 * w), cy: place(x, y)[1] });
      };
      mark(least, at, found.minimum, goal);
      mark(leastTangent, at, found.tangent, goal);
      mark(lensLeast, lens, found.minimum === null ? null : (found.minimum - start) / step, 0);
      mark(lensTangent, lens, 1, 0);
      handles[0].place(at(start, 0), start - MIDDLE, 0);
      handles[1].place(at(MIDDLE - X + 0.4, goal), -X + 0.4, goal);
      axes(grid, w, h, at, [-2, -1, 1, 2, 3], [-4, 4], "weight w →", "↑ output");
      axes(lensGrid, w, h, lens, [1, 2, 3], [1, 2], "tangent's steps →", "↑ loss");
      for (const picture of [left, right])
        dress(picture, { viewBox: `0 0 ${w} ${h}`, width: w, height: h });
      const number = (x) => minus(Math.abs(x) < 1000 ? x.toPrecision(3) : x.toExponential(1));
      const apart = found.minimum === null ? "The model never reaches the target on that side. "
        : `The loss is least at w = ${number(found.minimum)}: the tangent's step misses by `
          + `${number(100 * Math.abs((found.tangent - found.minimum) / step))}% of its size. `;
      const say = `κ = ${number(kappa)}. The tangent's loss is least at w = ${number(found.tangent)}. ${apart}`;
      tell(say);
    }

    const alpha = slider("Output scale α", html("span", {}, "Output scale α"), 0, 3, 0.05, 0,
      (at) => `× ${(10 ** at).toPrecision(3)}`, safely((at) => {
        state.alpha = 10 ** at;
        draw();
      }));
    show(left, 0.72, 160, 240, (fitting) => {
      size = fitting;
      draw();
    },
    html("p", { class: "ntk-legend" }, key(marks.point(), "1 initial weight, 2 target: drag them"),
      key(marks.line("network"), "model"), key(marks.line("linearised"), "its tangent")),
    html("div", { class: "ntk-columns" }, column("Outputs", left),
      column("Loss, seen through a lens", right)),
    alpha);
  }

  return PARTS.guarded(mount);
})();
