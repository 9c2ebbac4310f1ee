// The data sets, drawn with RANDOM; ntkbook/page/browser/playground/datasets.py draws the
// same. In one dimension inputs lie in [-2, 2], one at random in each of n equal parts,
// and the noise is that of the targets; in two dimensions the classes 1 and -1 take turns,
// and the noise is that of the inputs.
const DATASETS = (() => {
  const TRAIN = 0, TEST = 1; // streams
  const FUNCTIONS = {
    sine: (x) => Math.sin(2 * x),
    cubic: (x) => (x * x * x - 2 * x) / 2,
    abs: (x) => Math.abs(x) - 1,
    step: (x) => (x < 0 ? -1 : 1),
  };
  const SPREAD = 0.35; // of the two Gaussians

  // Point i of class y, from two uniform and two normal numbers.
  const PLANES = {
    gaussians: (i, y, u, v, z, t) => [0.8 * y + SPREAD * z, 0.8 * y + SPREAD * t],
    circle(i, y, u, v) {
      const radius = y > 0 ? 0.75 * Math.sqrt(u) : 1.25 + 0.6 * u, angle = 2 * Math.PI * v;
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    },
    xor(i, y, u, v) {
      const side = (i >> 1) % 2 ? -1 : 1;
      return [side * (0.2 + 1.6 * u), side * y * (0.2 + 1.6 * v)];
    },
    spiral(i, y, u) {
      const radius = 0.15 + 1.75 * u, angle = 2.5 * Math.PI * u;
      return [y * radius * Math.cos(angle), y * radius * Math.sin(angle)];
    },
  };

  function generate({ kind, noise, seed }, n, stream) {
    const random = RANDOM.generator(seed, stream), label = FUNCTIONS[kind], d = label ? 1 : 2;
    const u = random.fill(new Float64Array(d * n)), z = random.fillNormal(new Float64Array(2 * d * n));
    const x = [], y = [];
    for (let i = 0; i < n; i++) {
      if (label) {
        const at = -2 + (4 * (i + u[i])) / n;
        x.push([at]);
        y.push(label(at) + noise * z[i]);
      } else {
        const sign = i % 2 ? -1 : 1;
        const at = PLANES[kind](i, sign, u[2 * i], u[2 * i + 1], z[4 * i], z[4 * i + 1]);
        x.push([at[0] + noise * z[4 * i + 2], at[1] + noise * z[4 * i + 3]]);
        y.push(sign);
      }
    }
    return [x, y];
  }

  // The function from which a one-dimensional set is drawn, at x; null for other sets.
  const target = (kind, x) => FUNCTIONS[kind]?.(x) ?? null;

  const split = (rows) => [rows.map((row) => row.slice(0, -1)), rows.map((row) => row.at(-1))];

  // The points of a whole state: lists of inputs, and targets.
  function points({ data }) {
    const own = data.kind === "points";
    const [x, y] = own ? split(data.points) : generate(data, data.count, TRAIN);
    const [testX, testY] = own ? split(data.held_out) : generate(data, data.test, TEST);
    return { d: x[0].length, x, y, testX, testY };
  }

  return { points, target };
})();
