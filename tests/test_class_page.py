"""The page on a class: right counts, nothing of a student's acting in it, in few bytes."""

import re
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.contract.mistakes import BOOK
from autograder.doors.class_page import class_page, page_of_class
from autograder.doors.classroom import Graded, HandedIn
from autograder.grading.report import CheckResult, ExerciseResult, Report
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
    assert (
        main(["grade", str(folder), "--page", str(folder / "ann.py" / "p.html")]) == 2
    )


@pytest.mark.parametrize("name", ["Ann  Lee.py", "Ann\u202eLee.py", "Ann\nLee/x.py"])
def test_no_spelling_of_a_name_is_left_where_names_are_left_out(name: str) -> None:
    file = HandedIn(Path(name), name)
    for why in (f"{name} is empty", f"{one_line(name)} is empty; see {file.student}"):
        page = class_page([Graded(file, None, why)], names=False)
        assert "file 1" in page and "Lee" not in page
