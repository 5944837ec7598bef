"""A class graded on a Dask cluster of two worker processes: as here, whoever is killed."""

import contextlib
import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed")

from distributed import Client, LocalCluster

from autograder.__main__ import main
from autograder.doors import cluster
from autograder.doors.classroom import (
    ClassError,
    find_handed_in,
    grade_class,
    grade_one,
)
from autograder.doors.cluster import ClusterJudges
from autograder.grading.grade import grade
from autograder.grading.judges import Judges, Work
from autograder.grading.secret import VARIABLE, find_secret
from tests.test_attacks import CORRECT
from tests.test_classroom import SETTINGS, write
from tests.test_judges import BUSY, soon, started, tree


@pytest.fixture(scope="module")
def machines() -> Iterator[LocalCluster]:
    """Start a cluster whose machines have another secret than this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "the secret of somebody else's machines")
        made = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        )
    with made:
        yield made


def graded(folder: Path, out: Path, *options: str) -> dict[str, bytes]:
    """Grade the folder and return what was written, by its path."""
    assert main(["grade", str(folder), "--json", str(out), *options]) == 0
    files = [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_a_cluster_gives_the_results_of_this_machine(
    machines: LocalCluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "class")
    (folder / "lost.py").symlink_to("nowhere.py")
    here = graded(folder, tmp_path / "here", "-j", "2")
    told = capfd.readouterr().out
    away = ("--dask", machines.scheduler_address)
    assert graded(folder, tmp_path / "there", *away) == here
    assert capfd.readouterr().out == told
    assert len(here) == 7
    assert graded(folder, tmp_path / "there", *away) == here
    assert "files were graded before" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_machine_that_is_killed_costs_nobody_a_point(
    machines: LocalCluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {f"{name}.py": BUSY + "# %%" + CORRECT + SETTINGS for name in "abc"}
    folder = write(tmp_path / "class", files)
    before = {nanny.pid for nanny in machines.workers.values()}
    killed: list[int] = []

    def at_work() -> list[int]:
        """Return the machines whose judge has a worker at a student's code."""
        return [pid for pid in before if len(tree(pid)) > 3]

    def meddle() -> None:
        found = soon(at_work)
        assert isinstance(found, list)
        os.kill(found[0], signal.SIGKILL)
        killed.append(found[0])

    thread = threading.Thread(target=meddle, daemon=True)
    thread.start()
    there = graded(folder, tmp_path / "there", "--dask", machines.scheduler_address)
    thread.join(60)
    assert killed
    for name in files:
        here = grade(folder / name)
        scores = {e.name: e.score == e.max_score for e in here.exercises}
        assert scores["inverted_dropout"] and scores["classic_settings"]
        for exercise in here.exercises:
            asked = exercise.name in ("inverted_dropout", "classic_settings")
            assert exercise.score == (exercise.max_score if asked else 0)
        assert there[f"{name}.json"].decode() == here.as_json()
    assert soon(lambda: not any(Path(f"/proc/{pid}").exists() for pid in killed))


def test_nothing_that_crosses_shows_the_secret_or_an_answer(
    machines: LocalCluster, tmp_path: Path
) -> None:
    folder = write(tmp_path / "class", {"ann.py": SETTINGS})
    [file] = find_handed_in(folder)
    work = Work(grade_one, (file,), {"course": None, "defer": True})
    packed = cluster._packed(work)
    secret = find_secret()
    assert SETTINGS.encode() in packed.data
    for text in (secret.text.encode(), secret.key, VARIABLE.encode()):
        assert text not in packed.data
    assert repr(packed) == "Parcel()"
    with Client(machines.scheduler_address, set_as_default=False) as client:
        judges = partial(ClusterJudges, machines.scheduler_address)
        [result] = grade_class([file], 1, judges_of=judges)
        assert result.report is not None and result.report.score > 0
        logs = (client.get_scheduler_logs(), client.get_worker_logs(nanny=True))
        story = f"{logs} {client.story('submission-')}"
    for shown in ("learning_rate", secret.text, result.report.replay or ""):
        assert shown not in story


def test_a_machine_with_another_grader_is_named(
    machines: LocalCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write(tmp_path / "class", {"a.py": SETTINGS, "b.py": SETTINGS})
    monkeypatch.setattr(cluster, "this_grader", lambda: "0.9 (files 1, NumPy 2)")
    assert main(["grade", str(folder), "--dask", machines.scheduler_address]) == 2
    told = capsys.readouterr().err
    assert "expected 0.9 (files 1, NumPy 2), as here. Install the same grader" in told


class Absent:
    """Stands for what a machine without this grader cannot load."""

    def __reduce__(self) -> Any:
        return __import__, ("autograder_that_is_not_there",)


def test_a_machine_without_the_grader_is_told_apart(
    machines: LocalCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write(tmp_path / "class", {"a.py": SETTINGS})
    monkeypatch.setattr(cluster, "_packed", lambda work: Absent())
    assert main(["grade", str(folder), "--dask", machines.scheduler_address]) == 2
    assert "cannot call the grader" in capsys.readouterr().err


class OnTheWay:
    """Stands for a cluster: what was submitted, and not yet answered, is ``now``."""

    def __init__(self) -> None:
        self.now, self.most = 0, 0
        self.lock = threading.Lock()

    def submit(self, _: Any, packed: cluster.Parcel, *__: Any, **___: Any) -> Any:
        size = len(packed.data)
        self.add(size)

        def result() -> cluster.Parcel:
            time.sleep(0.05)
            self.add(-size)
            return cluster.Parcel(pickle.dumps((size, None)))

        return SimpleNamespace(result=result, release=lambda: None)

    def add(self, size: int) -> None:
        with self.lock:
            self.now += size
            self.most = max(self.most, self.now)


def test_only_so_many_bytes_are_on_their_way(tmp_path: Path) -> None:
    sizes = {f"{number}.py": 2**20 for number in range(9)} | {"large.py": 5 * 2**20}
    folder = write(tmp_path / "class", {name: "#" * n for name, n in sizes.items()})
    client, room = OnTheWay(), cluster.Room(3 * 2**20)
    judges = Judges(10, lambda: cluster._Lane(client, room))  # type: ignore[arg-type]
    options = {"course": None}
    begun = [judges.begin(grade_one, f, **options) for f in find_handed_in(folder)]
    assert sorted(each.result(30) // 2**20 for each in begun) == [1] * 9 + [5]
    judges.end()
    # One that is larger than the room goes alone.
    assert client.most < 5.1 * 2**20


def test_who_waits_for_room_hears_that_all_has_ended() -> None:
    room, ended = cluster.Room(10), threading.Event()
    threading.Timer(0.3, ended.set).start()
    with room.of(8, lambda: False), room.of(8, ended.is_set):
        assert ended.is_set()


def test_an_address_where_nobody_answers_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    folder = write(tmp_path / "class", {"a.py": SETTINGS})
    for address in ("tcp://127.0.0.1:9", "nonsense://"):
        assert main(["grade", str(folder), "--dask", address]) == 2
        told = capfd.readouterr().err
        assert f"No Dask scheduler answers at {address}" in told
        assert "Traceback" not in told


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("there", ["nobody", "a silent one", "no worker"])
def test_a_signal_ends_a_run_that_waits_for_a_cluster(
    there: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "class", {"a.py": SETTINGS})
    with contextlib.ExitStack() as stack:
        address = "tcp://127.0.0.1:1"
        if there == "a silent one":
            silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        elif there == "no worker":
            empty = LocalCluster(
                n_workers=0, processes=False, protocol="tcp", dashboard_address=":0"
            )
            address = stack.enter_context(empty).scheduler_address
        words = ("grade", str(folder), "--dask", address)
        run = stack.enter_context(started(f"marker-{os.getpid()}-{there}", *words))
        maps = Path(f"/proc/{run.pid}/maps")
        assert soon(lambda: "tornado" in maps.read_text())
        time.sleep(4)  # a signal that comes while Dask is loaded ends the run, too
        began = time.monotonic()
        run.send_signal(signal.SIGTERM)
        _, told = run.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert (run.returncode, told) == (143, "\nStopped: 0 of 1 graded.\n")


def test_errors_come_back_as_results() -> None:
    """Dask would show the arguments of a call that raises."""
    broken = cluster.Parcel(b"no pickle")
    result, error = pickle.loads(
        cluster.judge_there(broken, cluster.this_grader()).data
    )
    assert result is None and isinstance(error, pickle.UnpicklingError)


def test_a_machine_with_other_packages_is_another_grader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = cluster.this_grader()
    monkeypatch.setenv("DROPOUT_PACKAGES", "pytest,nosuch")
    answer = cluster.judge_there(cluster.Parcel(b""), expected).data
    result, error = pickle.loads(answer)
    assert result is None and isinstance(error, ClassError)
    assert "DROPOUT_PACKAGES nosuch (not installed), pytest (pytest==" in str(error)
    assert "set the same DROPOUT_PACKAGES" in str(error)
