// What a verdict, and what a cell printed, looks like in a page.
(() => {
  "use strict";

  const indentOf = (line) => line.length - line.trimStart().length;

  /** Return a verdict's lines. It comes in lines of 79 letters; a message is one here, for
   * the page is as wide as it is. */
  function joined(text) {
    const lines = [];
    for (const line of text.split("\n")) {
      const indent = indentOf(line);
      const goesOn = lines.length && (indent === 4 || (indent === 6 && indentOf(lines.at(-1)) === 6));
      if (goesOn) lines.push(`${lines.pop()} ${line.trim()}`);
      else lines.push(line);
    }
    return lines;
  }

  /** Call the answer's cell what it is to the reader of a page, where no cell has a number. */
  const yours = (line, number) =>
    line
      .replace(new RegExp(`Cell ${number}(, which defines \\w+,)? failed`), "Your code failed")
      .replace(new RegExp(` \\(<cell ${number}>, line \\d+\\)(?= \\(line)`), "")
      .replaceAll(`<cell ${number}>`, "your code")
      .replace("The file defines", "Your code defines");

  /** Return a text as lines that hang by their indentation where they are broken; `link`
   * makes what leads to a page of the book from its address. */
  function asLines(lines, link) {
    return lines.map((line) => {
      const made = document.createElement("span");
      // An empty line is a line, too.
      if (!line) made.append(" ");
      made.className = "live-line";
      const indent = indentOf(line);
      made.style.setProperty("--hang", Math.min(indent < 6 ? indent + 2 : indent, 20));
      made.append(
        ...line
          .split(/(chapters\/[\w-]+\.html(?:#[\w-]+)?)/)
          .map((part, n) => (n % 2 ? link(part) : part)),
      );
      return made;
    });
  }

  /** Return what was found as nodes; `number` is the notebook's for the answer's cell. */
  window.liveVerdict = ({ text }, what, number, link) => {
    const lines = what === "check" ? joined(text) : text.split("\n");
    return asLines(lines.map((line) => yours(line, number)), link);
  };
})();
