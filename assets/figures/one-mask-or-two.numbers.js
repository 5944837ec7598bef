/* One mask or two: gradient descent on six examples with two inputs. */
(() => {
  "use strict";
  const { seeded } = dropoutFigures.numbers.shared;

  const INPUTS = [[2, 1], [1, 2], [2, 0], [0, 2], [1, 1], [1, -1]];
  const TARGETS = [11, 8, 8, 4, 3, 2];
  const RATE = 0.01;
  const BEGINNING = 100; // steps that the average leaves out
  const SEED = 600;

  const product = (i, j) => INPUTS.reduce((sum, x) => sum + x[i] * x[j], 0);
  const GRAM = [[product(0, 0), product(0, 1)], [product(1, 0), product(1, 1)]];
  const RIGHT = [0, 1].map((i) => INPUTS.reduce((sum, x, row) => sum + x[i] * TARGETS[row], 0));

  /* The weights with the least squared error plus `penalty` times the sum of
     (X^T X)_jj w_j^2: ridge where the penalty is q/p, least squares where it is 0. */
  function solve(penalty) {
    const [a, b] = [GRAM[0][0] * (1 + penalty), GRAM[1][1] * (1 + penalty)];
    const determinant = a * b - GRAM[0][1] ** 2;
    return [
      (b * RIGHT[0] - GRAM[0][1] * RIGHT[1]) / determinant,
      (a * RIGHT[1] - GRAM[0][1] * RIGHT[0]) / determinant,
    ];
  }

  /* One step from `w`: the forward pass multiplies the inputs by `forward`, the backward
     pass by `backward`, both with a row for each example. */
  function step(w, forward, backward) {
    const next = [...w];
    INPUTS.forEach((x, row) => {
      const [f, b] = [forward[row], backward[row]];
      const residual = f[0] * x[0] * w[0] + f[1] * x[1] * w[1] - TARGETS[row];
      next[0] -= RATE * residual * b[0] * x[0];
      next[1] -= RATE * residual * b[1] * x[1];
    });
    return next;
  }

  /* Which pass has a mask, and whether it is the same. */
  const ONES = INPUTS.map(() => [1, 1]);
  const PASSES = {
    forward: (draw) => [draw(), ONES],
    backward: (draw) => [ONES, draw()],
    two: (draw) => [draw(), draw()],
    same: (draw) => Array(2).fill(draw()),
  };

  /* The weights after step 1, 2, ..., steps, from 0; their average without the beginning;
     and where it lies between least squares (0) and ridge (1). */
  function numbers({ masks, keepProb, steps }) {
    const uniform = seeded(SEED);
    const multiplier = () => (uniform() < keepProb ? 1 / keepProb : 0);
    const draw = () => INPUTS.map(() => [multiplier(), multiplier()]);
    const path = [];
    for (let t = 0, w = [0, 0]; t < steps; t++) {
      w = step(w, ...PASSES[masks](draw));
      path.push(w);
    }
    const later = path.slice(steps > 2 * BEGINNING ? BEGINNING : steps >> 1);
    const average = [0, 1].map((i) => later.reduce((sum, w) => sum + w[i], 0) / later.length);
    const squares = solve(0);
    const ridge = solve((1 - keepProb) / keepProb);
    const along = (w) =>
      (w[0] - squares[0]) * (ridge[0] - squares[0]) + (w[1] - squares[1]) * (ridge[1] - squares[1]);
    return { path, average, squares, ridge, place: along(average) / along(ridge) };
  }

  dropoutFigures.numbers["one-mask-or-two"] = {
    INPUTS, TARGETS, GRAM, RATE, solve, step, numbers,
  };
})();
