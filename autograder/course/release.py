"""From nbgrader's source notebooks to those that students get."""

import logging
import re
import tempfile
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, reads, writes

from autograder.contract.here import real_path
from autograder.course.settings import odd_in
from autograder.course.source import BEGIN, END, BuildError


def release_text(source: NotebookNode, chapter: str, root: Path) -> str:
    """Return the students' notebook as text: what ``nbgrader generate_assignment``,
    with the settings of ``root``, makes of the source. The gradebook is not touched.

    Raises ``BuildError`` when nbgrader fails, and when a solution is left in it."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    with tempfile.TemporaryDirectory() as folder:
        work = real_path(folder)
        if odd := odd_in(work):
            raise BuildError(
                f"The folder for temporary files, {work.parent}, has {odd}; set TMPDIR to "
                "another one."
            )
        config = settings(root)
        config.CourseDirectory.root = str(work)
        config.CourseDirectory.assignment_id = chapter
        config.CourseDirectory.db_url = f"sqlite:///{work / 'gradebook.db'}"
        # Of a folder that is gone in a moment nobody shares anything.
        config.CourseDirectory.groupshared = False
        config.SaveCells.enabled = False
        config.GenerateAssignment.no_database = True
        course = CourseDirectory(config=config)
        paths = [
            Path(course.format_path(step, ".", chapter)) / f"{chapter}.ipynb"
            for step in (course.source_directory, course.release_directory)
        ]
        paths[0].parent.mkdir(parents=True)
        paths[0].write_text(writes(source), encoding="utf-8")
        _generate(GenerateAssignment(coursedir=course, config=config), chapter)
        text = paths[1].read_text(encoding="utf-8").rstrip() + "\n"
    _assert_no_answer_in(text, source, chapter)
    return text


def settings(root: Path) -> Any:
    """Return the settings of ``nbgrader_config.py``. Raises ``BuildError``."""
    from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

    try:
        return PyFileConfigLoader("nbgrader_config.py", str(root)).load_config()
    except ConfigFileNotFound:
        raise BuildError(
            f"There is no nbgrader_config.py in {root}; "
            "build in the folder that holds solutions/."
        ) from None


def _generate(converter: Any, chapter: str) -> None:
    said: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log, level = converter.log, converter.log.level
    log.addHandler(handler)
    log.setLevel(logging.ERROR)
    log.propagate, propagated = False, log.propagate
    try:
        converter.start()
    except Exception as error:
        told = "\n".join([str(error), *said])
        raise BuildError(f"nbgrader generate_assignment {chapter}: {told}") from error
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagated


def _assert_no_answer_in(text: str, source: NotebookNode, chapter: str) -> None:
    """Raise ``BuildError`` when an answer cell kept its answer."""
    released = {cell.id: cell.source for cell in reads(text, as_version=4).cells}
    for cell in source.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            regions = re.findall(rf"(?s){BEGIN}\n(.*?)\n *{END}", cell.source)
            left = [r for r in regions or [cell.source] if r in released[cell.id]]
            if left or cell.source == released[cell.id]:
                raise BuildError(f"{chapter}: the answer stays in cell {cell.id!r}.")
    if marks := re.findall(r"(?:BEGIN|END) (?:SOLUTION|MARK SCHEME)", text):
        raise BuildError(f"{chapter}: {marks[0]} stays in the students' notebook.")
