"""No two students are shown as one: names that differ do so wherever they stand."""

import csv
import io
import os
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.doors.class_reports import name_cell
from autograder.doors.collect import collect
from autograder.wire.text import listed, one_line, one_name, unfit_name
from tests.test_classroom import SETTINGS, write

#: As people read them, these are one name, or two.
ALIKE = [
    *("Ann Lee", "Ann  Lee", "Ann\u1680Lee", "Ann \u1680Lee", "Ann\u1680 Lee"),
    *(" Ann Lee", "Ann Lee ", "Ann\tLee", "Ann\nLee", "Ann\xa0Lee", "Ann\u200bLee"),
    *("Ann\u2060Lee", "Ann\ufffdLee", "Ann\x01Lee", "Ann\x02Lee", "Ann\udcffLee"),
    *(r"Ann \x20Lee", r"Ann \x5cx20Lee", r"Ann\u1680Lee", "Ann\\\tLee", r"Ann\Lee"),
    *(
        "Ann\u00adLee",
        "Ann\u200dLee",
        "Ann\u2063Lee",
        "Ann\u3164Lee",
        "Ann\U000e0020Lee",
    ),
    *('Ann"Lee', "Ann'Lee", r"Ann\x22Lee", "=1", "'=1", '"=1', "a;=1", "a;'=1"),
]


def test_names_that_differ_are_shown_so_on_one_line() -> None:
    for shown in (one_name, name_cell):
        told = [shown(name) for name in ALIKE]
        assert len(set(told)) == len(ALIKE)
        # Whatever shows a line may drop blanks, and nothing else is left to drop.
        assert [one_line(each) for each in told] == told


@pytest.mark.parametrize(
    "name", ["Ann Lee", "José", "李 明", "C:\\a", "a-b_c.py", "'ann'"]
)
def test_a_usual_name_stays_as_it_is(name: str) -> None:
    assert one_name(name) == name == name_cell(name)


@pytest.mark.skipif(os.name == "nt", reason="the system drops blanks itself")
def test_students_whose_names_differ_in_blanks_stay_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = ("Ann Lee", "Ann  Lee", " Ann Lee", "Ann\u1680Lee")
    folder = write(tmp_path / "in", {f"{name}/a.py": SETTINGS for name in two})
    out, names = tmp_path / "reports", [one_name(name) for name in two]
    assert main(["grade", str(folder), "--json", str(out), "--sandbox", "off"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert sorted(told) == sorted(f"{'2 of 10':>11}  {name}/a.py" for name in names)
    rows = list(csv.DictReader(io.StringIO((out / "summary.csv").read_text("utf-8"))))
    assert {row["student"] for row in rows} == set(names)
    lines = collect(folder, "conventions", tmp_path / "out")
    assert set(lines) == {f"✓ {name}: {name}/a.py." for name in names}


@pytest.mark.parametrize("name", ["Z#Ann Lee", "Ann%20Lee", "a%2Fb", "a?b", "=1", "a*"])
def test_names_that_lead_nbgrader_elsewhere_are_told(name: str) -> None:
    """Formgrader's link to the first is Z's, that to the second Ann Lee's."""
    assert "rename the folder" in unfit_name(name)
    assert not unfit_name("100% Ann")


def test_names_beside_each_other_stay_apart() -> None:
    assert listed(["Victor", "Lorenz"], " or ") == "Victor or Lorenz"
    assert listed(["a or b", "c"], " or ") == '"a or b" or c'
    assert listed(["ann.py", 'zed, bob".py']) == r'ann.py, "zed, bob\".py"'
