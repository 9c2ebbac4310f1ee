// Training points that are drawn, moved and deleted by mouse, finger and keyboard, in a
// picture of one input (the target is the height) or of two (the label is the sign). One
// stop of the Tab key: Page Up and Page Down go through the points. It needs KIT.
const POINTS = (() => {
  const { svg, dress, number } = KIT;
  const STEP = 0.05, FAR = 0.25; // of the arrow keys, and with Shift
  const CLICK = 5, AGAIN = 500; // pixels and milliseconds that make a click, a second one
  const APART = 28; // pixels between the points of a stroke

  // `chart` has `node` and `to()`, which maps values to pixels and back; `on` says what
  // to do: move(index, x, y), add(x, y), remove(index), look(index or null), rest().
  function points(chart, on, { editable = true, keyboard = true } = {}) {
    const group = svg("g", { class: "ntkp-points" });
    let nodes = [], data = null, current = 0, drag = null, added = 0;

    function word(index) {
      const at = data.x[index];
      return at.length === 1
        ? `input ${number(at[0], 3)}, target ${number(data.y[index], 3)}`
        : `at ${number(at[0], 3)}, ${number(at[1], 3)}, label ${number(data.y[index], 3)}`;
    }
    function make(index) {
      const shape = svg("path", { class: "ntkp-point" });
      const node = svg("g", { class: "ntkp-handle" }, svg("circle", { r: 16, class: "ntkp-touch" }), shape);
      if (keyboard) dress(node, {
        role: editable ? "slider" : "img", "data-lm-suppress-shortcuts": "true",
        "aria-label": `Training point ${index + 1}`, tabindex: -1,
      });
      node.shape = shape;
      node.addEventListener("pointerenter", () => on.look(index));
      node.addEventListener("pointerleave", () => drag || on.look(null));
      node.addEventListener("focus", () => {
        choose(index);
        on.look(index);
      });
      node.addEventListener("blur", () => on.look(null));
      if (editable) edit(node, index);
      return node;
    }
    function edit(node, index) {
      node.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        event.stopPropagation();
        event.preventDefault();
        const [px, py] = chart.pixel(event), [ax, ay] = spot(index);
        drag = { index, by: [px - ax, py - ay] };
        node.setPointerCapture(event.pointerId);
        if (keyboard) node.focus({ preventScroll: true });
      });
      node.addEventListener("pointermove", (event) => {
        if (drag?.index !== index) return;
        const [px, py] = chart.pixel(event);
        on.move(index, ...chart.value(px - drag.by[0], py - drag.by[1]));
      });
      for (const end of ["pointerup", "pointercancel"])
        node.addEventListener(end, () => {
          if (drag) on.rest();
          drag = null;
        });
      node.addEventListener("dblclick", (event) => {
        event.preventDefault();
        if (performance.now() - added > AGAIN) on.remove(index);
      });
      node.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        const turn = { PageDown: 1, PageUp: -1 }[event.key];
        if (way) {
          const by = event.shiftKey ? FAR : STEP, [x, y] = where(index);
          on.move(index, x + by * way[0], y + by * way[1]);
          on.rest();
        } else if (turn) focus((index + turn + data.x.length) % data.x.length);
        else if (event.key === "Delete" || event.key === "Backspace") {
          on.remove(index);
          focus(Math.max(0, index - 1));
        } else return;
        event.preventDefault();
      });
    }
    const where = (index) => (data.x[index].length === 1 ? [data.x[index][0], data.y[index]] : data.x[index]);
    const spot = (index) => chart.place(...where(index));
    function choose(index) {
      current = Math.max(0, Math.min(index, nodes.length - 1));
      nodes.forEach((node, k) => keyboard && node.setAttribute("tabindex", k === current ? 0 : -1));
    }
    function focus(index) {
      choose(index);
      nodes[current]?.focus({ preventScroll: true });
    }

    // A click on the ground adds a point there; a stroke of the mouse or a pen, a row of them
    // (a finger scrolls the page).
    if (editable) {
      let down = null, stroke = false;
      const add = (event) => {
        added = performance.now();
        on.add(...chart.value(...chart.pixel(event)));
      };
      const far = (event) => Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY);
      chart.node.addEventListener("pointerdown", (event) => {
        down = event.button || event.target.closest(".ntkp-handle") ? null : event;
        stroke = false;
      });
      chart.node.addEventListener("pointermove", (event) => {
        if (!down || event.pointerType === "touch" || far(event) < APART) return;
        if (!stroke) add(down);
        stroke = true;
        add(event);
        down = event;
      });
      for (const end of ["pointercancel", "pointerleave"]) chart.node.addEventListener(end, () => (down = null));
      chart.node.addEventListener("pointerup", (event) => {
        if (down && !stroke && far(event) <= CLICK) add(event);
        down = null;
      });
    }

    const SHAPES = {
      round: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z",
      square: "M-4.5-4.5h9v9h-9Z",
      smallround: "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0Z",
      smallsquare: "M-3.2-3.2h6.4v6.4h-6.4Z",
    };
    function draw(now, marked = null) {
      data = now;
      if (nodes.length !== now.x.length) {
        const held = nodes.includes(document.activeElement);
        while (nodes.length > now.x.length) nodes.pop().remove();
        while (nodes.length < now.x.length) {
          nodes.push(make(nodes.length));
          group.append(nodes.at(-1));
        }
        choose(current);
        if (held && !nodes.includes(document.activeElement)) focus(current);
      }
      const plane = now.x[0]?.length === 2, small = now.x.length > 40 ? "small" : "";
      nodes.forEach((node, k) => {
        const [a, b] = spot(k);
        dress(node, { transform: `translate(${a.toFixed(1)} ${b.toFixed(1)})` });
        node.classList.toggle("ntkp-marked", marked === k);
        if (plane) node.shape.setAttribute("class", `ntkp-point ${now.y[k] > 0 ? "ntkp-plus" : "ntkp-minus"}`);
        node.shape.setAttribute("d", SHAPES[small + (plane && now.y[k] <= 0 ? "square" : "round")]);
        if (!keyboard) return;
        const words = word(k);
        if (editable) dress(node, { "aria-valuenow": now.y[k], "aria-valuetext": words });
        else node.setAttribute("aria-label", `Training point ${k + 1}: ${words}`);
      });
    }
    return { group, draw, focus, current: () => current };
  }

  // A query that one drags, with arrow keys of its own: a vertical line (one input) or a
  // cross (two).
  function query(chart, plane, move) {
    const node = svg("g", {
      class: "ntkp-handle ntkp-query", role: "slider", tabindex: 0, "aria-label": "Query",
      "data-lm-suppress-shortcuts": "true",
    });
    node.append(...(plane
      ? [svg("circle", { r: 16, class: "ntkp-touch" }), svg("path", { class: "ntkp-cross", d: "M-8 0H8M0-8V8" })]
      : [svg("path", { class: "ntkp-cross ntkp-thin" }), svg("rect", { x: -12, y: -32, width: 24, height: 34, class: "ntkp-touch" }),
        svg("path", { class: "ntkp-grip", d: "M0-16l7 8v8h-14v-8Z" })]));
    let held = false, at = null;
    node.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      event.preventDefault();
      held = true;
      node.setPointerCapture(event.pointerId);
      node.focus({ preventScroll: true });
    });
    node.addEventListener("pointermove", (event) => held && move(chart.value(...chart.pixel(event))));
    for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (held = false));
    node.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way || !at) return; // not drawn yet
      event.preventDefault();
      const by = event.shiftKey ? FAR : STEP, side = plane ? way[1] : 0;
      move([at[0] + by * (plane ? way[0] : way[0] || way[1]), (at[1] ?? 0) + by * side]);
    });
    return {
      node,
      draw: (where) => {
        at = where;
        const [a, b] = chart.place(where[0], where[1] ?? 0), low = chart.height - (chart.room?.bottom ?? 0);
        dress(node, {
          transform: `translate(${a.toFixed(1)} ${(plane ? b : low).toFixed(1)})`,
          "aria-valuenow": Number(where[0].toFixed(3)), "aria-valuemin": -9, "aria-valuemax": 9,
          "aria-valuetext": plane ? `at ${number(where[0])}, ${number(where[1])}` : `input ${number(where[0])}`,
        });
        if (!plane) node.firstChild.setAttribute("d", `M0 0V${(chart.room?.top ?? 0) - low}`);
      },
    };
  }
  return { points, query };
})();
