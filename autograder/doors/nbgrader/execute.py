"""nbgrader's door: its ``autograde`` with our judge in the place of the kernel.

``JudgedExecute`` replaces nbgrader's ``Execute`` step; ``JudgedExporter`` reads whatever
was handed in.
``nbgrader_config.py`` names them; all else of nbgrader stays its own.
"""

import base64
import binascii
import glob
import html
import os
import re
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Enum, Float

from autograder.contract.exercise import find_exercise
from autograder.course.notebooks import METADATA
from autograder.doors.nbgrader.ahead import GradedAhead
from autograder.doors.nbgrader.timestamps import read_dates_carefully
from autograder.doors.nbgrader.unfinished import WholeAutograde
from autograder.grading.grade import grade, not_graded
from autograder.grading.report import ExerciseResult, Report, exercise_text, wrapped
from autograder.grading.secret import SecretError, find_secret
from autograder.isolation.sandbox import MODES, Limits
from autograder.isolation.worker_handle import CellOutcome
from autograder.submission.file import (
    GRADE_PREFIX,
    Submission,
    SubmissionError,
    cell_grade_id,
    cell_source,
    is_script,
    leads_out,
    load_notebook,
    read_notebook,
)
from autograder.wire.text import one_line

NOT_HANDED_IN = (
    "*The following cells were missing from the file that was handed in; "
    "nbgrader needs them to record its scores.*"
)


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

    def cell(self) -> NotebookNode:
        return _cell(self.cell_type, self.source, {"nbgrader": dict(self.metadata)})


_TYPES = {
    "code": v4.new_code_cell,
    "markdown": v4.new_markdown_cell,
    "raw": v4.new_raw_cell,
}


def _cell(cell_type: str, source: str, metadata: dict[str, Any]) -> NotebookNode:
    return _TYPES[cell_type](source, metadata=nbformat.from_dict(metadata))


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
        return _recorded(about)
    known = _released.setdefault(application, {})
    key = about["assignment"], about["notebook"]
    if key not in known:
        known[key] = _recorded(about)
    return known[key]


def _recorded(about: Any) -> dict[str, Released]:
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


# ---- Reading what was handed in -----------------------------------------------------


class JudgedExporter(NotebookExporter):
    """Turns any file that was handed in into a notebook that nbgrader can go on with.

    Cells known to the gradebook get their metadata back; grade cells that are missing
    are added; a file that is no notebook becomes the notebook as it was handed out, and
    the reason is kept in ``unreadable`` for the judge to record. ``digests`` keeps what
    the draws follow from: the file's own bytes, which nbgrader does not hand on."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unreadable: dict[tuple[str, ...], str] = {}
        self.digests: dict[tuple[str, ...], str] = {}
        # nbgrader makes its exporter after it has found the class and before it copies.
        if hasattr(self.parent, "assignments"):
            keep_to_own_files(self.parent)
            read_dates_carefully(self.parent)
            WholeAutograde.take_over(self.parent)
            have_secret(self.parent)

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
            reason = _reason(path, error)
            self.log.warning("%s", reason)
            self.unreadable[identity(resources)] = reason
            notebook = as_handed_out(known, reason)
        return self.from_notebook_node(notebook, resources=resources, **kw)


def course_root(application: Any) -> Path | None:
    """Return the root of the course whose settings nbgrader has loaded."""
    directory = getattr(application, "coursedir", None)
    return None if directory is None else Path(directory.root)


def have_secret(converter: Any) -> None:
    """Make sure that the course has a secret, before anybody is graded.

    Raises ``NbGraderException`` for one that cannot be used: no student is to blame."""
    try:
        remarks = find_secret(course_root(converter)).remarks
    except SecretError as error:
        converter.log.error("NOBODY IS GRADED: %s", error)
        raise NbGraderException(str(error)) from None
    for remark in remarks:
        converter.log.warning("%s", remark)


def _reason(path: Path, error: Exception) -> str:
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
    nbformat.writes(notebook).encode("utf-8")
    return notebook, digest


def own_folder(folder: Path) -> Path:
    """Return where the files of ``<step>/<student>/<assignment>`` must really be."""
    return folder.parents[1].resolve() / folder.parent.name


def identity(resources: Any) -> tuple[str, ...]:
    """Return student, assignment and notebook."""
    about = resources["nbgrader"]
    return about["student"], about["assignment"], about["notebook"]


def restored(data: dict[str, Any], known: dict[str, Released]) -> NotebookNode:
    """Return a valid notebook with the cells of ``data``, in their places, and the grade
    cells that it lacks; outputs and foreign metadata are dropped."""
    cells: list[NotebookNode] = []
    seen: set[str] = set()
    left = MAX_IMAGES
    # From the end: of copies of a cell, the last keeps its identity.
    for raw in reversed(data["cells"]):
        raw = raw if isinstance(raw, dict) else {}
        claimed = cell_grade_id(raw)
        found = known.get(claimed) if claimed not in seen else None
        metadata = {} if found is None else {"nbgrader": dict(found.metadata)}
        kind = raw.get("cell_type") if found is None else found.cell_type
        if not isinstance(kind, str) or kind not in _TYPES:
            # Something stays in its place, so that cells keep their numbers.
            kind, raw = "raw", {}
        cell = _cell(kind, cell_source(raw), metadata)
        if kind == "markdown" and (images := _images(raw.get("attachments"), left)):
            cell.attachments = nbformat.from_dict(images)
            left -= sum(map(len, chain(*(image.values() for image in images.values()))))
        cells.append(cell)
        seen.add(claimed)
    cells.reverse()
    lacking = [
        cell.cell()
        for cell in known.values()
        if cell.metadata["grade"] and cell.grade_id not in seen
    ]
    if lacking:
        cells += [v4.new_markdown_cell(NOT_HANDED_IN), *lacking]
    metadata = nbformat.from_dict(METADATA)
    if is_script(data):
        metadata["autograder"] = {"script": True}
    return v4.new_notebook(cells=cells, metadata=metadata)


#: Characters of a notebook's attached images that are handed on: three large photographs.
MAX_IMAGES = 12 * 2**20


def _dict(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


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


#: So many files are left out one by one; of more, the whole folder.
_FEW = 20


def keep_to_own_files(converter: Any) -> None:
    """Have nbgrader copy the students' own files, and nothing that a link leads to.

    nbgrader copies what lies beside a notebook, follows links and opens pipes; its list
    of names to ignore also takes whole paths."""
    for folder in sorted(converter.assignments):
        unfit = unfit_files(Path(folder))
        if len(unfit) > _FEW:
            unfit = [Path(folder)]
        for path in unfit:
            converter.log.warning("Not copied, for it is no file of theirs: %s", path)
        ignored = [glob.escape(str(path)) for path in unfit]
        converter.coursedir.ignore = [*converter.coursedir.ignore, *ignored]


def unfit_files(folder: Path) -> list[Path]:
    """Return what must not be copied: pipes, devices, links out of the student's own
    folder; ``folder`` alone if it is such a link or too deep to look into."""
    own = own_folder(folder)
    if leads_out(folder, own):
        return [folder]
    try:
        found = [Path(place, f) for place, _, files in os.walk(folder) for f in files]
    except RecursionError:
        return [folder]
    return [path for path in found if leads_out(path, own) or not path.is_file()]


# ---- Grading it ---------------------------------------------------------------------


class JudgedExecute(NbGraderPreprocessor):
    """Runs the student's cells in the worker, and grades in the judge.

    Each code cell gets its outputs. Each grade cell gets the verdict as text and the
    score as its value, which is how nbgrader takes a partial score. Which cells grade,
    and what, the gradebook says, never the student's file."""

    sandbox = Enum(MODES, "auto", help="How the student's code is confined.").tag(
        config=True
    )
    cell_seconds = Float(
        Limits.cell_seconds, help="What a cell may take, in seconds of processor time."
    ).tag(config=True)
    call_seconds = Float(
        Limits.call_seconds,
        help="What a call of a function may take, in seconds of processor time.",
    ).tag(config=True)
    total_seconds = Float(
        Limits.total_seconds,
        help="What a notebook may take, in seconds of processor time.",
    ).tag(config=True)
    idle_seconds = Float(
        Limits.idle_seconds,
        help="How long a cell or a call may go without computing, in seconds.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        # The application that nbgrader runs; alone, the exporter has none above it.
        application = getattr(self.parent, "parent", None)
        released = released_cells(resources, application)
        if not is_ours(released):
            return Execute(parent=self.parent).preprocess(nb, resources)
        names = [cell.exercise for cell in released.values() if cell.exercise]
        unreadable: dict[tuple[str, ...], str] = getattr(self.parent, "unreadable", {})
        error = unreadable.pop(identity(resources), None)
        digests: dict[tuple[str, ...], str] = getattr(self.parent, "digests", {})
        digest = digests.pop(identity(resources), "")
        outcomes: dict[int, CellOutcome] = {}
        if error is not None:
            results = [not_graded(find_exercise(n), "error", error) for n in names]
            told = ""
        else:
            name = f"{resources['nbgrader']['notebook']}.ipynb"
            submission = read_notebook(nb, name, digest)
            report = self._grade(submission, identity(resources), released, application)
            results, outcomes = list(report.exercises), report.cells
            told = f"Grader {report.version}, {report.draws}."
        write_outputs(nb, {r.name: r for r in results}, outcomes, told)
        return nb, resources

    def _grade(
        self,
        submission: Submission,
        who: tuple[str, ...],
        released: dict[str, Released],
        application: Any,
    ) -> Report:
        limits = Limits(
            cell_seconds=self.cell_seconds,
            call_seconds=self.call_seconds,
            total_seconds=self.total_seconds,
            idle_seconds=self.idle_seconds,
        )
        options = {
            "exercises": [cell.exercise for cell in released.values() if cell.exercise],
            "sandbox": self.sandbox,
            "limits": limits,
            "ahead": True,
            "course": course_root(application),
        }
        found = getattr(application, "assignments", None)
        if not found:
            return grade(submission, **options)
        if application not in _ahead:
            paths = {
                (*Path(folder).parts[-2:], Path(file).stem): Path(file)
                for folder, files in found.items()
                for file in files
            }

            def read(who: tuple[str, ...]) -> Submission | None:
                try:
                    notebook, digest = handed_in(paths[who], released)
                    return read_notebook(notebook, submission.name, digest)
                except Exception:
                    # Its own turn will say what is wrong with it; not somebody else's.
                    return None

            line = [key for key in sorted(paths) if key[1:] == who[1:]]
            _ahead[application] = GradedAhead(line, read, options)
            if isinstance(application, WholeAutograde):
                application.closing.callback(_ahead[application].end)
        return _ahead[application].report(who, submission)


#: What is graded ahead, by nbgrader application; each grades one assignment.
_ahead: WeakKeyDictionary[Any, GradedAhead] = WeakKeyDictionary()


def write_outputs(
    notebook: NotebookNode,
    results: dict[str, ExerciseResult],
    outcomes: dict[int, CellOutcome],
    told: str = "",
) -> None:
    """Fill the notebook's code cells: verdicts where it grades, else what came of them.

    ``results`` are by exercise, ``outcomes`` by cell number from 1; ``told`` is a line
    that ends each verdict."""
    count = 0
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        count += 1
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id") or ""
        result = results.get(grade_id.removeprefix(GRADE_PREFIX))
        if grade_id.startswith(GRADE_PREFIX) and result is not None:
            cell.outputs = verdict_outputs(result, told, count)
            cell.execution_count = count
        elif number in outcomes:
            cell.outputs = cell_outputs(outcomes[number], count)
            cell.execution_count = count
        else:
            cell.outputs, cell.execution_count = [], None


def verdict_outputs(result: ExerciseResult, told: str, count: int) -> list[Any]:
    """Return a grade cell's outputs: the verdict, and the score for nbgrader to read."""
    text = "\n".join([exercise_text(result), *([wrapped(told, 2)] if told else []), ""])
    # Sums of steps such as 0.1 may end above the maximum, which nbgrader refuses.
    score = min(float(result.score), float(result.max_score))
    return [
        v4.new_output("stream", name="stdout", text=text),
        v4.new_output(
            "execute_result", {"text/plain": repr(score)}, execution_count=count
        ),
    ]


def cell_outputs(outcome: CellOutcome, count: int) -> list[Any]:
    """Return the outputs of a student's cell; nothing but text and PNG images."""
    outputs = [
        v4.new_output("stream", name=name, text=text)
        for name, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr))
        if text
    ]
    for image in filter(_is_png, outcome.images):
        outputs.append(v4.new_output("display_data", {"image/png": image}))
    if outcome.value is not None:
        value = {"text/plain": outcome.value}
        outputs.append(v4.new_output("execute_result", value, execution_count=count))
    if outcome.error is not None:
        kind = re.match(r"([A-Za-z_][\w.]*)(?:: |$)", outcome.error)
        name = kind[1] if kind else "NoAnswer"
        text = outcome.error[kind.end() :] if kind else outcome.error
        trace = [f"{name}: {text}" if text else name]
        outputs.append(v4.new_output("error", ename=name, evalue=text, traceback=trace))
    return outputs


def _is_png(image: str) -> bool:
    """Whether this is a PNG in base64 and nothing else: it goes into a page as it is."""
    try:
        start = base64.b64decode(image, validate=True)[:8]
    except (binascii.Error, ValueError):
        return False
    return start == b"\x89PNG\r\n\x1a\n"
