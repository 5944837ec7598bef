"""What an exercise's place in a page says and keeps, in Chromium; a stand-in for its Python
answers when, and what, a test says."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import axe, browser

EXERCISES = "exercises/expectation/expectation"
MASK, MOMENTS = "bernoulli_mask", "dropout_moments"
#: Takes what pages ask of their worker, in ``asked``; ``answer`` answers the last.
STAND_IN = """
window.asked = [];
window.Worker = class {
  postMessage(message) {
    if (message.what === "start") setTimeout(() => this.onmessage({ data: { found: null } }));
    else asked.push(message);
  }
  terminate() {}
  constructor() { window.answer = (found) => this.onmessage({ data: { found } }); }
};
"""
#: A verdict; its numbers do not matter.
VERDICT = """\
bernoulli_mask: 1.75 of 3.25
  ✓ returns booleans (0.25/0.25)
  ✗ keeps units at the stated rate (0/0.75)
      units kept at keep_prob = 0.85: measured 0.1517 of 169,400, expected
      0.8500 (chance allows 0.8443 to 0.8557).
  Likely cause: your mask keeps a unit with probability 1 − keep_prob;
    keep_prob is the probability that a unit is kept. See
    chapters/conventions.html#conv-definitions"""


@pytest.fixture
def visit(chromium: browser.Browser, address: str) -> Iterator[browser.Visit]:
    opened = browser.Visit(chromium, address, "light")
    opened.context.add_init_script(STAND_IN)
    yield opened
    assert opened.complaints == []
    opened.close()


def panel(page: Page, exercise: str = MASK) -> Locator:
    """Open the editor of an exercise, and return its place."""
    place = page.locator(f".live[data-exercise={exercise}]")
    place.locator(".live-open").click()
    place.locator(".cm-content").wait_for()
    return place


def write(place: Locator, text: str) -> None:
    place.locator(".cm-content").click()
    place.page.keyboard.press("Control+a")
    place.page.keyboard.insert_text(text)


def asked(page: Page, number: int) -> None:
    """Wait until the page has asked its Python so many times."""
    page.wait_for_function("number => asked.length === number", arg=number)


def answer(page: Page, text: str = VERDICT, score: float = 1.75) -> None:
    found: dict[str, Any] = {"text": text, "score": score, "max_score": 3.25}
    page.evaluate("answer", found | {"status": "graded", "mistake": None})


def opened(visit: browser.Visit) -> Locator:
    visit.open(EXERCISES)
    return panel(visit.page)


# ---- A verdict is on one text -------------------------------------------------------


def test_a_verdict_on_another_text_says_so(visit: browser.Visit) -> None:
    place, page = opened(visit), visit.page
    write(place, "x = 1")
    place.locator(".live-check").click()
    asked(page, 1)
    page.keyboard.press("Control+End")
    write(place, "x = 12")
    answer(page)
    aged, verdict = place.locator(".live-aged"), place.locator(".live-text")
    expect(aged).to_have_text("For an earlier version of this answer:")
    assert aged.get_attribute("role") == "status"
    colour = "e => getComputedStyle(e).color"
    dimmed = verdict.evaluate(colour)
    assert axe.violations(visit) == []
    visit.complaints.clear()  # axe asks for stylesheets at the wrong place
    write(place, "x = 1")
    expect(aged).to_be_empty()
    assert verdict.evaluate(colour) != dimmed
    page.keyboard.type("0")
    expect(aged).to_have_text("For an earlier version of this answer:")


# ---- Two tabs -----------------------------------------------------------------------

LONG, SHORT = "# long\nx = 1\ny = 2", "x = 3"


def text_of(place: Locator) -> str:
    return place.locator(".cm-content").inner_text()


def test_no_text_of_two_tabs_is_lost(visit: browser.Visit) -> None:
    first = opened(visit)
    second_tab = visit.context.new_page()
    second_tab.goto(f"{visit.base}{EXERCISES}.html")
    second = panel(second_tab)
    write(first, LONG)
    expect(second.locator(".live-shared")).to_contain_text("changed in another tab")
    write(second, SHORT)

    visit.open(EXERCISES)
    first = panel(visit.page)
    assert text_of(first) == LONG
    shared = first.locator(".live-shared")
    expect(shared).to_contain_text("Another version of this answer is kept, too")
    first.get_by_role("button", name="Show that one").click()
    assert text_of(first) == SHORT
    first.get_by_role("button", name="Show that one").click()
    assert text_of(first) == LONG

    second.get_by_role("button", name="Keep this one").click()
    expect(shared).to_contain_text("changed in another tab")
    first.get_by_role("button", name="Take that one").click()
    assert text_of(first) == SHORT
    expect(shared).to_contain_text("Another version of this answer is kept, too")
    first.get_by_role("button", name="Forget that one").click()
    expect(shared).to_be_empty()
    visit.open(EXERCISES)
    first = panel(visit.page)
    assert text_of(first) == SHORT
    expect(first.locator(".live-shared")).to_be_empty()


def test_a_tab_that_heard_of_nothing_writes_over_nothing(visit: browser.Visit) -> None:
    place = opened(visit)
    key = f"live:expectation:{MASK}"
    # In the same tab no event tells of it.
    visit.page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, LONG])
    write(place, SHORT)
    expect(place.locator(".live-shared")).to_contain_text("changed in another tab")
    assert visit.page.evaluate("key => localStorage.getItem(key)", key) == LONG


# ---- One Python for all exercises ---------------------------------------------------


def test_a_check_waits_for_another_and_says_so(visit: browser.Visit) -> None:
    first, page = opened(visit), visit.page
    second, third = panel(page, MOMENTS), panel(page, "effective_count")
    for place in (first, second, third):
        place.locator(".live-check").click()
    asked(page, 1)
    for place in (second, third):
        told = place.locator(".live-said")
        expect(told).to_have_text(f"Waits until Python has done with {MASK} …")
    second.locator(".live-stop").click()
    expect(second.locator(".live-said")).to_have_text("Stopped.")
    answer(page)
    asked(page, 2)
    assert page.evaluate("asked[1].args[1]") == "effective_count"
    answer(page, "effective_count: 3 of 3", 3.25)
    expect(third).to_have_attribute("data-state", "passed")
    expect(first).to_have_attribute("data-state", "failed")


def test_a_reset_ends_no_other_check(visit: browser.Visit) -> None:
    first, page = opened(visit), visit.page
    second = panel(page, MOMENTS)
    first.locator(".live-check").click()
    asked(page, 1)
    second.locator(".live-reset").click()
    answer(page)
    expect(first).to_have_attribute("data-state", "failed")


# ---- Words --------------------------------------------------------------------------


def test_a_verdict_hangs_by_its_indentation_on_a_phone(visit: browser.Visit) -> None:
    place, page = opened(visit), visit.page
    page.set_viewport_size({"width": browser.NARROW, "height": 900})
    place.locator(".live-check").click()
    asked(page, 1)
    answer(page)
    box = place.locator(".live-text")
    assert box.evaluate("e => e.scrollWidth <= e.clientWidth")
    lines = box.locator(".live-line")
    # One message is one line, which the page breaks.
    assert lines.all_inner_texts()[3].endswith(
        "expected 0.8500 (chance allows 0.8443 to 0.8557)."
    )
    starts = """line => {
      const range = document.createRange();
      range.selectNodeContents(line);
      const rows = new Map();
      for (const { left, top } of range.getClientRects())
        rows.set(Math.round(top), Math.min(left, rows.get(Math.round(top)) ?? Infinity));
      return [...rows.values()].map((left) => Math.round(left));
    }"""
    first, *others = lines.nth(3).evaluate(starts)
    assert others
    # The first row's box begins with its six spaces.
    hang = lines.nth(3).evaluate("e => parseFloat(getComputedStyle(e).paddingLeft)")
    assert hang > 20
    assert all(each == pytest.approx(first + hang, abs=2) for each in others)


def test_an_error_is_in_your_code(visit: browser.Visit) -> None:
    place, page = opened(visit), visit.page
    place.locator(".live-check").click()
    asked(page, 1)
    torn = (
        "bernoulli_mask: 0 of 3.25\n  ✗ Cell 6, which defines bernoulli_mask, failed: "
        "SyntaxError: expected ':'\n    (<cell 6>, line 1) (line 1: def f(x))."
    )
    answer(page, torn, 0)
    assert place.locator(".live-text").inner_text().split("\n") == [
        "bernoulli_mask: 0 of 3.25",
        "  ✗ Your code failed: SyntaxError: expected ':' (line 1: def f(x)).",
    ]


def test_where_prints_are_shown(visit: browser.Visit) -> None:
    place, page = opened(visit), visit.page
    for number, (source, told) in enumerate([("x = 1", 0), ("print(1)", 1)], start=1):
        write(place, source)
        place.locator(".live-check").click()
        asked(page, number)
        answer(page)
        expect(place.get_by_text("What your code prints, Run shows.")).to_have_count(
            told
        )


def test_an_exercises_page_says_how_to_work_in_it(visit: browser.Visit) -> None:
    visit.open(EXERCISES)
    how = visit.page.locator(".live-how")
    for word in ("Try it here", "Run", "Check", "Export", "the open question"):
        expect(how).to_contain_text(word)
    visit.open("index")
    expect(how).to_have_count(0)


def test_the_first_page_exports_a_file_of_its_own(visit: browser.Visit) -> None:
    visit.open("index")
    place = panel(visit.page, "inverted_dropout")
    with visit.page.expect_download() as download:
        place.locator(".live-export").click()
    name = "conventions-first-page.ipynb"
    assert download.value.suggested_filename == name
    expect(place.locator(".live-said")).to_contain_text(f"{name} has this page's")


def test_sections_that_a_statement_names_are_links(visit: browser.Visit) -> None:
    visit.open("exercises/conventions/conventions")
    visit.page.get_by_role("link", name="Keep or drop: a dictionary").click()
    visit.page.wait_for_url("**/chapters/conventions.html#*")
    target = visit.page.locator(":target")
    expect(target.locator("h2, h3").first).to_contain_text("Keep or drop: a dictionary")


# ---- On paper -----------------------------------------------------------------------


def test_paper_has_the_answer_and_its_verdict(visit: browser.Visit) -> None:
    place, page = opened(visit), visit.page
    source = "\n".join(f"line_{n} = {n}" for n in range(200))
    write(place, source)
    place.locator(".live-check").click()
    asked(page, 1)
    answer(page)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    paper = place.locator(".live-paper")
    assert paper.inner_text() == source
    assert place.locator(".live-text").is_visible()
    for hidden in (".cm-editor", ".live-check"):
        assert not place.locator(hidden).is_visible()
    before = "e => getComputedStyle(e.previousElementSibling).display"
    assert place.evaluate(before) == "none"
    other = page.locator(f".live[data-exercise={MOMENTS}]")
    assert not other.is_visible()
    assert other.evaluate(before) != "none"


def test_what_opens_for_paper_does_not_fade_in(visit: browser.Visit) -> None:
    visit.open("chapters/expectation")
    seen = """() => {
      dispatchEvent(new Event("beforeprint"));
      const opened = document.querySelectorAll("div.cell details.hide > summary ~ *");
      return [...opened].map((part) => getComputedStyle(part).opacity);
    }"""
    visit.page.emulate_media(media="print")
    opacities = visit.page.evaluate(seen)
    assert opacities and set(opacities) == {"1"}
