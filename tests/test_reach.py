"""What a worker can reach by descriptors and folders that are nobody's business there."""

import errno
import sys
from pathlib import Path

import pytest

from autograder.isolation import bubblewrap
from autograder.isolation.limits import Limits
from autograder.isolation.worker_handle import RemoteWorker, WorkerUnavailable
from tests.test_attacks import MODES

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has these")
QUICK = Limits(cell_seconds=20, call_seconds=5, total_seconds=60)

#: Commands that let others wait, or send them signals; and what sets a file's attributes.
REFUSED = """
import fcntl, numpy
file = open(numpy.__file__, "rb")
for name, call in {
    "a lease": lambda: fcntl.fcntl(file, 1024, 1),
    "a read lease": lambda: fcntl.fcntl(file, 1024, 0),
    "a notice": lambda: fcntl.fcntl(file, 1026, 1),
    "an owner": lambda: fcntl.fcntl(file, 8, 1),
    "a signal": lambda: fcntl.fcntl(file, 10, 9),
    "a lock": lambda: fcntl.lockf(file, fcntl.LOCK_SH),
    "another lock": lambda: fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB),
    "attributes": lambda: fcntl.ioctl(file, 0x40086602, bytes(8)),
    "a freeze": lambda: fcntl.ioctl(file, 0xC0045877, bytes(4)),
    "a version": lambda: fcntl.ioctl(file, 0x40087602, bytes(8)),
}.items():
    try:
        call()
        print("done:", name)
    except OSError as error:
        print(error.errno)
"""
ASKED = """
import fcntl, os, sys
file = open(os.devnull)
print(file.isatty(), fcntl.fcntl(file, fcntl.F_GETFL) >= 0, os.isatty(1))
os.set_inheritable(file.fileno(), True)
os.close(os.dup(file.fileno()))
"""


@linux
@pytest.mark.parametrize("sandbox", MODES)
def test_a_descriptor_may_not_be_asked_for_more_than_python_asks(sandbox: str) -> None:
    with RemoteWorker(sandbox, QUICK) as worker:
        assert worker.run_cell(1, REFUSED).stdout == f"{errno.EPERM}\n" * 10
        outcome = worker.run_cell(2, ASKED)
    assert (outcome.error, outcome.stdout) == (None, "False True False\n")


def test_what_others_keep_beside_the_system_is_not_readable() -> None:
    roots = [Path(path) for path in bubblewrap.readable()]
    for kept in (
        "/usr/local/share/nbgrader/exchange/course/inbound",
        "/usr/share/courses/submitted",
        "/usr/src/course",
        "/usr/local/course/gradebook.db",
        Path(sys.prefix, "share", "course"),
        Path(sys.prefix, "exchange"),
    ):
        assert not any(Path(kept).is_relative_to(root) for root in roots), kept


@linux
def test_a_probe_that_does_not_end_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if bubblewrap.bubblewrap() is None:
        pytest.skip("bubblewrap does not work here")
    bubblewrap.bubblewrap.cache_clear()

    def late(*args: object, **kwargs: object) -> None:
        raise bubblewrap.subprocess.TimeoutExpired("bwrap", 60)

    with monkeypatch.context() as patch:
        patch.setattr(bubblewrap.subprocess, "run", late)
        for mode in ("auto", "required"):
            with pytest.raises(WorkerUnavailable, match="did not start within"):
                bubblewrap.confine(mode)
    assert bubblewrap.confine("auto")[1] == "bubblewrap"
