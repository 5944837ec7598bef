/* Drag the bars: a layer's sum over all its masks. */
(() => {
  "use strict";
  const { seeded } = dropoutFigures.numbers.shared;
  const SEED = 14131;

  /* The rescaled sums under all 2^n masks, and the probability of each mask. */
  function allSums(activations, keepProb) {
    let sums = [0];
    let chances = [1];
    for (const a of activations) {
      sums = [...sums, ...sums.map((sum) => sum + a / keepProb)];
      chances = [
        ...chances.map((chance) => chance * (1 - keepProb)),
        ...chances.map((chance) => chance * keepProb),
      ];
    }
    return { sums, chances };
  }

  /* The mask of draw number t = 1, 2, ...: a unit is kept if its uniform number is below
     keepProb, so that a larger keepProb keeps what a smaller one kept. */
  function maskOf(t, count, keepProb) {
    const uniform = seeded(SEED + t);
    return Array.from({ length: count }, () => uniform() < keepProb);
  }

  function sumUnder(mask, activations, keepProb) {
    return activations.reduce((sum, a, i) => sum + (mask[i] ? a / keepProb : 0), 0);
  }

  /* All that the figure shows, after `drawn` masks. `equal` is the effective count
     (sum of a)^2 / (sum of a^2), or null without any activation; `means` are the running
     means of the drawn sums, `band` the last one's standard deviation. */
  function numbers({ activations, keepProb, drawn }) {
    const sum = activations.reduce((all, a) => all + a, 0);
    const squares = activations.reduce((all, a) => all + a * a, 0);
    const sd = Math.sqrt(((1 - keepProb) / keepProb) * squares);
    const { sums, chances } = allSums(activations, keepProb);
    const reach = 0.1 * sum + 1e-9;
    let close = 0;
    sums.forEach((each, i) => {
      if (Math.abs(each - sum) <= reach) close += chances[i];
    });
    const means = [];
    let total = 0;
    for (let t = 1; t <= drawn; t++) {
      total += sumUnder(maskOf(t, activations.length, keepProb), activations, keepProb);
      means.push(total / t);
    }
    const mask = maskOf(drawn, activations.length, keepProb);
    return {
      sum, sd, close, sums, chances, mask, means,
      equal: squares ? (sum * sum) / squares : null,
      drawnSum: sumUnder(mask, activations, keepProb),
      band: sd / Math.sqrt(drawn),
    };
  }

  dropoutFigures.numbers["drag-the-bars"] = { allSums, maskOf, numbers };
})();
