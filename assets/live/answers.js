// Answers, kept in this browser. Tabs share what is kept: none writes over a text that it
// has not seen, and what a tab has besides is set aside, under a key of its own, until the
// reader says what becomes of it.
(() => {
  "use strict";

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
    keys() {
      try {
        return Object.keys(localStorage);
      } catch {
        return [];
      }
    },
  };

  /** One exercise's answer as one tab has it; null stands for the starter. */
  class Answer {
    constructor(key) {
      this.key = key;
      this.text = this.seen = kept.get(key);
      this.own = null; // the key under which this tab's text stands aside
      this.written = false; // whether this tab has written it, and not only shown it
    }

    /** What another tab made of the answer since this one saw it: [text], or nothing. */
    get elsewhere() {
      const now = kept.get(this.key);
      return now === this.seen || now === this.text ? [] : [now];
    }

    /** Keep this tab's text. Return false if this browser keeps nothing. */
    keep(text) {
      this.written ||= text !== this.text;
      this.text = text;
      if (this.elsewhere.length) return this.setAside(text);
      this.tidy();
      this.seen = text;
      return kept.set(this.key, text);
    }

    setAside(text) {
      this.own ??= `${this.key}#${Math.random().toString(36).slice(2)}`;
      return kept.set(this.own, text);
    }

    /** Take back what stands aside, where the answer itself has it. */
    tidy() {
      if (this.own) kept.set(this.own, null);
      this.own = null;
    }

    /** Another tab wrote. */
    refresh() {
      if (this.elsewhere.length) {
        if (this.written) this.setAside(this.text);
      } else {
        this.tidy();
        this.seen = kept.get(this.key);
      }
    }

    /** The keys of texts that stand aside, but for this tab's own. */
    get asides() {
      return kept.keys().filter((key) =>
        key.startsWith(`${this.key}#`) && key !== this.own && kept.get(key) !== this.text).sort();
    }

    /** Write this tab's text over another's, which then stands aside. */
    insist() {
      const [theirs] = this.elsewhere;
      this.setAside(theirs ?? null);
      this.own = null;
      this.seen = this.text;
      return kept.set(this.key, this.text);
    }

    /** Take the other tab's text, and return it; this tab's own stands aside. */
    yield() {
      this.own = null;
      this.written = false;
      return (this.text = this.seen = kept.get(this.key));
    }

    /** Exchange the text for one that stands aside, and return that. */
    exchange(key) {
      const text = kept.get(key);
      this.forget(key);
      this.setAside(this.text);
      this.own = null;
      this.keep(text);
      return text;
    }

    /** Forget what stands aside there, and its likes: both tabs put it aside. */
    forget(key) {
      const text = kept.get(key);
      for (const other of this.asides) if (kept.get(other) === text) kept.set(other, null);
    }
  }

  window.liveAnswers = { kept, Answer };
})();
