// Many inputs at which models are only evaluated: a grid for the picture, the test points.
// They pass through a network in blocks, so that a block stays in the processor's cache.
const PLACES = (() => {
  const BLOCK = 64;

  // x: count inputs of d numbers, flat; theirs are the rows of the kernel with the points
  // of `points` (forward and backward at the initial parameters), and the outputs before training.
  function create(net, start, x, count, points) {
    const n = points.n;
    const self = {
      net, x, count, block: MLP.room(net, Math.min(BLOCK, count)), offset: new Float64Array(count),
      first: new Float64Array(count), rows: new Float64Array(count * n),
    };
    if (net.zero) {
      // Raw outputs: what is left where nothing is subtracted and nothing scaled.
      outputs(self, start, self.offset, { ...net, scale: 1 });
    }
    outputs(self, start, self.first, net, (block, from) => {
      MLP.backward(net, start, block);
      self.rows.set(MLP.kernel(net, block, points), from * n);
    });
    return self;
  }

  function outputs(self, w, out, net = self.net, each = null) {
    const { x, count, block, offset } = self, size = Math.min(BLOCK, count);
    for (let from = 0; from < count; from += size) {
      block.n = Math.min(size, count - from);
      block.inputs[0].set(x.subarray(from * net.d, (from + block.n) * net.d));
      block.offset.set(offset.subarray(from, from + block.n));
      MLP.forward(net, w, block);
      out.set(block.outputs.subarray(0, block.n), from);
      if (each) each(block, from);
    }
    return out;
  }

  return { create, outputs };
})();
