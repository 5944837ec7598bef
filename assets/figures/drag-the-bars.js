/* Drag the bars: ten activations, and the sum that dropout leaves of them. */
(() => {
  "use strict";
  const { rect, line, circle, path, tag, text, scale, ticks, axisBelow } =
    dropoutFigures.kit;
  const { histogram } = dropoutFigures.numbers.shared;
  const { numbers } = dropoutFigures.numbers["drag-the-bars"];

  const HIGHEST = 16;
  const [LEFT, RIGHT] = [10, 470];
  const [TOP, FLOOR] = [36, 146]; // of the bars
  const [PEAK, BASE] = [200, 290]; // of the distribution
  const [FIRST, LAST] = [344, 424]; // of the running mean
  const BINS = 64;
  const POINTS = 150;
  const fixed = (value) => value.toFixed(1);
  const percent = (value) => `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)}%`;
  const heading = (y, words) => text(LEFT, y, words, "muted", "start");
  const masks = (count) => `${count} mask${count === 1 ? "" : "s"}`;

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

  function distribution(n, x, high) {
    const shares = histogram(n.sums, n.chances, 0, high * (1 + 1e-9), BINS);
    const y = scale([0, Math.max(...shares)], [BASE, PEAK]);
    const width = (RIGHT - LEFT) / BINS;
    const heaps = shares.map((share, i) =>
      share && rect(LEFT + i * width, y(share), width - 0.5, BASE - y(share), "f1 soft"));
    return rect(x(0.9 * n.sum), PEAK - 6, x(0.2 * n.sum) - LEFT, BASE - PEAK + 6, "faint") +
      heaps.filter(Boolean).join("") +
      line(x(n.drawnSum), PEAK - 6, x(n.drawnSum), BASE, "l2") +
      circle(x(n.drawnSum), BASE, 5, "f2") +
      axisBelow(x, BASE, ticks(0, high, 6), "", [LEFT, RIGHT]);
  }

  /* Down the page from the first mask to the last, on a logarithmic scale. */
  function running({ drawn }, n, x) {
    const end = Math.log(Math.max(drawn, 10));
    const y = (t) => scale([0, end], [FIRST, LAST])(Math.log(t));
    const times = Array.from({ length: POINTS + 1 }, (_, i) => Math.exp((end * i) / POINTS));
    const inside = (value) => Math.min(Math.max(x(value), LEFT), RIGHT);
    const edge = (sign) =>
      times.map((t) => [inside(n.sum + (sign * n.sd) / Math.sqrt(t)), y(t)]);
    const points = [...edge(-1), ...edge(1).reverse()];
    const seen = new Set(times.map(Math.floor).filter((t) => t <= drawn));
    const walk = [...seen].map((t) => [x(n.means[t - 1]), y(t)]);
    return tag("polygon", { class: "f4 pale", points: points.flat().map(Math.round).join(" ") }) +
      path(walk, "l4") + circle(x(n.means[drawn - 1]), y(drawn), 5, "f4");
  }

  function picture(state) {
    const n = numbers(state);
    const high = n.sum / state.keepProb || 1;
    const x = scale([0, high], [LEFT, RIGHT]);
    return heading(14, "Ten activations, dashed: dropped by this mask") + bars(state, n) +
      heading(PEAK - 20, "Their rescaled sum, over all 1,024 masks") +
      distribution(n, x, high) +
      heading(FIRST - 10, `The mean of ${masks(state.drawn)}, and how far it usually is off`) +
      running(state, n, x) + line(x(n.sum), PEAK - 10, x(n.sum), BASE, "axis dashed") +
      line(x(n.sum), FIRST, x(n.sum), LAST, "axis dashed");
  }

  dropoutFigures.figures["drag-the-bars"] = {
    size: [480, 432],
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
      { label: "Make them equal", press: ({ activations }) => ({
        activations: activations.map(() => 3.6) }) },
    ],
    picture,
    readouts: (state) => {
      const n = numbers(state);
      return [
        ["sum without dropout", fixed(n.sum)],
        ["with this mask", fixed(n.drawnSum)],
        [`mean of ${masks(state.drawn)}`, fixed(n.means[state.drawn - 1])],
        ["ten units, worth", n.equal ? `${fixed(n.equal)} equal units` : "nothing"],
        ["within 10% of the sum", `${percent(n.close)} of masks`],
      ];
    },
    words: (state) => {
      const n = numbers(state);
      return `The sum without dropout is ${fixed(n.sum)}, with this mask ` +
        `${fixed(n.drawnSum)}. One mask is off by ${fixed(n.sd)}, one standard deviation: ` +
        `the ten units are worth ${n.equal ? fixed(n.equal) : "no"} equal units. ` +
        `${percent(n.close)} of the masks come within 10%. The mean of ` +
        `${masks(state.drawn)} is ${fixed(n.means[state.drawn - 1])}.`;
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
