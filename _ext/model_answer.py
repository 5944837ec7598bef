"""The model answer of a chapter's open question, from its one home in ``solutions/``.

A class edition is the repository without ``solutions/``; its pages have no answers.
"""

import re
from pathlib import Path

from autograder.course.source import read_source

MARK_SCHEME = re.compile(
    r"=== BEGIN MARK SCHEME ===.*?=== END MARK SCHEME ===", re.DOTALL
)


def open_questions(path: Path) -> list[tuple[str, str]]:
    """Return the title and the model answer (MyST, without the mark scheme) of each
    question in words that a source of ``solutions/`` asks; none if there is no file."""
    if not path.is_file():
        return []
    found, title = [], ""
    for cell in read_source(path).cells:
        if cell.cell_type != "markdown":
            continue
        if "free_response" in cell.metadata:
            found.append((title, MARK_SCHEME.sub("", cell.source).strip()))
        elif headings := re.findall(r"(?m)^#+\s+(.*)$", cell.source):
            title = headings[-1]
    return found


def as_markdown(path: Path) -> list[str]:
    """Return the lines, in MyST, that hold the model answers of a source under a click."""
    lines: list[str] = []
    for title, answer in open_questions(path):
        lines += [
            "",
            f"The notebook ends with a question to be answered in words, *{title}*. Write "
            "your own answer before you open this one.",
            "",
            "``````{dropdown} A model answer",
            *answer.splitlines(),
            "``````",
        ]
    return lines
