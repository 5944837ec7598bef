"""A page of feedback for each student."""

import re
from pathlib import Path

import pytest

from autograder.__main__ import main
from tests.fixture_class import FORGETS, SWAPS


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    folder = tmp_path / "handed in"
    for student, files in {
        "anna": {"first.py": FORGETS, "second.py": SWAPS},
        "ben & <b>co": {"mine.py": ""},
    }.items():
        for name, text in files.items():
            path = folder / student / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def test_every_student_gets_one_page_with_all_files(
    handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROPOUT_BOOK", "https://example.org/book")
    out = tmp_path / "pages"
    assert main(["grade", str(handed_in), "-j", "1", "--feedback", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"anna.html", "ben & <b>co.html"}
    page = (out / "anna.html").read_text(encoding="utf-8")
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["first.py", "second.py"]
    assert "Likely cause: kept units come back unchanged" in page
    link = "https://example.org/book/chapters/conventions.html#conv-definitions"
    assert f'<a href="{link}">' in page
    assert "<script" not in page
    assert "Content-Security-Policy" in page
    assert "ben" not in page
    other = (out / "ben & <b>co.html").read_text(encoding="utf-8")
    assert "<h1>Feedback for ben &amp; &lt;b&gt;co</h1>" in other
    assert "mine.py is empty" in other


def test_names_without_room_for_an_ending_get_pages_of_their_own(
    handed_in: Path, tmp_path: Path
) -> None:
    (handed_in / "anna").rename(handed_in / ("ä" * 127))
    for name in ("ä" * 126 + "aaa", "ä" * 125):
        (handed_in / name).mkdir()
        (handed_in / name / "x.py").write_text("", encoding="utf-8")
    out = tmp_path / "pages"
    grade = ["grade", str(handed_in), "-j", "1", "--feedback", str(out)]
    assert main(grade) == 0
    pages = {path.name: path.read_text("utf-8") for path in out.iterdir()}
    assert len(pages) == 4 and {"ben & <b>co.html", "ä" * 125 + ".html"} <= {*pages}
    cut = next(name for name, text in pages.items() if "first.py" in text)
    # Who is called as another's page is, takes none of it.
    (handed_in / cut.removesuffix(".html")).mkdir()
    (handed_in / cut.removesuffix(".html") / "mallory.py").write_text("")
    assert main(grade) == 0
    assert "mallory.py" in (out / cut).read_text("utf-8")
    assert sum("first.py" in path.read_text("utf-8") for path in out.iterdir()) == 1
    assert len([*out.iterdir()]) == 6 - 1


def test_a_place_that_cannot_be_written_is_told(
    handed_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    arguments = ["grade", str(handed_in), "-j", "1", "--feedback", str(taken)]
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "taken' is no folder; expected one" in capsys.readouterr().err
