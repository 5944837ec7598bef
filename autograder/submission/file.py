"""Reads a student's file, notebook or script, and says what is wrong with it."""

import hashlib
import os
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

from autograder.submission.cells import Submission, SubmissionError
from autograder.submission.notebook import read_notebook
from autograder.submission.script import script_cells
from autograder.submission.skim import NOTEBOOK, skim
from autograder.wire.text import clean, holds_more_items

MAX_BYTES = 20 * 2**20
#: Brackets and commas in a notebook's JSON, outside its texts: were all of them in what is
#: needed of it, 100 MB when parsed.
MAX_ITEMS = 400_000


def read_submission(
    path: str | Path,
    within: Path | None = None,
    known: Collection[str] | None = None,
) -> Submission:
    """Return the submission in a .ipynb or .py file; of a notebook's cells those have an
    identity that exercises of the ``known`` names have, None: all that say so.

    Raises ``SubmissionError`` for a missing, empty, unreadable, truncated or oversized
    file, too many cells, too much code or text, another ending, a notebook of a format
    before 4, and a file to which a link leads out of the folder ``within``."""
    path = Path(path)
    return submission_of(path.name, bytes_of(path, within), known)


def submission_of(
    name: str, data: bytes, known: Collection[str] | None = None
) -> Submission:
    """Return the submission in the bytes of a file of that name. Takes and raises like
    ``read_submission``."""
    digest = hashlib.sha256(data).hexdigest()
    if Path(name).suffix == ".py":
        return Submission(
            clean(name), script_cells(_text(data, name), name), True, digest
        )
    return read_notebook(_notebook(data, name), name, digest, known)


def load_notebook(path: str | Path, within: Path | None = None) -> tuple[Any, str]:
    """Return what is needed of the data in a notebook's file, and the file's digest;
    ``read_notebook`` says whether it is a notebook.

    Raises ``SubmissionError`` when the file holds no JSON, or is not ``within``."""
    path = Path(path)
    data = bytes_of(path, within)
    return _notebook(data, path.name), hashlib.sha256(data).hexdigest()


def leads_out(path: Path, within: Path) -> bool:
    """Whether links in ``path`` lead to a place outside ``within``, which has none."""
    try:
        return not path.resolve().is_relative_to(within)
    except (OSError, RuntimeError, ValueError):  # links in a circle
        return True


def own_folder(folder: Path) -> Path:
    """Return where the files of ``<step>/<student>/<assignment>`` must really be."""
    return Path(os.path.realpath(folder.parents[1])) / folder.parent.name


def digest_of(path: Path, within: Path | None = None) -> str:
    """Return the digest of a file's bytes. Raises like ``read_submission`` for what is no
    file, larger than one may be, or not ``within``."""
    return hashlib.sha256(bytes_of(path, within)).hexdigest()


def called(path: Path) -> str:
    """Return what errors call a file: its name, or what a very long one begins with."""
    return path.name if len(path.name) <= 100 else f"{path.name[:60]}…"


def bytes_of(path: Path, within: Path | None = None) -> bytes:
    """Return what the file holds. Raises ``SubmissionError`` for what is no notebook or
    script by its name, no file, larger than one may be, or not ``within``."""
    name = called(path)
    found = _looked_at(path, name)
    if within is not None and found and leads_out(path, within):
        raise SubmissionError(
            f"{name} is reached by a link out of the student's own folder; "
            "expected the file itself, so copy it there if it is the student's work."
        )
    if found is None or not stat.S_ISREG(found.st_mode):
        what = "does not exist"
        if found is not None:
            what = "is a folder" if stat.S_ISDIR(found.st_mode) else "is not a file"
        raise SubmissionError(f"{name or path} {what}; expected a .ipynb or .py file.")
    if path.suffix not in (".ipynb", ".py"):
        raise SubmissionError(
            f"{name} ends in {path.suffix!r}; expected .ipynb or .py."
        )
    if found.st_size > MAX_BYTES:
        raise SubmissionError(
            f"{name} is larger than {MAX_BYTES >> 20} MB; "
            "clear its outputs and save it."
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(name, error) from None


def _looked_at(path: Path, name: str) -> os.stat_result | None:
    """Return what the system says of a file, a link to it followed; None where there is
    none. Raises ``SubmissionError`` where it does not say: what leads there, or the name,
    may be anything."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            os.scandir(path).close()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    return found


def _unreadable(name: str, error: OSError | ValueError) -> SubmissionError:
    why = error.strerror if isinstance(error, OSError) else error
    return SubmissionError(f"{name} cannot be read: {why}.")


def _text(data: bytes, name: str) -> str:
    _expect_something(data, name)
    # In bytes: one character may make each of a text's take four.
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _not_text(name) from None


def _notebook(data: bytes, name: str) -> Any:
    """Return what is needed of a notebook."""
    _expect_something(data, name)
    if holds_more_items(data, MAX_ITEMS):
        raise SubmissionError(
            f"{name} holds more than {MAX_ITEMS:,} numbers, texts and lists; an "
            "exercise's notebook holds a few thousand. Clear its outputs, take out empty "
            "cells, save it and submit it again."
        )
    try:
        return skim(data, NOTEBOOK)
    except UnicodeDecodeError:
        raise _not_text(name) from None
    except (ValueError, RecursionError) as error:
        raise SubmissionError(
            f"{name} is not a complete notebook ({error}); was it cut off? "
            "Open it in Jupyter, save it and submit it again."
        ) from None


def _expect_something(data: bytes, name: str) -> None:
    if re.fullmatch(rb"(\xef\xbb\xbf)?\s*", data):
        raise SubmissionError(f"{name} is empty; did the upload fail?")


def _not_text(name: str) -> SubmissionError:
    return SubmissionError(f"{name} is not UTF-8 text; save it as UTF-8.")
