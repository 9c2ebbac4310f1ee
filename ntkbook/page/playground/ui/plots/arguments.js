// For a query, what each training point argues: bars to the right raise the output there,
// bars to the left lower it. Filled for the network, in outline for its linearisation,
// a tick for the infinite kernel. It needs CHART.
const ARGUMENTS = (() => {
  const { svg, dress, number } = KIT;
  const MOST = 10, ROW = 17; // points that are shown, the strongest ones

  function bars(look) {
    const chart = CHART.frame("What the training points argue at the query", 40, { left: 30, right: 8, top: 6, bottom: 24 });
    dress(chart.node, { class: "ntkp-chart ntkp-arguments" });
    const rows = [];
    let range = null;
    function row() {
      const parts = {
        band: svg("rect", { class: "ntkp-row" }),
        network: svg("path", { class: "ntkp-bar ntkp-network" }),
        linear: svg("path", { class: "ntkp-outline ntkp-linearised" }),
        infinite: svg("path", { class: "ntkp-line ntkp-infinite ntkp-short" }),
        name: svg("text", { "text-anchor": "end", class: "ntkp-index" }),
      };
      parts.node = svg("g", {}, ...Object.values(parts));
      parts.node.addEventListener("pointerenter", () => look(parts.index));
      parts.node.addEventListener("pointerleave", () => look(null));
      chart.over.append(parts.node);
      return parts;
    }
    chart.restart = () => (range = null);
    chart.draw = (found, marked) => {
      if (!found || !chart.width) return;
      const lead = found.network ?? found.linear ?? found.infinite;
      const size = (k) => Math.max(...["network", "linear"].map((name) => Math.abs(found[name]?.[k] ?? 0)).filter(Number.isFinite), 0);
      const order = Array.from(lead, (_, k) => k).sort((a, b) => size(b) - size(a)).slice(0, MOST).sort((a, b) => a - b);
      chart.fit(chart.width, order.length * ROW + chart.room.top + chart.room.bottom);
      while (rows.length < order.length) rows.push(row());
      // The network's contributions have room; those of models that explode are cut.
      const largest = (name) => Math.max(...order.map((k) => Math.abs(found[name]?.[k] ?? 0)).filter(Number.isFinite), 0);
      const own = largest("network");
      const most = Math.max(own, Math.min(Math.max(largest("linear"), largest("infinite")), own ? 2 * own : 1e4), 1e-9);
      range = CHART.steady(range, -most, most);
      const far = Math.max(-range[0], range[1]);
      const space = { x: [-far, far], y: [0, 1] }, low = chart.height - chart.room.bottom;
      const side = KIT.ticks(0, 0.75 * far, 3).found.at(-1);
      CHART.rule(chart, space, { x: "", y: "", xTicks: [[-side, `${number(-side)} against`], [0, "0"], [side, `${number(side)} for`]] });
      chart.axes.querySelectorAll(".ntkp-grid, .ntkp-rule:first-child").forEach((node) => node.remove());
      chart.axes.querySelectorAll("text[text-anchor=end]").forEach((node) => node.remove());
      const to = chart.scale(space), zero = to.x(0);
      rows.forEach((parts, at) => {
        parts.node.style.display = at < order.length ? "" : "none";
        if (at >= order.length) return;
        const k = order[at], top = chart.room.top + at * ROW;
        parts.index = k;
        dress(parts.band, { x: 0, y: top, width: chart.width, height: ROW });
        parts.node.classList.toggle("ntkp-marked", marked === k);
        const end = (name) => to.x(Math.max(-far, Math.min(far, found[name][k] || 0))).toFixed(1);
        for (const [name, inset] of [["network", 5], ["linear", 3]])
          dress(parts[name], found[name]
            ? { d: `M${zero.toFixed(1)} ${top + inset}H${end(name)}v${ROW - 2 * inset}H${zero.toFixed(1)}Z` } : { d: "M0 0" });
        dress(parts.infinite, found.infinite ? { d: `M${end("infinite")} ${top + 2}v${ROW - 4}` } : { d: "M0 0" });
        dress(parts.name, { x: 26, y: top + ROW / 2 + 4 });
        parts.name.textContent = k + 1;
      });
      dress(chart.zero ??= chart.over.appendChild(svg("path", { class: "ntkp-rule" })), { d: `M${zero.toFixed(1)} ${chart.room.top}V${low}` });
      const ranked = [...order].sort((a, b) => lead[b] - lead[a]);
      const said = (k) => `point ${k + 1} (${number(lead[k])})`;
      chart.describe(`Strongest for a larger output: ${said(ranked[0])}; strongest against: ${said(ranked.at(-1))}`);
    };
    return chart;
  }
  return { bars, MOST };
})();
