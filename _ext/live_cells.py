"""Cells of chapters that their reader edits and runs in the page (assets/live/cells.js).

``live_cells.json`` records which can: ``python -m tests.live_cells --record`` runs all of
them in a page's Python and writes it. A cell that changed since, or stands below one that
did, has no button.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from live import FOLDER, judged_in
from myst_nb.core.read import myst_nb_reader_plugin
from nbformat import NotebookNode
from sphinx.application import Sphinx

RECORD = Path(__file__).with_suffix(".json")


def code_cells(path: Path) -> list[tuple[int, NotebookNode]]:
    """Return a page's code cells, each with its place among all cells of the page."""
    cells = enumerate(myst_nb_reader_plugin(str(path)).cells)
    return [(index, cell) for index, cell in cells if cell.cell_type == "code"]


def digests(sources: Iterable[str]) -> Iterator[str]:
    """Yield, for each cell, a digest of its source and of all sources above it."""
    sha = hashlib.sha256()
    for source in sources:
        sha.update(source.encode() + b"\0")
        yield sha.hexdigest()[:8]


def recorded(page: str) -> dict[str, list[str]]:
    """Return the digests of a page's cells that run in a page and agree with the book
    (``run``), and of those that fail there or take too long (``skip``)."""
    record = json.loads(RECORD.read_text("utf-8")) if RECORD.is_file() else {}
    return {"run": [], "skip": []} | record.get(page, {})


def shown(doctree: nodes.document) -> list[tuple[int, bool]]:
    """Return, for each cell that the page shows, its place in the notebook, and whether
    its source is there to be edited and no exercise's editor stands below it."""
    found = []
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            code = next(iter(cell.findall(nodes.literal_block)), None)
            inputs = cell.findall(nodes.container)
            has = any(each.get("nb_element") == "cell_code_source" for each in inputs)
            own = has and code is not None and judged_in(code.astext()) is None
            found.append((cell["cell_index"], own))
    return found


def cells_for(path: Path, page: str, places: list[tuple[int, bool]]) -> list[dict]:
    """Return what the page's script must know of each code cell, in order: ``source``;
    ``skip``, true where it is not to be run before others; ``place``, its number among
    the page's cells if it has a button, else None."""
    known, cells = recorded(page), code_cells(path)
    place_of = {index: n for n, (index, own) in enumerate(places) if own}
    marks = digests(cell.source for _, cell in cells)
    return [
        {
            "source": cell.source,
            "skip": mark in known["skip"],
            "place": place_of.get(index) if mark in known["run"] else None,
        }
        for (index, cell), mark in zip(cells, marks, strict=True)
    ]


def add_buttons(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Write a page's cells beside it, and let it load the script, if one has a button."""
    if doctree is None or not page.startswith("chapters/"):
        return
    cells = cells_for(Path(app.env.doc2path(page)), page, shown(doctree))
    numbers = [cell["place"] for cell in cells if cell["place"] is not None]
    if not numbers:
        return
    path = Path(app.outdir, FOLDER, f"cells/{page}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(cells), encoding="utf-8")
    marks = {"data-page": page, "data-cells": ",".join(map(str, numbers))}
    app.add_js_file("live/cells.js", loading_method="defer", **marks)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add_buttons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
