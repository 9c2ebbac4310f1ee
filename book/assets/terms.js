// A term of the glossary shows its definition to whoever points at it or tabs to it. It
// can be pointed at itself, and Escape takes it away. On a touch screen the first tap
// shows it, and the second follows the link.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.createElement("div");
  box.className = "ntk-hover";
  box.id = "ntk-hover";
  box.setAttribute("role", "tooltip");
  let shown = null;
  let leaving = 0;

  function hide() {
    clearTimeout(leaving);
    box.remove();
    shown?.removeAttribute("aria-describedby");
    shown = null;
  }

  function show(link) {
    clearTimeout(leaving);
    if (link === shown) return;
    hide();
    const anchor = decodeURIComponent(link.hash.slice(1));
    const definition = document.getElementById(`definition-${anchor}`);
    if (!definition) return;
    box.replaceChildren(...[...definition.cloneNode(true).childNodes]);
    document.body.append(box);
    const term = link.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.offsetWidth - 16;
    const below = term.bottom + box.offsetHeight + 8 < innerHeight;
    box.style.left = `${scrollX + Math.max(16, Math.min(term.left, room))}px`;
    box.style.top = `${scrollY + (below ? term.bottom + 4 : term.top - box.offsetHeight - 4)}px`;
    link.setAttribute("aria-describedby", box.id);
    shown = link;
  }

  function later() {
    clearTimeout(leaving);
    leaving = setTimeout(hide, 250); // time to move onto the definition
  }

  for (const term of document.querySelectorAll(".ntk-term")) {
    const link = term.closest("a");
    if (!link) continue;
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(link));
    link.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && later());
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("blur", later);
    link.addEventListener("click", (event) => {
      if (event.pointerType === "touch" && link !== shown) {
        event.preventDefault();
        show(link);
      }
    });
  }
  box.addEventListener("pointerenter", () => clearTimeout(leaving));
  box.addEventListener("pointerleave", later);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  document.addEventListener("pointerdown", ({ target }) => {
    if (shown && !box.contains(target) && !shown.contains(target)) hide();
  });
});
