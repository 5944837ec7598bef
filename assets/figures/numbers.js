/* What the numbers of several figures need. No drawing and no page: tests run these
   files in Node and compare them with Python. */
(() => {
  "use strict";

  /* Uniform numbers in [0, 1) from a whole number, in every browser the same:
     Weyl's sequence modulo 2^32, scrambled by the finaliser of MurmurHash3. */
  function seeded(seed) {
    let state = Math.imul(seed, 0x9e3779b1);
    return () => {
      state = (state + 0x9e3779b9) | 0;
      let bits = state;
      bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
      bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
      return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
    };
  }

  /* P(K = k) for k = 0, ..., n, where K counts successes of probability p, 0 < p < 1. */
  function binomial(n, p) {
    const chances = [];
    let log = n * Math.log1p(-p);
    for (let k = 0; k <= n; k++) {
      chances.push(Math.exp(log));
      log += Math.log((n - k) / (k + 1)) + Math.log(p) - Math.log1p(-p);
    }
    return chances;
  }

  /* The probability in each of `count` equal bins from `low` to `high`; a value on an
     edge is in the bin to its right, and `high` in the last. */
  function histogram(values, chances, low, high, count) {
    const bins = new Array(count).fill(0);
    values.forEach((value, i) => {
      const bin = Math.floor(((value - low) / (high - low)) * count + 1e-9);
      bins[Math.min(Math.max(bin, 0), count - 1)] += chances[i];
    });
    return bins;
  }

  globalThis.dropoutFigures = {
    figures: {},
    numbers: { shared: { seeded, binomial, histogram } },
  };
})();
