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
