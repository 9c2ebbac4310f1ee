// The losses of the three models against the step, on logarithmic axes: one chart for the
// training points and one for the test points. It needs CHART.
const LOSSES = (() => {
  const { html, svg, dress, number } = KIT;
  const MODELS = [["network", "network"], ["linear", "linearised"], ["infinite", "infinite"]];
  const WORDS = { network: "network", linear: "linearisation", infinite: "infinite kernel" };

  function losses(part, title) {
    const chart = CHART.frame(title, 132, { left: 40, bottom: 24 });
    const lines = MODELS.map(([, kind]) => CHART.line(kind));
    const dots = MODELS.map(([, kind]) => svg("circle", { r: 3, class: `ntkp-dot ntkp-${kind}` }));
    chart.marks.append(...lines, ...dots);
    let last = null;

    function draw(history, shown) {
      if (history) last = history;
      if (!last || !chart.width) return;
      const { step } = last, count = step.length;
      const xs = step.map((each) => Math.log10(1 + each));
      let low = Infinity, high = -Infinity;
      for (const [model] of MODELS)
        for (const value of last[model][part] ?? [])
          if (value > 0 && Number.isFinite(value)) {
            low = Math.min(low, Math.log10(value));
            high = Math.max(high, Math.log10(value));
          }
      const empty = !Number.isFinite(low);
      const start = Math.log10(Math.max(1e-300, last.network[part]?.[0] || 1));
      // A loss near 0 or one that has exploded does not squeeze the others.
      low = empty ? -1 : Math.max(low, start - 8);
      high = empty ? 1 : Math.min(high, Math.max(start, low) + 4);
      const range = {
        x: [0, Math.max(1, xs[count - 1] ?? 1)],
        y: [Math.floor(low * 2 - 0.2) / 2, Math.ceil(high * 2 + 0.2) / 2],
      };
      CHART.rule(chart, range, { x: "", y: "", logY: true, xTicks: stepTicks(range.x[1]) });
      const to = chart.scale(range), said = [];
      MODELS.forEach(([model], k) => {
        const values = last[model][part];
        const hidden = !values || !values.length || shown?.[model] === false;
        lines[k].style.display = dots[k].style.display = hidden ? "none" : "";
        if (hidden) return;
        const logs = Array.from(values, (value) => (value > 0 ? Math.log10(value) : value === 0 ? -320 : value));
        // Test losses are computed in some frames only: the line joins those.
        const there = Array.from(xs.keys()).filter((at) => !Number.isNaN(logs[at]));
        dress(lines[k], { d: CHART.path(there.map((at) => xs[at]), there.map((at) => logs[at]), to) });
        const end = logs[there.at(-1)], fine = Number.isFinite(end);
        dress(dots[k], {
          cx: to.x(xs[there.at(-1) ?? 0]).toFixed(1),
          cy: (fine ? Math.max(-9, Math.min(chart.height + 9, to.y(end))) : -9).toFixed(1),
        });
        said.push(`${WORDS[model]} ${number(values[there.at(-1)])}`);
      });
      chart.describe(count
        ? `At step ${step[count - 1]}: ${said.join(", ")}; at step 0: ${number(last.network[part]?.[0])}`
        : "No step yet");
    }

    // Steps 0, 1, 10, 100, … on an axis of log10(1 + step).
    function stepTicks(most) {
      const found = [[0, "0"]];
      for (let k = 0; k <= 7; k++) {
        const at = Math.log10(1 + 10 ** k);
        if (at <= most + 1e-9 && (k === 0 || at > 0.3)) found.push([at, KIT.power(k)]);
      }
      return found;
    }

    chart.draw = draw;
    return chart;
  }
  return { losses };
})();
