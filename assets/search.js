/* The search page: each result says what its page has to say, and leads to the section that
   says it. The text comes from passages.js (_ext/search_passages.py), so that a book on a
   disk, where browsers fetch nothing, is searched like one on a server. */
"use strict";
(() => {
  const AROUND = 110; // characters before and after the first word found
  const results = document.getElementById("search-results");
  const query = new URLSearchParams(window.location.search).get("q");
  if (!results || !query) return;
  const [, stems, , words] = Search._parseQuery(query);
  const terms = [...words, ...stems].map((term) => term.toLowerCase());
  const base = document.documentElement.dataset.content_root || "";

  const found = (text) => terms.filter((term) => text.includes(term));

  /** The section with most of the terms; of several, where they come most often. */
  function best(sections) {
    const scored = sections.map((section) => {
      const text = `${section[1]} ${section[2]}`.toLowerCase();
      const times = terms.reduce((sum, term) => sum + text.split(term).length - 1, 0);
      return { section, kinds: found(text).length, times };
    });
    scored.sort((a, b) => b.kinds - a.kinds || b.times - a.times);
    return scored[0].section;
  }

  /** A paragraph that quotes the text around the first term, terms marked. */
  function excerpt(text) {
    const lower = text.toLowerCase();
    const places = found(lower).map((term) => lower.indexOf(term));
    const place = places.length ? Math.min(...places) : 0;
    const from = place > AROUND ? text.indexOf(" ", place - AROUND) + 1 : 0;
    const until = text.indexOf(" ", place + AROUND);
    const quoted = text.slice(from, until < 0 ? text.length : until);
    const paragraph = document.createElement("p");
    paragraph.className = "search-excerpt";
    paragraph.append(from > 0 ? "… " : "");
    let rest = quoted;
    while (rest) {
      const next = found(rest.toLowerCase())
        .map((term) => ({ term, at: rest.toLowerCase().indexOf(term) }))
        .sort((a, b) => a.at - b.at || b.term.length - a.term.length)[0];
      if (!next) break;
      const mark = document.createElement("mark");
      mark.textContent = rest.slice(next.at, next.at + next.term.length);
      paragraph.append(rest.slice(0, next.at), mark);
      rest = rest.slice(next.at + next.term.length);
    }
    paragraph.append(rest, until < 0 ? "" : " …");
    return paragraph;
  }

  function explain(item) {
    const link = item.querySelector("a");
    if (!link || item.querySelector(".search-excerpt")) return;
    const [address, anchor] = link.getAttribute("href").split("#");
    const page = address.replace(/\.html.*$/, "");
    const sections = window.bookPassages[page];
    if (!sections || !sections.length) return;
    const section = sections.find((each) => anchor && each[0] === anchor) || best(sections);
    if (!anchor && section[0]) {
      link.href = `${address}#${section[0]}`;
      link.append(` › ${section[1]}`);
    }
    item.append(excerpt(section[2] || section[1]));
  }

  const script = document.createElement("script");
  script.src = `${base}_static/passages.js`;
  script.onload = () => {
    const all = () => results.querySelectorAll("li").forEach(explain);
    new MutationObserver(all).observe(results, { childList: true, subtree: true });
    all();
  };
  document.head.append(script);
})();
