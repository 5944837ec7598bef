"""Grading on the machines of a Dask cluster, as ``grade --dask ADDRESS`` asks for it.

A file's bytes, what is asked of it and its own draws go to a machine of the cluster, where
a judge grades it as here, and the result comes back. The secret stays here, and what goes
to and fro has no name or text that a log or a dashboard could show.
"""

import contextlib
import functools
import hashlib
import logging
import pickle
import platform
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autograder import __version__
from autograder.contract.outside import PACKAGES
from autograder.doors.classroom import ClassError, HandedIn
from autograder.grading.grade import Options, Sent
from autograder.grading.judges import JudgeLost, Judges, Work, kept
from autograder.grading.report import grader, packages_in_force
from autograder.submission.cells import SubmissionError
from autograder.submission.file import MAX_BYTES, bytes_of
from autograder.wire.text import one_line

try:
    from distributed import Client, Future, KilledWorker, get_worker
except ImportError as error:
    raise ClassError(
        f"--dask needs Dask's package distributed: pip install distributed ({error})."
    ) from None

#: How long a scheduler may take to answer, and its first worker to be there, in seconds.
PATIENCE = 60
#: How long a scheduler may take to hear that nothing follows, in seconds.
FAREWELL = 2.0
#: Files that are on their way at once, at least: workers may join later.
LANES = 64
#: Bytes of files that are on their way at once: each is held here and by the scheduler, in
#: a copy or two. One file may have more.
ON_THE_WAY = 48 * 2**20


@dataclass(frozen=True)
class Parcel:
    """What goes between here and the cluster. Its text says nothing of what is in it."""

    data: bytes = field(repr=False)


def this_grader() -> str:
    """Return what two machines must have in common to give the same verdicts."""
    packages = ", ".join(packages_in_force())
    also = f", {PACKAGES} {packages}" if packages else ""
    return f"{__version__} (files {grader()}, NumPy {np.__version__}{also})"


# ---- Here ---------------------------------------------------------------------------


class ClusterJudges(Judges):
    """Judges on a cluster: at most ``count`` files are on their way at once.

    Raises ``ClassError`` when there is no scheduler at ``address``, or none of its
    workers is there in time."""

    def __init__(self, address: str, count: int) -> None:
        self._client = _connected(address)
        threads = sum(self._client.nthreads().values())
        lanes = min(count, max(LANES, 2 * threads))
        room = Room(ON_THE_WAY)
        super().__init__(lanes, lambda: _Lane(self._client, room))

    def end(self) -> None:
        super().end()
        self._client.close()


def _connected(address: str) -> "Connection":
    """Return a connection to a scheduler that has workers. Raises ``ClassError``; however
    this ends, no connection is left that keeps the program from ending."""
    # What is wrong with the cluster a sentence of ours says, and not tracebacks beside it.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Connection(
            address, timeout=PATIENCE, set_as_default=False, name="grader"
        )
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise ClassError(
            f"No Dask scheduler answers at {address} ({error}). Start one with "
            "`dask scheduler`, and give the address that it prints."
        ) from None
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        client.close()
        raise ClassError(
            f"The Dask scheduler at {address} has no workers after {PATIENCE} seconds; "
            f"start some, with `dask worker {address}`, on machines that have this "
            "grader."
        ) from None
    except BaseException:
        client.close()
        raise
    return client


class Connection(Client):  # type: ignore[misc]
    """Dask's client, which ends in ``FAREWELL`` seconds, whatever the other side does: by
    itself it waits for that twice as long as for an answer, and at the program's end."""

    def start(self, **kwargs: Any) -> None:
        try:
            super().start(**kwargs)
        except BaseException:
            self.close()
            raise

    def close(self, timeout: float = FAREWELL) -> Any:
        if self.asynchronous:
            return super().close(timeout)

        def leave() -> None:
            with contextlib.suppress(Exception):
                super(Connection, self).close(timeout)

        thread = threading.Thread(target=leave, daemon=True)
        thread.start()
        thread.join(timeout + 0.5)
        return None

    def __del__(self) -> None:
        """Whoever made it has closed it."""


class Room:
    """So many bytes, of which who comes takes a part for a while."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def of(self, size: int, ended: Callable[[], bool]) -> Iterator[None]:
        """Wait until there is room for so many bytes, or nobody else has any; no longer
        once it has ``ended``."""
        with self._changed:
            while self._taken and self._taken + size > self._most and not ended():
                self._changed.wait(0.2)
            self._taken += size
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()


class _Lane:
    """Hands the cluster one file at a time."""

    def __init__(self, client: Client, room: Room) -> None:
        self._client, self._room = client, room
        self._future: Future | None = None
        self._ended = False

    def run(self, work: Work) -> Any:
        """Have the work done on some machine; the cluster tries again by itself when that
        is lost in the middle. Raises ``JudgeLost`` when it has given up."""
        with self._room.of(_size(work), lambda: self._ended):
            return self._run(work)

    def _run(self, work: Work) -> Any:
        try:
            packed = _packed(work)
        except SubmissionError:
            # There is nothing to run: what is wrong with the file is said here.
            return work.function(*work.args, **work.options)
        if self._ended:
            raise JudgeLost("the grader is about to end")
        key = f"submission-{uuid.uuid4().hex}"
        self._future = self._client.submit(judge_there, packed, this_grader(), key=key)
        result, error = pickle.loads(self._answer(self._future).data)
        if error is not None:
            raise error
        return kept(pickle.dumps(result))

    def _answer(self, future: Future) -> Parcel:
        try:
            answer: Parcel = future.result()
        except (KilledWorker, CancelledError) as error:
            if isinstance(error, KilledWorker) or self._ended:
                raise JudgeLost(
                    "the machine that graded it was lost, each time"
                ) from None
            raise ClassError(
                "The Dask cluster is gone. What was graded stays: start the cluster and "
                "run the same command again."
            ) from None
        except Exception as error:
            # What the judge raises is in its answer; this is Dask's own.
            told = one_line(f"{type(error).__name__}: {error}")
            raise ClassError(
                f"The Dask cluster cannot call the grader ({told}). Install "
                f"{this_grader()} on all of its machines, the scheduler's too, and run "
                "the same command again."
            ) from None
        finally:
            self._future = None
            future.release()
        return answer

    def stop(self) -> None:
        """There is nothing to end."""

    def hurry(self, kill: bool = False) -> None:
        self._ended = True
        if (future := self._future) is not None:
            future.cancel()


def _size(work: Work) -> int:
    """Return how many bytes the work's file has, as far as any are read."""
    (handed_in,) = work.args
    assert isinstance(handed_in, HandedIn)
    try:
        return min(handed_in.path.stat().st_size, MAX_BYTES)
    except OSError:
        return 0


def _packed(work: Work) -> Parcel:
    """Return the work with the file's bytes and draws, in the place of its path and the
    secret's. Raises ``SubmissionError`` for a file that cannot be read."""
    (handed_in,) = work.args
    assert isinstance(handed_in, HandedIn)
    data = bytes_of(handed_in.path, handed_in.own)
    options = dict(work.options)
    asked = Options(course=options.pop("course", None))
    options["drawn"] = asked.draws(hashlib.sha256(data).hexdigest())
    options["sent"] = Sent(handed_in.path.name, data)
    return Parcel(pickle.dumps(replace(work, options=options)))


# ---- There --------------------------------------------------------------------------


def judge_there(packed: Parcel, expected: str) -> Parcel:
    """Do the work on this machine of the cluster; return its result, or its error.

    It raises nothing, because Dask would show what was called with what."""
    result, error = None, None
    try:
        if (own := this_grader()) != expected:
            raise ClassError(
                f"The grader on {platform.node()}, a machine of the cluster, is {own}; "
                f"expected {expected}, as here. Install the same grader, NumPy and "
                f"exercises there, set the same {PACKAGES} (or none) for its worker, and "
                "run the same command again."
            )
        work: Work = pickle.loads(packed.data)
        call = _judges().begin(work.function, *work.args, **work.options)
        result = call.result()
    except Exception as raised:
        error = raised
    return Parcel(pickle.dumps((result, error)))


_starting = threading.Lock()


def _judges() -> Judges:
    """Return this machine's judges: as many as the cluster's worker has threads."""
    with _starting:
        return _judges_of(get_worker().state.nthreads)


@functools.cache
def _judges_of(count: int) -> Judges:
    return Judges(count)
