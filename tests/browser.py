"""The book in a real browser; as a script, pictures of every page.

``python tests/browser.py FOLDER`` saves each page, light and dark, wide and narrow.
"""

import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "_ext/paper"))

from pdf import find_chromium

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE, NARROW = 1280, 390
#: What a page says about itself once it is loaded and its fonts are there.
QUESTION = """async () => {
  await document.fonts.ready;
  const families = [...document.fonts].filter((f) => f.status === "loaded");
  return {
    theme: document.documentElement.dataset.theme,
    formulas: document.querySelectorAll(".katex").length,
    mathFont: families.some((f) => f.family.includes("KaTeX")),
    overflow: document.documentElement.scrollWidth - window.innerWidth,
  };
}"""
#: The smallest letters of each figure, in px on the screen; of a formula those that are
#: neither raised nor lowered.
LETTERS = """() => {
  document.querySelectorAll("details").forEach((box) => { box.open = true; });
  return [...document.querySelectorAll("figure svg")].map((figure) => {
    const sizes = [...figure.querySelectorAll("text")]
      .filter((text) => text.textContent.trim())
      .map((text) => {
        const matrix = text.getScreenCTM();
        const scale = Math.hypot(matrix.a, matrix.b);
        const parts = [...text.querySelectorAll("tspan"), text];
        const first = parts.length > 1 ? parts.slice(0, -1) : parts;
        return scale * Math.max(...first.map((p) => parseFloat(getComputedStyle(p).fontSize)));
      });
    return Math.min(...sizes);
  });
}"""


@contextmanager
def open_browser(*more: str) -> Iterator[Browser]:
    """Yield a headless browser that is on this machine already; it gets ``more``
    arguments."""
    with sync_playwright() as playwright:
        path = find_chromium()
        arguments = [*ARGUMENTS, *more]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def find_firefox() -> str | None:
    """Return the path of an installed Firefox, or None."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


@contextmanager
def open_firefox() -> Iterator[Browser]:
    """Yield a headless Firefox that is on this machine already, by WebDriver BiDi."""
    with sync_playwright() as playwright:
        browser = playwright.firefox.launch(
            channel="moz-firefox", executable_path=find_firefox()
        )
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and prints nothing."""

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def serve(folder: Path, kind: type[Quiet] = Quiet) -> Iterator[str]:
    """Yield the address (with a last slash) under which ``folder`` is served."""
    handler = partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Visit:
    """One page, opened in one theme with all other hosts blocked.

    ``complaints`` lists foreign requests, failed ones, HTTP errors, script errors and
    messages of level error; ``answer(width)`` is what the page says about itself at
    that width.
    """

    def __init__(self, browser: Browser, base: str, scheme: str) -> None:
        self.base, self.scheme = base, scheme
        self.complaints: list[str] = []
        size: Any = {"width": WIDE, "height": 900}
        theme: Any = scheme
        self.context = browser.new_context(color_scheme=theme, viewport=size)
        self.context.route("**/*", self._guard)
        self.page: Page = self.context.new_page()
        # Milliseconds; a page that is slow on a busy machine is no fault of the page.
        self.page.set_default_navigation_timeout(120_000)
        note = self.complaints.append
        self.page.on("pageerror", lambda error: note(f"script: {error}"))
        self.page.on(
            "console",
            lambda m: note(f"console: {m.text}") if m.type == "error" else None,
        )
        self.page.on(
            "response",
            lambda r: note(f"HTTP {r.status}: {r.url}") if r.status >= 400 else None,
        )
        self.page.on("requestfailed", self._failed)

    def _guard(self, route: Route) -> None:
        url = route.request.url
        if url.startswith((self.base, "data:", "blob:", "about:")):
            route.continue_()
        else:
            self.complaints.append(f"foreign: {url}")
            route.abort()

    def _failed(self, request: Request) -> None:
        # On leaving a page the browser cancels its icon, for which "load" never waits.
        if request.failure not in ("net::ERR_ABORTED", "NS_BINDING_ABORTED"):
            self.complaints.append(f"failed: {request.url} ({request.failure})")

    def open(self, name: str) -> None:
        self.page.goto(f"{self.base}{name}.html", wait_until="load")

    def answer(self, width: int) -> dict[str, Any]:
        self.page.set_viewport_size({"width": width, "height": 900})
        answer: dict[str, Any] = self.page.evaluate(QUESTION)
        return answer

    def letters(self) -> list[float]:
        """Return the size of each figure's smallest letters at the present width."""
        sizes: list[float] = self.page.evaluate(LETTERS)
        return sizes

    def close(self) -> None:
        self.context.close()


def take_pictures(html: Path, names: list[str], folder: Path) -> None:
    """Save ``<page>-<theme>-<width>.png`` of every page below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        for scheme in ("light", "dark"):
            visit = Visit(browser, html.as_uri() + "/", scheme)
            # The width comes first: at a change of it the theme takes its time.
            for width in (WIDE, NARROW):
                visit.page.set_viewport_size({"width": width, "height": 900})
                for name in names:
                    visit.open(name)
                    visit.answer(width)
                    picture = f"{name.replace('/', '-')}-{scheme}-{width}.png"
                    visit.page.screenshot(path=folder / picture, full_page=True)
            print(scheme, *visit.complaints, sep="\n  ")
            visit.close()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import dev

    take_pictures(dev.HTML, dev.pages(), Path(sys.argv[1]))
