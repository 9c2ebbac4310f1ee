// The names of all numbers and controls: what each is called, its symbol, its unit, and the
// section of the book that defines it. It needs KIT.
const NAMES = (() => {
  const { html } = KIT;
  const CHAPTERS = {
    1: "notebooks/01_taylor_expansion.html", 2: "notebooks/02_gradient_flow.html",
    3: "notebooks/03_width_scaling.html", 4: "notebooks/04_infinite_width.html",
    5: "notebooks/05_path_kernels.html", 6: "notebooks/06_equivalence.html",
    7: "notebooks/07_alignment.html", 8: "notebooks/08_learning_curves.html",
    9: "notebooks/09_feature_learning.html",
  };
  // name: [text, symbol, chapter, section]
  const ALL = {
    data: ["Targets", "y", 2, "from-steps-to-time"],
    count: ["Training points", "n", 2, "from-steps-to-time"],
    tests: ["Test points", "", 2, "predictions-at-new-inputs"],
    noise: ["Noise", "", 2, "stopping-early"],
    depth: ["Hidden layers", "L", 3, "more-hidden-layers"],
    width: ["Width", "m", 3, "ten-a-hundred-a-thousand"],
    activation: ["Activation", "φ", 4, "gaussian-expectations"],
    weight_std: ["Weight scale", "σ_w", 4, "what-depth-and-biases-do-to-the-spectrum"],
    bias_std: ["Bias scale", "σ_b", 4, "what-depth-and-biases-do-to-the-spectrum"],
    parametrization: ["Parametrisation", "", 3, "all-scalings-in-one-table"],
    scale: ["Output scale", "α", 3, "laziness-is-a-choice-of-scale"],
    zero_output: ["Zero output at initialisation", "", 2, "networks-that-are-zero-at-initialisation"],
    loss: ["Loss", "ℒ", 2, "the-tangent-kernel-drives-the-outputs"],
    step: ["Step size", "η", 2, "how-far-is-gradient-descent-from-the-flow"],
    batch: ["Minibatch", "", 5, "exactly-for-finite-steps"],
    weight_decay: ["Weight decay", "ρ", 5, "the-objection"],
    network: ["network", "", 1, "a-network-whose-weights-hardly-move"],
    linear: ["linearisation", "", 1, "the-linearised-model"],
    infinite: ["infinite kernel", "", 4, "trained-to-convergence-kernel-regression"],
    moved: ["Weights moved", "‖w − w₀‖/‖w₀‖", 3, "ten-a-hundred-a-thousand"],
    change: ["Kernel changed", "‖Θ − Θ₀‖/‖Θ₀‖", 2, "how-the-change-of-the-kernel-depends-on-the-output-scale"],
    gap: ["To linearisation", "", 1, "a-trained-network-against-its-expansions"],
    gapInfinite: ["To infinite kernel", "", 4, "the-main-theorem-with-constants"],
    kappa: ["Inverse relative scale", "κ", 1, "the-inverse-relative-scale"],
    lambda: ["Largest eigenvalue", "λₘₐₓ", 2, "a-constant-kernel-one-rate-for-each-direction"],
    edge: ["Step now", "η λₘₐₓ/2", 9, "steps-that-are-too-large"],
    time: ["Time", "t = η · steps", 2, "units-of-time"],
    weights: ["Weights", "", 3, "ten-a-hundred-a-thousand"],
    alignment: ["Alignment with the targets", "", 7, "a-bound-a-norm-an-alignment"],
    train: ["Training loss", "", 2, "the-tangent-kernel-drives-the-outputs"],
    test: ["Test loss", "", 2, "predictions-at-new-inputs"],
    basis: ["Outputs in the eigenbasis", "uₖᵀ(f − f₀)", 2, "a-constant-kernel-one-rate-for-each-direction"],
    matrix: ["Kernel matrix", "Θ", 2, "the-tangent-kernel-drives-the-outputs"],
    spectrum: ["Eigenvalues", "λₖ", 2, "real-images-the-spectrum-determines-the-training"],
    energy: ["Labels along each eigenvector", "", 7, "the-staircase-of-eigenfunctions"],
    arguments: ["What argues for and against", "Cᵢ(x)", 5, "the-theorem-in-continuous-time"],
  };

  // A maker of names for one playground, whose pages of the book stand at `book`.
  function of(book) {
    const address = (key) => {
      const [, , chapter, section] = ALL[key];
      return `${book}${CHAPTERS[chapter]}#${section}`;
    };
    const title = (key) => ALL[key][0];
    // Name and symbol, and where there is a book a link to the section: §3.
    const link = (key) => {
      if (!book) return "";
      const [text, , chapter] = ALL[key];
      return html("a", {
        class: "ntkp-section", href: address(key), "aria-label": `${text}: Chapter ${chapter}`,
      }, `§${chapter}`);
    };
    const name = (key) => {
      const [text, symbol] = ALL[key];
      return [text, ...(symbol ? [html("i", { class: "ntkp-symbol" }, symbol)] : [])];
    };
    // A link to a whole chapter; nothing where there is no book.
    const whole = (number) => (book ? html("a", { href: `${book}${CHAPTERS[number]}` }, `Chapter ${number}`) : null);
    return { title, name, link, address, chapter: whole };
  }
  return { of, ALL };
})();
