"""No file, and no state of the machine, moves another file's grade or loses a result.

Times are processor times; what a busy machine, or somebody's kill, does to a worker or a
judge is tried again before it counts; a run that is stopped leaves whole files and no
process.
"""

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from autograder.__main__ import main
from autograder.contract.exercise import all_chapters, all_exercises
from autograder.doors import classroom
from autograder.doors.classroom import find_handed_in, grade_class
from autograder.doors.nbgrader.ahead import GradedAhead
from autograder.grading.grade import grade
from autograder.grading.judges import JudgeLost, Judges
from autograder.isolation import atomic, clocks
from autograder.isolation import worker_handle as remote
from autograder.isolation.clocks import TryAgain
from autograder.isolation.limits import Limits
from autograder.isolation.process import Process
from autograder.isolation.starter import starter
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost
from autograder.submission.file import read_submission
from tests.bank import ROOT
from tests.test_attacks import CORRECT, MODES
from tests.test_classroom import SETTINGS, write

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
#: Short, and far above what a correct answer takes.
QUICK = Limits(
    cell_seconds=4,
    call_seconds=2,
    total_seconds=12,
    idle_seconds=1.5,
    total_idle_seconds=4,
)
DEF = "def inverted_dropout(x, keep_prob, rng, training=True):\n"
SLEEPS = "import time\n" + DEF + "    time.sleep(1000)\n"
SPINS = DEF + "    while True: pass\n"
#: Computes for about a second, so that there is time to disturb it.
BUSY = """
import time
until = time.process_time() + 1.0
while time.process_time() < until:
    pass
"""


def tree(pid: int) -> list[int]:
    """Return a process and those below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def soon(what: Callable[[], object], seconds: float = 60.0) -> object:
    """Return what ``what`` returns once it is true; None when that takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.02)
    return None


class Meddler(threading.Thread):
    """Does something to the first worker of this process that is at its student's code."""

    def __init__(self, meddle: Callable[[int], None]) -> None:
        super().__init__(daemon=True)
        self.meddle, self.met = meddle, False

    def run(self) -> None:
        worker = soon(self.busy_worker)
        if worker is not None:
            assert isinstance(worker, int)
            self.meddle(worker)
            self.met = True

    def busy_worker(self) -> int | None:
        for process in list(starter.running):
            clock = getattr(process, "clock", None)
            if clock is not None and clock.processor > 0.2:
                return tree(process.popen.pid)[-1]
        return None


def pause(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


# ---- Time -------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("meddle", [pause, kill, lambda pid: os.kill(pid, 15)])
def test_a_worker_disturbed_from_outside_costs_no_point(
    meddle: Callable[[int], None], mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "good.py"
    path.write_text(BUSY + "# %%" + CORRECT)
    options = {"exercises": ["inverted_dropout"], "sandbox": mode, "limits": QUICK}
    alone = grade(path, **options)  # type: ignore[arg-type]
    meddler = Meddler(meddle)
    meddler.start()
    report = grade(path, **options)  # type: ignore[arg-type]
    meddler.join(60)
    assert meddler.met
    assert report.score == report.max_score > 0
    assert report.as_json() == alone.as_json()


@linux
def test_with_defer_the_caller_chooses_the_time_of_the_second_try(
    tmp_path: Path,
) -> None:
    path = tmp_path / "good.py"
    path.write_text(BUSY + "# %%" + CORRECT)
    meddler = Meddler(kill)
    meddler.start()
    with pytest.raises(TryAgain, match="killed") as caught:
        grade(path, exercises=["inverted_dropout"], limits=QUICK, defer=True)
    meddler.join(60)
    report = grade(path, exercises=["inverted_dropout"], again=caught.value)
    assert report.score == report.max_score > 0


@linux
@pytest.mark.parametrize("mode", MODES)
def test_sleepers_lose_their_own_points_after_two_tries(
    mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "sleeps.py"
    path.write_text(SLEEPS + SETTINGS)
    report = grade(path, chapter="conventions", sandbox=mode, limits=QUICK)
    results = {e.name: e for e in report.exercises}
    assert results["inverted_dropout"].score == 0
    assert "neither computed nor answered" in results["inverted_dropout"].message
    settings = results["classic_settings"]
    assert settings.score == settings.max_score > 0
    assert "Graded twice" in report.notes[0]


@linux
def test_limits_are_of_processor_time_and_told_in_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "spins.py"
    path.write_text(SPINS + "def classic_dropout(*a, **k):\n    while True: pass\n")
    limits = Limits(cell_seconds=2, call_seconds=1, total_seconds=1.5)
    report = grade(path, chapter="conventions", limits=limits)
    told = "".join(c.message for e in report.exercises for c in e.checks)
    assert "it did not finish within 1 seconds of processor time" in told
    assert "the file's 1.5 seconds of processor time were used up" in told
    assert not re.search(r"\d\.\d\d", told)
    assert report.notes == ()


@pytest.mark.parametrize("code", [SLEEPS, SPINS])
def test_without_figures_of_the_system_the_clock_on_the_wall_decides(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "taken", lambda pid: None)
    path = tmp_path / "slow.py"
    path.write_text(code + SETTINGS)
    report = grade(path, chapter="conventions", limits=QUICK)
    scores = {e.name: e for e in report.exercises}
    assert "did not finish within 2 seconds." in scores["inverted_dropout"].message
    assert scores["classic_settings"].score > 0
    assert "Graded twice" in report.notes[0]


@linux
def test_a_suicide_counts_at_the_second_try_and_costs_itself_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ends.py"
    path.write_text(f"import signal\n{DEF}    signal.raise_signal(9)\n{SETTINGS}")
    scores = {
        e.name: (e.score, e.message)
        for e in grade(path, chapter="conventions", limits=QUICK).exercises
    }
    assert scores["inverted_dropout"][0] == 0
    assert "ended the Python process" in scores["inverted_dropout"][1]
    assert scores["classic_settings"][0] > 0


def test_both_tries_share_the_processor_time_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "spins.py"
    path.write_text(SPINS)
    again = TryAgain("its process was killed", 11.5)
    only = ["inverted_dropout"]
    report = grade(path, exercises=only, limits=QUICK, again=again)
    assert "12 seconds of processor time were used up" in report.exercises[0].message


@linux
def test_a_file_that_waits_in_many_places_is_graded_twice_and_loses_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "waits.py"
    path.write_text("import time\n" + 2 * "# %%\ntime.sleep(1)\n" + CORRECT)
    options = {"exercises": ["inverted_dropout"], "limits": QUICK}
    with pytest.raises(TryAgain, match=r"for 1\.5 seconds it neither"):
        grade(path, defer=True, **options)  # type: ignore[arg-type]
    report = grade(path, **options)  # type: ignore[arg-type]
    assert report.score == report.max_score > 0
    assert report.notes == ()


@linux
def test_closing_the_streams_and_staying_counts_as_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience: list[float] = []
    ended_by = Process.ended_by

    def noted(of: Process, seconds: float) -> int | None:
        patience.append(seconds)
        return ended_by(of, seconds)

    monkeypatch.setattr(Process, "ended_by", noted)
    limits = Limits(total_idle_seconds=3)
    stays = "import os, time\nos.closerange(3, 256)\ntime.sleep(1000)\n"
    with RemoteWorker("off", limits) as worker:
        for _ in range(8):
            with pytest.raises(WorkerLost, match="ended the Python process"):
                worker.run_cell(1, stays)
    assert patience[0] == 2
    assert 0 < patience[1] < 2
    assert patience[-1] == 0


# ---- Processes --------------------------------------------------------------------------

ENDS = "import os\n" + "".join(
    f"def {name}(*a, **k):\n    os._exit(0)\n"
    for name in ("classic_dropout", "inverted_dropout", "classic_settings")
)


def test_a_file_gets_so_many_processes_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_STARTS", 2)
    starts: list[RemoteWorker] = []
    start = RemoteWorker.start
    monkeypatch.setattr(
        RemoteWorker, "start", lambda worker: (starts.append(worker), start(worker))
    )
    path = tmp_path / "ends.py"
    path.write_text(ENDS)
    told = [e.message for e in grade(path, chapter="conventions").exercises]
    assert len(starts) == 2
    ended = "it ended the Python process (exit, a crash or no memory)."
    assert all(ended in message for message in told[:2])
    assert "its Python process ended 2 times before" in told[2]


def test_cells_that_take_the_last_process_are_told_apart_from_functions_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_STARTS", 2)
    path = tmp_path / "ends.py"
    path.write_text(SETTINGS + 3 * "# %%\nimport os; os._exit(0)\n")
    report = grade(path, exercises=["classic_settings"])
    assert (
        "was not asked for classic_settings: its Python" in report.exercises[0].message
    )
    assert len(report.notes) == 2, "the third was not run"


def test_no_answer_to_a_chapter_needs_as_many_processes_as_a_file_gets() -> None:
    """A process for each check, and one for each of the cells that may end one."""
    checks = [sum(len(e.checks) for e in all_exercises(c)) for c in all_chapters()]
    assert max(checks) + 6 <= remote.MOST_STARTS


# ---- A class ----------------------------------------------------------------------------

HOARDS = DEF + "    return [bytearray(2**26) for _ in range(10**6)], None\n"


@linux
@pytest.mark.slow
def test_honest_files_beside_hostile_ones_get_full_marks(tmp_path: Path) -> None:
    hostile = {
        "b.py": SPINS,
        "c.py": HOARDS,
        "d.py": SLEEPS,
        # The judge's cleaning of such a line held its interpreter for seconds.
        "e.py": "print('x' * 40_000)\nprint('\\r' * 40_000)\n" + SPINS,
        "f.py": f"import signal\n{DEF}    signal.raise_signal(9)\n",
    }
    good = {f"{name}.py": CORRECT + SETTINGS for name in ("a", "g", "h")}
    folder = write(tmp_path, hostile | good)
    only = ["inverted_dropout", "classic_settings"]
    results = grade_class(find_handed_in(folder), 4, exercises=only, limits=QUICK)
    reports = {g.handed_in.name: g.report for g in results}
    for name, report in reports.items():
        assert report is not None, results
        if name in good:
            assert report.score == report.max_score > 0
        else:
            assert report.score == 0


def judges_at_work() -> list[int]:
    """Return this process's judges that have started a worker."""
    found = []
    for pid in tree(os.getpid()):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"autograder.grading.judges" in line and len(tree(pid)) > 1:
            found.append(pid)
    return found


@linux
def test_a_judge_that_is_killed_loses_no_result(tmp_path: Path) -> None:
    files = {f"{name}.py": BUSY + "# %%" + CORRECT for name in "abc"}
    folder = write(tmp_path, files)
    killed: list[int] = []

    def meddle() -> None:
        found = soon(judges_at_work)
        assert isinstance(found, list)
        time.sleep(0.3)
        os.kill(found[0], signal.SIGKILL)
        killed.append(found[0])

    thread = threading.Thread(target=meddle, daemon=True)
    thread.start()
    results = grade_class(find_handed_in(folder), 2, exercises=["inverted_dropout"])
    thread.join(10)
    assert killed
    for graded in results:
        assert graded.report is not None, graded.failure
        assert graded.report.score == graded.report.max_score > 0


@linux
def test_a_judge_that_is_killed_loses_no_result_in_nbgrader_either(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.py"
    path.write_text(BUSY + "# %%" + CORRECT)
    ahead = GradedAhead([], lambda key: None, {"exercises": ["inverted_dropout"]})

    def meddle() -> None:
        found = soon(judges_at_work)
        assert isinstance(found, list)
        os.kill(found[0], signal.SIGKILL)

    thread = threading.Thread(target=meddle, daemon=True)
    thread.start()
    try:
        report = ahead.report("a", read_submission(path))
    finally:
        ahead.end()
    thread.join(10)
    assert report.score == report.max_score > 0


def dies(*_: object, **__: object) -> None:
    os._exit(3)


def test_a_judge_that_dies_twice_is_the_graders_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = write(tmp_path / "class", {"a.py": SETTINGS}), tmp_path / "out"
    monkeypatch.setattr(classroom, "grade_one", dies)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert main(["grade", str(folder), "--json", str(out)]) == 1
    assert "no score" in capsys.readouterr().out
    assert not (out / "a.py.json").exists()


@linux
def test_a_judge_has_a_bound_on_its_memory() -> None:
    judges = Judges(1)
    try:
        with pytest.raises(MemoryError):
            judges.begin(bytes, 2 * 2**30).result(60)
        assert judges.begin(len, "ab").result(60) == 2
        with pytest.raises(JudgeLost):
            judges.begin(os._exit, 3).result(60)
        assert judges.alone(len, "abc").result(60) == 3
    finally:
        judges.end()


def test_a_class_is_graded_from_a_program_without_a_file(tmp_path: Path) -> None:
    """Nothing of the caller's main program runs again in a judge."""
    folder = write(tmp_path / "class", {"a.py": SETTINGS})
    program = (
        "from autograder.doors.classroom import find_handed_in, grade_class\n"
        f"found = find_handed_in({str(folder)!r})\n"
        "print(grade_class(found, 2)[0].report.score > 0)\n"
    )
    unguarded = tmp_path / "program.py"
    unguarded.write_text(program)
    for arguments in (["-"], [str(unguarded)]):
        done = subprocess.run(
            [sys.executable, *arguments],
            input=program,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


# ---- Runs that are stopped --------------------------------------------------------------


#: By marker the processes that were found with it or below such, and when they started.
_marked: dict[str, dict[int, bytes]] = {}


def marked(marker: str) -> list[int]:
    """Return the processes that have the marker in their PATH, and their workers, which
    have a PATH of their own: those that run of all that were ever found below them."""
    known = _marked.setdefault(marker, {})
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "environ").read_bytes()
            except OSError:
                continue
            if marker.encode() in text:
                for pid in tree(int(entry.name)):
                    known.setdefault(pid, b"")
    for pid in list(known):
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            del known[pid]
            continue
        if stat[0] == b"Z" or known[pid] not in (b"", stat[19]):
            del known[pid]  # it has ended, or is another process of that number
        else:
            known[pid] = stat[19]
    return list(known)


def look_after(marker: str, run: "subprocess.Popen[str]") -> None:
    """Find the marked processes while a program runs."""

    def look() -> None:
        while run.poll() is None:
            marked(marker)
            time.sleep(0.2)

    threading.Thread(target=look, daemon=True).start()


@contextlib.contextmanager
def started(marker: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the program, and see to it that it ends with the test."""
    path = f"{os.environ['PATH']}:/nowhere/{marker}"
    with subprocess.Popen(
        [sys.executable, "-m", "autograder", *arguments],
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 143, "SIGKILL": -9}


@linux
@pytest.mark.parametrize("sandbox", ["auto", "off"])
@pytest.mark.parametrize("name", CODES)
def test_a_stopped_run_leaves_whole_reports_and_no_process(
    name: str, sandbox: str, tmp_path: Path
) -> None:
    marker = f"marker-{os.getpid()}-{name}-{sandbox}"
    spins = {f"z{i}.py": f"while True: pass  # {i}\n" for i in range(4)}
    folder = write(tmp_path / "class", {"a.py": SETTINGS} | spins)
    out = tmp_path / "out"
    command = ("grade", str(folder), "-j", "2", "--json", str(out))
    with started(marker, *command, "--sandbox", sandbox) as run:
        assert soon((out / "a.py.json").exists)
        # Two judges, each with a worker at work.
        assert soon(lambda: len(marked(marker)) >= 5)
        assert json.loads((out / "a.py.json").read_text("utf-8"))["score"] > 0
        began = time.monotonic()
        run.send_signal(getattr(signal, name))
        _, told = run.communicate(timeout=30)
        assert run.returncode == CODES[name]
        # Busy machines are slow; what was stopped at the end of a file took 30 seconds.
        assert time.monotonic() - began < 10
    if name != "SIGKILL":
        assert told == "\nStopped: 1 of 5 graded.\n"
    assert soon(lambda: not marked(marker), 10), marked(marker)
    assert [path.name for path in out.iterdir()] == ["a.py.json"]


@linux
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_stopped_check_says_so_and_leaves_no_process(
    name: str, tmp_path: Path
) -> None:
    marker = f"marker-{os.getpid()}-check-{name}"
    path = tmp_path / "a.py"
    path.write_text("while True: pass\n")
    with started(marker, "check", str(path)) as run:
        assert soon(lambda: len(marked(marker)) >= 3)
        run.send_signal(getattr(signal, name))
        _, told = run.communicate(timeout=60)
    assert (run.returncode, told) == (CODES[name], "\nStopped.\n")
    assert soon(lambda: not marked(marker), 10), marked(marker)


def with_stdout_closed(*arguments: str) -> tuple[str, int]:
    """Run the program; return what it says elsewhere, and its exit code."""
    with started("closed", *arguments) as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.close()
        return run.stderr.read(), run.wait(60)


def test_a_closed_stdout_loses_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "class", {"a.py": SETTINGS, "b.py": "x = 1\n"})
    out, single = tmp_path / "out", tmp_path / "single.json"
    assert with_stdout_closed("grade", str(folder), "--json", str(out)) == ("", 0)
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["a.py", "b.py"]
    alone = ("check", str(folder / "a.py"), "--json", str(single))
    assert with_stdout_closed(*alone) == ("", 0)
    assert json.loads(single.read_text("utf-8"))["score"] > 0


def test_ctrl_c_during_the_search_for_files_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(classroom, "find_handed_in", interrupted)
    assert main(["grade", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "\nStopped.\n"


@pytest.mark.skipif(os.name != "posix", reason="there are no locks on files")
def test_what_a_killed_run_left_half_written_goes(tmp_path: Path) -> None:
    import fcntl

    folder, out = write(tmp_path / "class", {"a.py": "x = 1\n"}), tmp_path / "out"
    out.mkdir()
    names = [f".dropout-{letter * 16}.part" for letter in "012"] + ["x.part"]
    for name in names:
        (out / name).write_text("{")
    (out / names[2]).unlink()
    (out / names[2]).symlink_to(out / "x.part")
    with (out / names[1]).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert main(["grade", str(folder), "--json", str(out)]) == 0
    # The second is another run's, the others are not ours.
    left = {path.name for path in out.iterdir()}
    assert left == {*names[1:], "a.py.json", "summary.csv"}


def test_a_new_file_is_taken_for_one_left_behind_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer may come between its opening and its lock."""
    opened = atomic._opened

    def swept(path: Path, mode: int) -> BinaryIO:
        file = opened(path, mode)
        monkeypatch.setattr(atomic, "_opened", opened)
        atomic.write_whole(tmp_path / "b", "b")
        return file

    monkeypatch.setattr(atomic, "_opened", swept)
    atomic.write_whole(tmp_path / "a", "a")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a": "a",
        "b": "b",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
def test_reports_go_into_pipes_and_through_links_as_they_are(tmp_path: Path) -> None:
    """As into ``/dev/stdout`` and ``/dev/null``, which must stay what they are."""
    write(tmp_path / "class", {"a.py": "x = 1\n"})
    pipe, link, file = (tmp_path / name for name in ("pipe", "link", "file"))
    os.mkfifo(pipe)
    link.symlink_to(file)
    one, everybody = ("check", f"{tmp_path}/class/a.py"), ("grade", f"{tmp_path}/class")
    for command, option in (
        *((one, option) for option in ("--json", "--gradescope")),
        *((everybody, option) for option in ("--csv", "--page")),
    ):
        main([*command, option, str(link)])
        assert link.is_symlink()
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as cat:
            main([*command, option, str(pipe)])
            assert pipe.is_fifo(), option
            told, _ = cat.communicate(timeout=30)
        assert len(told) > 100 < len(file.read_text()), option


# ---- Time in small pieces ---------------------------------------------------------------

NAP = "time.sleep(0.08)\n"
CALLS_BACK = f"""
import time
def is_inverted_dropout(dropout, rng):
    while True:
        {NAP}        dropout([1.0], 0.5, rng)
"""
#: Answers in the worker's place, in frames that take the judge long to read.
LONG_FRAMES = """
import struct, sys
def is_inverted_dropout(dropout, rng):
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "answers"):
        frame = frame.f_back
    worker, junk = frame.f_locals["self"], "0," * 250_000
    node = '{"is": "constant", "value": null, "junk": [' + junk + '0]}'
    while True:
        head = '{"callback": 0, "kwargs": {}, "request": %d, "args": [' % worker.number
        text = (head + node + "]}").encode()
        worker.answers.write(struct.pack("<II", len(text), 0) + text)
        worker.answers.flush()
        worker.listen()
"""
#: Announces a long frame and says it a byte at a time: sixteen a call for the worker, each
#: of which is a call of its own for the judge.
DRIBBLE = """
import ctypes, fcntl, os, stat, struct
def is_inverted_dropout(dropout, rng):
    for out in range(3, 64):
        try:
            pipe = stat.S_ISFIFO(os.fstat(out).st_mode)
        except OSError:
            continue
        if pipe and fcntl.fcntl(out, fcntl.F_GETFL) & 3 == os.O_WRONLY:
            break
    os.write(out, struct.pack("<II", 8 * 2**20, 48 * 2**20))
    ours, into = os.pipe2(os.O_DIRECT)
    for _ in range(16):
        os.write(into, b"x")
    tee = ctypes.CDLL(None).tee
    while True:
        tee(ours, out, 16, 0)
"""


@linux
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "text",
    ["import time\n" + 400 * f"# %%\n{NAP}" + CORRECT, CALLS_BACK],
    ids=["cells", "calls"],
)
def test_many_short_sleeps_are_a_long_one(text: str, mode: str, tmp_path: Path) -> None:
    path = tmp_path / "naps.py"
    path.write_text(text)
    options = {"exercises": ["is_inverted_dropout"], "sandbox": mode, "limits": QUICK}
    with pytest.raises(TryAgain, match="neither computed nor answered"):
        grade(path, defer=True, **options)  # type: ignore[arg-type]


@linux
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", [LONG_FRAMES, DRIBBLE], ids=["long", "bytes"])
def test_reading_frames_counts_as_the_students_time(
    text: str, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "frames.py"
    path.write_text(text)
    began = time.process_time()
    report = grade(path, exercises=["is_inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.score == 0
    assert "of processor time" in report.as_json()
    # One call may take two seconds; the file's other checks wait for the first.
    assert time.process_time() - began < 1.75 * QUICK.call_seconds
