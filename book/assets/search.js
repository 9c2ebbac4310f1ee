// Sphinx's search, mended. What it finds in a text leads to the section that it is in,
// and is quoted without the source of formulas and without code; a name such as
// lambda_min is also looked for by its parts; and a word that every object of JavaScript
// knows, such as "constructor", is a word like others.

const sections = new Map(); // of the pages seen, by their HTML

function sectionsOf(html) {
  if (!sections.has(html)) {
    const main = new DOMParser().parseFromString(html, "text/html").querySelector("[role=main]");
    const found = [...(main?.querySelectorAll("section[id] section[id]") ?? [])];
    // Without the sections inside: these have entries of their own.
    const own = found.map((section) => {
      const alone = section.cloneNode(true);
      for (const inner of alone.querySelectorAll("section")) inner.remove();
      for (const link of alone.querySelectorAll(".headerlink, script")) link.remove();
      const title = alone.querySelector("h2, h3, h4")?.textContent.trim() ?? "";
      return { id: section.id, title, text: alone.textContent.toLowerCase() };
    });
    sections.set(html, own);
  }
  return sections.get(html);
}

// The first section with the most of the words, if any has one.
function bestSection(html, words) {
  const count = ({ text }) => words.filter((word) => text.includes(word)).length;
  const most = Math.max(0, ...sectionsOf(html).map(count));
  return most ? sectionsOf(html).find((section) => count(section) === most) : undefined;
}

function quotable(html, toText) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const code of page.querySelectorAll(".cell_input, .highlight")) code.remove();
  for (const formula of page.querySelectorAll(".math")) {
    const tex = formula.matches("span") ? formula.textContent : " … ";
    formula.textContent = tex.replace(/\\[()[\]]|\\(?:text|mathrm|mathbf|bar|hat|left|right)|[{}\\]/g, "");
  }
  return toText(page.documentElement.outerHTML);
}

function mendSearch() {
  if (typeof Search === "undefined") return;
  const parse = Search._parseQuery;
  Search._parseQuery = (query) => {
    for (const part of ["terms", "titleterms"])
      for (const name of ["constructor", "__proto__"])
        if (!Object.hasOwn(Search._index[part], name))
          Object.defineProperty(Search._index[part], name, { value: undefined });
    const known = (word) => Object.keys(Search._index.terms).some((term) => term.includes(word));
    const parsed = parse(query);
    const [whole, words] = parsed;
    const parts = [...words].some((word) => word.includes("_") && !known(word));
    return parts ? parse(whole.replaceAll("_", " ")) : parsed;
  };

  const toText = Search.htmlToText;
  Search.htmlToText = (html, anchor) => quotable(html, (page) => toText(page, anchor));
  const summary = Search.makeSearchSummary;
  Search.makeSearchSummary = (html, words, anchor) => {
    const section = anchor ? undefined : bestSection(html, [...words]);
    const place = section ? `#${CSS.escape(section.id)}` : anchor;
    const made = summary(html, words, place) ?? document.createElement("p");
    if (section)
      queueMicrotask(() => {
        const link = made.parentElement?.querySelector("a");
        if (!link) return;
        link.hash = section.id;
        link.append(` › ${section.title}`);
      });
    return made;
  };
}
document.addEventListener("DOMContentLoaded", mendSearch);
