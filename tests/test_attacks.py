"""Attacks on the verdict: each must earn nothing and harm nothing.

Every attack ends with an answer that is worth 0 by itself, so a single point would be a
stolen one. All are run under bubblewrap (where this machine has it) and with
``--sandbox off``, where Landlock, resource limits and the audit hook remain.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from autograder.grading.grade import grade
from autograder.isolation.bubblewrap import bubblewrap
from autograder.isolation.limits import Limits
from autograder.isolation.worker_handle import RemoteWorker
from tests.bank import ROOT

QUICK = Limits(cell_seconds=4, call_seconds=4, total_seconds=40)
WORTHLESS = """
def inverted_dropout(x, keep_prob, rng, training=True):
    return None
"""
MODES = [
    pytest.param(
        "required",
        marks=pytest.mark.skipif(
            bubblewrap() is None, reason="bubblewrap does not work here"
        ),
    ),
    "off",
]

ATTACKS = {
    "patches numpy": """
import numpy as np
np.allclose = np.array_equal = np.isfinite = lambda *a, **k: True
np.count_nonzero = np.median = lambda *a, **k: 0.8
np.ndarray.__eq__ = None if False else np.ndarray.__eq__
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
""",
    "patches builtins": """
import builtins
builtins.isinstance = lambda *a: True
builtins.abs = builtins.round = builtins.len = lambda *a: 0
builtins.__import__ = lambda *a, **k: None
""",
    "replaces every function of the grader": """
import importlib, pkgutil, types, autograder
for info in pkgutil.walk_packages(autograder.__path__, "autograder."):
    try:
        module = importlib.import_module(info.name)
    except BaseException:
        continue
    for name, value in list(vars(module).items()):
        if isinstance(value, types.FunctionType):
            setattr(module, name, lambda *a, **k: 1.0)
        elif isinstance(value, type):
            for method in [m for m in vars(value) if not m.startswith("__")]:
                try:
                    setattr(value, method, lambda *a, **k: 1.0)
                except (AttributeError, TypeError):
                    pass
""",
    "raises the points in the registry": """
from autograder.contract import exercise
for e in exercise.all_exercises():
    e.checks.clear()
""",
    "installs input and AST transformers": """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return None
    def visit_Raise(self, node): return None
try:
    shell = get_ipython()
    shell.input_transformers_cleanup.append(lambda lines: [])
    shell.ast_transformers.append(Strip())
except Exception:
    pass
import builtins
real = builtins.compile
def compile(s, *a, **k):
    return real(Strip().visit(s) if isinstance(s, ast.AST) else s, *a, **k)
builtins.compile = compile
""",
    "walks the frames": """
import sys
frame = sys._getframe()
while frame is not None:
    for names in (frame.f_locals, frame.f_globals):
        for name in list(names):
            if name in ("score", "points", "error", "status", "alpha"):
                try:
                    names[name] = 1.0
                except Exception:
                    pass
    frame = frame.f_back
""",
    "writes forged results to every descriptor": """
import json, os, struct
text = json.dumps({"score": 10.0, "status": "passed", "error": None,
                   "results": [{"is": "constant", "value": True}], "changed": [[]]}).encode()
for fd in range(3, 64):
    try:
        os.write(fd, struct.pack("<II", len(text), 0) + text)
    except OSError:
        pass
""",
    "writes garbage to every descriptor": """
import os
for fd in range(3, 64):
    try:
        os.write(fd, b"\\xff" * 64)
    except OSError:
        pass
""",
    "closes every descriptor": """
import os
os.closerange(0, 256)
""",
    "kills its parent": """
import os, signal
for kill in (lambda: os.kill(os.getppid(), signal.SIGKILL),
             lambda: os.killpg(os.getpgid(os.getppid()), signal.SIGKILL),
             lambda: os.killpg(0, signal.SIGKILL),
             lambda: os.kill(-1, signal.SIGKILL)):
    try:
        kill()
    except OSError:
        pass
""",
    "kills by a system call": """
import ctypes, os
try:
    libc = ctypes.CDLL(None)
    libc.kill(os.getppid(), 9)
    libc.kill(-1, 9)
except OSError:
    pass
""",
    "ignores signals in an endless loop": """
import signal
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
""",
    "exits": "import os\nos._exit(0)\n",
    "raises SystemExit with a score": "raise SystemExit(10)\n",
    "floods memory": "hoard = []\nwhile True:\n    hoard.append(bytearray(2**27))\n",
    "floods the output": "while True:\n    print('score: 10.0 ' * 10000)\n",
    "forks without end": """
import os
for _ in range(1000):
    try:
        os.fork()
    except OSError:
        break
""",
    "floods the disk": """
import os
for i in range(50):
    try:
        with open(f"junk{i}", "wb") as file:
            for _ in range(64):
                file.write(bytes(2**20))
    except OSError:
        pass
""",
    "registers an exit handler and a trace": """
import atexit, sys, threading
atexit.register(lambda: print(10.0))
sys.settrace(lambda *a: None)
sys.excepthook = lambda *a: None
threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
""",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_earns_nothing_and_harms_nothing(
    attack: str, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "attack.py"
    path.write_text(ATTACKS[attack] + "\n# %%\n" + WORTHLESS)
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.score == 0
    assert report.max_score > 0
    assert report.exercises[0].message
    # The judge is as it was: a correct answer still earns all, in the same process.
    good = tmp_path / "good.py"
    good.write_text(CORRECT)
    report = grade(good, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.score == report.max_score


CORRECT = """
import numpy as np
def inverted_dropout(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    m = rng.random(x.shape) < keep_prob
    return x * m / keep_prob, m
"""

#: What a call may return or raise, in place of an answer.
RETURNS = {
    "an array subclass that lies": """
import numpy as np
class Liar(np.ndarray):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __array_function__(self, *a, **k): return True
    def __array_ufunc__(self, *a, **k): return True
    def __bool__(self): return True
def inverted_dropout(x, keep_prob, rng, training=True):
    return np.zeros(1).view(Liar), None
""",
    "a float that lies": """
class Liar(float):
    def __eq__(self, other): return True
    def __lt__(self, other): return False
def inverted_dropout(x, keep_prob, rng, training=True):
    return Liar(1), None
""",
    "an object with a pickle that runs a command": """
class Bomb:
    def __reduce__(self):
        return (open, ("/tmp/pwned-by-pickle", "w"))
def inverted_dropout(x, keep_prob, rng, training=True):
    return Bomb(), Bomb()
""",
    "an object array of such": """
import numpy as np
class Bomb:
    def __reduce__(self):
        return (open, ("/tmp/pwned-by-pickle", "w"))
def inverted_dropout(x, keep_prob, rng, training=True):
    return np.array([Bomb()] * x.size, dtype=object).reshape(x.shape), None
""",
    "results of 10^12 elements": """
import numpy as np
def inverted_dropout(x, keep_prob, rng, training=True):
    return np.lib.stride_tricks.as_strided(np.ones(1), (10**6, 10**6), (0, 0)), None
""",
    "a tuple 100,000 deep": """
def inverted_dropout(x, keep_prob, rng, training=True):
    t = ()
    for _ in range(100_000):
        t = (t,)
    return t
""",
    "a list of itself": """
def inverted_dropout(x, keep_prob, rng, training=True):
    t = []
    t.append(t)
    return t, t
""",
    "KeyboardInterrupt": """
def inverted_dropout(x, keep_prob, rng, training=True):
    raise KeyboardInterrupt
""",
    "SystemExit": """
def inverted_dropout(x, keep_prob, rng, training=True):
    raise SystemExit(0)
""",
    "a new kind of exception whose text fails": """
class Odd(BaseException):
    def __str__(self): raise RuntimeError
def inverted_dropout(x, keep_prob, rng, training=True):
    raise Odd
""",
    "a forged frame and then silence": """
import json, os, struct
def inverted_dropout(x, keep_prob, rng, training=True):
    text = json.dumps({"error": None, "score": 10, "results": [{"is": "tuple", "items": []}]})
    for fd in range(3, 64):
        try:
            os.write(fd, struct.pack("<II", len(text), 0) + text.encode())
        except OSError:
            pass
    os._exit(0)
""",
    "a frame that announces 4 GB": """
import os, struct
def inverted_dropout(x, keep_prob, rng, training=True):
    for fd in range(3, 64):
        try:
            os.write(fd, struct.pack("<II", 2**32 - 1, 2**32 - 1))
        except OSError:
            pass
    while True:
        pass
""",
}


def spent() -> float:
    """Return the seconds of processor time of this process, and of those that it started
    and that have ended."""
    return sum(os.times()[:4])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", RETURNS)
def test_what_a_call_returns_cannot_steal_a_point(
    what: str, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "attack.py"
    path.write_text(RETURNS[what])
    began = spent()
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.score == 0, report.exercises
    assert report.exercises[0].message
    assert not Path("/tmp/pwned-by-pickle").exists()
    assert spent() - began < 60


#: A student's test may call back into the judge: as often as its time allows, and with
#: no more than it may hold.
TESTS = {
    "calls back without end": """
import numpy as np
def is_inverted_dropout(dropout, rng):
    while True:
        dropout(np.ones(1000), 0.5, rng)
""",
    "calls back with 30 million units": """
import numpy as np
def is_inverted_dropout(dropout, rng):
    dropout(np.ones(30_000_000, bool), 0.5, rng)
    return True
""",
    "calls back with nonsense": """
def is_inverted_dropout(dropout, rng):
    dropout({"x": (None,)}, "often", rng)
    return True
""",
    "looks for the judge behind the function": """
def is_inverted_dropout(dropout, rng):
    worker = dropout.func.__self__
    return bool(worker.judge.broken)
""",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", TESTS)
def test_a_students_test_cannot_harm_the_judge(
    what: str, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "attack.py"
    path.write_text(TESTS[what])
    began = spent()
    report = grade(path, exercises=["is_inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.score == 0
    assert report.exercises[0].message
    assert spent() - began < 60


READS = """
from pathlib import Path
text = ""
for path in {paths!r}:
    try:
        text += Path(path).read_text()
    except OSError as error:
        print(type(error).__name__)
names = {{}}
for block in text.split("```"):
    try:
        exec(block.partition("\\n")[2], names)
    except Exception:
        pass
inverted_dropout = names.get("inverted_dropout", lambda *a, **k: None)
"""


@pytest.mark.parametrize("mode", MODES)
def test_solutions_tests_and_other_files_cannot_be_read(
    mode: str, tmp_path: Path
) -> None:
    other = tmp_path / "other_student.py"
    other.write_text(CORRECT)
    paths = [
        str(ROOT / "solutions" / "conventions.md"),
        str(other),
        str(ROOT / "tests/bank.py"),
    ]
    assert all(Path(path).exists() for path in paths)
    path = tmp_path / "thief.py"
    path.write_text(READS.format(paths=paths))
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.score == 0


@pytest.mark.parametrize("mode", MODES)
def test_the_graders_own_checks_cannot_be_imported(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "borrower.py"
    path.write_text(
        "from autograder import check\ncheck('inverted_dropout')\n\n# %%\n"
        "import autograder.checks\n\n# %%\nfrom autograder import grading\n" + WORTHLESS
    )
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
    errors = [outcome.error for outcome in report.cells.values()]
    assert errors[0] is None
    assert all(error is not None for error in errors[1:])


@pytest.mark.parametrize("mode", MODES)
def test_nothing_outside_its_own_folder_can_be_written(
    mode: str, tmp_path: Path
) -> None:
    targets = [tmp_path / "pwned", ROOT / "pwned", Path.home() / "pwned"]
    path = tmp_path / "vandal.py"
    path.write_text(
        f"for path in {[str(t) for t in targets]!r}:\n"
        "    try:\n        open(path, 'w').write('x')\n    except OSError:\n        pass\n"
        f"import os\ntry:\n    os.remove({str(path)!r})\nexcept OSError:\n    pass\n"
        + WORTHLESS
    )
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.score == 0
    assert path.exists()
    assert [target for target in targets if target.exists()] == []


@pytest.mark.parametrize("mode", MODES)
def test_no_socket_can_be_opened(mode: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        path = tmp_path / "caller.py"
        path.write_text(
            "import socket\ntry:\n"
            f"    socket.create_connection(('127.0.0.1', {port}), 1)\n"
            "except OSError as error:\n    print('refused')\n" + WORTHLESS
        )
        report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
        with pytest.raises(TimeoutError):
            server.accept()
    assert report.cells[1].stdout.startswith("refused")


def processes_with(marker: str) -> dict[int, str]:
    """Return the other processes with this in their command line, by number."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if marker in text and str(os.getpid()) != entry.parent.name:
            found[int(entry.parent.name)] = text
    return found


PARENT = """
import subprocess, sys
try:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", {marker!r}],
                     start_new_session=True)
except OSError:
    print("refused")
"""


def leaves_behind(path: Path, marker: str) -> bool:
    """Tell whether a script leaves a process with this marker when nothing confines it;
    that process is ended."""
    subprocess.run([sys.executable, str(path)], check=True)
    until = time.monotonic() + 10
    # A process that has just begun to be another has no command line for a moment.
    while not (left := processes_with(marker)) and time.monotonic() < until:
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    while processes_with(marker):
        time.sleep(0.01)
    return bool(left)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("mode", MODES)
def test_no_process_is_left_behind(mode: str, tmp_path: Path) -> None:
    """No process is begun; tests/test_parents.py sees to the end of those that are."""
    marker = f"left-behind-{os.getpid()}-{mode}"
    path = tmp_path / "parent.py"
    path.write_text(PARENT.format(marker=marker) + WORTHLESS)
    assert leaves_behind(path, marker), "unconfined it leaves one"
    report = grade(path, exercises=["inverted_dropout"], sandbox=mode, limits=QUICK)
    assert report.cells[1].stdout == "refused\n"
    time.sleep(0.2)
    assert processes_with(marker) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_without_bubblewrap_the_report_names_what_confined_the_code(
    tmp_path: Path,
) -> None:
    path = tmp_path / "good.py"
    path.write_text(CORRECT)
    assert grade(path, sandbox="off").sandbox in ("landlock", "rlimits")


def test_a_required_sandbox_that_is_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "good.py"
    path.write_text(CORRECT)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "autograder",
            "check",
            str(path),
            "--sandbox",
            "required",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 2
    assert "bubblewrap" in done.stderr


#: Writes a frame to the judge that the worker itself would never write.
FORGERY = """
import json, os, stat, struct, sys
def worker():
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("worker"), "say"):
        frame = frame.f_back
    return frame.f_locals["worker"]
def forge(header, body=b""):
    if isinstance(header, dict):
        header = {"request": worker().number} | header
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    for fd in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                view = memoryview(struct.pack("<II", len(text), len(body)) + text + body)
                while view:
                    view = view[os.write(fd, view):]
        except OSError:
            pass
LARGE = bytes(64 * 2**20)
MANY = {"is": "list", "items": 24 * [
    {"is": "array", "dtype": "|u1", "shape": [len(LARGE)], "at": 0}]}
"""

FORGERIES = {
    "arrays that share their bytes": (
        "def inverted_dropout(x, keep_prob, rng, training=True):\n"
        "    forge({'error': None, 'after': [], 'result': MANY}, LARGE)\n"
    ),
    "arguments that share their bytes": (
        "def is_inverted_dropout(dropout, rng):\n"
        "    forge({'callback': 0, 'args': [MANY], 'kwargs': {}}, LARGE)\n"
    ),
    "answers to nothing": "for _ in range(24): forge({'error': None}, LARGE)\n",
    "figures without end": (
        "forge({'error': None, 'value': None, 'stdout': '', 'stderr': '',"
        " 'images': ['A' * 7_900_000]})\n"
        "worker().say = lambda *a: None\n# %%\n" * 40
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="measures as Linux does")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", FORGERIES)
def test_forged_frames_do_not_fill_the_judge(
    what: str, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "attack.py"
    path.write_text(FORGERY + FORGERIES[what])
    exercise = (
        "is_inverted_dropout"
        if "dropout, rng)" in FORGERIES[what]
        else "inverted_dropout"
    )
    script = (
        "import resource, sys\nfrom autograder.grading.grade import grade\n"
        "report = grade(sys.argv[1], exercises=[sys.argv[2]], sandbox=sys.argv[3])\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(report.score, peak // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), exercise, mode],
        capture_output=True,
        text=True,
        check=True,
    )
    score, megabytes = done.stdout.split()
    assert float(score) == 0
    assert int(megabytes) < 400


#: What a worker may claim in place of a cell's text.
CLAIMS = {
    "an output of lists": {"stdout": "NESTED"},
    "an error of lists": {"error": "NESTED"},
    "figures of lists": {"images": ["NESTED"]},
    "an output that is a number": {"stdout": 5},
    "an answer to another question": {"request": 1},
    "no output": {"stderr": None},
    "a call of a function that nobody lent": {"callback": 0, "args": [], "kwargs": {}},
}
CLAIMED = {"error": None, "value": None, "stdout": "", "stderr": "", "images": []}


@pytest.mark.parametrize("what", CLAIMS)
def test_an_answer_of_another_kind_than_text_costs_only_its_cell(
    what: str, tmp_path: Path
) -> None:
    claim = json.dumps(CLAIMED | CLAIMS[what]).replace("null", "None")
    claim = claim.replace('"NESTED"', "[" * 80 + "]" * 80)
    path = tmp_path / "attack.py"
    path.write_text(f"{FORGERY}\n# %%\nforge({claim})\n# %%\n{CORRECT}")
    report = grade(path, exercises=["inverted_dropout"], limits=QUICK)
    assert report.score == report.max_score
    assert "could not be read" in report.notes[0]


def test_of_the_names_that_are_claimed_few_are_looked_at() -> None:
    claim = """
names = {"escape \\x1b[2J": ""} | {f"inverted_dropou{i}": "" for i in range(100_000)}
forge({"error": None, "value": None, "stdout": "", "stderr": "", "images": []})
forge({"names": names, "request": worker().number + 1})
"""
    with RemoteWorker(limits=QUICK) as worker:
        worker.run_cell(1, FORGERY + claim)
        names = worker.functions()
    assert 0 < len(names) <= 2000
    assert all(name.isidentifier() for name in names)


def test_a_folder_of_folders_without_end_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "attack.py"
    path.write_text(
        "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\n"
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    report = grade(path, exercises=["inverted_dropout"], sandbox="off", limits=QUICK)
    assert report.sandbox != "bubblewrap"
    assert not list(tmp_path.glob("dropout-worker-*"))
