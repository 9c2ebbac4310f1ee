// Guided tours: eight settings, each with the main point of a chapter in three sentences, a
// question and its answer. It needs KIT and NAMES. A test runs each setting, and holds what
// its answer says against the run's numbers.
const TOURS = (() => {
  const { html, button } = KIT;
  const ALL = [
    {
      key: "linear", chapter: 1, title: "Linear in its weights",
      words: ["The linearisation (orange, dashed) keeps of the network only its first derivative at initialisation.",
        "At this output scale α the weights must go far before the output is right, and the first derivative changes on the way.",
        "So the two functions part, though both fit the points."],
      question: "How large must α be for the two to agree to within 5 % of the target?",
      answer: "Between 1 and 10: κ falls like 1/α, and with it the distance that the weights must go. At α = 10 the two curves coincide.",
      state: { data: { kind: "points", points: [[-1.6, 0.9], [-0.6, -0.7], [0.4, 0.8], [1.5, -0.5]] }, network: { scale: 0.2, width: 64, seed: 1 }, training: { step: 0.4 } },
      steps: 2000,
    },
    {
      key: "modes", chapter: 2, title: "A rate for each direction",
      words: ["The output is scaled up, so the kernel stays constant, and every eigenvector of it is learned on its own.",
        "Along the k-th, the error shrinks by the factor 1 − ηλₖ at each step.",
        "Watch the plot “Outputs in the eigenbasis”: the bars reach their crosses from left to right."],
      question: "Which directions are still missing after 1000 steps, and what predicts it?",
      answer: "Those with ηλₖ below 1/1000. The eigenvalues span several powers of ten, so the last directions would take millions of steps.",
      state: { data: { kind: "step", count: 12 }, network: { scale: 10, width: 256 }, training: { step: 0.5 } },
      steps: 1000,
    },
    {
      key: "width", chapter: 3, title: "Wide weights hardly move",
      words: ["This network has 8 units in its hidden layer, and training changes its weights and its kernel visibly.",
        "With more units the same change of the output is divided among more weights.",
        "In the NTK parametrisation the relative change of the weights falls like the root of the width."],
      question: "By what factor do “weights moved” and “kernel changed” fall when you set the width to 512?",
      answer: "The weights by about 8, the root of 64; the kernel by at least as much.",
      state: { data: { kind: "sine", count: 12 }, network: { width: 8, scale: 1 }, training: { step: 0.5 } },
      steps: 1000,
    },
    {
      key: "limit", chapter: 4, title: "The limit of infinite width",
      words: ["At infinite width the tangent kernel depends on nothing random and does not change in training.",
        "The green curve is trained with this kernel, the blue one is a network with 512 units.",
        "They agree to within a few per cent at and between the points."],
      question: "Choose “New weights” a few times, at width 512 and at width 16: where do network and limit differ most?",
      answer: "Beyond the points, and far more at width 16: there each random network has a kernel of its own, and the points do not say what the output should be.",
      state: { data: { kind: "points", points: [[-1.2, 0.8], [-0.4, -0.6], [0.5, 0.2], [1.1, 0.9]] }, network: { width: 512 }, training: { step: 0.5 } },
      steps: 1000,
    },
    {
      key: "paths", chapter: 5, title: "For and against",
      words: ["The trained output at any query is the output at initialisation plus one contribution for each training point.",
        "The plot “What argues for and against” shows them: filled for the network, in outline for its linearisation.",
        "Many are larger than the output itself, and nearly cancel."],
      question: "Drag the query (the small house below the curves) to a training point: is it that point that argues most?",
      answer: "Not always. A neighbour's contribution can be larger, and contributions are no forecast of what happens if the point is left out.",
      state: { data: { kind: "sine", count: 8 }, network: { scale: 0.3, weight_std: 4, bias_std: 2, width: 64 }, training: { step: 0.5 } },
      steps: 500, query: [0.2],
    },
    {
      key: "time", chapter: 6, title: "Early and late",
      words: ["“A wide network is its kernel” can mean that it follows the kernel's flow, or that it ends where kernel regression ends.",
        "An error ε of the kernel shifts the residual along an eigenvalue λ by at most ε t exp(−λt) of its size, which grows with the time t.",
        "So this network, at first equal to its infinite kernel, leaves it as training goes on."],
      question: "When does the difference “Network − infinite kernel” exceed 10 % of the target?",
      answer: "Early in training, when the first directions are learned; a wider network leaves its limit less. A width that suffices for one time does not for a longer one.",
      state: { data: { kind: "abs", count: 16, noise: 0.1 }, network: { width: 64, activation: "relu", weight_std: 1.41421356 }, training: { step: 0.5 } },
      steps: 3000,
    },
    {
      key: "alignment", chapter: 7, title: "The kernel turns",
      words: ["Exclusive or lies along no large eigenvector of the kernel at initialisation.",
        "At a small output scale the network moves its weights, and its kernel turns towards the labels.",
        "The outlined bars show the labels along the eigenvectors of the kernel now."],
      question: "How much of the labels lies along the first eigenvectors, before and after? Is it the same at α = 10?",
      answer: "The first eigenvectors hold more and more of the labels while the kernel changes; at α = 10 the kernel stays, and so does this fraction.",
      state: { data: { kind: "xor", count: 40, noise: 0.1 }, network: { width: 64, scale: 0.1 }, training: { step: 0.5 } },
      steps: 1000,
    },
    {
      key: "catapult", chapter: "P3", title: "The catapult",
      words: ["The step is larger than 2/λ_max, so the linearisation must diverge.",
        "The network's loss first rises as well; but then its kernel shrinks, until the step is small enough.",
        "After that it converges, to weights far from initialisation."],
      question: "Set α to 10, at the same fraction of 2/λ_max: does the kernel still come to the rescue?",
      answer: "Only after the loss has grown far more: the larger α, the less the weights change the kernel before the loss is large. Beyond about 4/λ_max there is no rescue.",
      state: { data: { kind: "sine", count: 12 }, network: { width: 64, scale: 1 }, training: { step: 1.3 } },
      steps: 1500,
    },
  ];

  // The panel: a row of settings, and the words of the one that is chosen.
  function tours(app) {
    const { names } = app;
    const text = html("div", { class: "ntkp-tour-text", hidden: "" });
    const buttons = ALL.map((tour) => {
      const number = tour.chapter === "P3" ? "8" : String(tour.chapter);
      const node = button([html("span", { class: "ntkp-number" }, number), " ", tour.title], () => open(tour), { "aria-pressed": "false" });
      return node;
    });
    const node = html("nav", { class: "ntkp-tours", "aria-label": "Guided tours" },
      html("div", { class: "ntkp-tour-row" }, ...buttons), text);

    function open(tour) {
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
      title.focus({ preventScroll: true });
    }
    function close() {
      const at = buttons.findIndex((each) => each.getAttribute("aria-pressed") === "true");
      text.hidden = true;
      buttons.forEach((each) => each.setAttribute("aria-pressed", "false"));
      buttons[Math.max(0, at)].focus();
    }
    return { node, open, close };
  }
  return { ALL, tours };
})();
