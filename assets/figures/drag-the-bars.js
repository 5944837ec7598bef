/* Drag the bars: ten activations, and the sum that dropout leaves of them. */
(() => {
  "use strict";
  const { rect, line, circle, text, scale, ticks, axisBelow } = dropoutFigures.kit;
  const { histogram } = dropoutFigures.numbers.shared;
  const { numbers } = dropoutFigures.numbers["drag-the-bars"];

  const HIGHEST = 16;
  const [LEFT, RIGHT] = [16, 464];
  const [TOP, FLOOR] = [22, 142];
  const [PEAK, BASE] = [196, 300];
  const ROW = 350; // of the running mean
  const BINS = 64;
  const fixed = (value) => value.toFixed(1);
  const percent = (value) => `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)}%`;

  function column(i, count) {
    const pitch = (RIGHT - LEFT) / count;
    return { x: LEFT + i * pitch + 3, width: pitch - 6 };
  }

  function bars({ activations }, { mask }) {
    const y = scale([0, HIGHEST], [FLOOR, TOP]);
    return activations.map((a, i) => {
      const { x, width } = column(i, activations.length);
      return rect(x, y(a), width, FLOOR - y(a), mask[i] ? "f1" : "gone") +
        text(x + width / 2, y(a) - 5, fixed(a), mask[i] ? "bold" : "muted");
    }).join("") + line(LEFT, FLOOR, RIGHT, FLOOR);
  }

  function distribution(state, n) {
    const high = n.sum / state.keepProb || 1;
    const x = scale([0, high], [LEFT, RIGHT]);
    const shares = histogram(n.sums, n.chances, 0, high * (1 + 1e-9), BINS);
    const y = scale([0, Math.max(...shares)], [BASE, PEAK]);
    const width = (RIGHT - LEFT) / BINS;
    const heap = shares.map((share, i) =>
      share ? rect(LEFT + i * width, y(share), width - 0.5, BASE - y(share), "f1 soft") : "");
    return rect(x(0.9 * n.sum), PEAK, x(0.2 * n.sum) - LEFT, BASE - PEAK, "faint") +
      heap.join("") +
      line(x(n.sum), PEAK - 6, x(n.sum), ROW + 10, "axis dashed") +
      line(x(n.drawnSum), PEAK, x(n.drawnSum), BASE, "l2") +
      circle(x(n.drawnSum), BASE, 5, "f2") +
      axisBelow(x, BASE, ticks(0, high, 6), "", [LEFT, RIGHT]) + running(n, x);
  }

  function running(n, x) {
    const low = Math.max(x(n.mean < 0 ? 0 : n.sum - n.band), LEFT);
    const high = Math.min(x(n.sum + n.band), RIGHT);
    return rect(low, ROW - 8, high - low, 16, "f4 soft") + circle(x(n.mean), ROW, 5, "f4");
  }

  const titles = (n) =>
    text(LEFT, 10, "activations: drag them", "muted", "start") +
    text(LEFT, PEAK - 18, "sum after dropout, over all 1024 masks", "muted", "start");

  dropoutFigures.figures["drag-the-bars"] = {
    size: [480, 372],
    start: {
      activations: [14.1, 13.1, 1.2, 0.8, 2.1, 0.5, 1.7, 0.9, 1.1, 0.6],
      keepProb: 0.5,
      drawn: 1,
    },
    controls: [
      { name: "keepProb", label: "keep_prob", min: 0.05, max: 0.95, step: 0.05,
        show: (value) => value.toFixed(2) },
      { label: "Draw a mask", press: ({ drawn }) => ({ drawn: drawn + 1 }) },
      { label: "Draw 100", press: ({ drawn }) => ({ drawn: drawn + 100 }) },
      { label: "All equal", press: ({ activations }) => ({
        activations: activations.map(() => 3.6) }) },
    ],
    picture: (state) => {
      const n = numbers(state);
      return titles(n) + bars(state, n) + distribution(state, n);
    },
    readouts: (state) => {
      const n = numbers(state);
      return [
        ["sum without dropout", fixed(n.sum)],
        ["with this mask", fixed(n.drawnSum)],
        [`mean of ${state.drawn} mask${state.drawn === 1 ? "" : "s"}`,
         `${fixed(n.mean)}, expected ${fixed(n.sum)} ± ${fixed(n.band)}`],
        ["ten units worth", n.equal ? `${fixed(n.equal)} equal units` : "nothing"],
        ["a mask comes within 10%", percent(n.close)],
      ];
    },
    words: (state) => {
      const n = numbers(state);
      return `The sum without dropout is ${fixed(n.sum)}, with this mask ` +
        `${fixed(n.drawnSum)}. The standard deviation of one mask is ${fixed(n.sd)}: the ten ` +
        `units are worth ${n.equal ? fixed(n.equal) : "no"} equal units. ` +
        `${percent(n.close)} of the masks come within 10%. After ${state.drawn} masks the ` +
        `mean is ${fixed(n.mean)}.`;
    },
    handles: ({ activations }) => activations.map((value, i) => ({
      label: `activation ${i + 1}`, value, text: fixed(value),
      min: 0, max: HIGHEST, step: 0.1,
      ...column(i, activations.length), y: TOP, height: FLOOR - TOP,
    })),
    moved: ({ activations }, index, value) => ({
      activations: activations.map((a, i) => (i === index ? value : a)),
    }),
  };
})();
