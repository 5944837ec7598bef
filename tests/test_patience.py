"""Whatever a student wrote, a page of feedback takes so much time and no more."""

import contextlib
import random
import re
import signal
import threading
import time
from typing import Any

import pytest

from autograder.doors.nbgrader import feedback
from autograder.doors.nbgrader import patience as patience_module
from autograder.doors.nbgrader.patience import Patience, TooLong

SLOW = re.compile(r"(a|aa)+$")
STUCK = "a" * 60 + "b"
some = random.Random(3)


def letters(count: int) -> str:
    return "".join(some.choices("abcdefghijklmnopqrstuvwxyz", k=count))


#: Texts for which Markdown's rules take the square of their length.
LONG = {
    "an open tag": "<!-- <" + letters(49_000),
    "open formulas": "".join(rf"\\[{letters(1)}" for _ in range(12_000)),
    "open environments": "".join(rf"\begin{{{letters(2)}}}" for _ in range(4_500)),
    "open links": "".join(f"[{letters(1)}](" for _ in range(12_000)),
}


def test_an_alarm_ends_a_search_without_end() -> None:
    before = signal.getsignal(signal.SIGALRM)
    patience, began = Patience(0.3), time.monotonic()
    with pytest.raises(TooLong), patience.spend():
        SLOW.match(STUCK)
    assert time.monotonic() - began < 5
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_what_is_spent_is_gone_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(patience_module.time, "monotonic", lambda: now[0])
    patience = Patience(300)
    with patience.spend():
        now[0] += 310
    for _ in range(4):  # four refusals take no more time than one
        now[0] += 2
        with pytest.raises(TooLong), patience.spend():
            pytest.fail("there was nothing left")
    now[0] += 3
    with patience.spend():
        assert patience.left == 1


@pytest.mark.parametrize("left", [1e-6, 5e-6, 1e-5, 1e-3])
def test_an_alarm_that_rings_at_once_does_not_ring_on(left: float) -> None:
    before = signal.getsignal(signal.SIGALRM)
    try:
        for _ in range(20):
            with contextlib.suppress(TooLong), Patience(left).spend():
                pass
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
            assert signal.getsignal(signal.SIGALRM) is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_code_that_keeps_every_exception_ends_too() -> None:
    def keeps() -> None:
        for _ in range(3):
            try:
                SLOW.match(STUCK)
            except BaseException:
                continue
        SLOW.match(STUCK)

    began = time.monotonic()
    with pytest.raises(TooLong), Patience(0.2).spend():
        keeps()
    assert time.monotonic() - began < 10


def test_another_thread_renders_without_an_alarm() -> None:
    done: list[str] = []

    def render() -> None:
        with Patience(5).spend():
            done.append("done")

    thread = threading.Thread(target=render)
    thread.start()
    thread.join()
    assert done == ["done"]


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("page", ["feedback", "formgrader"])
def test_long_markdown_has_the_time_of_a_page(
    what: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "PAGE_SECONDS", 1.0)
    feedback._page.cache_clear()
    render: Any = feedback.harmless_markdown
    if page == "feedback":
        render = feedback.OfflineFeedback().markdown2html
    began = time.monotonic()
    for _ in range(10):  # as many as a notebook may hold
        shown = render({"cell": {}}, LONG[what])
    feedback._page.cache_clear()
    assert time.monotonic() - began < 8
    assert isinstance(shown, str)


def test_usual_markdown_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    feedback._page.cache_clear()
    text = (
        "# A *title*\n\n$p$ and `code`, [a link](https://example.org)\n\n- one\n- two\n"
    )
    shown = feedback.harmless_markdown({"cell": {}}, text * 20)
    assert shown.count("<li>") == 40
    assert "<em>title</em>" in shown
