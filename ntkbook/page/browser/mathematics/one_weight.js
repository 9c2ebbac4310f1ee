// The model with one weight of Chapter 1, its tangent and its curvature: the mathematics
// of the chapter's live figure, without a page. tests/site/figures/test_live_figures.py
// holds every function here against the library.
//
//   f(w) = h(w) (w - 0.4),   h(w) = 1.5 w + 1.5 w^2 + sin(exp(w / 10)),
//
// and the model that starts at w0 is alpha (f(w) - f(w0)), zero at its start.
const ONE_WEIGHT = (() => {
  // f and its first two derivatives.
  function f(w) {
    const e = Math.exp(w / 10), sin = Math.sin(e), cos = Math.cos(e);
    const h = 1.5 * w + 1.5 * w * w + sin;
    const h1 = 1.5 + 3 * w + (e * cos) / 10, h2 = 3 + (e * cos - e * e * sin) / 100;
    return [h * (w - 0.4), h1 * (w - 0.4) + h, h2 * (w - 0.4) + 2 * h1];
  }

  // The inverse relative scale of the model at its start, for one target.
  function kappa(start, goal, alpha) {
    const [, slope, bend] = f(start);
    return (Math.abs(goal) * Math.abs(bend)) / (slope * slope * alpha);
  }

  // Where the tangent's loss is least, and where the loss itself first is on the way
  // there and beyond; null where it is not within `reach` of it.
  function minima(start, goal, alpha, reach = 8) {
    const [value, slope] = f(start), wanted = goal / alpha, tangent = start + wanted / slope;
    const gap = (w) => f(w)[0] - value - wanted;
    const way = Math.sign(wanted * slope) || 1, most = 4000;
    const far = Math.min(reach, Math.max(8 * Math.abs(tangent - start), 1e-9));
    let low = start;
    for (let k = 1; k <= most; k++) {
      let high = start + (way * far * k) / most;
      if (gap(low) === 0) return { tangent, minimum: low };
      if (gap(low) * gap(high) <= 0) {
        for (let i = 0; i < 80; i++) {
          const middle = (low + high) / 2;
          if (gap(low) * gap(middle) <= 0) high = middle;
          else low = middle;
        }
        return { tangent, minimum: (low + high) / 2 };
      }
      low = high;
    }
    return { tangent, minimum: null };
  }

  return { f, kappa, minima };
})();
