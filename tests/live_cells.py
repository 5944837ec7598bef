"""The cells of chapters in the page's Python, in Chromium, against the built book.

    python -m tests.live_cells --record chapters/why

runs all cells of the pages named (of all chapters without a name) and writes into
``_ext/live_cells.json`` which of them agree with the book. Without ``--record`` it presses
every button that the pages have, and compares what the run shows with what the book does.
Both need a book built by ``python dev.py live``.
"""

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from jupyter_cache import get_cache
from nbformat import NotebookNode

import dev
from tests import browser

sys.path += [str(dev.ROOT / "_ext"), str(dev.ROOT / "assets/live")]

import live_cells
from chapter import Markdown
from live import CELL_SECONDS
from myst_nb.core.read import myst_nb_reader_plugin

#: Milliseconds for a page, with all cells above the one that is asked for.
PATIENCE = 10 * 60 * 1000
#: Ends a worker that is late and begins another; resolves to what the cell showed, or to
#: null where it was too late.
ASK = """async ([what, args, seconds]) => {
  const root = new URL(document.documentElement.dataset.content_root, location.href).href;
  window.testWorker ??= new Worker(`${root}_static/live/worker.mjs`, { type: "module" });
  return new Promise((resolve, reject) => {
    const late = () => {
      window.testWorker.terminate();
      window.testWorker = null;
      resolve(null);
    };
    const timer = seconds && setTimeout(late, 1000 * seconds);
    window.testWorker.onmessage = ({ data }) => {
      clearTimeout(timer);
      if (data.error === undefined) resolve(data.found);
      else reject(new Error(data.error));
    };
    window.testWorker.postMessage({ what, args, parts: { ...window.liveSettings, root } });
  });
}"""


@dataclass
class Cell:
    """A code cell of a page: its digest, what the book shows of it, and what came of it in
    the page's Python (``fate``)."""

    source: str
    mark: str
    visible: bool
    figure: bool
    expected: list[tuple[str, str]]
    fate: str = "not run"
    seconds: float = 0.0


# ---- In the book --------------------------------------------------------------------


def chapters() -> list[str]:
    """Return the chapters that have cells."""
    return [
        page
        for page in dev.pages()
        if page.startswith("chapters/")
        and "\n```{code-cell}" in (dev.ROOT / f"{page}.md").read_text("utf-8")
    ]


def executed(page: str) -> NotebookNode:
    """Return a page's notebook with the outputs of the last build."""
    cache = get_cache(dev.BUILD / ".jupyter_cache")
    notebook = myst_nb_reader_plugin(str(dev.ROOT / f"{page}.md"))
    return cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk).nb


def merged(pieces: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pieces with neighbouring texts in one, without space at their ends."""
    found: list[tuple[str, str]] = []
    for kind, text in pieces:
        if found and kind == found[-1][0] == "text":
            text = found.pop()[1] + text
        found.append((kind, text))
    return [(kind, text.strip()) for kind, text in found if text.strip()]


def alike(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> bool:
    """Tell whether two outputs say the same; below 1e-12 a number is rounding."""
    rounding = re.compile(
        r"(?<![\d.])(?:\d(?:\.\d+)?e-(?:1[2-9]|[2-9]\d)|0(?:\.0+)?e\+00)(?!\d)"
    )
    one, other = ([(kind, rounding.sub("0", t)) for kind, t in p] for p in (one, other))
    return one == other


def outputs(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield what a cell of the book shows, as ``chapter.py`` has it."""
    for output in cell.outputs:
        data = output.get("data", {})
        if output.output_type == "stream":
            yield "text", output.text
        elif "text/html" in data:
            yield "html", data["text/html"]
        elif "text/markdown" in data:
            yield "html", Markdown(data["text/markdown"]).as_html()
        elif "text/plain" in data:
            yield "text", f"{data['text/plain']}\n"


def cells_of(page: str) -> list[Cell]:
    cells = [c for c in executed(page).cells if c.cell_type == "code"]
    marks = live_cells.digests(cell.source for cell in cells)
    found = []
    for cell, mark in zip(cells, marks, strict=True):
        expected = merged(outputs(cell))
        hidden = {"remove-cell", "remove-input"} & set(cell.metadata.get("tags", []))
        figure = any('<figure class="themed"' in text for _, text in expected)
        found.append(Cell(cell.source, mark, not hidden, figure, expected))
    return found


# ---- In the page's Python -----------------------------------------------------------


def run_page(visit: browser.Visit, cells: list[Cell]) -> bool:
    """Run a page's cells in a worker of its own, without those that are known to fail;
    tell whether another one failed."""
    visit.page.evaluate("() => { window.testWorker?.terminate(); testWorker = null; }")
    visit.page.evaluate(ASK, ["chapter", None, None])
    failed = False
    for number, cell in enumerate(cells):
        if cell.fate.startswith(("raised", "late")):
            continue
        began = time.monotonic()
        args = ["cell", [number, cell.source], CELL_SECONDS]
        found = visit.page.evaluate(ASK, args)
        cell.seconds = time.monotonic() - began
        if found is None:
            cell.fate = f"late: after {CELL_SECONDS:g} s"
            return True
        pieces = merged((kind, text) for kind, text in found["pieces"])
        if found["error"] is not None:
            failed = True
            cell.fate = "raised " + found["error"].replace("\n", " / ")
        elif cell.figure:
            cell.fate = "figure"
        else:
            cell.fate = "agrees" if alike(pieces, cell.expected) else "differs"
            if cell.fate == "differs":
                print("   in the book", cell.expected, "\n   in the page", pieces)
    return failed


def record(visit: browser.Visit, page: str) -> list[Cell]:
    """Run a page's cells until none fails that was not left out, and record them."""
    cells = cells_of(page)
    while run_page(visit, cells):
        pass
    data = json.loads(live_cells.RECORD.read_text("utf-8") or "{}")
    skip = [c.mark for c in cells if c.fate.startswith(("raised", "late"))]
    run = [c.mark for c in cells if c.visible and c.fate == "agrees"]
    data[page] = {"run": run, "skip": skip}
    text = json.dumps(dict(sorted(data.items())), indent=1) + "\n"
    live_cells.RECORD.write_text(text, encoding="utf-8")
    return cells


def record_all(visit: browser.Visit, pages: list[str]) -> int:
    """Record pages, and print what came of their cells."""
    total = Counter[str]()
    visit.open("index")
    visit.page.add_script_tag(url=f"{visit.base}live/settings.js")
    for page in pages:
        cells = record(visit, page)
        seen = [cell for cell in cells if cell.visible]
        fates = Counter(re.split(r"\W", cell.fate)[0] for cell in seen)
        total.update(fates)
        seconds = sum(cell.seconds for cell in cells)
        print(f"{page:22} {len(seen)} {dict(fates)} {seconds:.0f} s", flush=True)
        for number, cell in enumerate(cells):
            if cell.fate not in ("agrees", "figure"):
                print(f"   cell {number}: {cell.fate[:300]}", flush=True)
    print(f"{'all':22} {total.total()} {dict(total)}")
    return 0


# ---- By its buttons -----------------------------------------------------------------

#: What a cell shows, without any space and the copy button: the book's own, the run's.
SHOWN = """(cell) => [...cell.querySelectorAll(":scope > .cell_output")].map((part) => {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("button").forEach((button) => button.remove());
  return copy.textContent.replace(/\\s+/g, "");
})"""


def press(visit: browser.Visit, place: int) -> tuple[str, str, str]:
    """Press the button of a page's cell; return the state that its panel ends in, what the
    book shows below the cell, and what the run shows."""
    cell = visit.page.locator("div.cell").nth(place)
    for box in cell.locator("details:not([open]) > summary").all():
        box.click()
    cell.locator(".run-cell").click()
    panel = cell.locator(".live-cell:is([data-state=ran], [data-state=error])")
    panel.wait_for(timeout=PATIENCE)
    *book, ran = cell.evaluate(SHOWN)
    return str(panel.get_attribute("data-state")), "".join(book), ran


def compare(visit: browser.Visit, page: str) -> tuple[int, int]:
    """Press all buttons of a page; return how many there are, and how many cells show what
    the book shows."""
    visit.open(page)
    marks = visit.page.locator("script[data-cells]")
    if marks.count() == 0:
        return 0, 0
    places = str(marks.get_attribute("data-cells")).split(",")
    agree = 0
    for place in map(int, places):
        state, book, ran = press(visit, place)
        same = state == "ran" and alike([("text", book)], [("text", ran)])
        agree += same
        if not same:
            print(f"{page}, cell {place}: {state}\n   book {book}\n   page {ran}")
    return len(places), agree


def compare_all(visit: browser.Visit, pages: list[str]) -> int:
    """Compare pages, print a table, and return 1 if a cell differs."""
    found = {}
    for page in pages:
        found[page] = buttons, agree = compare(visit, page)
        print(f"{page:22} {buttons:4} {agree:4}", flush=True)
    buttons, agree = (sum(each) for each in zip(*found.values(), strict=True))
    print(f"{'all':22} {buttons:4} {agree:4}")
    return int(agree < buttons)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    with browser.open_browser() as opened, browser.serve(dev.HTML) as base:
        visit = browser.Visit(opened, base, "light")
        visit.page.set_default_timeout(PATIENCE)
        pages = arguments.pages or chapters()
        done = (
            record_all(visit, pages) if arguments.record else compare_all(visit, pages)
        )
        print(*visit.complaints, sep="\n")
        visit.close()
    return done


if __name__ == "__main__":
    sys.exit(main())
