// On paper every click-box is open; afterwards the page is as it was.
"use strict";

let opened = [];

window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll(".bd-article details:not([open])")];
  opened.forEach((box) => (box.open = true));
});

window.addEventListener("afterprint", () => {
  opened.forEach((box) => (box.open = false));
});
