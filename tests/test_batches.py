"""Calls that are handed over together, ``function.each``: as if one after the other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder import wire
from autograder.contract.student import (
    Call,
    StudentError,
    StudentFunction,
    changed_by,
    foresee,
)
from autograder.grading.local import LocalFunction
from autograder.isolation.limits import Limits
from autograder.isolation.remote_function import RemoteFunction
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost

CODE = """
import time
import numpy as np
count = 0
def draw(x, rng):
    x += rng.random(x.shape)
    return x, {"first": x[0]}
def both(x, y):
    x += 1
    return float(y.sum()), float(x.sum())
def counted(x):
    global count
    count += 1
    return count
def third_fails(x):
    if counted(x) == 3:
        raise ValueError("the third")
    return x
def slow(x):
    time.sleep(0.03)
    return counted(x)
def large(x):
    return np.full(1_500_000, counted(x), float)
def huge(x):
    return np.full(4_000_000, counted(x), float)
def sticks(x):
    stuck = counted(x) == 5
    while stuck:
        pass
def changes(x, by):
    x += by
    return by
buffer, known = np.zeros(3), {}
def overwrites(x):
    buffer[:] = x
    return 0.0, {"result": buffer}
def hides_it(x):
    buffer[:] = x
    return x, buffer
def remembers(x):
    return known.setdefault(x, np.full(3, x))
def nothing_written(x):
    raise NotImplementedError
"""


@pytest.fixture(params=["here", "in a worker"])
def function(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Yield what makes functions of the code: of this process, or of a worker."""
    if request.param == "here":
        names: dict[str, Any] = {}
        exec(CODE, names)
        yield lambda name, opaque=(): LocalFunction(name, names[name], opaque)
        return
    with RemoteWorker("off", Limits(call_seconds=1)) as worker:
        assert worker.run_cell(1, CODE).error is None
        yield lambda name, opaque=(): RemoteFunction(worker, name, opaque)


def test_calls_follow_each_other_with_one_generator(function: Any) -> None:
    rng, again = (np.random.default_rng(3) for _ in range(2))
    x = np.ones((7, 2, 3))
    results = function("draw", (1,)).each([(one, rng) for one in x])
    for out, cache in results:
        assert np.array_equal(out, 1 + again.random((2, 3)))
        assert cache.type_name == "dict"
    assert (x == 1).all()


def test_what_several_calls_are_given_is_each_calls_own(function: Any) -> None:
    """The same objects: each call has its own copy, as often as it names one."""
    x, rng = np.arange(6.0).reshape(2, 3).T, np.random.default_rng(3)
    again = np.random.default_rng(3)
    draw = function("draw", (1,))
    for out, _ in draw.each([(x, rng)] * 5):
        assert np.array_equal(out, x + again.random((3, 2)))
    first = changed_by(draw)
    assert first is not None
    assert first.place == 0
    assert np.array_equal(x, np.arange(6.0).reshape(2, 3).T)
    assert function("both").each([(x, x)] * 3) == [(15.0, 21.0)] * 3


def test_no_call_is_left_out_or_made_twice(function: Any) -> None:
    each = function("counted").each([(0,)] * 700)
    assert each == list(range(1, 701))
    assert function("counted").each([]) == []


def test_slow_calls_come_in_several_answers(function: Any) -> None:
    assert function("slow").each([(0,)] * 50) == list(range(1, 51))


def test_large_results_come_in_several_answers(function: Any) -> None:
    found = function("large").each([(0,)] * 5)
    assert [int(value[-1]) for value in found][:1] == [1]
    assert len(found) == 5
    assert all(value.shape == (1_500_000,) for value in found)


def test_results_are_given_up_before_they_fill_the_judge(function: Any) -> None:
    with pytest.raises(StudentError, match="together they take more than 64 MB"):
        function("huge").each([(0,)] * 12)
    assert len(function("counted").each([(0,)] * 3)) == 3


@pytest.mark.parametrize("kind", [list, tuple, lambda numbers: {"a": list(numbers)}])
def test_results_that_are_no_arrays_are_counted_as_well(kind: Any) -> None:
    held = wire.Held()
    with pytest.raises(wire.WireError, match="together they take more than 64 MB"):
        for _ in range(400):  # 9,000 numbers and their places take 0.3 MB
            held.add([kind(map(float, range(9_000)))])


@pytest.mark.parametrize("made", ["one by one", "together", "foreseen", "observed"])
def test_the_first_call_that_changes_an_argument_is_remembered(
    function: Any, made: str
) -> None:
    changes = function("changes")
    calls = [((np.ones(3), by), {}) for by in (0.0, 0.5, 2.0)]
    assert changed_by(changes) is None
    if made == "together":
        changes.each([args for args, _ in calls])
    elif made == "observed":
        assert [changes.observe(*args)[1][0][0] for args, _ in calls] == [1, 1.5, 3]
    else:
        foresee(changes, calls if made == "foreseen" else [])
        assert [changes(*args) for args, _ in calls] == [0, 0.5, 2]
    found = changed_by(changes)
    assert found is not None
    assert found.place == 0 and found.args is not None
    assert np.array_equal(found.args[0], np.ones(3)) and found.args[1] == 0.5


@pytest.mark.parametrize("made", ["one by one", "together", "foreseen"])
def test_a_call_that_overwrites_the_result_before_it_is_remembered(
    function: Any, made: str
) -> None:
    overwrites = function("overwrites")
    calls = [((np.full(3, by),), {}) for by in (1.0, 1.0, 2.0, 3.0)]
    if made == "together":
        overwrites.each([args for args, _ in calls])
    else:
        foresee(overwrites, calls if made == "foreseen" else [])
        for args, _ in calls:
            overwrites(*args)
    found = changed_by(overwrites)
    assert found is not None and found.place == -1
    assert np.array_equal(found.args[0], [2.0, 2.0, 2.0])


@pytest.mark.parametrize("name, opaque", [("remembers", ()), ("hides_it", (1,))])
def test_results_that_stay_and_opaque_ones_that_change_cost_nothing(
    function: Any, name: str, opaque: tuple[int, ...]
) -> None:
    same = function(name, opaque)
    same.each([(1.0,), (1.0,), (2.0,), (1.0,)])
    assert changed_by(same) is None


def test_a_call_that_fails_is_the_end(function: Any) -> None:
    with pytest.raises(StudentError, match="ValueError: the third"):
        function("third_fails").each([(1.0,)] * 8)
    assert function("counted")(0) == 4


def test_a_function_that_is_not_written_says_so(function: Any) -> None:
    with pytest.raises(StudentError) as caught:
        function("nothing_written").each([(1,)] * 3)
    assert caught.value.unwritten is not None


def test_a_call_without_end_has_the_time_of_one_call() -> None:
    with RemoteWorker("off", Limits(call_seconds=1)) as worker:
        worker.run_cell(1, CODE)
        remote: StudentFunction = RemoteFunction(worker, "sticks")
        with pytest.raises(WorkerLost, match="1 second"):
            remote.each([(0,)] * 200)


def test_arguments_of_many_megabytes_go_over_in_several_frames() -> None:
    with RemoteWorker("off") as worker:
        worker.run_cell(1, CODE)
        x = np.ones((90, 100_000))
        found = RemoteFunction(worker, "counted").each([(row,) for row in x])
    assert found == list(range(1, 91))


def test_what_is_not_answered_is_not_sent_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[int] = []
    call = RemoteWorker.call

    def counted(self: Any, name: str, calls: Any, *rest: Any, **more: Any) -> Any:
        sent.append(len(calls))
        return call(self, name, calls, *rest, **more)

    monkeypatch.setattr(RemoteWorker, "call", counted)
    with RemoteWorker("off") as worker:
        worker.run_cell(1, CODE)
        assert RemoteFunction(worker, "slow").each([(0,)] * 60) == list(range(1, 61))
    # The first time all are sent, and after that twice as many as came back.
    assert sum(sent[1:]) <= 2 * 60


# ---- Calls that were foreseen -------------------------------------------------------


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of calls in each frame to a worker."""
    sent: list[int] = []
    call = RemoteWorker.call

    def counted(self: Any, name: str, calls: Any, *rest: Any) -> Any:
        sent.append(len(calls))
        return call(self, name, calls, *rest)

    monkeypatch.setattr(RemoteWorker, "call", counted)
    return sent


def given(number: int) -> list[tuple[np.ndarray, np.random.Generator]]:
    return [
        (np.full((2, 3), float(i)), np.random.default_rng(i)) for i in range(number)
    ]


def test_what_is_foreseen_is_called_together_and_each_once(
    function: Any, frames: list[int]
) -> None:
    draw, calls = function("draw", (1,)), given(6)
    foresee(draw, [(args, {}) for args in calls])
    for i, args in enumerate(calls):
        expected = i + np.random.default_rng(i).random((2, 3))
        assert np.array_equal(draw(*args)[0], expected)
        # Made again it is another call, whose generator has gone on.
        assert not np.array_equal(draw(*args)[0], expected)
    assert frames[:1] in ([], [6])


def test_foreseen_calls_that_wait_are_not_sent_again_and_again(
    frames: list[int],
) -> None:
    calls: list[Call] = [((i,), {}) for i in range(60)]
    with RemoteWorker("off") as worker:
        worker.run_cell(1, CODE)
        slow: StudentFunction = RemoteFunction(worker, "slow")
        foresee(slow, calls)
        assert [slow(*args) for args, _ in calls] == list(range(1, 61))
    assert sum(frames[1:]) <= 2 * 60


def test_calls_between_and_calls_left_out_do_no_harm(
    function: Any, frames: list[int]
) -> None:
    draw, calls = function("draw", (1,)), given(9)
    foresee(draw, [(args, {}) for args in calls[:8]])
    for i in (0, 8, 1, 5, 7, 6, 2):
        expected = i + np.random.default_rng(i).random((2, 3))
        assert np.array_equal(draw(*calls[i])[0], expected), i
    assert frames[:1] in ([], [8])


def test_a_foreseen_call_that_fails_fails_alone(
    function: Any, frames: list[int]
) -> None:
    third_fails, calls = function("third_fails"), [(float(i),) for i in range(5)]
    foresee(third_fails, [(args, {}) for args in calls])
    answers = []
    for args in calls:
        try:
            answers.append(third_fails(*args))
        except StudentError as error:
            answers.append(error.message[:21])
    assert answers[2] == "ValueError: the third"
    assert [type(answer) for answer in answers] == [float, float, str, float, float]
    assert frames[:1] in ([], [5])


def test_arguments_by_name_and_changed_ones_belong_to_their_call(
    function: Any, frames: list[int]
) -> None:
    changes = function("changes")
    calls = [((np.zeros(2),), {"by": float(by)}) for by in range(3)]
    foresee(changes, calls)
    for args, named in calls:
        result, after = changes.observe(*args, **named)
        assert (result, after[0].tolist()) == (named["by"], 2 * [named["by"]])
        assert args[0].tolist() == [0, 0]
    assert frames[:1] in ([], [3])


def test_of_foreseen_calls_nobody_knows_which_ended_the_worker() -> None:
    with RemoteWorker("off", Limits(call_seconds=1)) as worker:
        worker.run_cell(1, CODE)
        remote: StudentFunction = RemoteFunction(worker, "sticks")
        calls: list[Call] = [((i,), {}) for i in range(6)]
        foresee(remote, calls)
        with pytest.raises(WorkerLost, match="1 second") as caught:
            for args, _ in calls:
                remote(*args)
    assert caught.value.call == "One of the calls of sticks"
