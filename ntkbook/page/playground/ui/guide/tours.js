// Guided tours: one for each chapter, with its main point in three sentences, a question and
// its answer. It needs KIT and NAMES. A test runs each setting, and holds what
// its answer says against the run's numbers.
const TOURS = (() => {
  const { html, button } = KIT;
  const FOUR = [[-1.6, 0.9], [-0.6, -0.7], [0.4, 0.8], [1.5, -0.5]];
  // A wave with a period of 4 and one with a period of 1, both with the amplitude 0.7.
  const WAVES = Array.from({ length: 16 }, (_, k) => {
    const x = -2 + (k + 0.5) / 4, y = 0.7 * (Math.sin((Math.PI * x) / 2) + Math.sin(2 * Math.PI * x));
    return [x, Math.round(100 * y) / 100];
  });
  const ALL = [
    {
      key: "linear", chapter: 1, title: "Linear in its weights", steps: 2000,
      words: ["The linearisation (orange, dashed) keeps only the network's first derivative at initialisation.",
        "At this small output scale α the weights must go far before the output is right, and the derivative changes on the way.",
        "Both models fit the four points in the end, but as functions they differ."],
      question: "How large must α be for the two functions to agree to within 5% of the target?",
      answer: "α = 1 is enough: the difference falls from 21% at α = 0.2 to 2.7% at α = 1 and 0.2% at α = 10. The inverse relative scale κ falls like 1/α, from 1.4 to 0.28 and 0.028.",
      state: { data: { kind: "points", points: FOUR }, network: { scale: 0.2, seed: 1 }, training: { step: 0.4 } },
    },
    {
      key: "modes", chapter: 2, title: "A rate for each direction", steps: 1000,
      words: ["The output is scaled up, so the kernel stays constant, and the network learns along each eigenvector on its own.",
        "Along the k-th eigenvector the error shrinks by the factor 1 − ηλₖ per step.",
        "In the plot “Outputs in the eigenbasis” the bars reach their crosses from left to right."],
      question: "Which directions are still missing after 1000 steps, and what predicts it?",
      answer: "Those with ηλₖ below 1/1000, that is, with an eigenvalue below a thousandth of the largest, as η = 1/λₘₐₓ here. The eigenvalues span several powers of ten, so the last directions would take millions of steps.",
      state: { data: { kind: "step" }, network: { scale: 10, width: 256 } },
    },
    {
      key: "width", chapter: 3, title: "Wide weights hardly move", steps: 1000,
      words: ["This network has 8 units in its hidden layer, and training changes its weights and its kernel visibly.",
        "With more units, the same change of the output is divided among more weights.",
        "In the NTK parametrisation the relative change of the weights falls like the inverse root of the width."],
      question: "By what factors do “Weights moved” and “Kernel changed” fall when the width is 512?",
      answer: "The weights by 9, which is near 8, the root of 64; the kernel by about 70. Another random initialisation (New weights) gives other factors: at width 8 chance matters.",
      state: { network: { width: 8 }, training: { step: 0.3 } },
    },
    {
      key: "limit", chapter: 4, title: "The limit of infinite width", steps: 1000,
      words: ["At infinite width the tangent kernel is not random, and does not change in training.",
        "The green curve is trained with this kernel, the blue one is a network with 512 units.",
        "They agree at the points, and to within 3% of the target between them."],
      question: "Choose “New weights” a few times, at width 512 and at width 16: where do network and limit differ most?",
      answer: "Away from the points. With the first three seeds they differ by 1 to 3% of the target at width 512, and by 8 to 12% at width 16, where each random network has a kernel of its own.",
      state: { data: { kind: "points", points: [[-1.2, 0.8], [-0.4, -0.6], [0.5, 0.2], [1.1, 0.9]] }, network: { width: 512 } },
    },
    {
      key: "paths", chapter: 5, title: "For and against", steps: 500, query: [0.2],
      words: ["The trained output at any query is the output at initialisation plus one contribution for each training point.",
        "The plot “What argues for and against” shows them, filled for the network and in outline for its linearisation.",
        "Here they are up to eight times as large as the output, and nearly cancel."],
      question: "Drag the query (the small house under the curves) onto a training point: is it that point that argues most?",
      answer: "Only at the first two points and at the last; at the other five another point has the larger contribution. What happens if a point is left out is another question.",
      state: { data: { count: 8 }, network: { scale: 0.3, weight_std: 4, bias_std: 2 } },
    },
    {
      key: "time", chapter: 6, title: "Stopped early", steps: 100,
      words: ["“A wide network is its kernel” can mean that it follows the kernel's flow, or that it ends where kernel regression ends.",
        "After these 100 steps the network and the infinite kernel are equally far: the first holds.",
        "But a network that is stopped early does not test the second."],
      question: "Press Run to go on to step 4000: does the network's loss follow that of the infinite kernel?",
      answer: "No. The infinite kernel's loss falls more than 100 times below the network's. See the eigenvalues: with 64 units the smallest ones are far below those of the limit, one is 0, and along these the network learns hardly anything.",
      state: { data: { kind: "abs", count: 16, noise: 0.1 }, network: { activation: "relu", weight_std: 1.41421356 } },
    },
    {
      key: "alignment", chapter: 7, title: "The kernel turns", steps: 1000,
      words: ["Exclusive or lies mostly along the fourth and the sixth eigenvector of the kernel at initialisation.",
        "At a small output scale the weights move further than their own norm, and the kernel turns towards the labels.",
        "The outlined bars show the labels along the eigenvectors of the kernel now."],
      question: "How do “Alignment with the targets” and the first five bars change? And at α = 10?",
      answer: "The alignment grows from 0.07 to 0.12, and the first five eigenvectors hold 91% of the labels instead of 56%. At α = 10 the kernel changes by 1.4%, and both stay nearly what they were.",
      state: { data: { kind: "xor", count: 40, noise: 0.1 }, network: { scale: 0.3 } },
    },
    {
      key: "waves", chapter: 8, title: "Slow waves first", steps: 100,
      words: ["The targets are the sum of two waves of one amplitude, with the periods 4 and 1.",
        "Along the fast wave the kernel's eigenvalues are small, so a wide network learns it late.",
        "After these 100 steps 78% of the slow wave is learned, and 8% of the fast one."],
      question: "Is a fast wave hard to learn as such? Predict what 100 steps give with the sine as activation and weight scale 4.",
      answer: "No: the kernel decides. With ReLU, half of the slow wave is learned after 4 steps and half of the fast one after 671. With the sine at weight scale 4 it is 2 and 5 steps, and after 100 steps 99% and 97% are learned.",
      state: { data: { kind: "points", points: WAVES }, network: { activation: "relu", weight_std: 1.41421356, bias_std: 1, width: 256, scale: 10 } },
    },
    {
      key: "catapult", chapter: 9, title: "The catapult", steps: 1500,
      words: ["The step is 1.3 times 2/λₘₐₓ, so the linearisation diverges.",
        "The network's loss rises as well, but then its kernel shrinks until the step is no longer too large.",
        "After that the network converges."],
      question: "What happens at α = 10 with the same fraction of 2/λₘₐₓ? And at 3 times 2/λₘₐₓ?",
      answer: "At α = 10 the loss first rises 300-fold instead of 4-fold, and the network still comes back. At 3 times 2/λₘₐₓ it diverges, at every α from 0.5 to 10 that we tried.",
      state: { training: { step: 1.3 } },
    },
  ];

  // The panel: a row of settings, and the words of the one that is chosen.
  function tours(app) {
    const { names } = app;
    const text = html("div", { class: "ntkp-tour-text", hidden: "" });
    const buttons = ALL.map((tour) => {
      const number = html("span", { class: "ntkp-number" }, String(tour.chapter));
      return button([number, " ", tour.title], () => open(tour), { "aria-pressed": "false" });
    });
    const node = html("nav", { class: "ntkp-tours", "aria-label": "Guided tours" },
      html("div", { class: "ntkp-tour-row" }, html("span", { class: "ntkp-heading", "aria-hidden": "true" }, "Tours"), ...buttons), text);

    function open(tour, focus = true) {
      buttons.forEach((each, k) => each.setAttribute("aria-pressed", String(ALL[k] === tour)));
      const chapter = names.chapter(tour.chapter);
      const answer = html("details", {}, html("summary", {}, "Answer"), html("p", {}, tour.answer));
      const title = html("h2", { class: "ntkp-heading", tabindex: -1 }, tour.title);
      const at = ALL.indexOf(tour);
      text.replaceChildren(title, html("p", {}, tour.words.join(" "), ...(chapter ? [" ", chapter] : [])),
        html("p", { class: "ntkp-question" }, tour.question), answer,
        html("div", { class: "ntkp-row-buttons" },
          ...(at + 1 < ALL.length ? [button("Next", () => open(ALL[at + 1]))] : []), button("Close", close)));
      text.hidden = false;
      app.start(tour.state, { query: tour.query, until: tour.steps });
      if (focus) title.focus({ preventScroll: true });
    }
    function leave() {
      text.hidden = true;
      buttons.forEach((each) => each.setAttribute("aria-pressed", "false"));
    }
    function close() {
      const at = buttons.findIndex((each) => each.getAttribute("aria-pressed") === "true");
      leave();
      buttons[Math.max(0, at)].focus();
    }
    return { node, open, leave };
  }
  return { ALL, tours };
})();
