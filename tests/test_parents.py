"""Children end with their parents, and a worker that fails to start costs nobody."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from autograder.isolation import folders as own_folders
from autograder.isolation.bubblewrap import bubblewrap, not_installed
from autograder.isolation.process import PIPE_BYTES
from autograder.isolation.starter import starter
from autograder.isolation.worker_handle import RemoteWorker, WorkerUnavailable
from tests.bank import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
MODES = ["off", *(["required"] if bubblewrap() else [])]
Process = tuple[int, str]


def stat(pid: int | str) -> list[str]:
    """Return a process's state, parent and so on; its start time is the twentieth."""
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return text.rpartition(")")[2].split()


def family(pid: int) -> set[Process]:
    """Return the processes below one, each by its number and start time."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found = stat(entry.name)
        except OSError:
            continue
        parents.setdefault(int(found[1]), []).append((int(entry.name), found[19]))
    below = [*parents.get(pid, [])]
    for child, _ in below:
        below += parents.get(child, [])
    return set(below)


def left_of(processes: set[Process], seconds: float = 10) -> set[Process]:
    """Return which of them still run after a while."""

    def runs(process: Process) -> bool:
        try:
            found = stat(process[0])
        except OSError:
            return False
        return found[19] == process[1] and found[0] not in "ZX"

    end = time.monotonic() + seconds
    while (left := {p for p in processes if runs(p)}) and time.monotonic() < end:
        time.sleep(0.05)
    return left


BUSY = {
    "spins": "while True: pass",
    "sleeps": "import time; time.sleep(600)",
    "ignores signals": (
        "import signal\n"
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "while True: pass"
    ),
}
JUDGE = """
import sys
from autograder.isolation.worker_handle import RemoteWorker
with RemoteWorker(sys.argv[1], ahead=True) as worker:
    worker.start()
    print("begun", flush=True)
    worker.run_cell(1, sys.argv[2])
"""


@linux
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", BUSY)
def test_a_busy_worker_ends_with_a_judge_that_is_killed(code: str, mode: str) -> None:
    judge = subprocess.Popen(
        [sys.executable, "-c", JUDGE, mode, BUSY[code]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert judge.stdout is not None
    assert judge.stdout.readline() == b"begun\n"
    end = time.monotonic() + 60
    while len(workers := family(judge.pid)) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    workers |= family(judge.pid)
    assert len(workers) >= 2
    judge.kill()
    judge.wait()
    judge.stdout.close()
    assert left_of(workers) == set()


#: A thread that neither signals nor the end of the main thread end.
ENDLESS = """
import signal, threading, time
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)]).start()
"""


@linux
@pytest.mark.usefixtures("no_spares")
@pytest.mark.parametrize("mode", MODES)
def test_a_busy_worker_is_gone_when_it_is_stopped(mode: str) -> None:
    before = family(os.getpid())
    with RemoteWorker(mode) as worker:
        assert worker.run_cell(1, ENDLESS).error is None
        workers = family(os.getpid()) - before
        assert workers
        assert left_of(workers, 0.3) == workers, "unless it is stopped it goes on"
    assert left_of(workers) == set()


#: Begins a process in its own group, says which, and waits.
PAIR = """
import subprocess, sys, time
from pathlib import Path
wait = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(wait, start_new_session=sys.argv[2] == "another")
Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""


@linux
@pytest.mark.parametrize("group", ["own", "another"])
def test_a_worker_is_killed_with_its_whole_group(group: str, tmp_path: Path) -> None:
    """Where no filter refuses a child. One of another group shows that it goes on."""
    told = tmp_path / "pid"
    command = [sys.executable, "-c", PAIR, str(told), group]
    process = starter.launch(command, False).result()
    try:
        while not (told.exists() and told.read_text()):
            time.sleep(0.01)
        pid = int(told.read_text())
        child = {(pid, stat(pid)[19])}
        leader = {(process.popen.pid, stat(process.popen.pid)[19])}
        assert left_of(child | leader, 0.1) == child | leader
    finally:
        process.kill()
    left = left_of(child | leader, 10 if group == "own" else 0.5)
    if group == "another":
        os.kill(pid, signal.SIGKILL)
    assert left == (child if group == "another" else set())


#: Ends with its parent as it does where the kernel does not see to that.
CHILD = """
import time
from autograder.wire import parents
parents._ask_the_kernel = lambda: False
parents.end_with_parent()
print("begun", flush=True)
time.sleep(600)
"""


@linux
def test_without_the_kernels_help_a_child_looks_after_its_parent() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "subprocess.Popen([sys.executable, '-c', sys.argv[1]])\ntime.sleep(600)",
            CHILD,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"begun\n"
    children = family(parent.pid)
    assert left_of(children, 1.2) == children != set(), "with it, it lives"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert left_of(children) == set()


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no parents")
@pytest.mark.parametrize("theirs", [True, False])
def test_who_comes_after_its_parents_end_ends_at_once(theirs: bool) -> None:
    script = (
        "import sys\nfrom autograder.wire.parents import end_with_parent\n"
        "end_with_parent(int(sys.argv[1]))\nprint('goes on')"
    )
    parent = os.getpid() if theirs else os.getpid() + 1
    done = subprocess.run(
        [sys.executable, "-c", script, str(parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (("goes on\n", 0) if theirs else ("", 1))


@pytest.fixture
def no_spares() -> Any:
    """Have no worker wait that another test started, and none that this one did."""
    starter.end_spares()
    yield
    starter.end_spares()


# ---- Starts that fail ---------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where workers get their folders; tests that run beside this one have another."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def folders(place: Path) -> set[str]:
    return {path.name for path in place.glob("dropout-worker-*")}


def failing(error: Exception, times: int) -> Callable[..., Any]:
    """Return a ``Popen`` that raises so many times before it starts processes."""
    real, left = subprocess.Popen, [times]

    def popen(*args: Any, **options: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise error
        return real(*args, **options)

    return popen


ERRORS = [
    OSError(errno.EAGAIN, "Resource temporarily unavailable"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    MemoryError(),
    RuntimeError("can't start new thread"),
]


@pytest.mark.usefixtures("no_spares")
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_worker_that_cannot_start_is_told_in_a_sentence_and_leaves_nothing(
    error: Exception, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", failing(error, 10))
    with (
        RemoteWorker("off", ahead=True) as worker,
        pytest.raises(WorkerUnavailable, match="cannot start"),
    ):
        worker.start()
    assert folders(place) == set()


@pytest.mark.usefixtures("no_spares")
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_spare_that_failed_to_start_costs_the_next_one_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RemoteWorker("off", ahead=False) as worker:
        worker.start()
        monkeypatch.setattr(subprocess, "Popen", failing(error, 1))
        starter.keep_spare(worker._command, False)
    with RemoteWorker("off") as worker:
        assert worker.run_cell(1, "3").value == "3"


@pytest.mark.usefixtures("no_spares")
def test_a_thread_that_cannot_start_leaves_no_process_and_no_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    real = subprocess.Popen

    def popen(*args: Any, **options: Any) -> Any:
        started.append(real(*args, **options))
        return started[-1]

    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    assert not not_installed()  # which starts a process, once
    with RemoteWorker("off") as worker:
        worker.start()  # the thread that starts workers runs from now on
        assert len(folders(place)) == 1
    assert folders(place) == set()
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with RemoteWorker("off") as worker, pytest.raises(WorkerUnavailable):
        worker.start()
    assert [p.returncode is not None for p in started] == [True]
    assert folders(place) == set()


@pytest.mark.usefixtures("no_spares")
@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("stopped", [False, True])
def test_a_spare_that_died_while_it_waited_is_replaced(stopped: bool) -> None:
    """``stopped``: it dies after it was found alive, before it answers."""
    with RemoteWorker("off", ahead=True) as worker:
        worker.start()
        (waiting,) = starter.spares[tuple(worker._command)]
        spare = waiting.result().popen.pid
        os.kill(spare, signal.SIGSTOP if stopped else signal.SIGKILL)
    if stopped:
        threading.Timer(0.5, os.kill, (spare, signal.SIGKILL)).start()
    with RemoteWorker("off") as worker:
        assert worker.run_cell(1, "3").value == "3"


@pytest.mark.usefixtures("no_spares")
def test_all_spares_end_though_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with RemoteWorker("off", ahead=True) as worker:
        worker.start()
        (waiting,) = starter.spares[tuple(worker._command)]
    failed: Future[Any] = Future()
    failed.set_exception(OSError(errno.EAGAIN, "no"))
    starter.spares[tuple(worker._command)].append(failed)
    starter.end_spares()
    assert waiting.result().popen.returncode is not None


@pytest.mark.usefixtures("no_spares")
@pytest.mark.skipif(not hasattr(os, "waitid"), reason="reaps when it looks")
def test_a_group_is_killed_only_while_its_number_is_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[bool] = []
    real = os.killpg
    with RemoteWorker("off") as worker:
        worker.start()
        process = worker._process
        assert process is not None

        def killpg(group: int, number: int) -> None:
            # Whoever has been reaped has no entry any more.
            killed.append(
                os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT) is not None
            )
            real(group, number)

        process.popen.kill()
        while worker.alive:
            time.sleep(0.01)
        assert process.ended_by(2.0) == signal.SIGKILL
        monkeypatch.setattr(os, "killpg", killpg)
    assert killed == [True]
    process.kill()
    assert killed == [True], "its number may be another group's by now"


def test_a_report_of_another_process_can_be_told_in_a_fresh_one() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "from autograder.grading.text import mistake_text\n"
            "print(mistake_text('forgets_to_rescale', 'inverted_dropout'))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("Likely cause:")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no locks on folders there")
def test_folders_that_killed_judges_left_go_with_a_later_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    leaves = (
        "from autograder.isolation.folders import new_folder\n"
        "for use in ('worker', 'collect', 'release'): print(new_folder(use)[0])"
    )
    told = subprocess.run(
        [sys.executable, "-c", leaves],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    left = [Path(name) for name in told.stdout.split()]
    for folder in left:
        (folder / "file").write_text("x")
    recent, lock = own_folders.new_folder()
    used, held = own_folders.new_folder()
    for folder in (*left, Path(used)):
        os.utime(folder, (0, 0))
    # Another process would look anew.
    own_folders._remove_left_behind.cache_clear()
    new, another = own_folders.new_folder()
    assert {path.name for path in tmp_path.iterdir()} == {
        Path(path).name for path in (recent, used, new)
    }
    for file in (lock, held, another):
        assert file is not None
        os.close(file)


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="no modes of folders there")
def test_a_folder_whose_owner_locked_himself_out_is_removed(tmp_path: Path) -> None:
    """Whoever grades is seldom root, for whom no folder is closed."""
    tmp_path.chmod(0o777)
    script = """
import os, sys
sys.path.insert(0, sys.argv[1])
from autograder.isolation.folders import remove_folder
os.chdir(sys.argv[2])
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
os.makedirs("left/x/y/z")
open("left/x/f", "w").close()
os.mkdir("left/none", 0)
os.symlink("/etc", "left/link")
os.chmod("left/x/y", 0o500), os.chmod("left/x", 0o300), os.chmod("left", 0o000)
remove_folder("left")
print(os.listdir())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


# ---- The first start of a process ---------------------------------------------------

FIRST = """
from autograder.isolation.process import PIPE_BYTES
from autograder.isolation.starter import starter
from autograder.isolation.worker_handle import RemoteWorker

with RemoteWorker() as worker:
    (waiting,) = starter.spares[tuple(worker._command)]
    print(worker.sandbox, worker.run_cell(1, "3").value)
    print(worker._process is waiting.result(), len(starter.running))
"""


@pytest.mark.skipif("required" not in MODES, reason="bubblewrap does not work here")
def test_the_first_worker_starts_while_bubblewrap_is_tried() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["bubblewrap 3", "True 1"], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="pipes of a chosen width")
def test_a_workers_pipes_hold_a_frame_of_many_calls() -> None:
    import fcntl

    with RemoteWorker("off") as worker:
        worker.start()
        assert worker._process is not None
        popen = worker._process.popen
        for stream in (popen.stdin, popen.stdout):
            assert stream is not None
            assert fcntl.fcntl(stream, fcntl.F_GETPIPE_SZ) == PIPE_BYTES
