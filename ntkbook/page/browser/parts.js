// What the book's live figures share: nodes, sliders, points to drag, random numbers, and
// a net below.
const PARTS = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  const dress = (node, attributes, inside = []) => {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...inside);
    return node;
  };
  const html = (tag, attributes = {}, ...inside) =>
    dress(document.createElement(tag), attributes, inside);
  const svg = (tag, attributes = {}, ...inside) =>
    dress(document.createElementNS(SVG, tag), attributes, inside);
  const clamp = (value, most) => Math.max(-most, Math.min(most, value));
  const minus = (number) => String(number).replace("-", "−");
  const join = (points) =>
    `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

  // A slider with its name and value. JupyterLab would take the arrow keys otherwise.
  function slider(name, title, low, high, by, start, say, move) {
    const input = html("input", {
      type: "range", min: low, max: high, step: by, value: start, autocomplete: "off",
      "aria-label": name, "data-lm-suppress-shortcuts": "true",
    });
    const output = html("span", { class: "ntk-value", "aria-hidden": "true" });
    const tell = () => {
      output.textContent = say(input.valueAsNumber);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => {
      tell();
      move(input.valueAsNumber);
    });
    tell();
    return html("label", {}, title, input, output);
  }

  // A data point in a picture of -X..X by -Y..Y: dragged by mouse or finger, moved by the
  // arrow keys. `read` says where it is, and `move` is told where it should go; `name` and
  // `words` say to a screen reader what it is and where.
  function handle(number, X, Y, focusable, safely, read, move,
    name = `Data point ${number + 1}: arrow keys move its input and its target`,
    words = (x, y) => `input ${minus(x.toFixed(1))}, target ${minus(y.toFixed(1))}`) {
    const node = svg("g", {
      class: "ntk-handle", role: "slider", "data-lm-suppress-shortcuts": "true",
      "aria-label": name,
      "aria-valuemin": -Y, "aria-valuemax": Y, tabindex: focusable ? 0 : -1,
    }, svg("circle", { r: 22, class: "ntk-touch" }), svg("circle", { r: 9, class: "ntk-point" }),
    svg("text", { y: 4 }, String(number + 1)));
    let grip = null;
    const drag = (event) => {
      const box = node.ownerSVGElement.getBoundingClientRect();
      move((2 * X * (event.clientX - grip[0] - box.left)) / box.width - X,
        Y - (2 * Y * (event.clientY - grip[1] - box.top)) / box.height);
    };
    node.addEventListener("pointerdown", (event) => {
      const box = node.querySelector(".ntk-point").getBoundingClientRect();
      grip = [event.clientX - (box.left + box.right) / 2, event.clientY - (box.top + box.bottom) / 2];
      node.setPointerCapture(event.pointerId);
      node.focus({ preventScroll: true });
      event.preventDefault();
    });
    node.addEventListener("pointermove", safely((event) => grip && drag(event)));
    for (const end of ["pointerup", "pointercancel"])
      node.addEventListener(end, () => (grip = null));
    node.addEventListener("keydown", safely((event) => {
      const way = {
        ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
      }[event.key];
      if (!way) return;
      event.preventDefault();
      const by = event.shiftKey ? 0.5 : 0.1;
      const [x, y] = read();
      move(x + by * way[0], y + by * way[1]);
    }));
    const place = (at, x, y) => dress(node, {
      transform: `translate(${at[0].toFixed(1)} ${at[1].toFixed(1)})`,
      "aria-valuenow": y.toFixed(1),
      "aria-valuetext": words(x, y),
    });
    return { node, place };
  }

  // Standard normal numbers: Marsaglia's xorshift on 32 bits (shifts 13, 17, 5), two
  // draws to one number by the method of Box and Muller.
  function normals(seed) {
    let bits = Math.imul(seed + 1, 0x9e3779b1) | 1;
    const uniform = () => {
      bits ^= bits << 13;
      bits ^= bits >>> 17;
      bits ^= bits << 5;
      return ((bits >>> 0) - 0.5) / 4294967296;
    };
    for (let i = 0; i < 20; i++) uniform();
    return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  // The initial weights of a network with one hidden layer, from one number in to one
  // out: (a, c, v), then d. Units are drawn one after the other, so a wider network holds
  // the narrower one.
  function weights(width, seed) {
    const w = new Float64Array(3 * width + 1), draw = normals(seed);
    w[3 * width] = draw();
    for (let i = 0; i < width; i++)
      for (let part = 0; part < 3; part++) w[part * width + i] = draw();
    return w;
  }

  const line = (name) => svg("path", { class: `ntk-line ntk-${name}` });

  // One entry of a legend: the name of a mark, and the mark itself, 30 by 12.
  const key = (mark, text) => html("span", {},
    svg("svg", { class: "ntk-key", viewBox: "0 0 30 12", width: 30, height: 12, "aria-hidden": "true" }, mark),
    text);
  const marks = {
    point: () => svg("circle", { cx: 15, cy: 6, r: 6 }),
    line: (name) => dress(line(name), { d: "M1 6H29" }),
    band: () => svg("path", { class: "ntk-band", d: "M1 1H29V11H1Z" }),
  };

  // A function that fills a figure once, and leaves its still picture if anything fails.
  const guarded = (mount) => (figure) => {
    if (figure.dataset.mounted) return;
    figure.dataset.mounted = "yes";
    try {
      mount(figure);
    } catch (error) {
      figure.querySelector(".ntk-live")?.remove();
      figure.querySelector(".ntk-still").hidden = false;
      console.error(error);
    }
  };

  return {
    dress, html, svg, line, key, marks, clamp, minus, join, slider, handle, normals,
    weights, guarded,
  };
})();
