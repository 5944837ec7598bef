/* Which average: a sigmoid unit and the averages of its members' answers. */
(() => {
  "use strict";
  const { binomial } = dropoutFigures.numbers.shared;
  const sigmoid = (z) => (z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z)));
  /* log(sigmoid(z)) */
  const logSigmoid = (z) => Math.min(z, 0) - Math.log1p(Math.exp(-Math.abs(z)));

  /* `units` inputs contribute equally to a logit of mean `mean` and standard deviation
     `spread`, upwards or (sign -1) downwards; each is kept with `keepProb` and rescaled.
     `members` are [logit, answer, chance] for 0, 1, ..., units kept. The averages of the
     answers: `arithmetic`; `geometric`, renormalised; `scaling`, at the mean logit;
     `probit`, its correction. */
  function numbers({ mean, spread, keepProb, units, sign }) {
    const p = keepProb;
    const each = sign * spread * Math.sqrt(p / ((1 - p) * units));
    const members = binomial(units, p).map((chance, kept) => {
      const z = mean + each * (kept / p - units);
      return [z, sigmoid(z), chance];
    });
    const over = (value) =>
      members.reduce((sum, [z, answer, chance]) => sum + chance * value(z, answer), 0);
    const [yes, no] = [over(logSigmoid), over((z) => logSigmoid(-z))].map(Math.exp);
    return {
      members, each,
      arithmetic: over((_, answer) => answer),
      geometric: yes / (yes + no),
      scaling: sigmoid(mean),
      probit: sigmoid(mean / Math.sqrt(1 + (Math.PI * spread ** 2) / 8)),
    };
  }

  dropoutFigures.numbers["which-average"] = { sigmoid, numbers };
})();
