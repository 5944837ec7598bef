/* One mask or two: only the same mask in both passes leads to ridge. */
(() => {
  "use strict";
  const { rect, line, path, tag, text, scale, axisBelow } = dropoutFigures.kit;
  const { GRAM, solve, numbers } = dropoutFigures.numbers["one-mask-or-two"];

  const [X, Y] = [[-0.6, 6.6], [-0.6, 4.8]];
  const [LEFT, RIGHT, TOP, BASE] = [30, 470, 10, 340];
  const MOST = 3000;
  const EACH_FRAME = 4;
  const POINTS = 150;
  const TAIL = 30;
  const x = scale(X, [LEFT, RIGHT]);
  const y = scale(Y, [BASE, TOP]);
  const place = ([first, second]) => [x(first), y(second)];
  const inside = ([first, second]) =>
    first >= X[0] && first <= X[1] && second >= Y[0] && second <= Y[1];
  const fixed = (value) => value.toFixed(2).replace(/^-0\.00$/, "0.00");
  const pair = (w) => `(${w.map(fixed).join(", ")})`;
  const range = (count, value) => Array.from({ length: count + 1 }, (_, i) => value(i / count));

  /* Where the squared error is larger than its least value by height^2. */
  function contour(height) {
    const [[a, b], [, c]] = GRAM;
    const [m, n] = solve(0);
    // The Cholesky factor of the Gram matrix turns the ellipse into a circle.
    const [d, e] = [Math.sqrt(a), b / Math.sqrt(a)];
    const f = Math.sqrt(c - e * e);
    const points = range(36, (turn) => {
      const second = (height * Math.sin(2 * Math.PI * turn)) / f;
      return [m + (height * Math.cos(2 * Math.PI * turn) - e * second) / d, n + second];
    });
    const parts = [[]];
    for (const w of points) inside(w) ? parts.at(-1).push(place(w)) : parts.push([]);
    return parts.filter((part) => part.length > 1).map((part) => path(part, "grid")).join("");
  }

  const dots = (points) => tag("path", {
    class: "dots l1", d: points.map((w) => `M${place(w).map(Math.round)}h0`).join(""),
  });

  function cross(w) {
    const [at, height] = place(w);
    return line(at - 10, height, at + 10, height, "thick") +
      line(at, height - 10, at, height + 10, "thick");
  }

  function named(w, look, words, shape) {
    const [at, height] = place(w);
    return shape(at, height) + text(at + 13, height - 9, words, `bold halo t${look}`, "start");
  }

  const square = (at, height) => rect(at - 6, height - 6, 12, 12, "f2");
  const triangle = (at, height) => tag("polygon", {
    class: "f4", points: `${at - 8},${height + 6} ${at + 8},${height + 6} ${at},${height - 9}`,
  });

  function picture(state) {
    const n = numbers(state);
    const stride = Math.ceil(n.path.length / POINTS);
    const cloud = n.path.filter((w, t) => t % stride === 0 && inside(w));
    const tail = n.path.slice(-TAIL).filter(inside).map(place);
    // Where ridge lies for every keep_prob, from least squares to 0.
    const ridges = range(16, (p) => place(p ? solve((1 - p) / p) : [0, 0]));
    const upright = [0, 1, 2, 3, 4].map((w) =>
      line(LEFT, y(w), LEFT - 4, y(w)) + text(LEFT - 9, y(w) + 5, w, "", "end"));
    return [1, 2.5, 5, 9].map(contour).join("") + path(ridges, "axis dashed") +
      dots(cloud) + path(tail, "l1 thin") + cross(n.average) +
      named(n.squares, 2, "least squares", square) + named(n.ridge, 4, "ridge", triangle) +
      line(LEFT, TOP, LEFT, BASE) + upright.join("") +
      axisBelow(x, BASE, [0, 1, 2, 3, 4, 5, 6], "first weight", [LEFT, RIGHT]) +
      text(LEFT + 6, TOP + 8, "second weight", "muted", "start");
  }

  dropoutFigures.figures["one-mask-or-two"] = {
    size: [480, 380],
    start: { masks: "two", keepProb: 0.5, steps: 600 },
    controls: [
      { name: "masks", label: "Masks", options: [
        ["forward", "forward only"], ["backward", "backward only"],
        ["two", "two masks"], ["same", "the same mask"],
      ] },
      { name: "keepProb", label: "keep_prob", min: 0.3, max: 0.95, step: 0.05,
        show: (value) => value.toFixed(2) },
      { label: "Play", play: ({ steps }) =>
        (steps < MOST ? { steps: Math.min(steps + EACH_FRAME, MOST) } : null) },
      { label: "Back to the first step", press: () => ({ steps: 1 }) },
    ],
    picture,
    readouts: (state) => {
      const n = numbers(state);
      return [
        ["steps", state.steps],
        ["average of the cloud (cross)", pair(n.average)],
        ["least squares", pair(n.squares)],
        ["ridge", pair(n.ridge)],
        ["from least squares, 0, to ridge, 1", fixed(n.place)],
      ];
    },
    words: (state) => {
      const n = numbers(state);
      return `After ${state.steps} steps the average of the weights is ${pair(n.average)}. ` +
        `Least squares is at ${pair(n.squares)}, ridge at ${pair(n.ridge)}: on the way from ` +
        `the one to the other the average has come to ${fixed(n.place)}.`;
    },
  };
})();
