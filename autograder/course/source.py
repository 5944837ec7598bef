"""From solutions/ to nbgrader's source notebooks.

``solutions/<chapter>.md`` holds statement, starter and solution. What nbgrader must know
of each cell is inferred from the cell, so nobody types metadata.
"""

import ast
import re
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, v4, validate

from autograder import __version__
from autograder.contract.exercise import (
    Exercise,
    all_chapters,
    all_exercises,
    find_exercise,
)
from autograder.submission.notebook import GRADE_PREFIX

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
#: The file that students install, as ``python dev.py wheel`` makes it.
WHEEL = f"dropout_in_expectation-{__version__}-py3-none-any.whl"
INSTALL = f"""\
`check` belongs to the grader of this book. To install it, download
`{WHEEL}` from the book's first page into
the folder of this notebook, run `%pip install {WHEEL}`
in a cell, and restart the kernel.
"""
#: The notebooks' first code: without our grader, or with somebody else's package of that
#: name, it says what to do, and cells that check say that they did not.
IMPORT = "from autograder import check"
GUARDED_IMPORT = f"""\
try:
    from autograder import check, require

    require("{__version__}")
except ImportError as found:
    print(
        "Expected this book's grader, autograder {__version__}; "
        f"found: {{found}}. Run\\n"
        "    %pip uninstall -y autograder dropout_in_expectation\\n"
        "    %pip install {WHEEL}\\n"
        "in a cell, with that file from the book's first page beside this "
        "notebook, and restart the kernel."
    )

    def check(exercise):
        print(exercise, "was not checked: see what the first cell says.")
        return 0.0
"""
_IMPORT = re.compile(rf"(?m)\n*^{IMPORT}$\n*")
_CHECK = re.compile(r'check\("(\w+)"\)')


class BuildError(Exception):
    """A notebook cannot be built; the message says where, why and what to do."""


def read_source(path: str | Path) -> NotebookNode:
    """Return the notebook in a MyST file, its metadata ours and its cells without ids.

    Raises ``BuildError`` when the file is missing or not MyST."""
    import jupytext

    path = Path(path)
    try:
        # Windows' editors begin a file with a byte order mark.
        notebook = jupytext.reads(path.read_text(encoding="utf-8-sig"), fmt="md:myst")
    except (OSError, ValueError) as error:
        raise BuildError(f"{path} cannot be read: {error}") from None
    cells = [
        {"cell_type": cell.cell_type, "source": cell.source, "metadata": cell.metadata}
        for cell in notebook.cells
    ]
    return NotebookNode(
        nbformat=4,
        nbformat_minor=5,
        metadata=NotebookNode(METADATA),
        cells=[NotebookNode(cell) for cell in cells],
    )


class _Builder:
    """Gives each cell of one chapter its identity, and its metadata for nbgrader."""

    def __init__(self, chapter: str) -> None:
        self.chapter = chapter
        self.exercises = {e.name: e for e in all_exercises(chapter)}
        self.answered: list[str] = []
        self.checked: list[str] = []
        self.ids: set[str] = set()

    def build(self, notebook: NotebookNode) -> NotebookNode:
        """Return nbgrader's source notebook. Raises ``BuildError``."""
        if not self.exercises:
            known = ", ".join(all_chapters())
            raise self.error(f"the chapter has no exercises; chapters that do: {known}")
        cells = [made for cell in notebook.cells for made in self.cells(cell)]
        if "about-the-grader" not in self.ids:
            raise self.error(f"no cell says {IMPORT!r}")
        for name in self.exercises:
            if name not in self.answered:
                raise self.error(f"no cell defines {name} with {BEGIN} in its body")
            if name not in self.checked:
                raise self.error(f'no cell holds check("{name}")')
        built = NotebookNode({**notebook, "cells": cells})
        validate(built)
        return built

    def error(self, message: str) -> BuildError:
        return BuildError(f"solutions/{self.chapter}.md: {message}.")

    def cells(self, cell: NotebookNode) -> list[NotebookNode]:
        """Return the cell, built; the import of the grader becomes cells of its own."""
        rest, found = _IMPORT.subn("\n\n", cell.source)
        if cell.cell_type != "code" or not found:
            return [self.cell(cell)]
        about = v4.new_markdown_cell(INSTALL.strip())
        cells = [
            self.graded(about, "about-the-grader", locked=True),
            self.code(v4.new_code_cell(GUARDED_IMPORT.strip())),
        ]
        if rest.strip():
            cells.append(self.cell(NotebookNode({**cell, "source": rest.strip()})))
        return cells

    def cell(self, cell: NotebookNode) -> NotebookNode:
        if unknown := set(cell.metadata) - {"free_response", "points"}:
            raise self.error(f"a cell has unknown metadata {sorted(unknown)}")
        if cell.cell_type != "code":
            return self.text(cell)
        if BEGIN in cell.source or END in cell.source:
            return self.answer(cell)
        if re.search(r"(?m)^\s*check\(", cell.source):
            return self.check(cell)
        for name in self.exercises:
            if re.search(rf"(?m)^def {name}\(", cell.source):
                raise self.error(f"the cell that defines {name} has no {BEGIN}")
        return self.code(cell)

    def code(self, cell: NotebookNode) -> NotebookNode:
        number = sum(cell_id.startswith("code-") for cell_id in self.ids) + 1
        return self.made(cell, f"code-{number}", {"deletable": False})

    def answer(self, cell: NotebookNode) -> NotebookNode:
        regions = re.findall(
            rf"(?m)^\s*({re.escape(BEGIN)}|{re.escape(END)})$", cell.source
        )
        if regions != [BEGIN, END] * (len(regions) // 2):
            raise self.error(f"{BEGIN} and {END} do not alternate in\n{cell.source}")
        try:
            body = ast.parse(cell.source).body
        except SyntaxError as error:
            raise self.error(f"{error} in\n{cell.source}") from None
        found = [
            node
            for node in body
            if isinstance(node, ast.FunctionDef) and node.name in self.exercises
        ]
        if len(found) != 1:
            raise self.error(
                f"an answer cell defines one exercise; this one defines "
                f"{[node.name for node in found]}:\n{cell.source}"
            )
        self.agrees(self.exercises[found[0].name], found[0])
        self.answered.append(found[0].name)
        return self.graded(cell, found[0].name, solution=True)

    def agrees(self, exercise: Exercise, function: ast.FunctionDef) -> None:
        """Raise ``BuildError`` unless the starter has the exercise's parameters."""
        stated = exercise.call
        for argument in ast.walk(function.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        if stated != (found := f"{function.name}({ast.unparse(function.args)})"):
            raise self.error(f"the cell defines {found}; the exercise says {stated}")

    def check(self, cell: NotebookNode) -> NotebookNode:
        call = _CHECK.fullmatch(cell.source.strip())
        if call is None:
            raise self.error(
                f'check("name") stands in a cell of its own, not in\n{cell.source}'
            )
        name = call[1]
        if name not in self.exercises:
            known = ", ".join(self.exercises)
            raise self.error(f"the chapter has no exercise {name!r}; it has {known}")
        if name not in self.answered:
            raise self.error(f'no answer cell stands above check("{name}")')
        self.checked.append(name)
        points = find_exercise(name).max_score
        return self.graded(cell, GRADE_PREFIX + name, grade=True, points=points)

    def text(self, cell: NotebookNode) -> NotebookNode:
        if "free_response" in cell.metadata:
            slug, points = cell.metadata["free_response"], cell.metadata.get("points")
            if not isinstance(points, int | float) or points <= 0:
                raise self.error(f"the free response {slug!r} has no points")
            return self.graded(
                cell, str(slug), grade=True, solution=True, points=points
            )
        if "points" in cell.metadata:
            raise self.error(
                "points without free_response: checks have their own points"
            )
        heading = re.match(r"#+\s+(.*)", cell.source)
        words = re.findall(r"[a-z0-9_]+", heading[1].lower() if heading else "text")
        slug = "-".join(words)
        name, number = f"about-{slug[:40]}", 1
        while name in self.ids:
            number += 1
            name = f"about-{slug[:40]}-{number}"
        return self.graded(cell, name, locked=True)

    def graded(
        self,
        cell: NotebookNode,
        grade_id: str,
        grade: bool = False,
        solution: bool = False,
        locked: bool = False,
        points: float | None = None,
    ) -> NotebookNode:
        """Return the cell with nbgrader's metadata, complete, so that it adds none."""
        metadata: dict[str, Any] = {
            "cell_type": cell.cell_type,
            "grade": grade,
            "grade_id": grade_id,
            "locked": locked or (grade and not solution),
            "schema_version": 3,
            "solution": solution,
            "task": False,
        }
        if points is not None:
            metadata["points"] = int(points) if points == int(points) else points
        return self.made(cell, grade_id, {"nbgrader": metadata})

    def made(
        self, cell: NotebookNode, cell_id: str, metadata: dict[str, Any]
    ) -> NotebookNode:
        if not re.fullmatch(r"[\w-]{1,64}", cell_id, re.ASCII):
            raise self.error(
                f"{cell_id!r} is no cell id: letters, digits, _ and - only"
            )
        if cell_id in self.ids:
            raise self.error(f"two cells are named {cell_id!r}")
        self.ids.add(cell_id)
        if cell.cell_type == "code":
            made = v4.new_code_cell(cell.source, id=cell_id, metadata=metadata)
        else:
            made = v4.new_markdown_cell(cell.source, id=cell_id, metadata=metadata)
        return made


def source_notebook(path: Path) -> NotebookNode:
    """Return nbgrader's source notebook of ``solutions/<chapter>.md``.

    Raises ``BuildError`` where the file does not do what its exercises need."""
    return _Builder(path.stem).build(read_source(path))
