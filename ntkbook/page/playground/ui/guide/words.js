// What is happening now, in words. Everything said here follows from the numbers of one
// frame and from thresholds that are written below and shown to the reader. It needs KIT.
const WORDS = (() => {
  const { number, percent } = KIT;
  // Conventions, not theorems: the kernel's relative change that we call lazy or rich, and
  // the difference of two functions that we call none.
  const LAZY = 0.1, RICH = 0.5, SAME = 0.05, FAILS = 0.1;
  const FITTED = 1e-3; // of the loss at initialisation
  const size = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

  // The places of a grid between the smallest and the largest training input, in every
  // direction: there two functions are compared.
  function inside(ready, grid) {
    if (!grid) return null;
    const { d, n, x } = ready, places = [];
    const ends = (pick) => Array.from({ length: d }, (_, q) =>
      pick(...Array.from({ length: n }, (_, i) => x[i * d + q])));
    const low = ends(Math.min), high = ends(Math.max);
    const total = grid.count.reduce((product, each) => product * each, 1);
    for (let k = 0, left = k; k < total; left = ++k) {
      let within = true;
      for (let q = 0; q < d; left = Math.floor(left / grid.count[q]), q++) {
        const at = grid.low[q] + ((left % grid.count[q]) * (grid.high[q] - grid.low[q])) / (grid.count[q] - 1);
        within &&= at >= low[q] - 1e-9 && at <= high[q] + 1e-9;
      }
      if (within) places.push(k);
    }
    return places.length > 1 ? places : null;
  }

  // How far two models are apart, in units of what has to be learned: root mean squares,
  // of the difference in the range of the training points (on the points themselves where
  // there is no grid), and of the targets less the outputs at initialisation.
  function gap(ready, frame, model, places) {
    const { network, [model]: other } = frame.models;
    if (!other) return NaN;
    const goal = size(Array.from(ready.targets)) || 1;
    if (!places) return size(Array.from(network.outputs, (value, k) => value - other.outputs[k])) / goal;
    return size(places.map((k) => network.functions[k] - other.functions[k])) / goal;
  }

  const ofTarget = (share) => (share < 10 ? `${percent(share)} of the target` : `${number(share, 2)} times the target`);

  function regime(state, ready, frame, seen) {
    const { network } = frame.models, { change } = frame.kernel ?? seen;
    if (frame.step === 0) return ["start", "At initialisation"];
    if (network.diverged !== null) return ["diverged", "Network diverged"];
    if (seen.rose && seen.fell) return ["catapult", "Catapult"];
    if (seen.rose) return ["beyond", "Rising"];
    if (change <= LAZY) return ["lazy", "Lazy"];
    return change >= RICH ? ["rich", "Rich"] : ["between", "In between"];
  }

  // `seen` is what the run has shown so far: {first, highest, change, lambdaMax, gaps, worst}.
  function observe(seen, frame, ready, places) {
    const now = seen ?? { first: frame.models.network.loss, highest: 0, change: 0, lambdaMax: null, rose: false, fell: false };
    for (const loss of frame.losses?.network ?? [])
      if (Number.isFinite(loss)) {
        now.highest = Math.max(now.highest, loss);
        if (loss > 1.5 * now.first) now.rose = true;
        now.last = loss;
      }
    now.fell = now.rose && now.last < now.first;
    if (!places || frame.models.network.functions) {
      now.gaps = { linear: gap(ready, frame, "linear", places), infinite: gap(ready, frame, "infinite", places) };
      if (!(now.worst?.gap >= now.gaps.linear)) now.worst = { gap: now.gaps.linear, step: frame.step };
    }
    if (frame.kernel) {
      now.change = frame.kernel.change;
      now.lambdaMax = frame.kernel.lambdaMax;
    }
    return now;
  }

  // The verdict: chips [tone, name], of which the first is the regime, and sentences.
  function verdict(state, ready, frame, seen) {
    const { network, linear, infinite } = frame.models;
    const chips = [regime(state, ready, frame, seen)], alive = network.diverged === null;
    if (frame.step === 0) return { chips, short: ["Nothing is trained yet: the three models are the same function."] };
    const short = [];
    if (alive && linear.diverged !== null) chips.push(["beyond", "The linearisation fails"]);
    else if (alive) {
      const off = seen.gaps.linear, { gap: most, step } = seen.worst;
      if (off >= FAILS) {
        chips.push(["beyond", "The linearisation fails"]);
        const peak = percent(most), when = `at step ${number(step, 6)}`;
        const rest = peak === percent(off) ? ", the most so far" : ` (up to ${peak} so far, ${when})`;
        short.push(`It differs from the network by ${ofTarget(off)}${rest}.`);
      } else if (most >= FAILS) {
        chips.push(["between", "The linearisation failed"]);
        short.push(`It differed from the network by ${ofTarget(most)} at step ${number(step, 6)}, the most so far, and now by ${percent(off)}.`);
      } else short.push(`Network and linearisation ${off <= SAME ? "agree: they differ" : "begin to differ,"} by ${ofTarget(off)}.`);
      if (infinite && infinite.diverged !== null) chips.push(["diverged", "Infinite kernel diverged"]);
    }
    return { chips, short: [...short, ...divergence(ready, frame, seen)] };
  }

  // Which models have diverged and which have not, with λₘₐₓ times the step: with all points
  // and without decay, a linear model's error grows along an eigenvector just above the limit.
  function divergence({ threshold, lambdaMax, stepSize, infiniteSpectrum }, { models }, seen) {
    const CALLED = { network: "the network", linear: "the linearisation", infinite: "the infinite kernel" };
    const limit = 2 * threshold, names = Object.keys(CALLED).filter((name) => models[name]);
    const gone = names.filter((name) => models[name].diverged !== null), left = names.filter((name) => !gone.includes(name));
    if (!gone.length) return [];
    const why = (name, k) => {
      const first = stepSize * (name === "infinite" ? infiniteSpectrum.values[0] : lambdaMax);
      const grown = name === "network" && first <= limit, value = grown ? stepSize * seen.lambdaMax : first;
      return `${k && !grown ? "" : `its λₘₐₓ times the step ${grown ? "came to" : "is"} `}${number(value)}, `
        + (value > limit ? `above ${limit}` : `where ${limit} is the limit for all points and no decay`);
    };
    const each = gone.map((name, k) => `${CALLED[name]} ${k ? "" : "diverged "}at step ${number(models[name].diverged, 6)} (${why(name, k)})`);
    const others = left.length ? `; ${left.map((name) => CALLED[name]).join(" and ")} did not` : "";
    return [`T${each.join(", ").slice(1)}${others}.`];
  }

  function caption(state, ready, frame, seen) {
    const { network } = frame.models, said = [], { chips, short } = verdict(state, ready, frame, seen);
    const change = frame.kernel?.change ?? seen.change;
    if (frame.step === 0) return { chips, short, said: [stepWords(state, ready)] };
    if (network.diverged === null)
      said.push(`${change <= LAZY ? "The kernel stays nearly what it was: it" : "The kernel has"} `
        + `changed by ${percent(change)}, the weights by ${percent(network.moved)} of their norm.`);
    if (seen.rose && seen.fell && network.diverged === null)
      said.push(`The loss first rose to ${number(seen.highest / seen.first)} times its initial value and then fell below it,`
        + ` while λₘₐₓ changed from ${number(ready.lambdaMax)} to ${number(seen.lambdaMax)}.`);
    else said.push(edgeWords(state, ready, frame, seen) || stepWords(state, ready));
    const left = network.loss / seen.first;
    if (left < FITTED && network.diverged === null) said.push(`The training loss is ${percent(left)} of its initial value.`);
    return { chips, short, said };
  }

  // What theory says of the linearisation with this step: exact for full batches without
  // decay, where the error along the first eigenvector is multiplied by 1 − 2 · reach.
  function stepWords({ training }, ready) {
    const squared = ready.threshold === 1, reach = training.step / ready.threshold;
    const limit = squared ? "2/λₘₐₓ" : "8/λₘₐₓ, the limit of the logistic loss";
    const size = reach > 1 ? `${number(reach)} times ${limit}` : `${percent(reach)} of ${limit}`;
    if (!squared || training.batch || training.weight_decay)
      return `The step is ${size}${reach > 1 ? ": the linearisation can diverge" : ""}.`;
    if (reach > 1)
      return `The step is ${size}: along the first eigenvector the linearised error must grow, ${number(2 * reach - 1)}-fold per step.`;
    return `The step is ${size}: along ${reach > 0.5
      ? `the first eigenvector the linearised error changes its sign at every step, and ${reach < 1 ? "shrinks" : "keeps its size"}`
      : "every eigenvector the linearised error shrinks without a change of sign"}.`;
  }

  // With the kernel now, where it differs from the kernel at initialisation.
  function edgeWords(state, ready, frame, seen) {
    if (ready.threshold !== 1 || frame.models.network.diverged !== null || seen.lambdaMax === null) return "";
    const now = (seen.lambdaMax * ready.stepSize) / 2, before = state.training.step;
    if (before <= 1 && now > 0.95)
      return `λₘₐₓ has grown from ${number(ready.lambdaMax)} to ${number(seen.lambdaMax)}: the step is now ${percent(now)} of 2/λₘₐₓ, ${now > 1.05 ? "beyond" : "at"} the edge of stability.`;
    if (before > 1 && now < 1)
      return `The step was ${number(before)} times 2/λₘₐₓ; the kernel has shrunk, and it is now ${percent(now)} of it.`;
    return "";
  }

  const THRESHOLDS = `We call a run lazy while the kernel has changed by at most ${percent(LAZY)} of its norm, rich from `
    + `${percent(RICH)} on; two functions agree up to ${percent(SAME)} of the target and differ from ${percent(FAILS)} on (root mean squares, of the difference in the range of the training points and of the targets); a loss has risen above `
    + "1.5 times its initial value. These are conventions. The largest difference so far is that of the pictures drawn.";

  return { caption, observe, inside, ofTarget, stepWords, THRESHOLDS, LAZY, RICH, SAME };
})();
