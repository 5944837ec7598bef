"""The README shows what the commands print, and names only what is there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.doors.options import parser
from autograder.families import everywhere, kinds, small_calls, tally
from autograder.families.everywhere import ROWS
from autograder.wire import values
from tests.bank import ROOT

#: The secret with which the README's verdict was made: its replay code is a real one.
SECRET = "the secret of this page"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(after: str) -> str:
    """Return the fenced block that follows a comment in the README."""
    found = re.search(
        rf"<!-- {re.escape(after)} -->\n```\w*\n(.*?)```", README, re.DOTALL
    )
    assert found, f"the README has no block after <!-- {after} -->"
    return found[1]


def test_the_printed_verdict_is_what_the_command_prints(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(block("my.py"), encoding="utf-8")
    command = "python -m autograder check my.py --exercise inverted_dropout"
    assert command in README
    done = subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "DROPOUT_COURSE_SECRET": SECRET},
        check=True,
    )

    def anywhere(text: str) -> str:
        return re.sub(r"sandbox \w+", "sandbox …", text)

    assert anywhere(done.stdout) == anywhere(block("verdict"))


def test_what_the_judge_does_not_see_begins_where_its_calls_end() -> None:
    part = README.partition("### What the judge does not see")[2].partition("\n## ")[0]
    told = " ".join(part.split())
    few, ranges = max(tally._SIZES), len(kinds._EDGES) - 1
    assert few == everywhere.SMALL
    # Rows are shortest where the least of the large calls have fewest of them.
    sizes = np.linspace(few, everywhere._LARGE, everywhere._LARGE_CALLS)
    assert max(size // n for size, n in zip(sizes, ROWS, strict=False)) > 500
    most = sorted(high for _, high in small_calls._RATED)
    below, above = small_calls._BELOW_AND_ABOVE
    for text in (
        f"Of arrays with up to {most[-1]} units the rate is asked for in four ranges of",
        f"sizes (1, up to {most[1]}, {most[2]} and {most[3]} units) near `keep_prob` "
        f"{below} and {above}",
        f"{ranges} ranges of `keep_prob`) have up to {few} bits",
        f"{everywhere._LARGE_CALLS} more have up to {everywhere._LARGE:,}",
        f"{everywhere._PLAIN} arrays of up to {2 * everywhere._LARGE:,} entries",
        f"{len(ROWS)} of the {everywhere._LARGE_CALLS} large calls have {min(ROWS)} to "
        f"{max(ROWS)} rows, and one of these at least has rows of more than 500 units",
        f"a seed of more than {2**20:,} values",
        f"A result of less than {values._USUAL >> 20} MB",
    ):
        assert text in told


def test_every_path_in_the_readme_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    listed = re.findall(r"^\| `([^`]+)` \|", README, re.MULTILINE)
    assert links and listed
    assert [path for path in [*links, *listed] if not (ROOT / path).exists()] == []


def test_every_grader_command_in_the_readme_is_one() -> None:
    found = re.findall(r"python -m autograder (\w+)((?: [^\s`]+)*)", README)
    assert {"check", "build", "grade", "audit"} <= {name for name, _ in found}
    for name, arguments in found:
        words = [w for w in arguments.split() if "<" not in w]
        parser().parse_args([name, *words])


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"(?m)(?:^|`)make (\w[\w-]*)", README)))
)
def test_every_make_target_in_the_readme_is_one(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^[\w -]*\b{target}\b[\w -]*:", makefile, re.MULTILINE)
