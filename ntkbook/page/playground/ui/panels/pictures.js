// The middle of the page: the functions with their legend and buttons, and the line that
// says in words what is happening. It needs KIT, CHART, FUNCTIONS, WORDS.
const PICTURES = (() => {
  const { html, tickbox } = KIT;

  // The middle picture: curves or maps, with a legend that shows and hides.
  function pictures(app, on, shown, changed) {
    const curves = FUNCTIONS.curves(on), maps = FUNCTIONS.maps(on);
    const boxes = [["network", "network", "network", "line"], ["linear", "linearised", "linearisation", "line"],
      ["infinite", "infinite", "infinite kernel", "line"], ["target", "target", "target", "line"], ["test", "", "test points", "ring"]]
      .map(([key, kind, text, shape]) => {
        const box = tickbox(CHART.key(kind, text, shape), (value) => {
          shown[key] = value;
          changed();
        });
        box.show(true);
        box.key = key;
        return box;
      });
    const place = html("div", { class: "ntkp-plot" }, curves.node);
    const plane = html("div", { class: "ntkp-plane" }, maps.node, maps.legend);
    const many = html("p", { class: "ntkp-note" }, "More than two inputs have no picture; the plots below show the training points.");
    const help = html("p", { class: "ntkp-note ntkp-help" });
    const index = () => handles().current();
    let d = 1;
    const handles = () => (d === 1 ? curves.handles : maps.handles);
    const buttons = html("div", { class: "ntkp-row-buttons" },
      KIT.button("Add a point", () => on.add(...spot())),
      KIT.button("Remove the point", () => on.remove(index())));
    let last = null;
    const spot = () => (d === 1 ? [last.query[0], Number(last.atQuery?.network) || 0] : last.query);
    const node = KIT.section(2, ["Functions ", app.names.link("network")], "functions",
      html("div", { class: "ntkp-legend", role: "group", "aria-label": "Shown" }, ...boxes.map((box) => box.node)),
      place, plane, many, html("div", { class: "ntkp-under" }, help, buttons));
    return {
      node,
      choose: (dimension) => {
        d = dimension;
        place.hidden = d !== 1;
        plane.hidden = d !== 2;
        many.hidden = d < 3;
        buttons.hidden = help.hidden = d > 2;
        boxes.forEach((box) => (box.node.hidden = d > 2 || (d === 2 && box.key !== "test")));
        help.textContent = d === 1
          ? "Drag a point; click to add one, or draw a row of them; double-click to remove one. By keyboard: arrows move, Page Up and Page Down go on, Delete removes. The small house is the query."
          : "Drag a point; click to add one, or draw a row of them; double-click to remove one. By keyboard: arrows move, Page Up and Page Down go on, Delete removes. The cross is the query.";
      },
      fit: () => {
        if (d === 1) curves.fit(Math.max(160, Math.floor(place.clientWidth)), Math.round(Math.max(230, Math.min(340, 0.56 * place.clientWidth))));
        else if (d === 2) maps.fit();
      },
      restart: () => {
        curves.restart();
        maps.restart();
      },
      draw: (view, table) => {
        last = view;
        if (d === 1) curves.draw(view, shown);
        else if (d === 2) maps.draw(view, table, shown);
      },
    };
  }

  // What is happening, in words: the verdict, which stays in view, and the rest.
  function caption() {
    const chips = html("span"), short = html("span"), text = html("p", { "aria-hidden": "true" });
    const badge = html("div", { class: "ntkp-badge" }, html("p", { "aria-hidden": "true" }, chips, short));
    const spoken = html("span", { class: "ntkp-spoken", role: "status" });
    const more = html("details", { class: "ntkp-thresholds" }, html("summary", {}, "thresholds"), html("span", {}, WORDS.THRESHOLDS));
    const node = html("div", { class: "ntkp-words" }, text, spoken, more);
    let speaking = 0;
    // How far below the badge a control has to stand when it gets the focus.
    new ResizeObserver(() => badge.parentElement.style.setProperty("--ntkp-badge", `${badge.offsetHeight}px`)).observe(badge);
    return {
      node, badge,
      show: ({ chips: all, short: verdict, said }, running) => {
        chips.replaceChildren(...all.flatMap(([tone, name]) => [html("strong", { class: "ntkp-chip", "data-tone": tone }, name), " "]));
        short.textContent = verdict.join(" ");
        text.textContent = said.join(" ");
        clearTimeout(speaking); // a screen reader is told when the run rests
        const whole = [...all.map(([, name]) => `${name}.`), ...verdict, ...said].join(" ");
        if (!running) speaking = setTimeout(() => (spoken.textContent = whole), 300);
      },
    };
  }

  return { pictures, caption };
})();
