"""The judge's side of the talk with a worker: whatever a worker says, the judge gets an
answer, a student's error or a lost worker, and nothing else."""

import io
import os
import pickle
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import wire
from autograder.contract.exercise import find_exercise
from autograder.contract.student import Refused, StudentError
from autograder.grading.grade import grade
from autograder.grading.run import run_check
from autograder.isolation import references, worker_handle
from autograder.isolation.clocks import TryAgain, WorkerClock
from autograder.isolation.limits import Limits
from autograder.isolation.remote_function import RemoteFunction
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost

QUICK = Limits(cell_seconds=4, call_seconds=4, total_seconds=40)

Frame = tuple[dict[str, Any], bytes]


# -- functions that the judge lends -------------------------------------------------------
def raising(error: BaseException) -> Callable[..., Any]:
    def function(*_: Any) -> Any:
        raise error

    return function


ENDS = {
    "TypeError": raising(TypeError("secret line")),
    "ValueError": raising(ValueError("secret line")),
    "OverflowError": raising(OverflowError("secret line")),
    "RecursionError": raising(RecursionError("secret line")),
    "KeyError": raising(KeyError("secret line")),
    "ZeroDivisionError": raising(ZeroDivisionError("secret line")),
    "MemoryError": raising(MemoryError("secret line")),
    "AttributeError": raising(AttributeError("secret line")),
    "IndexError": raising(IndexError("secret line")),
    "StopIteration": raising(StopIteration("secret line")),
    "OSError": raising(OSError("secret line")),
    "AssertionError": raising(AssertionError("secret line")),
    "SystemExit": raising(SystemExit("secret line")),
    "WireError": raising(wire.WireError("secret line")),
    "a result that is too large": lambda *_: np.broadcast_to(1.0, (10**6, 10**6)),
    "a result that is too deep": lambda *_: [[[[[[[[[[]]]]]]]]]],
}


@pytest.fixture(scope="module")
def asking() -> Any:
    """A worker with a function that calls what it is lent."""
    with RemoteWorker(limits=QUICK) as worker:
        worker.run_cell(
            1,
            "import threading\nkept = []\n"
            "def ask(function, times=1):\n"
            "    for _ in range(times - 1):\n"
            "        try:\n            function(1)\n"
            "        except ValueError:\n            pass\n"
            "    return function(1)\n"
            "def keep(function):\n    kept.append(function)\n    return 1\n"
            "def late():\n    return kept.pop()(1)\n"
            "def at_once(function):\n"
            "    found = []\n"
            "    threads = [threading.Thread(target=lambda i=i: "
            "found.append(function(i))) for i in range(8)]\n"
            "    [t.start() for t in threads]\n    [t.join() for t in threads]\n"
            "    return sorted(found)\n"
            "def ask_with(function, args, kwargs):\n"
            "    try:\n        return function(*args, **kwargs)\n"
            "    except ValueError as error:\n        return str(error)\n",
        )
        yield worker


@pytest.mark.parametrize("what", ["returned", "outcome"])
def test_reading_what_a_file_says_is_on_its_own_account(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads_at_length(*_: Any) -> Any:
        end = time.thread_time() + 0.4
        while time.thread_time() < end:
            pass
        return []

    monkeypatch.setattr(worker_handle, "returned", reads_at_length)
    monkeypatch.setattr(worker_handle.Room, "outcome", reads_at_length)
    with RemoteWorker("off", Limits(total_seconds=2)) as worker:
        began = time.thread_time()
        with pytest.raises(WorkerLost, match="2 seconds of processor time were used"):
            for number in range(100):
                if what == "outcome":
                    worker.run_cell(number, "1")
                else:
                    worker.call("abs", [((1,), {})], ())
        assert time.thread_time() - began < 4


def test_answering_what_a_file_asks_is_on_its_own_account(asking: RemoteWorker) -> None:
    ask = RemoteFunction(asking, "ask")
    began, before = time.thread_time(), asking._processor
    assert ask(lambda x: x + 1, 2000) == 2
    took = time.thread_time() - began
    # What it answered alone was less than half of it.
    assert asking._processor - before > 0.7 * took


@pytest.mark.parametrize("what", ENDS)
def test_a_lent_function_that_fails_is_the_students_error_and_nothing_more(
    what: str, asking: RemoteWorker
) -> None:
    ask = RemoteFunction(asking, "ask")
    with pytest.raises(StudentError) as caught:
        ask(ENDS[what], 3)
    assert "secret" not in caught.value.message
    assert ask(lambda x: x + 1) == 2


def test_python_itself_says_nothing_of_a_lent_function(asking: RemoteWorker) -> None:
    """Its name, and where it fails, are the judge's."""

    class Secret:
        def __call__(self, x: int, *, more: int = 0) -> Any:
            if x == 3:
                raise Refused("three is refused")
            return "secret" + x  # type: ignore[operator]

    ask = RemoteFunction(asking, "ask_with")
    calls = [([1, 2], {}), ([], {}), ([1], {"self": 1}), ([1], {"else": 1}), ([1], {})]
    told = [ask(Secret(), *call) for call in calls]
    assert set(told) == {references._CANNOT}
    assert ask(Secret(), [3], {}) == "three is refused"


def test_a_lent_function_answers_no_more_when_its_call_has_ended(
    asking: RemoteWorker,
) -> None:
    assert RemoteFunction(asking, "keep")(lambda x: x) == 1
    with pytest.raises(StudentError, match="has ended"):
        RemoteFunction(asking, "late")()
    assert RemoteFunction(asking, "ask")(lambda x: x) == 1


def test_threads_of_a_student_may_ask_at_once(asking: RemoteWorker) -> None:
    found = RemoteFunction(asking, "at_once")(lambda x: x * 10)
    assert found == [10 * i for i in range(8)]


def test_an_overflow_in_a_lent_dropout_costs_no_later_check(tmp_path: Path) -> None:
    path = tmp_path / "answer.py"
    path.write_text(
        "import numpy as np\n"
        "def is_inverted_dropout(dropout, rng):\n"
        "    for odd in (10**400, -10**400, 'x', None, [1e400], {}):\n"
        "        for args in ((odd, 0.5, rng), (np.ones(3), odd, rng)):\n"
        "            try:\n                dropout(*args)\n"
        "            except ValueError:\n                pass\n"
        "    return True\n"
    )
    report = grade(path, exercises=["is_inverted_dropout"], limits=QUICK)
    messages = [check.message for check in report.exercises[0].checks]
    assert not any("KeyError" in m or "could not be read" in m for m in messages)
    assert report.score < report.max_score


# -- workers that say anything ------------------------------------------------------------
class Impostor:
    """Stands in for a worker's process; ``speak`` makes its answers' bytes."""

    folder = watch = None
    carried = 0.0

    def __init__(self, speak: Callable[[int], bytes]) -> None:
        self.speak, self.popen, self.requests = speak, self, self
        self.answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.left = 40
        self.clock = WorkerClock(os.getpid())

    def code(self) -> None:
        return None

    def ended_by(self, patience: float) -> None:
        return None

    def kill(self) -> None:
        pass

    def put(self, request: Any) -> None:
        self.left -= 1
        if request is None or self.left < 0:
            return self.answers.put(None)
        header = wire.read_request(io.BytesIO(b"".join(request)))
        assert header is not None
        stream = io.BytesIO(self.speak(header[0]["request"]))
        try:
            return self.answers.put(wire.read_frame(stream))
        except wire.WireError as error:
            return self.answers.put(error)


ODD: list[Any] = [
    None, True, 0, -1, 1, 7, 2**31, 2**63, -(2**200), 10**300, 1e308, float("nan"),
    float("inf"), "", "x", "0x1", "call", "\ud800", [], {}, [[]], [None], {"is": None},
    {"is": "handle", "number": 1e400, "type": "x"}, {"is": "callback", "number": 0},
    {"is": "array", "dtype": "<f8", "shape": [2**62, 0], "at": 0},
    {"is": "array", "dtype": "<f8", "shape": [0] * 40, "at": 2**70},
    {"is": "array", "dtype": {}, "shape": [1], "at": 0},
    {"is": "generator", "state": ["0x1", "0x2", 1, float("inf")]},
    {"is": "dict", "keys": [[]], "items": [{"is": "constant", "value": None}]},
    {"is": ["list"], "items": []}, {"is": "tuple", "items": {"is": "tuple"}},
]  # fmt: skip

RESULT = {"is": "array", "dtype": "<f8", "shape": [2, 3], "at": 0}
#: Of a run of arrays: dtype, shape, whether transposed, and the type of what stays.
KIND = ["<f8", [2, 3], False, None]
STATE = ["0x1", "0x3", 0, 0]
RIGHT: list[Frame] = [
    ({"error": None, "results": [RESULT], "kinds": [], "changed": [[]]}, bytes(48)),
    ({"error": "ValueError: no", "unwritten": None}, b""),
    ({"callback": 0, "args": [RESULT, {"is": "float", "value": "0x1.0p-1"},
      {"is": "generator", "state": STATE}], "kwargs": {}}, bytes(48)),
    ({"callback": 1, "args": [], "kwargs": {"x": {"is": "int", "value": "0x5"}}}, b""),
    ({"error": None, "value": None, "stdout": "", "stderr": "", "images": []}, b""),
    ({"names": {"f": "(x)"}}, b""),
    ({"error": None, "results": [{"is": "tuple", "items": [RESULT, {"is": "handle",
      "number": 1, "type": "dict"}]}], "kinds": [], "changed": [[[0, RESULT]]]},
      bytes(96)),
    ({"error": None, "results": [[0, 0, 2, None]], "kinds": [KIND], "changed": [[], []]},
     bytes(96)),
    ({"error": None, "results": [[0, 48, 1, 7]], "changed": [[]],
      "kinds": [[*KIND[:3], "dict"]]}, bytes(96)),
]  # fmt: skip


FIELDS = ["results", "error", "callback", "x"]


def changed(value: Any, rng: np.random.Generator) -> Any:
    """Return the value with one place of it changed."""
    if rng.random() < 0.3 or not isinstance(value, dict | list) or not value:
        return ODD[rng.integers(len(ODD))]
    if isinstance(value, list):
        at = int(rng.integers(len(value)))
        return [*value[:at], changed(value[at], rng), *value[at + 1 :]]
    keys = list(value)
    key = keys[int(rng.integers(len(keys)))]
    match rng.integers(4):
        case 0:
            return {k: v for k, v in value.items() if k != key}
        case 1:
            return value | {FIELDS[rng.integers(4)]: ODD[0]}
    return value | {key: changed(value[key], rng)}


def forged(number: int, rng: np.random.Generator) -> bytes:
    """Return the bytes of a frame that is right, or wrong in some way."""
    header, body = RIGHT[rng.integers(len(RIGHT))]
    header = {"request": number} | header
    for _ in range(rng.integers(3)):
        header = changed(header, rng)
    data = bytearray(b"".join(wire.packed(header, body)))
    if rng.random() < 0.15:
        for _ in range(3):
            data[rng.integers(len(data))] = rng.integers(256)
    if rng.random() < 0.1:
        data = data[: rng.integers(len(data))]
    return bytes(data)


def lent(x: Any = 0, keep_prob: Any = 0.5, rng: Any = None) -> Any:
    """A careless function: nonsense in, any exception out."""
    return x * (rng.random(x.shape) < keep_prob) / keep_prob


def made(outcomes: list[Any]) -> None:
    """Raise the error of a call that failed, as a function in a worker does."""
    for outcome in outcomes:
        if isinstance(outcome, StudentError):
            raise outcome


QUESTIONS: list[Callable[[RemoteWorker], Any]] = [
    lambda w: w.run_cell(1, "x = 1"),
    lambda w: w.functions(),
    lambda w: made(w.call("f", [((lent, lent), {})] * 2, ())),
    lambda w: made(w.call("f", [((np.ones(3),), {"k": lent})], (1,))),
]


def talk(seeds: range) -> dict[str, int]:
    """Ask impostors; count what came of it. Anything else than these three escapes."""
    came = {"answer": 0, "student": 0, "lost": 0}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        worker = RemoteWorker("off", QUICK)
        worker._process = Impostor(lambda n, rng=rng: forged(n, rng))  # type: ignore
        try:
            QUESTIONS[seed % len(QUESTIONS)](worker)
            came["answer"] += 1
        except StudentError:
            came["student"] += 1
        except WorkerLost as lost:
            assert lost.kind in ("incoherent", "gone")
            came["lost"] += 1
    return came


def test_whatever_a_worker_says_the_judge_stays_whole() -> None:
    came = talk(range(3000))
    assert all(came.values()), came


@pytest.mark.slow
def test_whatever_a_worker_says_at_length() -> None:
    assert all(talk(range(3000, 30_000)).values())


WRONG: dict[str, dict[str, Any]] = {
    "an answer to an earlier question": RIGHT[0][0] | {"request": 0},
    "an answer to no question": RIGHT[0][0] | {"request": None},
    "an error and a result": RIGHT[0][0] | {"error": "ValueError"},
    "a failure of more calls than were made": RIGHT[0][0]
    | {"failed": {"error": "ValueError", "unwritten": None}},
    "a failure without a word": RIGHT[0][0] | {"failed": {}},
    "no result": {"error": None, "kinds": [], "changed": []},
    "no results": RIGHT[0][0] | {"results": []},
    "more results than calls": RIGHT[0][0]
    | {"results": 2 * [{"is": "constant", "value": 1}]},
    "results that are no list": RIGHT[0][0] | {"results": RESULT},
    "a result and a question": RIGHT[0][0] | {"callback": 0},
    "a question to a function that nobody lent": RIGHT[2][0] | {"callback": 9},
    "a question to a function before the first": RIGHT[2][0] | {"callback": -1},
    "a question to true": RIGHT[2][0] | {"callback": True},
    "a question without arguments": {"callback": 0, "kwargs": {}},
    "a changed argument that was not there": RIGHT[0][0] | {"changed": [[[2, RESULT]]]},
    "a changed argument before the first": RIGHT[0][0] | {"changed": [[[-2, RESULT]]]},
    "a changed argument without a place": RIGHT[0][0] | {"changed": [[[RESULT]]]},
    "more changed arguments than there were": RIGHT[0][0]
    | {"changed": [3 * [[0, {"is": "constant", "value": 1}]]]},
    "changes of more calls than were made": RIGHT[0][0] | {"changed": [[], []]},
} | {
    name: RIGHT[0][0] | {"results": [run], "kinds": [kind]}
    for name, run, kind in (
        ("a run of none", [0, 0, 0, None], KIND),
        ("a run of less than none", [0, 0, -1, None], KIND),
        ("a run of more than were called", [0, 0, 2, None], KIND),
        ("a run of far too many", [0, 0, 2**40, None], ["|u1", [1], False, None]),
        ("a run of true", [0, 0, True, None], KIND),
        ("a run too short", [0, 0, 1], KIND),
        ("a run of another kind", [1, 0, 1, None], KIND),
        ("a run of a kind before the first", [-1, 0, 1, None], KIND),
        ("a run before its frame", [0, -8, 1, None], KIND),
        ("a run beyond its frame", [0, 56, 1, None], KIND),
        ("a run of caches without a number", [0, 0, 1, None], [*KIND[:3], "dict"]),
        ("a run of numbers without caches", [0, 0, 1, 7], KIND),
        ("a run of caches of a type that is none", [0, 0, 1, 7], [*KIND[:3], [[]]]),
        ("a run of caches of an empty type", [0, 0, 1, 7], [*KIND[:3], []]),
        ("a run of objects", [0, 0, 1, None], ["|O", [1], False, None]),
        ("a run of a dtype that is none", [0, 0, 1, None], [["<f8"], [1], False, None]),
        ("a run of nothing", [0, 0, 1, None], ["<f8", [0], False, None]),
        ("a run of numbers alone", [0, 0, 1, None], ["<f8", [], False, None]),
        ("a run of too many axes", [0, 0, 1, None], ["<f8", [1] * 40, False, None]),
        ("a run of a huge shape", [0, 0, 1, None], ["<f8", [2**62, 2**62], False, None]),
        ("a run of a negative shape", [0, 0, 1, None], ["<f8", [-2, -3], False, None]),
        ("a kind that is none", [0, 0, 1, None], {"is": "array"}),
        ("a kind too short", [0, 0, 1, None], KIND[:3]),
    )
}  # fmt: skip
WRONG |= {
    "runs in one place": RIGHT[7][0]
    | {"results": [[0, 0, 2, None]] * 2, "changed": [[]] * 4},
    "a run and an array in one place": RIGHT[7][0]
    | {"results": [[0, 0, 2, None], RESULT], "changed": [[], [], []]},
    "kinds that are no list": RIGHT[0][0] | {"kinds": {}},
    "more kinds than results": RIGHT[0][0] | {"kinds": [KIND] * 40},
    "no kinds": {k: v for k, v in RIGHT[0][0].items() if k != "kinds"},
}


@pytest.mark.parametrize("what", WRONG)
def test_an_answer_that_no_worker_gives_ends_the_worker(what: str) -> None:
    def speak(number: int) -> bytes:
        return b"".join(wire.packed({"request": number} | WRONG[what], bytes(96)))

    worker = RemoteWorker("off", QUICK)
    worker._process = Impostor(speak)  # type: ignore[assignment]
    calls = 4 if "in one place" in what else 1
    with pytest.raises(WorkerLost) as caught:
        worker.call("f", [((lambda: 1, lambda: 1), {})] * calls, ())
    assert caught.value.kind == "incoherent"
    assert not worker.alive


# -- a check that fails itself ------------------------------------------------------------
def test_no_line_of_a_check_is_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exercise = find_exercise("classic_settings")

    def broken(classic_settings: Any) -> None:
        """Fails by itself."""
        raise KeyError("hidden") if classic_settings else None

    check = exercise.checks[0].__class__(
        "breaks_by_itself", exercise, 1.0, (), {}, broken
    )
    result = run_check(check, {"classic_settings": lambda: 1}, 0)  # type: ignore
    assert result.status == "failed"
    assert "KeyError" in result.message
    assert "breaks by itself" in result.message
    assert "hidden" not in result.message
    assert "raise" not in result.message
    assert "hidden" in caplog.text


def computes(seconds: float) -> None:
    """Do a check's work of so many seconds."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_both_tries_share_what_the_checks_may_compute() -> None:
    """A file that ended itself as if from outside had the checks work for it twice."""
    limits = Limits(total_seconds=2, judging_seconds=1)
    with RemoteWorker("off", limits, first=True) as worker:
        worker.run_cell(1, "import signal")
        computes(0.6)
        with pytest.raises(TryAgain) as caught:
            worker.run_cell(2, "signal.raise_signal(9)")
    again = pickle.loads(pickle.dumps(caught.value))
    assert 0.6 < again.judging < 0.9
    tried = {"used": again.used, "judging": again.judging}
    with RemoteWorker("off", limits, **tried) as worker:
        computes(0.6)
        worker.run_cell(1, "1")
        assert worker._used > again.used + 0.2


def test_what_a_check_computes_beyond_every_honest_answers_is_on_the_files_account() -> (
    None
):
    """Sorting long lists that were right took 85 seconds, and none of them counted."""
    limits = Limits(total_seconds=2, judging_seconds=1)
    with RemoteWorker("off", limits, used=1.0) as worker:
        worker.run_cell(1, "1")
        computes(0.7)
        worker.call("abs", [((1,), {})], ())
        assert worker._used < 1.3  # honest work costs nothing
        began = time.thread_time()
        with pytest.raises(WorkerLost, match="2 seconds of processor time were used"):
            for _ in range(100):
                computes(0.2)
                worker.call("abs", [((1,), {})], ())
        assert time.thread_time() - began < 3
