/* Mean or energy: what a constant on the kept units does in training and at test. */
(() => {
  "use strict";

  /* A calibrated classifier of two classes: in this share of the cases it is right, and
     with the right logits it says so. */
  const RIGHT = 0.9;
  const LOGIT = Math.log(RIGHT / (1 - RIGHT));

  /* The mean cross-entropy when all logits are multiplied by a factor. */
  function lossAt(factor) {
    const z = factor * LOGIT;
    return Math.log1p(Math.exp(-z)) + (1 - RIGHT) * z;
  }

  /* Training multiplies the kept units of each of `depth` layers by keepProb^-power, the
     test pass by nothing. `means` and `energies` are training divided by test behind layer
     0, 1, ..., depth; the test logits are `factor` times the right ones. */
  function numbers({ power, keepProb, depth }) {
    const constant = keepProb ** -power;
    const layers = Array.from({ length: depth + 1 }, (_, layer) => layer);
    const factor = (constant * keepProb) ** -depth;
    return {
      constant, factor,
      means: layers.map((layer) => (constant * keepProb) ** layer),
      energies: layers.map((layer) => (constant ** 2 * keepProb) ** layer),
      loss: lossAt(factor),
      sure: 1 / (1 + Math.exp(-factor * LOGIT)),
    };
  }

  dropoutFigures.numbers["mean-or-energy"] = { RIGHT, lossAt, numbers };
})();
