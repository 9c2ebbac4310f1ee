"""Draw the still images of the figures that compute in the browser.

    python -m book.tools.site.posters

Each is what its script itself shows at first, or when training has ended, so it is made
in Chromium, and stored in `ntkbook/page/browser/figures/`. A test draws it again and
compares.
"""

from playwright.sync_api import sync_playwright

from book.tools.site import chromium
from ntkbook.page import (
    contributions_in_browser,
    large_steps_in_browser,
    learning_in_browser,
    playground,
    posterior_in_browser,
    tangent_in_browser,
    train_in_browser,
)
from ntkbook.page.browser.figure import file
from ntkbook.page.browser.playground import pieces

PIECES = {
    "train": train_in_browser,
    "tangent": tangent_in_browser,
    "posterior": posterior_in_browser,
    "contributions": contributions_in_browser,
    "learning": learning_in_browser,
    "steps": large_steps_in_browser,
}
PAGE = "<!doctype html><body style='width:752px;margin:0'>{}"
# The columns side by side: pictures, and the lines of text above and below them.
COLLECT = """() => {
  const short = (n) => String(+Number(n).toFixed(1));
  const number = (text) => text.replace(/-?\\d+\\.\\d+/g, short);
  const parts = [], all = (e, s) => [...e.querySelectorAll(s)];
  let width = 0, height = 0;
  for (const column of all(document, ".ntk-column")) {
    const x = width;
    let y = 0;
    const text = (words, size) => parts.push(
      `<text x="${x}" y="${y += 20}"${size}>${words.replace(/\\u00a0/g, " ")}</text>`);
    for (const child of column.children) {
      if (child.matches("label")) {
        const [name, value] = all(child, "strong, .ntk-value")
          .map((e) => e.textContent);
        text(`<tspan font-weight="700">${name}</tspan> ${value}`, ' font-size="16"');
        y += 10;
      }
      if (child.matches(".ntk-read")) {
        text(child.textContent, "");
        y += 14;
      }
      if (!child.matches("svg")) continue;
      const [, , w, h] = child.getAttribute("viewBox").split(" ").map(Number);
      const inner = child.cloneNode(true);
      all(inner, ".ntk-touch").forEach((e) => e.remove());
      for (const e of all(inner, "path")) {
        const points = e.getAttribute("d").split("L");
        if (points.length > 40)
          e.setAttribute("d", points.filter((_, i) => i % 2 === 0).join("L"));
      }
      for (const e of all(inner, "*"))
        for (const { name } of [...e.attributes])
          if (/^(aria-|data-|role|tabindex)/.test(name)) e.removeAttribute(name);
      parts.push(`<svg x="${x}" y="${y}" width="${w}" height="${h}">`
        + `<rect width="${w}" height="${h}" class="ntk-frame"/>`
        + number(inner.innerHTML) + "</svg>");
      y += h;
      width = x + w + 20;
    }
    height = Math.max(height, y);
  }
  const words = document.querySelector(".ntk-words").textContent;
  const label = words.replace(/\\u00a0/g, " ").trim();
  return `<svg viewBox="0 0 ${width - 20} ${height}" role="img" aria-label="${label}">`
    + parts.join("\\n") + "</svg>\\n";
}"""


def still(browser, name: str) -> str:
    """The picture as its script draws it in this browser, at the end of training."""
    view = {"width": 800, "height": 900}
    page = browser.new_page(reduced_motion="reduce", viewport=view)
    page.set_content(PAGE.format(PIECES[name]()._repr_html_()))
    if name == "train":
        page.get_by_text("Trained.").wait_for()
    page.wait_for_function("document.querySelector('.ntk-words')?.textContent")
    picture = page.evaluate(COLLECT)
    page.close()
    return picture


# Of the playground, the three functions after a run, as it draws them.
RUN = """async () => {
  const figure = document.querySelector(".ntk-play");
  const { app, player } = figure.playground;
  app.start({}, { until: 1000 });
  const next = () => new Promise((go) => setTimeout(go, 50));
  do await next();
  while (!player.idle() || player.run.frame.step < 1000 || !player.run.query);
  app.fresh();
  await next();
  await next();
  const node = figure.querySelector(".ntkp-draws").cloneNode(true);
  const words = node.getAttribute("aria-label");
  node.querySelectorAll("defs, .ntkp-touch, .ntkp-query").forEach((e) => e.remove());
  for (const e of node.querySelectorAll("*"))
    for (const { name } of [...e.attributes])
      if (/^(aria-|data-|role|tabindex|style|clip)/.test(name)) e.removeAttribute(name);
  const [, , w, h] = node.getAttribute("viewBox").split(" ");
  const head = `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="${words}">`;
  return `${head}${node.innerHTML}</svg>\\n`;
}"""


def playground_still(browser) -> str:
    """The playground's picture for pages without scripts."""
    view = {"width": 1100, "height": 900}
    page = browser.new_page(reduced_motion="reduce", viewport=view)
    page.set_content(PAGE.format(playground()._repr_html_()))
    picture = page.evaluate(RUN)
    page.close()
    return picture


def main():
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=flags
        )
        for name in PIECES:
            picture = file(f"{name}.svg")
            picture.touch()
            picture.write_text(still(browser, name), encoding="utf-8")
        path = pieces.FOLDER / "ui" / "still.svg"
        path.write_text(playground_still(browser), encoding="utf-8")


if __name__ == "__main__":
    main()
