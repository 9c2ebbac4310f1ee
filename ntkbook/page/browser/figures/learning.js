// The page's part of the target on the circle that is learned in time, and from examples:
// pictures, handles, sliders. It needs HARMONICS (harmonics.js), FRAME and PARTS above it.
const mountLearning = (() => {
  const Y = 2, COUNT = 121, WAVES = 256, DRAWS = 5;
  const SIZES = [2, 4, 8, 16, 32, 64], ERRORS = [-4, 1]; // powers of ten in the last panel
  const TARGET = [0.4, -0.5, -1.0, -0.9, 0.3, 1.3, 0.7, 1.0, 1.2];
  const PLACES = HARMONICS.places(TARGET.length);
  const GRID = Array.from({ length: COUNT }, (_, k) => -Math.PI + (2 * Math.PI * k) / (COUNT - 1));
  const { html, svg, line, key, marks, dress, clamp, join, slider, handle } = PARTS;

  function mount(figure) {
    const { safely, tell, show } = FRAME.frame(figure);
    const state = { depth: 1, bias: 0, time: 1, points: 8, seed: 1 };
    const target = [...TARGET];
    let size = [300, 160], values;

    const picture = (label, role, ...inside) =>
      svg("svg", { class: "ntk-functions", role, "aria-label": label }, ...inside);
    const grids = Array.from({ length: 4 }, () => svg("g", { class: "ntk-grid" }));
    const wanted = [line("target"), line("target")], learned = line("infinite");
    const fitted = line("infinite"), seen = svg("g", {}), bars = svg("g", {});
    const curve = line("infinite"), dots = svg("g", {}), here = svg("path", { class: "ntk-here" });
    const handles = target.map((_, j) => handle(j, Math.PI, Y, true, safely,
      () => [PLACES[j], target[j]], (_at, to) => {
        target[j] = clamp(to, Y - 0.2);
        draw();
      }, `Target ${j + 1} of ${target.length}: arrow keys up and down change it`,
      (_at, to) => `target ${PARTS.minus(to.toFixed(1))}`));
    const inTime = picture("The target on the circle, to drag, and what gradient flow has learned",
      "group", grids[0], wanted[0], learned, ...handles.map((each) => each.node));
    const waves = picture("Amplitude of each frequency, of the target and learned", "img", grids[1], bars);
    const fromPoints = picture("The target, random points on it, and the function that they teach",
      "img", grids[2], wanted[1], fitted, seen);
    const errors = picture("Mean squared error against the number of points, predicted and measured",
      "img", grids[3], curve, here, dots);

    const random = (count, seed) => {
      const draw = PARTS.normals(seed); // an angle of two normal numbers is uniform
      return Array.from({ length: count }, () => Math.atan2(draw(), draw()));
    };
    const at = (parts) => (angle) => HARMONICS.wave(parts, angle);

    function draw() {
      const [w, h] = size, parts = HARMONICS.amplitudes(target), f = at(parts);
      const to = (x, y) => [(w * (x + Math.PI)) / (2 * Math.PI), (h * (Y - clamp(y, 3 * Y))) / (2 * Y)];
      const path = (ys) => join(Array.from(ys, (y, k) => to(GRID[k], y)));
      const exact = GRID.map(f), left = parts.map((_, k) => Math.exp(-values[k] * 10 ** state.time));
      wanted.forEach((each) => each.setAttribute("d", path(exact)));
      learned.setAttribute("d", path(GRID.map((x) => HARMONICS.wave(parts, x, left.map((p) => 1 - p)))));
      handles.forEach((each, j) => each.place(to(PLACES[j], target[j]), PLACES[j], target[j]));
      for (const grid of [grids[0], grids[2]])
        FRAME.axes(grid, w, h, to, [], [-1, 1], "angle →", "");

      const power = parts.map(([c, s], k) => (k ? (c * c + s * s) / 2 : c * c));
      const bar = (k) => [w * ((k + 0.5) / parts.length), h - 20, (0.45 * w) / parts.length];
      bars.replaceChildren(...parts.flatMap(([c, s], k) => {
        const [x, y, half] = bar(k), high = Math.min(Math.hypot(c, s), 2) * (h - 30) / 2;
        const box = (up) => `M${(x - half).toFixed(1)} ${y}v${(-up).toFixed(1)}h${(2 * half).toFixed(1)}v${up.toFixed(1)}Z`;
        return [svg("path", { class: "ntk-learned", d: box(high * (1 - left[k])) }),
          svg("path", { class: "ntk-wave", d: box(high) }),
          svg("text", { x, y: h - 5, "text-anchor": "middle" }, String(k))];
      }));
      grids[1].replaceChildren(svg("path", { d: `M0 ${h - 20}H${w}` }),
        svg("text", { x: 6, y: 15 }, "amplitude by frequency"));

      const angles = random(state.points, state.seed);
      fitted.setAttribute("d", path(HARMONICS.regression(angles, angles.map(f), GRID, state)));
      seen.replaceChildren(...angles.map((x) => {
        const [cx, cy] = to(x, f(x));
        return svg("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: 3.5 });
      }));

      const [least, most] = ERRORS, base = power.reduce((a, b) => a + b, 0) || 1;
      const place = (n, error) => [32 + ((w - 46) * (Math.log2(n) - 1)) / 5, 8 + ((h - 30)
        * (most - Math.max(least, Math.min(most, Math.log10(error / base || 1e-9))))) / (most - least)];
      const sizes = Array.from({ length: 31 }, (_, k) => 2 ** (1 + k / 6));
      const risk = (n) => HARMONICS.risk(values, power, n);
      curve.setAttribute("d", join(sizes.map((n) => place(n, risk(n)))));
      const measured = SIZES.map(measure(f, exact));
      dots.replaceChildren(...measured.map((error, k) => {
        const [cx, cy] = place(SIZES[k], error);
        return svg("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: 4 });
      }));
      const [x] = place(state.points, base);
      here.setAttribute("d", `M${x.toFixed(1)} 8V${h - 22}`);
      grids[3].replaceChildren(svg("text", { x: w - 6, y: 18, "text-anchor": "end" }, "error by n"), svg("path", { d: `M32 8V${h - 22}H${w}` }),
        ...SIZES.map((n) => svg("text", { x: place(n, 1)[0], y: h - 6, "text-anchor": "middle" }, String(n))),
        ...[1, 0.01].map((e) => svg("text", { x: 28, y: place(2, e * base)[1] + 4, "text-anchor": "end" }, String(e))));
      for (const each of [inTime, waves, fromPoints, errors])
        dress(each, { viewBox: `0 0 ${w} ${h}`, width: w, height: h });
      say(left, power, risk(state.points) / base);
    }

    // The mean error of a few random draws of n points.
    const measure = (f, exact) => (n) => {
      let sum = 0;
      for (let draw = 0; draw < DRAWS; draw++) {
        const angles = random(n, 100 * draw + n);
        const found = HARMONICS.regression(angles, angles.map(f), GRID.slice(1), state);
        sum += found.reduce((all, y, k) => all + (y - exact[k + 1]) ** 2, 0) / (COUNT - 1);
      }
      return sum / DRAWS;
    };

    function say(left, power, error) {
      const never = power.flatMap((p, k) => (values[k] < 1e-9 && p > 1e-6 ? [k] : []));
      const parts = left.map((p, k) => (p < 0.5 ? k : -1)).filter((k) => k >= 0);
      const blind = never.length ? ` Never learned: ${never.join(" and ")}, eigenvalue 0.` : "";
      tell(`Depth ${state.depth}, bias ${state.bias.toFixed(1)}. At time ${show3(10 ** state.time)}, more than `
        + `half learned: ${parts.length ? `frequency ${parts.join(", ")}` : "none"}.${blind} `
        + `From ${state.points} points the predicted error is ${show3(error)} of the target's mean square.`);
    }
    const show3 = (number) => (number >= 1000 ? String(Math.round(number)) : String(+number.toPrecision(2)));

    const renew = () => {
      values = HARMONICS.eigenvalues(WAVES, state);
      draw();
    };
    const set = (name, after) => safely((value) => {
      state[name] = value;
      after();
    });
    const word = (text) => html("span", {}, text);
    const again = html("button", { type: "button" }, "Other points");
    again.addEventListener("click", safely(() => {
      state.seed++;
      draw();
    }));
    const biasName = html("span", {}, "Bias σ", html("sub", {}, "b"));
    const lefts = FRAME.column("In time: the whole circle", inTime);
    lefts.append(waves);
    const rights = FRAME.column("From examples: random points", fromPoints);
    rights.append(errors);
    values = HARMONICS.eigenvalues(WAVES, state);
    show(inTime, 0.6, 130, 190, (fitting) => {
      size = fitting;
      draw();
    },
    html("p", { class: "ntk-legend" }, key(marks.point(), "target: drag it"),
      key(marks.line("infinite"), "learned"), key(marks.line("target"), "target")),
    html("div", { class: "ntk-columns" }, lefts, rights),
    slider("Time", word("Time"), -0.5, 5, 0.1, state.time, (value) => show3(10 ** value), set("time", draw)),
    slider("Number of points", word("Points n"), 2, 64, 1, state.points, (value) => `${value}`, set("points", draw)),
    slider("Depth", word("Depth L"), 1, 4, 1, state.depth, (value) => `${value}`, set("depth", renew)),
    slider("Bias", biasName, 0, 1, 0.1, state.bias, (value) => value.toFixed(1), set("bias", renew)),
    html("div", { class: "ntk-controls" }, again));
  }

  return PARTS.guarded(mount);
})();
