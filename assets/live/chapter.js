// A chapter's cells, edited and run in the page. They share one namespace: before a cell
// runs, those above it do that have not run yet. cells.js loads this when it is asked for.
(() => {
  "use strict";

  const { make, at, settings, hindrance, python, paper, Stopped } = window.liveBook;
  const FORGOTTEN = "Python has forgotten what ran before; Run begins with the cells above.";

  /** Resolve to all code cells of the page, in order; `_ext/live_cells.py` wrote them. */
  let asked;
  const codeCells = (page) =>
    (asked ??= fetch(at(`live/cells/${page}.json`)).then((answer) => {
      if (!answer.ok) throw new Error(`the page's cells: ${answer.status}`);
      return answer.json();
    }));

  /** The numbers of the cells that this worker has run. */
  const ran = new Set();
  let ranIn = null;

  const panels = new Map();
  const textOf = (cells, number) => panels.get(number)?.editor.text() ?? cells[number].source;

  function piece([kind, content]) {
    if (kind === "html") {
      const made = make("div", { class: "output text_html" });
      made.innerHTML = content;
      return made;
    }
    return printed(content, "stream");
  }

  const printed = (text, kind) =>
    make("div", { class: `output ${kind} highlight-myst-ansi notranslate` },
      make("div", { class: "highlight" }, make("pre", {}, text)));

  class Panel {
    constructor(cell, number, cells) {
      Object.assign(this, { cell, number, cells });
      this.source = cells[number].source;
      this.code = cell.querySelector(".cell_input > div");
      this.said = make("p", { class: "live-said", role: "status", "aria-live": "polite" });
      this.shown = make("div", { class: "cell_output docutils container live-output" });
      this.book = [...cell.children].find((part) => part.matches(".cell_output"));
    }

    show(openEditor, button) {
      const holder = make("div", { class: "live-editor" });
      // Sphinx takes a typed "/" for its search.
      holder.addEventListener("keydown", (event) => event.stopPropagation());
      const run = () => this.run();
      this.editor = openEditor(holder, {
        text: this.source,
        label: "This cell, in Python. Shift and Enter run it. Escape, then Tab, leaves the editor.",
        changed() {},
        keys: { "Shift-Enter": run, "Mod-Enter": run },
      });
      this.controls = Object.fromEntries(
        Object.entries({ Run: run, Reset: () => this.reset(), Stop: () => this.halt() })
          .map(([name, act]) => [name, this.control(name, act)]),
      );
      this.controls.Stop.hidden = true;
      const group = make("div", { class: "live-controls", role: "group", "aria-label": "This cell" },
        ...Object.values(this.controls));
      this.panel = make("div", { class: "live live-cell" }, holder, paper(this.editor), group, this.said);
      this.code.hidden = true;
      button.replaceWith(this.panel);
      this.editor.focus();
    }

    control(name, act) {
      const button = make("button", { type: "button", class: `live-${name.toLowerCase()}` }, name);
      button.addEventListener("click", act);
      return button;
    }

    tell(state, text) {
      this.panel.dataset.state = state;
      this.said.textContent = text;
    }

    /** Show what a run brought in the place of the book's own output. */
    put(...content) {
      this.book?.setAttribute("hidden", "");
      this.shown.replaceChildren(...content);
      this.cell.append(this.shown);
      // What scrolls must be reached by keys.
      for (const part of this.shown.querySelectorAll("pre, .themed-table, table")) {
        if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
      }
    }

    reset() {
      python.end();
      this.editor.replace(this.source);
      this.shown.remove();
      this.book?.removeAttribute("hidden");
      this.tell("reset", `The cell is as in the book. ${FORGOTTEN}`);
      this.editor.focus();
    }

    halt() {
      python.end();
      this.controls.Run.focus();
    }

    async run() {
      if (python.busy) {
        if (this.controls.Stop.hidden) this.tell("waiting", "Python is running another cell.");
        return;
      }
      python.busy = true;
      this.tell("busy", "Running …");
      this.controls.Stop.hidden = false;
      try {
        await this.runAll();
      } catch (error) {
        const stopped = error instanceof Stopped;
        const text = stopped ? error.message : `Python ended with an error: ${error.message}.`;
        if (!stopped) python.end();
        if (this.panel.dataset.state !== "reset") {
          this.tell(stopped ? "stopped" : "error", `${text} ${FORGOTTEN}`);
        }
      } finally {
        python.free();
        this.controls.Stop.hidden = true;
      }
    }

    /** Run the cells above that have not run, and then this one. */
    async runAll() {
      await python.ask("chapter", undefined, undefined, () => this.tell("busy", "Starting Python …"));
      if (python.worker !== ranIn) ran.clear();
      ranIn = python.worker;
      const above = [...Array(this.number).keys()]
        .filter((number) => !this.cells[number].skip && !ran.has(number));
      for (const [done, number] of above.entries()) {
        this.tell("busy", `Running the cells above: ${done + 1} of ${above.length} …`);
        const { error } = await this.ask(number);
        if (error !== null) {
          this.put(printed(error, "error"));
          this.tell("error", "A cell above this one raised an error.");
          return;
        }
      }
      this.tell("busy", "Running …");
      const { pieces, error } = await this.ask(this.number);
      this.put(...pieces.map(piece), ...(error === null ? [] : [printed(error, "error")]));
      if (error !== null) this.tell("error", "It raised an error.");
      else this.tell("ran", pieces.length ? "It ran." : "It ran, and shows nothing.");
    }

    async ask(number) {
      const { cellSeconds } = await settings();
      const args = [number, textOf(this.cells, number)];
      const found = await python.ask("cell", args, cellSeconds, () => {});
      if (found.error === null) ran.add(number);
      return found;
    }
  }

  /** Put an editor and its buttons into the place of a cell's source, and run the cell. */
  window.liveBook.openCell = async (page, cell, place, button) => {
    const why = hindrance(await settings());
    if (why) {
      const told = make("p", { class: "run-cell-none", role: "status" });
      if (!cell.querySelector(".run-cell-none")) button.after(told);
      told.append(...why);
      return;
    }
    const [{ openEditor }, cells] = await Promise.all([import(at("live/editor.mjs")), codeCells(page)]);
    const number = cells.findIndex((each) => each.place === place);
    const panel = new Panel(cell, number, cells);
    panel.show(openEditor, button);
    panels.set(number, panel);
    await panel.run();
  };
})();
