/* Your probability, in bytes: the staircase of a kernel, and the bias it leaves. */
(() => {
  "use strict";
  const { line, circle, path, text, scale, ticks, axisBelow } = dropoutFigures.kit;
  const { numbers, steps } = dropoutFigures.numbers["your-probability"];

  const [LEFT, RIGHT] = [56, 466];
  const [TOP, BASE] = [32, 172]; // of the staircase
  const [HIGH, LOW] = [248, 368]; // of the bias
  const WINDOW = 0.06;
  const MOST = 0.03; // of the bias that is drawn
  const LAST = 0.99;
  const LAYERS = 24;
  const heading = (y, words) => text(8, y, words, "muted", "start");
  const percent = (share, digits) =>
    `${share < 0 ? "−" : "+"}${(100 * Math.abs(share)).toFixed(digits)}%`;

  const at = (kernel, rate) => numbers({ kernel, rate });

  function staircase({ kernel, rate }, now) {
    const low = Math.min(Math.max(rate - WINDOW / 2, 0), LAST - WINDOW);
    const high = low + WINDOW;
    const x = scale([low, high], [LEFT, RIGHT]);
    const y = scale([low, high], [BASE, TOP]);
    const inside = (value) => Math.min(Math.max(value, low), high);
    const points = steps(kernel, low, high).map(([first, last]) => {
      const height = y(inside(1 - at(kernel, first).keeps));
      return first === last ? circle(x(first), height, 4, "f1")
        : line(x(first), height, x(last), height, "l1");
    });
    const got = now.kept === null ? "" : circle(x(rate), y(inside(1 - now.keeps)), 6, "f2");
    const grid = ticks(low, high, 4).map((value) =>
      line(LEFT, y(value), RIGHT, y(value), "grid") +
      text(LEFT - 8, y(value) + 5, value, "", "end"));
    return grid.join("") + line(x(low), y(low), x(high), y(high), "axis dashed") +
      points.join("") + line(x(rate), TOP, x(rate), BASE, "l2 thin") + got +
      axisBelow(x, BASE, ticks(low, high, 6), "drop rate asked for", [LEFT, RIGHT]);
  }

  /* Both ends of every step; a step that starts beyond the drawing ends it. */
  function teeth(kernel, x, y) {
    const drawn = [];
    for (const [first, last] of steps(kernel, 0, LAST)) {
      const ends = [first, last].map((rate) => [rate, at(kernel, rate).bias]);
      if (ends.some(([, bias]) => Math.abs(bias) > MOST)) break;
      drawn.push(...ends.map(([rate, bias]) => [x(rate), y(bias)]));
    }
    return drawn;
  }

  function biases({ kernel, rate }, now) {
    const x = scale([0, 1], [LEFT, RIGHT]);
    const y = scale([-MOST, MOST], [LOW, HIGH]);
    const points = teeth(kernel, x, y);
    const curve = kernel === "first"
      ? points.filter((_, i) => i % 8 === 0).map(([px, py]) => circle(px, py, 2, "f1")).join("")
      : path(points, "l1 thin");
    const off = Math.min(Math.max(now.bias ?? 0, -MOST), MOST);
    const mark = now.bias === null ? "" : circle(x(rate), y(off), 6, "f2");
    const grid = [-0.02, 0, 0.02].map((value) =>
      line(LEFT, y(value), RIGHT, y(value), value ? "grid" : "axis") +
      text(LEFT - 8, y(value) + 5, value ? percent(value, 0) : "0", "", "end"));
    return grid.join("") + curve + line(x(rate), HIGH, x(rate), LOW, "l2 thin") + mark +
      axisBelow(x, LOW, [0, 0.25, 0.5, 0.75, 1], "drop rate asked for", [LEFT, RIGHT]);
  }

  dropoutFigures.figures["your-probability"] = {
    size: [480, 408],
    start: { kernel: "flash", rate: 0.1 },
    controls: [
      { name: "rate", label: "drop rate", min: 0, max: LAST, step: 0.005,
        show: (value) => value.toFixed(3) },
      { name: "kernel", label: "Kernel:", options: [
        ["flash", "FlashAttention"],
        ["engine", "Transformer Engine"],
        ["first", "its first version"],
        ["tensorflow", "TensorFlow, bfloat16"],
        ["cure", "nearest byte, divided by what it keeps"],
      ] },
    ],
    picture: (state) => {
      const now = numbers(state);
      return heading(14, "The drop rate you get, near the one asked for") +
        staircase(state, now) +
        heading(HIGH - 14, "The bias of the output, up to ±3%") + biases(state, now);
    },
    readouts: (state) => {
      const n = numbers(state);
      const told = (words) => (n.kept === null ? "refused" : words());
      return [
        ["drop rate you get", told(() => (1 - n.keeps).toFixed(4))],
        ["values that keep", told(() => `${n.kept} of ${n.values}`)],
        ["bias of the output", told(() => percent(n.bias, 2))],
        [`after ${LAYERS} layers, as a product`,
         told(() => `× ${((1 + n.bias) ** LAYERS).toFixed(3)}`)],
      ];
    },
    words: (state) => {
      const n = numbers(state);
      const asked = `Asked for a drop rate of ${state.rate.toFixed(3)}, the kernel `;
      return n.kept === null ? `${asked}refuses: it is no whole number of bytes.`
        : `${asked}keeps ${n.kept} of ${n.values} values, which is a drop rate of ` +
          `${(1 - n.keeps).toFixed(4)}. The output is off by ${percent(n.bias, 2)}.`;
    },
  };
})();
