// Shows under each result of the search the passage that was found, and links to it.
"use strict";

const AROUND = 110; // letters of a passage on each side of the first word found

/** Return how well a text fits: how many of the words are in it, then how often. */
function fit(text, terms) {
  const lower = text.toLowerCase();
  const counts = terms.map((term) => lower.split(term).length - 1);
  const found = counts.filter(Boolean).length;
  return found + Math.min(0.9, counts.reduce((sum, n) => sum + n, 0) / 100);
}

/** Return the part of a text around the first of the words, cut between words. */
function excerpt(text, terms) {
  const lower = text.toLowerCase();
  const places = terms.map((term) => lower.indexOf(term)).filter((at) => at >= 0);
  const first = places.length ? Math.min(...places) : 0;
  let start = Math.max(0, first - AROUND);
  let end = Math.min(text.length, first + AROUND);
  if (start > 0) start = text.indexOf(" ", start) + 1;
  if (end < text.length) end = Math.max(first, text.lastIndexOf(" ", end));
  return (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
}

/** Give one result its passage. */
function showPassage(item, terms) {
  const link = item.querySelector("a");
  const [file, anchor] = link.getAttribute("href").split("#");
  const passages = SEARCH_PASSAGES[file.replace(/\.html$/, "")] || [];
  if (!passages.length) return;
  const score = ([, heading, text]) => fit(`${heading} ${text}`, terms);
  let best = passages.find(([id]) => id === anchor);
  if (!best) best = passages.reduce((a, b) => (score(b) > score(a) ? b : a));
  const [id, heading, text] = best;
  const words = encodeURIComponent(terms.join(" "));
  link.setAttribute("href", `${file}?highlight=${words}#${anchor || id}`);
  const passage = document.createElement("p");
  passage.className = "context";
  const section = heading && heading !== link.textContent ? `${heading}: ` : "";
  passage.textContent = section + excerpt(text, terms);
  item.append(passage);
  terms.forEach((term) => _highlightText(passage, term, "highlighted"));
}

/** Resolve when the passages are there; the first view of the page does without them. */
function passagesLoaded() {
  return new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = new URL("search-passages.js", document.baseURI).href;
    script.onload = resolve;
    document.head.append(script);
  });
}

const results = document.getElementById("search-results");
const query = new URLSearchParams(window.location.search).get("q") || "";
if (results && query) {
  const [, stems, , written] = Search._parseQuery(query);
  const terms = [...new Set([...written, ...stems])].filter(Boolean);
  const loaded = passagesLoaded();
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node.nodeName === "LI") loaded.then(() => showPassage(node, terms));
  }).observe(results, { childList: true, subtree: true });
}
