"""Draw the still picture of the network that trains in the browser.

    python book/tools/still.py

It is what the script itself shows when training has ended, so it is made in Chromium,
and stored as `ntkbook/page/browser/train.svg`. A test draws it again and compares.
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from ntkbook import train_in_browser

ROOT = Path(__file__).resolve().parents[2]
STILL = ROOT / "ntkbook" / "page" / "browser" / "train.svg"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = "<!doctype html><body style='width:752px;margin:0'>{}"
# The two columns side by side, each picture with its heading and its reading.
COLLECT = """() => {
  const short = (n) => String(+Number(n).toFixed(1));
  const number = (text) => text.replace(/-?\\d+\\.\\d+/g, short);
  const parts = [], all = (e, s) => [...e.querySelectorAll(s)];
  let width = 0, height = 0;
  for (const column of all(document, ".ntk-column")) {
    const x = width;
    let y = 20;
    const text = (words, size) => parts.push(
      `<text x="${x}" y="${y}"${size}>${words.replace(/\\u00a0/g, " ")}</text>`);
    const [regime, scale] = all(column, "strong, .ntk-value").map((e) => e.textContent);
    text(`<tspan font-weight="700">${regime}</tspan> ${scale}`, ' font-size="16"');
    y += 10;
    const readings = all(column, ".ntk-read").map((e) => e.textContent);
    all(column, "svg").forEach((svg, i) => {
      const [, , w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
      const inner = svg.cloneNode(true);
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
      y += h + 20;
      text(readings[i], "");
      y += 14;
      width = x + w + 20;
    });
    height = y;
  }
  const words = document.querySelector(".ntk-words").textContent;
  const label = words.replace(/\\u00a0/g, " ").trim();
  return `<svg viewBox="0 0 ${width - 20} ${height}" role="img" aria-label="${label}">`
    + parts.join("\\n") + "</svg>\\n";
}"""


def still(browser) -> str:
    """The picture as the script draws it in this browser at the end of training."""
    view = {"width": 800, "height": 900}
    page = browser.new_page(reduced_motion="reduce", viewport=view)
    page.set_content(PAGE.format(train_in_browser()._repr_html_()))
    page.get_by_text("Trained.").wait_for()
    picture = page.evaluate(COLLECT)
    page.close()
    return picture


def main():
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        STILL.write_text(still(browser), encoding="utf-8")


if __name__ == "__main__":
    main()
