// The plots below and next to the functions: losses, eigenbasis, kernel matrices, spectrum,
// and what argues for and against at the query. It needs the plots and KIT.
const DIAGNOSTICS = (() => {
  const { html, percent, number } = KIT;

  function diagnostics(app) {
    const { names } = app;
    const heading = (key) => [names.title(key), " ", names.link(key)];
    const train = LOSSES.losses("train", "Training loss, mean per point"), test = LOSSES.losses("test", "Test loss, mean per point");
    const outputs = MODES.outputs(), spectrum = MODES.spectrum();
    const bars = ARGUMENTS.bars(app.look);
    const matrices = [
      FIELD.matrix("At initialisation", "linearised"), FIELD.matrix("Now", "network"), FIELD.matrix("Change", "none"),
    ];
    const infinite = FIELD.matrix("Infinite width", "infinite");
    const place = (chart) => html("div", { class: "ntkp-plot" }, chart.node);
    const both = [[train, "train"], [test, "test"]].map(([chart, key]) =>
      KIT.section(2, heading(key), "plot", place(chart)));
    const losses = html("div", { class: "ntkp-pair" }, ...both);
    const note = html("p", { class: "ntkp-note" });
    const argue = html("p", { class: "ntkp-note" });
    const parts = {
      losses,
      basis: KIT.section(2, heading("basis"), "plot", place(outputs),
        html("p", { class: "ntkp-note" }, "Bars: network; dashes: linearisation (orange) and infinite kernel (green); crosses: targets. Large eigenvalues stand left and are learned first.")),
      matrix: KIT.section(2, heading("matrix"), "plot",
        html("div", { class: "ntkp-matrices" }, ...[...matrices, infinite].map((each) => each.node)), note),
      spectrum: KIT.section(2, heading("spectrum"), "plot",
        html("p", { class: "ntkp-legend" }, CHART.key("linearised", "at initialisation"), CHART.key("network", "now"), CHART.key("infinite", "infinite width")),
        place(spectrum.values),
        html("h3", { class: "ntkp-heading ntkp-minor" }, ...heading("energy")), place(spectrum.energy)),
      arguments: KIT.section(2, heading("arguments"), "plot", place(bars), argue),
    };
    let drawn = {};
    const charts = [train, test, outputs, spectrum.values, spectrum.energy, bars];

    function draw({ ready, frame, history, kernel, query, marked, table }, shown) {
      train.draw(history, shown);
      test.draw(history, shown);
      both[1].hidden = !ready.nTest;
      const { network, linear, infinite: limit } = frame.models;
      outputs.draw({
        target: ready.targets, network: network.inBasis, linear: linear.inBasis, infinite: limit?.inBasis,
      }, shown);
      spectrum.draw({
        initial: ready.spectrum0.values, energy: ready.spectrum0.energy, infinite: ready.infiniteSpectrum?.values,
        now: kernel?.spectrum.values, energyNow: frame.step ? kernel?.spectrum.energy : undefined,
      });
      if (drawn.kernel !== kernel || drawn.ready !== ready || drawn.table !== table) drawMatrices(ready, kernel, table);
      drawn = { kernel, ready, table };
      bars.draw(query, marked);
      if (query) {
        const at = query.at.map((value) => number(value)).join(", ");
        argue.textContent = `At the query (${at}) the network's output is ${number(query.outputs.network)}: `
          + `${number(query.start)} at initialisation and what the points add; they sum up to it with an error of ${number(query.error, 2)}.`;
      }
      parts.arguments.hidden = !query;
    }
    // In the order of the first input, so that near points are neighbours.
    function drawMatrices(ready, kernel, table) {
      const { n, d, x, kernel0, infiniteKernel } = ready;
      const order = Array.from({ length: n }, (_, k) => k).sort((a, b) => (d > 1 ? ready.y[a] - ready.y[b] : 0) || x[a * d] - x[b * d]);
      const sorted = (values) => Float64Array.from({ length: n * n }, (_, k) => values[order[Math.floor(k / n)] * n + order[k % n]]);
      let most = 1e-12;
      for (const value of kernel0) most = Math.max(most, Math.abs(value));
      const largest = (values) => values.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
      const now = kernel ? kernel.now : kernel0;
      matrices[0].draw(sorted(kernel0), n, most, table, "");
      matrices[1].draw(sorted(now), n, most, table, "");
      matrices[2].draw(sorted(now.map((value, k) => value - kernel0[k])), n, most, table, percent(kernel?.change ?? 0));
      infinite.node.hidden = !infiniteKernel;
      if (infiniteKernel) infinite.draw(sorted(infiniteKernel), n, most, table, "");
      note.textContent = `Points ordered by ${d > 1 ? "label and first input" : "input"}; full colour is ${number(most)}. `
        + `Largest entry now ${number(largest(now))}.` + (ready.noInfinite ? ` ${ready.noInfinite}` : "");
    }
    return {
      parts, draw,
      fit: () => charts.map((chart) => chart.fit(Math.max(120, Math.floor(chart.node.parentNode.clientWidth)), chart.height)).some(Boolean),
      restart: () => [outputs, spectrum, bars].forEach((chart) => chart.restart()),
    };
  }
  return { diagnostics };
})();
