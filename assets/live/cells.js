// Buttons at the cells of a chapter that run in the page (_ext/live_cells.py says which).
// What they need, chapter.js and all else, is loaded when a reader presses one.
(() => {
  "use strict";

  const own = document.currentScript;
  const { page, cells } = own.dataset;

  const load = (name) =>
    new Promise((resolve, reject) => {
      const sheet = name.endsWith(".css");
      const part = document.createElement(sheet ? "link" : "script");
      const address = new URL(name, own.src).href;
      if (sheet) Object.assign(part, { rel: "stylesheet", href: address });
      else part.src = address;
      part.onload = resolve;
      part.onerror = () => reject(new Error(`${name} is missing`));
      document.head.append(part);
    });

  let loaded;
  async function open(cell, place, button) {
    button.disabled = true;
    try {
      loaded ??= Promise.all([load("live.css"), load("live.js").then(() => load("chapter.js"))]);
      await loaded;
      await window.liveBook.openCell(page, cell, place, button);
    } catch (error) {
      button.after(` The editor could not be loaded: ${error.message}.`);
    }
    button.disabled = false;
  }

  const all = document.querySelectorAll("div.cell");
  for (const place of cells.split(",").map(Number)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "run-cell d-print-none";
    button.textContent = "Run here";
    button.addEventListener("click", () => open(all[place], place, button));
    all[place].querySelector(".cell_input").append(button);
  }
})();
