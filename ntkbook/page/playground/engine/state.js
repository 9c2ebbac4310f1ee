// The state of the playground: one object, which an address or a line of Python can hold.
//
//   data      kind      sine, cubic, abs, step: one input; gaussians, circle, xor, spiral: two,
//                       with classes -1 and 1; points: the rows below
//             count, test, noise, seed      of the generated kinds
//             points, held_out              rows of inputs with the target last; up to eight
//                                           inputs, to train on and to test with
//   network   depth (hidden layers), width, activation, weight_std, bias_std,
//             parametrization (see MLP), seed, zero_output, scale (alpha)
//   training  loss          squared (with its half) or logistic, a sum over the points
//             step          as a fraction of 2 / lambda_max, the largest eigenvalue of the
//                           network's initial kernel
//             batch         points in a minibatch; 0 takes all
//             weight_decay  rho / lambda_max; the loss has rho/2 |w - w0|^2
//
// FIELDS is fields.json, which Python puts in front: default, bounds, choices. And
// ntkbook/page/browser/playground/state.py reads the same.
const STATE = (() => {
  const copy = (value) => JSON.parse(JSON.stringify(value));
  const plain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const WIDEST = 9; // numbers in a row: eight inputs and a target
  const LARGEST = 1000;

  // The state with defaults where nothing is said.
  function complete(partial) {
    const whole = plain(partial) ? copy(partial) : {};
    for (const [section, fields] of Object.entries(FIELDS)) {
      const own = plain(whole[section]) ? whole[section] : {};
      for (const [name, { default: value }] of Object.entries(fields))
        if (own[name] === undefined) own[name] = copy(value);
      whole[section] = own;
    }
    return whole;
  }

  // What differs from the defaults.
  function without(state) {
    const short = {};
    for (const [section, fields] of Object.entries(FIELDS))
      for (const [name, { default: value }] of Object.entries(fields))
        if (JSON.stringify(state[section][name]) !== JSON.stringify(value))
          (short[section] ??= {})[name] = copy(state[section][name]);
    return short;
  }

  // What is wrong with a whole state: [{field, text}]; nothing where it can be run.
  function problems(state) {
    const found = [], say = (field, text) => found.push({ field, text });
    for (const [section, fields] of Object.entries(FIELDS)) {
      for (const name of Object.keys(state[section]))
        if (!Object.hasOwn(fields, name)) say(`${section}.${name}`, "is not known");
      for (const [name, rule] of Object.entries(fields)) {
        const text = wrong(rule, state[section][name]);
        if (text) say(`${section}.${name}`, text);
      }
    }
    for (const name of Object.keys(state)) if (!Object.hasOwn(FIELDS, name)) say(name, "is not known");
    return found.length ? found : together(state, say, found);
  }

  function wrong(rule, value) {
    if (rule.choices) return rule.choices.includes(value) ? null : `must be one of ${rule.choices.join(", ")}`;
    if (rule.rows) return wrongRows(rule.rows, value);
    if (typeof value !== "number" || !Number.isFinite(value)) return "must be a number";
    if (rule.whole && !Number.isInteger(value)) return "must be a whole number";
    if (value < rule.least || value > rule.most) return `must lie between ${rule.least} and ${rule.most}`;
    return null;
  }

  function wrongRows(most, rows) {
    if (!Array.isArray(rows) || !rows.every(Array.isArray)) return "must be a list of rows";
    if (rows.length > most) return `must have at most ${most} rows`;
    const size = rows.length ? rows[0].length : 2;
    if (size < 2 || size > WIDEST) return `must have 2 to ${WIDEST} numbers in a row, the target last`;
    for (const row of rows) {
      if (row.length !== size) return "must have rows of one length";
      for (const value of row)
        if (typeof value !== "number" || !(Math.abs(value) <= LARGEST))
          return `must hold numbers between -${LARGEST} and ${LARGEST}`;
    }
    return null;
  }

  function together(state, say, found) {
    const { data, network, training } = state, own = data.kind === "points";
    if (own && !data.points.length) {
      say("data.points", "must have at least one row");
      return found;
    }
    if (own && data.held_out.length && data.held_out[0].length !== data.points[0].length)
      say("data.held_out", "must have rows as long as those of the points");
    const { x, y, testX, testY } = DATASETS.points(state);
    if (training.batch > y.length) say("training.batch", "must not exceed the number of points");
    if (training.loss === "logistic" && ![...y, ...testY].every((label) => Math.abs(label) === 1))
      say("training.loss", "the logistic loss needs targets that are -1 or 1");
    if (network.bias_std === 0 && [...x, ...testX].some((row) => row.every((value) => value === 0)))
      say("network.bias_std", "without biases no input may be 0: the network is constant there");
    return found;
  }

  return { FIELDS, complete, without, problems, points: DATASETS.points, target: DATASETS.target };
})();
