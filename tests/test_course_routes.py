"""Two people go their way by the README alone: a student, and who teaches a class."""

import csv
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

pytest.importorskip("nbgrader")

import dev
from autograder.course.source import WHEEL
from tests import browser, fixture_class
from tests.fixture_class import CHAPTER, FORGETS, answering, run, script, solved
from tests.test_judges import soon
from tests.test_wheel import clean_environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.find_chromium() is None, reason="no Chromium here"),
]


def done(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run ``python -m …`` there, and return all that it says."""
    found = run(folder, *arguments)
    assert found.returncode == code, found.stdout + found.stderr
    assert "Traceback" not in found.stdout + found.stderr
    return found.stdout + found.stderr


@pytest.fixture
def opened() -> Iterator[Browser]:
    with browser.open_browser() as opened:
        yield opened


def look_at(opened: Browser, page: Path, *texts: str) -> None:
    """Open a page in both themes and widths: whole, quiet, and with these texts.

    ROUTE_PICTURES names a folder for pictures of it."""
    for scheme in ("light", "dark"):
        visit = browser.Visit(opened, page.parent.as_uri(), scheme)
        visit.page.goto(page.as_uri(), wait_until="load")
        shown = visit.page.inner_text("body")
        assert [text for text in texts if text not in shown] == []
        for width in (browser.WIDE, browser.NARROW):
            assert visit.answer(width)["overflow"] <= 0, (page.name, width)
            if folder := os.environ.get("ROUTE_PICTURES"):
                name = f"{page.stem}-{scheme}-{width}.png"
                visit.page.screenshot(path=Path(folder, name), full_page=True)
        # nbgrader's own page asks for a font that its policy then forbids.
        heard = [each for each in visit.complaints if ".ttf" not in each]
        assert heard == []
        visit.close()


# ---- Who learns ---------------------------------------------------------------------


def fresh_kernel(place: Path) -> Path:
    """Make a Python environment of what every Jupyter has, and NumPy; return its data
    for Jupyter, in which it is the kernel python3."""
    python = place / dev.SCRIPTS.name / "python"
    for command in (
        [sys.executable, "-I", "-m", "venv", place],
        [python, "-m", "pip", "install", "--quiet", "ipykernel", "numpy"],
        [python, "-m", "ipykernel", "install", "--sys-prefix"],
    ):
        made = subprocess.run(
            [str(part) for part in command],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=600,
        )
        if made.returncode and dev.OFFLINE.search(made.stderr):
            pytest.skip("the package registry cannot be reached")
        assert made.returncode == 0, made.stdout + made.stderr
    return place / "share" / "jupyter"


@contextmanager
def jupyter(folder: Path, kernels: Path, place: Path) -> Iterator[str]:
    """Serve the folder in JupyterLab, with nobody's settings; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = place / "settings" / "@jupyterlab"
    for name, text in {
        "apputils-extension/notification": '{"fetchNews": "false"}',
        # All cells are in the page, not only those that are seen.
        "notebook-extension/tracker": '{"windowingMode": "none"}',
    }.items():
        (quiet / name).parent.mkdir(parents=True)
        (quiet / f"{name}.jupyterlab-settings").write_text(text)
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR", "LAB_SETTINGS_DIR")
    places = {f"JUPYTER_{name}": str(place / name.lower()) for name in names}
    places |= {
        "JUPYTERLAB_SETTINGS_DIR": str(place / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(place / "workspaces"),
        "IPYTHONDIR": str(place / "ipython"),
        "JUPYTER_PATH": str(kernels),
    }
    token = secrets.token_hex()
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": token,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    log = (place / "log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        env=clean_environment() | places,
        stdout=log,
        stderr=log,
    )
    try:
        base = f"http://127.0.0.1:{port}/"
        assert soon(lambda: answers(f"{base}api?token={token}"), 120)
        yield f"{base}lab/tree/{CHAPTER}.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


class Lab:
    """A notebook in JupyterLab, and somebody at its keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.ready()

    def ready(self) -> None:
        """Wait until the kernel has nothing to do."""
        state = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
        self.page.wait_for_selector(state, timeout=120_000)

    def cell(self, text: str) -> Locator:
        return (
            self.page.locator(".jp-Notebook .jp-CodeCell").filter(has_text=text).first
        )

    def write(self, text: str, instead_of: str) -> None:
        self.cell(instead_of).locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def run(self, text: str, says: str) -> str:
        """Run the cell with that text, wait until it says something, and return all."""
        self.cell(text).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        output = self.cell(text).locator(".jp-OutputArea").filter(has_text=says)
        output.wait_for(timeout=120_000)
        self.ready()
        return output.inner_text()

    def picture(self, name: str) -> None:
        if folder := os.environ.get("ROUTE_PICTURES"):
            self.page.screenshot(path=Path(folder, f"{name}.png"))


def download_from_the_book(opened: Browser, folder: Path) -> None:
    """Take the grader and a notebook where the book offers them."""
    with browser.serve(dev.HTML) as base:
        visit = browser.Visit(opened, base, "light")
        for name, link in {
            "index": f"a[href$='{WHEEL}']",
            f"exercises/{CHAPTER}/{CHAPTER}": "a[href$='.ipynb']",
        }.items():
            visit.open(name)
            with visit.page.expect_download() as download:
                # The button's menu opens under the mouse.
                visit.page.eval_on_selector(link, "link => link.click()")
            found = download.value
            found.save_as(folder / found.suggested_filename)
        assert visit.complaints == []
    assert {path.name for path in folder.iterdir()} == {WHEEL, f"{CHAPTER}.ipynb"}


def test_a_student_from_the_download_to_the_feedback(
    opened: Browser, tmp_path: Path
) -> None:
    """The kernel is a fresh environment's, in which the student installs the grader;
    JupyterLab itself is this project's, because of its hundred packages."""
    if not (dev.HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")
    work = tmp_path / "work"
    work.mkdir()
    kernels = fresh_kernel(tmp_path / "environment")
    download_from_the_book(opened, work)
    course = fixture_class.new_course(tmp_path / "course")
    path = work / f"{CHAPTER}.ipynb"
    starter = json.loads(path.read_bytes())
    right = {
        name: "".join(fixture_class.cell_of(solved(course, starter), name)["source"])
        for name in ("classic_dropout", "inverted_dropout", "classic_settings")
    }
    check = {name: f'check("{name}")' for name in right}

    with jupyter(work, kernels, tmp_path / "jupyter") as address:
        page = opened.new_page(viewport={"width": browser.WIDE, "height": 1400})
        page.goto(address)
        lab = Lab(page)
        first = "from autograder import check, require"
        assert f"%pip install {WHEEL}" in lab.run(first, "Expected this book")
        lab.cell(first).locator(".jp-InputPrompt").first.click()
        page.keyboard.press("a")
        page.keyboard.press("Enter")
        page.keyboard.insert_text(f"%pip install {WHEEL}")
        lab.run(f"%pip install {WHEEL}", "Successfully installed")
        page.keyboard.press("Escape")
        page.keyboard.type("00")
        page.get_by_role("button", name="Confirm Kernel Restart").click()
        lab.ready()

        lab.cell("import numpy as np").locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        lab.cell(first).locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        said = lab.run(check["inverted_dropout"], "inverted_dropout: 0 of 4.5")
        assert "run the cell above first" in said
        lab.write(FORGETS, "def inverted_dropout")
        page.keyboard.press("Shift+Enter")
        said = lab.run(check["inverted_dropout"], "Likely cause")
        assert "kept units come back unchanged" in said
        lab.picture("wrong")
        for name, text in right.items():
            lab.write(text, f"def {name}")
            page.keyboard.press("Shift+Enter")
            lab.run(check[name], f"{name}: ")
        assert "4.5 of 4.5" in lab.run(check["inverted_dropout"], "4.5 of 4.5")
        lab.picture("right")
        page.keyboard.press("ControlOrMeta+s")
        assert soon(lambda: "Likely cause" not in path.read_text(encoding="utf-8"))

    place = course / "course" / "submitted" / "ann" / CHAPTER
    place.mkdir(parents=True)
    shutil.copy(path, place)
    said = done(
        course, "autograder", "grade", "course/submitted", "--gradebook", CHAPTER
    )
    assert "10 of 10  ann/" in said
    done(course, "nbgrader", "generate_feedback", CHAPTER)
    feedback = course / "course" / "feedback" / "ann" / CHAPTER / f"{CHAPTER}.html"
    look_at(
        opened, feedback, "inverted_dropout: 4.5 of 4.5", "classic_settings: 2 of 2"
    )


# ---- Who teaches --------------------------------------------------------------------

RIGHT = (
    "def masked_sum(x, keep_prob, rng):\n    return x * (rng.random(x.shape) < {})\n"
)


def download(course: Path, path: Path) -> None:
    """Write what Moodle lets one download of a class of four."""
    released = course / "exercises" / "sums" / "sums.ipynb"
    starter = json.loads(released.read_bytes())
    right = answering(starter, "masked_sum", RIGHT.format("keep_prob"))
    wrong = answering(starter, "masked_sum", RIGHT.format("1 - keep_prob"))
    files = {
        "Ann Lee_1201_assignsubmission_file_/sums.ipynb": json.dumps(right),
        "Bo Kim_1202_assignsubmission_file_/my sums (1).ipynb": json.dumps(wrong),
        "Cy Ode_1203_assignsubmission_file_/sums.ipynb": json.dumps(right)[:-300],
        "Di Roe_1204_assignsubmission_file_/answer.py": script(right),
        "Ed Poe_1205_assignsubmission_file_/essay.docx": "?",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def exported(course: Path) -> dict[str, tuple[float, float]]:
    """Return score and maximum of each student in the table of nbgrader's export."""
    done(course, "nbgrader", "export", "--to", "grades.csv")
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["student_id"]: (float(row["score"]), float(row["max_score"]))
            for row in csv.DictReader(file)
        }


def test_from_an_lms_download_to_the_table_of_scores_with_points_that_change(
    opened: Browser,
    tmp_path: Path,
) -> None:
    course = tmp_path / "course"
    course.mkdir()
    grader = "autograder"
    done(course, grader, "new", "masked_sum", "--chapter", "sums")
    assert "is as it should be" in done(course, grader, "test", "masked_sum")
    done(course, grader, "build")
    done(course, "nbgrader", "generate_assignment", "sums")

    download(course, tmp_path / "Sheet 1.zip")
    said = done(
        course, grader, "collect", str(tmp_path / "Sheet 1.zip"), "sums", code=1
    )
    assert len(re.findall("(?m)^✓", said)) == 4
    assert "✗ Ed Poe: no notebook and no .py file; found Ed Poe_1205_" in said
    pages = ("--page", "class.html", "--csv", "class.csv", "--feedback", "pages")
    grade = (grader, "grade", "course/submitted", "--gradebook", "sums")
    said = done(course, *grade, *pages)
    assert "4 written, 0 unchanged" in said
    scores = exported(course)
    assert scores["Ann Lee"] == scores["Di Roe"] == (4, 4)
    assert scores["Cy Ode"] == (0, 4)
    assert 0 < scores["Bo Kim"][0] < 4
    look_at(
        opened, course / "class.html", "62% of the points", "Cy Ode", "1 − keep_prob"
    )

    checks = course / "checks" / "sums" / "masked_sum.py"
    text = checks.read_text(encoding="utf-8")
    checks.write_text(text.replace("points=1", "points=3", 1), encoding="utf-8")
    said = done(course, "nbgrader", "autograde", "sums", code=1)
    command = re.search(r"python -m (autograder grade .*)", said)
    assert command, said
    assert exported(course) == scores
    done(course, *command[1].split(), *pages)
    assert exported(course) == {
        name: (score + 2 if score else 0, 6) for name, (score, _) in scores.items()
    }

    done(course, "nbgrader", "generate_feedback", "sums")
    said = (
        course / "course" / "feedback" / "Bo Kim" / "sums" / "sums.html"
    ).read_text()
    assert "Likely cause: entries are kept with probability 1 − keep_prob" in said
    look_at(opened, course / "class.html", "67% of the points", "Cy Ode")
    look_at(opened, course / "pages" / "Bo Kim.html", "Likely cause")
    look_at(opened, course / "pages" / "Cy Ode.html", "is not a complete notebook")
