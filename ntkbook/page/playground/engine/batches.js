// Which points a step takes: all, or minibatches, each epoch in a new random order that
// drops what does not fill a batch, as in ntkbook.gradient_descent. The sum over a batch of
// B of n points has the factor n / B.
const BATCHES = (() => {
  const STREAM = 2;

  function create(n, size, seed) {
    const random = RANDOM.generator(seed, STREAM), order = new Int32Array(n);
    const all = new Float64Array(n).fill(1), shares = new Float64Array(n);
    let place = n; // the next epoch begins
    const self = { indices: null };
    // The factors of the points in the next step.
    self.next = () => {
      if (!size || size >= n) return all;
      if (place + size > n) {
        random.shuffle(order);
        place = 0;
      }
      shares.fill(0);
      self.indices = Array.from(order.subarray(place, place + size));
      for (const i of self.indices) shares[i] = n / size;
      place += size;
      return shares;
    };
    return self;
  }

  return { create };
})();
