"""What tests ask of a page, in its own language: each answers with what is wrong."""

WRONG = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const html = (elements) => elements.map((e) => e.outerHTML.slice(0, 150));
  const formulas = all(".math").filter((e) => /^(SPAN|DIV)$/.test(e.tagName));
  const named = (e) => (e.ariaLabel || e.getAttribute("aria-labelledby"))?.trim();
  return {
    "formulas not set":
      html(formulas.filter((e) => !e.querySelector("mjx-container"))),
    "formulas in error":
      html(all("mjx-merror, [data-mjx-error], mjx-container merror")),
    "pictures without words": html(all("img").filter((e) => !e.alt?.trim())
      .concat(all("svg[role=img]:not([aria-hidden=true])").filter((e) => !named(e)))),
    "pictures not loaded":
      html(all("img").filter((e) => e.complete && !e.naturalWidth)),
  };
}"""

# The lines of code and the formulas that their boxes cut off or let scroll.
CUT = """() => {
  const all = (selector) => [...document.querySelectorAll(`.bd-article ${selector}`)];
  const wide = (e) => e.querySelector("mjx-math").getBoundingClientRect().width;
  const code = all("pre").filter((e) => e.scrollWidth > e.clientWidth);
  const math = all(".math:has(mjx-math)").filter((e) => wide(e) > e.clientWidth + 1);
  return [code, math].map((found) => found.map((e) => e.textContent.slice(0, 80)));
}"""

# What makes the page wider than the screen: not what scrolls inside a box that fits.
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = (e) => e.getBoundingClientRect().right > width + 1;
  const clips = (e) => getComputedStyle(e).overflowX !== "visible" && !wide(e);
  const boxed = (e) => e && (clips(e) || boxed(e.parentElement));
  return [...document.querySelectorAll(".bd-article *")]
    .filter((e) => wide(e) && !boxed(e.parentElement))
    .map((e) => e.outerHTML.slice(0, 150)).slice(0, 5)
    .concat(`the page is ${document.documentElement.scrollWidth} px wide`);
}"""

# The button goes through light, dark and what the system wants.
OTHER_THEME = """() => {
  const now = document.documentElement.dataset.theme;
  for (let i = 0; i < 3 && document.documentElement.dataset.theme === now; i++)
    document.querySelector(".theme-switch-button").click();
}"""

# Addresses that a page may be asked for, by a mistaken link or by ill will.
FRAGMENTS = ["constructor", "__proto__", "%", "%E0%A4%A", "1", "a b", "<b>x</b>", "'\""]
FRAGMENTS += ["/99/99", ":~:text=kernel"]
QUERIES = ["constructor", "__proto__", "toString valueOf", "hasOwnProperty", "<b>x</b>"]
QUERIES += ["%00", "\\", "(", "a" * 3000, "θ₀ λ_min", "__proto__ kernel"]
