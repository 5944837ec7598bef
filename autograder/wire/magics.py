"""Cells as plain Python, without what only IPython knows: the same on every machine, whether
IPython is there or not."""

import ast
import re
import warnings

#: Magics that run the code below them, or behind them; what they measure is nobody's here.
RUNNING = ("time", "timeit", "capture", "prun")

#: Of so many lines each is looked at where Python's parser stumbles over it; of more all are.
_MOST_LINES = 50
#: What only IPython knows, if anything, is in a cell that holds one of these.
MAY_BE = re.compile(
    r"(?m)^[ \t]*[%!?/,;]|\?[ \t]*$|=[ \t]*[%!]|\A(?:[ \t]*\n)*(?:[ \t]|>>>|In \[)"
)
#: A line that calls what stands first, with the rest.
_CALL = re.compile(r"([ \t]*)([/,;])[ \t]*([\w.]+)(.*)")
_NAMES = re.compile(r"[\w, \t]+")
_OPTIONS = re.compile(r"(?:-\w+\s+(?:\d+\s+)?)+")
#: What a session that is shown begins its lines with: the first, and all of them.
_PROMPTS = (
    (re.compile(r">>>(?: |$)"), re.compile(r"(?:>>>|\.\.\.)(?: |$)")),
    (re.compile(r"In \[\d+\]: ?"), re.compile(r"In \[\d+\]: ?|[ \t]*\.{3,}: ?")),
)


def plain(source: str) -> str:
    """Return a cell in Python, line by line; one that is Python already as it is.

    ``pass`` stands for lines that only IPython knows, and for a cell under a magic that is
    not of Python; code behind one of ``RUNNING`` for itself. As in IPython a cell may be
    indented, or have a session's prompts."""
    if not MAY_BE.search(source) or _stumbles_at(source) is None:
        return source
    lines = _without_prompts(source.split("\n"))
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if not is_run(lines[first]):
            return "pass"
        lines[first] = ""
        lines = _without_prompts(lines)
    for _ in range(_MOST_LINES):
        at = _stumbles_at("\n".join(lines))
        if at is None:
            return "\n".join(lines)
        if not 0 < at <= len(lines) or not _replace(lines, at - 1):
            break
    # Something in it is broken: what lies around that may be of use without magics.
    for at in range(len(lines)):
        _replace(lines, at)
    return "\n".join(lines)


def is_run(line: str) -> bool:
    """Return whether a cell that begins with this line is run."""
    return not line.startswith("%%") or line[2:].split(" ")[0].strip() in RUNNING


def _stumbles_at(source: str) -> int | None:
    """Return the line, from 1 on, at which this is no Python, None for Python and for what
    has no such line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except SyntaxError as error:
        return error.lineno or 0
    except Exception:
        return None
    return None


def _without_prompts(lines: list[str]) -> list[str]:
    """Return the lines without the indentation of the first, and without prompts."""
    first = next(filter(str.strip, lines), "")
    indent = first[: len(first) - len(first.lstrip())]
    lines = [line.removeprefix(indent) for line in lines]
    for begins, each in _PROMPTS:
        if begins.match(first.lstrip()):
            return [
                each.sub("", line, 1) if each.match(line) else line for line in lines
            ]
    return lines


def _replace(lines: list[str], at: int) -> bool:
    """Put Python in the place of a line, and of those that it goes on in; return whether
    that is another line then."""
    end, whole = at, lines[at]
    while whole.endswith("\\") and end + 1 < len(lines):
        end += 1
        whole = whole[:-1] + lines[end]
    made = _in_python(whole)
    if made == whole:
        return False
    lines[at : end + 1] = [made, *[""] * (end - at)]
    return True


def _in_python(line: str) -> str:
    """Return a line of a cell in plain Python."""
    said = line.strip()
    if said.startswith("#"):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    name, gives, what = said.partition("=")
    if gives and what.lstrip().startswith(("%", "!")) and _NAMES.fullmatch(name):
        none = "[]" if what.lstrip().startswith("!") else "None"
        return f"{indent}{name}= {_behind(what.strip(), 'eval') or none}"
    if said.startswith("%"):
        return indent + (_behind(said, "exec") or "pass")
    if said.startswith(("!", "?")) or (said.endswith("?") and "#" not in said):
        return f"{indent}pass"
    if call := _CALL.fullmatch(line):
        indent, how, name, rest = call.groups()
        words = rest.split()
        if how == ",":
            words = [repr(word) for word in words]
        return (
            f"{indent}{name}({repr(rest.strip()) if how == ';' else ', '.join(words)})"
        )
    return line


def without_options(code: str) -> str:
    """Return what stands behind a magic's name without options, such as ``-n 10``."""
    options = _OPTIONS.match(code)
    return code[options.end() :] if options else code


def _behind(said: str, mode: str) -> str | None:
    """Return the code behind one of ``RUNNING``, without options; None for another."""
    name, _, code = said[1:].partition(" ")
    if not said.startswith("%") or name not in RUNNING:
        return None
    code = without_options(code.strip())
    try:
        ast.parse(code, mode=mode)
    except Exception:
        return None
    return code
