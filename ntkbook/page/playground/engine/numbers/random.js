// Random numbers that Python draws as well, bit for bit up to the logarithm, the cosine
// and the sine: ntkbook/page/browser/playground/draws.py.
//
// SplitMix64 (Steele, Lea and Flood 2014): the state grows by G, and what comes out is
//   z = state,  z = (z ^ z >>> 30) * A,  z = (z ^ z >>> 27) * B,  z ^ z >>> 31   mod 2^64.
// Stream k of a seed starts from the state that is output number k + 1 of the seed.
// A uniform number is (its upper 52 bits + 1/2) / 2^52; two of them, u and v, make two
// normal ones by the method of Box and Muller: sqrt(-2 log u) times cos 2 pi v, sin 2 pi v.
const RANDOM = (() => {
  const G = [0x9e3779b9, 0x7f4a7c15]; // upper and lower half
  const A = [0xbf58476d, 0x1ce4e5b9], B = [0x94d049bb, 0x133111eb];

  // The upper half of the product of two numbers of 32 bits.
  function upper(a, b) {
    const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
    const middle = a1 * b0 + ((a0 * b0) >>> 16);
    return (a1 * b1 + (middle >>> 16) + ((a0 * b1 + (middle & 0xffff)) >>> 16)) >>> 0;
  }

  function generator(seed, stream = null) {
    let high = 0, low = seed >>> 0, zh = 0, zl = 0; // the state, and what comes out

    function times([bh, bl]) {
      const product = Math.imul(zl, bl) >>> 0;
      zh = (upper(zl, bl) + Math.imul(zh, bl) + Math.imul(zl, bh)) >>> 0;
      zl = product;
    }
    function fold(by) { // z ^= z >>> by
      zl ^= (zl >>> by) | (zh << (32 - by));
      zh ^= zh >>> by;
      zl >>>= 0;
      zh >>>= 0;
    }
    function mix() {
      zh = high;
      zl = low;
      fold(30);
      times(A);
      fold(27);
      times(B);
      fold(31);
    }
    function next() {
      const sum = low + G[1];
      low = sum >>> 0;
      high = (high + G[0] + (sum > 0xffffffff ? 1 : 0)) >>> 0;
      mix();
    }
    if (stream !== null) {
      for (let k = 0; k <= stream; k++) next();
      high = zh;
      low = zl;
    }

    function uniform() {
      next();
      return (zh * 1048576 + (zl >>> 12) + 0.5) / 4503599627370496;
    }
    function fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = uniform();
      return out;
    }
    function fillNormal(out, deviation = 1) {
      for (let i = 0; i < out.length; i += 2) {
        const size = deviation * Math.sqrt(-2 * Math.log(uniform())), angle = 2 * Math.PI * uniform();
        out[i] = size * Math.cos(angle);
        if (i + 1 < out.length) out[i + 1] = size * Math.sin(angle);
      }
      return out;
    }
    // A random order of 0, ..., n - 1, by the method of Fisher and Yates.
    function shuffle(order) {
      for (let i = 0; i < order.length; i++) order[i] = i;
      for (let i = order.length - 1; i > 0; i--) {
        const j = Math.floor(uniform() * (i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
      }
      return order;
    }
    const bits = () => {
      next();
      return [zh, zl];
    };
    return { uniform, fill, fillNormal, shuffle, bits };
  }

  return { generator };
})();
