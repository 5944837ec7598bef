"""All that ``nbgrader autograde`` writes of a student, in one transaction.

nbgrader saves each cell's score by itself: a run that ends in between leaves a part, or
a submission with nothing but zeros. Here its steps wait until the notebooks are written;
then they write one after the other, and the gradebook keeps all of it or nothing.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import autograde
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from sqlalchemy.orm import Session, scoped_session, sessionmaker


class _Uncommitted(Session):
    """Shows what was written to those who use this session, and to nobody else."""

    def commit(self) -> None:
        self.flush()
        # As after a real commit, sums are read anew.
        self.expire_all()


class HeldGradebook(Gradebook):
    """A gradebook that its users open and close as ever, and that changes at ``keep``.

    Use as ``with HeldGradebook.of(coursedir) as gradebook``; what was not kept by the end
    was never written."""

    def __init__(self, db_url: str, course_id: str) -> None:
        super().__init__(db_url, course_id)
        self.db.remove()
        held = sessionmaker(class_=_Uncommitted, bind=self.engine, future=True)
        self.db: Any = scoped_session(held)

    @classmethod
    @contextmanager
    def of(cls, coursedir: Any) -> Iterator["HeldGradebook"]:
        gradebook = cls(coursedir.db_url, coursedir.course_id)
        try:
            yield gradebook
        finally:
            Gradebook.close(gradebook)

    def close(self) -> None:
        """Nothing: the next step goes on with the same session."""

    def add_submission(self, *args: Any, **kwargs: Any) -> Any:
        # A flush halfway would warn of objects that do not belong together yet.
        with self.db.no_autoflush:
            return super().add_submission(*args, **kwargs)

    def keep(self) -> None:
        Session.commit(self.db())


@contextmanager
def instead_of_own(gradebook: HeldGradebook) -> Iterator[None]:
    """Let nbgrader's ``Autograde`` use this gradebook where it would open its own."""
    stock = autograde.Gradebook
    autograde.Gradebook = lambda *_: gradebook
    try:
        yield
    finally:
        autograde.Gradebook = stock


class _Waiting:
    """A step of nbgrader that writes when the student's turn ends.

    ``write`` is nbgrader's own code: its gradebook is the one that waits, whatever it
    opens."""

    parent: Any
    _own: Gradebook | None = None
    _held: HeldGradebook | None = None

    @property
    def gradebook(self) -> Any:
        return self._held or self._own

    @gradebook.setter
    def gradebook(self, opened: Gradebook) -> None:
        if self._held is None:
            self._own = opened
        else:
            Gradebook.close(opened)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        later = getattr(getattr(self.parent, "parent", None), "later", None)
        if later is None:  # not in a run of nbgrader autograde
            return super().preprocess(nb, resources)  # type: ignore[misc]
        later.append((self, copy.deepcopy(nb), resources))
        return nb, resources

    def write(self, nb: NotebookNode, resources: Any, gradebook: HeldGradebook) -> None:
        self._held = gradebook
        try:
            super().preprocess(nb, resources)  # type: ignore[misc]
        finally:
            self._held = None


class WaitingAutoGrades(_Waiting, SaveAutoGrades):
    """nbgrader's ``SaveAutoGrades``, at the end of the student's turn."""


class WaitingLatePenalties(_Waiting, AssignLatePenalties):
    """nbgrader's ``AssignLatePenalties``, at the end of the student's turn."""
