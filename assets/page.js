// Paper is white, and on it every click-box is open; afterwards the page is as it was.
"use strict";

const root = document.documentElement.dataset;
let opened = [];
let theme;

window.addEventListener("beforeprint", () => {
  theme = root.theme;
  root.theme = "light";
  opened = [...document.querySelectorAll(".bd-article details:not([open])")];
  opened.forEach((box) => (box.open = true));
});

window.addEventListener("afterprint", () => {
  root.theme = theme;
  opened.forEach((box) => (box.open = false));
});

// Tables that are wider than their box scroll by keys, too. The theme gives a tab stop to
// other boxes only.
function reachTables() {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container")) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "table");
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }
}

reachTables();
window.addEventListener("load", reachTables);
window.addEventListener("resize", reachTables);
