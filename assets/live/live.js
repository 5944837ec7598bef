// Exercises that answer in the page: an editor, and a worker that runs and judges what is
// in it. Nothing of it is loaded before the reader asks. _ext/live.py marks the places.
(() => {
  "use strict";

  const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
  const at = (path) => new URL(path, root).href;

  function make(name, attributes = {}, ...content) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...content);
    return element;
  }

  // ---- What the build put beside the pages ------------------------------------------

  /** Resolve to what `_ext/live.py` says of the build; a script loads from a disk, too. */
  let asked;
  function settings() {
    asked ??= new Promise((resolve, reject) => {
      const script = make("script", { src: at("live/settings.js") });
      script.onload = () => resolve(window.liveSettings);
      script.onerror = () => reject(new Error("live/settings.js is missing"));
      document.head.append(script);
    });
    return asked;
  }

  /** Return, as nodes, why there is no Python here and what helps; null where there is. */
  function hindrance(parts) {
    if (!parts.pyodide) {
      return [
        "This copy of the book was built without Python for its pages: ",
        make("code", {}, "python dev.py live"),
        ", in the folder of its sources, builds one with it.",
      ];
    }
    if (location.protocol !== "file:") return null;
    const folder = decodeURIComponent(root.pathname).replace(/^\/(?=[A-Za-z]:)/, "");
    const page = location.pathname.slice(root.pathname.length);
    return [
      "A browser runs Python only in pages that come from a server. Run ",
      make("code", {}, `python -m http.server --bind 127.0.0.1 --directory "${folder}" 8000`),
      " and open ",
      make("code", {}, `http://127.0.0.1:8000/${page}`),
      ".",
    ];
  }

  const notebooks = new Map();
  function notebook(chapter) {
    if (!notebooks.has(chapter)) {
      const found = fetch(at(`live/notebooks/${chapter}.ipynb`)).then((answer) => {
        if (!answer.ok) throw new Error(`${chapter}.ipynb: ${answer.status}`);
        return answer.text();
      });
      notebooks.set(chapter, found);
    }
    return notebooks.get(chapter);
  }

  // ---- Answers, kept in this browser -------------------------------------------------

  const kept = {
    get(key) {
      try {
        return localStorage.getItem(key);
      } catch {
        return null;
      }
    },
    set(key, text) {
      try {
        if (text === null) localStorage.removeItem(key);
        else localStorage.setItem(key, text);
        return true;
      } catch {
        return false;
      }
    },
  };

  const sourceOf = (cell) => [cell.source].flat().join("");
  const answerCells = (data) =>
    data.cells.filter((c) => c.cell_type === "code" && c.metadata.nbgrader?.solution);

  // ---- Python ------------------------------------------------------------------------

  class Stopped extends Error {}

  const python = {
    worker: null,
    busy: false,
    waiting: null,

    /** Ask the worker; `seconds` is how long it may take once Python is there. */
    async ask(what, args, seconds, say) {
      const parts = { ...(await settings()), root: root.href };
      if (!this.worker) {
        say("Starting Python …");
        this.worker = new Worker(at("_static/live/worker.mjs"), { type: "module" });
        try {
          await this.send({ what: "start", parts });
        } catch (error) {
          if (!(error instanceof Stopped)) this.end();
          throw error;
        }
      }
      say(what === "check" ? "Checking …" : "Running …");
      return this.send({ what, args, parts }, seconds);
    },

    send(message, seconds) {
      const worker = this.worker;
      return new Promise((resolve, reject) => {
        const late = `Stopped: it did not finish within ${seconds} seconds. Is there a loop without an end?`;
        const timer = seconds && setTimeout(() => this.end(late), 1000 * seconds);
        this.waiting = (error, found) => {
          clearTimeout(timer);
          this.waiting = null;
          if (error) reject(error);
          else resolve(found);
        };
        worker.onmessage = ({ data }) =>
          this.waiting?.(data.error === undefined ? null : new Error(data.error), data.found);
        worker.onerror = (event) => {
          event.preventDefault();
          this.waiting?.(new Error(event.message || "the worker did not load"));
        };
        worker.postMessage(message);
      });
    },

    /** End the worker and what it runs; the next question starts another. */
    end(why = "Stopped.") {
      this.worker?.terminate();
      this.worker = null;
      this.waiting?.(new Stopped(why));
    },
  };

  // ---- A panel -----------------------------------------------------------------------

  /** Return a verdict as nodes; what it says of the book's pages leads there. */
  function linked(text) {
    return text.split(/(chapters\/[\w-]+\.html(?:#[\w-]+)?)/).map((part, i) =>
      i % 2 ? make("a", { href: at(part) }, part) : part,
    );
  }

  class Panel {
    constructor(place) {
      this.place = place;
      ({ exercise: this.exercise, chapter: this.chapter } = place.dataset);
      // The page's own starter is no answer to the chapter's exercise.
      this.apart = "starter" in place.dataset;
      this.key = this.keyOf(this.exercise);
      const begun = kept.get(this.key) !== null;
      this.button = make("button", { type: "button", class: "live-open" },
        begun ? "Go on with your answer here" : "Try it here");
      this.button.addEventListener("click", () => this.open());
      this.said = make("div", { class: "live-said", role: "status", "aria-live": "polite" });
      place.append(this.button, this.said);
    }

    keyOf(exercise) {
      return `live:${this.apart ? "landing" : this.chapter}:${exercise}`;
    }

    tell(state, ...content) {
      this.place.dataset.state = state;
      this.said.replaceChildren(...content);
    }

    async open() {
      this.button.disabled = true;
      try {
        const why = hindrance(await settings());
        if (why) {
          this.tell("none", make("p", {}, ...why));
          return;
        }
        const [{ openEditor }, text] = await Promise.all([
          import(at("live/editor.mjs")),
          notebook(this.chapter),
        ]);
        this.show(openEditor, text);
      } catch (error) {
        this.tell("error", make("p", {}, `The editor could not be loaded: ${error.message}.`));
        this.button.disabled = false;
      }
    }

    show(openEditor, text) {
      this.released = text;
      const cell = answerCells(JSON.parse(text)).find((c) => c.id === this.exercise);
      this.starter = this.place.dataset.starter ?? sourceOf(cell);
      const holder = make("div", { class: "live-editor" });
      // Sphinx takes a typed "/" for its search.
      holder.addEventListener("keydown", (event) => event.stopPropagation());
      this.editor = openEditor(holder, {
        text: kept.get(this.key) ?? this.starter,
        label: `Your answer, ${this.exercise}, in Python. Escape, then Tab, leaves the editor.`,
        changed: () => this.keep(),
        keys: { "Shift-Enter": () => this.ask("run"), "Mod-Enter": () => this.ask("check") },
      });
      this.stop = this.control("Stop", () => python.end());
      this.stop.hidden = true;
      const controls = make("div", { class: "live-controls", role: "group", "aria-label": this.exercise },
        this.control("Run", () => this.ask("run")),
        this.control("Check", () => this.ask("check")),
        this.control("Reset", () => this.reset()),
        this.control("Export", () => this.save()),
        this.stop,
      );
      this.button.replaceWith(holder, controls);
      this.place.previousElementSibling.hidden = true;
      this.editor.focus();
    }

    control(name, act) {
      const button = make("button", { type: "button", class: `live-${name.toLowerCase()}` }, name);
      button.addEventListener("click", act);
      return button;
    }

    keep() {
      const text = this.editor.text();
      if (!kept.set(this.key, text === this.starter ? null : text)) {
        this.tell("unkept", make("p", {}, "This browser keeps nothing for this page: export your answer before you leave."));
      }
    }

    reset() {
      python.end();
      this.editor.replace(this.starter);
      this.tell("reset", make("p", {}, "The starter is back. Undo, in the editor, brings your answer again."));
      this.editor.focus();
    }

    /** Return the chapter's notebook as text, with the answers of this browser in it. */
    filled() {
      const data = JSON.parse(this.released);
      for (const cell of answerCells(data)) {
        const own = cell.id === this.exercise;
        const text = own ? this.editor.text() : this.apart ? null : kept.get(this.keyOf(cell.id));
        if (text !== null) cell.source = text;
      }
      return `${JSON.stringify(data, null, 1)}\n`;
    }

    save() {
      const file = new Blob([this.filled()], { type: "application/x-ipynb+json" });
      const link = make("a", { href: URL.createObjectURL(file), download: `${this.chapter}.ipynb` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    }

    async ask(what) {
      if (python.busy) return;
      python.busy = true;
      this.stop.hidden = false;
      const say = (text) => this.tell("busy", make("p", {}, text));
      try {
        const seconds = (await settings())[`${what}Seconds`];
        this.answered(what, await python.ask(what, [this.filled(), this.exercise], seconds, say));
      } catch (error) {
        const stopped = error instanceof Stopped;
        const text = stopped ? error.message : `Python ended with an error: ${error.message}`;
        this.tell(stopped ? "stopped" : "error", make("p", {}, text));
      } finally {
        python.busy = false;
        this.stop.hidden = true;
      }
    }

    answered(what, found) {
      const full = found.score === found.max_score;
      const graded = found.status === "graded" ? (full ? "passed" : "failed") : found.status;
      const verdict = make("pre", { class: "live-text", tabindex: "0" });
      verdict.append(...linked(found.text || "It ran, and printed nothing."));
      this.tell(what === "check" ? graded : "ran", verdict);
    }
  }

  const begin = () => {
    for (const place of document.querySelectorAll(".live")) new Panel(place);
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
  else begin();
})();
