"""``grade`` takes what a learning platform lets one download, packed or not, and calls each
student's work by the student's name."""

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest

from autograder.__main__ import main

#: Nothing to judge, which is quick; and what has a verdict.
SCRIPT = "x = 1\n"
WRITTEN = (
    "def annealed_keep_prob(step, total_steps, initial_keep_prob):\n    return 1\n"
)
#: By platform: names of files, and by these whose they are, "" where they do not count.
DOWNLOADS = {
    "Moodle": {
        "Ann Lee_11_assignsubmission_file_/a.py": "Ann Lee_11",
        "Ann Lee_12_assignsubmission_file_/a.py": "Ann Lee_12",
        "Bo Kim_13_assignsubmission_file_/a.py": "Bo Kim",
    },
    "Canvas": {
        "leeann_12_345_a.py": "leeann",
        "leeann_12_346_b.py": "leeann",
        "kimbo_LATE_13_347_a.py": "kimbo",
    },
    "Blackboard": {
        "Sheet_alee_attempt_2026-11-27-18-30-05_a.py": "",
        "Sheet_alee_attempt_2026-11-27-18-40-05_b.py": "alee",
        "Sheet_bkim_attempt_2026-11-27-18-30-05_a.py": "bkim",
    },
    "folders": {"ann/conventions/a.py": "ann", "bo/conventions/a.py": "bo"},
    "files": {"ann_1.py": "ann_1", "bo.py": "bo"},
}
METADATA = """
submission_1:
  :submitters:
  - :name: Ann Lee
    :email: ann@example.org
  - :name: Bo Kim
    :email: bo@example.org
submission_2:
  :submitters:
  - :name: Cy
    :email: cy@example.org
"""


def packed(place: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(place / "download.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return place / "download.zip"


def graded(source: Path, out: Path) -> dict[tuple[str, str], str]:
    """Grade a download, and return the scores by student and file."""
    main(["grade", str(source), "--json", str(out)])
    text = (out / "summary.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return {(row["student"], row["file"]): row["score"] for row in rows}


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize("platform", DOWNLOADS)
def test_work_is_called_after_its_student(
    platform: str, unpacked: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = DOWNLOADS[platform]
    source = packed(tmp_path, dict.fromkeys(names, SCRIPT))
    if unpacked:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(source := tmp_path / "class")
    found = graded(source, tmp_path / "out")
    assert set(found) == {(who, name) for name, who in names.items() if who}
    told = capsys.readouterr()
    by_platform = platform not in ("folders", "files")
    for name, who in names.items() if by_platform else ():
        assert f"{who}, {name}" in told.out or not who
    passed_over = [name for name, who in names.items() if not who]
    assert all(
        f"a later attempt counts, not {name}." in told.err for name in passed_over
    )


def test_each_submitter_has_what_several_handed_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {f"submission_{number}/a.py": SCRIPT for number in (1, 2)}
    source = packed(tmp_path, {**files, "submission_metadata.yml": METADATA})
    page, feedback = tmp_path / "class.html", tmp_path / "feedback"
    more = ["--page", str(page), "--feedback", str(feedback)]
    main(["grade", str(source), *more])
    students = {"Ann Lee.html", "Bo Kim.html", "Cy.html"}
    assert {path.name for path in feedback.iterdir()} == students
    assert "Bo Kim, submission_1/a.py" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "submission_1/a.py and submission_1/a.py" not in text


def test_submissions_without_what_says_whose_they_are_are_graded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = packed(tmp_path, {"submission_1/a.py": SCRIPT, "submission_2/a.py": "x ="})
    found = graded(source, tmp_path / "out")
    assert {student for student, _ in found} == {"submission_1", "submission_2"}
    assert "no submission_metadata.yml" in capsys.readouterr().err


def test_who_handed_in_no_work_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = dict.fromkeys(("a_12_345_a.py", "b_12_345_a.doc"), SCRIPT)
    assert main(["grade", str(packed(tmp_path, files))]) == 1
    told = capsys.readouterr()
    assert "✗ b: no notebook and no .py file; found b_12_345_a.doc." in told.err
    assert "a, a_12_345_a.py" in told.out


def test_an_archive_is_graded_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = packed(tmp_path, dict.fromkeys(DOWNLOADS["Canvas"], WRITTEN))
    first = graded(source, tmp_path / "out")
    assert graded(source, tmp_path / "out") == first
    assert "3 of 3 files were graded before" in capsys.readouterr().err


def test_a_class_that_lies_in_one_folder_of_an_archive_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("class/ann/a.py", "class/bo/a.py")
    main(["grade", str(packed(tmp_path, dict.fromkeys(names, SCRIPT)))])
    assert "unpack the archive and grade that folder." in capsys.readouterr().err


def test_no_archive_is_a_gradebook_s_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    source = packed(tmp_path, {"ann.py": SCRIPT})
    assert main(["grade", str(source), "--gradebook", "conventions"]) == 2
    assert "collect puts work there" in capsys.readouterr().err


#: Students' folders of which nothing is graded, and what is in them.
NOTHING = {
    "bob": "bob/conventions/conventions.IPYNB",
    "cy": "cy/conventions/conventions.pdf",
    "eve": "eve/conventions/.conventions.ipynb",
    ".ida": ".ida/conventions/conventions.ipynb",
    "mac": "mac/conventions/.DS_Store",
    "gus": "gus/conventions/",
    "hu": "hu/",
}


def put(place: Path, name: str) -> None:
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("/"):
        (place / name).mkdir(exist_ok=True)
    else:
        (place / name).write_text("x = 1")


@pytest.mark.parametrize("archive", [False, True])
def test_each_student_without_work_is_named(
    archive: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "class"
    others = ("ann/a.py", "__hal/a.py", "grades.csv", ".git/x.py", ".idea/x.xml")
    for name in (*others, *NOTHING.values()):
        put(source, name)
    if archive:
        with zipfile.ZipFile(tmp_path / "class.zip", "w") as packed_class:
            for path in sorted(source.rglob("*")):
                packed_class.write(path, path.relative_to(source))
        source = tmp_path / "class.zip"
    assert main(["grade", str(source)]) == 1
    told = capsys.readouterr()
    assert re.findall(r"^✗ (.*?):", told.err, re.MULTILINE) == sorted(NOTHING)
    assert "__hal/a.py" in told.out and "ann/a.py" in told.out


def test_both_ways_to_write_a_name_are_one_student_s(tmp_path: Path) -> None:
    for name in ("Zoë/a.py", "Zoe\u0308/b.py"):
        put(tmp_path / "class", name)
    found = graded(tmp_path / "class", tmp_path / "out")
    assert {student for student, _ in found} == {"Zoë"}


def test_no_part_of_a_users_name_on_blackboard_is_taken_for_the_sheets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing says which part is the sheet's, the whole is what a file is called."""
    late = "attempt_2026-11-27-18-30-05_a.py"
    names = [f"HW_{who}_{late}" for who in ("lee_j", "lee_k")]
    found = graded(packed(tmp_path, dict.fromkeys(names, SCRIPT)), tmp_path / "out")
    assert {student for student, _ in found} == {"HW_lee_j", "HW_lee_k"}
    assert "HW_lee_j, HW_lee_k: nothing says where the sheet" in capsys.readouterr().err
    names.append(f"HW_a_b_{late}")
    found = graded(packed(tmp_path, dict.fromkeys(names, SCRIPT)), tmp_path / "new")
    assert {student for student, _ in found} == {"lee_j", "lee_k", "a_b"}
    assert "HW is the sheet's name" in capsys.readouterr().err
