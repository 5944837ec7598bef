"""Workers that are forked from a server, as a class's are: each is as alone as one that has
a bubblewrap of its own.

The attacks on the sandbox are tried on both (``test_attacks``, ``test_confinement`` …);
here is what only siblings could break.
"""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.isolation import bubblewrap as bubblewrap_module
from autograder.isolation import starter as starting
from autograder.isolation.bubblewrap import PACKAGE, bubblewrap, forking, readable
from autograder.isolation.clocks import TryAgain, tree
from autograder.isolation.forks import Forked, Server
from autograder.isolation.starter import MOST_SERVERS, Starter
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost
from tests.test_judges import soon
from tests.test_parents import ENDLESS, Process, family, left_of, stat

pytestmark = pytest.mark.skipif(
    bubblewrap() is None, reason="bubblewrap does not work here"
)
NAMESPACES = ("user", "pid", "mnt", "ipc", "net", "uts", "cgroup")


@pytest.fixture(autouse=True)
def own_starter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    """Have no server and no spare of another test."""
    own = Starter()
    monkeypatch.setattr("autograder.isolation.worker_handle.starter", own)
    yield own
    own.end_all()


def worker(**options: Any) -> RemoteWorker:
    return RemoteWorker("required", ahead=True, **options)


def forked(worker: RemoteWorker) -> Forked:
    """Return the worker's first process; it is started if need be."""
    if worker._process is None:
        worker.start()
    assert worker._process is not None
    assert isinstance(worker._process.popen, Forked)
    return worker._process.popen


def pid_of(worker: RemoteWorker) -> int:
    return tree(forked(worker).pid)[-1]


def processes_of(worker: RemoteWorker) -> set[Process]:
    """Return the first process and those below it. When the end of the first is told, the
    kernel has not yet ended the others, and the worker may still answer."""
    return {(pid, stat(pid)[19]) for pid in tree(forked(worker).pid)}


def name_spaces(pid: int | str) -> set[str]:
    return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in NAMESPACES}


def open_in(pid: int | str) -> list[str]:
    return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: text.strip() for name, _, text in (s.partition(":") for s in lines)}


def test_each_has_name_spaces_of_its_own(own_starter: Starter) -> None:
    with worker() as one, worker() as other:
        seen = [name_spaces(pid_of(each)) for each in (one, other)]
        assert own_starter.server is not None
        _, _, server, *_ = tree(own_starter.server.popen.pid)  # below bubblewrap
        seen += [name_spaces(server), name_spaces("self")]
        assert len(set.union(*seen)) == len(seen) * len(NAMESPACES)


def test_each_has_no_rights_and_two_descriptors() -> None:
    with worker() as one:
        assert one.run_cell(1, "1").error is None
        pid = pid_of(one)
        for each in (forked(one).pid, pid):
            said = status(each)
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(said[kind], 16) == 0, (each, kind)
            assert Path(f"/proc/{each}/setgroups").read_text() == "deny\n"
        assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")
        assert said["NSpid"].split()[-1] == "2", "signals to a first process are lost"
        kinds = sorted(name.partition(":")[0] for name in open_in(pid))
        assert kinds == 3 * ["/dev/null"] + 2 * ["pipe"]
        kinds = sorted(name.partition(":")[0] for name in open_in(forked(one).pid))
        assert kinds == 3 * ["/dev/null"] + ["socket"]


def test_the_servers_processes_are_not_shown_and_its_folder_is_another() -> None:
    with worker() as one, worker() as other:
        assert one.run_cell(1, "open('/tmp/left', 'w').write('x')").error is None
        # Where Python lies in /tmp, so does a way to it.
        ways = {Path(path).parts[2] for path in readable() if path.startswith("/tmp/")}
        ways |= {PACKAGE.parts[2]} if PACKAGE.is_relative_to("/tmp") else set()
        found = other.run_cell(1, "import os; os.listdir('/tmp')").value
        assert found == repr(sorted(ways))
        for each in (one, other):
            root = Path(f"/proc/{pid_of(each)}/root")
            assert list((root / "proc").iterdir()) == []
            assert list((root / "dev/pts").iterdir()) == []
        size = os.statvfs(f"/proc/{pid_of(one)}/root/tmp")
        assert size.f_blocks * size.f_frsize == 64 * 2**20


#: Leaves something wherever a process has something to itself.
LEAVES = """
import builtins, os, random, sys, threading, numpy as np
np.left = builtins.left = sys.left = "here"
os.environ["LEFT"] = "here"
sys.modules["left"] = sys
np.random.seed(1); random.seed(1)
np.seterr(all="raise")
threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
"""
LOOKS = """
import builtins, os, random, sys, threading, numpy as np
print([hasattr(it, "left") for it in (np, builtins, sys)], "left" in sys.modules)
print("LEFT" in os.environ, threading.active_count(), np.geterr()["over"])
print(random.random(), np.random.random())
"""


@pytest.mark.parametrize("beside", [True, False])
def test_nothing_of_one_submission_is_there_for_another(beside: bool) -> None:
    with worker(seed=7) as untouched:
        expected = untouched.run_cell(1, LOOKS)
    assert expected.stdout.startswith("[False, False, False] False\nFalse 1 warn\n")
    with worker(seed=3) as one:
        assert one.run_cell(1, LEAVES).error is None
        if not beside:
            one.stop()
        with worker(seed=7) as other:
            assert other.run_cell(1, LOOKS) == expected


def test_what_lies_in_tmp_from_outside_stays_there(
    own_starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone there, as CI's, has its Python there: what a student imports late is read by
    the fork, behind whose own /tmp it lay hidden."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="a clone \\ ü ") as name:
        shared, answers = Path(name), Path(name, "lib", "answers")
        answers.mkdir(parents=True)
        for path in (shared / "lib" / "late.py", answers / "answer.py", shared / "one"):
            path.write_text("found = 6 * 7\n")
        seen = [*bubblewrap_module.readable(), str(shared / "lib"), str(shared / "one")]
        kept = (*bubblewrap_module.hidden(), str(answers))
        monkeypatch.setattr(bubblewrap_module, "readable", lambda: seen)
        monkeypatch.setenv("DROPOUT_PACKAGES", "late")
        monkeypatch.setattr(bubblewrap_module, "hidden", lambda: kept)
        with worker() as one:
            forked(one)
            told = one.run_cell(
                1,
                f"import os, sys; os.chdir({str(shared)!r}); sys.path.append('lib')\n"
                "from late import found\n"
                "try: open('lib/new', 'w')\n"
                "except OSError as error: print(error.strerror)\n"
                "print(found, open('one').read(), os.path.exists('lib/answers/answer.py'))",
            )
    assert told.error is None
    assert told.stdout == "Read-only file system\n42 found = 6 * 7\n False\n"


def test_a_worker_ends_whole_and_alone(own_starter: Starter) -> None:
    before = family(os.getpid())
    with worker() as other:
        assert other.run_cell(1, "a = 1").error is None
        # The server in its bubblewrap, and of the worker the two that stay: the one between
        # them may be about to end.
        assert soon(lambda: len(family(os.getpid()) - before) == 5)
        beside = family(os.getpid()) - before
        with worker() as one:
            assert one.run_cell(1, ENDLESS).error is None
            # The one between server and worker may be about to end.
            assert soon(lambda: len(family(os.getpid()) - before - beside) == 2)
            own = family(os.getpid()) - before - beside
            assert len(own) == 2, "the first process and the worker"
        assert left_of(own) == set()
        assert left_of(beside, 0.1) == beside
        assert other.run_cell(2, "a").value == "1"
    own_starter.end_spares()
    assert left_of(beside) == set()


@pytest.mark.parametrize("first", [True, False])
def test_how_a_worker_ended_is_told(first: bool) -> None:
    for code, why in (("os._exit(3)", None), ("signal.raise_signal(11)", 11)):
        with worker() as one:
            one.start()
            process = one._process
            assert process is not None
            with pytest.raises(WorkerLost, match="it ended the Python process"):
                one.run_cell(1, f"import os, signal; {code}")
        assert process.ended_by(1.0) == why
    with worker(first=True) as one:
        whole = processes_of(one)
        os.kill(forked(one).pid if first else pid_of(one), signal.SIGKILL)
        assert forked(one).code(10.0) == -signal.SIGKILL
        assert left_of(whole) == set()
        with pytest.raises(TryAgain, match="its process was killed"):
            one.run_cell(1, "1")


def test_a_server_that_was_killed_is_replaced(own_starter: Starter) -> None:
    with worker(first=True) as one:
        first = forked(one).pid
        assert own_starter.server is not None
        whole = processes_of(one)
        own_starter.server.popen.kill()
        assert forked(one).code(10.0) == -signal.SIGKILL
        assert left_of(whole) == set()
        with pytest.raises(TryAgain, match="killed"):
            one.run_cell(1, "1")
        with worker() as other:
            assert other.run_cell(1, "2").value == "2"
            assert forked(other).pid != first
    assert own_starter.servers == 2


REFUSED = {
    "the kernel has no more name spaces": "--disable-userns",
    "the server does not start": "--no-such-option",
}


@pytest.mark.parametrize("why", REFUSED)
def test_where_no_worker_can_be_forked_each_has_its_own_bubblewrap(
    why: str, own_starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = forking()
    assert command is not None
    monkeypatch.setattr(
        starting, "forking", lambda: [command[0], REFUSED[why], *command[1:]]
    )
    for _ in range(2):
        with worker() as one:
            assert one.run_cell(1, "3").value == "3"
            assert one.sandbox == "bubblewrap"
            assert one._process is not None
            assert isinstance(one._process.popen, subprocess.Popen)
    assert (own_starter.servers, own_starter.server) == (MOST_SERVERS, None)


def test_a_single_file_needs_no_server(own_starter: Starter) -> None:
    with RemoteWorker("required") as one:
        assert one.run_cell(1, "3").value == "3"
    assert own_starter.servers == 0


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_many_ask_at_once_and_no_descriptor_is_left() -> None:
    command = forking()
    assert command is not None
    server = Server(command)
    before = descriptors()
    made: list[Forked] = []
    threads = [
        threading.Thread(target=lambda: made.append(server.fork())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.pid for each in made}) == 8
    for each in made:
        each.wait()
        each.stdin.close()
        each.stdout.close()
    assert descriptors() == before
    server.end()
    with pytest.raises(OSError):
        server.fork()
    assert descriptors() == before - 1
