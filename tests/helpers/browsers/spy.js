// Put at the top of each page: whatever goes wrong on it, in `window.trouble`.
window.trouble = [];
// This one says that a figure is fitted to its place in the next frame, which it is.
const NEXT_FRAME = /^ResizeObserver loop/;
addEventListener(
  "error",
  ({ message, target }) =>
    NEXT_FRAME.test(message) ||
    trouble.push(message || `not loaded: ${target.src || target.href}`),
  true, // what fails to load tells only its own element
);
addEventListener("unhandledrejection", ({ reason }) => trouble.push(`rejected: ${reason}`));
addEventListener("securitypolicyviolation", (event) =>
  trouble.push(`refused: ${event.violatedDirective} ${event.blockedURI}`),
);
for (const kind of ["error", "warn"]) {
  const say = console[kind];
  console[kind] = (...words) => {
    trouble.push(`${kind}: ${words.join(" ")}`);
    say.apply(console, words);
  };
}
