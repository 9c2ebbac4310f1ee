// The lines of a displayed formula fit a phone. Where there is more room, those that their
// author ended with \\[0pt] continue instead of breaking; elsewhere that is a line's end like
// any other, so the same source is right in a notebook. Runs before MathJax reads the page,
// and again when a window becomes wide or narrow.
{
  const marked = /\\\\\[0pt\]\s*&?\s*(\\q?quad\s*)*/g;
  const sources = new Map(
    [...document.querySelectorAll("div.math")]
      .filter((formula) => formula.textContent.includes("\\\\[0pt]"))
      .map((formula) => [formula, [...formula.childNodes]]),
  );
  const isWide = () => (document.querySelector("article") ?? document.body).clientWidth > 600;
  let wide = false;
  const write = () => {
    wide = isWide();
    for (const [formula, source] of sources) {
      const parts = source.map((part) => part.cloneNode(true));
      if (wide)
        for (const part of parts)
          if (part.nodeType === Node.TEXT_NODE) part.data = part.data.replace(marked, " ");
      formula.replaceChildren(...parts);
    }
  };
  const again = () => {
    const formulas = [...sources.keys()];
    MathJax.typesetClear(formulas);
    write();
    return MathJax.typesetPromise(formulas);
  };
  if (sources.size) {
    write();
    addEventListener("resize", () => {
      if (wide === isWide() || !window.MathJax?.startup?.promise) return;
      MathJax.startup.promise = MathJax.startup.promise.then(() => wide !== isWide() && again());
    });
  }
}
