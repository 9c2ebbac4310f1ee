// What happens along the kernel's eigenvectors: the outputs in the eigenbasis of the kernel
// at initialisation, and the eigenvalues with the labels' energy. It needs CHART.
const MODES = (() => {
  const { svg, dress, number, percent } = KIT;
  const MOST = 12; // eigenvectors that are shown, largest eigenvalues first

  // Outputs u_kᵀ f(X) of the three models, and what they have to become, u_kᵀ y. The sign
  // of each eigenvector is chosen so that its target is positive.
  function outputs() {
    const chart = CHART.frame("Outputs in the kernel's eigenbasis", 150, { bottom: 24 });
    const columns = [];
    let range = null;
    function column() {
      const parts = {
        target: svg("path", { class: "ntkp-goal" }),
        network: svg("rect", { class: "ntkp-bar ntkp-network" }),
        linear: svg("path", { class: "ntkp-line ntkp-linearised ntkp-short" }),
        infinite: svg("path", { class: "ntkp-line ntkp-infinite ntkp-short" }),
      };
      chart.marks.append(parts.network, parts.linear, parts.infinite, parts.target);
      return parts;
    }
    chart.restart = () => (range = null);
    chart.draw = (modes, shown = {}) => {
      if (!modes || !chart.width) return;
      const count = Math.min(MOST, modes.target.length);
      while (columns.length < count) columns.push(column());
      let low = 0, high = 0;
      for (let k = 0; k < count; k++) {
        const goal = Math.abs(modes.target[k]);
        high = Math.max(high, goal);
        for (const name of ["network", "linear", "infinite"]) {
          const value = modes[name]?.[k] * (modes.target[k] < 0 ? -1 : 1);
          if (!Number.isFinite(value)) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      let most = 1e-9;
      for (let k = 0; k < count; k++) most = Math.max(most, Math.abs(modes.target[k]));
      // What explodes leaves the picture.
      low = Math.max(low, -1.5 * most);
      high = Math.min(Math.max(high, 0.2 * most), 2.5 * most);
      range = CHART.steady(range, low, high);
      const space = { x: [0.5, count + 0.5], y: range };
      const labels = Array.from({ length: count }, (_, k) => [k + 1, String(k + 1)]);
      CHART.rule(chart, space, { x: "", y: "", xTicks: labels });
      const to = chart.scale(space), wide = Math.min(26, (to.x(2) - to.x(1)) * 0.7);
      columns.forEach((parts, k) => {
        const on = k < count;
        for (const each of Object.values(parts)) each.style.display = on ? "" : "none";
        if (!on) return;
        const sign = modes.target[k] < 0 ? -1 : 1, middle = to.x(k + 1), zero = to.y(0);
        const at = (value) => Math.max(-50, Math.min(chart.height + 50, to.y(value)));
        const value = sign * modes.network[k], bad = !Number.isFinite(value);
        const top = bad ? zero : at(value);
        dress(parts.network, {
          x: (middle - wide / 3).toFixed(1), width: ((2 * wide) / 3).toFixed(1),
          y: Math.min(zero, top).toFixed(1), height: Math.max(0.5, Math.abs(zero - top)).toFixed(1),
        });
        for (const name of ["linear", "infinite"]) {
          const there = modes[name] && Number.isFinite(modes[name][k]) && shown[name] !== false;
          parts[name].style.display = there ? "" : "none";
          if (there) dress(parts[name], { d: `M${(middle - wide / 2).toFixed(1)} ${at(sign * modes[name][k]).toFixed(1)}h${wide.toFixed(1)}` });
        }
        const goal = at(Math.abs(modes.target[k]));
        dress(parts.target, { d: `M${(middle - 4).toFixed(1)} ${(goal - 4).toFixed(1)}l8 8m0 -8l-8 8` });
      });
      const left = Array.from({ length: Math.min(3, count) }, (_, k) =>
        `${k + 1}: network ${number(modes.network[k])}, target ${number(modes.target[k])}`);
      chart.describe(`Along the first eigenvectors, ${left.join("; ")}`);
    };
    return chart;
  }

  // Eigenvalues at initialisation and now, on a logarithmic axis, and below them how much
  // of the labels' squared norm lies along each eigenvector of the kernel at initialisation.
  function spectrum() {
    const values = CHART.frame("Eigenvalues of the kernel", 128, { bottom: 8, left: 40 });
    const energy = CHART.frame("Fraction of the labels along each eigenvector", 92, { left: 40, bottom: 24 });
    const kinds = [["infinite", "infinite"], ["initial", "linearised"], ["now", "network"]];
    const lines = kinds.map(([, kind]) => CHART.line(kind));
    const bars = svg("path", { class: "ntkp-bar ntkp-target" }), outline = svg("path", { class: "ntkp-outline ntkp-network" });
    values.marks.append(...lines);
    energy.marks.append(bars, outline);
    let range = null;
    const draw = (found) => {
      if (!found || !values.width) return;
      const n = found.initial.length;
      const logs = Object.fromEntries(kinds.map(([name]) =>
        [name, Array.from(found[name] ?? [], (value) => (value > 0 ? Math.log10(value) : NaN))]));
      const top = Math.max(...kinds.flatMap(([name]) => logs[name].filter(Number.isFinite)), -300);
      const bottom = Math.min(...kinds.flatMap(([name]) => logs[name].filter((v) => v > top - 9)), top - 1);
      range = CHART.steady(range, bottom, top);
      const xs = Array.from({ length: n }, (_, k) => k + 1), space = { x: [0.5, n + 0.5], y: range };
      CHART.rule(values, space, { y: "", logY: true, xTicks: [] });
      const to = values.scale(space);
      kinds.forEach(([name], k) => dress(lines[k], { d: CHART.path(xs, logs[name], to) }));
      values.describe(`Largest ${number(found.initial[0])} at initialisation`
        + (found.now ? `, ${number(found.now[0])} now` : "") + `; smallest ${number(found.initial[n - 1])}`
        + (found.now ? `, ${number(found.now[n - 1])} now` : ""));
      const highest = Math.max(0.05, ...found.energy, ...(found.energyNow ?? []));
      const below = { x: [0.5, n + 0.5], y: [0, highest * 1.05] };
      const step = n <= 12 ? 1 : n <= 30 ? 5 : n <= 60 ? 10 : 50;
      const labels = xs.filter((k) => k === 1 || k % step === 0).map((k) => [k, String(k)]);
      CHART.rule(energy, below, { y: "", xTicks: labels });
      const at = energy.scale(below), wide = Math.max(1, Math.min(14, (at.x(2) - at.x(1)) * 0.7));
      const block = (list) => Array.from(list, (share, k) => {
        const x = at.x(k + 1) - wide / 2, y = at.y(share), low = at.y(0);
        return `M${x.toFixed(1)} ${low.toFixed(1)}V${y.toFixed(1)}h${wide.toFixed(1)}V${low.toFixed(1)}`;
      }).join("") || "M0 0";
      dress(bars, { d: block(found.energy) });
      dress(outline, { d: found.energyNow ? block(found.energyNow) : "M0 0" });
      const first = found.energy.slice(0, 3).reduce((sum, share) => sum + share, 0);
      const later = found.energyNow?.slice(0, 3).reduce((sum, share) => sum + share, 0);
      energy.describe(`Along the first three eigenvectors at initialisation ${percent(first)}`
        + (later === undefined ? "" : `, along those of the kernel now ${percent(later)}`));
    };
    return { values, energy, draw, restart: () => (range = null) };
  }
  return { outputs, spectrum, MOST };
})();
