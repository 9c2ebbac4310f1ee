// The losses of one output, with their derivatives; sums over points are those of
// ntkbook.training.losses.
const LOSSES = {
  squared: {
    value: (f, y) => 0.5 * (f - y) * (f - y),
    slope: (f, y) => f - y,
    threshold: 1, // of the step, as a fraction of 2 / lambda_max: 1 / (largest second derivative)
  },
  logistic: {
    value: (f, y) => Math.max(0, -y * f) + Math.log1p(Math.exp(-Math.abs(f))),
    slope: (f, y) => -y / (1 + Math.exp(y * f)),
    threshold: 4,
  },
};
