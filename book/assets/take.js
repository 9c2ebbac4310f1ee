// Below each figure: the picture as it is shown, to take along as SVG or PNG. A figure
// with sliders, or one that computes, gives what it shows at that moment, on white. The
// PNG is drawn in the reader's browser, so no picture is stored twice.
const SVG_NAME = "http://www.w3.org/2000/svg";
const PNG_WIDTH = 2400; // pixels: sharp on a projector, and in print

// What the page's styles say of a drawing, and a file of its own must say itself.
const INHERITED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray"];
INHERITED.push("stroke-opacity", "stroke-linejoin", "font-family", "font-size", "font-weight");
INHERITED.push("text-anchor", "visibility");

// A colour as every drawing program reads it: mixed with the white ground below it.
function plainColour(value) {
  const mixed = value.match(/^color\(srgb ([^)]+)\)$/);
  const given = mixed ?? value.match(/^rgba?\(([^)]+)\)$/);
  if (!given) return value;
  const numbers = given[1].split(/[\s,/]+/).map(Number);
  const [alpha, scale] = [numbers[3] ?? 1, mixed ? 255 : 1];
  if (alpha === 0) return "none";
  const parts = numbers.slice(0, 3).map((part) => 255 + alpha * (scale * part - 255));
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

// Give a copy the looks of its original, where they are not its parent's.
function dressAs(copy, original, outer = {}) {
  const styles = getComputedStyle(original);
  const looks = {};
  const own = [];
  for (const name of INHERITED) {
    looks[name] = plainColour(styles.getPropertyValue(name));
    if (looks[name] !== outer[name]) own.push(`${name}:${looks[name]}`);
  }
  if (styles.opacity !== "1") own.push(`opacity:${styles.opacity}`);
  for (const name of ["class", "tabindex", "role", "style"]) copy.removeAttribute(name);
  if (own.length) copy.setAttribute("style", own.join(";"));
  [...copy.children].forEach((child, k) => dressAs(child, original.children[k], looks));
}

// The drawings and headings in a box of the page, each where it is there, as one file.
function standalone(box) {
  const theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  const corner = box.getBoundingClientRect();
  const file = document.createElementNS(SVG_NAME, "svg");
  let [width, height] = [0, 0];
  const put = (element, place) => {
    element.setAttribute("x", place.left - corner.left);
    width = Math.max(width, place.right - corner.left);
    height = Math.max(height, place.bottom - corner.top);
    file.append(element);
  };
  for (const drawing of box.querySelectorAll("svg:not(svg svg)")) {
    const copy = drawing.cloneNode(true);
    dressAs(copy, drawing);
    const place = drawing.getBoundingClientRect();
    copy.setAttribute("y", place.top - corner.top);
    copy.setAttribute("width", place.width);
    copy.setAttribute("height", place.height);
    put(copy, place);
  }
  for (const words of box.querySelectorAll(".ntk-read, .ntk-legend > span, strong, .ntk-value")) {
    const range = document.createRange();
    range.selectNodeContents(words.lastChild ?? words);
    const place = range.getBoundingClientRect();
    const text = document.createElementNS(SVG_NAME, "text");
    dressAs(text, words, { "text-anchor": "start" });
    text.setAttribute("fill", "#000");
    text.style.fill = "#000";
    text.textContent = range.toString();
    text.setAttribute("y", place.bottom - corner.top - 0.25 * place.height);
    put(text, place);
  }
  document.documentElement.dataset.theme = theme;
  file.setAttribute("viewBox", `0 0 ${width} ${height}`);
  file.setAttribute("width", width);
  file.setAttribute("height", height);
  const ground = document.createElementNS(SVG_NAME, "rect");
  for (const [name, value] of Object.entries({ width, height, fill: "#fff" }))
    ground.setAttribute(name, value);
  file.prepend(ground);
  return `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(file))}`;
}

async function asPNG(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = PNG_WIDTH;
  canvas.height = Math.round((PNG_WIDTH * picture.naturalHeight) / picture.naturalWidth);
  const brush = canvas.getContext("2d");
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

function offerToTake(figure, number) {
  const image = figure.querySelector(":scope > img");
  const page = location.pathname.split("/").pop().replace(/\.html$/, "");
  const name = figure.id || `${page}-figure-${number}`;
  const said = figure.querySelector(".caption-number")?.textContent.trim() ?? "this figure";
  const box = () => figure.querySelector(".ntk-picture, .ntk-live") ?? figure;
  const kinds = { SVG: (address) => address, PNG: asPNG };
  // In a folder on disk no script may read what is in a picture's file.
  if (image && location.protocol === "file:") delete kinds.PNG;
  const row = document.createElement("span");
  row.className = "ntk-take";
  for (const [kind, convert] of Object.entries(kinds)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = kind;
    button.setAttribute("aria-label", `Save ${said} as ${kind}`);
    button.addEventListener("click", async () => {
      const link = document.createElement("a");
      link.href = await convert(image ? image.src : standalone(box()));
      link.download = `${name}.${kind.toLowerCase()}`;
      link.click();
    });
    row.append(button);
  }
  figure.querySelector("figcaption").append(row);
}

document.addEventListener("DOMContentLoaded", () => {
  const moving = "figure.ntk-explore, figure.ntk-piece";
  document
    .querySelectorAll(`.cell_output > figure:has(> img), ${moving}`)
    .forEach((figure, k) => offerToTake(figure, k + 1));
});
