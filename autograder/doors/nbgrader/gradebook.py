"""All that ``nbgrader autograde`` writes of a student, in one transaction.

nbgrader saves each cell's score by itself: a run that ends in between leaves a part. Here
its steps wait until the notebooks are written; the gradebook keeps all of it or nothing.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import autograde
from nbgrader.nbgraderformat import common
from nbgrader.preprocessors import (
    AssignLatePenalties,
    SaveAutoGrades,
    latesubmissions,
    overwritecells,
    overwritekernelspec,
    saveautogrades,
)
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from autograder.doors.nbgrader.measure import KEY
from autograder.doors.nbgrader.verdict import VERDICT

#: Seconds that others who write are waited for: a class of a thousand is entered in half
#: of that. SQLite's own five are too few.
PATIENCE = 30.0

#: What a gradebook raises that is busy or full, or where another run came first.
UNUSABLE = OperationalError, IntegrityError


class _Unusable(Exception):
    """Carries one of ``UNUSABLE`` past nbgrader, which would take it for a wrong entry,
    and show a traceback."""

    def __init__(self, error: OperationalError | IntegrityError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Raise what ``_Unusable`` carries."""
    try:
        yield
    except _Unusable as unusable:
        raise unusable.error from None


class _Uncommitted(Session):
    """Shows what was written to those who use this session, and to nobody else."""

    def commit(self) -> None:
        try:
            self.flush()
        except UNUSABLE as error:
            raise _Unusable(error) from None
        # As after a real commit, sums are read anew.
        self.expire_all()


class HeldGradebook(Gradebook):
    """A gradebook that its users open and close as ever, and that changes at ``keep``.

    Use as ``with HeldGradebook.of(coursedir) as gradebook``, or ``lent``; what was not
    kept by the end was never written. Who is to write has the gradebook alone from the
    beginning: what is not there when asked for is not there when it is added."""

    def __init__(self, db_url: str, course_id: str) -> None:
        super().__init__(db_url, course_id)
        # nbgrader's steps name none, and enter this one where it is not there; while this
        # gradebook is written they could not.
        self.check_course()
        self.db.remove()
        held = sessionmaker(class_=_Uncommitted, bind=self.engine, future=True)
        self.db: Any = scoped_session(held)
        self._sources: dict[Any, Any] | None = None

    @classmethod
    @contextmanager
    def of(cls, coursedir: Any) -> Iterator["HeldGradebook"]:
        gradebook = cls(coursedir.db_url, coursedir.course_id)
        try:
            with _as_it_was():
                gradebook._begin()
                yield gradebook
        finally:
            Gradebook.close(gradebook)

    @contextmanager
    def lent(self, to_write: bool = False) -> Iterator["HeldGradebook"]:
        """Let nbgrader use this gradebook where it would open its own."""
        stock = [module.Gradebook for module in _OPENING]
        self._sources = self._sources or {}
        try:
            for module in _OPENING:
                module.Gradebook = lambda *_: self
            with _as_it_was():
                if to_write:
                    self._begin()
                yield self
        finally:
            self.db.rollback()
            for module, own in zip(_OPENING, stock, strict=True):
                module.Gradebook = own

    def _begin(self) -> None:
        """Wait for others who write, and keep them waiting until the end. SQLite would
        otherwise let two ask, and then one of them write what is there already."""
        if self.engine.dialect.name == "sqlite":
            self.db.execute(text(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}"))
            self.db.execute(text("BEGIN IMMEDIATE"))

    def find_source_cell(self, *names: str) -> Any:
        """Return what was handed out, which is one for the class: asked for once while
        it is graded."""
        if self._sources is None:
            return super().find_source_cell(*names)
        if names not in self._sources:
            cell = super().find_source_cell(*names)
            self._sources[names] = SimpleNamespace(**vars(cell))
        return self._sources[names]

    def close(self) -> None:
        """Nothing: the next step goes on with the same session."""

    def add_submission(self, *args: Any, **kwargs: Any) -> Any:
        # A flush halfway would warn of objects that do not belong together yet.
        with self.db.no_autoflush:
            return super().add_submission(*args, **kwargs)

    def keep(self) -> None:
        Session.commit(self.db())


#: Where nbgrader opens a gradebook by itself while it grades.
_OPENING = (
    autograde,
    overwritecells,
    overwritekernelspec,
    saveautogrades,
    latesubmissions,
)


# nbgrader checks its own schema, too, at every cell.
_kind = common.jsonschema.validators.extend(common.jsonschema.Draft4Validator)
_kind.check_schema = lambda *_: None
common.jsonschema = SimpleNamespace(
    validate=partial(common.jsonschema.validate, cls=_kind)
)


class Waiting:
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
        elif opened is not self._held:
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


class WaitingAutoGrades(Waiting, SaveAutoGrades):
    """nbgrader's ``SaveAutoGrades``, at the end of the student's turn.

    The notebook says by what it was graded, and what the verdict says of each answer:
    that becomes the comment on it."""

    _comments: dict[str, str] = {}  # noqa: RUF012

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        if verdict := resources.get(VERDICT):
            nb.metadata[KEY] = verdict.as_metadata()
        self._comments = comments_in(nb)
        return super().preprocess(nb, resources)

    def write(self, nb: NotebookNode, resources: Any, gradebook: HeldGradebook) -> None:
        self._comments = comments_in(nb)
        super().write(nb, resources, gradebook)

    def _add_comment(self, cell: NotebookNode, resources: Any) -> None:
        super()._add_comment(cell, resources)
        grade_id = cell.metadata["nbgrader"]["grade_id"]
        if said := self._comments.get(grade_id):
            names = self.notebook_id, self.assignment_id, self.student_id
            self.gradebook.find_comment(grade_id, *names).auto_comment = said
            self.gradebook.db.commit()


def comments_in(notebook: NotebookNode) -> dict[str, str]:
    """Return what a graded notebook's verdict says of its answers, by grade_id."""
    return dict(notebook.metadata.get(KEY, {}).get("comments", {}))


class WaitingLatePenalties(Waiting, AssignLatePenalties):
    """nbgrader's ``AssignLatePenalties``, at the end of the student's turn."""
