// What a reader chooses: data, network, training. Each group folds; its summary says what is
// chosen. The controls write into the store, and show what it holds. It needs KIT, NAMES, SAVE.
const CONTROLS = (() => {
  const { html, choice, slider, tickbox, button, listed, number, percent } = KIT;
  const ONE = [["sine", "Sine"], ["cubic", "Cubic"], ["abs", "|x|"], ["step", "Step"]];
  const TWO = [["gaussians", "Two Gaussians"], ["circle", "Circle"], ["xor", "Exclusive or"], ["spiral", "Spiral"]];
  const KINDS = Object.fromEntries([...ONE, ...TWO, ["points", "Own points"]]);
  const WIDTHS = [4, 8, 16, 32, 64, 128, 256, 512];
  const COUNTS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 30, 40, 50, 60, 80, 100];
  const SCALES = [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100];
  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3,
    1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2.2, 2.5, 3, 4, 5, 6, 8, 10];
  const DECAYS = [0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
  const NOISES = [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1];
  const TESTS = [0, 10, 20, 40, 60, 100, 200];
  const PARAMETRIZATIONS = [["ntk", "NTK"], ["standard", "standard"], ["mup", "muP"], ["mean_field", "mean field"]];
  const ACTIVATIONS = [["tanh", "tanh"], ["relu", "ReLU"], ["erf", "erf"], ["sin", "sine"]];
  const named = (options, value) => options.find(([each]) => each === value)?.[1] ?? value;
  const seedAfter = (seed) => (seed + 1) % 2147483647;

  // `app` has store, names, and tell(text) for messages.
  function controls(app) {
    const { store, names } = app;
    const label = (key) => [...names.name(key), names.link(key)];
    const set = (part, field) => (value) =>
      store.change(`${part}.${field}`, (draft) => (draft[part][field] = value));
    const shows = [];
    const add = (part, field, control) => {
      shows.push((state) => control.show(state[part][field]));
      return control.node;
    };
    const pick = (part, field, options, read = String) =>
      add(part, field, choice(label(field), options, (value) => set(part, field)(read(value))));
    const slide = (part, field, values, say, key = field) =>
      add(part, field, slider(label(key), listed(values), say, set(part, field)));

    // --- data
    const kinds = choice(label("data"), [], (kind) => app.edit.kind(kind));
    const group = (title, options) => html("optgroup", { label: title },
      ...options.map(([value, text]) => html("option", { value }, text)));
    kinds.select.append(group("One input", ONE), group("Two inputs", TWO), html("option", { value: "points" }, "Own points"));
    shows.push((state) => kinds.show(state.data.kind));
    const generated = html("div", {},
      slide("data", "count", COUNTS, (n) => `${n}`),
      slide("data", "noise", NOISES, (value) => number(value)),
      slide("data", "test", TESTS, (n) => `${n}`, "tests"));
    const redraw = button("New draw", () => set("data", "seed")(seedAfter(store.get().data.seed)));
    const clear = button("Clear", () => app.edit.clear());
    const signs = choice("A click adds", [["1", "a point labelled +1"], ["-1", "a point labelled −1"]], (value) => (app.sign = Number(value)));
    const table = tableBox(app);
    const data = fold("Data", html("div", {}, kinds.node, generated, signs.node,
      html("div", { class: "ntkp-row-buttons" }, redraw, clear, table.open), table.node));
    shows.push((state) => {
      const own = state.data.kind === "points", plane = app.dimension() === 2;
      generated.hidden = redraw.hidden = own;
      clear.hidden = !own;
      signs.node.hidden = !plane;
      data.say(own ? `${state.data.points.length} own points` : `${KINDS[state.data.kind]}, ${state.data.count} points`);
    });

    // --- network
    const more = html("details", { class: "ntkp-more" }, html("summary", {}, "Scales at initialisation"),
      slide("network", "weight_std", [0.3, 0.5, 0.7, 1, 1.2, 1.41421356, 1.5, 1.7, 2, 2.5, 3, 4, 5], (value) => number(value)),
      slide("network", "bias_std", [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5], (value) => number(value)),
      add("network", "zero_output", tickbox(label("zero_output"), set("network", "zero_output"))));
    const network = fold("Network", html("div", {},
      slide("network", "depth", [1, 2, 3], (value) => `${value}`),
      slide("network", "width", WIDTHS, (value) => `${value}`),
      pick("network", "activation", ACTIVATIONS),
      pick("network", "parametrization", PARAMETRIZATIONS),
      slide("network", "scale", SCALES, (value) => `× ${number(value)}`),
      more,
      html("div", { class: "ntkp-row-buttons" },
        button("New weights", () => set("network", "seed")(seedAfter(store.get().network.seed))))));
    shows.push(({ network: net }) => network.say(`${net.depth} × ${net.width} ${named(ACTIVATIONS, net.activation)}, α = ${number(net.scale)}`));

    // --- training
    const losses = choice(label("loss"), [["squared", "squared"], ["logistic", "logistic"]], set("training", "loss"));
    shows.push((state) => {
      losses.show(state.training.loss);
      // The logistic loss needs labels −1 and 1.
      losses.select.options[1].disabled = !app.binary() && state.training.loss !== "logistic";
    });
    const training = fold("Training", html("div", {}, losses.node,
      slide("training", "step", STEPS, (value) => `${number(value)} × 2/λₘₐₓ`),
      pick("training", "batch", [[0, "all points"], [1, "1 point"], [2, "2 points"], [4, "4 points"], [8, "8 points"], [16, "16 points"], [32, "32 points"]], Number),
      slide("training", "weight_decay", DECAYS, (value) => (value ? `${percent(value)} of λₘₐₓ` : "none"))));
    shows.push(({ training: by }) => training.say(`${by.loss}, ${number(by.step)} × 2/λₘₐₓ`));

    return {
      node: html("div", { class: "ntkp-controls" }, data.node, network.node, training.node),
      folds: [data, network, training],
      show: (state) => shows.forEach((each) => each(state)),
    };
  }

  function fold(title, inside) {
    const say = html("span", { class: "ntkp-chosen" });
    const node = html("details", { class: "ntkp-card ntkp-fold", open: "" },
      html("summary", {}, html("span", { class: "ntkp-heading" }, title), say), inside);
    return { node, say: (text) => (say.textContent = text) };
  }

  // A box for the reader's own table, pasted or dropped; it stays in this page.
  function tableBox(app) {
    const id = KIT.unique("table");
    const area = html("textarea", {
      id, rows: 5, spellcheck: "false", autocomplete: "off", "data-lm-suppress-shortcuts": "true",
      placeholder: "-1.0, 0.3\n0.0, -0.2\n1.5, 0.9",
    });
    const file = html("input", { type: "file", accept: ".csv,.tsv,.txt,text/*", class: "ntkp-file", "aria-label": "A file with a table" });
    let held = false;
    const hold = tickbox("Every fourth row is for the test", (on) => (held = on));
    const note = html("p", { class: "ntkp-note", role: "status" });
    const take = (text) => {
      const found = SAVE.table(text);
      note.textContent = found.problem ?? `${found.points.length} points taken.`
        + (found.scaled.length ? ` Centred and scaled to deviation 1: ${found.scaled.join(", ")}.` : "");
      area.setAttribute("aria-invalid", String(Boolean(found.problem)));
      if (!found.problem) app.edit.table(found.points, held ? 4 : 0);
    };
    file.addEventListener("change", async () => file.files[0] && take(await file.files[0].text()));
    const node = html("div", { class: "ntkp-table", hidden: "" },
      html("label", { for: id }, "Rows of inputs (1 to 8) and a target. The table stays in this page; only a link that you copy contains it."),
      area, hold.node, html("div", { class: "ntkp-row-buttons" }, button("Use this table", () => take(area.value)), file), note);
    node.addEventListener("dragover", (event) => event.preventDefault());
    node.addEventListener("drop", async (event) => {
      event.preventDefault();
      const [dropped] = event.dataTransfer.files;
      area.value = dropped ? await dropped.text() : event.dataTransfer.getData("text/plain");
      take(area.value);
    });
    const open = button("Own table …", () => {
      node.hidden = !node.hidden;
      open.setAttribute("aria-expanded", String(!node.hidden));
      if (!node.hidden) area.focus();
    }, { "aria-expanded": "false" });
    return { node, open };
  }

  return { controls, KINDS };
})();
