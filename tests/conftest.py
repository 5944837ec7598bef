"""The project's tests grade with a secret of their own, and make none anywhere; those
that look at the built book in a browser share one."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import dev

if TYPE_CHECKING:
    from tests.browser import Browser, Visit

os.environ["DROPOUT_COURSE_SECRET"] = "the secret of the project's own tests"


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
