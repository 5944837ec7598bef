/* Three divisors: keep_prob, the count of the mask, a fixed count. */
(() => {
  "use strict";
  const { rect, line, text, scale, ticks, axisBelow } = dropoutFigures.kit;
  const { numbers } = dropoutFigures.numbers["three-divisors"];

  const [LEFT, RIGHT] = [10, 470];
  const ROWS = [
    ["byP", () => "Divided by keep_prob", 1],
    ["byCount", () => "Divided by the fraction kept", 2],
    ["fixed", ({ kept }) => `Exactly ${kept} kept`, 4],
  ];
  const [FIRST, PITCH, HEIGHT] = [86, 96, 58]; // baselines of the rows
  const fixed = (value) => value.toFixed(1).replace(/^-0\.0$/, "0.0");

  /* State that sliders cannot exclude: more kept or negative than there are. */
  const clipped = ({ n, kept, negative }) => ({
    n, kept: Math.min(kept, n - 1), negative: Math.min(negative, n),
  });

  function row(found, x, y, width, look) {
    // Bins as wide as the step of the first row's values.
    const bins = new Map();
    for (const [value, chance] of found.pairs) {
      const bin = Math.round(value / width + 1e-7);
      bins.set(bin, (bins.get(bin) ?? 0) + chance);
    }
    const height = scale([0, Math.max(...bins.values())], [0, HEIGHT]);
    const wide = Math.max(x(width) - x(0) - 1, 1);
    const bars = [...bins].filter(([bin]) => x(bin * width) >= LEFT && x(bin * width) <= RIGHT)
      .map(([bin, chance]) =>
        rect(x(bin * width) - wide / 2, y - height(chance), wide, height(chance), `${look} soft`));
    const [low, high] = [found.mean - found.sd, found.mean + found.sd].map(x);
    return bars.join("") + line(LEFT, y, RIGHT, y) +
      rect(low, y + 4, high - low, 6, look) +
      rect(x(found.mean) - 1.5, y + 1, 3, 12, "f3");
  }

  function picture(given) {
    const state = clipped(given);
    const n = numbers(state);
    const reach = Math.max(3.2 * n.byP.sd, 1);
    const x = scale([n.sum - reach, n.sum + reach], [LEFT + 8, RIGHT - 8]);
    const rows = ROWS.map(([key, title, series], i) => {
      const y = FIRST + i * PITCH;
      return text(LEFT, y - HEIGHT - 12, title(state), "muted", "start") +
        text(RIGHT, y - HEIGHT - 12, `sd ${fixed(n[key].sd)}`, `bold t${series}`, "end") +
        row(n[key], x, y, 1 / n.p, `f${series}`);
    });
    const base = FIRST + 2 * PITCH + 18;
    return line(x(n.sum), FIRST - HEIGHT, x(n.sum), base, "axis dashed") + rows.join("") +
      axisBelow(x, base, ticks(n.sum - reach, n.sum + reach, 6),
                "estimate of the sum", [LEFT, RIGHT]);
  }

  dropoutFigures.figures["three-divisors"] = {
    size: [480, 336],
    start: { n: 20, kept: 10, negative: 0 },
    controls: [
      { name: "n", label: "terms", min: 2, max: 40, step: 1 },
      { name: "kept", label: "kept", min: 1, max: 39, step: 1,
        show: (_, state) => `${clipped(state).kept} of ${state.n}` },
      { name: "negative", label: "negative", min: 0, max: 40, step: 1,
        show: (_, state) => `${clipped(state).negative} of ${state.n}` },
    ],
    picture,
    readouts: (given) => {
      const n = numbers(clipped(given));
      return [
        ["sum", fixed(n.sum)],
        ["keep_prob", n.p.toFixed(2)],
        ["effective count", fixed(n.equal)],
        ["variance, fixed count / keep_prob", n.gain.toFixed(2)],
        ["bias of the fraction kept", fixed(n.byCount.mean - n.sum)],
      ];
    },
    words: (given) => {
      const state = clipped(given);
      const n = numbers(state);
      return `${state.n} terms, ${state.negative} of them negative; the sum is ` +
        `${fixed(n.sum)}. Keep ${state.kept} on average: divided by keep_prob, the ` +
        `standard deviation is ${fixed(n.byP.sd)}; divided by the fraction kept, ` +
        `${fixed(n.byCount.sd)}; with exactly ${state.kept} kept, ${fixed(n.fixed.sd)}.`;
    },
  };
})();
