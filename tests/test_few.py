"""However many files a student unpacks below the folder of a class, few of them are held."""

import os
import tracemalloc
from pathlib import Path

import pytest

from autograder.doors import few
from autograder.doors.classroom import (
    ClassError,
    Graded,
    find_handed_in,
    without_floods,
)
from autograder.doors.collect import collect
from autograder.doors.few import EACH_FILES, EACH_NAMES, Few
from tests.test_classroom import SETTINGS, write


def test_many_files_of_long_names_take_little_memory() -> None:
    held, folder = Few(0), "mallory" + "/" + "d" * 3700
    held.add("ann/a.py")
    tracemalloc.start()
    try:
        for number in range(40_000):
            held.add(f"{folder}/{number}.py")
        names = held.names()
        assert tracemalloc.get_traced_memory()[1] < 3 * EACH_NAMES
    finally:
        tracemalloc.stop()
    assert names[0] == ("ann/a.py", 0) and len(names) < 100
    assert sum(1 + more for _, more in names) == 40_001


@pytest.mark.parametrize("outer", ["", "export/"])
def test_a_flood_costs_nobody_else_a_file(outer: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {f"{outer}ann/a/b/c.py": SETTINGS})
    (folder / outer / "zoe" / "deep").mkdir(parents=True)
    (folder / outer / "zoe" / "zz.py").write_text("")
    for number in range(EACH_FILES + 99):
        (folder / outer / "zoe" / "deep" / f"{number:05}.py").write_text("")
    found = find_handed_in(folder)
    names = [file.name for file in found]
    assert names[0] == f"{outer}ann/a/b/c.py" and f"{outer}zoe/zz.py" in names
    assert len(names) == EACH_FILES + 1 and {f.person for f in found} == {"ann", "zoe"}
    assert sum(file.more for file in found) == 100
    left = [Graded(file, None, "not graded: 40", left=True) for file in found[2:]]
    [told] = without_floods(left)
    assert told.failure == "not graded, like 1,098 more files of this student: 40"
    pattern = rf"{outer}(?P<student>[a-z]+)/.*"
    lines = collect(folder, "conventions", tmp_path / "out", pattern)
    assert lines[0].startswith("✓ ann: ")
    assert lines[1].startswith("✗ zoe: 1100 files (") and len(lines) == 2


def test_what_is_too_much_for_a_class_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing says that all are one student's."""
    monkeypatch.setattr(few, "MOST_STUDENTS", 9)
    write(tmp_path, {f"{number}.py": "" for number in range(10)})
    with pytest.raises(ClassError, match="more than 9 students"):
        find_handed_in(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_linked_folder_counts_as_its_own_student(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"J/a.py": SETTINGS, "K/a.py": ""})
    (folder / "J. Doe").symlink_to(tmp_path)
    assert {file.student for file in find_handed_in(folder)} == {"J", "J. Doe", "K"}
