"""Figures to play with, as a reader has them: mouse, keys, both themes, a phone."""

import itertools
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import dev
from tests import browser

FIGURE = "figure[data-figure]"
LETTERS = """(figure) => Math.min(...[...figure.querySelectorAll("text")].map((text) =>
  parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getScreenCTM().a))"""
RIGHTMOST = """(figure) => Math.max(...[...figure.querySelectorAll("button, input")].map(
  (control) => control.getBoundingClientRect().right))"""
#: Pixels that a letter is high at least.
SMALLEST = 9


def figures_of(page: str) -> list[str]:
    return re.findall(
        r"^```\{interactive\} (\S+)", dev.read(dev.ROOT / f"{page}.md"), re.M
    )


PAGES = [page for page in dev.pages() if figures_of(page)]
every_page = pytest.mark.parametrize("page", PAGES)


@pytest.fixture(scope="module")
def reader(chromium: browser.Browser) -> Iterator[browser.Visit]:
    opened = browser.Visit(chromium, dev.HTML.as_uri() + "/", "light")
    yield opened
    opened.close()


def open_at(visit: browser.Visit, page: str) -> list[Locator]:
    """Open the page and return its figures, which are ready."""
    visit.complaints.clear()
    visit.open(page)
    visit.page.set_viewport_size({"width": browser.WIDE, "height": 900})
    found = visit.page.locator(FIGURE).all()
    for figure in found:
        expect(figure).to_have_attribute("data-ready", "")
    return found


def shown(figure: Locator) -> str:
    return figure.locator("svg > g").first.inner_html()


def readouts(figure: Locator) -> dict[str, str]:
    """Return the numbers below the figure by their labels."""
    labels = figure.locator("dt").all_inner_texts()
    return dict(zip(labels, figure.locator("dd").all_inner_texts(), strict=True))


@every_page
def test_figures_answer_the_keyboard_and_fit_a_phone(
    visit: browser.Visit, page: str
) -> None:
    figures = open_at(visit, page)
    names = [figure.get_attribute("data-figure") for figure in figures]
    assert names == figures_of(page)
    assert visit.answer(browser.NARROW)["overflow"] <= 0
    for figure in figures:
        assert figure.evaluate(LETTERS) >= SMALLEST
        assert figure.evaluate(RIGHTMOST) <= browser.NARROW
        bars = figure.locator("[role=slider]").all()
        for control in figure.locator("input[type=range]").all() + bars[::9]:
            assert_moves(control, figure)
        for choice in figure.locator("input[type=radio]:not(:checked)").all()[:1]:
            before = shown(figure)
            choice.check()
            assert shown(figure) != before
        expect(figure.locator("[role=status]")).to_contain_text(re.compile(r"\d"))
    assert visit.complaints == []


def assert_moves(control: Locator, figure: Locator) -> None:
    """An arrow key on the control changes the figure, at one end the other arrow."""
    before = shown(figure)
    control.press("ArrowRight")
    if shown(figure) == before:
        control.press("ArrowLeft")
    assert shown(figure) != before, control.evaluate("element => element.outerHTML")


@every_page
def test_figures_stand_still_without_scripts(
    chromium: browser.Browser, page: str
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{dev.HTML.as_uri()}/{page}.html")
    for figure in tab.locator(FIGURE).all():
        picture = figure.locator("svg")
        expect(picture).to_be_visible()
        assert len(picture.inner_html()) > 1000
        assert figure.locator("svg > g").first.get_attribute("aria-label")
        assert readouts(figure)
        expect(figure.locator(".controls")).to_have_count(0)
    context.close()


# ---- Drag the bars ------------------------------------------------------------------

MASKS = np.array(list(itertools.product([0, 1], repeat=10)))


def bars(figure: Locator) -> np.ndarray:
    handles = figure.locator("[role=slider]").all()
    return np.array([float(h.get_attribute("aria-valuenow") or "") for h in handles])


def assert_bars_are_counted(figure: Locator, keep_prob: float) -> None:
    """Compare the figure's numbers with those of its bars over all masks."""
    a, told = bars(figure), readouts(figure)
    chance = keep_prob ** MASKS.sum(axis=1) * (1 - keep_prob) ** (
        10 - MASKS.sum(axis=1)
    )
    close = chance[
        np.abs(MASKS @ a / keep_prob - a.sum()) <= 0.1 * a.sum() + 1e-9
    ].sum()
    assert float(told["sum without dropout"]) == pytest.approx(a.sum(), abs=0.051)
    equal = float(told["ten units, worth"].removesuffix(" equal units"))
    assert equal == pytest.approx(a.sum() ** 2 / (a @ a), abs=0.051)
    share = float(told["within 10% of the sum"].removesuffix("% of masks"))
    assert share == pytest.approx(100 * close, abs=0.51)


def test_bars_follow_the_mouse_and_the_keys(reader: browser.Visit) -> None:
    (figure,) = open_at(reader, "index")
    assert bars(figure)[:2].tolist() == [14.1, 13.1]
    assert_bars_are_counted(figure, 0.5)
    figure.scroll_into_view_if_needed()
    first = figure.locator("[role=slider]").first
    box = first.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    reader.page.mouse.move(middle, box["y"] + 2)
    reader.page.mouse.down()
    # Beside the bar too: it is held.
    reader.page.mouse.move(middle + 200, box["y"] + box["height"] / 2, steps=4)
    reader.page.mouse.up()
    assert bars(figure)[0] == pytest.approx(8, abs=0.2)
    assert bars(figure)[1] == 13.1
    assert_bars_are_counted(figure, 0.5)
    expect(first).to_be_focused()
    before = bars(figure)[0]
    reader.page.keyboard.press("ArrowUp")
    assert bars(figure)[0] == pytest.approx(before + 0.1)
    reader.page.keyboard.press("End")
    assert bars(figure)[0] == 16
    reader.page.keyboard.press("Home")
    assert bars(figure)[0] == 0
    assert_bars_are_counted(figure, 0.5)
    figure.get_by_label("keep_prob").press("ArrowRight")
    assert_bars_are_counted(figure, 0.55)
    assert reader.complaints == []


def swipe(tab: Page, x: float, start: float, end: float) -> None:
    """Move a finger in ten steps, as the browser itself hears of it."""
    session = tab.context.new_cdp_session(tab)
    for n in range(11):
        point = {"x": x, "y": start + (end - start) * n / 10}
        touch = {"type": "touchMove" if n else "touchStart", "touchPoints": [point]}
        session.send("Input.dispatchTouchEvent", touch)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_drags_a_bar_and_elsewhere_the_page(chromium: browser.Browser) -> None:
    context = chromium.new_context(
        has_touch=True,
        is_mobile=True,
        viewport={"width": browser.NARROW, "height": 800},
    )
    tab = context.new_page()
    tab.goto(f"{dev.HTML.as_uri()}/index.html")
    figure = tab.locator(FIGURE)
    expect(figure).to_have_attribute("data-ready", "")
    bar = figure.locator("[role=slider]").nth(4)
    bar.evaluate("bar => bar.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box, top = bar.bounding_box(), tab.evaluate("scrollY")
    assert box is not None
    middle, height = box["x"] + box["width"] / 2, box["height"]
    tab.touchscreen.tap(middle, box["y"] + height / 4)
    assert bars(figure)[4] == pytest.approx(12, abs=0.5)
    swipe(tab, middle, box["y"] + 0.95 * height, box["y"] + height / 4)
    assert bars(figure)[4] == pytest.approx(12, abs=0.5)
    swipe(tab, middle, box["y"] + height / 4, box["y"] + height / 2)
    assert bars(figure)[4] == pytest.approx(8, abs=0.5)
    assert tab.evaluate("scrollY") == top
    below = box["y"] + height + 150
    swipe(tab, middle, below, below - 140)
    tab.wait_for_function("top => scrollY > top + 50", arg=top)
    assert bars(figure)[4] == pytest.approx(8, abs=0.5)
    context.close()


def test_a_dropped_bar_is_dashed_without_scripts(chromium: browser.Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{dev.HTML.as_uri()}/index.html")
    bar = tab.locator(f"{FIGURE} .gone").first
    expect(bar).to_have_css("stroke", re.compile("rgb"))
    context.close()


def test_masks_are_drawn(reader: browser.Visit) -> None:
    (figure,) = open_at(reader, "index")
    assert "mean of 1 mask" in readouts(figure)
    figure.get_by_role("button", name="Draw a mask").click()
    figure.get_by_role("button", name="Draw 100").click()
    assert "mean of 102 masks" in readouts(figure)
    figure.get_by_role("button", name="Start again").click()
    assert "mean of 1 mask" in readouts(figure)


# ---- The others ---------------------------------------------------------------------


def test_the_constants_of_mean_and_energy(reader: browser.Visit) -> None:
    (figure,) = open_at(reader, "chapters/energy")
    found = []
    for name in ("No rescaling: 1", "Keep the energy: 1/√p", "Keep the mean: 1/p"):
        figure.get_by_role("button", name=name).click()
        told = list(readouts(figure).values())
        found.append(told[:2])
    # Two layers at keep_prob 0.5: the mean times (cp)^2, the energy times (c^2 p)^2.
    assert found == [["1/4", "1/4"], ["1/2", "1"], ["1", "4"]]
    assert reader.complaints == []


def test_reduced_motion_shows_the_end_at_once(chromium: browser.Browser) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(f"{dev.HTML.as_uri()}/chapters/backward.html")
    figure = tab.locator(FIGURE)
    figure.get_by_label("the same mask").check()
    figure.get_by_role("button", name="Play").click()
    told = readouts(figure)
    assert told["steps"] == "3000"
    assert float(told["from least squares, 0, to ridge, 1"]) == pytest.approx(
        1, abs=0.05
    )
    expect(figure.get_by_role("button", name="Play")).to_be_visible()
    context.close()


def test_playing_goes_on_until_it_is_stopped(reader: browser.Visit) -> None:
    (figure,) = open_at(reader, "chapters/backward")
    steps = figure.locator("dt", has_text="steps").locator("+ dd")
    expect(steps).to_have_text("600")
    figure.get_by_role("button", name="Play").click()
    expect(steps).not_to_have_text("600", timeout=60_000)
    figure.get_by_role("button", name="Pause").click()
    stopped = int(readouts(figure)["steps"])
    assert stopped > 600
    reader.page.wait_for_timeout(200)
    assert int(readouts(figure)["steps"]) == stopped


def test_a_fixed_count_gains_what_the_formula_says(reader: browser.Visit) -> None:
    figure = open_at(reader, "chapters/quantization")[0]
    negative = figure.get_by_label("negative")
    for count in range(1, 11):
        negative.press("ArrowRight")
        told = readouts(figure)
        equal = (20 - 2 * count) ** 2 / 20
        assert float(told["effective count"]) == pytest.approx(equal, abs=0.051)
        gain = float(told["variance, fixed count / keep_prob"])
        assert gain == pytest.approx((20 - equal) / 19, abs=0.0051)
    assert reader.complaints == []


def test_a_drop_rate_moves_along_the_staircase(reader: browser.Visit) -> None:
    figure = open_at(reader, "chapters/bits")[0]
    assert readouts(figure)["drop rate you get"] == "0.1016"
    rate = figure.get_by_role("slider", name="drop rate")
    rate.press("End")
    # FlashAttention at 0.99: at most floor(255 * 0.01) = 2, so three bytes keep.
    assert readouts(figure)["values that keep"] == "3 of 256"
    assert readouts(figure)["bias of the output"] == "+17.19%"
    figure.get_by_label("divided by what it keeps").check()
    assert readouts(figure)["bias of the output"] == "+0.00%"
    figure.get_by_label("its first version").check()
    assert set(readouts(figure).values()) == {"refused"}
    assert reader.complaints == []


def test_the_averages_of_two_members(reader: browser.Visit) -> None:
    (figure,) = open_at(reader, "chapters/ensembles")
    pair = np.mean(1 / (1 + np.exp([0.0, -4.0])))
    told = readouts(figure)
    assert told["arithmetic mean"] == f"{pair:.4f}"
    assert told["weight scaling"] == told["geometric mean"] == "0.8808"
    spread = figure.get_by_role("slider", name="spread (sd)")
    spread.click(position={"x": 1, "y": 10})
    assert set(readouts(figure).values()) == {"0.8808"}  # without noise all agree
    assert reader.complaints == []


def test_a_p_value_that_rejects_does_not_stay(reader: browser.Visit) -> None:
    (figure,) = open_at(reader, "chapters/judging")
    told = readouts(figure)
    assert float(told["p-value now"]) < 0.01
    assert told["p-value below 1%"] == "at 1000 bits"
    more = figure.get_by_role("button", name="A hundred bits more")
    for _ in range(22):  # one more than there are looks
        more.press("Enter")
    told = readouts(figure)
    assert told["kept"].endswith("of 3,100")
    assert float(told["p-value now"]) > 0.1
    assert told["e-value above 100"] == "not yet"
    assert told["p-value: chance by now"] == "6.5%"
    assert told["e-value: chance by now"] == "0.09%"
    expect(figure.get_by_role("status")).to_contain_text("of 3100 bits kept")
    figure.get_by_label("0.85").check()
    assert readouts(figure)["e-value above 100"].startswith("at ")
    assert reader.complaints == []
