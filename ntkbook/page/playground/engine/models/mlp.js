// Fully connected networks with one output: ntkbook.mlp with the same weights in the same
// order. Layer l takes h (m_in) to z = weight * h W + bias * b, and the output is
//
//   f(x, w) = scale * (z_out(x, w) - z_out(x, w0)),   without the last term unless the
//                                                     network starts from zero output.
//
// Parametrisations, with sigma_w, sigma_b for the two deviations and alpha for the scale:
//   ntk         weight = sigma_w / sqrt(m_in), bias = sigma_b, all drawn from N(0, 1)
//   standard    weight = bias = 1, drawn with the deviations sigma_w / sqrt(m_in), sigma_b
//   mup         as ntk, with scale = alpha / sqrt(width)
//   mean_field  as ntk, and every layer after the first once more divided by sqrt(m_in):
//               with one hidden layer the same as mup
const MLP = (() => {
  const WEIGHTS = 10, BIASES = 11; // the streams of layer l: these plus 2 l

  // The sizes of a network, where its parameters stand, and the factors in front of them.
  function shape({ depth, width, activation, weight_std, bias_std, parametrization, zero_output, scale }, d) {
    const sizes = [d, ...Array(depth).fill(width), 1], layers = [];
    let at = 0;
    for (let l = 0; l <= depth; l++) {
      const ins = sizes[l], outs = sizes[l + 1], root = Math.sqrt(ins);
      const standard = parametrization === "standard";
      const down = parametrization === "mean_field" && l > 0 ? root : 1;
      layers.push({
        ins, outs, at, biasAt: at + ins * outs, biased: bias_std > 0,
        weight: (standard ? 1 : weight_std / root) / down,
        bias: (standard ? Number(bias_std > 0) : bias_std) / down,
        weightDraw: standard ? weight_std / root : 1,
        biasDraw: standard ? bias_std : 1,
      });
      at += ins * outs + (bias_std > 0 ? outs : 0);
    }
    return {
      d, layers, count: at, activation, zero: zero_output,
      scale: scale / (parametrization === "mup" ? Math.sqrt(width) : 1),
    };
  }

  // The initial parameters: for each layer its weights, row after row, and its biases.
  function draw(net, seed) {
    const w = new Float64Array(net.count);
    net.layers.forEach(({ ins, outs, at, biasAt, biased, weightDraw, biasDraw }, l) => {
      RANDOM.generator(seed, WEIGHTS + 2 * l).fillNormal(w.subarray(at, at + ins * outs), weightDraw);
      if (biased) RANDOM.generator(seed, BIASES + 2 * l).fillNormal(w.subarray(biasAt, biasAt + outs), biasDraw);
    });
    return w;
  }

  // Room for everything that n inputs need: what enters each layer, the derivatives of the
  // activations, the derivatives of the outputs with respect to the pre-activations.
  function room(net, n) {
    const make = (size) => new Float64Array(n * size);
    return {
      n,
      inputs: net.layers.map(({ ins }) => make(ins)),
      slopes: net.layers.map(({ ins }) => make(ins)), // of what enters; unused for layer 0
      deltas: net.layers.map(({ outs }) => make(outs)),
      scratch: make(Math.max(...net.layers.map(({ outs }) => outs))),
      offset: new Float64Array(n), // the raw outputs at w0, where they are subtracted
      outputs: new Float64Array(n),
      derivatives: new Float64Array(n), // of the outputs along a direction
    };
  }

  // Room for these inputs, flat, with the offsets that belong to the initial parameters.
  function at(net, start, x, n) {
    const space = room(net, n);
    space.inputs[0].set(x);
    if (net.zero) {
      forward(net, start, space);
      space.offset.set(space.scratch.subarray(0, n)); // the raw outputs, exactly
    }
    return space;
  }

  // What layer l makes of what enters it.
  function preactivations({ layers }, w, { n, inputs }, l, out) {
    const { ins, outs, at, biasAt, biased, weight, bias } = layers[l];
    MATRIX.times(inputs[l], n, ins, w, at, outs, weight, out);
    if (biased)
      for (let i = 0; i < n; i++)
        for (let j = 0; j < outs; j++) out[i * outs + j] += bias * w[biasAt + j];
    return out;
  }

  // The outputs at the inputs that stand in space.inputs[0].
  function forward(net, w, space) {
    const { layers, scale } = net, { n, inputs, slopes, scratch, outputs, offset } = space;
    for (let l = 0; l < layers.length; l++) {
      preactivations(net, w, space, l, scratch);
      if (l + 1 < layers.length)
        ACTIVATIONS.both[net.activation](scratch, n * layers[l].outs, inputs[l + 1], slopes[l + 1]);
    }
    for (let i = 0; i < n; i++) outputs[i] = scale * (scratch[i] - offset[i]);
    return outputs;
  }

  // After `forward`: the derivatives of each output with respect to its pre-activations.
  function backward(net, w, { n, slopes, deltas }) {
    const last = net.layers.length - 1;
    deltas[last].fill(net.scale);
    for (let l = last; l > 0; l--) {
      const { ins, outs, at, weight } = net.layers[l], d = deltas[l - 1], s = slopes[l];
      MATRIX.timesTransposed(deltas[l], n, outs, w, at, ins, weight, d);
      for (let i = 0; i < n * ins; i++) d[i] *= s[i];
    }
  }

  // After `backward`: out += sum_i factors[i] * (derivative of output i by the weights).
  function addGradient(net, { n, inputs, deltas, scratch }, factors, out) {
    net.layers.forEach(({ ins, outs, at, biasAt, biased, weight, bias }, l) => {
      const d = deltas[l];
      for (let i = 0; i < n; i++)
        for (let j = 0; j < outs; j++) scratch[i * outs + j] = factors[i] * d[i * outs + j];
      MATRIX.addOuter(out, at, ins, outs, inputs[l], scratch, n, weight);
      if (biased)
        for (let i = 0; i < n; i++)
          for (let j = 0; j < outs; j++) out[biasAt + j] += bias * scratch[i * outs + j];
    });
  }

  // After `backward` on both: the tangent kernel between two sets of inputs, one.n x two.n:
  // a layer's part is (weight^2 <h, h'> + bias^2) <delta, delta'>.
  // `spare` is room for three such matrices, of which the first is the result.
  function kernel(net, one, two, spare = threeOf(one.n * two.n)) {
    const [sum, h, d] = spare;
    sum.fill(0);
    net.layers.forEach(({ ins, outs, weight, bias }, l) => {
      MATRIX.timesTransposed(one.inputs[l], one.n, ins, two.inputs[l], 0, two.n, 1, h);
      MATRIX.timesTransposed(one.deltas[l], one.n, outs, two.deltas[l], 0, two.n, 1, d);
      for (let i = 0; i < sum.length; i++) sum[i] += (weight * weight * h[i] + bias * bias) * d[i];
    });
    return sum;
  }

  const threeOf = (size) => [0, 0, 0].map(() => new Float64Array(size));

  // After `backward`: the derivatives of the outputs along w - start.
  function along(net, { n, inputs, deltas, derivatives }, w, start) {
    derivatives.fill(0);
    net.layers.forEach(({ ins, outs, at, biasAt, biased, weight, bias }, l) => {
      const h = inputs[l], d = deltas[l];
      for (let i = 0; i < n; i++) {
        let sum = 0, ofBiases = 0;
        for (let q = 0; q < ins; q++)
          for (let j = 0, place = at + q * outs; j < outs; j++, place++)
            sum += h[i * ins + q] * d[i * outs + j] * (w[place] - start[place]);
        if (biased)
          for (let j = 0; j < outs; j++) ofBiases += d[i * outs + j] * (w[biasAt + j] - start[biasAt + j]);
        derivatives[i] += weight * sum + bias * ofBiases;
      }
    });
    return derivatives;
  }

  return { shape, draw, room, at, preactivations, forward, backward, addGradient, kernel, along, threeOf };
})();
