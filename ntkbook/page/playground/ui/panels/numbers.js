// The numbers of the run: a table with a column for each model, and a list. Each has its
// name, its unit and a link to the section that defines it. It needs KIT, NAMES, CHART, WORDS.
const NUMBERS = (() => {
  const { html, number, percent, button } = KIT;
  const MODELS = [["network", "network"], ["linear", "linearised"], ["infinite", "infinite"]];

  function numbers(app) {
    const { names } = app, cells = {}, list = {};
    const label = (key) => [...names.name(key), names.link(key)].flatMap((part) => [part, " "]);
    const head = html("tr", {}, html("td"), ...MODELS.map(([model, kind]) =>
      html("th", { scope: "col" }, CHART.key(kind, names.title(model)))));
    const row = (key) => {
      cells[key] = Object.fromEntries(MODELS.map(([model]) => [model, html("td")]));
      return html("tr", {}, html("th", { scope: "row" }, ...label(key)), ...Object.values(cells[key]));
    };
    const table = html("table", { class: "ntkp-table-numbers" },
      html("caption", { class: "ntkp-spoken" }, "Losses, as means per point, and how far the weights have moved"),
      html("thead", {}, head), html("tbody", {}, row("train"), row("test"), row("moved")));
    const item = (key) => {
      list[key] = html("dd");
      return html("div", { class: "ntkp-item" }, html("dt", {}, ...label(key)), list[key]);
    };
    const ask = button("compute", () => app.askKappa(), { class: "ntkp-link" });
    const node = KIT.section(2, "Numbers", "numbers", table, html("dl", { class: "ntkp-list" },
      ...["change", "gap", "gapInfinite", "kappa", "lambda", "edge", "time", "alignment", "weights"].map(item)));

    function show({ ready, frame, seen, kappa }) {
      for (const [model] of MODELS) {
        const found = frame.models[model];
        cells.train[model].textContent = found ? number(found.loss, 2) : "–";
        cells.test[model].textContent = found && ready.nTest ? number(found.lossTest ?? app.lastTest[model], 2) : "–";
        cells.moved[model].textContent = found && Number.isFinite(found.moved) && found.moved !== null ? percent(found.moved) : "–";
        for (const key of ["train", "test", "moved"])
          cells[key][model].classList.toggle("ntkp-gone", Boolean(found) && found.diverged !== null);
      }
      const say = (key, text) => (list[key].textContent = text);
      const share = (key, value) => {
        say(key, value < 10 ? percent(value) : number(value, 2));
        list[key].append(html("small", {}, value < 10 ? " of target" : " × target"));
      };
      say("change", percent(seen.change));
      share("gap", seen.gaps.linear);
      if (frame.models.infinite) share("gapInfinite", seen.gaps.infinite);
      else say("gapInfinite", "–");
      if (kappa === "ask") list.kappa.replaceChildren(ask);
      else say("kappa", kappa === null ? "…" : `${kappa.done ? "" : "≥ "}${number(kappa.value)}`);
      say("lambda", `${number(ready.lambdaMax)} → ${number(seen.lambdaMax ?? ready.lambdaMax)}`);
      const factor = 1 / ready.threshold;
      say("edge", number((factor * ready.stepSize * (seen.lambdaMax ?? ready.lambdaMax)) / 2));
      list.edge.append(html("small", {}, " of the limit 1"));
      say("time", number(frame.time));
      list.time.append(html("small", {}, ` η = ${number(ready.stepSize)}`));
      say("alignment", seen.alignment === undefined ? "–" : number(seen.alignment));
      say("weights", number(ready.weights));
    }
    return { node, show };
  }
  return { numbers, MODELS };
})();
