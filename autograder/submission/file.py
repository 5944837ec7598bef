"""Reads a student's file, notebook or script, into cells; says what is wrong."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.wire.text import clean, holds_more_items, one_line

MAX_BYTES = 20 * 2**20
#: Python's parser takes about a thousand times the memory of the code it reads.
MAX_CODE = 300_000
#: A long essay has 50,000; a page is made of all texts in a notebook.
MAX_TEXT = 500_000
#: An exercise's notebook has about forty, and each is run, copied and shown by itself.
MAX_CELLS = 1_000
#: Brackets and commas in a notebook's JSON, outside its texts: 100 MB when parsed.
MAX_ITEMS = 400_000
#: In nbgrader's metadata a grade cell's id is this and the exercise's name.
GRADE_PREFIX = "check-"
#: Half of a character, which JSON can hold and UTF-8 cannot.
_SURROGATE = re.compile("[\ud800-\udfff]")


class SubmissionError(Exception):
    """The file cannot be graded at all. The message says why and what to do, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


@dataclass(frozen=True)
class Cell:
    """A code cell. ``graded`` cells call ``check`` and are not the student's."""

    number: int
    source: str
    graded: str | None = None


@dataclass(frozen=True)
class Submission:
    """A student's file. ``script`` is true for a .py file, whose statements run one by
    one, so that a statement that raises does not take those below with it. ``digest``,
    in hexadecimal, follows from every byte of the file, and from nothing else."""

    name: str
    cells: tuple[Cell, ...]
    script: bool = False
    digest: str = ""

    @property
    def code(self) -> tuple[Cell, ...]:
        """The student's own cells."""
        return tuple(cell for cell in self.cells if cell.graded is None)


def read_submission(path: str | Path, within: Path | None = None) -> Submission:
    """Return the submission in a .ipynb or .py file.

    Raises ``SubmissionError`` for a missing, empty, unreadable, truncated or oversized
    file, too many cells, too much code or text, another ending, a notebook of a format
    before 4, and a file to which a link leads out of the folder ``within``."""
    path = Path(path)
    if path.suffix == ".py":
        text, digest = _text(path, within)
        _bound_code(len(text), path.name)
        cells = tuple(_script_cells(text))
        _bound_cells(len(cells), path.name)
        return Submission(clean(path.name), cells, True, digest)
    data, digest = load_notebook(path, within)
    return read_notebook(data, path.name, digest)


def load_notebook(path: str | Path, within: Path | None = None) -> tuple[Any, str]:
    """Return the data in a notebook's file, and the file's digest; ``read_notebook`` says
    whether it is a notebook.

    Raises ``SubmissionError`` when the file holds no JSON, or is not ``within``."""
    path = Path(path)
    text, digest = _text(path, within)
    return _json(text, path.name), digest


def leads_out(path: Path, within: Path) -> bool:
    """Whether links in ``path`` lead to a place outside ``within``, which has none."""
    try:
        return not path.resolve().is_relative_to(within)
    except (OSError, RuntimeError):  # links in a circle
        return True


def _text(path: Path, within: Path | None = None) -> tuple[str, str]:
    """Return a file's text, and the digest of its bytes."""
    if within is not None and path.exists() and leads_out(path, within):
        raise SubmissionError(
            f"{path.name} is reached by a link out of the student's own folder; "
            "expected the file itself, so copy it there if it is the student's work."
        )
    if not path.is_file():
        found = "does not exist"
        if path.exists():
            found = "is a folder" if path.is_dir() else "is not a file"
        raise SubmissionError(f"{path} {found}; expected a .ipynb or .py file.")
    if path.suffix not in (".ipynb", ".py"):
        raise SubmissionError(
            f"{path.name} ends in {path.suffix!r}; expected .ipynb or .py."
        )
    if path.stat().st_size > MAX_BYTES:
        raise SubmissionError(
            f"{path.name} is larger than {MAX_BYTES >> 20} MB; "
            "clear its outputs and save it."
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SubmissionError(
            f"{path.name} cannot be read: {error.strerror}."
        ) from None
    return _decoded(data, path), hashlib.sha256(data).hexdigest()


def _decoded(data: bytes, path: Path) -> str:
    if path.suffix == ".ipynb" and holds_more_items(data, MAX_ITEMS):
        raise SubmissionError(
            f"{path.name} holds more than {MAX_ITEMS:,} numbers, texts and lists; an "
            "exercise's notebook holds a few thousand. Clear its outputs, take out empty "
            "cells, save it and submit it again."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SubmissionError(
            f"{path.name} is not UTF-8 text; save it as UTF-8."
        ) from None
    if not text or text.isspace():
        raise SubmissionError(f"{path.name} is empty; did the upload fail?")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SubmissionError(
            f"{name} is not a complete notebook ({error}); was it cut off? "
            "Open it in Jupyter, save it and submit it again."
        ) from None


def read_notebook(notebook: Any, name: str, digest: str = "") -> Submission:
    """Return the submission in a notebook given as a dict (nbformat 4). ``digest`` is that
    of its file; for data of no file it is computed from the data.

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
    _bound_cells(len(cells), name)
    code = [
        (number, cell, cell_grade_id(cell))
        for number, cell in enumerate(cells, start=1)
        if _is_cell(cell) and _cell_type(cell) == "code"
    ]
    characters = sum(_length(cell) for _, cell, _ in code)
    _bound_code(characters, name)
    _bound_text(sum(map(_length, filter(_is_cell, cells))) - characters, name)
    # Of copies of a cell, which share its identity, the last is the original's heir.
    last = {grade_id: number for number, _, grade_id in code}
    script = is_script(notebook)
    read = [_cell(n, cell, g if last[g] == n else "", script) for n, cell, g in code]
    digest = digest or hashlib.sha256(json.dumps(notebook).encode()).hexdigest()
    return Submission(clean(name), tuple(read), script, digest)


def _bound_code(characters: int, name: str) -> None:
    if characters > MAX_CODE:
        raise SubmissionError(
            f"{name} holds {characters:,} characters of code; expected at most "
            f"{MAX_CODE:,}. Was data or output pasted into it? Take it out, save the "
            "file and submit it again."
        )


def _bound_text(characters: int, name: str) -> None:
    if characters > MAX_TEXT:
        raise SubmissionError(
            f"{name} holds {characters:,} characters in its text cells; expected at "
            f"most {MAX_TEXT:,}. Was data or a picture pasted into one? Take it out, "
            "save the file and submit it again."
        )


def _bound_cells(cells: int, name: str) -> None:
    if cells > MAX_CELLS:
        raise SubmissionError(
            f"{name} holds {cells:,} cells; expected at most {MAX_CELLS:,}. Take out "
            "those that hold nothing, save the file and submit it again."
        )


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


def _cell_type(cell: dict[str, Any]) -> Any:
    """Return what the cell was when it was handed out, if it says so: an answer that
    became text by a slip of the keyboard is still an answer."""
    known = _nbgrader(cell).get("cell_type") if cell_grade_id(cell) else None
    return known if known in ("code", "markdown") else cell.get("cell_type")


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


def _script_cells(text: str) -> list[Cell]:
    """Return a script's cells: its ``# %%`` parts. What is wrong with a part's syntax is
    found where it runs: Python's parser can take all memory there is."""
    parts = re.split(r"(?m)^(?=# %%)", text)
    sources = (part for part in parts if part.strip())
    return [Cell(n, source) for n, source in enumerate(sources, start=1)]
