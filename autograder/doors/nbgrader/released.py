"""The cells of a notebook as the gradebook remembers that they were handed out."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import nbformat
from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook, MissingEntry

from autograder.submission.notebook import GRADE_PREFIX


@dataclass(frozen=True)
class Released:
    """A cell with an identity, as the gradebook remembers that it was handed out."""

    grade_id: str
    cell_type: str
    source: str
    metadata: dict[str, Any]

    @property
    def exercise(self) -> str | None:
        """The exercise that the cell grades, if it grades one."""
        if self.metadata["grade"] and self.grade_id.startswith(GRADE_PREFIX):
            return self.grade_id.removeprefix(GRADE_PREFIX)
        return None

    def cell(self, source: str | None = None) -> NotebookNode:
        """Return the cell, with another source than it was handed out with if given."""
        source = self.source if source is None else source
        return new_cell(self.cell_type, source, {"nbgrader": dict(self.metadata)})


CELL_TYPES = {
    "code": v4.new_code_cell,
    "markdown": v4.new_markdown_cell,
    "raw": v4.new_raw_cell,
}


def new_cell(cell_type: str, source: str, metadata: dict[str, Any]) -> NotebookNode:
    return CELL_TYPES[cell_type](source, metadata=nbformat.from_dict(metadata))


#: What was handed out, by nbgrader application, assignment and notebook.
_released: WeakKeyDictionary[Any, dict[tuple[str, str], dict[str, Released]]] = (
    WeakKeyDictionary()
)


def released_cells(resources: Any, application: Any = None) -> dict[str, Released]:
    """Return the cells of the notebook in hand by grade_id, as nbgrader recorded them;
    none for a notebook that the gradebook does not know.

    One ``application``, a run of ``nbgrader autograde``, asks the gradebook once."""
    about = resources["nbgrader"]
    if application is None:
        return recorded_cells(about)
    known = _released.setdefault(application, {})
    key = about["assignment"], about["notebook"]
    if key not in known:
        known[key] = recorded_cells(about)
    return known[key]


def recorded_cells(about: Any) -> dict[str, Released]:
    """Return the cells of the notebook that ``about`` names (``db_url``, ``assignment``,
    ``notebook``) by grade_id; none for one that the gradebook does not know."""
    with Gradebook(about["db_url"]) as gradebook:
        try:
            notebook = gradebook.find_notebook(about["notebook"], about["assignment"])
        except MissingEntry:
            return {}
        points = {cell.name: cell.max_score for cell in notebook.grade_cells}
        solutions = {cell.name for cell in notebook.solution_cells}
        tasks = {cell.name: cell.max_score for cell in notebook.task_cells}
        return {
            cell.name: Released(
                cell.name,
                cell.cell_type,
                cell.source,
                {
                    "cell_type": cell.cell_type,
                    "checksum": cell.checksum,
                    "grade": cell.name in points,
                    "grade_id": cell.name,
                    "locked": cell.locked,
                    "schema_version": 3,
                    "solution": cell.name in solutions,
                    "task": cell.name in tasks,
                }
                | (
                    {"points": (points | tasks)[cell.name]}
                    if cell.name in points | tasks
                    else {}
                ),
            )
            for cell in notebook.source_cells
        }


def is_ours(released: dict[str, Released]) -> bool:
    """Whether the judge grades this notebook; others go to nbgrader's own kernel."""
    return any(cell.exercise is not None for cell in released.values())
