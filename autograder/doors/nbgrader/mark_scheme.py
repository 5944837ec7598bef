"""The mark scheme of a written answer, beside the answer, for whoever grades by hand."""

import json
import re
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, v4
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearMarkScheme
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool

from autograder.doors.nbgrader.formgrader import read_all_dates_carefully
from autograder.doors.nbgrader.images import PageExporter
from autograder.submission.notebook import cell_source

_SCHEME = re.compile(
    r"(?ms)^[^\n]*BEGIN MARK SCHEME[^\n]*\n(.*?)^[^\n]*END MARK SCHEME[^\n]*\n?"
)
NO_SCHEME = (
    "*The mark scheme is not in `{path}`: run `python -m autograder build` to have it "
    "here.*"
)


class ShownMarkScheme(Preprocessor):
    """Adds mark scheme and model answer below each written answer of a page of
    formgrader's. They come from the source notebook, which no student has; to a page that
    is not formgrader's nothing is added."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Formgrader makes its exporter, which makes this, before any page.
        read_all_dates_carefully()
        PageExporter.take_over(self.parent)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        # What formgrader, and nothing else, says of the page that it asks for.
        if not resources.get("submission_id") or not resources.get("notebook_path"):
            return nb, resources
        course = CourseDirectory(config=self.config)
        names = resources["assignment_id"], resources["notebook_id"]
        folder = course.format_path(course.source_directory, ".", names[0])
        path = Path(folder) / f"{names[1]}.ipynb"
        sources = _sources(path)
        cells: list[NotebookNode] = []
        for cell in nb.cells:
            cells.append(cell)
            if cell.cell_type == "markdown" and is_grade(cell) and is_solution(cell):
                shown = _shown(sources.get(cell.metadata.nbgrader.grade_id, ""))
                told = shown or NO_SCHEME.format(path=path)
                cells.append(v4.new_markdown_cell(told))
        nb.cells = cells
        return nb, resources


class WithoutMarkScheme(ClearMarkScheme):
    """nbgrader's ``ClearMarkScheme``, for the solution that students get: a mark scheme
    stands in the cell of a written answer, where nbgrader expects one in task cells only."""

    enforce_metadata = Bool(False).tag(config=True)


def _sources(path: Path) -> dict[str, str]:
    """Return the source notebook's texts by identity; none where there is no notebook."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
    except (OSError, ValueError, KeyError):
        return {}
    return {
        cell["metadata"].get("nbgrader", {}).get("grade_id", ""): cell_source(cell)
        for cell in cells
    }


def _shown(source: str) -> str:
    """Return a source cell's mark scheme and model answer, as Markdown; "" without one."""
    scheme = "\n\n".join(found.strip() for found in _SCHEME.findall(source))
    if not scheme:
        return ""
    answer = _SCHEME.sub("", source).strip()
    return (
        f"**Mark scheme**\n\n{scheme}\n\n"
        f"<details><summary>Model answer</summary>\n\n{answer}\n\n</details>"
    )
