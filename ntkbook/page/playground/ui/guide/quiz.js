// "Quiz me": a setting is shown and its outcome hidden until the reader has predicted it.
// The run itself is the answer. It needs KIT and WORDS.
const QUIZ = (() => {
  const { html, button, number, percent } = KIT;
  const STEPS = 600;
  const QUESTIONS = {
    change: {
      ask: `After ${STEPS} steps, how much will the kernel have changed?`,
      options: [["lazy", `at most ${percent(WORDS.LAZY)}`], ["between", `between ${percent(WORDS.LAZY)} and ${percent(WORDS.RICH)}`], ["rich", `${percent(WORDS.RICH)} or more`]],
      outcome: ({ seen }) => (seen.change <= WORDS.LAZY ? "lazy" : seen.change < WORDS.RICH ? "between" : "rich"),
      told: ({ seen }) => `The kernel changed by ${percent(seen.change)}.`,
    },
    step: {
      ask: `In ${STEPS} steps, what will the network's training loss do?`,
      options: [["falls", "fall, without rising above 1.5 times its initial value"], ["rescued", "rise above that, then fall below the initial value"], ["diverges", "rise and not come back"]],
      outcome: ({ seen, frame }) => (frame.models.network.diverged !== null || (seen.rose && !seen.fell) ? "diverges" : seen.rose ? "rescued" : "falls"),
      told: ({ seen, frame }) => (frame.models.network.diverged !== null ? `It diverged at step ${frame.models.network.diverged}.`
        : `Its highest value was ${number(seen.highest / seen.first)} times the initial one, its last ${number(seen.last / seen.first)} times.`),
    },
    linear: {
      ask: `After ${STEPS} steps, will the linearisation still be the network, to within ${percent(WORDS.SAME)} of the target?`,
      options: [["yes", "yes"], ["no", "no"]],
      outcome: ({ seen, frame }) => (frame.models.linear.diverged === null && frame.models.network.diverged === null
        && seen.gaps.linear <= WORDS.SAME ? "yes" : "no"),
      told: ({ seen, frame }) => (frame.models.linear.diverged !== null ? "The linearisation diverged."
        : `They differ by ${WORDS.ofTarget(seen.gaps.linear)}.`),
    },
  };
  const pick = (list) => list[Math.floor(Math.random() * list.length)];

  // A setting by chance; what is asked decides what varies.
  function setting() {
    const kind = pick(["sine", "cubic", "abs", "step", "gaussians", "circle", "xor"]);
    const question = pick(Object.keys(QUESTIONS));
    const fast = question === "step";
    return {
      question,
      state: {
        data: { kind, count: pick([6, 12, 20]), seed: Math.floor(Math.random() * 1000) },
        network: {
          width: pick([16, 32, 64, 128]), depth: pick([1, 1, 2]), activation: pick(["tanh", "relu", "erf"]),
          scale: pick([0.1, 0.3, 1, 3, 10]), seed: Math.floor(Math.random() * 1000),
        },
        training: { step: fast ? pick([0.5, 0.9, 1.2, 1.5, 1.9, 3, 5]) : pick([0.3, 0.5, 0.8]) },
      },
    };
  }
  function described(state) {
    const { data, network, training } = STATE.complete(state);
    return `${data.count} points, ${CONTROLS.KINDS[data.kind]}; ${network.depth === 1 ? "one hidden layer" : `${network.depth} hidden layers`} of `
      + `${network.width} ${network.activation} units, output scale ${number(network.scale)}; step ${number(training.step)} × 2/λₘₐₓ.`;
  }

  function quiz(app) {
    let score = 0, asked = 0, open = null;
    const box = html("div", { class: "ntkp-quiz", role: "group", "aria-label": "Quiz", hidden: "" });
    const start = button("Quiz me", () => (box.hidden ? next() : close()), { "aria-pressed": "false", class: "ntkp-button ntkp-quiz-start" });
    const verdict = html("p", { class: "ntkp-verdict", role: "status" });

    function next() {
      const { state, question } = setting(), about = QUESTIONS[question];
      open = { about }; // a new object each time, by which an answer knows its question
      app.leaveTour();
      box.hidden = false;
      verdict.textContent = "";
      start.setAttribute("aria-pressed", "true");
      const title = html("h2", { class: "ntkp-heading", tabindex: -1 }, "Predict, then see");
      box.replaceChildren(title, html("p", {}, described(state)), html("p", { class: "ntkp-question" }, about.ask),
        html("div", { class: "ntkp-row-buttons" },
          ...about.options.map(([value, text]) => button(text, (event) => answer(value, event.currentTarget), { class: "ntkp-button ntkp-option" }))),
        verdict, html("div", { class: "ntkp-row-buttons" }, button("Another", next), button("Leave the quiz", close)));
      app.hide(true);
      app.start(state, { wait: true });
      title.focus({ preventScroll: true });
    }
    async function answer(value, chosen) {
      const asking = open, { about } = asking;
      chosen.classList.add("ntkp-chosen-option");
      for (const each of box.querySelectorAll(".ntkp-option")) each.disabled = true;
      verdict.textContent = "Training …";
      app.hide(false);
      const result = await app.runTo(STEPS);
      if (open !== asking || !result) return;
      const truth = about.outcome(result), right = truth === value;
      asked++;
      if (right) score++;
      const text = about.options.find(([key]) => key === truth)[1];
      verdict.textContent = `${right ? "Right" : `Not this time; the answer is “${text}”`}. ${about.told(result)} ${score} of ${asked} right.`;
      for (const [k, each] of [...box.querySelectorAll(".ntkp-option")].entries())
        each.classList.toggle("ntkp-true", about.options[k][0] === truth);
    }
    function leave() {
      if (!open) return;
      open = null;
      box.hidden = true;
      start.setAttribute("aria-pressed", "false");
      app.hide(false);
    }
    function close() {
      leave();
      start.focus();
    }
    return { node: box, start, leave };
  }
  return { quiz, QUESTIONS, setting, STEPS };
})();
