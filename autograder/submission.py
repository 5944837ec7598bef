"""Reads a student's file, notebook or script, into cells; says what is wrong."""

import ast
import hashlib
import io
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.text import clean, one_line

MAX_BYTES = 20 * 2**20
#: Python's parser takes about a thousand times the memory of the code it reads.
MAX_CODE = 300_000
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
    file, too much code, another ending, a notebook of a format before 4, and a file to
    which a link leads out of the folder ``within``."""
    path = Path(path)
    if path.suffix == ".py":
        text, digest = _text(path, within)
        _bound(len(text), path.name)
        return Submission(clean(path.name), tuple(_script_cells(text)), True, digest)
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
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
    except UnicodeDecodeError:
        raise SubmissionError(
            f"{path.name} is not UTF-8 text; save it as UTF-8."
        ) from None
    except OSError as error:
        raise SubmissionError(
            f"{path.name} cannot be read: {error.strerror}."
        ) from None
    if not text.strip():
        raise SubmissionError(f"{path.name} is empty; did the upload fail?")
    return text, hashlib.sha256(data).hexdigest()


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
    code = [
        (number, cell, cell_grade_id(cell))
        for number, cell in enumerate(cells, start=1)
        if isinstance(cell, dict) and _cell_type(cell) == "code"
    ]
    _bound(sum(len(cell_source(cell)) for _, cell, _ in code), name)
    # Of copies of a cell, which share its identity, the last is the original's heir.
    last = {grade_id: number for number, _, grade_id in code}
    script = is_script(notebook)
    read = [_cell(n, cell, g if last[g] == n else "", script) for n, cell, g in code]
    digest = digest or hashlib.sha256(json.dumps(notebook).encode()).hexdigest()
    return Submission(clean(name), tuple(read), script, digest)


def _bound(characters: int, name: str) -> None:
    if characters > MAX_CODE:
        raise SubmissionError(
            f"{name} holds {characters:,} characters of code; expected at most "
            f"{MAX_CODE:,}. Was data or output pasted into it? Take it out, save the "
            "file and submit it again."
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


def cell_source(cell: dict[str, Any]) -> str:
    """Return a cell's text; a file holds it as one string or as a list of lines."""
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
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
    """Return a script's cells: its ``# %%`` parts; where the syntax of one is broken,
    its top-level blocks, so that a syntax error costs only the block it stands in."""
    parts = re.split(r"(?m)^(?=# %%)", text)
    sources: list[str] = []
    for part in parts:
        sources += [part] if _parses(part) else _blocks(part)
    return [Cell(n, s) for n, s in enumerate(sources, start=1) if s.strip()]


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _blocks(source: str) -> list[str]:
    """Return runs of lines that each start at column 0, joined until they parse."""
    lines = source.splitlines(keepends=True)
    starts = [
        i
        for i, line in enumerate(lines)
        if re.match(r"[A-Za-z_@]", line) and line.strip()
    ]
    edges = [0, *[i for i in starts if i > 0], len(lines)]
    pieces = ["".join(lines[a:b]) for a, b in itertools.pairwise(edges)]
    blocks: list[str] = []
    for piece in pieces:
        # A decorator, an else or an except belongs to the lines above or below it.
        if blocks and not _parses(blocks[-1]) and _parses(blocks[-1] + piece):
            blocks[-1] += piece
        else:
            blocks.append(piece)
    return blocks
