"""Reads a notebook's cells from the data in its file, which may be anything."""

import hashlib
import json
import re
from collections.abc import Collection
from typing import Any

from autograder.submission.cells import (
    Cell,
    Submission,
    SubmissionError,
    bound,
    bound_cells,
    bound_code,
)
from autograder.wire.text import clean

#: A long essay has 50,000; a page is made of all texts in a notebook.
MAX_TEXT = 500_000
#: In nbgrader's metadata a grade cell's id is this and the exercise's name.
GRADE_PREFIX = "check-"
#: Half of a character, which JSON can hold and UTF-8 cannot.
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_notebook(
    notebook: Any, name: str, digest: str = "", known: Collection[str] | None = None
) -> Submission:
    """Return the submission in a notebook given as a dict (nbformat 4). ``digest`` is that
    of its file; for data of no file it is computed from the data. ``known`` are the names
    of all exercises: what cells of other names say of themselves counts for nothing, as in
    a gradebook that does not have them.

    Raises ``SubmissionError`` when it is not one."""
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise SubmissionError(
            f"{name} is JSON, but not a notebook (it has no nbformat)."
        )
    if notebook["nbformat"] != 4:
        raise SubmissionError(
            f"{name} is a notebook of format {_format(notebook['nbformat'])}; "
            "expected format 4. Open it in a current Jupyter, save it and submit it again."
        )
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise SubmissionError(f"{name} is a notebook without a list of cells.")
    bound_cells(len(cells), name)
    known_ids = [_known_id(cell, known) if _is_cell(cell) else "" for cell in cells]
    # Of copies of a cell, which share its identity, the last is the original's heir.
    last = {grade_id: number for number, grade_id in enumerate(known_ids)}
    own = [g if last[g] == number else "" for number, g in enumerate(known_ids)]
    code = [
        (number, cell, grade_id)
        for number, (cell, grade_id) in enumerate(zip(cells, own, strict=True), start=1)
        if _is_cell(cell) and _cell_type(cell, grade_id, known) == "code"
    ]
    characters = sum(_length(cell) for _, cell, _ in code)
    bound_code(characters, name)
    _bound_text(sum(map(_length, filter(_is_cell, cells))) - characters, name)
    script = is_script(notebook)
    read = [_cell(n, cell, grade_id, script) for n, cell, grade_id in code]
    digest = digest or hashlib.sha256(json.dumps(notebook).encode()).hexdigest()
    return Submission(clean(name), tuple(read), script, digest)


def _bound_text(characters: int, name: str) -> None:
    advice = "Was data or a picture pasted into one? Take it out"
    bound(characters, MAX_TEXT, "characters in its text cells", advice, name)


def _format(found: Any) -> str:
    return repr(found)[:40] if isinstance(found, int | float | str) else "unknown"


def _nbgrader(cell: dict[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def cell_grade_id(cell: dict[str, Any]) -> str:
    """Return the name that nbgrader gave to the cell, "" if it has none."""
    grade_id = _nbgrader(cell).get("grade_id")
    return grade_id if isinstance(grade_id, str) else ""


def _known_id(cell: dict[str, Any], known: Collection[str] | None) -> str:
    """Return the name that nbgrader gave to the cell, "" if no exercise has it."""
    grade_id = cell_grade_id(cell)
    name = grade_id.removeprefix(GRADE_PREFIX)
    return grade_id if known is None or name in known else ""


def _cell_type(
    cell: dict[str, Any], grade_id: str, known: Collection[str] | None
) -> Any:
    """Return what the cell of this identity was when it was handed out, if it has one: an
    answer that became text by a slip of the keyboard is still an answer. Cells of an
    exercise's name were code, whatever they say now."""
    if known is not None and grade_id:
        return "code"
    was = _nbgrader(cell).get("cell_type") if grade_id else None
    return was if was in ("code", "markdown") else cell.get("cell_type")


def is_script(notebook: dict[str, Any]) -> bool:
    """Whether the notebook is a .py file in disguise (``autograder collect``)."""
    metadata = notebook.get("metadata")
    ours = metadata.get("autograder") if isinstance(metadata, dict) else None
    return isinstance(ours, dict) and ours.get("script") is True


def _is_cell(cell: Any) -> bool:
    return isinstance(cell, dict)


def _lines(cell: dict[str, Any]) -> list[str]:
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    return [line for line in lines if isinstance(line, str)]


def _length(cell: dict[str, Any]) -> int:
    return sum(map(len, _lines(cell)))


def cell_source(cell: dict[str, Any]) -> str:
    """Return a cell's text; a file holds it as one string or as a list of lines."""
    text = "".join(_lines(cell))
    return _SURROGATE.sub("\ufffd", text)


def _cell(number: int, cell: dict[str, Any], grade_id: str, script: bool) -> Cell:
    source = cell_source(cell)
    graded = None
    if grade_id.startswith(GRADE_PREFIX):
        graded = grade_id
    elif not script and re.fullmatch(r"\s*check\(\s*[\"']?\w+[\"']?\s*\)\s*", source):
        graded = source
    return Cell(number, source, graded)
