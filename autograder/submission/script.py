"""Takes a script apart into cells."""

import re

from autograder.submission.cells import Cell, bound_cells, bound_code


def script_cells(text: str, name: str) -> tuple[Cell, ...]:
    """Return a script's cells: its ``# %%`` parts. What is wrong with a part's syntax is
    found where it runs: Python's parser can take all memory there is.

    Raises ``SubmissionError`` for too much code and too many parts in the file ``name``."""
    bound_code(len(text), name)
    parts = re.split(r"(?m)^(?=# %%)", text)
    sources = [part for part in parts if part.strip()]
    bound_cells(len(sources), name)
    return tuple(Cell(n, source) for n, source in enumerate(sources, start=1))
