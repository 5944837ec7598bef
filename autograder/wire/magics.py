"""Cells as plain Python, without the lines that only IPython knows."""

import ast
import re

#: A line, or a part of one, that may be IPython's and not Python's.
MAGIC = re.compile(r"(?m)^[ \t]*[%!?]|\?[ \t]*$|=[ \t]*[%!]")
_NAMES = re.compile(r"[\w, \t]+")


def has_magics(source: str) -> bool:
    """Return whether a cell is no Python, and may be IPython's."""
    return bool(MAGIC.search(source)) and not _parses(source)


def plain(source: str) -> str:
    """Return a cell in which ``pass`` stands for each line that only IPython knows, and
    an empty list for what such a line would give a name to; one that is Python as it is."""
    if not has_magics(source):
        return source
    return "\n".join(map(without_magic, source.splitlines()))


def without_magic(line: str) -> str:
    """Return a line of a cell in plain Python."""
    name, gives, what = line.partition("=")
    if gives and what.lstrip().startswith(("%", "!")) and _NAMES.fullmatch(name):
        return f"{name}= []"
    said = line.strip()
    if not (said.startswith(("%", "!", "?")) or said.endswith("?")):
        return line
    return line[: len(line) - len(line.lstrip())] + "pass"


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except Exception:
        return False
    return True
