"""Without bubblewrap: what the audit hook refuses where no kernel stands behind it, what
fills the disk, and that the report names what was in force."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autograder.grading.grade import grade
from autograder.isolation import disk, watch
from autograder.isolation.bubblewrap import bubblewrap, caution
from autograder.isolation.folders import remove_folder
from autograder.isolation.limits import Limits
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost
from tests.test_attacks import MODES

QUICK = Limits(cell_seconds=20, call_seconds=5, total_seconds=60)
TRY = """
import os, sys
import numpy  # the worker has it before
from autograder.worker import audit_hook
own, other, readable = sys.argv[1:]
hidden = os.path.join(readable, "hidden")
os.chdir(own)
os.symlink(other, "link")
audit_hook.install([sys.prefix, sys.base_prefix, readable, own], [own], [hidden], kernel=False)
"""

#: Each raises PermissionError, and leaves the folder ``other`` as it was.
REFUSED = {
    "list": "os.listdir(other)",
    "scan": "os.scandir(other)",
    "glob": "next(iter(os.scandir(os.fsencode(other))))",
    "list from above": "os.chdir('/'); os.listdir()",
    "rename into": "open('a', 'w').close(); os.rename('a', other + '/b')",
    "replace": "open('a', 'w').close(); os.replace('a', other + '/secret')",
    "rename out of": "os.rename(other + '/secret', 'a')",
    "link to": "os.link(other + '/secret', 'a')",
    "link into": "open('a', 'w').close(); os.link('a', other + '/b')",
    "symlink to": "os.symlink(other, 'a')",
    "symlink to what lies beside": "os.mkdir('d'); os.symlink('../..', 'd/a')",
    "symlink into": "os.symlink('a', other + '/b')",
    "truncate": "os.truncate(other + '/secret', 0)",
    "chmod": "os.chmod(other + '/secret', 0)",
    "pipe": "os.mkfifo(other + '/pipe')",
    "node": "os.mknod(other + '/node')",
    "remove": "os.remove(other + '/secret')",
    "read": "open(other + '/secret').read()",
    "read hidden": "open(hidden + '/checks.py').read()",
    "list hidden": "os.listdir(hidden)",
    "read by a link": "open('link/secret').read()",
    "write by a link": "open('link/b', 'w')",
    "list by a link": "os.listdir('link')",
    "remove by a link": "os.remove('link/secret')",
    "read a namesake": "open(own + 'er/secret').read()",
    "write to a namesake": "open(own + 'er/secret', 'w')",
    "remove a namesake": "os.remove(own + 'er/secret')",
    "write by flags alone": "os.open(readable + '/plain', os.O_RDWR)",
    "make by flags alone": "os.open(readable + '/b', os.O_CREAT)",
    "write what is readable": "open(readable + '/plain', 'a')",
    "open a folder": "os.open(sys.prefix, os.O_RDONLY)",
    "sqlite": "import sqlite3; sqlite3.connect(other + '/x.db')",
    "sqlite in memory": "import sqlite3; sqlite3.connect(':memory:')",
    "numpy": "import numpy as np; np.fromfile(other + '/secret', 'u1')",
    "numpy writes": "import numpy as np; np.ones(3).tofile(other + '/b')",
    "memmap": "import numpy as np; np.memmap(other + '/secret')",
    "an extension of its own": "import importlib.util as u; open('m.so', 'w').close(); "
    "u.module_from_spec(u.spec_from_file_location('m', own + '/m.so'))",
    "shared memory": "import _posixshmem; _posixshmem.shm_open('/x', os.O_RDWR)",
    "referrers": "import gc; gc.get_referrers(os)",
    "objects": "import gc; gc.get_objects()",
    "ctypes": "import ctypes; ctypes.CDLL(None)",
    "another interpreter": "import _xxsubinterpreters as i; i.create()"
    if sys.version_info < (3, 13)
    else "import _interpreters as i; i.create()",
    "tcl": "import tkinter; tkinter.Tcl()",
    "limits": "import resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
}


def tried(code: str, tmp_path: Path) -> str:
    for name in ("own", "other", "owner", "readable/hidden"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("other/secret", "owner/secret", "readable/hidden/checks.py"):
        (tmp_path / name).write_text("42")
    (tmp_path / "readable/plain").write_text("42")
    done = subprocess.run(
        [sys.executable, "-c", TRY + code, *(str(tmp_path / n) for n in
         ("own", "other", "readable"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else "done"


@pytest.mark.skipif(sys.platform != "linux", reason="as on Linux without Landlock")
@pytest.mark.parametrize("what", REFUSED)
def test_the_hook_refuses(what: str, tmp_path: Path) -> None:
    said = tried(REFUSED[what], tmp_path)
    if said.startswith("ModuleNotFoundError"):
        pytest.skip(f"this Python has it not ({said})")
    assert said.startswith("PermissionError: a graded submission may ")
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["secret"]
    assert (tmp_path / "other/secret").read_text() == "42"


ALLOWED = [
    "open(readable + '/plain').read(); os.listdir(readable)",
    "open('a', 'w').close(); os.rename('a', 'b'); os.replace('b', 'c'); os.remove('c')",
    "os.mkdir('d'); os.symlink('d', 'e'); os.listdir('d'); os.listdir(); os.rmdir('d')",
    "import tempfile; tempfile.TemporaryDirectory(dir=own).cleanup()",
    "import shutil; os.makedirs('d/e/f'); shutil.rmtree('d')",
    "import json, csv, decimal, statistics, random, collections, multiprocessing",
    "import numpy as np; np.save('a.npy', np.ones(3)); np.load('a.npy', mmap_mode='r')",
    "import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as p; p.figure()",
    "import glob; glob.glob('/home/*'); os.path.exists('/etc'); os.chdir('/')",
    "import scipy.stats, scipy.special",
]


@pytest.mark.parametrize("code", ALLOWED)
def test_the_hook_lets_honest_code_pass(code: str, tmp_path: Path) -> None:
    said = tried(code, tmp_path)
    assert said == "done" or said.startswith("ModuleNotFoundError"), said


# -- the disk -------------------------------------------------------------------------------
FILLS = {
    "many files": "for i in range(9999):\n    open(f'{i}', 'wb').write(bytes(2**20))",
    "empty files": "for i in range(10**6):\n    open(f'{i}', 'wb').close()",
    "folders": "for i in range(10**6):\n    os.mkdir(f'{i}')",
    "links": "for i in range(10**6):\n    os.symlink('x', f'{i}')",
    "removed": "held = []\nfor i in range(50):\n    held.append(open('x', 'wb'))\n"
    "    held[-1].write(bytes(2**23)); os.remove('x')",
    "removed, closed and mapped": """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype, size = ctypes.c_void_p, 2**23
for _ in range(12):
    with open("x", "w+b") as file:
        file.truncate(size)
        at = libc.mmap(None, ctypes.c_size_t(size), 3, 1, file.fileno(), ctypes.c_long(0))
    ctypes.memset(at, 1, size)
    os.remove("x")
""",
    "removed, closed and mapped by one page": """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
for _ in range(12):
    with open("x", "w+b") as file:
        file.write(bytes(2**23)); file.flush()
        libc.mmap(None, ctypes.c_size_t(4096), 1, 1, file.fileno(), ctypes.c_long(0))
    os.remove("x")
""",
    "removed, closed and mapped, the first thread ended": """
import ctypes, threading
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
def hold():
    for _ in range(12):
        with open("x", "w+b") as file:
            file.write(bytes(2**23)); file.flush()
            libc.mmap(None, ctypes.c_size_t(2**23), 1, 1, file.fileno(), 0)
        os.remove("x")
    time.sleep(19)
threading.Thread(target=hold, daemon=True).start()
libc.syscall(60 if os.uname().machine == "x86_64" else 93, 0)
""",
    "removed, and open in a thread's own table": """
import ctypes, threading
done = threading.Event()
def hold():
    ctypes.CDLL(None).syscall(436, 1000, 1001, 2)  # close_range, which unshares it
    held = []
    for i in range(12):
        held.append(open("x", "wb"))
        held[-1].write(bytes(2**23)); held[-1].flush(); os.remove("x")
    done.set()
    time.sleep(19)
threading.Thread(target=hold, daemon=True).start()
done.wait()
""",
    "more mappings than are read": """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype, page, number = ctypes.c_void_p, 4096, 60_000
at = libc.mmap(None, ctypes.c_size_t(number * page), 1, 34, -1, ctypes.c_long(0))
for i in range(0, number, 2):
    libc.mprotect(ctypes.c_void_p(at + i * page), ctypes.c_size_t(page), 0)
""",
}


@pytest.mark.skipif(sys.platform != "linux", reason="measures as Linux does")
@pytest.mark.parametrize("what", FILLS)
def test_a_worker_that_fills_the_disk_is_ended(what: str) -> None:
    with RemoteWorker("off", QUICK) as worker:
        worker.start()
        assert worker._process is not None and worker._process.folder is not None
        folder = Path(worker._process.folder)
        code = f"import os, time\n{FILLS[what]}\ntime.sleep(19)\n"
        with pytest.raises(WorkerLost, match="into its folder") as caught:
            worker.run_cell(1, code)
        assert caught.value.kind == "disk"
        assert not folder.exists()


def test_a_modest_folder_is_not_full(tmp_path: Path) -> None:
    for i in range(100):
        (tmp_path / f"{i}").mkdir()
        (tmp_path / f"{i}" / "data").write_bytes(bytes(100_000))
    assert disk.is_full(str(tmp_path), os.getpid()) is False
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**30)
    assert disk.is_full(str(tmp_path)) is (os.name != "posix")


@pytest.mark.skipif(sys.platform != "linux", reason="paths are bounded as on Linux")
def test_a_folder_that_hides_its_contents_is_full(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        outer, here = here, os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(outer)
    os.close(here)
    assert disk.is_full(str(tmp_path)) is True
    remove_folder(str(tmp_path))


@pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap does not work here")
def test_a_worker_under_bubblewrap_makes_only_so_many_files() -> None:
    with RemoteWorker("required", QUICK) as worker:
        code = "i = 0\nwhile True:\n    open(str(i), 'w').close()\n    i += 1\n"
        with pytest.raises(WorkerLost, match="into its folder") as caught:
            worker.run_cell(1, code)
        assert caught.value.kind == "disk"
        # The next one may make some: what is watched is its own folder.
        assert worker.run_cell(2, code.replace("True", "i < 500")).error is None


def test_a_folder_whose_files_move_without_end_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "INTERVAL", 0.001)
    ended = threading.Event()
    looks = {"threads": lambda: False, "disk": lambda: None}
    watched = watch.Watch(looks, ended.set)
    assert ended.wait(10)
    assert watched.found == "disk"


def no_memory() -> bool:
    raise MemoryError


def test_what_takes_too_much_memory_to_be_looked_at_is_too_much() -> None:
    ended = threading.Event()
    watched = watch.Watch({"threads": lambda: False, "disk": no_memory}, ended.set)
    assert ended.wait(10)
    assert watched.found == "disk"


def test_long_looks_leave_the_judge_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "INTERVAL", 0.001)
    looks: list[float] = []

    def long() -> bool:
        began = time.thread_time()
        while time.thread_time() - began < 0.02:
            pass
        looks.append(time.monotonic())
        return len(looks) == 5

    ended = threading.Event()
    watch.Watch({"disk": long}, ended.set)
    assert ended.wait(30)
    # Of the time in between, which is longer where the machine is busy, a tenth at most.
    assert looks[-1] - looks[0] > 4 * 0.19


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux does")
@pytest.mark.parametrize("mode", MODES)
def test_a_worker_with_threads_without_end_is_ended(mode: str) -> None:
    """Neither root nor a bound for the whole account is in the way of that."""
    code = """
import threading, time
threading.stack_size(32768)
held = threading.Event()
for _ in range(400):
    threading.Thread(target=held.wait, daemon=True).start()
time.sleep(19)
"""
    with RemoteWorker(mode, Limits(processes=1000)) as worker:
        with pytest.raises(WorkerLost, match="more than 64 threads") as caught:
            worker.run_cell(1, code)
        assert caught.value.kind == "threads"
        few = code.replace("400", "40").replace("time.sleep(19)", "time.sleep(0.5)")
        assert worker.run_cell(2, few).error is None


@pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap does not work here")
def test_under_bubblewrap_alone_only_a_small_tmp_can_be_written() -> None:
    code = """
import os
for folder, _, _ in os.walk("/"):
    if folder.startswith("/proc"):
        continue
    try:
        open(folder + "/probe", "w").close()
        size = os.statvfs(folder)
        print(size.f_blocks * size.f_bsize, folder)
    except OSError:
        pass
"""
    done = subprocess.run(
        [*(bubblewrap() or ()), sys.executable, "-I", "-c", code],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # Where this tree lies below /tmp, so do places to which bubblewrap binds it.
    found = [line.partition(" ") for line in done.stdout.splitlines()]
    assert (str(64 * 2**20), " ", "/tmp") in found
    for size, _, folder in found:
        assert size == str(64 * 2**20) and f"{folder}/".startswith("/tmp/")


PRIVILEGES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
held = (ctypes.c_uint32 * 6)()
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), held)
print("capabilities", sum(held))
for kind in (0o060600, 0o020600, 0o010600, 0o140600):  # block, character, pipe, socket
    made = libc.mknod(f"n{kind}".encode(), kind, os.makedev(1, 11))
    print(made, os.path.lexists(f"n{kind}"))
print(libc.ioctl(os.open(".", os.O_RDONLY), 0xC0045877, 0))  # FIFREEZE
"""


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
@pytest.mark.parametrize("mode", ["off", "auto"])
def test_a_worker_that_root_started_has_no_privilege(mode: str) -> None:
    with RemoteWorker(mode, limits=QUICK) as worker:
        outcome = worker.run_cell(1, PRIVILEGES)
    if worker.sandbox not in ("landlock", "bubblewrap"):
        pytest.skip("foreign functions are refused here")
    assert outcome.error is None
    refused = ["-1 False"] * 4
    assert outcome.stdout.splitlines() == ["capabilities 0", *refused, "-1"]


# -- what the report says -------------------------------------------------------------------
WITHOUT = {
    "seccomp.install = lambda: False": "landlock without seccomp",
    "landlock.install = lambda *a: 0": "rlimits",
    "landlock.install = lambda *a: 0; seccomp.install = lambda: False": "rlimits",
    "pass": "landlock",
}


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
@pytest.mark.parametrize("change", WITHOUT)
def test_the_report_names_what_was_in_force(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = RemoteWorker("off").sandbox  # before a worker has said more
    assert usual == "rlimits"
    start = (
        "import runpy, sys\nfrom autograder.worker import landlock, seccomp\n"
        f"{change}\nsys.argv = ['worker']\n"
        "runpy.run_module('autograder.worker', run_name='__main__')"
    )
    command = [sys.executable, "-I", "-c", start]
    monkeypatch.setattr(
        "autograder.isolation.worker_handle.confine", lambda mode: (command, "rlimits")
    )
    path = tmp_path / "answer.py"
    path.write_text(
        "try:\n    import ctypes\n    ctypes.CDLL(None)\n    print('done')\n"
        "except OSError:\n    print('refused')\n"
        "# %%\ndef classic_settings(weights, learning_rate, weight_decay, keep_prob):\n"
        "    return weights, learning_rate, weight_decay\n"
    )
    report = grade(path, sandbox="off", limits=QUICK)
    if report.sandbox == "rlimits" and "landlock" not in change:
        pytest.skip("this kernel has no Landlock")
    assert report.sandbox == WITHOUT[change]
    whole = report.sandbox == "landlock"
    assert report.cells[1].stdout == ("done\n" if whole else "refused\n")
    assert any("Grade with bubblewrap" in note for note in report.notes) != whole


def test_only_modes_that_protect_files_go_without_a_caution() -> None:
    assert caution("bubblewrap") is None
    assert caution("landlock") is None
    for name in ("rlimits", "none"):
        assert "does not protect files" in (caution(name) or "")


KERNEL = """
import ctypes, os, sys
from autograder.worker import landlock
readable, hidden, *paths = sys.argv[1:]
libc = ctypes.CDLL(None)
version = landlock.install([readable], [], [hidden])
opened = [libc.open(os.fsencode(path), os.O_RDONLY) >= 0 for path in paths]
print(version, *map(int, opened))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_the_kernel_too_refuses_what_is_hidden_in_a_readable_folder(
    tmp_path: Path,
) -> None:
    """As the grader's checks are, installed beside NumPy: ctypes read them there."""
    site, hidden = tmp_path / "lib" / "site", tmp_path / "lib" / "site" / "hidden"
    (hidden / "checks").mkdir(parents=True)
    (site / "numpy").mkdir()
    for path in (hidden / "checks" / "a.py", site / "numpy" / "b.py", site / "c.py"):
        path.write_text("x = 1")
    (tmp_path / "lib64").symlink_to("lib")
    (site / "again").symlink_to(hidden)
    (site / "above").symlink_to(tmp_path / "lib")
    shown = ["lib/site", "lib/site/numpy/b.py", "lib/site/c.py", "lib64/site/c.py"]
    unseen = ["site/hidden/checks/a.py", "site/again/checks/a.py"]
    unseen += ["site/above/site/hidden/checks/a.py"]
    paths = [tmp_path / name for name in shown] + [tmp_path / "lib" / n for n in unseen]
    for readable in (tmp_path / "lib", tmp_path / "lib64"):
        done = subprocess.run(
            [sys.executable, "-c", KERNEL, *map(str, [readable, hidden, *paths])],
            capture_output=True,
            text=True,
            check=True,
        )
        version, *opened = done.stdout.split()
        if version == "0":
            pytest.skip("this kernel has no Landlock")
        assert opened == ["1"] * len(shown) + ["0"] * len(unseen)
