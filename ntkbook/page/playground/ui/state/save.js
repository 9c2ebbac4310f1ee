// What a reader takes along: the picture as SVG or PNG, and files. It needs KIT.
const SAVE = (() => {
  const { svg, dress } = KIT;
  const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
    "stroke-linejoin", "opacity", "font-size", "font-family", "font-weight", "text-anchor", "display"];

  function download(name, content, kind) {
    const url = URL.createObjectURL(new Blob([content], { type: kind }));
    const link = KIT.html("a", { href: url, download: name, hidden: "" });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  // An SVG that looks the same without the page's style sheets.
  function plain(node) {
    const twin = node.cloneNode(true);
    const from = [node, ...node.querySelectorAll("*")], to = [twin, ...twin.querySelectorAll("*")];
    from.forEach((each, k) => {
      const style = getComputedStyle(each);
      for (const name of KEPT) {
        const value = style.getPropertyValue(name);
        if (value) to[k].setAttribute(name, value);
      }
      for (const { name } of [...to[k].attributes])
        if (/^(class|tabindex|role|aria-|data-)/.test(name)) to[k].removeAttribute(name);
      to[k].removeAttribute("style");
    });
    to.filter((each) => each.getAttribute("display") === "none").forEach((each) => each.remove());
    twin.querySelectorAll("[fill=none][stroke=none]").forEach((each) => each.remove());
    return twin;
  }

  // The lines of text inside an element, each where it stands.
  function lines(element, origin) {
    const found = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.data.trim() || node.parentElement.closest("svg, select, textarea, .ntkp-spoken, [hidden]")) continue;
      if (node.parentElement.checkVisibility?.() === false) continue; // in a part that is folded
      const style = getComputedStyle(node.parentElement), range = document.createRange();
      let row = null;
      for (const word of node.data.matchAll(/\S+/g)) {
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const box = range.getBoundingClientRect();
        if (!box.width) continue;
        if (row && Math.abs(row.top - box.top) < 3) row.text += ` ${word[0]}`;
        else found.push((row = { top: box.top, text: word[0], x: box.left - origin.left, y: box.bottom - origin.top, style, high: box.height }));
      }
    }
    return found.map(({ text, x, y, style, high }) => {
      const node = svg("text", {
        x: x.toFixed(1), y: (y - 0.26 * high).toFixed(1), fill: style.color,
        "font-family": style.fontFamily, "font-size": style.fontSize, "font-weight": style.fontWeight,
      });
      node.textContent = text;
      return node;
    });
  }

  // The picture of an element as one SVG: its plots, its canvases and its text, with
  // nothing that stays in view while the page is scrolled.
  function picture(element, title) {
    element.classList.add("ntkp-flat");
    try {
      return drawn(element, title);
    } finally {
      element.classList.remove("ntkp-flat");
    }
  }
  function drawn(element, title) {
    const origin = element.getBoundingClientRect(), w = Math.ceil(origin.width), h = Math.ceil(origin.height);
    const ground = getComputedStyle(element).getPropertyValue("--ntkp-zero").trim() || "#fff";
    const all = svg("svg", { viewBox: `0 0 ${w} ${h}`, width: w, height: h });
    all.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const name = svg("title");
    name.textContent = title;
    all.append(name, svg("rect", { width: w, height: h, fill: ground }));
    for (const node of element.querySelectorAll("svg, canvas")) {
      const box = node.getBoundingClientRect();
      if (!box.width || node.parentElement.closest("svg, button")) continue;
      const at = { x: (box.left - origin.left).toFixed(1), y: (box.top - origin.top).toFixed(1), width: box.width, height: box.height };
      if (node.tagName === "CANVAS") {
        const image = dress(svg("image"), { ...at, href: node.toDataURL("image/png"), preserveAspectRatio: "none" });
        image.setAttribute("style", "image-rendering:pixelated");
        all.append(image);
      } else all.append(dress(plain(node), at));
    }
    all.append(...lines(element, origin));
    return new XMLSerializer().serializeToString(all);
  }

  // An SVG as PNG, at twice its size.
  function raster(text) {
    return new Promise((done, fail) => {
      const image = new Image();
      image.onload = () => {
        const canvas = KIT.html("canvas", { width: 2 * image.width, height: 2 * image.height });
        const context = canvas.getContext("2d");
        context.scale(2, 2);
        context.drawImage(image, 0, 0);
        canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("The picture could not be drawn."))), "image/png");
      };
      image.onerror = () => fail(new Error("The picture could not be drawn."));
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    });
  }

  // A table that a reader pastes or drops: numbers in columns, separated by commas,
  // semicolons, tabs or blanks; the last column is the target; a first line of names is
  // allowed. Returns {points} or {problem}.
  function table(text, most = 100, widest = 9) {
    // Semicolons between columns and no point at all: the comma is a decimal one.
    const decimal = text.includes(";") && !text.includes(".");
    const rows = (decimal ? text.replaceAll(",", ".") : text).trim().split(/\r?\n/).map((row) => row.trim()).filter((row) => row && !row.startsWith("#"));
    const cells = (row) => row.split(/[\t;]|,\s*|\s+/).filter((cell) => cell !== "");
    const numbers = (row) => cells(row).map((cell) => Number(cell));
    if (rows.length && numbers(rows[0]).some(Number.isNaN)) rows.shift();
    if (!rows.length) return { problem: "There is no row of numbers in it." };
    const points = rows.map(numbers), wide = points[0].length;
    const odd = points.findIndex((row) => row.length !== wide || row.some((value) => !Number.isFinite(value)));
    if (odd >= 0) return { problem: `Row ${odd + 1} is not ${wide} numbers: “${rows[odd].slice(0, 40)}”.` };
    if (wide < 2) return { problem: "A row needs at least an input and a target." };
    if (wide > widest) return { problem: `A row may have at most ${widest - 1} inputs and a target; this has ${wide} columns.` };
    if (points.length > most) return { problem: `At most ${most} rows; this has ${points.length}.` };
    return fitted(points);
  }

  // Inputs and targets of about the size that the networks are made for: columns that go
  // beyond 3 are centred and scaled, and two kinds of target become −1 and 1.
  function fitted(points) {
    const last = points[0].length - 1, notes = [];
    const column = (k) => points.map((row) => row[k]);
    const kinds = [...new Set(column(last))].sort((a, b) => a - b);
    const standard = (k) => {
      const all = column(k), mean = all.reduce((a, b) => a + b, 0) / all.length;
      const deviation = Math.sqrt(all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length) || 1;
      points = points.map((row) => row.with(k, Number(((row[k] - mean) / deviation).toFixed(4))));
    };
    for (let k = 0; k < last; k++)
      if (Math.max(...column(k).map(Math.abs)) > 3) {
        standard(k);
        notes.push(`input ${last > 1 ? k + 1 : ""}`.trim());
      }
    if (kinds.length === 2 && (kinds[0] !== -1 || kinds[1] !== 1))
      points = points.map((row) => row.with(last, row[last] === kinds[0] ? -1 : 1));
    else if (kinds.length > 2 && Math.max(...kinds.map(Math.abs)) > 3) {
      standard(last);
      notes.push("target");
    }
    return { points, scaled: notes };
  }

  return { download, picture, raster, table };
})();
