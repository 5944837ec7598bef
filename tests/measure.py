"""Weighs, times and checks the pages of the built book, as Lighthouse does.

    python -m tests.measure [PAGE …]
    python -m tests.measure --verdicts [EXERCISE …]

The first prints a table of all pages, or of these, and below it what was found. The exit
code is 1 where a page is too heavy, asks another host, complains in the console, breaks a
rule of WCAG 2.2 AA, or scrolls sideways on a phone. The second prints how long the first
page's verdict takes, or that on the model answers to these exercises, with an empty cache
and then again; it needs a book built by ``python dev.py live``.
"""

import argparse
import functools
import gzip
import io
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import dev
from autograder.contract.exercise import find_exercise
from tests import axe, browser, live_pages

#: What the first view may weigh before fonts, in kilobytes (1000 bytes) on the wire.
HEAVIEST = 300
LOADS = 3
VERDICTS = 5
#: What hosts on the web send compressed.
TEXTS = {".html", ".css", ".js", ".mjs", ".svg", ".json"}
#: Nothing is asked of another host, or of a name server.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
#: The browser's own record of what the page loaded: bytes without headers, milliseconds.
RECORD = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const all = [page, ...performance.getEntriesByType("resource")];
  const light = all.filter(({ name }) => !/\\.(woff2?|ttf)$/.test(new URL(name).pathname));
  const sum = (what) => light.reduce((total, each) => total + each[what], 0) / 1000;
  return {
    sent: sum("encodedBodySize"), unpacked: sum("decodedBodySize"), requests: all.length,
    ready: page.domContentLoadedEventEnd, loaded: page.loadEventEnd,
  };
}"""
#: Whether that record is complete.
LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd > 0"
#: How many seconds a worker took for its last question; asked first, it begins to count.
CLOCK = """() => {
  const answer = self.onmessage;
  if (self.spent === undefined) {
    self.onmessage = async (event) => {
      const began = performance.now();
      await answer(event);
      self.spent = (performance.now() - began) / 1000;
    };
  }
  return self.spent ??= 0;
}"""
HEAD = ["page", "KB", "unpacked", "requests", "ready, ms", "loaded, ms", "faults"]


class Measured(NamedTuple):
    """A page: kilobytes before fonts, sent and unpacked; the number of requests, fonts
    among them; milliseconds until the document was ready and until all was loaded; and
    what is wrong with it."""

    page: str
    sent: float
    unpacked: float
    requests: int
    ready: float
    loaded: float
    faults: list[str]

    def row(self) -> list[str]:
        numbers = [self.sent, self.unpacked, self.requests, self.ready, self.loaded]
        return [self.page, *(f"{each:.0f}" for each in numbers), str(len(self.faults))]


class Compressed(browser.Quiet):
    """Serves a folder as a host on the web does."""

    def send_head(self) -> Any:
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXTS or not path.is_file():
            return super().send_head()
        body = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent: BinaryIO = io.BytesIO(body)
        return sent


@functools.cache
def compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


def load(chromium: browser.Browser, base: str, page: str) -> dict[str, float]:
    """Return the browser's record of a page that is opened with an empty cache."""
    context = chromium.new_context(viewport={"width": browser.WIDE, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(120_000)
    tab.goto(f"{base}{page}.html", wait_until="load")
    tab.wait_for_function(LOADED)
    # Scripts may ask for more.
    tab.wait_for_load_state("networkidle")
    found: dict[str, float] = tab.evaluate(RECORD)
    context.close()
    return found


def faults(visits: list[browser.Visit], page: str) -> list[str]:
    """Return what is wrong with a page, in both themes, on a desk and on a phone."""
    found = []
    for visit in visits:
        for width in (browser.WIDE, browser.NARROW):
            visit.complaints.clear()
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.open(page)
            over = visit.answer(width)["overflow"]
            # What axe-core asks for itself is no fault of the page.
            told = visit.complaints[:]
            told += axe.violations(visit)
            if width == browser.NARROW and over > 0:
                told.append(f"scrolls sideways by {over} px")
            found += [f"{visit.scheme}, {width} px: {each}" for each in told]
    return found


def measure(
    chromium: browser.Browser, visits: list[browser.Visit], page: str
) -> Measured:
    """Return what a page weighs, how long it takes (the median of ``LOADS``), and what
    is wrong with it."""
    loads = [load(chromium, visits[0].base, page) for _ in range(LOADS)]
    number = {name: statistics.median(x[name] for x in loads) for name in loads[0]}
    wrong = faults(visits, page)
    if number["sent"] > HEAVIEST:
        wrong.append(f"{number['sent']:.0f} KB before fonts, at most {HEAVIEST}")
    return Measured(page, faults=wrong, **number)  # type: ignore[arg-type]


def verdicts(chromium: browser.Browser, base: str, exercise: str) -> list[float]:
    """Return the seconds from "Check" to a verdict on the model answer: in a browser that
    has nothing of the book yet but this page and its editor, then again, and how many of
    the latter the checks themselves took. Without a name it is the first page's verdict.

    Raises ``RuntimeError`` with what the page says instead of a verdict."""
    context = chromium.new_context()
    tab = context.new_page()
    tab.set_default_timeout(240_000)
    if exercise:
        chapter = find_exercise(exercise).chapter
        tab.goto(f"{base}exercises/{chapter}/{chapter}.html")
    else:
        tab.goto(f"{base}index.html")
    panel = tab.locator(f".live[data-exercise={exercise}]" if exercise else ".live")
    panel.locator(".live-open").click()
    panel.locator(".cm-content").click()
    if exercise:
        tab.keyboard.press("Control+a")
        tab.keyboard.insert_text(solution(exercise))
    found = []
    for _ in range(2):
        # The verdict before this one does not count.
        panel.evaluate("(place) => delete place.dataset.state")
        began = time.monotonic()
        panel.locator(".live-check").click()
        panel.and_(tab.locator("[data-state]:not([data-state=busy])")).wait_for()
        found.append(time.monotonic() - began)
        if panel.get_attribute("data-state") != ("passed" if exercise else "failed"):
            raise RuntimeError(panel.locator(".live-said").inner_text())
        (worker,) = tab.workers
        own = float(worker.evaluate(CLOCK))
    context.close()
    return [*found, own]


def solution(exercise: str) -> str:
    """Return the source of an exercise's model answer."""
    cells = json.loads(live_pages.solved(find_exercise(exercise).chapter))["cells"]
    return next(str(cell["source"]) for cell in cells if cell["id"] == exercise)


def print_verdicts(exercises: list[str]) -> int:
    """Print the times of five first verdicts on each of these exercises."""
    with browser.open_browser(ALONE) as chromium, browser.serve(dev.HTML) as base:
        print("| exercise | cold, s | again, s | its checks, s | load |")
        print("| --- | --- | --- | --- | --- |")
        for name in exercises:
            for _ in range(VERDICTS):
                times = [f"{each:.1f}" for each in verdicts(chromium, base, name)]
                load = f"{os.getloadavg()[0]:.1f}"
                row = [name or "first page", *times, load]
                print(f"| {' | '.join(row)} |", flush=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Weigh, time and check the pages.")
    parser.add_argument("pages", nargs="*", default=[*dev.pages(), "search"])
    parser.add_argument("--verdicts", nargs="*", metavar="EXERCISE")
    asked = parser.parse_args()
    if asked.verdicts is not None:
        return print_verdicts(asked.verdicts or [""])
    wrong = []
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}", flush=True)
    with (
        browser.open_browser(ALONE) as chromium,
        browser.serve(dev.HTML, Compressed) as base,
    ):
        visits = [browser.Visit(chromium, base, each) for each in ("light", "dark")]
        for page in asked.pages:
            found = measure(chromium, visits, page)
            print(f"| {' | '.join(found.row())} |", flush=True)
            wrong += [f"{page}: {each}" for each in found.faults]
    if hasattr(os, "getloadavg"):
        print(f"\nLoad of the machine at the end: {os.getloadavg()[0]:.1f}.")
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
