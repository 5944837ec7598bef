"""Turns whatever was handed in into a notebook that nbgrader can go on with."""

import html
import json
import re
from collections.abc import Collection, Mapping
from glob import escape
from itertools import chain, islice
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader.converters.base import NbGraderException

from autograder.contract.here import is_folder
from autograder.course.source import METADATA
from autograder.doors.nbgrader.beside import keep_to_known, keep_to_notebooks
from autograder.doors.nbgrader.images import MAX_IMAGES
from autograder.doors.nbgrader.measure import replay_of
from autograder.doors.nbgrader.released import (
    CELL_TYPES,
    Released,
    is_ours,
    new_cell,
    released_cells,
)
from autograder.doors.nbgrader.timestamps import read_dates_carefully
from autograder.doors.nbgrader.unfinished import WholeAutograde
from autograder.doors.nbgrader.written import written
from autograder.grading.secret import Secret, SecretError, find_secret
from autograder.submission.cells import SubmissionError
from autograder.submission.file import load_notebook, own_folder
from autograder.submission.notebook import (
    cell_grade_id,
    cell_source,
    is_script,
    read_notebook,
)
from autograder.wire.text import one_line, one_name, unfit_name

NOT_HANDED_IN = (
    "*The following cells were missing from the file that was handed in, or had become "
    "code there; nbgrader needs them to record its scores.*"
)


class JudgedExporter(NotebookExporter):
    """Turns any file that was handed in into a notebook that nbgrader can go on with.

    A file that is no notebook becomes the notebook as it was handed out; the reason is
    kept in ``unreadable`` for the judge, with its replay code in ``replays``. ``digests``
    keeps what the draws follow from, the file's own bytes."""

    secret: Secret

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unreadable: dict[tuple[str, ...], str] = {}
        self.digests: dict[tuple[str, ...], str] = {}
        self.replays: dict[tuple[str, ...], str] = {}
        # nbgrader makes its exporter after it has found the class and before it copies.
        if hasattr(self.parent, "assignments"):
            keep_to_notebooks(self.parent)
            read_dates_carefully(self.parent)
            self.secret = have_secret(self.parent)
            WholeAutograde.take_over(self.parent, self.secret)
            leave_out_unfit(self.parent)
            keep_to_known(self.parent)

    def from_filename(
        self, filename: str, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        known = {}
        if "nbgrader" in (resources or {}):
            known = released_cells(resources, self.parent)
        if not is_ours(known):
            return super().from_filename(filename, resources=resources, **kw)
        path = Path(filename)
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        try:
            notebook, digest = handed_in(path, known)
            # nbgrader comes twice: the second time with the notebook made here.
            self.digests.setdefault(identity(resources), digest)
        except Exception as error:
            # Whatever is wrong with it, it is this student's file and nobody else's.
            reason = refusal_reason(path, error)
            self.log.warning("%s", reason)
            self.unreadable[identity(resources)] = reason
            self.replays[identity(resources)] = replay_of(path, self.secret)
            notebook = as_handed_out(known, reason)
        return self.from_notebook_node(notebook, resources=resources, **kw)

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        # Not by way of nbconvert's own, which would write it, wide, first.
        made, resources = Exporter.from_notebook_node(self, nb, resources, **kw)
        return written(made), resources


def leave_out_unfit(converter: Any) -> None:
    """Have nbgrader grade nobody whose name its pages would show as HTML, say."""
    folders = {Path(folder).parts[-2]: folder for folder in converter.assignments}
    for student in {
        **folders,
        **dict.fromkeys(_taken_for_patterns(converter.coursedir)),
    }:
        if unfit := unfit_name(student):
            converter.log.error("NOT GRADED: %s", unfit)
            converter.untouched.append(one_name(student))
            converter.assignments.pop(folders.get(student), None)


def _taken_for_patterns(course: Any) -> list[str]:
    """Return the students whose folder nbgrader passed over, as it took the brackets in its
    name for a pattern that fits no file."""
    if course.student_id != "*":
        return []
    step, assignment = course.submitted_directory, course.assignment_id
    below = Path(course.format_path(step, "a", assignment)).parents[1]
    found = sorted(path.name for path in below.iterdir())
    names = [name for name in found if escape(name) != name]
    return [n for n in names if is_folder(course.format_path(step, n, assignment))]


def course_root(application: Any) -> Path | None:
    """Return the root of the course whose settings nbgrader has loaded."""
    directory = getattr(application, "coursedir", None)
    return None if directory is None else Path(directory.root)


def have_secret(converter: Any) -> Secret:
    """Return the course's secret, which is made if there is none, before anybody is graded.

    Raises ``NbGraderException`` for one that cannot be used: no student is to blame."""
    try:
        secret = find_secret(course_root(converter))
    except SecretError as error:
        converter.log.error("NOBODY IS GRADED: %s", error)
        raise NbGraderException(str(error)) from None
    for remark in secret.remarks:
        converter.log.warning("%s", remark)
    return secret


def refusal_reason(path: Path, error: Exception) -> str:
    """Return why a file that was handed in could not be graded."""
    if isinstance(error, SubmissionError):
        return str(error)
    found = one_line(f"{type(error).__name__}: {error}")[:200]
    return (
        f"{path.name} is not a notebook as Jupyter writes it ({found}). "
        "Open it in Jupyter, save it and submit it again."
    )


def handed_in(path: Path, known: dict[str, Released]) -> tuple[NotebookNode, str]:
    """Return the notebook that nbgrader can go on with, and the digest of the file. Raises
    ``SubmissionError``, and other errors for a file that nobody thought of."""
    data, digest = load_notebook(path, own_folder(path.parent))
    read_notebook(data, path.name, digest)
    notebook = restored(data, known)
    # What is restored must be within bounds as well: it is read once more.
    read_notebook(notebook, path.name, digest)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        json.dumps(cell, ensure_ascii=False).encode("utf-8")
    return notebook, digest


def identity(resources: Any) -> tuple[str, ...]:
    """Return student, assignment and notebook."""
    about = resources["nbgrader"]
    return about["student"], about["assignment"], about["notebook"]


def restored(data: dict[str, Any], known: dict[str, Released]) -> NotebookNode:
    """Return a valid notebook with the cells of ``data``, in their places, and the grade
    cells that it lacks; outputs and foreign metadata are dropped."""
    cells: list[NotebookNode] = []
    seen: set[str] = set()
    as_code: dict[str, str] = {}
    left = MAX_IMAGES
    # From the end: of copies of a cell, the last keeps its identity.
    for raw in reversed(data["cells"]):
        raw = raw if isinstance(raw, dict) else {}
        claimed = cell_grade_id(raw)
        found = known.get(claimed) if claimed not in seen else None
        if found is not None and _became_code(raw, found):
            # It is run, as wherever the gradebook is not asked, and no text any more.
            as_code.setdefault(claimed, cell_source(raw))
            found, claimed = None, ""
        metadata = {} if found is None else {"nbgrader": dict(found.metadata)}
        kind = raw.get("cell_type") if found is None else found.cell_type
        if not isinstance(kind, str) or kind not in CELL_TYPES:
            # Something stays in its place, so that cells keep their numbers.
            kind, raw = "markdown", {}
        source = cell_source(raw)
        if kind == "raw":
            # Pages show a raw cell's HTML as it is, with ids that their scripts go by.
            kind, source = "markdown", _fenced(source)
        cell = new_cell(kind, source, metadata)
        if kind == "markdown":
            left -= _attach(cell, raw.get("attachments"), left)
        cells.append(cell)
        seen.add(claimed)
    cells.reverse()
    cells += _lacking(known, seen, as_code)
    metadata = nbformat.from_dict(METADATA)
    if is_script(data):
        metadata["autograder"] = {"script": True}
    return v4.new_notebook(cells=cells, metadata=metadata)


def _lacking(
    known: dict[str, Released], seen: Collection[str], as_code: Mapping[str, str]
) -> list[NotebookNode]:
    """Return the grade cells that were not seen, below a remark; those of text that became
    code with this."""
    lacking = [
        cell.cell(as_code.get(cell.grade_id))
        for cell in known.values()
        if cell.metadata["grade"] and cell.grade_id not in seen
    ]
    return [v4.new_markdown_cell(NOT_HANDED_IN), *lacking] if lacking else []


def _became_code(raw: dict[str, Any], released: Released) -> bool:
    return released.cell_type != "code" and raw.get("cell_type") == "code"


def _fenced(source: str) -> str:
    """Return text as a block of code in Markdown."""
    longest = max(map(len, re.findall("`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{source}\n{fence}"


def _dict(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _attach(cell: NotebookNode, attachments: Any, room: int) -> int:
    """Give a cell its attached images, as many as there is ``room`` for. Return how much
    of it they take."""
    if images := _images(attachments, room):
        cell.attachments = nbformat.from_dict(images)
    return sum(map(len, chain(*(image.values() for image in images.values()))))


def _images(attachments: Any, room: int) -> dict[str, dict[str, str]]:
    """Return the attached images, as many as there is ``room`` for, in characters;
    whatever else was attached is left out."""
    images: dict[str, dict[str, str]] = {}
    for name, image in islice(_dict(attachments).items(), 100):
        for kind, data in islice(_dict(image).items(), 5):
            if _is_image(kind, data) and len(data) <= room:
                images.setdefault(one_line(name[:200]), {})[kind] = data
                room -= len(data)
    return images


def _is_image(kind: str, data: Any) -> bool:
    kinds = len(kind) <= 40 and re.fullmatch(r"image/[a-z+.-]+", kind)
    return bool(
        kinds and isinstance(data, str) and re.fullmatch(r"[A-Za-z0-9+/=\s]*", data)
    )


def as_handed_out(known: dict[str, Released], error: str) -> NotebookNode:
    """Return the notebook as the students got it, headed by why theirs was not read."""
    # The reason may quote the student's file, and Markdown may hold HTML.
    reason = html.escape(error, quote=False)
    notice = v4.new_markdown_cell(f"**This file could not be graded.** {reason}")
    cells = [notice, *(cell.cell() for cell in known.values())]
    return v4.new_notebook(cells=cells, metadata=nbformat.from_dict(METADATA))
