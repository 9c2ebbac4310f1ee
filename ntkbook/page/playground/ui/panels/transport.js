// The bar with what a reader does: run, step, restart; undo, redo, reset; take along. It
// needs KIT and SAVE.
const TRANSPORT = (() => {
  const { html, button, choice, number } = KIT;
  // What a frame does: how many steps at step `at`, and how long it waits before.
  const SPEEDS = {
    growing: ["accelerating", (at) => Math.max(1, Math.round(0.03 * at)), 0],
    one: ["1 step a frame", () => 1, 0],
    slow: ["4 steps a second", () => 1, 250],
    fast: ["as fast as it goes", () => 100000, 0],
  };

  function transport(app) {
    const run = button("Run", () => app.toggle(), { class: "ntkp-button ntkp-main" });
    const step = button("Step", () => app.step(1), { title: "One step of gradient descent" });
    const restart = button("Restart", () => app.restart(), { title: "Back to initialisation, with the same weights" });
    const undo = button("Undo", () => app.store.undo()), redo = button("Redo", () => app.store.redo());
    const reset = button("Reset", () => app.reset(), { title: "Back to the first setting" });
    const speed = choice("Speed", Object.entries(SPEEDS).map(([key, [text]]) => [key, text]), (value) => (app.speed = value));
    const count = html("output", { class: "ntkp-steps" }, "step 0");
    // It stands where nothing has to make room for it.
    const took = html("span"), slow = html("span", { class: "ntkp-note ntkp-slow", title: "A large setting: it goes on" },
      took, html("span", { class: "ntkp-long" }, ": a large setting, it goes on"));
    const note = html("p", { class: "ntkp-note ntkp-said", role: "status" });
    const code = html("pre", { class: "ntkp-code", tabindex: 0, "aria-label": "This run in Python" });
    const codeBox = html("div", { class: "ntkp-python", hidden: "" }, code,
      html("div", { class: "ntkp-row-buttons" }, button("Copy", () => app.copy(code.textContent, "The code is copied.")),
        button("Close", () => (codeBox.hidden = true))));
    const python = button("As Python", () => close(() => {
      codeBox.hidden = false;
      code.textContent = app.python();
      code.focus();
    }));
    const list = html("div", { class: "ntkp-menu-list" },
      button("Picture (SVG)", () => close(app.saveSVG)), button("Picture (PNG)", () => close(app.savePNG)),
      button("Run (CSV)", () => close(app.saveCSV)));
    const save = html("details", { class: "ntkp-menu" }, html("summary", { class: "ntkp-button" }, "Keep"), list);
    const close = (action) => {
      if (save.open) save.firstChild.focus();
      save.open = false;
      action();
    };
    save.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !save.open) return;
      save.open = false;
      save.firstChild.focus();
      event.stopPropagation();
    });
    save.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !save.contains(event.relatedTarget)) save.open = false;
    });
    const link = button("Copy link", () => close(app.copyLink));
    const node = html("div", { class: "ntkp-bar", role: "group", "aria-label": "Run and keep" },
      html("div", { class: "ntkp-group ntkp-runs" }, run, step, restart, html("span", { class: "ntkp-at" }, count, slow)),
      html("div", { class: "ntkp-group ntkp-speed" }, speed.node),
      html("div", { class: "ntkp-group ntkp-right" }, undo, redo, reset, link, save, python));
    return {
      node, codeBox, note,
      // On a phone, what takes the run along is all in the menu.
      narrow: (on) => (on ? list.prepend(link, python) : (save.before(link), save.after(python))),
      running: (on) => {
        run.textContent = on ? "Pause" : "Run";
        node.classList.toggle("ntkp-running", on);
      },
      show: (at, time) => {
        count.textContent = `step ${number(at, 6)}`;
        slow.style.visibility = time > 60 ? "visible" : "hidden";
        took.textContent = `${number(time, 2)} ms a picture`;
      },
      history: () => {
        undo.disabled = !app.store.canUndo();
        redo.disabled = !app.store.canRedo();
      },
      lock: (on) => [run, step, restart].forEach((each) => (each.disabled = on)),
      tell: (text) => (note.textContent = text),
    };
  }
  return { transport, SPEEDS };
})();
