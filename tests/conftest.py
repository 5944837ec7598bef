"""The project's tests grade with a secret of their own, and make none anywhere; those
that look at the built book in a browser share one. Hypothesis tries the same values at
every run, so that a failure is everybody's; `make test-all` searches for others."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import dev
from autograder.isolation.folders import remove_folder

if TYPE_CHECKING:
    from tests.browser import Browser, Visit

os.environ["DROPOUT_COURSE_SECRET"] = "the secret of the project's own tests"

# Whoever runs this in the background (nohup, or a script's &) has these ignored; so would
# be what tests start and then stop.
if threading.current_thread() is threading.main_thread():
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "the same values",
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=300,
    suppress_health_check=_SLOW,
)
settings.register_profile(
    "search",
    settings.get_profile("the same values"),
    derandomize=False,
    max_examples=3_000,
)
settings.load_profile("the same values")


# No wider than a module: Playwright's loop runs as long as its browser is open, and other
# tests start loops of their own.
@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    from tests import browser

    if browser.find_chromium() is None:
        pytest.skip("no Chromium or Chrome on the PATH")
    if not (dev.HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")
    with browser.open_browser() as opened:
        yield opened


@pytest.fixture(scope="module", params=["light", "dark"])
def visit(request: pytest.FixtureRequest, chromium: "Browser") -> Iterator["Visit"]:
    """The book from a disk, in each theme."""
    from tests import browser

    opened = browser.Visit(chromium, dev.HTML.as_uri() + "/", request.param)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the pages with what ``python dev.py live`` puts beside them."""
    sys.path.insert(0, str(dev.ROOT / "_ext"))
    import live

    from tests import browser, live_pages

    if not live.NUMPY.is_dir():
        pytest.skip("there is no NumPy for Pyodide beside the project (shared/pyodide)")
    if not (live.NODE_MODULES / "pyodide").is_dir():
        pytest.skip("Pyodide is not installed: run `python dev.py live`")
    book = tmp_path_factory.mktemp("live") / "book"
    live_pages.link_book(book)
    (book / live.FOLDER).mkdir()
    for name in ("notebooks", "cells"):
        (book / live.FOLDER / name).symlink_to(dev.HTML / live.FOLDER / name)
    live.gather(book, live.NUMPY)
    with browser.serve(book) as base:
        yield base


@pytest.fixture
def deep_path(tmp_path: Path) -> Iterator[Path]:
    """A folder that pytest, which removes folders as deep as Python's stack, and none that
    are shut, meets empty."""
    yield tmp_path
    for path in tmp_path.iterdir():
        remove_folder(str(path))
