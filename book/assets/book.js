// The theme lets the keyboard reach boxes that scroll sideways, and looks for them when
// the window changes size. A solution that unfolds brings new ones, so look again.
for (const event of ["toggle", "click"]) {
  document.addEventListener(
    event,
    ({ target }) => {
      if (target.closest("details, .toggle-button, .toggle .admonition-title"))
        window.dispatchEvent(new Event("resize"));
    },
    true,
  );
}

// The keyboard must reach what scrolls sideways: code, tables and, on a phone, figures and
// formulas, which are not in its way otherwise (_config.yml).
// (The theme looks after code and tables as well, but not on every page in time.)
function reachWide() {
  const figures = ".cell_output > figure:has(> img), .cell_output > .output";
  const formulas = ".math, mjx-container";
  const spare = innerWidth > 600 ? 1 : 0; // on a desktop a pixel more is rounding
  const wide = `${figures}, ${formulas}, .pst-scrollable-table-container, pre`;
  const scrolls = (box) =>
    box.scrollWidth > box.clientWidth + spare && getComputedStyle(box).overflowX !== "visible";
  for (const box of document.querySelectorAll(wide)) {
    if (scrolls(box)) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
    fade(box);
  }
}
// Its right edge is pale as long as there is more behind it (book.css).
function fade(box) {
  if (box.matches("figure, .output, .pst-scrollable-table-container"))
    box.classList.toggle(
      "ntk-more",
      box.tabIndex === 0 && box.scrollLeft + box.clientWidth < box.scrollWidth - 2,
    );
}
document.addEventListener("scroll", ({ target }) => target.tabIndex === 0 && fade(target), true);
for (const event of ["load", "resize"]) window.addEventListener(event, reachWide);
addEventListener("load", () => window.MathJax?.startup?.promise.then(reachWide));

// The theme names its function in the button's tag, where the book's security policy
// (book/tools/site/content_policy.py) lets no script run.
document.addEventListener("click", ({ target }) => {
  if (target.closest(".btn-fullscreen-button")) window.toggleFullScreen();
});

// The theme's sidebar has no role: a screen reader should find it by one.
addEventListener("DOMContentLoaded", () => {
  const sidebar = document.querySelector(".bd-sidebar-primary");
  sidebar?.setAttribute("role", "complementary");
  sidebar?.setAttribute("aria-label", "The book's parts");
});

// The search quotes the pages that it found. In a folder on disk no script may read
// them, so there it names them only.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Paper is light. What is folded away is printed; but a solution only if the reader has
// unfolded it.
let onScreen;
let unfolded = [];
addEventListener("beforeprint", () => {
  onScreen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  const folded = ".admonition.toggle-hidden:not(.solution) > .admonition-title .toggle-button";
  unfolded = [...document.querySelectorAll(folded)];
  for (const button of unfolded) button.click();
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = onScreen;
  for (const button of unfolded) button.click();
});

// The page Claims: show only the claims of one source, with one verdict, with a word.
function filterClaims() {
  const sources = [...document.querySelectorAll("details.ntk-source")];
  if (!sources.length) return;
  const rows = [...document.querySelectorAll("details.ntk-row")];
  const title = (source) =>
    source.closest("section").querySelector("h2").firstChild.textContent.trim();

  const bar = document.createElement("form");
  bar.className = "ntk-filter";
  bar.setAttribute("role", "search");
  bar.setAttribute("aria-label", "Filter the claims");
  const field = (name, control) => {
    const label = document.createElement("label");
    label.append(`${name} `, control);
    bar.append(label);
    return control;
  };
  const choice = (name, texts) => {
    const select = document.createElement("select");
    select.append(...["all", ...texts].map((text) => new Option(text, text)));
    return field(name, select);
  };
  const from = choice("Source", sources.map(title));
  const outcome = choice("Verdict", [...new Set(rows.map((row) => row.dataset.verdict))].sort());
  const words = field("Words", document.createElement("input"));
  words.type = "search";
  const count = document.createElement("output");
  bar.append(count);

  // The page has typographic quotes, spaces and letters, and a reader types plain ones.
  const typed = { "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ",
    "\u2212": "-", α: "alpha", κ: "kappa", λ: "lambda", φ: "phi", σ: "sigma" };
  const plain = (text) => [...text.toLowerCase()].map((sign) => typed[sign] ?? sign).join("");
  const show = () => {
    const wanted = plain(words.value.trim());
    const asked = wanted || from.value !== "all" || outcome.value !== "all";
    for (const source of sources) {
      const here = ["all", title(source)].includes(from.value);
      const own = rows.filter((row) => source.contains(row));
      for (const row of own)
        row.hidden = !(
          here &&
          ["all", row.dataset.verdict].includes(outcome.value) &&
          plain(row.textContent).includes(wanted)
        );
      source.closest("section").hidden = own.every((row) => row.hidden);
      source.open = Boolean(asked); // folded again when nothing is asked
    }
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  };
  bar.addEventListener("input", show);
  bar.addEventListener("submit", (event) => event.preventDefault());
  sources[0].closest("section").before(bar);
  show();

  // A link to one claim opens it.
  const open = () => {
    const row = rows.find((each) => `#${encodeURIComponent(each.id)}` === location.hash);
    if (!row) return;
    row.closest(".ntk-source").open = row.open = true;
    row.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
  // On paper all is open.
  addEventListener("beforeprint", () => {
    for (const folded of [...sources, ...rows]) folded.open = true;
  });
}
document.addEventListener("DOMContentLoaded", filterClaims);
