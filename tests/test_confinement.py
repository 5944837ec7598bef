"""What the kernel refuses to a worker by the number of a system call.

The filter is held to the kernel's own list of numbers, run on both machines by a small
interpreter of its instructions, run in a real process, and tried from submissions, under
bubblewrap and with ``--sandbox off``.
"""

import ast
import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.grading.grade import grade
from autograder.grading.report import Report
from autograder.isolation.limits import Limits
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost
from autograder.worker import seccomp
from tests.test_attacks import MODES, QUICK, WORTHLESS, processes_with

resource = pytest.importorskip("resource", reason="POSIX has resource limits")
MACHINES = list(seccomp.MACHINES)
TABLE = seccomp.REFUSED + seccomp.METADATA + seccomp.CHECKED
TRY = """
import sys
from autograder.worker import seccomp
if not seccomp.install():
    sys.exit(3)
"""


def run_filtered(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", TRY + code],
        capture_output=True,
        text=True,
        check=False,
    )


FILTERS = sys.platform == "linux" and run_filtered("").returncode == 0
needs_filter = pytest.mark.skipif(
    not FILTERS, reason="this kernel or container has no seccomp filters for us"
)


# -- the filter as a program --------------------------------------------------------------
def verdict(machine: str, call: str | int, *args: int, arch: int | None = None) -> int:
    """Run the filter as the kernel does; return the error number, 0 if it allows."""
    number = seccomp.numbers(TABLE, machine)[call] if isinstance(call, str) else call
    data = {0: number, 4: seccomp.MACHINES[machine][1] if arch is None else arch}
    data |= {16 + 8 * i: value % 2**32 for i, value in enumerate((*args, *[0] * 6))}
    code, at, value = seccomp.program(machine, 1234), 0, 0
    while True:
        what, yes, no, k = code[at]
        at += 1
        if what == 0x06:
            return k & 0xFFFF if k >> 16 == 5 else 0
        if what == 0x20:
            value = data[k]
        elif what == 0x54:
            value &= k
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[what]
            at += yes if holds else no


THREAD = 0x3D0F00  # the flags with which libc makes a thread
VERDICTS = [
    (("socket", 2, 2, 0), errno.EPERM),
    (("execve",), errno.EPERM),
    (("clone", 17), errno.EPERM),
    (("clone", THREAD), 0),
    (("clone", THREAD | 0x10000000), errno.EPERM),
    (("clone", THREAD & ~0x400), errno.EPERM),
    (("close_range", 3, 9, 0), 0),
    (("close_range", 3, 9, 4), 0),
    (("close_range", 3, 9, 2), errno.EPERM),
    (("close_range", 3, 9, 6), errno.EPERM),
    (("clone3",), errno.ENOSYS),
    (("prlimit64", 0), 0),
    (("prlimit64", 1234), 0),
    (("prlimit64", 1), errno.EPERM),
    (("setpriority", 0, 0), 0),
    (("setpriority", 0, 1), errno.EPERM),
    (("setpriority", 1, 0), errno.EPERM),
    (("setpriority", 2, 0), errno.EPERM),
    (("setpriority", 0, 1234, 5), 0),
    (("setpriority", 0, 0, 6), errno.EPERM),
    (("setpriority", 0, 0, -1), errno.EPERM),
    (("sched_setscheduler", 0, 5), errno.EPERM),
    (("sched_setattr", 0), errno.EPERM),
    (("io_setup", 1), errno.EPERM),
    (("sync",), errno.EPERM),
    (("ioprio_set", 1, 1234), 0),
    (("ioprio_set", 2, 0), errno.EPERM),
    (("sched_setaffinity", 1), errno.EPERM),
    (("sched_setscheduler", 1), errno.EPERM),
    (("fchmod", 3), errno.EPERM),
    (("kill", 1234), 0),
    (("kill", 0), errno.EPERM),
    (("kill", -1), errno.EPERM),
    (("tgkill", 1234, 1235), 0),
    (("tgkill", 1, 1), errno.EPERM),
    (("fcntl", 0, 1), 0),
    (("fcntl", 0, 8), errno.EPERM),
    (("fcntl", 0, 15), errno.EPERM),
    (("fcntl", 0, 1031), errno.EPERM),
    (("inotify_add_watch", 3), errno.EPERM),
    ((457,), errno.EPERM),  # statmount and listmount, whatever a header knows
    ((458,), errno.EPERM),
    (("mknodat", -100), errno.EPERM),
    (("msgrcv", 0), errno.EPERM),
    (("prctl", 1), errno.EPERM),
    (("prctl", 4), errno.EPERM),
    (("prctl", 22), errno.EPERM),
    (("prctl", 15), 0),
    (("exit", 0), 0),
    (("exit_group", 3), 0),
    (("exit_group", 136), 0),
    (("exit_group", 128), 0),
    (("exit_group", 130), errno.EPERM),
    (("exit_group", 143), errno.EPERM),
    (("exit_group", 256 + 137), errno.EPERM),
    (("exit", 129), errno.EPERM),
    ((63,), 0),
    ((0x40000000,), errno.EPERM),
]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("call", "expected"), VERDICTS)
def test_a_call_is_refused_by_its_number_and_arguments(
    machine: str, call: tuple[str, ...], expected: int
) -> None:
    assert verdict(machine, *call) == expected  # type: ignore[arg-type]


#: What a submission may not do by itself, whatever the table says of it.
DANGERS = {
    "begins a process": "fork vfork execve execveat unshare setns",
    "looks into another": "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd",
    "disturbs another": "pidfd_open pidfd_send_signal tkill process_madvise move_pages"
    " migrate_pages process_mrelease",
    "talks": "socket socketpair mq_open msgget",
    "holds memory that nobody counts": "memfd_create memfd_secret shmget shmat semget"
    " add_key request_key keyctl",
    "keeps files that nobody sees": "landlock_create_ruleset landlock_add_rule"
    " landlock_restrict_self inotify_add_watch",
    "heaps up rules of its own": "landlock_create_ruleset landlock_restrict_self seccomp",
    "lets the kernel act for it": "io_uring_setup io_uring_enter io_uring_register bpf"
    " perf_event_open userfaultfd",
    "moves what files are": "mount umount2 pivot_root chroot open_tree move_mount fsopen"
    " fsconfig fsmount fspick mount_setattr name_to_handle_at open_by_handle_at",
    "lists what others see mounted": "statmount listmount listns",
    "changes the machine": "settimeofday clock_settime clock_adjtime adjtimex swapon"
    " swapoff acct quotactl init_module finit_module delete_module kexec_load reboot"
    " sethostname setdomainname syslog iopl ioperm fanotify_init",
    "changes what others see of a file": "chmod fchmod fchmodat chown lchown fchown"
    " fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr",
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("what", DANGERS)
def test_a_dangerous_call_is_refused_by_the_kernels_number(
    what: str, machine: str
) -> None:
    known = kernels_numbers(machine)
    passed = [
        name
        for name in DANGERS[what].split()
        if name in known and verdict(machine, known[name]) != errno.EPERM
    ]
    assert passed == []
    assert verdict(machine, known["read"]) == 0


@pytest.mark.parametrize("machine", MACHINES)
def test_the_calls_of_another_architecture_are_refused(machine: str) -> None:
    assert verdict(machine, 0, arch=0x40000003) == errno.EPERM


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def kernels_numbers(machine: str) -> dict[str, int]:
    """Return the number of each call of the kernel, by its name."""
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"needs {header} (apt install linux-libc-dev)")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    known = kernels_numbers(machine)
    ours = seccomp.numbers(TABLE, machine)
    # A call that is newer than the header is not in it.
    assert {n: known.get(n, v) for n, v in ours.items()} == ours
    assert len(ours.keys() - known.keys()) < 10


@needs_filter
@pytest.mark.parametrize("status", [129, 130, 137, 143, 256 + 137])
def test_no_exit_looks_like_a_kill_from_outside(status: int) -> None:
    """The file was graded a second time."""
    with RemoteWorker("off", first=True) as worker:
        assert worker.run_cell(1, "import os").error is None
        with pytest.raises(WorkerLost, match="it ended the Python process"):
            worker.run_cell(2, f"os._exit({status})")


# -- the filter in a process --------------------------------------------------------------
REFUSED_IN_PYTHON = [
    "os.fork()",
    "os.execv('/bin/true', ['true'])",
    "subprocess.run(['true'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "socket.socket()",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "socket.socket(socket.AF_UNIX)",
    "socket.socketpair()",
    "os.memfd_create('x')",
    "os.pidfd_open(os.getppid())",
    "os.kill(os.getppid(), 0)",
    "os.kill(0, 0)",
    "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "os.setpriority(os.PRIO_PROCESS, 0, 19)",
    "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))",
    "os.sched_setaffinity(os.getppid(), {0})",
    "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, os.getppid())",
]


@needs_filter
@pytest.mark.parametrize("expression", REFUSED_IN_PYTHON)
def test_the_kernel_refuses(expression: str) -> None:
    done = run_filtered(
        "import errno, fcntl, os, resource, socket, subprocess\n"
        f"try:\n    {expression}\nexcept OSError as e:\n    print(errno.errorcode[e.errno])"
    )
    assert done.stdout == "EPERM\n", done.stderr


@needs_filter
def test_threads_numpy_and_figures_still_work() -> None:
    done = run_filtered("""
import os, resource, signal, threading
threads = [threading.Thread(target=print, args=("thread",)) for _ in range(3)]
for thread in threads:
    thread.start()
    thread.join()
resource.prlimit(0, resource.RLIMIT_NOFILE, (64, 64))
resource.getrlimit(resource.RLIMIT_AS)
os.nice(1)
os.kill(os.getpid(), 0)
signal.signal(signal.SIGUSR1, lambda *a: print("signal"))
signal.raise_signal(signal.SIGUSR1)
import numpy as np
print((np.ones((600, 600)) @ np.ones((600, 600)))[0, 0])
import matplotlib
matplotlib.use("agg")
import io, matplotlib.pyplot as plt
plt.plot([1, 2])
plt.title("x")
plt.savefig(io.BytesIO())
print("figure")
""")
    assert done.stdout.split() == [*["thread"] * 3, "signal", "600.0", "figure"], (
        done.stderr
    )


# -- from a submission --------------------------------------------------------------------
def graded(code: str, mode: str, folder: Path, limits: Limits = QUICK) -> Report:
    """Grade an attack; it prints "done" for each step that succeeded, "end" at its end.

    Where ctypes is refused as well, it ends at its first line."""
    path = folder / "attack.py"
    path.write_text(code + "\nprint('end')\n# %%\n" + WORTHLESS)
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=limits)
    assert report.score == 0
    printed = report.cells[1].stdout.split()
    assert "done" not in printed
    assert printed[-1:] == ["end"], report.cells[1].error
    return report


LIBC = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def tell(number):
    if number >= 0:
        print("done")
"""
ATTACKS = {
    "forks past Python": """
number = libc.fork()
if number == 0:
    libc.setsid()
    libc.sleep(20)
    os._exit(0)
tell(number)
""",
    "forks by clone": """
number = libc.syscall({"x86_64": 56, "aarch64": 220}[os.uname().machine], 17, 0, 0, 0, 0)
if number == 0:
    os._exit(0)
tell(number)
""",
    "opens sockets of other kinds": """
for family, kind, protocol in ((2, 1, 0), (2, 2, 0), (2, 1, 262), (1, 1, 0), (16, 3, 0)):
    tell(libc.socket(family, kind, protocol))
""",
    "holds memory in memfds": """
tell(libc.memfd_create(b"x", 0))
try:
    os.memfd_create("x")
    print("done")
except OSError:
    pass
""",
    "holds memory in shared segments": "tell(libc.shmget(0, 2**20, 0o1600))",
    "outlives its judge": """
import signal
for asked in (0, int(signal.SIGWINCH)):
    tell(libc.prctl(1, asked, 0, 0, 0))
""",
    "looks into the judge": """
tell(libc.ptrace(16, os.getppid(), 0, 0))
tell(libc.syscall(434, os.getppid(), 0))
""",
    "learns which files others open": """
watch = libc.inotify_init()
tell(libc.inotify_add_watch(watch, b"/tmp", 0xFFF))
tell(libc.inotify_add_watch(watch, b"/", 0xFFF))
""",
    "asks for the shared segments of others": """
info = ctypes.create_string_buffer(1000)
tell(libc.shmctl(0, 14, info))
tell(libc.semctl(0, 0, 19, info))
tell(libc.msgctl(0, 12, info))
""",
    "hides its open files": "tell(libc.prctl(4, 0, 0, 0, 0))",
}


@needs_filter
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_system_call_past_python_is_refused(
    attack: str, mode: str, tmp_path: Path
) -> None:
    graded(LIBC + ATTACKS[attack], mode, tmp_path)


@needs_filter
@pytest.mark.parametrize("mode", MODES)
def test_no_process_is_left_behind_by_the_function_below_subprocess(
    mode: str, tmp_path: Path
) -> None:
    marker = f"77{os.getpid()}{len(mode)}"
    code = f"""
import os, sys
import _posixsubprocess as ours
del sys.modules["_posixsubprocess"]
import _posixsubprocess as fresh
for fork_exec in (ours.fork_exec, fresh.fork_exec):
    r, w = os.pipe()
    for more in ((-1, None), (None,)):
        try:
            fork_exec([b"/usr/bin/sleep", b"{marker}"], [b"/usr/bin/sleep"], True, (w,),
                      None, None, -1, -1, -1, -1, -1, -1, r, w, True, True, -1, *more,
                      None, None, -1, None, True)
            print("done")
        except (OSError, TypeError):
            pass
"""
    graded(code, mode, tmp_path)
    assert processes_with(marker) == {}


@needs_filter
@pytest.mark.parametrize("mode", MODES)
def test_no_datagram_reaches_another_process(mode: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.2)
        port = server.getsockname()[1]
        graded(
            LIBC + "address = struct.pack('<H', 2) + struct.pack('>H', "
            f"{port}) + bytes([127, 0, 0, 1]) + bytes(8)\n"
            "s = libc.socket(2, 2, 0)\n"
            "tell(libc.sendto(s, b'stolen', 6, 0, address, 16))",
            mode,
            tmp_path,
        )
        with pytest.raises(TimeoutError):
            server.recv(10)


JUDGE = """
import os, resource
judge = os.getppid()
for attempt in (
    lambda: resource.prlimit(judge, resource.RLIMIT_CPU, (1000, 1000)),
    lambda: resource.prlimit(judge, resource.RLIMIT_NOFILE, (500, 500)),
    lambda: os.setpriority(os.PRIO_PROCESS, judge, 19),
    lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19),
    lambda: os.sched_setaffinity(judge, {min(os.sched_getaffinity(0))}),
    lambda: os.sched_setscheduler(judge, os.SCHED_IDLE, os.sched_param(0)),
):
    try:
        attempt()
        print("done")
    except OSError:
        pass
"""


def standing() -> list[object]:
    kinds = (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE)
    return [
        *(resource.getrlimit(kind) for kind in kinds),
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getaffinity(0),
        os.sched_getscheduler(0),
    ]


@needs_filter
@pytest.mark.parametrize("mode", MODES)
def test_the_judge_keeps_its_limits_its_priority_and_its_processors(
    mode: str, tmp_path: Path
) -> None:
    before = standing()
    graded(JUDGE, mode, tmp_path)
    assert standing() == before


@needs_filter
@pytest.mark.parametrize("mode", MODES)
def test_another_persons_file_keeps_its_mode_and_times(
    mode: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.py"
    other.write_text(WORTHLESS)
    before = other.stat()
    path = str(other).encode()
    graded(
        LIBC
        + f"""
tell(libc.chmod({path!r}, 0))
tell(libc.chown({path!r}, os.getuid(), os.getgid()))
tell(libc.utimes({path!r}, None))
tell(libc.setxattr({path!r}, b"user.x", b"1", 1, 0))
""",
        mode,
        tmp_path,
    )
    assert other.stat() == before


@needs_filter
@pytest.mark.parametrize("mode", MODES)
def test_what_can_be_read_past_python_cannot_be_written(
    mode: str, tmp_path: Path
) -> None:
    """Of Python's own folder, which workers need; unconfined it can be written."""
    mine = str(Path(sys.prefix) / "pyvenv.cfg")
    if not os.access(mine, os.W_OK):
        pytest.skip(f"{mine} is not ours to write")
    graded(
        LIBC
        + f"""
assert libc.open({mine.encode()!r}, os.O_RDONLY) >= 0
tell(libc.open({mine.encode()!r}, os.O_RDWR))
tell(libc.open({str(tmp_path / "new").encode()!r}, os.O_RDWR | os.O_CREAT, 0o600))
""",
        mode,
        tmp_path,
    )
    assert not (tmp_path / "new").exists()


LIMITS = {
    "RLIMIT_CPU": 77,
    "RLIMIT_AS": 1_900_000_768,
    "RLIMIT_DATA": 1_900_000_768,
    "RLIMIT_FSIZE": 5_000_000,
    "RLIMIT_NPROC": 33,
    "RLIMIT_NOFILE": 44,
    "RLIMIT_CORE": 0,
}


@pytest.mark.parametrize("mode", MODES)
def test_every_limit_is_in_force_and_cannot_be_raised(mode: str) -> None:
    limits = Limits(
        cpu_seconds=77,
        memory_bytes=1_900_000_768,
        file_bytes=5_000_000,
        processes=33,
        open_files=44,
    )
    code = f"""
import resource
def write():
    with open("large", "wb") as file:
        file.write(bytes(6_000_000))
try:
    write()
except OSError as error:
    print("refused")
{{name: resource.getrlimit(getattr(resource, name)) for name in {list(LIMITS)!r}}}
"""
    with RemoteWorker(mode, limits) as worker:
        outcome = worker.run_cell(1, code)
    assert outcome.stdout == "refused\n"
    expected = {name: (value, value) for name, value in LIMITS.items()}
    if worker.sandbox == "landlock":
        # It would count other students' threads; the filter refuses processes.
        expected["RLIMIT_NPROC"] = resource.getrlimit(resource.RLIMIT_NPROC)
    assert ast.literal_eval(outcome.value or "") == expected


@needs_filter
@pytest.mark.parametrize("mode", MODES)
def test_only_so_many_files_are_open_at_once(mode: str, tmp_path: Path) -> None:
    graded(
        """
held = []
try:
    while len(held) < 200:
        held.append(open(f"{len(held)}", "w"))
    print("done")
except OSError:
    pass
held.clear()
""",
        mode,
        tmp_path,
    )


# -- without a filter ---------------------------------------------------------------------
def test_a_machine_without_known_numbers_goes_without_a_filter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seccomp, "MACHINES", {})
    assert not seccomp.install()


@pytest.mark.parametrize(
    "attempt",
    [
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "_posixsubprocess.fork_exec()",
    ],
)
def test_the_audit_hook_refuses_by_itself(attempt: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import _posixsubprocess, os, resource\n"
            "from autograder.worker import audit_hook\n"
            "audit_hook.install([], [], [], True)\n"
            "resource.prlimit(0, resource.RLIMIT_CPU)\n" + attempt,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PermissionError: a graded submission may" in done.stderr


@pytest.mark.parametrize("mode", MODES)
def test_an_account_has_a_name_that_tells_nothing(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "import getpass\n\ndef inverted_dropout(*_):\n"
        "    raise ValueError(f'I am {getpass.getuser()}.')\n"
    )
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode)
    assert "I am student." in report.as_json()


@pytest.mark.parametrize("mode", MODES)
def test_nothing_of_the_accounts_environment_is_shown(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"/home/professor/bin:{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "C.UTF-8@professor")
    path = tmp_path / "a.py"
    path.write_text(
        "import os\n\ndef inverted_dropout(*_):\n    raise ValueError(str(os.environ))\n"
    )
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode)
    told = report.as_json()
    assert "OPENBLAS_NUM_THREADS" in told and "professor" not in told
