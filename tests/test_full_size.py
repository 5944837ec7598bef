"""A class of a thousand: damaged files, hostile code, and runs that are killed.

What takes long runs in `make test-all` alone, or at its full size there.
"""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

from autograder.isolation.limits import Limits
from tests import fixture_class
from tests.damaged import damaged
from tests.fixture_class import CHAPTER, answering, other, solved
from tests.test_attacks import ATTACKS
from tests.test_judges import look_after, marked, soon, tree
from tests.test_whole_class import held

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
#: Seconds of a core that one submission may take, whatever it does.
MOST_SECONDS = 60.0


def test_no_file_may_take_more_than_a_minute_of_a_core() -> None:
    """What its worker takes, what the checks take for it, and a start with a last look."""
    bounds = Limits()
    assert bounds.total_seconds + bounds.judging_seconds + 1 < MOST_SECONDS


def sizes(*pairs: tuple[int, ...]) -> Any:
    """Parametrize a test by its small and its full size."""
    small, full = pairs
    return [pytest.param(*small), pytest.param(*full, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixture_class.new_course(tmp_path_factory.mktemp("size") / "course")


@pytest.fixture(scope="module")
def perfect(course: Path) -> dict[str, Any]:
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    return solved(course, json.loads(released.read_bytes()))


@pytest.fixture
def own_course(course: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the course, in which nobody has handed in."""
    yield Path(shutil.copytree(course, tmp_path / "course"))


def hand_in(course: Path, student: str, content: bytes) -> None:
    place = course / "course" / "submitted" / student / CHAPTER
    place.mkdir(parents=True)
    (place / f"{CHAPTER}.ipynb").write_bytes(content)


GRADE = ("autograder", "grade", "course/submitted", "-j", "2")
TO_GRADEBOOK = (*GRADE, "--gradebook", CHAPTER, "--csv", "class.csv")


def begin(course: Path, *command: str, marker: str = "") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=course,
        env=os.environ | {"PATH": f"{os.environ['PATH']}:/nowhere/{marker}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ---- Damaged files ------------------------------------------------------------------


@pytest.mark.parametrize(("count", "first"), sizes((16, 7_000), (2_000, 0)))
def test_damaged_notebooks_all_get_a_result_and_no_traceback(
    count: int, first: int, own_course: Path, perfect: dict[str, Any]
) -> None:
    for number in range(count):
        hand_in(own_course, f"s{number:04}", damaged(perfect, first + number))
    command = (*TO_GRADEBOOK, "--page", "class.html", "--feedback", "pages")
    done = begin(own_course, *command)
    out, err = done.communicate(timeout=60 + 10 * count)
    assert done.returncode == 0, err[-3000:]
    assert "Traceback" not in out + err
    rows = table(own_course / "course" / "reports" / CHAPTER / "summary.csv")
    assert len(rows) == len({row["student"] for row in rows}) == count
    for row in rows:
        assert 0 <= float(row["score"]) <= float(row["max_score"]) == 10, row
        assert bool(row["error"]) == (float(row["score"]) == 0) or not row["error"], row
    scores, _ = held(own_course)
    assert len({row[0] for row in scores}) == count
    summed = Counter[str]()
    for student, _, score, *_ in scores:
        summed[student] += score or 0
    assert all(summed[row["student"]] == float(row["score"]) for row in rows)
    assert len(list((own_course / "pages").rglob("*.html"))) == count


# ---- A class with hostile code ------------------------------------------------------


def broken(notebook: dict[str, Any], number: int) -> bytes:
    """Return a file that is no notebook."""
    text = other(notebook, number)
    return [b"", text[:-700], b"{}", text.decode().encode("utf-16"), b"[" * 9_999][
        number % 5
    ]


@pytest.mark.parametrize(
    ("count", "hostile", "torn"), sizes((9, 2, 2), (1_000, 50, 50))
)
def test_a_class_with_hostile_and_broken_files_is_graded_whole(
    count: int, hostile: int, torn: int, own_course: Path, perfect: dict[str, Any]
) -> None:
    marker = f"marker-{os.getpid()}-{count}"
    # The longest come last, and the small class takes the first.
    attacks = sorted(ATTACKS, key=lambda name: ("flood" in name, "loop" in name, name))
    expected: dict[str, float | None] = {}
    for number in range(count):
        student = f"s{number:04}"
        if number % (count // hostile) == 1 and number // (count // hostile) < hostile:
            attack = attacks[number // (count // hostile) % len(attacks)]
            answer = f"# {number}\n{ATTACKS[attack]}"
            content = answering(perfect, "inverted_dropout", answer)
            expected[student] = None
            hand_in(own_course, student, json.dumps(content).encode())
        elif number % (count // torn) == 2 and number // (count // torn) < torn:
            expected[student] = 0
            hand_in(own_course, student, broken(perfect, number // (count // torn)))
        else:
            expected[student] = 10
            hand_in(own_course, student, other(perfect, number))
    assert Counter(expected.values()) == {
        10: count - hostile - torn, 0: torn, None: hostile
    }  # fmt: skip
    done = begin(own_course, *TO_GRADEBOOK, marker=marker)
    look_after(marker, done)
    _, err = done.communicate(timeout=120 + 10 * count)
    assert done.returncode == 0, err[-3000:]
    assert soon(lambda: not marked(marker), 10), marked(marker)
    rows = table(own_course / "course" / "reports" / CHAPTER / "summary.csv")
    assert [row["student"] for row in rows] == list(expected)
    for row in rows:
        wanted = expected[row["student"]]
        if wanted is None:
            assert float(row["inverted_dropout"]) == 0
        else:
            assert float(row["score"]) == wanted, row
    assert len({row[0] for row in held(own_course)[0]}) == count


def seconds_of(pids: list[int], spent: dict[int, float]) -> None:
    """Note the processor time of these processes so far."""
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            spent[pid] = max(spent.get(pid, 0.0), ticks / os.sysconf("SC_CLK_TCK"))


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(name, marks=() if name == "exits" else pytest.mark.slow)
        for name in ATTACKS
    ],
)
def test_no_submission_takes_more_than_a_minute_of_a_core(
    attack: str, tmp_path: Path
) -> None:
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.py").write_text(ATTACKS[attack])
    process = begin(tmp_path, "autograder", "grade", "class", "--json", "out")
    spent: dict[int, float] = {}
    while process.poll() is None:
        seconds_of(tree(process.pid), spent)
        time.sleep(0.02)
    process.communicate()
    [row] = table(tmp_path / "out" / "summary.csv")
    assert float(row["score"]) == 0
    assert 0 < sum(spent.values()) < MOST_SECONDS


# ---- Runs that are killed -----------------------------------------------------------


def result(course: Path) -> tuple[Any, ...]:
    """Return all that a run leaves behind: gradebook, tables, reports, notebooks, and what
    is handed out."""
    places = ("course/reports", "course/autograded", "course/submitted", "exercises")
    files = [path for place in places for path in (course / place).rglob("*")]
    files.append(course / "class.csv")
    named = {str(path.relative_to(course)): path for path in files if path.is_file()}
    return held(course), {
        name: path.read_bytes() for name, path in named.items() if not name.endswith(".ipynb")
    }, sorted(named)  # fmt: skip


def finished(course: Path) -> tuple[Any, ...]:
    """Run to the end, and return what is there then."""
    done = begin(course, *TO_GRADEBOOK)
    _, err = done.communicate(timeout=600)
    assert done.returncode == 0, err[-3000:]
    return result(course)


@pytest.fixture(scope="module")
def handed_in(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course in which a small class has handed in."""
    made = tmp_path_factory.mktemp("killed") / "course"
    shutil.copytree(course, made)
    files = fixture_class.hand_in(made, made.parent / "files")
    for student in ("perfect", "forgets", "swaps", "syntax", "plots", "empty"):
        hand_in(made, student, files[student].read_bytes())
    return made


@pytest.fixture(scope="module")
def undisturbed(
    handed_in: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tuple[Any, ...], float]:
    """Return what a run leaves that nobody stops, and how many seconds it took."""
    own = Path(shutil.copytree(handed_in, tmp_path_factory.mktemp("whole") / "course"))
    began = time.monotonic()
    return finished(own), time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("moments", [20])
def test_whatever_is_killed_whenever_the_next_run_ends_as_if_nothing_had_been(
    moments: int,
    handed_in: Path,
    undisturbed: tuple[tuple[Any, ...], float],
    tmp_path: Path,
) -> None:
    """A few moments, each of one process, are in test_whole_class.py and test_judges.py."""
    wanted, seconds = undisturbed
    chance = random.Random(moments)
    killed: Counter[str] = Counter()
    for moment in range(moments):
        own = Path(shutil.copytree(handed_in, tmp_path / str(moment)))
        marker = f"marker-{os.getpid()}-{moments}-{moment}"
        process = begin(own, *TO_GRADEBOOK, marker=marker)
        look_after(marker, process)
        time.sleep(chance.uniform(0.05, 1.0) * seconds)
        # Half of the time the program itself, which the rest depends on.
        pid = chance.choice([process.pid, chance.choice(tree(process.pid))])
        with suppress(ProcessLookupError):
            killed["program" if pid == process.pid else "its processes"] += 1
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=600)
        assert soon(lambda marker=marker: not marked(marker), 10), marked(marker)
        assert finished(own) == wanted, (moment, killed)
        shutil.rmtree(own)
    assert len(killed) == 2
