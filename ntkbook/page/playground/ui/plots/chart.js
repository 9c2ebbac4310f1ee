// A chart of lines: axes with ticks, one line per object, a text that says what it shows.
// All plots with an axis are drawn here. It needs KIT.
const CHART = (() => {
  const { html, svg, dress, ticks, tick, power } = KIT;
  const PAD = { left: 38, right: 8, top: 8, bottom: 26 };

  // A frame of a given height that follows the width of its place. `paint(sizes)` is
  // called when the size changes; `node` is the picture, with a name and a description.
  function frame(name, height, pad = {}) {
    const room = { ...PAD, ...pad };
    const axes = svg("g", { class: "ntkp-axes", "aria-hidden": "true" });
    const clip = KIT.unique("clip");
    const hole = svg("rect");
    const marks = svg("g", { "clip-path": `url(#${clip})` });
    const over = svg("g");
    const node = svg("svg", { class: "ntkp-chart", role: "img", "aria-label": name },
      svg("defs", {}, svg("clipPath", { id: clip }, hole)), axes, marks, over);
    const chart = { node, axes, marks, over, name, width: 0, height, room };
    chart.fit = (width, tall = height) => {
      if (width === chart.width && tall === chart.height && node.hasAttribute("viewBox")) return false;
      chart.width = width;
      chart.height = tall;
      dress(node, { viewBox: `0 0 ${width} ${tall}`, width, height: tall });
      dress(hole, {
        x: room.left - 1, y: room.top - 1,
        width: Math.max(1, width - room.left - room.right + 2), height: tall - room.top - room.bottom + 2,
      });
      chart.drawn = null;
      return true;
    };
    chart.describe = (words) => node.setAttribute("aria-label", `${name}. ${words}`);
    // Functions from values to pixels.
    chart.scale = ({ x: [x0, x1], y: [y0, y1] }) => {
      const { left, right, top, bottom } = room;
      const w = chart.width - left - right, h = chart.height - top - bottom;
      return {
        x: (value) => left + (w * (value - x0)) / (x1 - x0),
        y: (value) => top + (h * (y1 - value)) / (y1 - y0),
        backX: (pixel) => x0 + ((pixel - left) * (x1 - x0)) / w,
        backY: (pixel) => y1 - ((pixel - top) * (y1 - y0)) / h,
      };
    };
    return chart;
  }

  // Axes along the left and the bottom. `log` marks an axis whose values are exponents.
  function rule(chart, range, { x: xName, y: yName, logX, logY, xTicks }) {
    const key = JSON.stringify([range, chart.width, chart.height, xName, yName, xTicks]);
    if (chart.drawn === key) return;
    chart.drawn = key;
    const { left, right, top, bottom } = chart.room, to = chart.scale(range);
    const w = chart.width, h = chart.height, low = h - bottom;
    const parts = [svg("path", { class: "ntkp-rule", d: `M${left} ${top}V${low}H${w - right}` })];
    const across = xTicks ?? places(range.x, logX, Math.max(2, Math.round((w - left) / 70)));
    for (const [value, text] of across) {
      const at = to.x(value);
      parts.push(svg("path", { class: "ntkp-rule", d: `M${at.toFixed(1)} ${low}v4` }),
        svg("text", { x: at.toFixed(1), y: low + 15, "text-anchor": "middle" }, text));
    }
    for (const [value, text] of places(range.y, logY, Math.max(2, Math.round((low - top) / 34)))) {
      const at = to.y(value);
      parts.push(svg("path", { class: "ntkp-grid", d: `M${left} ${at.toFixed(1)}H${w - right}` }),
        svg("text", { x: left - 5, y: (at + 3.5).toFixed(1), "text-anchor": "end" }, text));
    }
    if (xName) parts.push(svg("text", { class: "ntkp-axis", x: w - right, y: low - 5, "text-anchor": "end" }, xName));
    if (yName) parts.push(svg("text", { class: "ntkp-axis", x: left + 5, y: top + 9 }, yName));
    chart.axes.replaceChildren(...parts);
  }

  function places([low, high], log, count) {
    if (!log) {
      let { found, gap } = ticks(low, high, count);
      if (found.length < 2) ({ found, gap } = ticks(low, high, 2 * count)); // 0 alone is no scale
      return found.map((value) => [value, tick(value, gap)]);
    }
    const first = Math.ceil(low - 1e-9), last = Math.floor(high + 1e-9), list = [];
    const by = Math.max(1, Math.ceil((last - first) / Math.max(1, count)));
    for (let k = Math.ceil(first / by) * by; k <= last; k += by) list.push([k, power(k)]);
    return list;
  }

  // The path of a line through the points (x[k], y[k]); it is cut where a value is no number.
  function path(xs, ys, to, most = 1e5) {
    let d = "", pen = false;
    for (let k = 0; k < xs.length; k++) {
      const a = to.x(xs[k]), b = to.y(ys[k]);
      if (!Number.isFinite(a) || !Number.isFinite(b)) {
        pen = false;
        continue;
      }
      d += `${pen ? "L" : "M"}${a.toFixed(1)} ${Math.max(-most, Math.min(most, b)).toFixed(1)}`;
      pen = true;
    }
    return d || "M0 0";
  }

  // Widen a range slowly: it grows at once, and shrinks only where it is far too large,
  // so that axes do not tremble while a network trains.
  function steady(old, low, high) {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return old ?? [0, 1];
    const room = 0.06 * (high - low || 1);
    const wanted = [low - room, high + room];
    if (!old) return wanted;
    const size = wanted[1] - wanted[0];
    const [a, b] = old;
    return [
      low < a || a < wanted[0] - 0.6 * size ? wanted[0] : a,
      high > b || b > wanted[1] + 0.6 * size ? wanted[1] : b,
    ];
  }

  // The entry of a legend: a piece of line and a name.
  const key = (kind, text, shape = "line") => html("span", { class: "ntkp-key" },
    svg("svg", { viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true", class: `ntkp-${shape}-key` },
      shape === "point"
        ? svg("circle", { cx: 13, cy: 5, r: 4, class: "ntkp-point" })
        : shape === "ring"
          ? svg("circle", { cx: 13, cy: 5, r: 3.5, class: "ntkp-test" })
          : svg("path", { class: `ntkp-line ntkp-${kind}`, d: "M1 5H25" })), text);

  const line = (kind) => svg("path", { class: `ntkp-line ntkp-${kind}`, d: "M0 0" });

  return { frame, rule, path, steady, key, line };
})();
