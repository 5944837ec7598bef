"""Cells of chapters that run in the page: what runs them, the buttons, and Chromium."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dev
from tests import axe, browser, live_cells, live_pages, pages
from tests.live_cells import alike, cells_of, merged

sys.path.insert(0, str(dev.ROOT / "_ext"))

import live
from live_cells import RECORD, cells_for, code_cells, digests, recorded

PAGE = "chapters/expectation"
#: Runs cells, given as JSON, as a page does, in a Python that has more than a page's.
RUN = """
import json, sys
from pathlib import Path
from chapter import Chapter
chapter = Chapter(Path(sys.argv[1]))
found = [chapter.cell(n, source) for n, source in enumerate(json.load(sys.stdin))]
print(json.dumps(found))
"""


# ---- What runs them -----------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``chapters.zip`` has it, with the data sets."""
    made = tmp_path_factory.mktemp("chapters")
    (made / "chapters").symlink_to(dev.ROOT / "chapters")
    (made / "benchmarks").symlink_to(dev.ROOT / "benchmarks")
    live.write_datasets(made / live.DATASETS)
    return made


def run(folder: Path, *sources: str) -> list[tuple[list[tuple[str, str]], str | None]]:
    """Return what each cell shows and the error that it raises."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder)],
        input=json.dumps(sources),
        env={**dev.environment(), "PYTHONPATH": str(dev.ROOT / "assets/live")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return [
        (merged(map(tuple, cell["pieces"])), cell["error"])  # type: ignore[arg-type]
        for cell in found
    ]


def test_cells_share_a_namespace_and_show_their_last_value(folder: Path) -> None:
    found = run(
        folder,
        "import numpy as np\nx = np.arange(3)",
        "print('<b>'); x * 2",
        "x = None; x",
        "import sys; print('to err', file=sys.stderr); display(1, 2)",
    )
    assert found == [
        ([], None),
        ([("text", "<b>\narray([0, 2, 4])")], None),
        ([], None),
        ([("text", "to err\n1\n2")], None),
    ]


def test_tables_are_tables_and_figures_a_sentence(folder: Path) -> None:
    (_, first), (second, _), (third, error) = run(
        folder,
        "import figures\nfrom tables import table",
        "table(['', 'a < b'], [['`x`', '1']])",
        "figure, (left, right) = figures.plt.subplots(1, 2)\nleft.plot([1], lw=2)\n"
        "figures.show(figure, alt='Two panels, one of them empty.', caption='')",
    )
    assert first is None and error is None
    ((kind, html),) = second
    assert kind == "html"
    assert '<td class="text-left"><code>x</code></td>' in html
    assert '<th class="text-right">a &lt; b</th>' in html
    assert third == [
        ("text", "(A figure: this Python has no matplotlib, and draws none.)")
    ]


def test_an_error_names_the_lines_of_the_cells(folder: Path) -> None:
    found = run(
        folder,
        "def f(x):\n    return 1 / x",
        "y = 2\nprint(y)\nf(0)",
        "def f(x)\n    return 1",
        "import scipy_is_not_here",
        "f = lambda n: f(n + 1)\nf(0)",
        "raise SystemExit",
    )
    assert found[1] == (
        [("text", "2")],
        "line 3 of this cell\n    f(0)\nline 2 of a cell above\n    return 1 / x\n"
        "ZeroDivisionError: division by zero",
    )
    assert found[2][1] == (
        "line 1 of this cell\n    def f(x)\nSyntaxError: expected ':'"
    )
    assert "the book's own modules, and no others" in str(found[3][1])
    assert "RecursionError" in str(found[4][1])
    assert len(str(found[4][1]).splitlines()) <= 12
    assert "SystemExit" in str(found[5][1])


def test_endless_output_is_cut(folder: Path) -> None:
    (((_, text),), _), (after, _) = run(
        folder, "for i in range(10**5): print('line', i)", "print('again')"
    )
    assert len(text) < 110_000
    assert text.endswith("(the rest of the output was cut)")
    assert after == [("text", "again")]


@pytest.mark.parametrize("page", ["chapters/frameworks", "chapters/bits"])
def test_a_chapter_with_stand_ins_shows_what_the_book_shows(
    page: str, folder: Path
) -> None:
    cells = cells_of(page)
    found = run(folder, *(cell.source for cell in cells))
    for cell, (shown, error) in zip(cells, found, strict=True):
        assert error is None
        assert cell.figure or alike(shown, cell.expected), cell.source


# ---- Which have a button ------------------------------------------------------------


def test_a_changed_cell_has_no_button_and_none_below_it(tmp_path: Path) -> None:
    page, path = PAGE, tmp_path / "page.md"
    original = dev.ROOT / f"{page}.md"
    path.write_bytes(original.read_bytes())
    places = [(index, True) for index, _ in code_cells(path)]
    before = [cell["place"] is not None for cell in cells_for(path, page, places)]
    changed = code_cells(path)[10][1].source
    text = original.read_text("utf-8").replace(changed, "# other\n" + changed)
    path.write_text(text, encoding="utf-8")
    after = [cell["place"] is not None for cell in cells_for(path, page, places)]
    assert any(before[10:])
    assert after == before[:10] + [False] * len(before[10:])


@pytest.mark.parametrize("page", live_cells.chapters())
def test_the_built_page_offers_the_recorded_cells(page: str) -> None:
    cells = [c for c in live_cells.executed(page).cells if c.cell_type == "code"]
    sources = [cell.source for cell in cells]
    run = recorded(page)["run"]
    wanted = [s for s, m in zip(sources, digests(sources), strict=True) if m in run]
    soup = pages.parse((dev.HTML / f"{page}.html").read_text("utf-8"))
    script = soup.select_one("script[data-cells]")
    if not wanted:
        assert script is None
        return
    assert script is not None and script["data-page"] == page
    written = json.loads((dev.HTML / f"live/cells/{page}.json").read_text("utf-8"))
    assert [cell["source"] for cell in written] == sources
    offered = {cell["place"]: cell["source"] for cell in written}
    numbers = [int(number) for number in str(script["data-cells"]).split(",")]
    assert [offered[number] for number in numbers] == wanted
    for number in numbers:
        code = soup.select("div.cell")[number].select_one(".cell_input pre")
        assert code is not None
        assert code.get_text().strip() == offered[number].strip()
        assert not soup.select("div.cell")[number].select("figure.themed")


@pytest.mark.slow
@pytest.mark.parametrize("page", live_cells.chapters())
def test_the_record_knows_every_cell(page: str) -> None:
    known = {mark for marks in recorded(page).values() for mark in marks}
    marks = {cell.mark for cell in cells_of(page)}
    assert known <= marks and known, (
        f"{page} changed: run `python dev.py live`, then "
        f"`python -m tests.live_cells --record {page}`, which writes {RECORD.name}"
    )


# ---- In Chromium --------------------------------------------------------------------


@pytest.fixture
def visit(chromium: browser.Browser, address: str) -> Iterator[browser.Visit]:
    opened = browser.Visit(chromium, address, "dark")
    opened.page.set_default_timeout(120_000)
    yield opened
    assert opened.complaints == []
    opened.close()


def edit(visit: browser.Visit, place: int, source: str, state: str = "ran") -> str:
    """Write a cell that is open, run it by keys, and return what it shows."""
    cell = visit.page.locator("div.cell").nth(place)
    cell.locator(".cm-content").click()
    visit.page.keyboard.press("Control+a")
    visit.page.keyboard.insert_text(source)
    visit.page.keyboard.press("Shift+Enter")
    panel = cell.locator(f".live-cell[data-state={state}]")
    panel.wait_for()
    shown = cell.locator(".live-output")
    return shown.inner_text().strip() if shown.count() else ""


def test_a_reader_runs_and_edits_cells(visit: browser.Visit) -> None:
    """One reader's way, for Python starts once in it."""
    page = visit.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit.open(PAGE)
    assert not [url for url in asked if "/live/" in url and "live/cells.js" not in url]
    state, book, ran = live_cells.press(visit, 1)
    assert (state, book) == ("ran", ran)
    cell = page.locator("div.cell").nth(1)
    assert cell.locator(".live-output table").count() == 1
    assert not cell.locator(".cell_output:not(.live-output)").is_visible()

    assert edit(visit, 1, "layers = 7\nprint('<b>')") == "<b>"
    live_cells.press(visit, 2)
    assert edit(visit, 2, "layers + 1") == "8"
    told = edit(visit, 2, "x = 3\nlayers / 0", "error")
    assert (
        told
        == "line 2 of this cell\n    layers / 0\nZeroDivisionError: division by zero"
    )

    assert visit.complaints == []
    assert axe.violations(visit) == []
    visit.complaints.clear()  # axe asks for stylesheets at the wrong place
    assert visit.answer(browser.NARROW)["overflow"] <= 0

    page.locator("div.cell").nth(2).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("while True: pass")
    second = page.locator("div.cell").nth(2)
    second.get_by_role("button", name="Run").click()
    second.locator(".live-said", has_text="Running …").wait_for()
    second.get_by_role("button", name="Stop").click()
    second.locator(".live-cell[data-state=stopped]").wait_for()
    assert "forgotten" in second.locator(".live-said").inner_text()
    cell.get_by_role("button", name="Reset").click()
    assert "fates =" in cell.locator(".cm-content").inner_text()
    assert cell.locator(".cell_output").is_visible()
    # The namespace begins again: the other cell runs with the first as it was.
    assert edit(visit, 2, "layers.tolist()") == "[[9, 1], [5, 5]]"


def test_a_run_past_its_limit_ends_the_worker(visit: browser.Visit) -> None:
    visit.page.clock.install()
    visit.open(PAGE)
    live_cells.press(visit, 0)
    cell = visit.page.locator("div.cell").nth(0)
    cell.locator(".cm-content").click()
    visit.page.keyboard.insert_text("while True: pass\n")
    visit.page.keyboard.press("Shift+Enter")
    cell.locator(".live-said", has_text="Running …").wait_for()
    visit.page.clock.fast_forward(int(1000 * (live.CELL_SECONDS + 1)))
    cell.locator(".live-cell[data-state=stopped]").wait_for()
    said = cell.locator(".live-said").inner_text()
    assert said.startswith(
        f"Stopped: this cell did not finish within {live.CELL_SECONDS:g} seconds."
    )


def test_from_a_disk_a_cell_names_the_command(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    live_pages.link_book_with_python(tmp_path)
    visit = browser.Visit(chromium, tmp_path.as_uri() + "/", "light")
    visit.open(PAGE)
    button = visit.page.locator("div.cell").nth(1).locator(".run-cell")
    button.click()
    told = visit.page.locator(".run-cell-none")
    told.get_by_text("python -m http.server").wait_for()
    assert f"http://127.0.0.1:8000/{PAGE}.html" in told.inner_text()
    assert visit.complaints == []
    visit.close()
