"""Editions for a class: what they hold, and that they work in a fresh folder."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import jupytext
import pytest

import dev
from autograder.contract.exercise import all_chapters
from autograder.course.source import WHEEL
from tests import pages
from tests.bank import ROOT

sys.path.insert(0, str(ROOT / "_ext"))

import editions

LEFT_OUT = re.compile(r"(solutions|tests|\.git|\.venv|_build|node_modules|answers)/")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The editions, with a book of one page, unpacked into a fresh folder each."""
    html = tmp_path_factory.mktemp("html")
    (html / "index.html").write_text("<p>A book.</p>", encoding="utf-8")
    folder = tmp_path_factory.mktemp("made here")
    found = {}
    for archive in editions.make(folder, html):
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        found[archive.stem.split("-")[1]] = folder / archive.stem
    return found


def run(folder: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    lost = ("PYTHONPATH", "PYTHONSAFEPATH")
    env = {name: value for name, value in os.environ.items() if name not in lost}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env=env | {"PYTHONUTF8": "1"},
        timeout=600,
    )


def test_the_class_edition_has_no_solutions_tests_or_history(
    made: dict[str, Path],
) -> None:
    root = made["class"]
    names = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()]
    assert [name for name in names if LEFT_OUT.search(name)] == []
    assert [name for name in names if name.startswith("course/")] == [
        "course/README.md"
    ]
    assert (
        (root / "README.md")
        .read_text("utf-8")
        .startswith("# Dropout in Expectation: class")
    )
    solutions = [
        answer.strip()
        for path in ROOT.glob("solutions/*.md")
        for answer in re.findall(
            r"(?s)BEGIN SOLUTION\n(.*?)\n\s*### END", path.read_text(encoding="utf-8")
        )
    ]
    texts = [
        path.read_text(encoding="utf-8")
        for pattern in ("autograder/**/*.py", "exercises/**/*.ipynb", "*.*")
        for path in root.glob(pattern)
    ]
    assert len(solutions) > 20
    assert [s for s in solutions if any(s in text for text in texts)] == []


def test_the_class_edition_passes_its_own_test_and_notices_an_answer(
    made: dict[str, Path],
) -> None:
    done = run(made["class"], "test_edition.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr.rstrip().endswith("OK")
    left = made["class"] / "solutions"
    left.mkdir()
    try:
        assert "solutions" in run(made["class"], "test_edition.py").stderr
    finally:
        left.rmdir()


def test_the_class_edition_has_what_its_book_is_built_from(
    made: dict[str, Path],
) -> None:
    root = made["class"]
    sources = (root / "_toc.yml").read_text(encoding="utf-8")
    for name in re.findall(r"(?:root|file): (\S+)", sources):
        assert list(root.glob(f"{name}.*")), name
    for path in root.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"```{include} (\S+)", text):
            assert (path.parent / target).is_file(), (path, target)
        for target in re.findall(r'Path\("([\w/.]+)"\)', text):
            assert (path.parent / target).is_file(), (path, target)


def test_the_exercises_come_with_the_grader(made: dict[str, Path]) -> None:
    names = {path.name for path in made["exercises"].iterdir()}
    assert names == {*(f"{c}.ipynb" for c in all_chapters()), WHEEL, "README.md"}
    assert f"install {WHEEL} " in (made["exercises"] / "README.md").read_text("utf-8")


def test_the_classroom_has_what_its_workflow_names(made: dict[str, Path]) -> None:
    root = made["classroom"]
    names = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    workflow = ".github/workflows/check.yml"
    assert names == {workflow, "conventions.ipynb", f"grader/{WHEEL}"}
    assert "install grader/*.whl" in (root / workflow).read_text(encoding="utf-8")


def test_the_book_comes_whole(made: dict[str, Path]) -> None:
    assert [path.name for path in made["book"].iterdir()] == ["index.html"]


def test_without_a_book_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"run python dev\.py book first"):
        editions.make(tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    files = {"b": b"2", "a": b"1"}
    first = editions.write_zip(tmp_path / "x.zip", files).read_bytes()
    assert editions.write_zip(tmp_path / "x.zip", files).read_bytes() == first


# ---- Chapters that run where they are downloaded ------------------------------------

#: Runs a notebook's code in the notebook's folder, with the grader from the wheel alone,
#: and without what only the book has.
RUN = """
import sys
sys.modules["myst_nb"] = None
import json, matplotlib
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
names = {"__name__": "__main__"}
for cell in cells:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), sys.argv[1], "exec"), names)
import autograder
assert ".whl" in autograder.__file__, autograder.__file__
print("ran", len(cells))
"""
RUNNABLE = [path.stem for path in editions.runnable()]
#: Seconds, where others take minutes.
QUICK = {"frameworks"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in RUNNABLE
    ],
)
def test_a_downloaded_chapter_runs(name: str, made: dict[str, Path]) -> None:
    folder = made["chapters"]
    head = f"import sys; sys.path.insert(0, {str(folder / WHEEL)!r}); sys.path.insert(0, '')\n"
    done = run(folder / "chapters", "-c", head + RUN, f"{name}.ipynb")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().rpartition("\n")[2].startswith("ran ")


def test_a_downloaded_chapter_has_the_cells_of_its_page(made: dict[str, Path]) -> None:
    for name in RUNNABLE:
        page = jupytext.read(ROOT / "chapters" / f"{name}.md", fmt="md:myst")
        notebook = jupytext.read(made["chapters"] / "chapters" / f"{name}.ipynb")
        assert [c.source for c in notebook.cells] == [c.source for c in page.cells]
        assert all(c.id for c in notebook.cells)


def test_pages_that_run_offer_the_archive() -> None:
    for name in RUNNABLE:
        page = dev.HTML / "chapters" / f"{name}.html"
        if not page.is_file():
            pytest.fail("The book is not built: run `make book` first.")
        soup = pages.parse(page.read_text(encoding="utf-8"))
        (link,) = soup.select(".dropdown-download-buttons a[href$='.zip']")
        archive = (page.parent / str(link["href"])).resolve()
        with zipfile.ZipFile(archive) as file:
            assert f"chapters/chapters/{name}.ipynb" in file.namelist()


def test_no_chapter_holds_a_line_of_a_solution() -> None:
    lines = {
        " ".join(line.split())
        for path in (ROOT / "solutions").glob("*.md")
        for answer in re.findall(
            r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", path.read_text("utf-8"), re.S
        )
        for line in answer.splitlines()
    }
    long = {line for line in lines if len(line) >= 38 and line[0] != "#"}
    assert len(long) > 50
    held = {
        (name, line)
        for name, data in editions.found(["chapters/*.py", *editions.DATA]).items()
        if name.endswith(".py")
        for line in (" ".join(each.split()) for each in data.decode().splitlines())
        if line in long
    }
    assert held == set()
