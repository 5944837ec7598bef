/* Peek: a look after every hundred bits, with a p-value and with an e-value. */
(() => {
  "use strict";
  const { seeded, binomial } = dropoutFigures.numbers.shared;

  const CLAIMED = 0.8;
  const LEVEL = 0.01;
  const EACH = 100; // bits from look to look
  const MOST = 31; // looks
  const ROUNDING = 1e-9; // an e-value of 1/LEVEL is enough, rounded down or not

  const laws = new Map();
  /* For n bits: the two-sided exact p-value and the e-value of every count. */
  function law(n) {
    if (laws.has(n)) return laws.get(n);
    const chances = binomial(n, CLAIMED);
    const up = [...chances];
    const down = [...chances];
    for (let k = 1; k <= n; k++) up[k] += up[k - 1];
    for (let k = n - 1; k >= 0; k--) down[k] += down[k + 1];
    laws.set(n, {
      pValue: (k) => Math.min(1, 2 * Math.min(up[k], down[k])),
      eValue: (k) => 1 / ((n + 1) * chances[k]),
    });
    return laws.get(n);
  }

  /* The first `looks` looks at the bits of a seed, which are 1 with the probability
     `truth`: [{ n, kept, pValue, eValue }, ...]. */
  function numbers({ truth, seed, looks }) {
    const random = seeded(seed);
    const found = [];
    let kept = 0;
    for (let n = 1; n <= EACH * looks; n++) {
      if (random() < truth) kept++;
      if (n % EACH === 0) {
        const { pValue, eValue } = law(n);
        found.push({ n, kept, pValue: pValue(kept), eValue: eValue(kept) });
      }
    }
    return found;
  }

  const known = new Map();
  /* The exact probability that one of the looks up to each has rejected: by a p-value
     below the level, by an e-value of at least its inverse. */
  function rejected(truth) {
    if (!known.has(truth)) {
      const rules = {
        byP: ({ pValue }, k) => pValue(k) < LEVEL,
        byE: ({ eValue }, k) => eValue(k) >= (1 - ROUNDING) / LEVEL,
      };
      known.set(truth, Object.fromEntries(
        Object.entries(rules).map(([name, rejects]) => [name, carry(truth, rejects)])));
    }
    return known.get(truth);
  }

  /* The distribution of the count is carried along, bit by bit; what a look rejects is
     taken out. */
  function carry(truth, rejects) {
    const alive = new Float64Array(EACH * MOST + 1);
    alive[0] = 1;
    let gone = 0;
    const out = [];
    for (let n = 1; n <= EACH * MOST; n++) {
      for (let k = n; k > 0; k--) alive[k] = (1 - truth) * alive[k] + truth * alive[k - 1];
      alive[0] *= 1 - truth;
      if (n % EACH) continue;
      for (let k = 0; k <= n; k++) {
        if (alive[k] > 0 && rejects(law(n), k)) {
          gone += alive[k];
          alive[k] = 0;
        }
      }
      out.push(gone);
    }
    return out;
  }

  dropoutFigures.numbers.peek = { CLAIMED, LEVEL, EACH, MOST, numbers, rejected };
})();
