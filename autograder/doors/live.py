"""A page of the book as a way in: the verdict on an answer in a notebook, and what its
cell prints, in the page's own Python.

A page has no other process, so judge and student share one, as in a notebook. All else is
as on the command line: a ``Worker`` runs the cells, and calls reach it in frames.
"""

import contextlib
import dataclasses
import io
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autograder
from autograder import wire
from autograder.contract.exercise import find_exercise
from autograder.grading.draws import Draws
from autograder.grading.grade import graded_in
from autograder.grading.select import notes_on
from autograder.grading.session import Session
from autograder.grading.text import exercise_text
from autograder.isolation.limits import Limits
from autograder.isolation.worker_handle import RemoteWorker
from autograder.submission.cells import SubmissionError
from autograder.submission.notebook import cell_grade_id, read_notebook
from autograder.worker.namespace import Worker
from autograder.worker.shell import display, no_input

Frame = tuple[dict[str, Any], bytes]

#: Seconds on the clock that a page waits for a cell, and for a verdict.
RUN_SECONDS, CHECK_SECONDS = Limits().cell_seconds, 60.0


class _Student(Worker):
    """The student's namespace in this process; ``judge`` answers what it asks."""

    def __init__(self, judge: Callable[[dict[str, Any], bytes], Frame]) -> None:
        super().__init__(io.BytesIO(), io.BytesIO())
        self._judge, self._answers = judge, list[Frame]()
        self.names |= {"display": display, "input": no_input}

    def say(self, answer: dict[str, Any], body: bytes = b"") -> None:
        self._answers.append(_over(*self._judge(*_over(answer, body))))

    def listen(self) -> Frame:
        return self._answers.pop()


def _over(header: dict[str, Any], body: bytes) -> Frame:
    """Return a frame as the other side reads it. Raises ``WireError``."""
    frame = wire.read_frame(io.BytesIO(b"".join(wire.packed(header, body))))
    assert frame is not None
    return frame


class _Handle(RemoteWorker):
    """The judge's handle on a student in this process: what it may take is not bounded
    here, for the page ends the whole Python where it takes too long."""

    def __init__(self) -> None:
        super().__init__(sandbox="off")
        self._student = _Student(self._called_back)

    @property
    def alive(self) -> bool:
        return True

    def _ask(self, request: dict[str, Any], body: bytes, span: object) -> Frame:
        request, body = _over(request, body)
        answer, data = self._student.commands[request["do"]](request, body)
        return _over(answer, data)


@contextlib.contextmanager
def _set_apart() -> Iterator[None]:
    """Let a student's cells run here as in a worker: their ``check`` does nothing, and
    ``__main__``, NumPy's settings and ``autograder`` are afterwards as they were."""
    ours, main = vars(autograder), sys.modules["__main__"]
    known = {"check": ours["check"]} if "check" in ours else {}
    ours["check"] = lambda exercise: 0.0
    try:
        with np.errstate():
            yield
    finally:
        sys.modules["__main__"] = main
        del ours["check"]
        ours.update(known)


def check(notebook: str, exercise: str, seed: int | None = None) -> str:
    """Judge one exercise of a notebook, given as its file's text.

    Returns a JSON object: ``text``, the verdict as ``python -m autograder check`` prints
    it; ``score``, ``max_score``, ``status`` and ``mistake`` as in the report. The draws
    come from fresh entropy, or from ``seed``. Raises ``KeyError`` for an unknown exercise.
    """
    wanted = find_exercise(exercise)
    draws = Draws(secrets.randbits(63) if seed is None else seed)
    try:
        submission = read_notebook(json.loads(notebook), f"{wanted.chapter}.ipynb")
    except SubmissionError as error:
        told = {"status": "error", "mistake": None, "text": str(error)}
        return json.dumps(told | {"score": 0.0, "max_score": wanted.max_score})
    with _set_apart():
        (found,) = graded_in(_Handle(), submission, [wanted], draws).exercises
    data = found.as_dict()
    kept = {name: data[name] for name in ("score", "max_score", "status", "mistake")}
    return json.dumps(kept | {"text": exercise_text(found)})


def run(notebook: str, exercise: str) -> str:
    """Run a notebook's cells up to an exercise's answer; return, as a JSON object, what
    that cell printed and was worth, and what failed (``text``)."""
    data = json.loads(notebook)
    try:
        submission = read_notebook(data, "the notebook")
    except SubmissionError as error:
        return json.dumps({"text": str(error)})
    ids = [cell_grade_id(cell) for cell in data["cells"]]
    number = ids.index(exercise) + 1
    above = tuple(cell for cell in submission.cells if cell.number <= number)
    with _set_apart(), _Handle() as worker:
        session = Session(dataclasses.replace(submission, cells=above), worker)
        session.run_cells()
    own = session.outcomes[number]
    said = [own.stdout, own.stderr, own.value or "", *notes_on(session)]
    return json.dumps({"text": "\n".join(part.rstrip() for part in said if part)})
