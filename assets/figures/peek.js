/* Peek: a hundred bits more at each press, and what two kinds of evidence say. */
(() => {
  "use strict";
  const { rect, line, circle, path, text, scale, axisBelow } = dropoutFigures.kit;
  const { CLAIMED, LEVEL, EACH, MOST, numbers, rejected } = dropoutFigures.numbers.peek;

  const [LEFT, RIGHT] = [60, 466];
  const [TOP, BASE] = [40, 192]; // of the evidence
  const [HIGH, LOW] = [268, 358]; // of the chances
  const REACH = [0.01, 1e4]; // of the evidence that is drawn
  const LAST = EACH * MOST;
  const heading = (y, words) => text(8, y, words, "muted", "start");
  const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;
  const short = (value) =>
    value >= 1e4 || value < 1e-3 ? value.toExponential(1).replace("e+", "e") :
      value.toPrecision(2);

  /* What a state means: the looks, and the first that rejects, if any. */
  function told(state) {
    const looks = numbers(state);
    return {
      looks, now: looks.at(-1),
      byP: looks.find(({ pValue }) => pValue < LEVEL),
      byE: looks.find(({ eValue }) => eValue >= 1 / LEVEL),
      chances: rejected(state.truth),
    };
  }

  const x = scale([0, LAST], [LEFT, RIGHT]);
  const floor = (y) =>
    axisBelow(x, y, [0, 1000, 2000, 3000], "bits looked at", [LEFT, RIGHT]);

  function evidence({ looks, byP, byE }) {
    const logs = scale(REACH.map(Math.log), [BASE, TOP]);
    const y = (value) => logs(Math.log(Math.min(Math.max(value, REACH[0]), REACH[1])));
    const curve = (value, series) => {
      const points = looks.map((look) => [x(look.n), y(value(look))]);
      return path([[x(0), y(1)], ...points], `l${series}`) +
        points.map(([px, py]) => circle(px, py, 3, `f${series}`)).join("");
    };
    const odds = ({ pValue }) => 1 / pValue;
    const first = (look, value, series) =>
      look ? circle(x(look.n), y(value(look)), 7, `f${series}`) : "";
    const grid = [0.01, 1, 100, 10000].map((value) =>
      line(LEFT, y(value), RIGHT, y(value), value === 1 / LEVEL ? "axis dashed" : "grid") +
      text(LEFT - 8, y(value) + 5, value.toLocaleString("en"), "", "end"));
    return grid.join("") + text(RIGHT, y(1 / LEVEL) - 6, "reject above", "muted", "end") +
      curve(odds, 2) + curve((look) => look.eValue, 1) +
      first(byP, odds, 2) + first(byE, (look) => look.eValue, 1);
  }

  function chances({ looks, chances: { byP, byE } }) {
    const most = byP.at(-1) > 0.2 ? 1 : 0.08;
    const y = scale([0, most], [LOW, HIGH]);
    const curve = (values, series) =>
      path(values.map((value, i) => [x(EACH * (i + 1)), y(value)]), `l${series}`) +
      circle(x(EACH * looks.length), y(values[looks.length - 1]), 5, `f${series}`);
    const grid = [0, most / 2, most].map((value) =>
      line(LEFT, y(value), RIGHT, y(value), "grid") +
      text(LEFT - 8, y(value) + 5, percent(value, 0), "", "end"));
    return grid.join("") + line(LEFT, y(LEVEL), RIGHT, y(LEVEL), "axis dashed") +
      curve(byP, 2) + curve(byE, 1);
  }

  function picture(state) {
    const found = told(state);
    return heading(14, "Evidence:") +
      rect(92, 4, 10, 10, "f2") + text(108, 14, "1 / p-value", "bold t2", "start") +
      rect(210, 4, 10, 10, "f1") + text(226, 14, "e-value", "bold t1", "start") +
      evidence(found) + floor(BASE) +
      heading(HIGH - 18, "The chance that some look so far has rejected") +
      chances(found) + floor(LOW);
  }

  const first = (look) => (look ? `at ${look.n} bits` : "not yet");
  const more = (looks) => ({ looks: Math.min(looks, MOST) });

  dropoutFigures.figures.peek = {
    size: [480, 398],
    start: { truth: CLAIMED, seed: 274, looks: 10 },
    controls: [
      { label: "A hundred bits more", press: ({ looks }) => more(looks + 1) },
      { label: "Go on", play: ({ looks }) => (looks < MOST ? more(looks + 1) : null) },
      { label: "Another dropout", press: ({ seed }) => ({ seed: seed + 1, looks: 1 }) },
      { name: "truth", label: "The dropout keeps", options: [
        [CLAIMED, `${CLAIMED}, as claimed`], [0.82, "0.82"], [0.85, "0.85"],
      ] },
    ],
    picture,
    readouts: (state) => {
      const { now, byP, byE, chances: { byP: naive, byE: fair } } = told(state);
      return [
        ["kept", `${now.kept} of ${now.n.toLocaleString("en")}`],
        ["p-value now", short(now.pValue)],
        ["p-value below 1%", first(byP)],
        ["e-value now", short(now.eValue)],
        ["e-value above 100", first(byE)],
        ["p-value: chance by now", percent(naive[state.looks - 1])],
        ["e-value: chance by now", percent(fair[state.looks - 1], 2)],
      ];
    },
    words: (state) => {
      const { now, byP, byE } = told(state);
      return `${now.kept} of ${now.n} bits kept, ${CLAIMED} claimed. The p-value is ` +
        `${short(now.pValue)}; below 1%: ${first(byP)}. The e-value is ` +
        `${short(now.eValue)}; above 100: ${first(byE)}.`;
    },
  };
})();
