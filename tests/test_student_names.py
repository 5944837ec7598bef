"""What a platform calls a student is the student's choice, and leads to no other place: not
as a page's name, a report's or a folder's; and nobody's page is another's."""

import csv
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.__main__ import main
from autograder.doors import one_part, student_page
from autograder.doors.classroom import Graded, HandedIn
from tests.bank import ROOT

pytest.importorskip("yaml")

HONEST = ("Bob", "Zoë O'Hara-Núñez", "J. Doe", "<b>co & sons")
LEADING = (
    *("z/../Bob", "../up", "../../../../up", "a/b", "..\\up", ".", "..", ".bashrc"),
    *("a\0b", "a\nb\u2028c", "/" * 300, "ä" * 250, "z_.._Bob-35dbe4e7ad4d"),
)


def export(place: Path, names: list[str], nobodys: int = 0) -> Path:
    """Write a download from Gradescope of students of these names, and of ``nobodys``."""
    said = {
        f"submission_{number}": {
            ":submitters": [{":name": name, ":email": f"{number}@example.org"}]
        }
        for number, name in enumerate(names, start=1)
    }
    folder = place / "assignment_9_export"
    for number in range(1, len(names) + nobodys + 1):
        path = folder / f"submission_{number}" / f"own{number}.py"
        path.parent.mkdir(parents=True)
        path.write_text("")  # which is quick to grade
    # JSON is YAML, in which each character may stand escaped.
    (folder / "submission_metadata.yml").write_text(json.dumps(said))
    return folder


def files_in(place: Path) -> set[str]:
    found = place.rglob("*")
    return {path.relative_to(place).as_posix() for path in found if path.is_file()}


def own_files(pages: Path) -> dict[str, list[str]]:
    """Return which files stand on each page, by the page's name."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in pages.iterdir()}
    return {
        name: [line[4:-5] for line in text.splitlines() if line.startswith("<h2>")]
        for name, text in texts.items()
    }


def test_every_page_is_in_the_folder_and_one_students(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "deep/in/it"
    place.mkdir(parents=True)
    names = [*HONEST, *LEADING, str(tmp_path / "absolute/evil")]
    source = export(place, names)
    before = files_in(tmp_path)
    options = ["--feedback", "pages", "--json", "reports"]
    options += ["--csv", "class.csv", "--page", "class.html"]
    words = [str(place / each) if each[0] != "-" else each for each in options]
    assert main(["grade", str(source), "-j", "1", *words]) == 0
    told = capsys.readouterr()
    assert "Traceback" not in told.err and "could not" not in told.err
    pages = own_files(place / "pages")
    numbers = range(1, len(names) + 1)
    assert sorted(pages.values()) == sorted([f"own{n}.py"] for n in numbers)
    for number, name in enumerate(HONEST, start=1):
        assert pages[f"{name}.html"] == [f"own{number}.py"]
    new = files_in(tmp_path) - before
    mine = ("pages", "reports", "class.csv", "class.html")
    assert all(name.split("/")[3] in mine for name in new), new
    assert {len(name.split("/")) for name in new if "/pages/" in name} == {5}
    summary = (place / "reports/summary.csv").read_text("utf-8")
    rows = csv.DictReader(io.StringIO(summary, newline=""))
    assert len({row["student"] for row in rows}) == len(names)


def test_collect_makes_no_folder_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "deep/in/it"
    (place / "course").mkdir(parents=True)
    source = export(place, [*HONEST, *LEADING, str(tmp_path / "evil")])
    before = files_in(tmp_path)
    monkeypatch.chdir(place)
    assert main(["collect", str(source), "conventions"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(HONEST) + len(LEADING) + 1
    new = files_in(tmp_path) - before
    assert all(name.startswith("deep/in/it/course/submitted") for name in new), new
    folders = {name.split("/")[5] for name in new if name.count("/") > 5}
    assert set(HONEST) - {"<b>co & sons"} <= folders


def test_a_submission_of_nobody_has_a_page_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is called as its folder is, gets nothing of it."""
    digest = one_part.abridged("submission_4")[-12:-4]
    names = ["Bob", "submission_4", f"submission_4_{digest}"]
    source = export(tmp_path, names, nobodys=2)
    main(["grade", str(source), "-j", "1", "--feedback", str(tmp_path / "pages")])
    pages = own_files(tmp_path / "pages")
    assert sorted(pages.values()) == [[f"own{n}.py"] for n in range(1, 6)]
    assert pages["submission_4.html"] == ["own2.py"]
    assert pages["submission_5.html"] == ["own5.py"]


def test_an_export_without_names_is_no_one_students(tmp_path: Path) -> None:
    folder = export(tmp_path / "class", [], nobodys=3)
    (folder / "submission_metadata.yml").unlink()
    main(["grade", str(folder.parent), "--feedback", str(tmp_path / "pages")])
    names = {f"submission_{number}.html" for number in (1, 2, 3)}
    assert {path.name for path in (tmp_path / "pages").iterdir()} == names


def graded(*names: str) -> list[Graded]:
    """Return results of students who are called so, of which none is there."""
    file = Path("/nowhere/class/a.py")
    return [
        Graded(HandedIn(file, f"{number}.py", called=name), None)
        for number, name in enumerate(names)
    ]


def test_whatever_students_are_called_each_has_a_page(tmp_path: Path) -> None:
    chance = random.Random(1)
    parts = ["/", "\\", ".", "..", "a", "B", "\0", "é", "\udcff", "\ud800", " ", ":"]
    names = {"".join(chance.choices(parts, k=chance.randrange(1, 9))) for _ in "a" * 60}
    # And whoever is called as the page of one of these is.
    names |= {one_part.one_part(name) for name in names}
    student_page.write_student_pages(graded(*sorted(names)), tmp_path / "pages")
    assert (
        len(files_in(tmp_path)) == len([*(tmp_path / "pages").iterdir()]) == len(names)
    )
    for name in names:
        if one_part.is_part(name):
            assert (tmp_path / "pages" / f"{name}.html").is_file()


def test_two_names_that_a_disk_takes_for_one_are_two_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    which = student_page._which
    monkeypatch.setattr(
        student_page, "_which", lambda path: which(Path(str(path).casefold()))
    )
    pages = tmp_path.joinpath("pages")
    monkeypatch.setattr(
        student_page,
        "write_whole",
        lambda path, text: student_page_written(Path(str(path).casefold()), text),
    )
    student_page.write_student_pages(graded("Bob", "bob", "BOB"), pages)
    assert len([*pages.iterdir()]) == 3


def student_page_written(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a\0b", "/etc/passwd"])
def test_no_other_place_is_below_a_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no name of a file in a folder"):
        one_part.below(tmp_path, name)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are bytes")
def test_where_names_of_files_are_ascii_nobody_s_page_is_missing(
    tmp_path: Path,
) -> None:
    source = export(tmp_path, ["Zoë", "Bob", "Zoé"])
    (tmp_path / "course").mkdir()
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "autograder", *words],
            cwd=tmp_path,
            env=os.environ | old | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    done = run("grade", str(source), "-j", "1", "--feedback", "pages")
    assert done.returncode == 0 and not done.stderr, done.stderr
    pages = own_files(tmp_path / "pages")
    assert sorted(pages.values()) == [[f"own{n}.py"] for n in (1, 2, 3)]
    assert pages["Bob.html"] == ["own2.py"]
    done = run("collect", str(source), "conventions")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "link" not in done.stdout and done.stdout.count("PYTHONUTF8=1") == 2
    assert "Bob: " in done.stdout


def test_no_mark_is_set_for_a_name_in_the_gradebook_that_leads_elsewhere(
    tmp_path: Path,
) -> None:
    handed_out = pytest.importorskip("autograder.doors.nbgrader.handed_out")
    course = SimpleNamespace(
        autograded_directory="autograded",
        format_path=lambda *parts: str(tmp_path.joinpath("deep", *parts)),
    )
    step = SimpleNamespace(
        parent=SimpleNamespace(parent=SimpleNamespace(coursedir=course)),
        _old=["../../up", str(tmp_path / "evil"), "ann"],
        assignment_id="conventions",
        notebook_id="conventions",
    )
    handed_out.KeptCells._mark(step)
    assert files_in(tmp_path) == {"deep/autograded/ann/.conventions.unfinished"}
