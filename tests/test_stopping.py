"""A signal is obeyed whatever the main thread waits for, and whichever thread gets it."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.wire.parents import heard
from tests.test_judges import CODES, linux, soon, started, write

STOPPING = [name for name in CODES if name != "SIGKILL"]


@linux
@pytest.mark.parametrize("name", STOPPING)
def test_a_signal_that_another_thread_gets_ends_a_run(
    name: str, tmp_path: Path
) -> None:
    """As one that comes a moment before the main thread waits."""
    spins = {f"z{i}.py": f"while True: pass  # {i}\n" for i in range(3)}
    folder = write(tmp_path / "class", spins)
    command = ("grade", str(folder), "-j", "2", "--sandbox", "off")
    with started(f"marker-{os.getpid()}-{name}", *command) as run:
        children = Path(f"/proc/{run.pid}/task")

        def judges() -> list[int]:
            return [
                int(child)
                for thread in children.iterdir()
                for child in (thread / "children").read_text().split()
            ]

        assert soon(lambda: len(judges()) == 2)
        own = judges()
        others = {int(path.name) for path in children.iterdir()} - {run.pid}
        began = time.monotonic()
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.tgkill(run.pid, min(others), int(getattr(signal, name))) == 0
        _, told = run.communicate(timeout=10)
    assert (run.returncode, told) == (CODES[name], "\nStopped: 0 of 3 graded.\n")
    assert time.monotonic() - began < 5
    assert soon(lambda: not any(Path(f"/proc/{pid}").exists() for pid in own))


WAITS = """import signal, threading, time
from autograder.wire.parents import heard

def late():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

with heard():
    threading.Thread(target=late, daemon=True).start()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
"""


@linux
def test_a_signal_ends_a_wait_that_it_does_not_reach() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WAITS], stderr=subprocess.PIPE, timeout=20, check=False
    )
    assert done.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_hearing_leaves_all_as_it_was() -> None:
    before = signal.getsignal(signal.SIGURG)
    for _ in range(2):
        with heard(), heard():
            assert signal.getsignal(signal.SIGURG) is not before
        assert signal.getsignal(signal.SIGURG) is before
        assert signal.set_wakeup_fd(-1) == -1
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    with heard():
        assert signal.set_wakeup_fd(writing) == writing
    assert signal.set_wakeup_fd(-1) == writing
    os.close(reading)
    os.close(writing)
