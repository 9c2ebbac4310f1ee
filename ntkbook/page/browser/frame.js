// What figures share that are drawn anew after each change: axes, columns, and the frame
// that their live part stands in. It needs PARTS (parts.js) above it.
const FRAME = (() => {
  const { html, svg, minus } = PARTS;

  const column = (title, picture) =>
    html("div", { class: "ntk-column" }, html("p", { class: "ntk-read" }, title), picture);

  // Axes through 0 with ticks at these places, in a picture of w by h pixels.
  function axes(group, w, h, to, across, up, right, top) {
    const [u, v] = to(0, 0);
    group.replaceChildren(svg("path", { d: `M0 ${v}H${w}M${u} 0V${h}` }));
    for (const k of across) {
      const [a] = to(k, 0);
      group.append(svg("path", { d: `M${a} ${v - 3}v6` }),
        svg("text", { x: a, y: v + 15, "text-anchor": "middle" }, minus(k)));
    }
    for (const k of up) {
      const [, b] = to(0, k);
      group.append(svg("path", { d: `M${u - 3} ${b}h6` }),
        svg("text", { x: u - 6, y: b + 4, "text-anchor": "end" }, minus(k)));
    }
    group.append(svg("text", { x: w - 6, y: h - 7, "text-anchor": "end" }, right),
      svg("text", { x: 6, y: 15 }, top));
  }

  // The frame of a figure that is drawn anew after each change: its live part in place of
  // the still picture, which comes back if an action fails; its words; its size.
  function frame(figure) {
    const still = figure.querySelector(".ntk-still"), ui = html("div", { class: "ntk-live" });
    const words = html("p", { class: "ntk-words", role: "status" });
    let speaking = 0;
    const safely = (action) => (event) => {
      try {
        action(event);
      } catch (error) {
        ui.remove();
        still.hidden = false;
        console.error(error);
      }
    };
    const tell = (text) => {
      clearTimeout(speaking); // a screen reader is told when the hand rests
      speaking = setTimeout(() => (words.textContent = text), words.textContent ? 200 : 0);
    };
    const show = (picture, share, least, most, draw, ...parts) => {
      ui.append(...parts, words);
      still.after(ui);
      still.hidden = true;
      const fit = () => {
        const w = Math.max(120, Math.floor(picture.parentNode.clientWidth));
        draw([w, Math.round(Math.min(most, Math.max(least, share * w)))]);
      };
      fit();
      new ResizeObserver(safely(fit)).observe(ui);
    };
    return { safely, tell, show };
  }

  return { column, axes, frame };
})();
