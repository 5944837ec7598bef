"""Notebooks as the door writes them."""

import nbformat
from nbformat import NotebookNode


def written(notebook: NotebookNode) -> str:
    """Return the text of a notebook's file, in ASCII: it holds images, and one character
    beyond it would make each of theirs take four bytes."""
    text = str(nbformat.writes(notebook, version=4, ensure_ascii=True))
    return text + "\n"
