/* Mean or energy: no constant on the kept units preserves both. */
(() => {
  "use strict";
  const { rect, line, circle, path, text, scale } = dropoutFigures.kit;
  const { RIGHT, lossAt, numbers } = dropoutFigures.numbers["mean-or-energy"];

  const [LEFT, END] = [52, 366]; // of the layers; behind END stand the last values
  const [TOP, BASE] = [44, 172];
  const [HIGH, LOW] = [262, 362]; // of the loss
  const heading = (y, words) => text(10, y, words, "muted", "start");

  /* A ratio in the way one says it: 8, 1.41, 1/4. */
  function ratio(value) {
    const large = value >= 0.995 ? value : 1 / value;
    const digits = large.toFixed(large < 9.95 && Math.abs(large - Math.round(large)) > 0.005
      ? (large < 2 ? 2 : 1) : 0);
    return value >= 0.995 ? digits : `1/${digits}`;
  }

  const percent = (share) =>
    share > 0.99995 ? "over 99.99%" : `${(100 * share).toFixed(share > 0.995 ? 2 : 0)}%`;

  function layers(state, n) {
    const x = scale([0, state.depth], [LEFT, END]);
    const most = -state.depth * Math.log(state.keepProb);
    const height = scale([-most, most], [BASE, TOP]);
    const y = (value) => height(Math.log(value));
    const levels = [state.keepProb ** -state.depth, 1, state.keepProb ** state.depth];
    const grid = levels.map((level) =>
      line(LEFT, y(level), END, y(level), level === 1 ? "axis" : "grid") +
      text(LEFT - 8, y(level) + 5, ratio(level), "", "end"));
    const mark = (look) => (value, layer) => circle(x(layer), y(value), 4.5, look);
    const curve = (values, look) =>
      path(values.map((value, layer) => [x(layer), y(value)]), `l${look}`) +
      values.map(mark(`f${look}`)).join("");
    const [mean, energy] = [n.means.at(-1), n.energies.at(-1)];
    // Where both are at the same height, their names must not be.
    const apart = Math.max(0, 20 - (y(mean) - y(energy))) / 2;
    const names = n.means.map((_, layer) =>
      text(x(layer), BASE + 24, layer === 0 ? "input" : layer));
    return grid.join("") + names.join("") +
      curve(n.energies, 2) + curve(n.means, 1) +
      text(END + 12, y(energy) + 5 - apart, `energy × ${ratio(energy)}`, "t2 bold", "start") +
      text(END + 12, y(mean) + 5 + apart, `mean × ${ratio(mean)}`, "t1 bold", "start");
  }

  function losses(state, n) {
    const most = state.keepProb ** -state.depth;
    const [least, span] = [-0.5 * Math.log(2), Math.max(Math.log(most), Math.log(2)) * 1.06];
    const x = scale([least, span], [LEFT, 470]);
    const y = scale([0, Math.max(lossAt(Math.exp(span)), 0.4)], [LOW, HIGH]);
    const curve = Array.from({ length: 61 }, (_, i) => {
      const log = least + ((span - least) * i) / 60;
      return [x(log), y(lossAt(Math.exp(log)))];
    });
    const [at, height] = [x(Math.log(n.factor)), y(n.loss)];
    const marks = [1, Math.sqrt(most), most].map((factor) =>
      line(x(Math.log(factor)), LOW, x(Math.log(factor)), LOW + 4) +
      text(x(Math.log(factor)), LOW + 18, ratio(factor)));
    return rect(at - 1, height, 2, LOW - height, "f4 soft") + path(curve, "l4") +
      circle(at, height, 6, "f4") + line(LEFT, LOW, 470, LOW) + marks.join("") +
      text(LEFT - 8, LOW + 5, "0", "", "end") +
      text(LEFT - 8, y(lossAt(1)) + 5, lossAt(1).toFixed(2), "", "end") +
      text(261, LOW + 36, "test logits, times the right ones", "muted");
  }

  const named = [
    ["No rescaling: 1", 0],
    ["Keep the energy: 1/√p", 0.5],
    ["Keep the mean: 1/p", 1],
  ];

  dropoutFigures.figures["mean-or-energy"] = {
    size: [480, 404],
    start: { power: 1, keepProb: 0.5, depth: 2 },
    controls: [
      { name: "power", label: "constant", min: 0, max: 1, step: 0.05,
        show: (_, state) => numbers(state).constant.toFixed(2) },
      ...named.map(([label, power]) => ({ label, press: () => ({ power }) })),
      { name: "keepProb", label: "keep_prob", min: 0.3, max: 0.95, step: 0.05,
        show: (value) => value.toFixed(2) },
      { name: "depth", label: "dropped layers", min: 1, max: 4, step: 1 },
    ],
    picture: (state) => {
      const n = numbers(state);
      return heading(14, "Training divided by test, layer by layer") + layers(state, n) +
        heading(HIGH - 24, "The loss at test") + losses(state, n);
    },
    readouts: (state) => {
      const n = numbers(state);
      return [
        ["mean, training / test", ratio(n.means.at(-1))],
        ["energy, training / test", ratio(n.energies.at(-1))],
        ["loss at test", `${n.loss.toFixed(2)} (best: ${lossAt(1).toFixed(2)})`],
        ["sure, says the network", percent(n.sure)],
        ["right, in truth", percent(RIGHT)],
      ];
    },
    words: (state) => {
      const n = numbers(state);
      return `The kept units are multiplied by ${n.constant.toFixed(2)}. Behind ` +
        `${state.depth} dropped layers the mean in training is ${ratio(n.means.at(-1))} ` +
        `times that at test, the energy ${ratio(n.energies.at(-1))} times. The logits at ` +
        `test are ${ratio(n.factor)} times the right ones, and the loss is ` +
        `${n.loss.toFixed(2)}: the network is ${percent(n.sure)} sure and ` +
        `${percent(RIGHT)} right.`;
    },
  };
})();
