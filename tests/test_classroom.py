"""A class at once: everything is graded, nothing stops the rest, all of it is written."""

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from autograder.__main__ import main
from autograder.doors import classroom
from autograder.doors.class_reports import report_name, summary_csv
from autograder.doors.classroom import (
    ClassError,
    Graded,
    HandedIn,
    find_handed_in,
    grade_class,
)
from autograder.doors.collect import as_notebook, collect
from autograder.grading.grade import grade
from autograder.isolation.clocks import TryAgain
from autograder.submission.cells import SubmissionError
from autograder.submission.file import read_submission
from autograder.submission.notebook import read_notebook
from tests.bank import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="paths are short there")

SETTINGS = """
def classic_settings(weights, learning_rate, weight_decay, keep_prob):
    return (
        weights / keep_prob,
        learning_rate / keep_prob**2,
        weight_decay * keep_prob**2,
    )
"""
FILES = {
    "ada/conventions/conventions.ipynb": "",
    "ada/conventions/.ipynb_checkpoints/conventions.ipynb": "",
    "bob/conventions/mine.py": SETTINGS,
    "cy.py": "import os\nos._exit(0)\n" + SETTINGS,
    "dan.py": SETTINGS.replace("**2", ""),
    "=eve.py": "def classic_settings(:\n",
    "notes.txt": "no submission",
}


def write(folder: Path, files: dict[str, str] | None = None) -> Path:
    for name, text in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_submissions_are_found_with_student_and_assignment(tmp_path: Path) -> None:
    found = {(h.name, h.student, h.assignment) for h in find_handed_in(write(tmp_path))}
    assert found == {
        ("ada/conventions/conventions.ipynb", "ada", "conventions"),
        ("bob/conventions/mine.py", "bob", "conventions"),
        ("cy.py", "cy", None),
        ("dan.py", "dan", None),
        ("=eve.py", "=eve", None),
    }


def test_a_class_is_graded_as_each_file_is_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = write(tmp_path / "class"), tmp_path / "reports"
    assert main(["grade", str(folder), "-j", "2", "--json", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("\n") == 5
    assert "conventions.ipynb is empty" in captured.out
    for name in ("cy.py", "dan.py", "=eve.py"):
        alone = grade(folder / name).as_json()
        assert (out / f"{name}.json").read_text(encoding="utf-8") == alone
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    full = rows["bob/conventions/mine.py"]
    assert float(full["score"]) == float(full["classic_settings"]) > 0
    assert float(full["max_score"]) == 10
    assert 0 < float(rows["dan.py"]["score"]) < float(full["score"])
    ada = rows["ada/conventions/conventions.ipynb"]
    assert (ada["score"], ada["max_score"]) == ("0.0", "10.0")
    assert rows["'=eve.py"]["score"] == "0.0"
    assert sorted(p.name for p in out.rglob("*") if ".part" in p.name) == []


def fails(handed_in: HandedIn, **options: Any) -> Graded:
    """Stand in for ``grade_one`` in a judge: fail on cy's file."""
    if handed_in.student == "cy":
        vars(classroom)["grade"] = failing
    return classroom.grade_one(handed_in, **options)


def failing(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a bug of ours")


def test_a_failure_of_the_grader_is_no_zero_and_stops_nobody(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(classroom, "grade_one", fails)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = write(tmp_path / "class", {"ben.py": SETTINGS, "cy.py": SETTINGS})
    out = tmp_path / "reports"
    assert main(["grade", str(folder), "-j", "1", "--json", str(out)]) == 1
    assert "the grader failed (ZeroDivisionError" in capsys.readouterr().out
    assert not (out / "cy.py.json").exists()
    assert json.loads((out / "ben.py.json").read_text(encoding="utf-8"))["score"] > 0
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        scores = [row["score"] for row in csv.DictReader(file)]
    assert scores[1] == "" and float(scores[0]) > 0


def test_a_rerun_names_what_is_left_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = write(tmp_path / "class", {"a.py": "x = 1"}), tmp_path / "reports"
    (out / "gone.py.json").parent.mkdir()
    (out / "gone.py.json").write_text("{}", encoding="utf-8")
    (out / "a.py.json").write_text("{}", encoding="utf-8")
    assert main(["grade", str(folder), "--json", str(out)]) == 0
    assert "gone.py.json is from an earlier run" in capsys.readouterr().err
    assert json.loads((out / "a.py.json").read_text("utf-8"))["submission"] == "a.py"


def test_an_earlier_verdict_on_a_file_that_has_none_now_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(classroom, "grade_one", fails)
    monkeypatch.setattr(classroom, "MOST_FILES", 1)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    files = {"cy/a.py": "x = 1", "ann/a.py": "x = 1", "ann/b.py": "x = 1"}
    folder, out = write(tmp_path / "class", files), tmp_path / "reports"
    for name in ("cy/a.py", "ann/b.py"):
        (out / name).parent.mkdir(parents=True)
        (out / f"{name}.json").write_text("{}", encoding="utf-8")
    (out / "ann" / "a.py.json").mkdir()  # where no report can be written
    (out / "ann" / "a.py.json" / "in the way").touch()
    assert main(["grade", str(folder), "-j", "1", "--json", str(out)]) == 1
    told = capsys.readouterr().err
    for name in ("cy/a.py", "ann/b.py"):
        assert f"{out / name}.json holds an earlier verdict: this run has none" in told
    assert "no such submission now" not in told
    assert "a.py.json could not be written" in told


def test_no_folder_and_no_file_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grade", str(tmp_path / "none")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    assert main(["grade", str(tmp_path)]) == 2
    assert "There is no .ipynb or .py file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        *("grade . -j 0", "grade . -j -1", "grade . --jobs many"),
        *("grade . --fail-under nan", "check x.py --fail-under nan"),
        *("check x.py --fail-under 50", "check x.py --fail-under -0.1"),
        *("test classic_settings --seeds 0",),
    ],
)
def test_a_number_out_of_range_is_wrong_usage(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(wrong.split())
    assert stopped.value.code == 2
    *_, option, found = wrong.split()
    _, _, told = capsys.readouterr().err.partition(": error: argument ")
    expected = "a share from 0 to 1, such as 0.5" if "under" in option else "1, 2, 3 …"
    assert option in told.partition(":")[0]
    assert told.endswith(f": expected {expected}, found {found!r}\n")


RAISES = "def classic_settings(w, l, d, keep_prob):\n    raise ValueError({})\n"
FORGED = repr("x\n   10 of 10  mallory.py\n\x1b[1A\x1b[2K\u202e")


def test_text_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    files = {"a.py": RAISES.format("chr(0xD800)"), "b.py": SETTINGS}
    folder, out = write(tmp_path / "class", files), tmp_path / "reports"
    (folder / os.fsdecode(b"c\xff.py")).write_text(SETTINGS)
    assert main(["grade", str(folder), "--json", str(out)]) == 0
    told = json.loads((out / "a.py.json").read_text(encoding="utf-8"))
    assert "ValueError: \ufffd" in json.dumps(told, ensure_ascii=False)
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows["c\\udcff.py"] == rows["b.py"] > rows["a.py"]
    alone = tmp_path / "alone.json"
    assert main(["check", str(folder / "a.py"), "--json", str(alone)]) == 0


def test_a_report_that_cannot_be_written_costs_only_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = write(tmp_path / "class", {"a.py": "", "b.py": ""}), tmp_path / "out"
    (out / "a.py.json").mkdir(parents=True)
    (out / "summary.csv").mkdir()
    assert main(["grade", str(folder), "--json", str(out)]) == 1
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 2
    assert "a.py.json could not be written" in captured.err
    assert "summary.csv could not be written" in captured.err
    assert (out / "b.py.json").is_file()


@pytest.mark.parametrize("name", ["a.py", "x\n   10 of 10  mallory.py\x1b[2K.py"])
@pytest.mark.parametrize(
    "code", [f"raise ValueError({FORGED})\n", RAISES.format(FORGED), ""]
)
def test_nobody_forges_a_line_of_the_verdicts(
    name: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "class", {name: code})
    main(["grade", str(folder)])
    assert capsys.readouterr().out.count("\n") == 1
    main(["check", str(folder / name)])
    text = capsys.readouterr().out
    main(["grade", str(folder)])
    text += capsys.readouterr().out
    assert not set(text) & {"\x1b", "\r", "\u202e"}
    assert not re.search(r"(?m)^ +10 of 10", text)


def test_what_is_no_file_gets_a_sentence(tmp_path: Path) -> None:
    link = tmp_path / "lost.py"
    link.symlink_to(tmp_path / "nowhere.py")
    graded = classroom.grade_one(HandedIn(link, "lost.py"))
    assert graded.report is not None
    assert "does not exist" in (graded.report.error or "")


def linked_class(folder: Path) -> Path:
    """Return a class in which all links but bob's own lead to the work of others."""
    write(folder, {"bob/new/good.py": SETTINGS, "cy.py": SETTINGS, "dan/a.txt": ""})
    links = {
        "ann/mine.py": "../bob/new/good.py",
        "bob/now.py": "new/good.py",
        "dan/conventions": "../bob/new",
        "eve": "bob",
        "fay.py": "cy.py",
        "gil/a.py": "/dev/zero",
        "hal.py": "hal.py",
    }
    for name, target in links.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(target)
    return folder


def test_no_link_hands_in_the_work_of_others(tmp_path: Path) -> None:
    linked_class(tmp_path / "really")
    folder = tmp_path / "class"
    folder.symlink_to("really")
    results = classroom.grade_class(find_handed_in(folder), 2)
    reports = {g.handed_in.name: g.report for g in results if g.report is not None}
    scores = {name: report.score > 0 for name, report in reports.items()}
    others = ("ann/mine.py", "dan/conventions", "eve", "fay.py", "gil/a.py", "hal.py")
    own = ("bob/new/good.py", "bob/now.py", "cy.py")
    assert scores == dict.fromkeys(own, True) | dict.fromkeys(others, False)
    assert "by a link out of the student's own" in (reports["fay.py"].error or "")
    assert grade(folder / "fay.py").score > 0, "a path that was typed may be a link"


@posix
@pytest.mark.parametrize("outer", ["", "export/", "a/b/"])
@pytest.mark.parametrize("theirs", ["bob.py", "bob/x.py", "bob/new/x.py"])
@pytest.mark.parametrize("own", ["ann.py", "ann/x.py", "ann/new/x.py"])
def test_no_link_leads_to_the_work_of_others_in_an_outer_folder(
    own: str, theirs: str, outer: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in", {outer + theirs: SETTINGS, outer + "cy.py": ""})
    link = folder / outer / own
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(folder / outer / theirs, link.parent))
    [mine] = [f for f in find_handed_in(folder) if f.name == outer + own]
    with pytest.raises(SubmissionError, match="the file itself"):
        read_submission(mine.path, mine.own)
    pattern = rf"{outer}(?P<student>[a-z]+)[./].*"
    lines = collect(folder, "conventions", tmp_path / "out", pattern)
    assert [line for line in lines if line.startswith("✗ ann: ")]
    assert [line for line in lines if line.startswith("✓ bob: ")]


@pytest.mark.parametrize("parent", [False, True])
def test_a_file_behind_a_linked_folder_is_a_link_too(
    parent: bool, tmp_path: Path
) -> None:
    folder = linked_class(tmp_path)
    name = "dan/conventions/good.py" if parent else "bob/new/good.py"
    graded = classroom.grade_one(HandedIn(folder / name, name))
    assert graded.report is not None
    assert ("by a link" in (graded.report.error or "")) == parent


def test_a_chapter_folder_counts_for_its_chapter_alone(tmp_path: Path) -> None:
    another = "\ndef dropout_ridge(*a):\n    return 0\n"
    folder = write(
        tmp_path,
        {"ann/conventions/a.py": SETTINGS, "ben/conventions/a.py": SETTINGS + another},
    )
    ann, ben = (classroom.grade_one(file).report for file in find_handed_in(folder))
    assert ann is not None and ben is not None
    assert (ann.score, ann.max_score) == (ben.score, ben.max_score)
    assert {e.chapter for e in ben.exercises} == {"conventions"}


# ---- Collecting ---------------------------------------------------------------------


def test_files_of_any_name_go_to_where_nbgrader_looks(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in",
        {
            "ada/my answer (1).ipynb": '{"nbformat": 4, "cells": []}',
            "bob.py": SETTINGS,
            "cy.ipynb": "{torn",
            "dan/a.py": "",
            "dan/b.py": "",
            "eve/backward/x.py": "",
        },
    )
    lines = collect(folder, "conventions", tmp_path / "submitted")
    assert [line[0] for line in lines] == ["✗", "✓", "✓", "✓", "✗"]
    assert "eve/backward/x.py" in lines[0]
    assert "dan: 2 files (dan/a.py, dan/b.py); keep one" in lines[4]
    there = {
        p.relative_to(tmp_path / "submitted").as_posix()
        for p in (tmp_path / "submitted").rglob("*.ipynb")
    }
    name = "conventions/conventions.ipynb"
    assert there == {f"ada/{name}", f"bob/{name}", f"cy/{name}"}
    again = collect(folder, "conventions", tmp_path / "submitted")
    assert again[1].endswith(", unchanged.")
    taken = tmp_path / "submitted" / "ada" / name
    taken.write_text("{}")
    again = collect(folder, "conventions", tmp_path / "submitted")
    assert "replaces an earlier one" in again[1]
    with pytest.raises(ClassError, match="There is no chapter 'cooking'"):
        collect(folder, "cooking", tmp_path / "submitted")


@pytest.mark.parametrize("names", [("ann.py", "ben.py"), ("ann/x.py", "ben/x.py")])
def test_a_class_in_a_folder_of_its_own_is_told(
    names: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 45 such students five would not be graded, and none would have a page."""
    write(tmp_path, {f"hand-ins/{name}": SETTINGS for name in names})
    assert main(["grade", str(tmp_path)]) == 0
    told = "All files lie in hand-ins, which counts as one student's."
    assert told in capsys.readouterr().err
    assert main(["grade", str(tmp_path / "hand-ins")]) == 0
    assert "All files lie" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "held"),
    [("ann", "backward, conventions"), ("bob/conventions", "conventions")],
)
def test_the_folder_of_one_student_is_no_class_of_chapters(
    place: str,
    held: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {
        f"course/submitted/{student}/{chapter}/{chapter}.ipynb": student
        for student in ("ann", "bob")
        for chapter in ("backward", "conventions")
    }
    write(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    assert main(["collect", f"course/submitted/{place}", "conventions"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        f"course/submitted/{place} holds {held}, named after chapters; expected files or "
        "folders named after students: collect the folder that holds those, further up if "
        "this is one student's.\n"
    )
    there = (path for path in tmp_path.rglob("*") if path.is_file())
    assert {path.relative_to(tmp_path).as_posix() for path in there} == {*files}


def test_one_student_may_be_called_like_a_chapter(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"noise/x.py": SETTINGS, "ann/x.py": SETTINGS})
    lines = collect(folder, "conventions", tmp_path / "out")
    assert [line[:3] for line in lines] == ["✓ a", "✓ n"]
    (folder / "ann" / "x.py").unlink()
    own = "(?P<student>.*)/.*"
    [line] = collect(folder, "conventions", tmp_path / "out", own)
    assert line.startswith("✓ noise: ")


@posix
def test_no_link_in_submitted_leads_to_the_work_of_others(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"ann.py": SETTINGS, "mallory.py": "x = 1"})
    submitted = tmp_path / "submitted"
    assert all(
        line.startswith("✓") for line in collect(folder, "conventions", submitted)
    )
    theirs = submitted / "ann" / "conventions" / "conventions.ipynb"
    before = theirs.read_bytes()
    own = submitted / "mallory" / "conventions"
    (own / "conventions.ipynb").unlink()
    own.rmdir()
    own.symlink_to(theirs.parent)
    lines = collect(folder, "conventions", submitted)
    assert [line[0] for line in lines] == ["✓", "✗"]
    assert "behind a link" in lines[1]
    assert theirs.read_bytes() == before


def test_what_is_not_the_students_own_file_is_not_collected(tmp_path: Path) -> None:
    folder = linked_class(tmp_path / "in")
    (folder / "bob/now.py").unlink()
    (folder / "ida").mkdir()
    os.mkfifo(folder / "ida" / "x.ipynb")
    lines = collect(folder, "conventions", tmp_path / "submitted")
    marks = {line.split(": ")[0] for line in lines}
    refused = {
        f"✗ {name}" for name in ("ann", "dan", "eve", "fay", "gil", "hal", "ida")
    }
    assert marks == refused | {"✓ bob", "✓ cy"}
    assert "it is not a file" in lines[-1]
    assert len(list((tmp_path / "submitted").rglob("*.ipynb"))) == 2


def test_a_name_that_nbgrader_stops_at_is_not_collected(tmp_path: Path) -> None:
    names = ("a\nb", "a*", "[a]", "a?", "<b>", "\udcff")
    for name in (*names, "Zoë O'Neil (2)"):
        write(tmp_path / "in", {f"{name}.py": SETTINGS})
    lines = collect(tmp_path / "in", "conventions", tmp_path / "submitted")
    assert len([line for line in lines if line.startswith("✗")]) == len(names)
    assert [path.name for path in (tmp_path / "submitted").iterdir()] == [
        "Zoë O'Neil (2)"
    ]


@pytest.mark.parametrize(
    "text",
    [
        SETTINGS,
        f"# %%\nimport numpy as np\n# %%\n{SETTINGS}\n# %% text\nx = 1\n",
        f"x = 1 / 0\n{SETTINGS}",
        f"def torn(:\n{SETTINGS}\ncheck('classic_settings')\n",
    ],
)
def test_a_script_as_a_notebook_is_the_same_submission(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.py"
    path.write_text(text, encoding="utf-8")
    script = read_submission(path)
    notebook = read_notebook(json.loads(as_notebook(path)), "a.py")
    assert notebook.script
    assert [c.source for c in notebook.code] == [c.source for c in script.code]
    straight, around = grade(script), grade(notebook)
    assert [e.score for e in straight.exercises] == [e.score for e in around.exercises]
    assert straight.score > 0


def nest(folder: Path, depth: int) -> None:
    """Put a script so many folders below a folder; no path is as long as Python's stack."""
    folder.mkdir(parents=True, exist_ok=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(depth):
            Path("d").mkdir()
            os.chdir("d")
        Path("x.py").write_text("x = 1\n")
    finally:
        os.chdir(before)


@posix
def test_what_is_handed_in_is_found_however_deep(deep_path: Path) -> None:
    nest(deep_path / "bob", 1500)
    (deep_path / "bob" / "here").symlink_to(deep_path / "bob")
    found = find_handed_in(deep_path)
    assert [(file.student, file.path.name) for file in found] == [("bob", "x.py")]


@posix
@pytest.mark.slow
@pytest.mark.parametrize("depth", [950, 1500])
def test_folders_nested_without_end_stop_nobody_else(
    depth: int, deep_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = write(deep_path / "class", {"ada/a.py": SETTINGS}), deep_path / "out"
    nest(folder / "bob", depth)
    for _ in range(2):  # the second run meets the reports of the first
        code = main(["grade", str(folder), "--json", str(out), "--sandbox", "off"])
        told = capsys.readouterr()
        assert "of 10  ada/a.py" in told.out
        assert (out / "ada/a.py.json").is_file()
        # Where the report has no place, that is said.
        assert code == (1 if "could not be written" in told.err else 0)
        with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
            assert [row["student"] for row in csv.DictReader(file)] == ["ada", "bob"]
    assert len(collect(folder, "conventions", deep_path / "submitted")) == 2


def test_no_name_takes_the_place_of_another_report_or_of_the_summary() -> None:
    names = [
        *("summary.csv/a.py", "summary.csv_/a.py", "a.py", "a.py.json/a.py"),
        *("a.py.json_/a.py", "a.py.json", "b" * 250 + ".py", "b" * 249 + "c.py"),
    ]
    paths = [report_name(name) for name in names]
    assert len(set(paths)) == len(paths)
    files = {path.as_posix() for path in paths} | {"summary.csv"}
    folders = {folder.as_posix() for path in paths for folder in path.parents}
    assert not files & folders
    assert max(len(path.name) for path in paths) < 230


#: File names that a spreadsheet might take for a formula, where columns end at some mark.
FORMULAS = (
    *("=1+1", "a;=cmd", "+x", "b,@y", "c\t-z", "a; =1", "\uff1d1+1", "a;\uff20x"),
    *('x;"=1+1&";y', 'a\n=HYPERLINK("http:..evil","click")', '"=1"', 'a"\n"=1'),
)


@pytest.mark.parametrize("name", FORMULAS)
def test_no_column_of_the_table_begins_a_formula(name: str) -> None:
    file = HandedIn(Path(f"{name}.py"), f"{name}.py")
    table = summary_csv([Graded(file, None, f"{name} failed; =1")])
    for separator in ",;\t|":
        for row in csv.reader(table.splitlines()[1:], delimiter=separator):
            begins = {cell.strip(" '")[:1] for cell in row if cell[:1] != "'"}
            assert not begins & set("=+-@\uff0b\uff0d\uff1d\uff20"), row


def test_collect_copies_no_file_that_is_too_large(tmp_path: Path) -> None:
    folder = write(tmp_path / "class", {"ann.ipynb": "{}"})
    with (folder / "ann.ipynb").open("r+b") as file:
        file.truncate(2**40)  # of which the disk holds nothing
    [line] = collect(folder, "conventions", tmp_path / "submitted")
    assert line.startswith("✗ ann: ann.ipynb was not copied (it is larger than 20 MB)")


@pytest.mark.parametrize("name", ["=1+1", "+x", "@y"])
def test_collect_takes_no_name_that_is_a_formula(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "class", {f"{name}.py": "x = 1"})
    [line] = collect(folder, "conventions", tmp_path / "submitted")
    assert line.startswith(f"✗ {name}: nbgrader takes no student whose name holds")


def test_no_student_holds_a_class_with_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some files of Eve's are not graded, and say so; all others' are."""
    monkeypatch.setattr(classroom, "MOST_FILES", 4)
    monkeypatch.setattr(classroom, "MOST_TRIES", 2)
    monkeypatch.setattr(
        classroom,
        "_first_round",
        lambda waiting, _: {
            file: TryAgain("it slept", 0.0) for file in waiting.values()
        },
    )
    names = [*(f"eve/{number}.py" for number in range(6)), "ann.py", "bo/a.py"]
    folder = write(tmp_path / "class", dict.fromkeys(names, SETTINGS))
    results = {
        graded.handed_in.name: graded.failure
        for graded in grade_class(find_handed_in(folder), jobs=1)
    }
    assert set(results) == set(names)
    slept = "it slept, as in other files of this student; no score"
    many = "not graded: 4 files of one student were"
    assert {name: why for name, why in results.items() if why} == {
        "eve/2.py": slept, "eve/3.py": slept, "eve/4.py": many, "eve/5.py": many,
    }  # fmt: skip
