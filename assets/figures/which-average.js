/* Which average: arithmetic, geometric, weight scaling, on the sigmoid. */
(() => {
  "use strict";
  const { rect, line, circle, path, text, scale, ticks, axisBelow } = dropoutFigures.kit;
  const { sigmoid, numbers } = dropoutFigures.numbers["which-average"];

  const [LEFT, RIGHT] = [40, 360]; // behind RIGHT stand the names
  const [TOP, BASE] = [16, 236]; // of the curve
  const FLOOR = 316; // of the chances
  const signed = (value) => value.toFixed(2).replace("-", "−");

  /* Heights of the names, in the same order and at least a line apart. */
  function apart(heights) {
    const [high, low] = [Math.min(...heights), Math.max(...heights)];
    const push = Math.max(0, 22 - (low - high)) / 2;
    return heights.map((height) => height + (height === low ? push : -push));
  }

  function picture(state) {
    const n = numbers(state);
    const logits = n.members.map(([z]) => z);
    const [low, high] = [Math.min(-6, ...logits) - 0.3, Math.max(6, ...logits) + 0.3];
    const x = scale([low, high], [LEFT, RIGHT]);
    const y = scale([0, 1], [BASE, TOP]);
    const most = Math.max(...n.members.map(([, , chance]) => chance));
    const curve = Array.from({ length: 81 }, (_, i) => {
      const z = low + ((high - low) * i) / 80;
      return [x(z), y(sigmoid(z))];
    });
    const grid = [0, 0.5, 1].map((value) =>
      line(LEFT, y(value), RIGHT, y(value), "grid") +
      text(LEFT - 8, y(value) + 5, value, "", "end"));
    const marks = n.members.map(([z, answer, chance]) =>
      circle(x(z), y(answer), 2 + 6 * Math.sqrt(chance), "f4 soft") +
      rect(x(z) - 3, FLOOR - 50 * (chance / most), 6, 50 * (chance / most), "f4 soft"));
    const ends = [n.members[0], n.members.at(-1)].map(([z, answer]) => [x(z), y(answer)]);
    const [scaled, average] = [y(n.scaling), y(n.arithmetic)];
    const [over, under] = apart([scaled, average - (scaled === average ? 0.01 : 0)]);
    const at = x(state.mean);
    const level = (height, look) => line(at, height, RIGHT, height, `l${look} dashed`);
    return grid.join("") + path(curve, "axis") +
      (state.units === 1 ? path(ends, "l4 thin dashed") : "") + marks.join("") +
      line(at, scaled, at, FLOOR, "axis dashed") +
      level(scaled, 1) + level(average, 2) +
      circle(at, scaled, 6, "f1") + rect(at - 5, average - 5, 10, 10, "f2") +
      text(RIGHT + 8, over + 5, `scaling ${n.scaling.toFixed(2)}`, "t1 bold", "start") +
      text(RIGHT + 8, under + 5, `mean ${n.arithmetic.toFixed(2)}`, "t2 bold", "start") +
      text(RIGHT + 8, FLOOR - 20, "chance of", "muted", "start") +
      text(RIGHT + 8, FLOOR - 3, "each logit", "muted", "start") +
      axisBelow(x, FLOOR, ticks(low, high, 7), "logit", [LEFT, RIGHT]);
  }

  dropoutFigures.figures["which-average"] = {
    size: [480, 356],
    start: { mean: 2, spread: 2, keepProb: 0.5, units: 1, sign: 1 },
    controls: [
      { name: "mean", label: "mean logit", min: -4, max: 4, step: 0.25, show: signed },
      { name: "spread", label: "spread (sd)", min: 0, max: 3, step: 0.25,
        show: (value) => value.toFixed(2) },
      { name: "keepProb", label: "keep_prob", min: 0.1, max: 0.9, step: 0.05,
        show: (value) => value.toFixed(2) },
      { name: "units", label: "units", min: 1, max: 12, step: 1 },
      { name: "sign", label: "A kept unit moves the logit", options: [[1, "up"], [-1, "down"]] },
    ],
    picture,
    readouts: (state) => {
      const n = numbers(state);
      return [
        ["weight scaling", n.scaling.toFixed(4)],
        ["geometric mean", n.geometric.toFixed(4)],
        ["arithmetic mean", n.arithmetic.toFixed(4)],
        ["probit correction", n.probit.toFixed(4)],
      ];
    },
    words: (state) => {
      const n = numbers(state);
      return `The logit has mean ${signed(state.mean)} and standard deviation ` +
        `${state.spread.toFixed(2)}. Weight scaling and the geometric mean say ` +
        `${n.scaling.toFixed(4)}, the arithmetic mean ${n.arithmetic.toFixed(4)}, ` +
        `the probit correction ${n.probit.toFixed(4)}.`;
    },
  };
})();
