"""Exercises that answer in the page: the door by itself, and the pages in Chromium."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dev
from autograder.contract.exercise import all_chapters, all_exercises, find_exercise
from autograder.doors import live as door
from autograder.grading.grade import grade
from autograder.grading.text import exercise_text
from tests import bank, browser, live_pages, pages

sys.path.insert(0, str(dev.ROOT / "_ext"))

import live

RIGHT = """\
def bernoulli_mask(shape, keep_prob, rng):
    return rng.random(shape) < keep_prob / 1
"""
REVERSED = RIGHT.replace("<", ">")
ENDLESS = "def bernoulli_mask(shape, keep_prob, rng):\n    while True:\n        pass\n"
TORN = "def bernoulli_mask(shape, keep_prob, rng)\n    return 1\n"


def released(chapter: str) -> str:
    path = dev.ROOT / "exercises" / chapter / f"{chapter}.ipynb"
    return path.read_text(encoding="utf-8")


def line_says(notebook: str, exercise: str, folder: Path) -> str:
    """Return the verdict of ``python -m autograder check`` on one exercise."""
    path = folder / "notebook.ipynb"
    path.write_text(notebook, encoding="utf-8")
    report = grade(path, exercises=[exercise], seed=live_pages.SEED)
    return exercise_text(report.exercises[0])


@contextlib.contextmanager
def own_modules() -> Iterator[None]:
    """Keep the tests' modules, which answers of the register bring along as text."""
    ours = {name: m for name, m in sys.modules.items() if name.startswith("tests")}
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith("tests")]:
            del sys.modules[name]
        sys.modules.update(ours)


# ---- The door -----------------------------------------------------------------------


@pytest.mark.parametrize("chapter", all_chapters())
def test_a_starter_is_not_written_yet(chapter: str) -> None:
    for exercise in all_exercises(chapter)[:2]:
        found = json.loads(door.check(released(chapter), exercise.name))
        assert found["status"] == "unwritten"
        assert "not written yet" in found["text"]


def some_answers() -> list[bank.Answer]:
    """Return a correct style and two mutants of each exercise of a chapter."""
    names = [exercise.name for exercise in all_exercises("expectation")]
    return [
        answer
        for name in names
        for answer in [*bank.correct_answers(name)[:1], *bank.mutants(name)[3:5]]
    ]


@pytest.mark.parametrize("answer", some_answers(), ids=str)
def test_page_and_command_line_say_the_same(
    answer: bank.Answer, tmp_path: Path
) -> None:
    text = live_pages.cell_of(answer)
    notebook = live_pages.with_answer(answer.exercise, text)
    with own_modules():
        found = json.loads(door.check(notebook, answer.exercise, live_pages.SEED))
    assert found["text"] == line_says(notebook, answer.exercise, tmp_path)
    assert found["mistake"] == answer.mistake


@pytest.mark.parametrize("source", (TORN, "1 / 0", "x = 3", "import nothing_there"))
def test_what_does_not_run_is_explained_in_the_same_words(
    source: str, tmp_path: Path
) -> None:
    notebook = live_pages.with_answer("bernoulli_mask", source)
    found = json.loads(door.check(notebook, "bernoulli_mask"))
    assert found["text"] == line_says(notebook, "bernoulli_mask", tmp_path)
    assert found["score"] == 0


def test_the_draws_are_others_each_time() -> None:
    notebook = live_pages.with_answer("bernoulli_mask", REVERSED)
    texts = {door.check(notebook, "bernoulli_mask") for _ in range(3)}
    assert len(texts) > 1


def test_running_shows_what_the_cell_printed_and_is_worth() -> None:
    source = (
        RIGHT
        + "print('<b>seen</b>')\nbernoulli_mask((2,), 1.0, np.random.default_rng(0))"
    )
    notebook = live_pages.with_answer("bernoulli_mask", source)
    text = json.loads(door.run(notebook, "bernoulli_mask"))["text"]
    assert text == "<b>seen</b>\narray([ True,  True])"
    text = json.loads(
        door.run(live_pages.with_answer("bernoulli_mask", TORN), "bernoulli_mask")
    )["text"]
    assert "failed: SyntaxError: expected ':'" in text


def test_the_judge_stays_as_it_was() -> None:
    main, check = sys.modules["__main__"], vars(door.autograder).get("check")
    settings = door.np.geterr()
    source = "from autograder import check\nnp.seterr(all='raise')\ncheck(3)\n" + RIGHT
    notebook = live_pages.with_answer("bernoulli_mask", source)
    found = json.loads(door.check(notebook, "bernoulli_mask"))
    assert found["score"] == find_exercise("bernoulli_mask").max_score
    assert sys.modules["__main__"] is main
    assert vars(door.autograder).get("check") is check
    assert door.np.geterr() == settings


def test_what_is_no_notebook_is_refused_in_a_sentence() -> None:
    found = json.loads(door.check('{"nbformat": 4}', "bernoulli_mask"))
    assert found["text"] == "expectation.ipynb is a notebook without a list of cells."
    assert json.loads(door.run('{"nbformat": 4}', "bernoulli_mask")) == {
        "text": "the notebook is a notebook without a list of cells."
    }


# ---- The places in the pages --------------------------------------------------------


def test_a_cell_that_writes_and_checks_an_exercise_has_a_starter_of_its_own() -> None:
    cell = (
        f'from autograder import check\n\n\n{RIGHT}\n\nscore = check("bernoulli_mask")'
    )
    assert live.judged_in(cell) == ("bernoulli_mask", RIGHT.strip())
    for other in ('check("bernoulli_mask")', RIGHT, "%matplotlib inline"):
        assert live.judged_in(other) is None


def test_every_exercise_has_a_place_on_its_page() -> None:
    if not (dev.HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")
    for exercise in all_exercises():
        if (page := dev.HTML / f"exercises/{exercise.chapter}").is_dir():
            text = (page / f"{exercise.chapter}.html").read_text(encoding="utf-8")
            assert f'<div class="live" data-exercise="{exercise.name}"' in text
    first = pages.parse((dev.HTML / "index.html").read_text(encoding="utf-8"))
    starter = str(first.select(".live")[0]["data-starter"])
    assert "\n    mask = rng" in starter
    compile(starter, "starter", "exec")
    assert "live.js" not in (dev.HTML / "chapters/why.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("chapter", all_chapters())
def test_a_statement_leads_to_its_section(chapter: str) -> None:
    path = dev.HTML / f"exercises/{chapter}/{chapter}.html"
    if path.is_file():
        paragraphs = pages.parse(path.read_text(encoding="utf-8")).select("p")
        told = [p for p in paragraphs if p.get_text().startswith("Chapter section")]
        assert all(p.select_one("a > em") for p in told)
        assert len(told) == len(all_exercises(chapter))


def test_a_missing_wheel_is_named_with_what_to_do(tmp_path: Path) -> None:
    if not (live.NODE_MODULES / "pyodide").is_dir():
        pytest.skip("Pyodide is installed by `python dev.py live` alone")
    with pytest.raises(live.LiveError, match=r"expected NumPy's wheel .* --numpy PATH"):
        live.find_numpy(tmp_path)


AS_IN_A_PAGE = """
import os, sys, threading, time
del time.thread_time, os.fork
sys.modules |= dict.fromkeys(["resource", "fcntl", "termios"])
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
from autograder.doors.live import check
print(check(sys.stdin.read(), "bernoulli_mask", 1))
"""


def test_the_door_needs_nothing_that_a_page_lacks() -> None:
    """Pages have no clock of a thread, no processes and no threads."""
    done = subprocess.run(
        [sys.executable, "-c", AS_IN_A_PAGE],
        input=live_pages.with_answer("bernoulli_mask", RIGHT),
        capture_output=True,
        text=True,
        cwd=dev.ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "graded"


# ---- In Chromium --------------------------------------------------------------------

PANEL = ".live[data-exercise=bernoulli_mask]"


def told_in_vain(chromium: browser.Browser, base: str, scheme: str) -> str:
    """Return what a page says to who opens an editor where no Python can run."""
    visit = browser.Visit(chromium, base, scheme)
    visit.open("exercises/expectation/expectation")
    visit.page.locator(f"{PANEL} .live-open").click()
    visit.page.wait_for_selector(f"{PANEL}[data-state=none]")
    told = visit.page.locator(f"{PANEL} .live-said").inner_text()
    assert visit.complaints == []
    visit.close()
    return told


@pytest.fixture
def visit(chromium: browser.Browser, address: str) -> Iterator[browser.Visit]:
    opened = browser.Visit(chromium, address, "light")
    yield opened
    assert opened.complaints == []
    opened.close()


def opened_panel(visit: browser.Visit) -> None:
    visit.open("exercises/expectation/expectation")
    visit.page.locator(f"{PANEL} .live-open").click()
    visit.page.locator(f"{PANEL} .cm-content").wait_for()


def write(visit: browser.Visit, source: str) -> None:
    """Put a source into the editor, as if it were pasted."""
    visit.page.locator(f"{PANEL} .cm-content").click()
    visit.page.keyboard.press("Control+a")
    visit.page.keyboard.insert_text(source)


def said(visit: browser.Visit, button: str, state: str) -> str:
    """Press a button, wait until the panel is in this state, and return what it says."""
    visit.page.locator(f"{PANEL} .live-{button}").click()
    visit.page.wait_for_selector(f"{PANEL}[data-state={state}]", timeout=120_000)
    return visit.page.locator(f"{PANEL} .live-said").inner_text()


def test_a_page_answers(visit: browser.Visit, tmp_path: Path) -> None:
    """One reader's way, for Python starts once in it: starter, wrong answers, one without
    an end, the right one typed by keys, kept, and handed in."""
    page = visit.page
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit.open("exercises/expectation/expectation")
    parts = {url.partition("?")[0].partition("/live/")[2] for url in asked}
    assert parts == {"", "live.css", *live.SCRIPTS}
    opened_panel(visit)
    assert "not written yet" in said(visit, "check", "unwritten")

    write(visit, REVERSED)
    text = said(visit, "check", "failed")
    line = line_says(
        live_pages.with_answer("bernoulli_mask", REVERSED), "bernoulli_mask", tmp_path
    )
    for each in (text, line):
        assert "Likely cause: your mask keeps a unit with probability" in each
        assert "bernoulli_mask: 1.75 of 3.25" in each
    link = page.locator(f"{PANEL} .live-text a")
    assert str(link.get_attribute("href")).startswith(f"{visit.base}chapters/")

    write(visit, TORN)
    # On the command line it is "Cell 6", a number that no cell of a page has.
    assert "✗ Your code failed: SyntaxError: expected ':' (line 1: def" in said(
        visit, "check", "error"
    )

    write(visit, "print('<b>bold</b>')")
    assert said(visit, "run", "ran") == "<b>bold</b>"
    assert page.locator(f"{PANEL} .live-said b").count() == 0

    page.locator(f"{PANEL} .cm-content").click()
    page.keyboard.press("Control+a")
    # The editor indents the second line.
    page.keyboard.type(RIGHT.replace("    ", "").strip())
    assert page.locator(f"{PANEL} .cm-content").inner_text() == RIGHT.strip()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f"{PANEL}[data-state=passed]", timeout=120_000)

    write(visit, ENDLESS)
    page.locator(f"{PANEL} .live-check").click()
    page.get_by_text("Checking …").wait_for()
    # The loop does not hold the page up: its clock goes on, and so does the reader.
    page.clock.fast_forward(int(1000 * (door.CHECK_SECONDS + 1)))
    page.wait_for_selector(f"{PANEL}[data-state=stopped]")
    told = page.locator(f"{PANEL} .live-said").inner_text()
    seconds = f"{door.CHECK_SECONDS:g} seconds"
    assert told.startswith(f"Stopped: bernoulli_mask did not finish within {seconds}.")
    assert "a loop without an end" in told and "a simulation" in told
    write(visit, RIGHT.strip())
    page.locator(f"{PANEL} .live-run").click()
    page.locator(f"{PANEL} .live-stop").click()
    page.wait_for_selector(f"{PANEL}[data-state=stopped]")

    opened_panel(visit)
    assert page.locator(f"{PANEL} .cm-content").inner_text() == RIGHT.strip()
    with page.expect_download() as download:
        page.locator(f"{PANEL} .live-export").click()
    assert download.value.suggested_filename == "expectation.ipynb"
    path = tmp_path / "handed-in.ipynb"
    download.value.save_as(path)
    report = grade(path, chapter="expectation")
    scores = {each.name: each.score for each in report.exercises}
    assert scores.pop("bernoulli_mask") == find_exercise("bernoulli_mask").max_score
    assert set(scores.values()) == {0}
    data, starter = json.loads(path.read_text("utf-8")), released("expectation")
    for cell, before in zip(data["cells"], json.loads(starter)["cells"], strict=True):
        assert cell["metadata"] == before["metadata"]

    said(visit, "reset", "reset")
    assert (
        "raise NotImplementedError" in page.locator(f"{PANEL} .cm-content").inner_text()
    )


@pytest.mark.slow
def test_the_first_page_judges_its_own_function(visit: browser.Visit) -> None:
    visit.open("index")
    visit.page.locator(".live-open").click()
    visit.page.locator(".live-check").click()
    visit.page.wait_for_selector(".live[data-state=failed]", timeout=120_000)
    assert "Likely cause" in visit.page.locator(".live-said").inner_text()


def test_a_book_without_python_says_how_to_get_it(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    live_pages.link_book(tmp_path)
    live.tell_pages(tmp_path / live.FOLDER)
    with browser.serve(tmp_path) as base:
        told = told_in_vain(chromium, base, "dark")
    assert "python dev.py live" in told


def test_over_a_disk_a_page_names_the_command_that_serves_it(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    live_pages.link_book_with_python(tmp_path)
    told = told_in_vain(chromium, tmp_path.as_uri() + "/", "light")
    assert f'--directory "{tmp_path}/" 8000' in told
    assert "http://127.0.0.1:8000/exercises/expectation/expectation.html" in told
