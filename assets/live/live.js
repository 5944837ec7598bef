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

  const sourceOf = (cell) => [cell.source].flat().join("");
  const answerCells = (data) =>
    data.cells.filter((c) => c.cell_type === "code" && c.metadata.nbgrader?.solution);

  /** Return what stands on paper for an editor, which has only the lines that it shows. */
  function paper(editor) {
    const made = make("pre", { class: "live-paper" });
    addEventListener("beforeprint", () => (made.textContent = editor.text()));
    return made;
  }

  // ---- Python ------------------------------------------------------------------------

  class Stopped extends Error {}

  const python = {
    worker: null,
    /** What has Python: an exercise's name, or true; and who waits for it, as functions. */
    busy: false,
    line: [],
    waiting: null,

    free() {
      this.busy = false;
      this.line.shift()?.();
    },

    /** Ask the worker; `seconds` is how long it may take once Python is there, and `name`
     * who is told of where it takes longer. */
    async ask(what, args, seconds, say, name = "this cell") {
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
      return this.send({ what, args, parts }, seconds, name);
    },

    send(message, seconds, name) {
      const worker = this.worker;
      return new Promise((resolve, reject) => {
        const late = `Stopped: ${name} did not finish within ${seconds} seconds. Is there a loop ` +
          "without an end, or more work than needed, as in a simulation that could be smaller?";
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

  const HOW = ["Or answer in this page, with nothing to install: ", make("strong", {}, "Try it here"),
    " opens an editor; there Run runs your code, Check judges it, and Export saves the notebook, " +
    "in which you fill in the open question."];

  class Panel {
    constructor(place) {
      this.place = place;
      ({ exercise: this.exercise, chapter: this.chapter } = place.dataset);
      // The page's own starter is no answer to the chapter's exercise.
      this.apart = "starter" in place.dataset;
      this.key = this.keyOf(this.exercise);
      const begun = window.liveAnswers.kept.get(this.key) !== null;
      this.button = make("button", { type: "button", class: "live-open" },
        begun ? "Go on with your answer here" : "Try it here");
      this.button.addEventListener("click", () => this.open());
      // What is said of the verdict, of the kept texts, and the verdict itself.
      [this.aged, this.shared, this.said] = ["live-aged", "live-shared", "live-said"].map((name) =>
        make("div", { class: name, role: "status", "aria-live": "polite" }));
      place.append(this.button, this.shared, this.aged, this.said);
    }

    keyOf(exercise) {
      return `live:${this.apart ? "landing" : this.chapter}:${exercise}`;
    }

    tell(state, ...content) {
      this.place.dataset.state = state;
      this.judged = null;
      this.said.replaceChildren(...content);
      this.age();
    }

    /** Mark a verdict as soon as the text is another than the one that it judges. */
    age() {
      const earlier = this.judged !== null && this.judged !== this.editor.text();
      if (this.place.classList.toggle("live-earlier", earlier) === this.aged.hasChildNodes()) return;
      this.aged.replaceChildren(
        ...(earlier ? [make("p", {}, "For an earlier version of this answer:")] : []));
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
      this.number = JSON.parse(text).cells.findIndex((c) => c.id === this.exercise) + 1;
      this.answer = new window.liveAnswers.Answer(this.key);
      const holder = make("div", { class: "live-editor" });
      // Sphinx takes a typed "/" for its search.
      holder.addEventListener("keydown", (event) => event.stopPropagation());
      this.editor = openEditor(holder, {
        text: this.answer.text ?? this.starter,
        label: `Your answer, ${this.exercise}, in Python. Escape, then Tab, leaves the editor.`,
        changed: () => this.keep(),
        keys: { "Shift-Enter": () => this.ask("run"), "Mod-Enter": () => this.ask("check") },
      });
      this.stop = this.control("Stop", () => this.halt());
      this.stop.hidden = true;
      const controls = make("div", { class: "live-controls", role: "group", "aria-label": this.exercise },
        this.control("Run", () => this.ask("run")),
        this.control("Check", () => this.ask("check")),
        this.control("Reset", () => this.reset()),
        this.control("Export", () => this.save()),
        this.stop,
      );
      addEventListener("storage", ({ key }) => key === this.key && this.share(this.answer.refresh()));
      this.button.replaceWith(holder, paper(this.editor), controls);
      this.place.previousElementSibling.hidden = true;
      this.share();
      this.editor.focus();
    }

    control(name, act) {
      const button = make("button", { type: "button", class: `live-${name.toLowerCase()}` }, name);
      button.addEventListener("click", act);
      return button;
    }

    keep() {
      const text = this.editor.text();
      this.unkept = !this.answer.keep(text === this.starter ? null : text);
      this.share();
      this.age();
    }

    /** Say what other tabs did, and what is kept besides this text; ask what to do. */
    share() {
      const [aside] = this.answer.asides;
      const now = this.unkept ? "unkept" : this.answer.elsewhere.length ? "elsewhere" : aside ?? "";
      if (now === this.asked) return;
      this.asked = now;
      const lines = aside && window.liveAnswers.kept.get(aside).split("\n").length;
      const [words, ...buttons] = {
        "": [""],
        unkept: ["This browser keeps nothing for this page: export your answer before you leave."],
        elsewhere: ["This answer was changed in another tab.",
          ["Take that one", () => this.answer.yield()],
          ["Keep this one", () => void this.answer.insist()]],
      }[now] ?? [`Another version of this answer is kept, too (${lines} lines).`,
        ["Show that one", () => this.answer.exchange(aside)],
        ["Forget that one", () => void this.answer.forget(aside)]];
      this.shared.replaceChildren(...(words ? [make("p", {}, words)] : []),
        ...buttons.map(([name, act]) => this.choice(name, act)));
    }

    /** A button of `share`; its act returns the text that is to be shown, if one is. */
    choice(name, act) {
      return this.control(name, () => {
        const text = act();
        if (text !== undefined) this.editor.replace(text ?? this.starter);
        this.share();
        this.editor.focus();
      });
    }

    /** End what this exercise runs, or its waiting; another's goes on. */
    halt() {
      if (python.busy === this.exercise) python.end();
      this.leave?.();
    }

    reset() {
      this.halt();
      this.editor.replace(this.starter);
      this.tell("reset", make("p", {}, "The starter is back. Undo, in the editor, brings your answer again."));
      this.editor.focus();
    }

    /** Return the chapter's notebook as text, with the answers of this browser in it. */
    filled() {
      const data = JSON.parse(this.released);
      for (const cell of answerCells(data)) {
        const own = cell.id === this.exercise;
        const text = own ? this.editor.text() : this.apart ? null : window.liveAnswers.kept.get(this.keyOf(cell.id));
        if (text !== null) cell.source = text;
      }
      return `${JSON.stringify(data, null, 1)}\n`;
    }

    save() {
      const file = new Blob([this.filled()], { type: "application/x-ipynb+json" });
      const name = this.apart ? `${this.chapter}-first-page` : this.chapter;
      const link = make("a", { href: URL.createObjectURL(file), download: `${name}.ipynb` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      if (this.apart) {
        this.said.querySelector(".live-saved")?.remove();
        this.said.append(make("p", { class: "live-saved" }, `${name}.ipynb has this page's ` +
          `${this.exercise}, and no other answer: those of the exercises' page are exported there.`));
      }
    }

    /** Resolve when Python is free: to true, or to false if the reader stopped waiting. */
    async turn() {
      while (python.busy) {
        this.tell("waiting", make("p", {}, `Waits until Python has done with ${python.busy} …`));
        const called = await new Promise((resolve) => {
          const call = () => resolve(true);
          python.line.push(call);
          this.leave = () => {
            python.line = python.line.filter((other) => other !== call);
            resolve(false);
          };
        });
        this.leave = null;
        if (!called) return false;
      }
      return true;
    }

    async ask(what) {
      if (!this.stop.hidden) return; // it runs, or waits
      this.stop.hidden = false;
      if (await this.turn()) {
        python.busy = this.exercise;
        await this.work(what);
        python.free();
      } else if (this.place.dataset.state === "waiting") this.tell("stopped", make("p", {}, "Stopped."));
      this.stop.hidden = true;
    }

    async work(what) {
      const say = (text) => this.tell("busy", make("p", {}, text));
      const text = this.editor.text();
      try {
        const seconds = (await settings())[`${what}Seconds`];
        const args = [this.filled(), this.exercise];
        this.answered(what, text, await python.ask(what, args, seconds, say, this.exercise));
      } catch (error) {
        const stopped = error instanceof Stopped;
        const told = stopped ? error.message : `Python ended with an error: ${error.message}`;
        if (this.place.dataset.state !== "reset") this.tell(stopped ? "stopped" : "error", make("p", {}, told));
      }
    }

    answered(what, judged, found) {
      const full = found.score === found.max_score;
      const graded = found.status === "graded" ? (full ? "passed" : "failed") : found.status;
      const verdict = make("pre", { class: "live-text", tabindex: "0" });
      found.text ||= "It ran, and printed nothing.";
      const link = (address) => make("a", { href: at(address) }, address);
      verdict.append(...window.liveVerdict(found, what, this.number, link));
      const silent = what === "check" && /\bprint\s*\(/.test(judged);
      const besides = silent ? [make("p", {}, "What your code prints, Run shows.")] : [];
      this.tell(what === "check" ? graded : "ran", verdict, ...besides);
      this.judged = judged;
      this.age();
    }
  }

  // For the cells of chapters (chapter.js).
  window.liveBook = { make, at, settings, hindrance, python, paper, Stopped };

  const begin = () => {
    const panels = [...document.querySelectorAll(".live")].map((place) => new Panel(place));
    if (panels.length && !panels[0].apart) {
      document.querySelector("div.cell").before(make("p", { class: "live-how d-print-none" }, ...HOW));
    }
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
  else begin();
})();
