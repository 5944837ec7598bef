/* Three divisors: n terms, each 1 or -1, and three estimates of their sum. */
(() => {
  "use strict";
  const { binomial } = dropoutFigures.numbers.shared;

  /* Values with their chances, equal values joined, in ascending order. */
  function joined(pairs) {
    const chances = new Map();
    for (const [value, chance] of pairs) {
      const key = Math.round(value * 1e9) / 1e9 + 0;
      chances.set(key, (chances.get(key) ?? 0) + chance);
    }
    return [...chances].sort(([one], [other]) => one - other);
  }

  function moments(pairs) {
    const mean = pairs.reduce((sum, [value, chance]) => sum + value * chance, 0);
    const square = pairs.reduce((sum, [value, chance]) => sum + value ** 2 * chance, 0);
    return { pairs, mean, sd: Math.sqrt(Math.max(square - mean ** 2, 0)) };
  }

  /* Of n terms the first `negative` are -1; a mask keeps `kept` of n on average, or
     exactly. `byP`, `byCount` (nothing kept: 0) and `fixed` have the distribution of
     their estimate, its mean and standard deviation; `equal` is the effective count. */
  function numbers({ n, kept, negative }) {
    const p = kept / n;
    const sum = n - 2 * negative;
    const minus = binomial(negative, p);
    const plus = binomial(n - negative, p);
    const both = [];
    minus.forEach((chance, lost) =>
      plus.forEach((other, won) => both.push([won, lost, chance * other])));
    // Given that exactly `kept` are kept, every set of so many is equally likely.
    const exactly = both.filter(([won, lost]) => won + lost === kept);
    const chanceOfCount = exactly.reduce((all, [, , chance]) => all + chance, 0);
    return {
      p, sum, equal: (sum * sum) / n,
      byP: moments(joined(both.map(([won, lost, chance]) => [(won - lost) / p, chance]))),
      byCount: moments(joined(both.map(([won, lost, chance]) =>
        [won + lost && ((won - lost) * n) / (won + lost), chance]))),
      fixed: moments(joined(exactly.map(([won, lost, chance]) =>
        [(won - lost) / p, chance / chanceOfCount]))),
      gain: (n - (sum * sum) / n) / (n - 1),
    };
  }

  dropoutFigures.numbers["three-divisors"] = { numbers };
})();
