"""What somebody changed in a source notebook, in Jupyter say, is kept when it is built anew.

``course/built.json`` says of each chapter what its source notebook was when it was built.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat

from autograder.contract.here import is_file, is_there
from autograder.isolation.atomic import write_whole


def keep_aside(source: Path, root: Path) -> Path | None:
    """Return where a copy of the source notebook is kept now, None where it is what was
    built, is not there, or was built by a version that did not note it."""
    built = _built(root).get(source.stem)
    if built is None or not is_file(source) or built == _digest(source):
        return None
    number = 1
    while is_there(aside := root / "course/changed" / f"{source.stem} {number}.ipynb"):
        number += 1
    write_whole(aside, source.read_bytes())
    return aside


def note(source: Path, root: Path) -> None:
    """Note that the source notebook is what was built."""
    known = _built(root)
    if known.get(source.stem) != (now := _digest(source)):
        text = json.dumps({**known, source.stem: now}, indent=1, sort_keys=True)
        write_whole(_path(root), text + "\n")


def _path(root: Path) -> Path:
    return root / "course" / "built.json"


def _built(root: Path) -> dict[str, Any]:
    try:
        found = json.loads(_path(root).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(source: Path) -> str:
    """Return what stands for the cells and what nbgrader knows of them; Jupyter, which
    writes a notebook in its own way, changes neither."""
    try:
        cells = nbformat.read(source, as_version=4).cells
        about = [
            [cell.cell_type, cell.source, cell.metadata.get("nbgrader")]
            for cell in cells
        ]
        content = json.dumps(about, sort_keys=True).encode()
    except Exception:  # it is no notebook any more
        content = source.read_bytes()
    return hashlib.sha256(content).hexdigest()
