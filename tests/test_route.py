"""A new reader's route with the network blocked, from the first page to a grade."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import browser, fixture_class, live_pages, test_live
from tests.test_figures_browser import FIGURE, assert_bars_are_counted, bars
from tests.test_live import PANEL, RIGHT

pytestmark = pytest.mark.slow
pytest.importorskip("nbgrader")

CHAPTER, EXERCISE = "expectation", "bernoulli_mask"


@pytest.fixture
def visit(chromium: browser.Browser, address: str) -> Iterator[browser.Visit]:
    opened = browser.Visit(chromium, address, "light")
    # A busy machine takes its time; nothing here is about speed.
    opened.page.set_default_timeout(240_000)
    yield opened
    opened.close()


def plays(visit: browser.Visit) -> None:
    """Drag two bars of the first page's figure, by mouse and by keys."""
    figure = visit.page.locator(FIGURE)
    expect(figure).to_have_attribute("data-ready", "", timeout=60_000)
    assert_bars_are_counted(figure, 0.5)
    figure.scroll_into_view_if_needed()
    first, second = figure.locator("[role=slider]").all()[:2]
    box = first.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    visit.page.mouse.move(middle, box["y"] + 3)
    visit.page.mouse.down()
    visit.page.mouse.move(middle, box["y"] + box["height"] * 0.75, steps=5)
    visit.page.mouse.up()
    second.press("PageDown")
    assert bars(figure)[:2] == pytest.approx([4, 12.1], abs=0.3)
    assert_bars_are_counted(figure, 0.5)


def follows(visit: browser.Visit, link: str, title: str) -> None:
    """Press a link, and wait for the page with that title."""
    visit.page.locator(link).first.click()
    visit.page.locator("article h1", has_text=title).wait_for()


def types(visit: browser.Visit, source: str) -> None:
    visit.page.locator(f"{PANEL} .cm-content").click()
    visit.page.keyboard.press("Control+a")
    # The editor indents the second line.
    visit.page.keyboard.type(source.replace("    ", "").strip())


def exports(visit: browser.Visit, path: Path) -> Path:
    with visit.page.expect_download() as download:
        visit.page.locator(f"{PANEL} .live-export").click()
    download.value.save_as(path)
    return path


def score_in(verdict: str) -> float:
    found = re.search(rf"{EXERCISE}: ([\d.]+) of [\d.]+", verdict)
    assert found is not None, verdict
    return float(found[1])


def mistake_in(verdict: str) -> str:
    """Return the sentence that names the mistake, without where to read on."""
    found = re.search(r"Likely cause: (.+?)\.", verdict, re.DOTALL)
    assert found is not None, verdict
    return " ".join(found[1].split())


def scores(folder: Path, files: dict[str, Path]) -> list[dict[str, float]]:
    """Return the scores of a class, by student, from ``nbgrader autograde`` and from
    ``python -m autograder grade``."""
    course = fixture_class.new_course(folder, CHAPTER)
    for student, path in files.items():
        place = course / "course/submitted" / student / CHAPTER
        place.mkdir(parents=True)
        shutil.copy(path, place / f"{CHAPTER}.ipynb")
    for command in (
        ["nbgrader", "generate_assignment", CHAPTER],
        ["nbgrader", "autograde", CHAPTER],
        ["nbgrader", "export", "--to", "grades.csv"],
        ["autograder", "grade", "course/submitted", "--json", "reports"],
    ):
        done = fixture_class.run(course, *command, patience=900)
        assert done.returncode == 0, done.stderr[-3000:]
    found = []
    for name, column in (
        ("grades.csv", "student_id"),
        ("reports/summary.csv", "student"),
    ):
        with (course / name).open(encoding="utf-8", newline="") as file:
            found.append(
                {row[column]: float(row["score"]) for row in csv.DictReader(file)}
            )
    return found


def test_from_the_first_page_to_a_grade(visit: browser.Visit, tmp_path: Path) -> None:
    visit.open("index")
    plays(visit)
    follows(visit, "a:has-text('Start reading')", "Why drop anything?")
    follows(visit, "a.right-next", "What rescaling preserves")
    follows(visit, "a.right-next", "exercises")

    visit.page.locator(f"{PANEL} .live-open").click()
    visit.page.locator(f"{PANEL} .cm-content").wait_for()
    assert "not written yet" in test_live.said(visit, "check", "unwritten")

    said, files = {}, {}
    for student, source, state in (
        ("wrong", test_live.REVERSED, "failed"),
        ("right", RIGHT, "passed"),
    ):
        types(visit, source)
        said[student] = test_live.said(visit, "check", state)
        files[student] = exports(visit, tmp_path / f"{student}.ipynb")
    wrong = live_pages.with_answer(EXERCISE, test_live.REVERSED)
    line = test_live.line_says(wrong, EXERCISE, tmp_path)
    assert mistake_in(said["wrong"]) == mistake_in(line)
    assert visit.complaints == []

    answers = json.loads(files["right"].read_text("utf-8"))["cells"]
    assert RIGHT.strip() in ["".join(cell["source"]) for cell in answers]
    told = {student: score_in(text) for student, text in said.items()}
    assert 0 < told["wrong"] < told["right"]
    assert scores(tmp_path / "course", files) == [told, told]
