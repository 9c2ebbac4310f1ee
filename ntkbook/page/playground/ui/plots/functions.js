// The three functions. In one dimension they are curves in one panel with the training
// points; in two, a map for each model with its level line 0. It needs CHART, FIELD, POINTS.
const FUNCTIONS = (() => {
  const { html, svg, dress, number } = KIT;
  const MODELS = [["infinite", "infinite"], ["linear", "linearised"], ["network", "network"]];
  const NAMES = { network: "Network", linear: "Linearisation", infinite: "Infinite kernel" };

  // Where a pointer is in a picture, in the picture's own pixels.
  const pixelIn = (chart) => (event) => {
    const box = chart.node.getBoundingClientRect();
    return [((event.clientX - box.left) * chart.width) / box.width, ((event.clientY - box.top) * chart.height) / box.height];
  };

  function curves(on) {
    const chart = CHART.frame("Functions", 330, { left: 36, right: 10, top: 10, bottom: 28 });
    dress(chart.node, { role: "group", class: "ntkp-chart ntkp-draws" });
    const goal = CHART.line("target"), lines = MODELS.map(([, kind]) => CHART.line(kind));
    const tests = svg("g", { class: "ntkp-tests", "aria-hidden": "true" });
    let range = null, to = null;
    chart.pixel = pixelIn(chart);
    chart.place = (x, y) => [to.x(x), to.y(y)];
    chart.value = (px, py) => [to.backX(px), to.backY(py)];
    const handles = POINTS.points(chart, on);
    const query = POINTS.query(chart, false, ([x]) => on.query([x]));
    chart.marks.append(goal, tests, ...lines);
    chart.over.append(query.node, handles.group);
    chart.handles = handles;
    chart.restart = () => (range = null);
    chart.draw = (view, shown = {}) => {
      if (!chart.width || !view.curves) return;
      const { x, target } = view.curves, data = view.data;
      let low = Math.min(...data.y, ...finite(target)), high = Math.max(...data.y, ...finite(target));
      const span = Math.max(0.5, high - low);
      for (const [model] of MODELS)
        for (const value of finite(view.curves[model])) {
          if (value < low) low = value;
          if (value > high) high = value;
        }
      // What explodes leaves the picture; the points stay where they are.
      low = Math.max(low, Math.min(...data.y) - 0.8 * span);
      high = Math.min(high, Math.max(...data.y) + 0.8 * span);
      if (high - low < 1) [low, high] = [(low + high) / 2 - 0.5, (low + high) / 2 + 0.5];
      range = on.held() ? range ?? [low, high] : CHART.steady(range, low, high);
      const space = { x: [x[0], x[x.length - 1]], y: range };
      CHART.rule(chart, space, { x: "input x", y: "output f(x)" });
      to = chart.scale(space);
      goal.style.display = target && shown.target !== false ? "" : "none";
      if (target) dress(goal, { d: CHART.path(x, target, to) });
      MODELS.forEach(([model], k) => {
        const hidden = !view.curves[model] || shown[model] === false;
        lines[k].style.display = hidden ? "none" : "";
        if (!hidden) dress(lines[k], { d: CHART.path(x, view.curves[model], to, 4000) });
      });
      handles.draw(data, view.marked);
      query.draw(view.query);
      const test = shown.test === false || !view.test ? [] : view.test.x;
      while (tests.childNodes.length > test.length) tests.lastChild.remove();
      while (tests.childNodes.length < test.length) tests.append(svg("circle", { r: 2.4, class: "ntkp-test" }));
      test.forEach(([a], k) => dress(tests.childNodes[k], { cx: to.x(a).toFixed(1), cy: to.y(view.test.y[k]).toFixed(1) }));
      chart.node.setAttribute("aria-label", `Functions. ${data.x.length} training points; at the query, input `
        + `${number(view.query[0])}, the network's output is ${number(view.atQuery?.network)}, the linearisation's `
        + `${number(view.atQuery?.linear)}, the infinite kernel's ${number(view.atQuery?.infinite)}`);
    };
    return chart;
  }
  const finite = (values) => (values ? Array.from(values).filter(Number.isFinite) : []);

  // One map: a canvas with the values, and over it the level line 0, points and query.
  function map(model, kind, on, keyboard) {
    const canvas = html("canvas", { class: "ntkp-map-values", "aria-hidden": "true", width: 1, height: 1 });
    const halo = svg("path", { class: "ntkp-halo", d: "M0 0" }), line = CHART.line(kind);
    const tests = svg("g", { class: "ntkp-tests" });
    const node = svg("svg", { class: "ntkp-draws", role: keyboard ? "group" : "img", "aria-label": NAMES[model] }, halo, line, tests);
    const chart = { node, canvas, width: 0, height: 0, box: [-1, 1] };
    chart.pixel = pixelIn(chart);
    chart.place = (x, y) => {
      const [low, high] = chart.box, unit = chart.width / (high - low);
      return [(x - low) * unit, (high - y) * unit];
    };
    chart.value = (px, py) => {
      const [low, high] = chart.box, unit = (high - low) / chart.width;
      return [low + px * unit, high - py * unit];
    };
    const handles = POINTS.points(chart, on, { keyboard });
    const query = keyboard ? POINTS.query(chart, true, (at) => on.query(at)) : null;
    node.append(handles.group);
    if (query) node.append(query.node);
    chart.handles = handles;
    chart.figure = html("figure", { class: `ntkp-map ntkp-edge-${kind}` },
      html("figcaption", {}, CHART.key(kind, NAMES[model])), html("div", { class: "ntkp-stack" }, canvas, node));
    chart.fit = (side) => {
      if (chart.width === side) return;
      chart.width = chart.height = side;
      dress(node, { viewBox: `0 0 ${side} ${side}`, width: side, height: side });
    };
    chart.draw = (view, most, table, shown) => {
      const { columns, rows, box } = view.maps, values = view.maps[model];
      if (!values || !chart.width) return;
      chart.box = box;
      FIELD.paint(canvas, values, columns, rows, most, table);
      const d = FIELD.zeroLine(values, columns, rows, chart.width, chart.width);
      dress(line, { d });
      dress(halo, { d });
      handles.draw(view.data, view.marked);
      query?.draw(view.query);
      const test = shown.test === false || !view.test ? { x: [], y: [] } : view.test;
      while (tests.childNodes.length > test.x.length) tests.lastChild.remove();
      while (tests.childNodes.length < test.x.length) tests.append(svg("path"));
      test.x.forEach((at, k) => {
        const [a, b] = chart.place(...at);
        dress(tests.childNodes[k], {
          class: `ntkp-tiny ${test.y[k] > 0 ? "ntkp-plus" : "ntkp-minus"}`,
          d: test.y[k] > 0 ? `M${a.toFixed(1)} ${b.toFixed(1)}m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0` : `M${(a - 2).toFixed(1)} ${(b - 2).toFixed(1)}h4v4h-4Z`,
        });
      });
      node.setAttribute("aria-label", `${NAMES[model]}: output ${number(view.atQuery?.[model])} at the query`);
    };
    return chart;
  }

  function maps(on) {
    const all = [["network", "network"], ["linear", "linearised"], ["infinite", "infinite"]]
      .map(([model, kind], k) => map(model, kind, on, k === 0));
    const legend = FIELD.legend();
    const node = html("div", { class: "ntkp-maps" }, ...all.map((each) => each.figure));
    let most = null;
    return {
      node, all, legend: legend.node, handles: all[0].handles,
      restart: () => (most = null),
      fit: () => all.forEach((each) => each.fit(Math.max(80, Math.floor(each.figure.clientWidth)))),
      draw: (view, table, shown) => {
        if (!view.maps) return;
        most ??= 1.25 * Math.max(0.2, ...view.data.y.map(Math.abs));
        legend.show(most);
        all.forEach((each) => each.draw(view, most, table, shown));
      },
    };
  }
  return { curves, maps, NAMES };
})();
