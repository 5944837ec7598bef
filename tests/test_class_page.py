"""The page on a class: right counts, nothing of a student's acting in it, in few bytes."""

import re
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.contract.mistakes import BOOK
from autograder.doors.class_page import class_page, page_of_class
from autograder.doors.classroom import Graded, HandedIn, find_handed_in
from autograder.grading.report import CheckResult, ExerciseResult, Report
from autograder.submission.cells import SubmissionError
from autograder.submission.file import read_submission
from autograder.wire.text import one_line


def check(name: str, passed: bool) -> CheckResult:
    return CheckResult(name, "passed" if passed else "failed", float(passed), 1.0, "")


def graded(name: str, *passed: bool, mistake: str | None = None) -> Graded:
    """Return a result of ``inverted_dropout`` with checks that passed or did not."""
    names = ("drops_some_units_and_keeps_others", "keeps_units_at_the_stated_rate")
    checks = tuple(check(n, p) for n, p in zip(names, passed, strict=True))
    exercise = ExerciseResult(
        "inverted_dropout", "conventions", "graded", checks, "", mistake
    )
    report = Report(name, "1", None, "none", (exercise,))
    return Graded(HandedIn(Path(name), name), report)


def refused(name: str, why: str) -> Graded:
    report = Report(name, "1", None, "none", (), why)
    return Graded(HandedIn(Path(name), name), report)


CLASS = [
    graded("ann.py", True, True),
    graded("ben.py", True, False, mistake="keeps_with_drop_probability"),
    graded("cem.py", True, False, mistake="keeps_with_drop_probability"),
    graded("dan.py", False, False, mistake="divides_by_drop_probability"),
    refused("eve.py", "eve.py is empty; did the upload fail?"),
    Graded(HandedIn(Path("fay.py"), "fay.py"), None, "the grader failed; no score"),
]


def test_what_is_counted() -> None:
    page = page_of_class(CLASS)
    assert page.files == 6
    bars = page.scores["conventions"]
    assert [bar.count for bar in bars] == [1, 0, 0, 0, 0, 2, 0, 0, 0, 1]
    assert {bar.of for bar in bars} == {4}
    assert page.means == {"conventions": "50"}
    assert [(m.label, m.count, m.of) for m in page.mistakes] == [
        ("inverted_dropout", 2, 4), ("inverted_dropout", 1, 4),
    ]  # fmt: skip
    assert [(c.note, c.count, c.of) for c in page.checks] == [
        ("keeps units at the stated rate", 3, 4),
        ("drops some units and keeps others", 1, 4),
    ]
    assert [name for name, _ in page.failed] == ["eve.py", "fay.py"]


def test_a_student_counts_once_however_many_files_there_are() -> None:
    wrong = "keeps_with_drop_probability"
    copies = [graded(f"ben/{n}.py", True, False, mistake=wrong) for n in range(40)]
    one = [graded("ann.py", True, True), graded("ben.py", True, False, mistake=wrong)]
    many = [*copies[:1], graded("ann.py", True, True), *copies[1:]]
    page, of_each = page_of_class(many), page_of_class(one)
    assert (page.files, page.students) == (41, 2)
    assert page.scores == of_each.scores and page.means == of_each.means
    assert page.mistakes == of_each.mistakes and page.checks == of_each.checks
    best = page_of_class([*many, graded("ben/later.py", True, True)])
    assert best.means == {"conventions": "100"} and best.mistakes == []
    told = "41 files of 2 students. Each student counts once"
    assert told in class_page(many) and "counts once" not in class_page(one)


def test_a_class_in_one_folder_has_its_students(tmp_path: Path) -> None:
    for name in ("ann/a.py", "ann/b.py", "bo/a.py"):
        path = tmp_path / "export" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    report = graded("x.py", True, False).report
    found = [Graded(file, report) for file in find_handed_in(tmp_path)]
    assert page_of_class(found).students == 2


def test_files_that_are_too_many_are_one_row_for_a_student(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, out = tmp_path / "class", tmp_path / "out"
    (folder / "eve").mkdir(parents=True)
    for name in ("ann.py", *(f"eve/{n:04}.py" for n in range(300)), "fay.py"):
        (folder / name).write_text("x = 1")
    monkeypatch.setattr("autograder.doors.classroom.MOST_FILES", 1)
    places = [str(tmp_path / name) for name in ("page.html", "class.csv", "feedback")]
    options = ("--page", places[0], "--csv", places[1], "--feedback", places[2])
    assert main(["grade", str(folder), "--json", str(out), *options]) == 1
    lines = capsys.readouterr().out.splitlines()
    told = (
        "not graded, like 298 more files of this student: 1 files of one student were"
    )
    assert lines[2].endswith(f"eve/0001.py: {told}") and len(lines) == 4
    texts = [Path(place).read_text("utf-8") for place in places[:2]]
    texts += [(out / "summary.csv").read_text("utf-8")]
    assert all(told in text for text in texts)
    texts += [(Path(places[2]) / "eve.html").read_text("utf-8")]
    assert all(text.count("eve/000") + text.count("eve/01") < 4 for text in texts)
    assert (
        "302 files of 3 students, 302 of them without a verdict on the code."
        in texts[0]
    )


def test_names_can_be_left_out() -> None:
    page = class_page(CLASS, names=False)
    assert not re.search("ann|ben|cem|dan|eve|fay", page.replace("canvas", ""))
    assert "file 5 is empty" in page


def test_nothing_that_a_student_wrote_acts() -> None:
    evil = '<img src=x onerror="alert(1)">{{ 7 * 7 }}'
    page = class_page([refused(f"{evil}.py", evil), *CLASS])
    assert "<img" not in page
    assert "49" not in page
    assert page.count("{{ 7 * 7 }}") == 2


def test_a_section_to_teach_again_is_linked_where_the_book_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "Teach again: chapters/conventions.html#" in class_page(CLASS)
    monkeypatch.setenv(BOOK, "https://example.org/book")
    assert 'href="https://example.org/book/chapters/conventions.html#' in class_page(
        CLASS
    )


def test_an_empty_class_has_a_page() -> None:
    assert "Nothing was graded" in class_page([])
    assert "Nothing was graded" in class_page(CLASS[4:])


def test_a_thousand_files_make_a_small_page() -> None:
    assert len(class_page(CLASS * 200).encode()) < 300_000


ONE = """
def classic_settings(weights, learning_rate, weight_decay, keep_prob):
    return weights, learning_rate, weight_decay
"""


def test_the_command_writes_it(tmp_path: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "page.html"
    folder.mkdir()
    (folder / "ann.py").write_text(ONE)
    assert main(["grade", str(folder), "--page", str(out)]) == 0
    text = out.read_text("utf-8")
    assert "classic_settings" in text and "<script" not in text
    assert main(["grade", str(folder), "--fail-under", "0.02"]) == 0
    assert main(["grade", str(folder), "--fail-under", "0.9"]) == 1
    assert main(["check", str(folder / "ann.py"), "--fail-under", "0.9"]) == 1
    with pytest.raises(SystemExit, match="2"):
        main(["grade", str(folder), "--page", str(folder / "ann.py" / "p.html")])


@pytest.mark.parametrize("name", ["Ann  Lee.py", "Ann\u202eLee.py", "Ann\nLee/x.py"])
def test_no_spelling_of_a_name_is_left_where_names_are_left_out(name: str) -> None:
    file = HandedIn(Path(name), name)
    for why in (f"{name} is empty", f"{one_line(name)} is empty; see {file.student}"):
        page = class_page([Graded(file, None, why)], names=False)
        assert "file 1" in page and "Lee" not in page


def test_what_a_long_name_begins_with_is_left_out_too(tmp_path: Path) -> None:
    path = tmp_path / f"{'Lee' * 50}.py"
    with pytest.raises(SubmissionError, match="LeeLee") as error:
        read_submission(path)
    file = HandedIn(path, path.name)
    page = class_page([Graded(file, None, str(error.value))], names=False)
    assert "file 1" in page and "Lee" not in page
