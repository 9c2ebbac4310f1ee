// What every part of the playground's interface uses: numbers in words, names that are
// unique in a page with several playgrounds, and lists of radio buttons and choices. It
// needs PARTS (browser/parts.js) above it.
const KIT = (() => {
  const { html, svg, dress } = PARTS;
  const NARROW = "\u202f";
  const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const minus = (text) => String(text).replace("-", "−");
  const raised = (whole) => [...String(whole)].map((sign) => RAISED[sign]).join("");

  // A number with some digits that count; powers of ten where it is very large or small.
  function number(value, digits = 3) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e5 || size < 1e-3) {
      const [head, power] = value.toExponential(digits - 1).split("e");
      return `${minus(head)}·10${raised(Number(power))}`;
    }
    if (size >= 10 ** digits) {
      const whole = String(Math.round(value));
      return minus(size >= 9999.5 ? whole.replace(/(\d)(?=(\d{3})+$)/g, `$1${NARROW}`) : whole);
    }
    return minus(Number(value.toPrecision(digits)));
  }

  function percent(share) {
    if (!Number.isFinite(share)) return number(share);
    const value = 100 * share, size = Math.abs(value);
    if (size >= 9999.5) return `× ${number(share)}`;
    const text = value.toFixed(size < 0.0095 ? 3 : size < 0.095 ? 2 : size < 9.95 ? 1 : 0);
    return `${minus(text)}%`;
  }

  // Short text for a tick: 0.001 as 10⁻³, and no more digits than the distance needs.
  function tick(value, gap) {
    if (Math.abs(value) < 1e-12) return "0";
    if (Math.abs(value) >= 1e4) return number(value, 2);
    return minus(value.toFixed(Math.max(0, Math.ceil(-Math.log10(gap) - 1e-9))));
  }
  const power = (exponent) => (exponent === 0 ? "1" : exponent === 1 ? "10" : `10${raised(exponent)}`);

  let made = 0;
  const unique = (name) => `ntkp-${name}-${++made}`;

  // A section of the interface: a heading that screen readers list, and what it holds.
  function section(level, title, kind, ...inside) {
    const id = unique("title");
    return html("section", { class: `ntkp-card ntkp-${kind}`, "aria-labelledby": id },
      html(`h${level}`, { class: "ntkp-heading", id }, ...[title].flat()), ...inside);
  }

  function button(text, action, attributes = {}) {
    const node = html("button", { type: "button", class: "ntkp-button", ...attributes }, ...[text].flat());
    node.addEventListener("click", action);
    return node;
  }

  // The label of a control, with links next to it: they are no part of its name.
  function labelled(id, parts) {
    const all = [parts].flat().filter((part) => part !== "" && part !== " ");
    const isLink = (part) => part instanceof Element && part.matches("a");
    const text = all.filter((part) => !isLink(part));
    return html("span", { class: "ntkp-name" },
      html("label", { for: id }, ...text.flatMap((part, k) => (k ? [" ", part] : [part]))), " ", ...all.filter(isLink));
  }

  // A box that one can tick. `show` sets it from the state.
  function tickbox(text, change) {
    const id = unique("tick"), input = html("input", { type: "checkbox", id });
    input.addEventListener("change", () => change(input.checked));
    return {
      node: html("div", { class: "ntkp-tick" }, input, labelled(id, text)),
      show: (value) => (input.checked = value),
      input,
    };
  }

  // A named choice between a few options [value, text].
  function choice(name, options, change) {
    const id = unique("choice"), select = html("select", { id, "data-lm-suppress-shortcuts": "true" },
      ...options.map(([value, text]) => html("option", { value }, text)));
    select.addEventListener("change", () => change(select.value));
    return {
      node: html("div", { class: "ntkp-field" }, labelled(id, name), select),
      show: (value) => (select.value = value),
      select,
    };
  }

  // A slider over a list of values, or over numbers by a scale {low, high, by, of, back}.
  // `say` gives the value's text, which screen readers are told as well.
  function slider(name, scale, say, change) {
    const { low, high, by, of, back } = scale;
    const input = html("input", {
      type: "range", min: low, max: high, step: by, autocomplete: "off",
      "data-lm-suppress-shortcuts": "true",
    });
    const value = html("output", { class: "ntkp-value" });
    const id = unique("slider");
    input.id = id;
    const tell = (now) => {
      value.textContent = say(now);
      input.setAttribute("aria-valuetext", value.textContent);
    };
    input.addEventListener("input", () => {
      tell(of(input.valueAsNumber));
      change(of(input.valueAsNumber));
    });
    value.setAttribute("for", id);
    return {
      node: html("div", { class: "ntkp-slider" },
        labelled(id, name), value, input),
      show: (now) => {
        input.value = back(now);
        tell(now);
      },
      input,
    };
  }
  const listed = (values) => ({
    low: 0, high: values.length - 1, by: 1,
    of: (at) => values[at],
    back: (value) => values.reduce((best, each, at) =>
      (Math.abs(each - value) < Math.abs(values[best] - value) ? at : best), 0),
  });
  const linear = (low, high, by) => ({
    low, high, by, of: (at) => Number(at.toFixed(6)), back: (value) => value,
  });

  // The places of ticks, about `count` of them, at round numbers from low to high.
  function ticks(low, high, count) {
    const raw = (high - low) / Math.max(1, count), unit = 10 ** Math.floor(Math.log10(raw));
    const gap = unit * [1, 2, 5, 10].find((times) => times * unit >= raw * 0.999);
    const found = [];
    for (let k = Math.ceil(low / gap - 1e-9); k * gap <= high + 1e-9 * gap; k++) found.push(k * gap);
    return { found, gap };
  }

  return {
    number, percent, tick, power, raised, unique, section, button, tickbox, choice, slider,
    listed, linear, ticks, minus, html, svg, dress,
  };
})();
