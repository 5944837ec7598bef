/* Figures to play with. A figure is data and functions of its state (a plain object):

     size       [width, height] of the drawing; letters are 14 high, so a width of 480
                leaves them more than 9 pixels on a phone
     start      the state to begin with
     controls   from top to bottom, each with a label and one of
                  name, min, max, step, show(value, state)   a slider
                  name, options: [[value, words], ...]       one of several
                  press(state)                a button; returns what changes
                  play(state)                 a button that starts and stops; called for
                                              every frame, returns what changes or null
                                              at the end
     picture    (state) -> the drawing, as SVG
     readouts   (state) -> [[label, value], ...], shown below it
     words      (state) -> what a screen reader says when the state has changed
     handles    optional, (state) -> what can be dragged up and down:
                [{ label, value, min, max, step, text, x, y, width, height }, ...] with
                y at `max` and y + height at `min`
     moved      with handles, (state, index, value) -> what changes

   Node calls `still` when the book is built: the page shows that picture from the
   start, without JavaScript and in print too. */
(() => {
  "use strict";
  const { figures } = dropoutFigures;

  // ---- Markup: strings, so that Node can draw ---------------------------------------

  const escaped = (words) =>
    String(words).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

  /* A coordinate with a tenth of a unit. */
  const at = (value) => String(Math.round(value * 10) / 10);

  function tag(name, attributes, inside = "") {
    const written = Object.entries(attributes)
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([key, value]) => {
        const plain = typeof value === "number" ? at(value) : escaped(value);
        return ` ${key}="${plain}"`;
      });
    const opening = `<${name}${written.join("")}`;
    return inside === "" ? `${opening}/>` : `${opening}>${inside}</${name}>`;
  }

  /* `look` names classes of figures.css: f1 to f6 fill with a series' colour, l1 to l6
     draw a line with it; axis, grid, faint, muted, bold, dashed. */
  const rect = (x, y, width, height, look) =>
    tag("rect", { class: look, x, y, width: Math.max(width, 0), height: Math.max(height, 0) });
  const line = (x1, y1, x2, y2, look = "axis") => tag("line", { class: look, x1, y1, x2, y2 });
  const circle = (cx, cy, r, look) => tag("circle", { class: look, cx, cy, r });
  const path = (points, look) =>
    tag("path", { class: look, d: `M${points.map(([x, y]) => `${at(x)} ${at(y)}`).join("L")}` });
  const text = (x, y, words, look = "", anchor = "middle") =>
    tag("text", { class: look, x, y, "text-anchor": anchor === "start" ? "" : anchor },
        escaped(words));

  /* The function that takes `from[0]`..`from[1]` to `to[0]`..`to[1]`, straight. */
  const scale = (from, to) => (value) =>
    to[0] + ((value - from[0]) / (from[1] - from[0])) * (to[1] - to[0]);

  /* Round numbers between low and high, about `count` of them. */
  function ticks(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((each) => each * power >= rough * 0.999);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
      found.push(Number((i * step).toPrecision(12)));
    }
    return found;
  }

  /* A horizontal axis at height y with numbers and a title below it. */
  function axisBelow(x, y, numbers, title, span) {
    const marks = numbers.map(
      (value) => line(x(value), y, x(value), y + 4) + text(x(value), y + 18, value),
    );
    return line(span[0], y, span[1], y) + marks.join("") +
      (title && text((span[0] + span[1]) / 2, y + 35, title, "muted"));
  }

  const readouts = (figure, state) =>
    figure.readouts(state)
      .map(([label, value]) => `<div><dt>${escaped(label)}</dt><dd>${escaped(value)}</dd></div>`)
      .join("");

  /* The figure's state at the start; complains of a name that the figure does not have. */
  function startOf(name, given) {
    const { start } = figures[name];
    for (const key of Object.keys(given)) {
      if (!(key in start)) {
        throw new Error(`${name} has no "${key}"; it has ${Object.keys(start).join(", ")}`);
      }
    }
    return { ...start, ...given };
  }

  /* What stands in the page before any script runs. */
  function still(name, given, alt) {
    const figure = figures[name];
    const state = startOf(name, given);
    const [width, height] = figure.size;
    return `<svg viewBox="0 0 ${width} ${height}">` +
      `<g role="img" aria-label="${escaped(alt)}">${figure.picture(state)}</g></svg>` +
      `<dl>${readouts(figure, state)}</dl>`;
  }

  // ---- In the page ------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";
  const REST = 500; // milliseconds without a change until a screen reader is told

  function make(name, attributes = {}, ...inside) {
    const element = document.createElement(name);
    Object.assign(element, attributes);
    element.append(...inside);
    return element;
  }

  /* One figure that is being played with; `change` is the only way to its state. */
  class Player {
    constructor(root) {
      this.root = root;
      this.figure = figures[root.dataset.figure];
      this.state = startOf(root.dataset.figure, JSON.parse(root.dataset.start));
      this.svg = root.querySelector("svg");
      this.drawing = this.svg.querySelector("g");
      this.list = root.querySelector("dl");
      this.status = make("p", { className: "visually-hidden" });
      this.status.setAttribute("role", "status");
      this.refresh = [];
      const box = make("div", { className: "controls" });
      for (const control of this.figure.controls) box.append(this.control(control));
      const begin = { ...this.state };
      box.append(this.button({ label: "Start again", press: () => begin }));
      this.svg.after(box);
      this.root.append(this.status);
      if (this.figure.handles) this.addHandles();
      this.refresh.forEach((each) => each());
      root.dataset.ready = "";
    }

    change(changes) {
      Object.assign(this.state, changes);
      this.drawing.innerHTML = this.figure.picture(this.state);
      this.list.innerHTML = readouts(this.figure, this.state);
      this.refresh.forEach((each) => each());
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.status.textContent = this.figure.words(this.state);
      }, REST);
    }

    control(control) {
      if (control.press) return this.button(control);
      if (control.play) return this.player(control);
      return control.options ? this.choice(control) : this.slider(control);
    }

    button({ label, press }) {
      const button = make("button", { type: "button" }, label);
      button.addEventListener("click", () => {
        this.playing = false;
        this.change(press(this.state));
      });
      return button;
    }

    player({ label, play }) {
      const button = make("button", { type: "button" }, label);
      const still = matchMedia("(prefers-reduced-motion: reduce)");
      const frame = () => {
        const changes = this.playing ? play(this.state) : null;
        this.playing = changes !== null;
        if (changes) this.change(changes);
        else this.refresh.forEach((each) => each());
        if (this.playing) requestAnimationFrame(frame);
      };
      button.addEventListener("click", () => {
        this.playing = !this.playing;
        if (still.matches) {
          // All frames at once: the reader sees the end and no motion.
          for (let next; this.playing && (next = play(this.state)); ) {
            Object.assign(this.state, next);
          }
          this.playing = false;
          this.change({});
        } else if (this.playing) frame();
      });
      this.refresh.push(() => {
        button.textContent = this.playing ? "Pause" : label;
      });
      return button;
    }

    slider({ name, label, min, max, step, show = String }) {
      const input = make("input", { type: "range", min, max, step, name });
      const value = make("output");
      input.addEventListener("input", () => this.change({ [name]: Number(input.value) }));
      this.refresh.push(() => {
        input.value = this.state[name];
        value.textContent = show(this.state[name], this.state);
        input.setAttribute("aria-valuetext", value.textContent);
      });
      return make("label", { className: "slider" }, make("span", {}, label), input, value);
    }

    choice({ name, label, options }) {
      const group = `${this.root.dataset.figure}-${name}`;
      const box = make("fieldset", {}, make("legend", {}, label));
      for (const [value, words] of options) {
        const input = make("input", { type: "radio", name: group });
        input.addEventListener("change", () => this.change({ [name]: value }));
        this.refresh.push(() => {
          input.checked = this.state[name] === value;
        });
        box.append(make("label", {}, input, words));
      }
      return box;
    }

    // ---- What can be dragged --------------------------------------------------------

    addHandles() {
      const group = document.createElementNS(SVG, "g");
      this.handles = this.figure.handles(this.state).map((handle, index) => {
        const element = document.createElementNS(SVG, "rect");
        element.setAttribute("class", "handle");
        element.setAttribute("role", "slider");
        element.setAttribute("tabindex", "0");
        element.setAttribute("aria-orientation", "vertical");
        element.setAttribute("rx", "3");
        element.addEventListener("pointerdown", (event) => {
          element.setPointerCapture(event.pointerId);
          element.focus({ preventScroll: true });
          event.preventDefault();
          this.drag(index, event);
        });
        element.addEventListener("pointermove", (event) => {
          if (element.hasPointerCapture(event.pointerId)) this.drag(index, event);
        });
        // Chromium asks no part of an SVG for its touch-action, and would scroll the page.
        element.addEventListener("touchstart", (event) => {
          if (event.touches.length === 1) event.preventDefault();
        }, { passive: false });
        element.addEventListener("keydown", (event) => this.key(index, event));
        group.append(element);
        return element;
      });
      this.svg.append(group);
      this.refresh.push(() => this.placeHandles());
    }

    placeHandles() {
      this.figure.handles(this.state).forEach((handle, index) => {
        const { label, value, min, max, text: words, ...box } = handle;
        const told = {
          "aria-label": label, "aria-valuenow": value, "aria-valuemin": min,
          "aria-valuemax": max, "aria-valuetext": words,
          x: box.x, y: box.y, width: box.width, height: box.height,
        };
        for (const [key, each] of Object.entries(told)) {
          this.handles[index].setAttribute(key, each);
        }
      });
    }

    move(index, value) {
      const { min, max, step } = this.figure.handles(this.state)[index];
      const stepped = Number((Math.round(value / step) * step).toFixed(9));
      this.change(this.figure.moved(this.state, index, Math.min(Math.max(stepped, min), max)));
    }

    drag(index, event) {
      const { min, max, y, height } = this.figure.handles(this.state)[index];
      const point = new DOMPoint(event.clientX, event.clientY);
      const { y: pointed } = point.matrixTransform(this.svg.getScreenCTM().inverse());
      this.move(index, max - ((pointed - y) / height) * (max - min));
    }

    key(index, event) {
      const { value, min, max, step } = this.figure.handles(this.state)[index];
      const aim = {
        ArrowUp: value + step, ArrowRight: value + step, PageUp: value + 10 * step,
        ArrowDown: value - step, ArrowLeft: value - step, PageDown: value - 10 * step,
        Home: min, End: max,
      }[event.key];
      if (aim === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation(); // arrows turn the book's pages
      this.move(index, aim);
    }
  }

  dropoutFigures.kit = {
    escaped, tag, rect, line, circle, path, text, scale, ticks, axisBelow, startOf, still,
  };
  if (typeof document !== "undefined") {
    document.addEventListener("DOMContentLoaded", () => {
      document.querySelectorAll("figure[data-figure]").forEach((root) => new Player(root));
    });
  }
})();
