// Values as colours: functions of two inputs, and kernel matrices. One scale for the whole
// page, from violet (negative) through the ground of the page (0) to gold (positive). It
// needs KIT.
const FIELD = (() => {
  const { html, svg, dress } = KIT;
  const STEPS = 128; // colours on either side of 0

  const channels = (text) => {
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    probe.fillStyle = text;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };

  // The colours of the theme that an element stands in, as one table of red, green, blue.
  function colours(element) {
    const style = getComputedStyle(element);
    const [minus, zero, plus] = ["minus", "zero", "plus"].map((name) =>
      channels(style.getPropertyValue(`--ntkp-${name}`).trim() || "#888"));
    const table = new Uint8ClampedArray(3 * (2 * STEPS + 1));
    for (let k = -STEPS; k <= STEPS; k++) {
      const far = k < 0 ? minus : plus, share = Math.abs(k / STEPS) ** 0.8;
      for (let c = 0; c < 3; c++) table[3 * (k + STEPS) + c] = zero[c] + share * (far[c] - zero[c]);
    }
    return table;
  }

  // Paint rows of values into a canvas, one pixel a value. `most` has the full colour; what
  // is no number stays the colour of 0.
  function paint(canvas, values, columns, rows, most, table) {
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
    }
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
    for (let k = 0; k < columns * rows; k++) {
      const share = values[k] / most;
      const at = Number.isNaN(share) ? STEPS : Math.round(STEPS * (1 + Math.max(-1, Math.min(1, share))));
      for (let c = 0; c < 3; c++) image.data[4 * k + c] = table[3 * at + c];
      image.data[4 * k + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  // The level line of 0 in a picture of w by h pixels: marching squares on the grid, whose
  // values stand at the centres of its pixels.
  function zeroLine(values, columns, rows, w, h) {
    const place = (i, j) => [((i + 0.5) * w) / columns, ((j + 0.5) * h) / rows];
    let d = "";
    for (let j = 0; j + 1 < rows; j++)
      for (let i = 0; i + 1 < columns; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        const v = corners.map(([a, b]) => values[b * columns + a]);
        const cuts = [];
        for (let k = 0; k < 4; k++) {
          const p = v[k], q = v[(k + 1) % 4];
          if (p > 0 === q > 0 || !Number.isFinite(p - q)) continue;
          const [a, b] = place(...corners[k]), [c, e] = place(...corners[(k + 1) % 4]), s = p / (p - q);
          cuts.push(`${(a + s * (c - a)).toFixed(1)} ${(b + s * (e - b)).toFixed(1)}`);
        }
        for (let k = 0; k + 1 < cuts.length; k += 2) d += `M${cuts[k]}L${cuts[k + 1]}`;
      }
    return d || "M0 0";
  }

  // The legend of the colours: a strip from -most to most.
  function legend() {
    const strip = html("span", { class: "ntkp-strip", "aria-hidden": "true" });
    const low = html("span"), high = html("span");
    const node = html("p", { class: "ntkp-scale" }, low, strip, high);
    return {
      node,
      show: (most) => {
        low.textContent = KIT.number(-most, 2);
        high.textContent = KIT.number(most, 2);
      },
    };
  }

  // A square picture of a symmetric matrix, with a name and a text.
  function matrix(title, kind) {
    const canvas = html("canvas", { class: "ntkp-pixels", role: "img", "aria-label": title, width: 1, height: 1 });
    const note = html("span", { class: "ntkp-note" });
    const node = html("figure", { class: `ntkp-matrix ntkp-edge-${kind}` }, canvas, html("figcaption", {}, title, " ", note));
    return {
      node, canvas,
      draw: (values, n, most, table, words) => {
        paint(canvas, values, n, n, most || 1, table);
        note.textContent = words;
        const ends = [Math.min, Math.max].map((pick) => KIT.number(values.reduce((end, value) => pick(end, value))));
        canvas.setAttribute("aria-label", `${title}: ${n} by ${n} entries from ${ends[0]} to ${ends[1]} ${words}`.trim());
      },
    };
  }

  return { colours, paint, zeroLine, legend, matrix, svg, dress };
})();
